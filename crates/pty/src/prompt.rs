//! [`Prompts`]: how the prompts of programs look, as data, and whether a screen shows one.

use std::sync::LazyLock;

use regex_lite::Regex;
use serde::Deserialize;

use crate::screen::Screen;

/// So many lines above the cursor are looked at for what was pasted.
const LONGEST_INPUT: u16 = 40;
/// So many characters from the end of what was pasted must stand right before the cursor.
const TAIL: usize = 24;

/// The prompts that may be typed into.
#[derive(Debug, Clone, Default)]
pub struct Prompts(Vec<Prompt>);

/// How one prompt looks. Every pattern that is there must match.
#[derive(Debug, Clone)]
struct Prompt {
    name: String,
    before: Regex,
    above: Option<Regex>,
    below: Option<Regex>,
    never: Vec<Regex>,
    collapsed: Option<Regex>,
}

/// Rules that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptsError {
    /// No TOML of the right shape.
    #[error("The rules for prompts cannot be read: {0}")]
    Toml(String),
    /// A pattern that is no regular expression.
    #[error("The pattern `{pattern}` of the prompt `{name}` is no regular expression: {reason}.")]
    Pattern {
        /// The prompt's name.
        name: String,
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    prompt: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    before: String,
    above: Option<String>,
    below: Option<String>,
    #[serde(default)]
    never: Vec<String>,
    collapsed: Option<String>,
}

impl Prompts {
    /// Those that Paige knows: Claude Code's.
    pub fn built_in() -> &'static Self {
        static BUILT_IN: LazyLock<Prompts> =
            LazyLock::new(|| Prompts::parse(include_str!("../prompts.toml")).unwrap_or_default());
        &BUILT_IN
    }

    /// Reads rules; `prompts.toml` of this room explains their fields.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, PromptsError> {
        let file: File =
            toml::from_str(text).map_err(|error| PromptsError::Toml(error.to_string()))?;
        let prompts = file.prompt.into_iter().map(Prompt::new);
        Ok(Self(prompts.collect::<Result<_, _>>()?))
    }

    /// One prompt that is known by the line of the cursor alone, up to the cursor.
    ///
    /// # Errors
    /// When that is no regular expression.
    pub fn line(pattern: &str) -> Result<Self, PromptsError> {
        Ok(Self(vec![Prompt::new(Entry {
            name: pattern.to_owned(),
            before: pattern.to_owned(),
            above: None,
            below: None,
            never: Vec::new(),
            collapsed: None,
        })?]))
    }

    /// Adds others.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// The name of the prompt that the screen shows with nothing typed at it.
    pub fn empty_one(&self, screen: &Screen) -> Option<&str> {
        let found = self.0.iter().find(|prompt| prompt.is_empty(screen))?;
        Some(&found.name)
    }

    /// Whether the end of `line`, or what stands for a text that was pasted, stands right before the
    /// cursor, and nothing on the screen speaks against a prompt.
    pub(crate) fn shows(&self, screen: &Screen, line: &str) -> bool {
        let text = squeezed(&screen.text_before_cursor(LONGEST_INPUT));
        let tail = squeezed(line);
        let skipped = tail.chars().count().saturating_sub(TAIL);
        let tail: String = tail.chars().skip(skipped).collect();
        self.0.iter().any(|prompt| {
            let collapsed = prompt.collapsed.as_ref();
            prompt.is_possible(screen)
                && (text.ends_with(&tail)
                    || collapsed
                        .is_some_and(|mark| mark.is_match(screen.line_before_cursor().trim_end())))
        })
    }
}

impl Prompt {
    fn new(entry: Entry) -> Result<Self, PromptsError> {
        let name = entry.name;
        let compile = |pattern: &String| {
            Regex::new(pattern).map_err(|error| PromptsError::Pattern {
                name: name.clone(),
                pattern: pattern.clone(),
                reason: error.to_string(),
            })
        };
        Ok(Self {
            before: compile(&entry.before)?,
            above: entry.above.as_ref().map(compile).transpose()?,
            below: entry.below.as_ref().map(compile).transpose()?,
            never: entry.never.iter().map(compile).collect::<Result<_, _>>()?,
            collapsed: entry.collapsed.as_ref().map(compile).transpose()?,
            name,
        })
    }

