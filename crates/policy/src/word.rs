//! Words of a command, as the shell reads them: quotes taken away, and what is only known at run time marked as such.

use crate::scope::Origin;

/// A part of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Atom {
    /// A character; one that is not quoted may be special.
    Char { c: char, quoted: bool },
    /// A text that is only known when the command runs; it may become several words when it is not quoted.
    Unknown { origin: Origin, splits: bool },
}

impl Atom {
    pub(crate) fn quoted(c: char) -> Self {
        Self::Char { c, quoted: true }
    }

    fn bare(self) -> Option<char> {
        match self {
            Self::Char { c, quoted: false } => Some(c),
            _ => None,
        }
    }

    pub(crate) fn is_glob(self) -> bool {
        matches!(self.bare(), Some('*' | '?' | '['))
    }
}

/// A word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) atoms: Vec<Atom>,
    /// Whether anything in it was put there by the shell: a variable, the output of a command, braces.
    pub(crate) computed: bool,
}

impl Word {
    /// A word that is what it says.
    pub(crate) fn of(text: &str) -> Self {
        Self {
            atoms: text.chars().map(Atom::quoted).collect(),
            computed: false,
        }
    }

    /// A word of which only the origin is known.
    pub(crate) fn unknown(origin: Origin, splits: bool) -> Self {
        Self {
            atoms: vec![Atom::Unknown { origin, splits }],
            computed: true,
        }
    }

    /// The text, when it is known but for patterns of file names.
    pub(crate) fn text(&self) -> Option<String> {
        self.atoms
            .iter()
            .map(|atom| match atom {
                Atom::Char { c, .. } => Some(*c),
                Atom::Unknown { .. } => None,
            })
            .collect()
    }

    /// The text, when it stands in the command as it is.
    pub(crate) fn literal(&self) -> Option<String> {
        let plain = !self.computed && !self.atoms.iter().any(|atom| atom.is_glob());
        self.text().filter(|_| plain)
    }

    /// The text for a sentence.
    pub(crate) fn shown(&self) -> String {
        self.atoms
            .iter()
            .map(|atom| match atom {
                Atom::Char { c, .. } => *c,
                Atom::Unknown { .. } => '…',
            })
            .collect()
    }

    /// Whether it may be, or bring, an option that cannot be read here.
    pub(crate) fn may_hide_option(&self) -> bool {
        let first = match self.atoms.first() {
            Some(Atom::Char { c: '-', .. }) => self.computed,
            Some(Atom::Unknown { origin, .. }) => *origin == Origin::Free,
            Some(atom) => atom.is_glob(),
            None => false,
        };
        let splits = |atom: &Atom| {
            matches!(
                atom,
                Atom::Unknown {
                    origin: Origin::Free,
                    splits: true
                }
            )
        };
        first || self.atoms.iter().any(splits)
    }

    /// Whether it holds something that is not known and is no number.
    pub(crate) fn is_dynamic(&self) -> bool {
        let unknown = |atom: &Atom| matches!(atom, Atom::Unknown { .. });
        self.atoms.iter().any(unknown)
    }
}

/// Reads a part of a word that stands without quotes. `None` when a character in it should have ended it.
pub(crate) fn unquoted(text: &str) -> Option<Vec<Atom>> {
    let mut atoms = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        atoms.push(match c {
            '\\' => Atom::quoted(chars.next().filter(|c| *c != '\n')?),
            '\'' | '"' | '$' | '`' | '<' | '>' | '|' | '&' | ';' | '(' | ')' => return None,
            c if c.is_whitespace() => return None,
            c => Atom::Char { c, quoted: false },
        });
    }
    Some(atoms)
}

/// Reads a text between single quotes, with them.
pub(crate) fn single_quoted(text: &str) -> Option<Vec<Atom>> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    (!inner.contains('\'')).then(|| inner.chars().map(Atom::quoted).collect())
}

/// Reads a text like `$'a\tb'`, with its quotes. Escapes that are written in more ways than one are not read.
pub(crate) fn ansi_c(text: &str) -> Option<Vec<Atom>> {
    let inner = text.strip_prefix("$'")?.strip_suffix('\'')?;
    let mut atoms = Vec::new();
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\'' {
            return None;
        }
        if c != '\\' {
            atoms.push(Atom::quoted(c));
            continue;
        }
        let kind = chars.next()?;
        let mut number = |radix: u32, most: usize, first: Option<char>| {
            let mut digits: String = first.into_iter().collect();
            while digits.len() < most
                && let Some(digit) = chars.next_if(|c| c.is_digit(radix))
            {
                digits.push(digit);
            }
            let code = u32::from_str_radix(&digits, radix).ok()?;
            // Beyond ASCII the shell makes bytes, which may or may not become characters; zero ends the text.
            char::from_u32(code).filter(|c| c.is_ascii() && *c != '\0')
        };
        atoms.push(Atom::quoted(match kind {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'e' | 'E' => '\u{1b}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '\\' | '\'' | '"' | '?' => kind,
            'x' => number(16, 2, None)?,
            'u' => number(16, 4, None)?,
            'U' => number(16, 8, None)?,
            '0'..='7' => number(8, 3, Some(kind))?,
            _ => return None,
        }));
    }
    Some(atoms)
}

