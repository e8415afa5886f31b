//! What Claude's own tools did, for the timeline.

use paige_protocol::coach::{
    Action,
    action::CommandSource,
    hooks::{HookEvent, HookInput},
};
use regex_lite::Regex;
use serde_json::Value;

use crate::{Coach, CommandRun};

/// The exit code that is noted of a command that was interrupted, as a shell has it.
const INTERRUPTED: i32 = 130;
/// Characters of a tool's name.
const LONGEST_NAME: usize = 100;

impl Coach {
    /// Puts a tool that has run on the timeline: files that were looked at, and commands.
    pub(super) fn tool_ran(&self, event: HookEvent, input: &HookInput) {
        let argument = |name: &str| input.tool_input.as_ref()?.get(name)?.as_str();
        let tool_name = name(input);
        match tool_name.as_str() {
            "Bash" => {
                let Some(command) = argument("command") else {
                    return;
                };
                let result = input.tool_response.as_ref().or(input.error.as_ref());
                let output = result.map(output).unwrap_or_default();
                self.command_ran(&CommandRun {
                    command: command.to_owned(),
                    exit_code: exit_code(event, result, &output),
                    duration_ms: input.duration_ms.unwrap_or_default().max(0.0) as u32,
                    tail: output,
                    source: CommandSource::Hook,
                });
            }
            "Read" | "NotebookRead" if event == HookEvent::PostToolUse => {
                if let Some(path) = argument("file_path").or_else(|| argument("notebook_path")) {
                    let path = self.shown_path(path);
                    self.observe(&Action::ClaudeRead { tool_name, path });
                }
            }
            "Grep" | "Glob" | "LS" if event == HookEvent::PostToolUse => {
                let path = self.shown_path(argument("path").unwrap_or("."));
                self.observe(&Action::ClaudeRead { tool_name, path });
            }
            _ => {}
        }
    }
}

/// The name of the tool.
pub(super) fn name(input: &HookInput) -> String {
    let name = input.tool_name.as_deref().unwrap_or_default();
    name.chars().take(LONGEST_NAME).collect()
}

/// What a tool was to work on: the first of its arguments that tells.
pub(super) fn subject(arguments: &Value) -> String {
    let telling = [
        "command",
        "file_path",
        "notebook_path",
        "path",
        "pattern",
        "url",
    ];
    let found = telling
        .iter()
        .find_map(|name| arguments.get(name)?.as_str());
    found.unwrap_or_default().to_owned()
}

/// What a command printed.
fn output(result: &Value) -> String {
    match result {
        Value::String(text) => text.clone(),
        Value::Object(_) => {
            let part = |name: &str| result.get(name).and_then(Value::as_str).unwrap_or_default();
            // Where it is not told what came when: what went wrong stands last.
            [part("stdout"), part("stderr"), part("message")].join("\n")
        }
        _ => String::new(),
    }
}

/// The exit code: as it is told, or as the words of a failure have it. What has run without one came to a good end.
fn exit_code(event: HookEvent, result: Option<&Value>, output: &str) -> i32 {
    let told = result.and_then(|result| {
        let code = ["exit_code", "exitCode", "code"]
            .iter()
            .find_map(|name| result.get(name)?.as_i64());
        code.and_then(|code| i32::try_from(code).ok())
    });
    let is_interrupted =
        result.is_some_and(|result| result.get("interrupted") == Some(&Value::Bool(true)));
    match told {
        Some(code) => code,
        None if is_interrupted => INTERRUPTED,
        None if event == HookEvent::PostToolUseFailure => in_words(output).unwrap_or(1),
        None => 0,
    }
}

fn in_words(output: &str) -> Option<i32> {
    let words = Regex::new(r"(?i)\bexit (?:code|status):? (\d{1,3})\b").ok()?;
    words.captures(output)?.get(1)?.as_str().parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn exit_codes_are_taken_from_wherever_they_are_told() {
        use HookEvent::{PostToolUse, PostToolUseFailure};
        for (event, result, expected) in [
            (PostToolUse, json!({"stdout": "ok", "stderr": ""}), 0),
            (PostToolUse, json!({"stdout": "", "exitCode": 101}), 101),
            (
                PostToolUse,
                json!({"stdout": "", "interrupted": true}),
                INTERRUPTED,
            ),
            (
                PostToolUseFailure,
                json!("Exit code 101\nerror: test failed"),
                101,
            ),
            (
                PostToolUseFailure,
                json!("Command failed with exit code 2"),
                2,
            ),
            (PostToolUseFailure, json!("no such command"), 1),
            // What a command prints is no news of its own end.
            (PostToolUse, json!({"stdout": "exit code 7"}), 0),
        ] {
            assert_eq!(
                exit_code(event, Some(&result), &output(&result)),
                expected,
                "{result}"
            );
        }
        assert_eq!(exit_code(PostToolUse, None, ""), 0);
    }

    #[test]
    fn the_telling_argument_is_the_subject() {
        assert_eq!(subject(&json!({"command": "rm a", "path": "b"})), "rm a");
        assert_eq!(subject(&json!({"file_path": "/p/a.rs"})), "/p/a.rs");
        assert_eq!(subject(&json!({"content": "x"})), "");
        assert_eq!(subject(&json!(null)), "");
    }
}
