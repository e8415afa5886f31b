//! Commands that have run (decisions, "Test runs"): what they were for, and what went wrong, as lines
//! that are alike when the fault is the same. Their output is not kept.

use std::sync::LazyLock;

use paige_protocol::coach::{
    Action,
    action::{CommandKind, CommandSource},
};
use regex_lite::Regex;

use crate::{Coach, config, redact::redact};

/// So many bytes of an output are looked at: its end, where test runners say what failed.
const LONGEST_TAIL: usize = 8 * 1024;
/// So many bytes of a command line are looked at: its beginning.
const LONGEST_COMMAND: usize = 8 * 1024;
/// Error lines that are kept.
const MOST_LINES: usize = 20;
/// Characters of a line, and of a command.
const LONGEST_LINE: usize = 200;

/// A command that has run.
#[derive(Debug, Clone)]
pub struct CommandRun {
    /// The command line.
    pub command: String,
    /// Its exit code.
    pub exit_code: i32,
    /// How long it ran, in milliseconds.
    pub duration_ms: u32,
    /// The end of its output.
    pub tail: String,
    /// Who tells of it.
    pub source: CommandSource,
}

impl Coach {
    /// Puts a command that has run on the timeline.
    pub fn command_ran(&self, run: &CommandRun) {
        self.observe(&Action::CommandRun {
            command: shorten(&redact(beginning(&run.command))),
            kind: kind(beginning(&run.command), &self.0.config.commands),
            exit_code: run.exit_code,
            duration_ms: run.duration_ms,
            error_lines: error_lines(&run.tail),
            source: run.source,
        });
    }
}

/// What a command was for. One that tests among other things is a test.
fn kind(command: &str, known: &config::Commands) -> CommandKind {
    let mut kind = CommandKind::Other;
    for part in parts(command) {
        let words: Vec<&str> = part
            .iter()
            .map(String::as_str)
            .skip_while(|word| is_wrapper(word))
            // A toolchain, as in `cargo +nightly test`.
            .filter(|word| !word.starts_with('+'))
            .collect();
        let is_one = |list: &[String]| {
            list.iter().any(|command| {
                let wanted: Vec<&str> = command.split_whitespace().collect();
                words.starts_with(&wanted)
            })
        };
        if is_one(&known.test) {
            return CommandKind::Test;
        }
        if is_one(&known.build) {
            kind = CommandKind::Build;
        }
    }
    kind
}

/// The commands of a command line, each as its words. What is quoted is no command.
fn parts(command: &str) -> Vec<Vec<String>> {
    let (mut parts, mut part) = (Vec::new(), Vec::new());
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if quote != Some('\'') => word.get_or_insert_default().extend(chars.next()),
            _ if quote == Some(c) => quote = None,
            _ if quote.is_some() => word.get_or_insert_default().push(c),
            '"' | '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            '&' | ';' | '|' | '(' | ')' | '\n' => {
                part.extend(word.take());
                parts.push(std::mem::take(&mut part));
            }
            _ if c.is_whitespace() => part.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    part.extend(word);
    parts.push(part);
    parts
}

/// Words before the command proper: assignments, and programs that run another, with their flags.
fn is_wrapper(word: &str) -> bool {
    let is_assignment = word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
    });
    is_assignment
        || word.starts_with('-')
        || matches!(word, "env" | "time" | "sudo" | "command" | "nice")
}

/// What is looked at of a command line, which is as long as somebody pastes.
fn beginning(command: &str) -> &str {
    &command[..command.floor_char_boundary(LONGEST_COMMAND)]
}

/// What is looked at of an output. A line that is cut is left out: half a secret has no shape.
fn end(output: &str) -> &str {
    let start = output.ceil_char_boundary(output.len().saturating_sub(LONGEST_TAIL));
    let tail = &output[start..];
    if start == 0 || output[..start].ends_with('\n') {
        return tail;
    }
    tail.split_once('\n').map_or("", |(_, rest)| rest)
}

