//! The read-only rule, asked by Claude Code before each tool.

use std::path::{Path, PathBuf};

use paige_policy::{Call, Decision, Policy, Verdict};
use paige_protocol::coach::action::ToolDecision;
use paige_protocol::coach::hooks::{Denied, HookFacts, HookInput, HookOutput};
use serde::Deserialize;
use serde_json::Value;

use super::{Report, is_absolute, project_dir};
use crate::data_dir::DataDir;
use crate::rendezvous;

/// What is decided of a tool.
pub(super) struct Judged {
    /// The answer.
    pub(super) output: HookOutput,
    /// What the sidecar is told, when the tool was not allowed.
    pub(super) report: Option<Report>,
}

/// What the hook says of the tool. What is missing is an error, never a guess.
#[derive(Deserialize)]
struct Input {
    tool_name: String,
    tool_input: Value,
    cwd: PathBuf,
    #[serde(default)]
    session_id: Option<String>,
}

/// Judges the tool that an input names.
///
/// # Errors
/// Whatever keeps the rule from being asked.
pub(super) fn judge(input: &[u8], data: DataDir) -> Result<Judged, String> {
    let input: Input = serde_json::from_slice(input)
        .map_err(|error| format!("its input is not that of the hook PreToolUse: {error}"))?;
    if !is_absolute(input.cwd.as_os_str()) {
        return Err("its input names no absolute folder".to_owned());
    }
    let project = project_dir().map_or_else(|| input.cwd.clone(), PathBuf::from);
    let home = std::env::home_dir()
        .filter(|home| home.is_absolute())
        .ok_or("HOME is not set, which ~ stands for")?;
    let port = rendezvous::read(&data.rendezvous()).map(|live| live.port);
    let judge_with = |data_dir: &Path| {
        let call = Call {
            tool_name: &input.tool_name,
            input: &input.tool_input,
            project_dir: &project,
            cwd: &input.cwd,
            home: &home,
            data_dir,
            port,
        };
        Policy::embedded().judge_following(&call, &follow)
    };
    let mut verdict = judge_with(data.root());
    // A data directory that is named through a link has two names, and neither is Claude's to use.
    if let Some(real) = follow(data.root()) {
        let other = judge_with(&real);
        if other.decision > verdict.decision {
            verdict = other;
        }
    }
    let output = HookOutput::permission(decision(verdict.decision), &verdict.reason);
    let report = denied(&verdict).map(|denied| Report {
        data,
        input: HookInput {
            session_id: input.session_id,
            cwd: Some(input.cwd.to_string_lossy().into_owned()),
            tool_input: Some(subject(&input.tool_input)),
            tool_name: Some(input.tool_name),
            paige: HookFacts {
                project_dir: project_dir(),
                denied: Some(denied),
                ..HookFacts::default()
            },
            ..HookInput::default()
        },
    });
    Ok(Judged { output, report })
}

/// What a path leads to, when that is not what it says.
fn follow(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok().filter(|real| real != path)
}

fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::Ask => "ask",
        Decision::Deny => "deny",
    }
}

fn denied(verdict: &Verdict) -> Option<Denied> {
    let decision = match verdict.decision {
        Decision::Allow => return None,
        Decision::Ask => ToolDecision::Ask,
        Decision::Deny => ToolDecision::Deny,
    };
    let rule = serde_json::to_value(verdict.rule).ok();
    Some(Denied {
        decision,
        rule: rule
            .as_ref()
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    })
}

/// Of a tool's arguments what tells where it would have worked; texts that it would have written stay here.
pub(super) fn subject(input: &Value) -> Value {
    const TELLING: [&str; 6] = [
        "command",
        "file_path",
        "notebook_path",
        "path",
        "pattern",
        "url",
    ];
    let fields = input.as_object().into_iter().flatten();
    fields
        .filter(|(name, value)| TELLING.contains(&name.as_str()) && value.is_string())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> DataDir {
        DataDir::new(PathBuf::from("/nowhere/paige"))
    }

    fn judged(input: &Value) -> Judged {
        judge(input.to_string().as_bytes(), data()).unwrap()
    }

    fn decided(output: &HookOutput) -> Option<&str> {
        output
            .hook_specific_output
            .as_ref()
            .and_then(|said| said.permission_decision.as_deref())
    }

    #[test]
    fn what_is_not_allowed_is_reported_without_its_text() {
        let read = judged(
            &serde_json::json!({"tool_name": "Bash", "tool_input": {"command": "git diff"}, "cwd": "/p"}),
        );
        assert_eq!(decided(&read.output), Some("allow"));
        assert!(read.report.is_none());
        let write = judged(&serde_json::json!({
            "tool_name": "Write", "tool_input": {"file_path": "/p/a.rs", "content": "fn a() {}"}, "cwd": "/p",
        }));
        assert_eq!(decided(&write.output), Some("deny"));
        let told = write.report.unwrap().input;
        assert_eq!(
            told.tool_input,
            Some(serde_json::json!({"file_path": "/p/a.rs"}))
        );
        assert_eq!(told.paige.denied.unwrap().rule, "writes");
    }

    #[test]
    fn an_input_that_lacks_something_is_not_judged() {
        for wrong in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"tool_name": "Bash", "tool_input": {"command": "ls"}}"#,
            r#"{"tool_name": "Bash", "tool_input": {"command": "ls"}, "cwd": "src"}"#,
            r#"{"tool_name": "Bash", "cwd": "/p"}"#,
            r#"{"tool_name": 1, "tool_input": {}, "cwd": "/p"}"#,
            r#"{"tool_name": "Bash", "tool_input": {"command": "ls"}, "cwd": "/p"} x"#,
        ] {
            assert!(judge(wrong.as_bytes(), data()).is_err(), "{wrong}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let deep = format!(r#"{{"tool_name": "Bash", "tool_input": {deep}, "cwd": "/p"}}"#);
        assert!(judge(deep.as_bytes(), data()).is_err());
    }
}
