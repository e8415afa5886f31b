//! Which lines are code where nobody says so: by no fence, or by one of another kind.

use tree_sitter::Tree;

use super::grammar::{Grammars, comment_rows, has_sign};

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Words, or nothing that is known as code.
    Prose,
    /// Nothing.
    Blank,
    /// Code that counts so many lines: more than one where statements stand behind each other.
    Code(u32),
    /// A comment amid code.
    Comment,
}

/// Longer lines are looked at by their beginning.
const LONGEST_LINE: usize = 1000;
/// So many plain words one after the other are a sentence.
const SENTENCE: usize = 4;
/// Words that begin a line of code that needs the lines around it.
const CONNECTORS: [&str; 10] = [
    "try", "else", "elif", "except", "finally", "catch", "case", "default", "when", "do",
];
/// Statements of words alone; code where code stands beside them.
const WORDS: [&str; 11] = [
    "return", "break", "continue", "pass", "raise", "throw", "import", "from", "use", "package",
    "yield",
];

/// Words that begin a line of Python without any sign but a colon.
const HEADERS: [&str; 7] = ["for", "while", "if", "with", "class", "match", "async"];
/// A line of more words that has no sign of code is said, not written.
const FEW: usize = 3;

/// Finds the code among lines that may be anything.
pub(super) fn classify(grammars: &mut Grammars, lines: &[&str]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = lines
        .iter()
        .map(|line| {
            if line.trim().is_empty() {
                Kind::Blank
            } else {
                Kind::Prose
            }
        })
        .collect();
    let looks: Vec<Look> = lines.iter().map(|line| look(grammars, line)).collect();
    let mut at = 0;
    while at < lines.len() {
        let end = (at..lines.len())
            .find(|&index| looks[index] == Look::Prose)
            .unwrap_or(lines.len());
        // A word at the edge belongs to what is said, not to what is written.
        let inner = |index: &usize| !matches!(looks[*index], Look::Between | Look::Blank);
        if let (Some(first), Some(last)) = ((at..end).find(inner), (at..end).rfind(inner)) {
            let part = first..=last;
            group(
                grammars,
                &lines[part.clone()],
                &looks[part.clone()],
                &mut kinds[part],
            );
        }
        at = end + 1;
    }
    kinds
}

/// How a line looks before anything is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Blank,
    /// A sentence, or words without any sign of code.
    Prose,
    /// It may be code by itself.
    Signs,
    /// It is code only beside code: closing brackets, `else`, `return`.
    Beside,
    /// A few words, which are code only between code: a name, a field of a type.
    Between,
    /// `//` or `#`: a comment beside code.
    Comment,
}

fn look(grammars: &mut Grammars, line: &str) -> Look {
    let line = start(line.trim());
    if line.is_empty() {
        return Look::Blank;
    }
    if ["//", "/*", "# ", "* ", "*/"]
        .iter()
        .any(|mark| line.starts_with(mark))
    {
        return Look::Comment;
    }
    if line.chars().all(|char| "}]);,{( \t".contains(char)) {
        return Look::Beside;
    }
    let first: String = line
        .chars()
        .take_while(|char| char.is_alphanumeric())
        .collect();
    if CONNECTORS.contains(&&*first) && line.ends_with([':', '{']) {
        return Look::Beside;
    }
    if is_sentence(line) {
        return if is_prose(grammars, line) {
            Look::Prose
        } else {
            Look::Signs
        };
    }
    if has_sign(line) || HEADERS.contains(&&*first) && line.ends_with(':') {
        return Look::Signs;
    }
    if line.split_whitespace().count() > FEW || line.ends_with(['.', '!', '?', ':']) {
        return Look::Prose;
    }
    if WORDS.contains(&&*first) {
        Look::Beside
    } else {
        Look::Between
    }
}