/// The lines that tell of an error, each once, without what differs from run to run.
fn error_lines(output: &str) -> Vec<String> {
    static ERROR: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i:\b(?:errors?|fail(?:ed|ure|ures)?|panicked|exception|assert\w*)\b)|[a-z](?:Error|Exception)\b").ok()
    });
    let mut lines: Vec<String> = Vec::new();
    for line in end(output).lines() {
        if lines.len() == MOST_LINES {
            break;
        }
        // A colour may stand right before the word.
        let line = replace(line, &COLOURS);
        if !ERROR.as_ref().is_some_and(|error| error.is_match(&line)) {
            continue;
        }
        let line = normalise(&line);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

type Patterns = LazyLock<Vec<(Regex, &'static str)>>;

/// What terminals take for colours.
static COLOURS: Patterns = LazyLock::new(|| compile(&[(r"\x1b\[[0-9;]*[A-Za-z]", "")]));

/// What differs from run to run: addresses, folders, hashes, numbers.
static DIFFERENT: Patterns = LazyLock::new(|| {
    compile(&[
        (r"\b0x[0-9a-fA-F]+\b", "_"),
        (r"(?:/[\w.@+-]+)+/([\w.@+-]+)", "…/$1"),
        (r"\b[0-9a-fA-F]{12,}\b", "_"),
        (r"\b\d+(?:\.\d+)?", "_"),
    ])
});

fn compile(patterns: &[(&str, &'static str)]) -> Vec<(Regex, &'static str)> {
    let one = |(pattern, with): &(&str, &'static str)| Some((Regex::new(pattern).ok()?, *with));
    patterns.iter().filter_map(one).collect()
}

fn replace(line: &str, patterns: &[(Regex, &str)]) -> String {
    let replaced = |line: String, (pattern, with): &(Regex, &str)| {
        pattern.replace_all(&line, *with).into_owned()
    };
    patterns.iter().fold(line.to_owned(), replaced)
}

/// A line without secrets and without what differs from run to run.
fn normalise(line: &str) -> String {
    shorten(&replace(&redact(line.trim()), &DIFFERENT))
}

fn shorten(text: &str) -> String {
    text.chars().take(LONGEST_LINE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_apart_by_the_table() {
        let known = crate::Config::default().commands;
        for (command, expected) in [
            ("cargo test --workspace", CommandKind::Test),
            ("RUST_LOG=debug cargo test", CommandKind::Test),
            ("cd crates && time cargo nextest run", CommandKind::Test),
            ("npm run build && npm test", CommandKind::Test),
            ("pytest -x", CommandKind::Test),
            ("python -m pytest", CommandKind::Test),
            ("cargo build --release", CommandKind::Build),
            ("make", CommandKind::Build),
            ("make test", CommandKind::Test),
            ("echo cargo test", CommandKind::Other),
            ("git commit -m 'cargo test'", CommandKind::Other),
            ("cargo testing", CommandKind::Other),
            ("", CommandKind::Other),
            (
                "RUSTFLAGS=\"-D warnings\" cargo +nightly test",
                CommandKind::Test,
            ),
            ("sudo -E env CI=1 npm test", CommandKind::Test),
            ("(cd web; npm test)", CommandKind::Test),
            ("cargo test 2>&1 | tee log", CommandKind::Test),
            ("git commit -m 'x && cargo test'", CommandKind::Other),
            ("echo \"a; cargo test\"", CommandKind::Other),
            ("echo it's\ncargo test", CommandKind::Other),
        ] {
            assert_eq!(kind(command, &known), expected, "{command}");
        }
    }

    #[test]
    fn the_same_fault_is_the_same_line_whatever_differs() {
        let first = "running 3 tests\n\u{1b}[31merror[E0308]\u{1b}[0m: mismatched types\n  --> /home/kim/shop/src/a.rs:12:3\n\
                     thread 'main' (4711) panicked at /home/kim/shop/src/a.rs:12:3:\nassertion failed at 0x7ffe12\nok\n";
        let second = first
            .replace("12:3", "14:9")
            .replace("4711", "99")
            .replace("0x7ffe12", "0x1");
        let lines = error_lines(first);
        assert_eq!(
            lines,
            [
                "error[E0308]: mismatched types",
                "thread 'main' (_) panicked at …/a.rs:_:_:",
                "assertion failed at _"
            ]
        );
        assert_eq!(lines, error_lines(&second));
    }

    #[test]
    fn lines_are_few_short_different_and_without_secrets() {
        let many: String = (0..100)
            .map(|n| format!("error: {}\n", "x".repeat(n)))
            .collect();
        let lines = error_lines(&many);
        assert_eq!(lines.len(), MOST_LINES);
        assert_eq!(error_lines("error: a\nerror: a\n"), ["error: a"]);
        let secret = error_lines("error: API_TOKEN=abcdefgh is refused");
        assert_eq!(secret, ["error: API_TOKEN=[secret] is refused"]);
        let long = format!("é{}\nerror at the end", "é".repeat(LONGEST_TAIL));
        assert_eq!(error_lines(&long), ["error at the end"]);
        // Of a line that is cut, the end of a secret could not be told.
        let cut = format!("API_TOKEN={} error\nerror: b\n", "s".repeat(LONGEST_TAIL));
        assert_eq!(error_lines(&cut), ["error: b"]);
        assert_eq!(error_lines("all is well, no terror"), [""; 0]);
    }
}
