//! Claude Code's hooks: what it says and what it is answered, by `paige-sidecar hook EVENT` and
//! `POST /hook/{event}` (blueprint §4).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::action::ToolDecision;

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HookEvent {
    /// Claude Code begins, or goes on with a session.
    SessionStart,
    /// The human has written.
    UserPromptSubmit,
    /// A tool is about to run: the read-only rule, judged without a sidecar. A sidecar is told of it
    /// only when it was not allowed.
    PreToolUse,
    /// A tool has run.
    PostToolUse,
    /// A tool has run and failed.
    PostToolUseFailure,
    /// Claude has answered.
    Stop,
    /// The conversation is about to be shortened.
    PreCompact,
    /// Claude Code ends.
    SessionEnd,
}

impl HookEvent {
    /// Every event.
    pub const ALL: [Self; 8] = [
        Self::SessionStart,
        Self::UserPromptSubmit,
        Self::PreToolUse,
        Self::PostToolUse,
        Self::PostToolUseFailure,
        Self::Stop,
        Self::PreCompact,
        Self::SessionEnd,
    ];

    /// Its name, as Claude Code writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SessionStart => "SessionStart",
            Self::UserPromptSubmit => "UserPromptSubmit",
            Self::PreToolUse => "PreToolUse",
            Self::PostToolUse => "PostToolUse",
            Self::PostToolUseFailure => "PostToolUseFailure",
            Self::Stop => "Stop",
            Self::PreCompact => "PreCompact",
            Self::SessionEnd => "SessionEnd",
        }
    }

    /// The event of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }
}

/// What a hook is told: Claude Code's own fields, of which each event has some, and those under
/// [`paige`](Self::paige), which the hook's program adds. Fields that are not named here are left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HookInput {
    /// The id of the Claude session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The folder in which Claude Code is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Where the conversation is written down, a JSON text in each line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcript_path: Option<String>,
    /// `SessionStart`: `startup`, `resume`, `clear` or `compact`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// `SessionEnd`: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `UserPromptSubmit`: what the human has written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_name: Option<String>,
    /// Its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_input: Option<Value>,
    /// What it gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_response: Option<Value>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
    /// How long it ran, in milliseconds; not every version tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// `Stop`: Claude goes on already because a hook has told it to.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stop_hook_active: bool,
    /// `Stop`: the last message; not every version tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_assistant_message: Option<String>,
    /// What the hook's program adds.
    pub paige: HookFacts,
}

/// What the hook's program adds to what Claude Code says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HookFacts {
    /// `CLAUDE_PROJECT_DIR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_dir: Option<String>,
    /// `SessionEnd`: the end of what was said, with the names of tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcript: Option<String>,
    /// `PreToolUse`: what was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied: Option<Denied>,
}

/// A tool that was not allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Denied {
    /// Denied, or left to the human.
    pub decision: ToolDecision,
    /// The rule that decided.
    pub rule: String,
}

/// What a hook answers. An empty one changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HookOutput {
    /// `Stop`: `block`, so that Claude goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// Why, for Claude.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What one event alone knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook_specific_output: Option<HookSpecificOutput>,
}

/// What one event alone knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HookSpecificOutput {
    /// The event.
    pub hook_event_name: HookEvent,
    /// What Claude is told besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_context: Option<String>,
    /// `PreToolUse`: `allow`, `ask` or `deny`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_decision: Option<String>,
    /// `PreToolUse`: why, for Claude or, when it is asked, the human.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_decision_reason: Option<String>,
}

impl HookOutput {
    /// Tells Claude something.
    pub fn context(event: HookEvent, text: impl Into<String>) -> Self {
        Self {
            hook_specific_output: Some(HookSpecificOutput {
                hook_event_name: event,
                additional_context: Some(text.into()),
                permission_decision: None,
                permission_decision_reason: None,
            }),
            ..Self::default()
        }
    }

    /// Decides about a tool.
    pub fn permission(decision: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            hook_specific_output: Some(HookSpecificOutput {
                hook_event_name: HookEvent::PreToolUse,
                additional_context: None,
                permission_decision: Some(decision.into()),
                permission_decision_reason: Some(reason.into()),
            }),
            ..Self::default()
        }
    }

    /// Lets Claude go on after its answer.
    pub fn block(reason: impl Into<String>) -> Self {
        Self {
            decision: Some("block".to_owned()),
            reason: Some(reason.into()),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_the_names_that_claude_code_gives_them() {
        for event in HookEvent::ALL {
            assert_eq!(serde_json::to_value(event).expect("JSON"), event.name());
            assert_eq!(HookEvent::named(event.name()), Some(event));
        }
        assert_eq!(HookEvent::named("sessionstart"), None);
    }

    #[test]
    fn an_answer_that_says_nothing_is_empty() {
        let written = |output: &HookOutput| serde_json::to_string(output).expect("JSON");
        assert_eq!(written(&HookOutput::default()), "{}");
        assert_eq!(
            written(&HookOutput::permission("deny", "No.")),
            r#"{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"deny","permissionDecisionReason":"No."}}"#
        );
        assert_eq!(
            written(&HookOutput::block("Again.")),
            r#"{"decision":"block","reason":"Again."}"#
        );
    }
}