/// Whether a line reads like a sentence and is not code all the same: `for item in items:`.
pub(super) fn is_prose(grammars: &mut Grammars, line: &str) -> bool {
    let first: String = line
        .chars()
        .take_while(|char| char.is_alphanumeric())
        .collect();
    let perhaps = has_sign(line) || HEADERS.contains(&&*first) && line.ends_with(':');
    is_sentence(line) && !(perhaps && line_is_code(grammars, line_of(line)).is_some())
}

/// Whether a line has a run of plain words as only sentences have.
fn is_sentence(line: &str) -> bool {
    let mut run = 0;
    for word in line.split_whitespace() {
        let bare = word.trim_end_matches(['.', ',', ';', ':', '!', '?']);
        let plain = !bare.is_empty()
            && bare
                .chars()
                .all(|char| char.is_alphabetic() || matches!(char, '\'' | '’' | '-'));
        run = if plain { run + 1 } else { 0 };
        if run >= SENTENCE {
            return true;
        }
        if word.ends_with(':') {
            run = 0;
        }
    }
    false
}

/// Lines one below the other of which none is a sentence.
fn group(grammars: &mut Grammars, lines: &[&str], looks: &[Look], kinds: &mut [Kind]) {
    let bare: Vec<&str> = lines.iter().map(|line| line_of(line)).collect();
    let filled = bare.iter().filter(|line| !line.trim().is_empty());
    let least = filled
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let bare: Vec<&str> = bare
        .iter()
        .map(|line| line.get(least..).unwrap_or_default())
        .collect();
    // Together they may be what none is alone: a call over several lines.
    let several = lines.len() > 1;
    let signs = looks.contains(&Look::Signs);
    if several && signs {
        let whole = bare.join("\n");
        let tree = grammars
            .telling(&whole, false)
            .or_else(|| grammars.telling(&format!("{whole} ;"), false));
        if let Some(tree) = tree {
            apply(&tree, &whole, looks, kinds);
            return;
        }
    }
    let mut found = false;
    for (index, line) in bare.iter().enumerate() {
        if looks[index] == Look::Signs
            && let Some(count) = line_is_code(grammars, line)
        {
            kinds[index] = Kind::Code(count);
            found = true;
        }
    }
    if !found {
        return;
    }
    // What stands beside code and looks like a part of it is one.
    let step = |kinds: &mut [Kind], index: usize, beside: usize| {
        if kinds[index] != Kind::Prose || !matches!(kinds[beside], Kind::Code(_) | Kind::Comment) {
            return;
        }
        kinds[index] = match looks[index] {
            Look::Comment => Kind::Comment,
            Look::Beside => Kind::Code(1),
            Look::Signs if is_symbolic(bare[index]) => Kind::Code(1),
            _ => return,
        };
    };
    for index in 1..kinds.len() {
        step(kinds, index, index - 1);
    }
    for index in (1..kinds.len()).rev() {
        step(kinds, index - 1, index);
    }
    // Names and fields, with code before and behind.
    let is_code = |kind: &Kind| matches!(kind, Kind::Code(_) | Kind::Comment);
    let soft = |kinds: &[Kind], index: usize| {
        kinds[index] == Kind::Prose && matches!(looks[index], Look::Between | Look::Signs)
    };
    for index in 1..kinds.len() {
        let behind = (index..kinds.len()).find(|&next| !soft(kinds, next));
        if soft(kinds, index)
            && is_code(&kinds[index - 1])
            && behind.is_some_and(|behind| is_code(&kinds[behind]))
        {
            kinds[index] = Kind::Code(1);
        }
    }
}

/// Takes over what a tree says of lines that are code together.
fn apply(tree: &Tree, text: &str, looks: &[Look], kinds: &mut [Kind]) {
    let comments = comment_rows(tree, text);
    let crowded = super::grammar::crowded_rows(tree, kinds.len());
    for (row, kind) in kinds.iter_mut().enumerate() {
        if looks[row] == Look::Blank {
            continue;
        }
        *kind = if comments.get(row).copied().unwrap_or(false) {
            Kind::Comment
        } else {
            Kind::Code(1 + crowded[row])
        };
    }
}