    fn is_empty(&self, screen: &Screen) -> bool {
        let (row, _) = screen.cursor();
        let beside = |pattern: &Option<Regex>, row: Option<u16>| {
            pattern
                .as_ref()
                .is_none_or(|pattern| row.is_some_and(|row| pattern.is_match(&screen.line(row))))
        };
        self.before.is_match(&screen.line_before_cursor())
            && screen.nothing_after_cursor()
            && beside(&self.above, row.checked_sub(1))
            && beside(&self.below, row.checked_add(1))
            && self.is_possible(screen)
    }

    fn is_possible(&self, screen: &Screen) -> bool {
        self.never.is_empty()
            || !screen
                .lines()
                .any(|line| self.never.iter().any(|pattern| pattern.is_match(&line)))
    }
}

/// Without white space, which differs where a program breaks a line.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Size;

    fn shown(lines: &[&str], up: u16, col: u16) -> Screen {
        let mut screen = Screen::new(Size::new(20, 60));
        screen.process(lines.join("\r\n").as_bytes());
        screen.process(format!("\x1b[{up}A\x1b[{col}G").as_bytes());
        screen
    }

    const RULE: &str = "────────────────────────────────────────────────────────────";

    #[test]
    fn claude_code_is_recognised_at_its_empty_prompt_alone() {
        let known = Prompts::built_in();
        let check = |lines: &[&str], up, col, expected: bool| {
            let screen = shown(lines, up, col);
            assert_eq!(known.empty_one(&screen).is_some(), expected, "{lines:?}");
        };
        check(
            &["● Hello", RULE, "❯\u{a0}", RULE, "  ? for shortcuts"],
            2,
            3,
            true,
        );
        check(
            &[RULE, "❯\u{a0}half", RULE, "  ? for shortcuts"],
            2,
            7,
            false,
        );
        // Gone back to the start of what is typed.
        check(
            &[RULE, "❯\u{a0}half", RULE, "  ? for shortcuts"],
            2,
            3,
            false,
        );
        // What it suggests is drawn faintly.
        check(
            &[
                RULE,
                "❯\u{a0}\x1b[7mT\x1b[27m\x1b[2mry this\x1b[22m",
                RULE,
                " ",
            ],
            2,
            3,
            true,
        );
        check(
            &["✻ Thinking…", RULE, "❯\u{a0}", RULE, "  esc to interrupt"],
            2,
            3,
            false,
        );
        check(
            &[
                RULE,
                " Do you want to proceed?",
                " ❯ 1. Yes",
                "   2. No",
                "",
                " Esc to cancel",
            ],
            3,
            2,
            false,
        );
        // Its commands have another sign, and a menu of commands has no rule below.
        check(&[RULE, "!\u{a0}", RULE, "  ! for shell mode"], 2, 3, false);
        check(&["❯\u{a0}", "/help   Get help"], 1, 3, false);
        check(&["$ "], 0, 3, false);
    }

    #[test]
    fn what_was_pasted_is_found_across_wrapped_lines() {
        let known = Prompts::built_in();
        let line = r#"[PAIGE_OBSERVER] {"signal":"wrong_file","context":{"minutes":5}}"#;
        let rows = [
            RULE,
            "❯\u{a0}[PAIGE_OBSERVER] {\"signal\":\"wrong_file\",\"cont",
            "  ext\":{\"minutes\":5}}",
            RULE,
        ];
        assert!(known.shows(&shown(&rows, 1, 22), line));
        assert!(!known.shows(&shown(&rows, 1, 10), line));
        let collapsed = [RULE, "❯\u{a0}[Pasted text #2 +3 lines]", RULE];
        assert!(known.shows(&shown(&collapsed, 1, 28), line));
        let asked = [
            RULE,
            "❯\u{a0}[Pasted text #2 +3 lines]",
            RULE,
            " Esc to cancel",
        ];
        assert!(!known.shows(&shown(&asked, 2, 28), line));
    }

    #[test]
    fn rules_that_cannot_be_used_say_why() {
        assert!(matches!(
            Prompts::parse("prompt = 1"),
            Err(PromptsError::Toml(_))
        ));
        let error = Prompts::line("(").unwrap_err().to_string();
        assert!(error.contains("`(`"), "{error}");
        assert!(Prompts::parse("").unwrap().0.is_empty());
        assert_eq!(Prompts::built_in().0.len(), 1);
    }
}
