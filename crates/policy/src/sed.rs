//! Scripts of sed: some of its commands write files or run programs.

use std::{iter::Peekable, str::Chars};

use crate::{rules::Command, scope::Scope, shell::Walker, verdict::Rule, word::Word};

/// Why a script is not let through.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refusal {
    /// It writes a file, or runs a command.
    Writes(char),
    /// It is not understood.
    Unread,
}

impl Walker<'_> {
    pub(crate) fn sed(&mut self, name: &str, rule: &Command, words: &[Word], scope: &Scope) {
        let sorted = self.arguments(name, rule, words, false, scope);
        let given = |option: &str| matches!(option, "-e" | "--expression");
        let mut scripts: Vec<Word> = sorted
            .options
            .iter()
            .filter(|(option, _)| given(option))
            .map(|(_, value)| value.clone().unwrap_or_default())
            .collect();
        let mut files: Vec<&Word> = sorted
            .operands
            .iter()
            .chain(&sorted.passed)
            .copied()
            .collect();
        if scripts.is_empty() {
            if files.is_empty() {
                return;
            }
            scripts.push(files.remove(0).clone());
        }
        for file in files {
            self.path(file, scope);
        }
        let mut whole = String::new();
        for script in &scripts {
            let Some(text) = script.text().filter(|_| !script.is_dynamic()) else {
                return self.find(Rule::Dynamic, &script.shown());
            };
            whole += &text;
            whole.push('\n');
        }
        match read(&whole) {
            Ok(files) => {
                for file in files {
                    self.path(&Word::of(&file), scope);
                }
            }
            Err(Refusal::Writes(command)) => {
                self.find(Rule::Option, &format!("{name} … {command}"))
            }
            Err(Refusal::Unread) => {
                self.find(Rule::UnknownOption, &format!("{name} {}", whole.trim_end()))
            }
        }
    }
}

/// Reads a script. Gives the files that it reads.
fn read(script: &str) -> Result<Vec<String>, Refusal> {
    let mut files = Vec::new();
    let mut chars = script.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace() || *c == ';').is_some() {}
        if chars.peek().is_none() {
            return Ok(files);
        }
        address(&mut chars)?;
        if chars.next_if_eq(&',').is_some() {
            blanks(&mut chars);
            chars.next_if(|c| matches!(c, '+' | '~'));
            address(&mut chars)?;
        }
        blanks(&mut chars);
        while chars.next_if(|c| *c == '!' || c.is_whitespace()).is_some() {}
        let command = chars.next().ok_or(Refusal::Unread)?;
        match command {
            '{' | '}' => continue,
            '#' => {
                line(&mut chars);
                continue;
            }
            'w' | 'W' | 'e' => return Err(Refusal::Writes(command)),
            'r' | 'R' => {
                files.push(line(&mut chars).trim().to_owned());
                continue;
            }
            ':' | 'b' | 't' | 'T' => {
                while chars.next_if(|c| !matches!(c, ';' | '\n' | '}')).is_some() {}
            }
            'a' | 'i' | 'c' => {
                // The text goes on in the next line behind a backslash.
                while line(&mut chars).ends_with('\\') {}
                continue;
            }
            'y' => {
                let delimiter = chars.next().ok_or(Refusal::Unread)?;
                section(&mut chars, delimiter)?;
                section(&mut chars, delimiter)?;
            }
            's' => {
                let delimiter = chars
                    .next()
                    .filter(|c| !matches!(c, '\n' | '\\'))
                    .ok_or(Refusal::Unread)?;
                section(&mut chars, delimiter)?;
                section(&mut chars, delimiter)?;
                while let Some(flag) =
                    chars.next_if(|c| !matches!(c, ';' | '\n' | '}' | '#' | ' ' | '\t'))
                {
                    match flag {
                        'g' | 'p' | 'i' | 'I' | 'm' | 'M' | '0'..='9' => {}
                        'w' | 'e' => return Err(Refusal::Writes(flag)),
                        _ => return Err(Refusal::Unread),
                    }
                }
            }
            'q' | 'Q' | 'l' | 'L' => {
                blanks(&mut chars);
                while chars.next_if(char::is_ascii_digit).is_some() {}
            }
            '=' | 'd' | 'D' | 'g' | 'G' | 'h' | 'H' | 'n' | 'N' | 'p' | 'P' | 'x' | 'z' | 'F' => {}
            _ => return Err(Refusal::Unread),
        }
        blanks(&mut chars);
        match chars.peek() {
            None | Some(';' | '\n' | '}' | '#') => {}
            Some(_) => return Err(Refusal::Unread),
        }
    }
}

fn blanks(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
}

/// The rest of the line.
fn line(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut text = String::new();
    for c in chars.by_ref() {
        if c == '\n' {
            break;
        }
        text.push(c);
    }
    text
}

/// A number, `$`, a pattern, or nothing.
fn address(chars: &mut Peekable<Chars<'_>>) -> Result<(), Refusal> {
    match chars.peek() {
        Some('$') => {
            chars.next();
        }
        Some('/') => {
            chars.next();
            section(chars, '/')?;
            while chars.next_if(|c| matches!(c, 'I' | 'M')).is_some() {}
        }
        Some('\\') => {
            chars.next();
            let delimiter = chars.next().ok_or(Refusal::Unread)?;
            section(chars, delimiter)?;
            while chars.next_if(|c| matches!(c, 'I' | 'M')).is_some() {}
        }
        _ => while chars.next_if(|c| c.is_ascii_digit() || *c == '~').is_some() {},
    }
    blanks(chars);
    Ok(())
}

/// The text up to a delimiter that no backslash takes away. GNU sed lets one stand in brackets in a pattern; such
/// texts are not read, since other versions do not.
fn section(chars: &mut Peekable<Chars<'_>>, delimiter: char) -> Result<(), Refusal> {
    let mut bracket = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next().ok_or(Refusal::Unread)?;
            }
            c if c == delimiter => {
                return if bracket {
                    Err(Refusal::Unread)
                } else {
                    Ok(())
                };
            }
            '[' => bracket = true,
            ']' => bracket = false,
            _ => {}
        }
    }
    Err(Refusal::Unread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_that_read_are_read() {
        for script in [
            "1,5p",
            "s/a/b/g",
            "/x/,/y/{p;}",
            "$d",
            "s#^(src)/#\\1 #",
            "/a/!s/w/W/2;d",
            "1~2p",
            "y/ab/cd/",
            "a text",
        ] {
            assert_eq!(read(script), Ok(Vec::new()), "{script}");
        }
        assert_eq!(read("r notes.txt\np"), Ok(vec!["notes.txt".to_owned()]));
    }

    #[test]
    fn scripts_that_write_are_not() {
        for script in [
            "w x",
            "1,2w x",
            "s/a/b/w x",
            "s/a/b/e",
            "e touch x",
            "/a/{w x",
            "$!w x",
            "s/a/b/gw x",
            "a x\nw y",
            "#x\nw y",
        ] {
            assert!(matches!(read(script), Err(Refusal::Writes(_))), "{script}");
        }
        for script in ["s/[/]/w x/", "s/a", "k", "p w x"] {
            assert!(matches!(read(script), Err(Refusal::Unread)), "{script}");
        }
    }
}
