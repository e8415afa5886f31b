//! From the literals of the syntax tree to words, with everything in them that runs.

use tree_sitter::Node;

use crate::{
    scope::{Origin, Scope, Value},
    shell::{Unread, Walker, children, named},
    verdict::Rule,
    word::{self, Atom, Word},
};

impl Walker<'_> {
    /// Reads a literal; what runs in it is judged.
    pub(crate) fn word(&mut self, node: Node<'_>, scope: &Scope) -> Result<Word, Unread> {
        let mut word = Word::default();
        self.read(node, scope, &mut word)?;
        Ok(word)
    }

    fn read(&mut self, node: Node<'_>, scope: &Scope, word: &mut Word) -> Result<(), Unread> {
        self.visit(node)?;
        let source = self.source(node);
        match node.kind() {
            "word" | "variable_name" | "number" | "test_operator" | "brace_expression" => {
                // The grammar takes some texts for words that are comments to the shell.
                let begins = word.atoms.is_empty();
                let inner = named(node);
                let only_numbers = inner.iter().all(|child| child.kind() == "number");
                if (begins && source.starts_with('#')) || !only_numbers {
                    return self.unread(node);
                }
                self.push(word, word::unquoted(source), node)
            }
            "raw_string" => self.push(word, word::single_quoted(source), node),
            "ansi_c_string" => self.push(word, word::ansi_c(source), node),
            "$" => {
                word.atoms.push(Atom::quoted('$'));
                Ok(())
            }
            "concatenation" => {
                let mut end = node.start_byte();
                for child in children(node) {
                    if child.start_byte() != end {
                        return self.unread(child);
                    }
                    end = child.end_byte();
                    self.read(child, scope, word)?;
                }
                Ok(())
            }
            "string" => {
                let (from, to) = (node.start_byte() + 1, node.end_byte().saturating_sub(1));
                let text = source.len() >= 2 && source.starts_with('"') && source.ends_with('"');
                if !text {
                    return self.unread(node);
                }
                self.quoted(node, from, to, scope, word)
            }
            "simple_expansion" => {
                self.no_gap(node)?;
                word.computed = true;
                let name = source.trim_start_matches('$');
                self.variable(name, false, scope, word);
                Ok(())
            }
            "expansion" => {
                word.computed = true;
                self.expansion(node, false, scope, word)
            }
            "command_substitution" => {
                let origin = self.lines_of(node, scope)?;
                word.computed = true;
                word.atoms.push(Atom::Unknown {
                    origin,
                    splits: true,
                });
                Ok(())
            }
            "arithmetic_expansion" => {
                self.arithmetic(node, scope)?;
                word.computed = true;
                let origin = Origin::Number;
                word.atoms.push(Atom::Unknown {
                    origin,
                    splits: false,
                });
                Ok(())
            }
            "process_substitution" => {
                // It stands for a file of its own, which the shell names.
                self.lines_of(node, scope)?;
                word.computed = true;
                word.atoms.extend("/dev/fd/63".chars().map(Atom::quoted));
                Ok(())
            }
            _ => self.unread(node),
        }
    }

    fn push(
        &mut self,
        word: &mut Word,
        atoms: Option<Vec<Atom>>,
        node: Node<'_>,
    ) -> Result<(), Unread> {
        match atoms {
            Some(atoms) => {
                word.atoms.extend(atoms);
                Ok(())
            }
            None => self.unread(node),
        }
    }

    fn no_gap(&mut self, node: Node<'_>) -> Result<(), Unread> {
        let source = self.source(node);
        if source.contains(['\n', ' ', '\t', '\\']) {
            return self.unread(node);
        }
        Ok(())
    }

    /// Reads a text between double quotes, or one like it, character by character; the nodes in it are what the
    /// grammar saw in it, and nothing special may be outside of them.
    pub(crate) fn quoted(
        &mut self,
        node: Node<'_>,
        from: usize,
        to: usize,
        scope: &Scope,
        word: &mut Word,
    ) -> Result<(), Unread> {
        let base = node.start_byte();
        let source = self.source(node);
        let inner: Vec<Node<'_>> = children(node)
            .into_iter()
            .filter(|child| {
                matches!(
                    child.kind(),
                    "expansion"
                        | "simple_expansion"
                        | "command_substitution"
                        | "arithmetic_expansion"
                )
            })
            .collect();
        let mut at = from;
        for child in inner {
            self.plain(source, base, at, child.start_byte(), node, word)?;
            at = child.end_byte();
            let mut part = Word::default();
            match child.kind() {
                "simple_expansion" => {
                    self.visit(child)?;
                    // The grammar counts blanks before it to it.
                    let source = self.source(child);
                    let shown = source.trim_start_matches([' ', '\t', '\n']);
                    let blanks = source[..source.len() - shown.len()].chars();
                    part.atoms.extend(blanks.map(Atom::quoted));
                    if shown.contains(['\n', ' ', '\t', '\\']) {
                        return self.unread(child);
                    }
                    self.variable(shown.trim_start_matches('$'), true, scope, &mut part);
                }
                "expansion" => {
                    self.visit(child)?;
                    self.expansion(child, true, scope, &mut part)?;
                }
                _ => self.read(child, scope, &mut part)?,
            }
            word.computed = true;
            word.atoms
                .extend(part.atoms.into_iter().map(|atom| match atom {
                    Atom::Char { c, .. } => Atom::quoted(c),
                    Atom::Unknown { origin, .. } => Atom::Unknown {
                        origin,
                        splits: false,
                    },
                }));
        }
        self.plain(source, base, at, to, node, word)
    }

    /// Reads the characters of a quoted text from one place to another.
    fn plain(
        &mut self,
        source: &str,
        base: usize,
        from: usize,
        to: usize,
        node: Node<'_>,
        word: &mut Word,
    ) -> Result<(), Unread> {
        let Some(text) = from
            .checked_sub(base)
            .zip(to.checked_sub(base))
            .and_then(|(a, b)| source.get(a..b))
        else {
            return self.unread(node);
        };
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    Some('\n') => {}
                    Some(next @ ('$' | '`' | '"' | '\\')) => word.atoms.push(Atom::quoted(next)),
                    Some(next) => word.atoms.extend([Atom::quoted('\\'), Atom::quoted(next)]),
                    None => return self.unread(node),
                },
                '`' => return self.unread(node),
                '$' => {
                    let begins = |c: char| c.is_alphanumeric() || "_({[@*#?-$!'\"".contains(c);
                    // Before the closing quote, and between texts, a dollar is a dollar.
                    if chars
                        .peek()
                        .is_some_and(|c| begins(*c) && !matches!(c, '"' | '\''))
                    {
                        return self.unread(node);
                    }
                    word.atoms.push(Atom::quoted('$'));
                }
                '"' if node.kind() == "string" => return self.unread(node),
                c => word.atoms.push(Atom::quoted(c)),
            }
        }
        Ok(())
    }

    /// Puts what is known of a variable into a word.
    fn variable(&mut self, name: &str, quoted: bool, scope: &Scope, word: &mut Word) {
        word.computed = true;
        let value = match name {
            "HOME" => Value::Text(self.places.home.clone()),
            "PWD" => match scope.cwds.as_slice() {
                [only] => Value::Text(only.clone()),
                _ => Value::Unknown(Origin::Free),
            },
            "?" | "#" | "$" | "!" | "RANDOM" | "SECONDS" | "LINENO" | "PPID" | "UID" | "EUID" => {
                Value::Unknown(Origin::Number)
            }
            name => scope.get(name),
        };
        match value {
            Value::Text(text) => {
                let splits = |c: char| c.is_whitespace() || "*?[\\".contains(c);
                if !quoted && (text.is_empty() || text.contains(splits)) {
                    let origin = Origin::Free;
                    word.atoms.push(Atom::Unknown {
                        origin,
                        splits: true,
                    });
                } else {
                    word.atoms.extend(text.chars().map(Atom::quoted));
                }
            }
            Value::Unknown(origin) => word.atoms.push(Atom::Unknown {
                origin,
                splits: !quoted,
            }),
        }
    }

    /// Reads `${…}`. Only the forms are let through that take a value as it is: others set it, run it, or look for
    /// another one by its name.
    fn expansion(
        &mut self,
        node: Node<'_>,
        quoted: bool,
        scope: &Scope,
        word: &mut Word,
    ) -> Result<(), Unread> {
        let source = self.source(node);
        let blanks = source.len() - source.trim_start_matches([' ', '\t', '\n']).len();
        if blanks > 0 && !quoted {
            return self.unread(node);
        }
        // The grammar counts blanks before it to it.
        word.atoms
            .extend(source[..blanks].chars().map(Atom::quoted));
        let Some(body) = source[blanks..]
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'))
        else {
            return self.unread(node);
        };
        let (counted, body) = match body.strip_prefix('#') {
            Some(rest) if !rest.is_empty() => (true, rest),
            _ => (false, body),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = if body.starts_with(['@', '*', '#', '?', '$', '!', '-']) {
            usize::from(!body.starts_with('!') || body.len() == 1)
        } else {
            body.find(|c| !is_name(c)).unwrap_or(body.len())
        };
        let (name, rest) = body.split_at(length);
        let (index, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((index, rest)) => (Some(index), rest),
            None => (None, rest),
        };
        let plain_index = |i: &str| {
            matches!(i, "@" | "*") || (!i.is_empty() && i.bytes().all(|b| b.is_ascii_digit()))
        };
        let numbers = |t: &str| {
            t.bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b':' | b'-' | b' '))
        };
        let form = match rest.as_bytes() {
            [] => Form::Whole,
            [b':', b'-' | b'+' | b'?', ..] | [b'-' | b'+' | b'?', ..] => Form::Other,
            [b':', tail @ ..] if numbers(&String::from_utf8_lossy(tail)) => Form::Other,
            [b'#' | b'%', ..] => Form::Trimmed,
            [b'/' | b'^' | b',', ..] => Form::Other,
            [b'@', b'Q' | b'U' | b'L' | b'u'] => Form::Other,
            _ => Form::Refused,
        };
        if name.is_empty()
            || form == Form::Refused
            || !index.is_none_or(plain_index)
            || (counted && form != Form::Whole)
        {
            self.find(Rule::Dynamic, source);
            return Err(Unread);
        }
        self.inside_expansion(node, scope)?;
        word.computed = true;
        let splits = !quoted;
        if counted {
            let origin = Origin::Number;
            word.atoms.push(Atom::Unknown { origin, splits });
        } else if form == Form::Whole && index.is_none() {
            self.variable(name, quoted, scope, word);
        } else {
            let origin = match scope.get(name) {
                Value::Unknown(Origin::Project) if form == Form::Trimmed => Origin::Project,
                _ => Origin::Free,
            };
            word.atoms.push(Atom::Unknown { origin, splits });
        }
        Ok(())
    }

    /// What stands behind the name in `${name…}`: whatever runs there is judged.
    fn inside_expansion(&mut self, node: Node<'_>, scope: &Scope) -> Result<(), Unread> {
        let mut outside = String::new();
        let mut at = node.start_byte() + self.source(node).find('{').map_or(0, |at| at + 1);
        let mut waiting: Vec<Node<'_>> = children(node);
        waiting.reverse();
        while let Some(child) = waiting.pop() {
            match child.kind() {
                "string"
                | "raw_string"
                | "ansi_c_string"
                | "expansion"
                | "simple_expansion"
                | "command_substitution"
                | "arithmetic_expansion"
                | "process_substitution" => {
                    outside += self.between(node, at, child.start_byte());
                    at = child.end_byte();
                    let word = self.word(child, scope)?;
                    self.mention(&word, scope);
                }
                "array" | "subshell" => return self.unread(child),
                _ => waiting.extend(children(child).into_iter().rev()),
            }
        }
        outside += self.between(node, at, node.end_byte());
        if outside.contains(['`', '$', '\'', '"', '<', '>', '(']) {
            return self.unread(node);
        }
        Ok(())
    }

    fn between(&self, node: Node<'_>, from: usize, to: usize) -> &str {
        let base = node.start_byte();
        let range = from.saturating_sub(base)..to.saturating_sub(base);
        self.source(node).get(range).unwrap_or("`")
    }

    /// An expression of numbers. The shell takes the values of variables in it for expressions, too, and runs what it
    /// finds there, so that a variable must be known to be a number.
    pub(crate) fn arithmetic(&mut self, node: Node<'_>, scope: &Scope) -> Result<(), Unread> {
        for child in children(node) {
            self.visit(child)?;
            match child.kind() {
                "number" if child.child_count() == 0 => {}
                "variable_name" => {
                    let name = self.source(child);
                    if !scope.get(name).is_number() {
                        self.find(Rule::Dynamic, name);
                        return Err(Unread);
                    }
                }
                "simple_expansion" | "expansion" | "string" | "command_substitution" => {
                    let word = self.word(child, scope)?;
                    if !is_number(&word) {
                        let source = self.source(child);
                        self.find(Rule::Dynamic, source);
                        return Err(Unread);
                    }
                }
                "binary_expression"
                | "unary_expression"
                | "parenthesized_expression"
                | "ternary_expression"
                | "postfix_expression" => self.arithmetic(child, scope)?,
                _ if !child.is_named() => {
                    let source = self.source(child);
                    if source == "$[" {
                        return self.unread(child);
                    }
                }
                _ => return self.unread(child),
            }
        }
        Ok(())
    }
}

/// Whether a word can only become a number.
pub(crate) fn is_number(word: &Word) -> bool {
    !word.atoms.is_empty()
        && word.atoms.iter().all(|atom| match atom {
            Atom::Char { c, .. } => c.is_ascii_digit() || *c == '-',
            Atom::Unknown { origin, .. } => *origin == Origin::Number,
        })
}

/// What is made of a variable's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Whole,
    Trimmed,
    Other,
    Refused,
}
