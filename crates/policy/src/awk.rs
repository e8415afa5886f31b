//! Scripts of awk: output into files, and programs at the other end of a pipe.

use crate::{rules::Command, scope::Scope, shell::Walker, verdict::Rule, word::Word};

/// Why a script is not let through.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refusal {
    /// It writes a file, reads one that it names itself, or runs a command.
    Writes(String),
    /// It is not understood.
    Unread,
}

impl Walker<'_> {
    pub(crate) fn awk(&mut self, name: &str, rule: &Command, words: &[Word], scope: &Scope) {
        let sorted = self.arguments(name, rule, words, false, scope);
        for (_, value) in &sorted.options {
            if let Some(value) = value {
                self.mention(value, scope);
            }
        }
        let mut operands = sorted.operands.iter().chain(&sorted.passed);
        let Some(script) = operands.next() else {
            return;
        };
        for file in operands {
            self.path(file, scope);
        }
        let Some(text) = script.text().filter(|_| !script.is_dynamic()) else {
            return self.find(Rule::Dynamic, &script.shown());
        };
        match read(&text) {
            Ok(()) => {}
            Err(Refusal::Writes(what)) => self.find(Rule::Option, &format!("{name} … {what}")),
            Err(Refusal::Unread) => self.find(Rule::UnknownOption, &format!("{name} {text}")),
        }
    }
}

/// Functions and words that reach out of the script.
const REACHING: [&str; 4] = ["system", "getline", "close", "fflush"];

/// Reads a script, as far as it must be to see whether it reaches out.
fn read(script: &str) -> Result<(), Refusal> {
    let tokens = tokens(script)?;
    let (mut depth, mut printing) = (0_usize, None);
    for token in &tokens {
        match token {
            Token::Word(word) if REACHING.contains(&word.as_str()) => {
                return Err(Refusal::Writes(word.clone()));
            }
            Token::Word(word) if word == "print" || word == "printf" => printing = Some(depth),
            Token::Mark('@') => return Err(Refusal::Writes("@".into())),
            Token::Mark('(' | '[') => depth += 1,
            Token::Mark(')' | ']') => depth = depth.checked_sub(1).ok_or(Refusal::Unread)?,
            Token::Mark(';' | '\n' | '{' | '}') => printing = None,
            Token::Mark('>') if printing == Some(depth) => return Err(Refusal::Writes(">".into())),
            // A single one is a pipe, wherever it stands.
            Token::Mark('|') => return Err(Refusal::Writes("|".into())),
            _ => {}
        }
    }
    Ok(())
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    /// A text, a pattern, a number.
    Value,
    /// `||` and `&&`.
    Logical,
    Mark(char),
}

fn tokens(script: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut chars = script.chars().peekable();
    while let Some(c) = chars.next() {
        let token = match c {
            ' ' | '\t' => continue,
            '#' => {
                while chars.next_if(|c| *c != '\n').is_some() {}
                continue;
            }
            '\\' => {
                chars.next_if_eq(&'\n').ok_or(Refusal::Unread)?;
                continue;
            }
            '"' => {
                text(&mut chars, '"')?;
                Token::Value
            }
            '/' => match tokens.last() {
                None
                | Some(
                    Token::Logical | Token::Mark('(' | ',' | '~' | '!' | '{' | ';' | '\n' | '}'),
                ) => {
                    text(&mut chars, '/')?;
                    Token::Value
                }
                Some(Token::Word(_) | Token::Value | Token::Mark(']')) => Token::Mark('/'),
                // Behind anything else it may begin a pattern or divide: what follows cannot be told apart.
                Some(_) => return Err(Refusal::Unread),
            },
            '|' | '&' if chars.next_if_eq(&c).is_some() => Token::Logical,
            c if c.is_ascii_alphabetic() || c == '_' => {
                let mut word = String::from(c);
                while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    word.push(c);
                }
                if matches!(
                    word.as_str(),
                    "in" | "exit"
                        | "delete"
                        | "return"
                        | "print"
                        | "printf"
                        | "else"
                        | "do"
                        | "case"
                ) && chars.clone().find(|c| !matches!(c, ' ' | '\t')) == Some('/')
                {
                    return Err(Refusal::Unread);
                }
                Token::Word(word)
            }
            c if c.is_ascii_digit() => {
                while chars
                    .next_if(|c| c.is_ascii_alphanumeric() || *c == '.')
                    .is_some()
                {}
                Token::Value
            }
            c => Token::Mark(c),
        };
        tokens.push(token);
    }
    Ok(tokens)
}

/// The rest of a text or pattern.
fn text(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    delimiter: char,
) -> Result<(), Refusal> {
    let mut bracket = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '\n' => return Err(Refusal::Unread),
            '[' => bracket = true,
            ']' => bracket = false,
            // Versions of awk differ in whether brackets in a pattern may hold its delimiter.
            c if c == delimiter => {
                return if bracket && delimiter == '/' {
                    Err(Refusal::Unread)
                } else {
                    Ok(())
                };
            }
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
            "{print $1}",
            "$3 > 5",
            "NR>=10 && NR<=20 {print FILENAME \":\" $0}",
            "{ if ($1 > 1 || $2 > 2) print NR }",
            "/a > b/ { n++ } END { print n / 2 }",
            "{ print (1 > 2) }",
            "$1 ~ /x|y/ { print \"a > b | c\" }",
        ] {
            assert_eq!(read(script), Ok(()), "{script}");
        }
    }

    #[test]
    fn scripts_that_reach_out_are_not() {
        for script in [
            "{ print > \"x\" }",
            "{ print $1, $2 >> \"x\" }",
            "{ printf(\"x\") > \"x\" }",
            "{ print | \"sh\" }",
            "BEGIN { system(\"x\") }",
            "BEGIN { \"x\" | getline }",
            "/a\"/ || 1 { print \"x\" > \"y\" }",
            "{ print a[1] > f }",
        ] {
            assert!(matches!(read(script), Err(Refusal::Writes(_))), "{script}");
        }
        for script in [
            "if (x) /\"/; print > \"y\"",
            "{ print /x/ }",
            "{ exit /\"/; print > \"f\" \"/\" }",
            "/[/]/ { print }",
        ] {
            assert!(matches!(read(script), Err(Refusal::Unread)), "{script}");
        }
    }
}