/// How many words braces may make of one.
const MOST: usize = 64;

/// Expands braces: `a{b,c}` becomes `ab` and `ac`, and `{1..3}` something unknown.
///
/// `None` when they make too many words.
pub(crate) fn braces(word: Word) -> Option<Vec<Word>> {
    let has = |wanted: char| word.atoms.iter().any(|atom| atom.bare() == Some(wanted));
    if !(has('{') && has('}')) {
        return Some(vec![word]);
    }
    let mut done = Vec::new();
    let mut waiting = vec![word.atoms];
    let mut computed = word.computed;
    while let Some(atoms) = waiting.pop() {
        if done.len() + waiting.len() > MOST {
            return None;
        }
        match first_group(&atoms) {
            None => done.push(atoms),
            Some((open, close, parts)) => {
                computed = true;
                for part in parts.into_iter().rev() {
                    let mut made = atoms[..open].to_vec();
                    made.extend(part);
                    made.extend_from_slice(&atoms[close + 1..]);
                    waiting.push(made);
                }
            }
        }
    }
    Some(
        done.into_iter()
            .map(|atoms| Word { atoms, computed })
            .collect(),
    )
}

/// The first braces that are expanded: where they open and close, and what stands for them.
fn first_group(atoms: &[Atom]) -> Option<(usize, usize, Vec<Vec<Atom>>)> {
    for open in (0..atoms.len()).filter(|at| atoms[*at].bare() == Some('{')) {
        let (mut depth, mut commas) = (0_usize, Vec::new());
        for (at, atom) in atoms.iter().enumerate().skip(open) {
            match atom.bare() {
                Some('{') => depth += 1,
                Some(',') if depth == 1 => commas.push(at),
                Some('}') => {
                    depth -= 1;
                    if depth > 0 {
                        continue;
                    }
                    if let Some(parts) = parts(atoms, open, at, &commas) {
                        return Some((open, at, parts));
                    }
                    break;
                }
                _ => {}
            }
        }
    }
    None
}

fn parts(atoms: &[Atom], open: usize, close: usize, commas: &[usize]) -> Option<Vec<Vec<Atom>>> {
    if commas.is_empty() {
        let inner: String = atoms[open + 1..close]
            .iter()
            .filter_map(|a| a.bare())
            .collect();
        // A range; what it makes is digits or letters, of which one stands for all.
        let origin = if inner.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            Origin::Number
        } else {
            Origin::Free
        };
        let splits = false;
        return inner
            .contains("..")
            .then(|| vec![vec![Atom::Unknown { origin, splits }]]);
    }
    let mut starts = vec![open + 1];
    starts.extend(commas.iter().map(|at| at + 1));
    let ends = commas.iter().copied().chain([close]);
    Some(
        starts
            .into_iter()
            .zip(ends)
            .map(|(from, to)| atoms[from..to].to_vec())
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Vec<String> {
        let atoms = unquoted(text).expect("it has no special characters");
        let words = braces(Word {
            atoms,
            computed: false,
        })
        .expect("it is small");
        words.iter().map(Word::shown).collect()
    }

    #[test]
    fn braces_are_expanded_as_the_shell_does() {
        assert_eq!(expanded("a{b,c}d"), ["abd", "acd"]);
        assert_eq!(expanded("{a,b{c,d}}"), ["a", "bc", "bd"]);
        assert_eq!(expanded("{a,}"), ["a", ""]);
        assert_eq!(expanded("{a}{b,c}"), ["{a}b", "{a}c"]);
        assert_eq!(expanded("x{1..3}"), ["x…"]);
        assert_eq!(expanded(r"\{a,b}"), ["{a,b}"]);
        assert_eq!(expanded("{{a,b}"), ["{a", "{b"]);
    }

    #[test]
    fn escapes_are_read() {
        let read = |text| {
            ansi_c(text).map(|atoms| {
                Word {
                    atoms,
                    computed: false,
                }
                .shown()
            })
        };
        assert_eq!(read(r"$'\x72m'").as_deref(), Some("rm"));
        assert_eq!(read(r"$'\162\u006d'").as_deref(), Some("rm"));
        assert_eq!(read(r"$'it\'s'").as_deref(), Some("it's"));
        assert_eq!(read(r"$'\cA'"), None);
        assert_eq!(read(r"$'\x'"), None);
    }
}