/// How many lines of code a line is; `None` when it is none.
pub(super) fn line_is_code(grammars: &mut Grammars, line: &str) -> Option<u32> {
    if let Some(count) = piece_is_code(grammars, line) {
        return Some(count);
    }
    // "Change it to: return cache.get(key)".
    let (_, rest) = line.split_once(": ")?;
    let rest = line_of(rest);
    if has_sign(rest) {
        piece_is_code(grammars, rest)
    } else {
        None
    }
}

fn piece_is_code(grammars: &mut Grammars, line: &str) -> Option<u32> {
    let whole = completed(cut(line));
    if whole.is_empty() {
        return None;
    }
    let mut variants = vec![whole.clone()];
    if !whole.ends_with([';', '}']) {
        variants.push(format!("{whole} ;"));
    }
    if whole.ends_with(':') {
        variants.push(format!("{whole}\n    pass"));
    }
    if whole.ends_with("{}") {
        variants.push(format!("class X {{ {whole} }}"));
    }
    if whole.contains("=>") && whole.contains(['(', '{']) {
        variants.push(format!("match x {{ {whole} }}"));
    }
    variants.iter().find_map(|variant| {
        let tree = grammars.telling(variant, false)?;
        let crowded = super::grammar::crowded_rows(&tree, variant.lines().count());
        Some(1 + crowded.first().copied().unwrap_or(0))
    })
}

/// A line with the brackets closed that it opens, and without those that close what stands before it.
fn completed(line: &str) -> String {
    let line = line
        .trim()
        .trim_start_matches(['}', ')', ']', ',', ';', ' ']);
    let mut open = Vec::new();
    let mut kept = String::with_capacity(line.len() + 4);
    let mut quote = None;
    let mut escaped = false;
    for char in line.chars() {
        match (quote, char) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(mark), _) if char == mark => quote = None,
            (Some(_), _) => {}
            (None, '"' | '`') => quote = Some(char),
            (None, '(') => open.push(')'),
            (None, '[') => open.push(']'),
            (None, '{') => open.push('}'),
            (None, ')' | ']' | '}') if open.pop() != Some(char) => {
                // It closes what stands before this line, and so does all that follows.
                break;
            }
            _ => {}
        }
        kept.push(char);
    }
    kept.extend(open.into_iter().rev());
    kept
}

/// Whether a line has signs as code has them, not only brackets around words.
fn is_symbolic(line: &str) -> bool {
    let mut before = ' ';
    let called = line.chars().any(|char| {
        let called = char == '(' && (before.is_alphanumeric() || before == '_' || before == '!');
        before = char;
        called
    });
    called
        || line.contains(['=', ';', '{', '}', '[', ']', '<', '>', '_', '@'])
        || line.contains("::")
}

/// A line without what Markdown and HTML put before code.
pub(super) fn line_of(line: &str) -> &str {
    let line = start(line);
    // The indentation stays, since Python reads it; what is left of a list does not matter.
    line.trim_end()
}

fn start(line: &str) -> &str {
    let mut rest = line;
    loop {
        let inner = rest.trim_start();
        let number = inner.trim_start_matches(|char: char| char.is_ascii_digit());
        let next = if let Some(next) = inner.strip_prefix('>') {
            next
        } else if let Some(next) = ["- ", "* ", "+ ", "• "]
            .iter()
            .find_map(|mark| inner.strip_prefix(mark))
        {
            next
        } else if number.len() < inner.len()
            && let Some(next) = number
                .strip_prefix(". ")
                .or_else(|| number.strip_prefix(") "))
        {
            next
        } else if let Some(next) = ["<pre>", "<code>", "</pre>", "</code>"]
            .iter()
            .find_map(|tag| inner.strip_prefix(tag))
        {
            next
        } else {
            return rest;
        };
        rest = next;
    }
}

fn cut(line: &str) -> &str {
    let end = line
        .char_indices()
        .map(|(at, _)| at)
        .find(|at| *at >= LONGEST_LINE)
        .unwrap_or(line.len());
    &line[..end]
}
