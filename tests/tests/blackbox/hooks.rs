//! `paige-sidecar hook EVENT`, as Claude Code runs it: the read-only rule fails closed, all else fails open.

#[path = "hooks/closed.rs"]
mod closed;
#[path = "hooks/live.rs"]
mod live;
#[path = "hooks/open.rs"]
mod open;

use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use paige_tests::Project;
use paige_tests::sidecar::binary;
use serde_json::{Value, json};

/// The hook of an event, with the environment that Claude Code gives it.
fn command(project: &Project, event: &str) -> Command {
    let mut command = Command::new(binary());
    command.args(["hook", event]);
    as_claude_code(&mut command, project);
    command
}

/// The same where what the sidecar says matters: a loaded machine may take longer than a hook waits.
fn patient(project: &Project, event: &str) -> Command {
    let mut command = command(project, event);
    command.args(["--limit-ms", "30000"]);
    command
}

fn as_claude_code(command: &mut Command, project: &Project) {
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", project.outside())
        .env("DATA_DIR", &project.data)
        .env("CLAUDE_PROJECT_DIR", &project.root)
        .current_dir(&project.root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
}

/// Runs a hook to its end. It may end before it has read everything.
fn run(mut command: Command, input: &[u8]) -> Result<Output> {
    let mut child: Child = command.spawn()?;
    let mut stdin = child.stdin.take().context("stdin is piped")?;
    let _ = stdin.write_all(input);
    drop(stdin);
    Ok(child.wait_with_output()?)
}

/// Runs a hook, and returns its answer; null when it says nothing. It never fails.
fn hook(project: &Project, event: &str, input: &Value) -> Result<Value> {
    answered(run(command(project, event), input.to_string().as_bytes())?)
}

fn answered(output: Output) -> Result<Value> {
    let told = String::from_utf8(output.stderr)?;
    ensure!(
        output.status.code() == Some(0),
        "{:?} {told}",
        output.status
    );
    ensure!(told.is_empty(), "{told}");
    if output.stdout.is_empty() {
        return Ok(Value::Null);
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What PreToolUse is told of a tool.
fn tool(project: &Project, name: &str, input: Value) -> Value {
    json!({
        "session_id": "c1", "hook_event_name": "PreToolUse", "cwd": project.root,
        "tool_name": name, "tool_input": input,
    })
}

fn bash(project: &Project, line: &str) -> Value {
    tool(project, "Bash", json!({"command": line}))
}

/// The decision about a tool.
fn decision(project: &Project, input: &Value) -> Result<String> {
    let answer = hook(project, "PreToolUse", input)?;
    let said = &answer["hookSpecificOutput"];
    ensure!(said["hookEventName"] == "PreToolUse", "{answer}");
    ensure!(
        said["permissionDecisionReason"]
            .as_str()
            .is_some_and(|reason| !reason.is_empty()),
        "{answer}"
    );
    Ok(said["permissionDecision"]
        .as_str()
        .context("a decision")?
        .to_owned())
}
