//! The hooks of a Claude session that a live sidecar hears of.

use std::slice::from_ref;

use paige_tests::anthropic::{self, Fake};
use paige_tests::mcp::Era;
use paige_tests::{Claude, Record, Sidecar, Socket};

use super::*;

/// A Claude session's hook.
fn of(project: &Project, id: &str, event: &str, more: Value) -> Result<Value> {
    let mut input = json!({"session_id": id, "hook_event_name": event, "cwd": project.root});
    let fields = input.as_object_mut().context("an object")?;
    fields.extend(more.as_object().cloned().unwrap_or_default());
    let command = patient(project, event);
    answered(run(command, input.to_string().as_bytes())?)
}

/// The same where something has to be said.
fn said(project: &Project, id: &str, event: &str, more: &Value) -> Result<String> {
    let answer = of(project, id, event, more.clone())?;
    let said = &answer["hookSpecificOutput"];
    ensure!(said["hookEventName"] == event, "{answer}");
    let text = said["additionalContext"].as_str().context("a context")?;
    Ok(text.to_owned())
}

const SESSIONS: &str = "SELECT id, status, started_by FROM sessions ORDER BY id";

#[tokio::test]
async fn a_session_begins_with_the_first_claude_and_ends_with_the_last() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let record = Record::of(&project)?;
    for source in ["resume", "clear", "compact"] {
        let told = said(&project, "c1", "SessionStart", &json!({"source": source}))?;
        ensure!(told.contains("No coaching session is active"), "{told}");
    }
    assert_eq!(record.rows(SESSIONS, [])?, [json!(null); 0]);

    let told = said(
        &project,
        "c1",
        "SessionStart",
        &json!({"source": "startup"}),
    )?;
    ensure!(
        told.contains("Claude coaches, the developer writes"),
        "{told}"
    );
    ensure!(told.contains("Coaching session 1 is active"), "{told}");
    ensure!(told.chars().count() <= 6000, "{told}");
    let active = json!({"id": 1, "status": "active", "started_by": "hook"});
    assert_eq!(record.rows(SESSIONS, [])?, from_ref(&active));
    let told = said(
        &project,
        "c2",
        "SessionStart",
        &json!({"source": "startup"}),
    )?;
    ensure!(
        told.contains("ask the developer once whether to go on"),
        "{told}"
    );
    assert_eq!(record.rows(SESSIONS, [])?, from_ref(&active));

    // Neither of these lets the session end: they go on, are still there, or were never part of it.
    for (id, reason) in [
        ("c1", "clear"),
        ("c2", "resume"),
        ("c1", "other"),
        ("c1", "other"),
        ("c9", "logout"),
    ] {
        of(&project, id, "SessionEnd", json!({"reason": reason}))?;
    }
    let attached = "SELECT claude_id FROM session_claude_ids WHERE detached_at IS NULL";
    record
        .expect_rows(attached, &[json!({"claude_id": "c2"})])
        .await?;
    assert_eq!(record.rows(SESSIONS, [])?, [active]);
    of(
        &project,
        "c2",
        "SessionEnd",
        json!({"reason": "prompt_input_exit"}),
    )?;
    let completed = json!({"id": 1, "status": "completed", "started_by": "hook"});
    record.expect_rows(SESSIONS, &[completed]).await?;
    ensure!(sidecar.stop()?.success());
    Ok(())
}

#[tokio::test]
async fn a_session_of_the_human_is_adopted_and_outlives_claude() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let record = Record::of(&project)?;
    let (mut human, _) = Socket::hello(&sidecar).await?;
    human.request("session:start", json!({})).await?;
    said(&project, "c1", "SessionStart", &json!({"source": "resume"}))?;
    of(&project, "c1", "SessionEnd", json!({"reason": "other"}))?;
    let left = "SELECT count(*) AS n FROM session_claude_ids WHERE detached_at IS NOT NULL";
    record.expect_rows(left, &[json!({"n": 1})]).await?;
    let active = json!({"id": 1, "status": "active", "started_by": "ui"});
    assert_eq!(record.rows(SESSIONS, [])?, [active]);
    ensure!(sidecar.stop()?.success());
    Ok(())
}

#[tokio::test]
async fn hooks_of_another_project_say_so_and_change_nothing() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let record = Record::of(&project)?;
    let other = project.outside().join("other");
    std::fs::create_dir(&other)?;
    let elsewhere = |event: &str, more: &Value| -> Result<Value> {
        let mut command = patient(&project, event);
        command.env("CLAUDE_PROJECT_DIR", &other);
        answered(run(command, more.to_string().as_bytes())?)
    };
    let start = json!({"session_id": "c1", "cwd": other, "source": "startup"});
    let answer = elsewhere("SessionStart", &start)?.to_string();
    ensure!(
        answer.contains("No coaching session was started: This sidecar serves"),
        "{answer}"
    );
    let prompt = json!({"session_id": "c1", "cwd": other, "prompt": "why?"});
    assert_eq!(elsewhere("UserPromptSubmit", &prompt)?, Value::Null);
    // What comes after it is there: nothing else will be.
    of(
        &project,
        "c1",
        "UserPromptSubmit",
        json!({"prompt": "fix it"}),
    )?;
    let only = json!({"session": null, "data": {"class": "request"}});
    record.expect_actions("prompt_submitted", &[only]).await?;
    assert_eq!(record.rows(SESSIONS, [])?, [json!(null); 0]);
    ensure!(sidecar.stop()?.success());
    Ok(())
}

#[tokio::test]
async fn a_prompt_brings_the_editor_and_leaves_its_class() -> Result<()> {
    let files = [("a.rs", "fn a() {}\n"), (".env", "KEY=old\n")];
    let project = Project::with(&files)?;
    let sidecar = Sidecar::start(&project)?;
    let record = Record::of(&project)?;
    let (mut human, _) = Socket::hello(&sidecar).await?;
    human.request("session:start", json!({})).await?;
    for (path, text) in [
        ("a.rs", "fn a() {}\nfn typed() {}\n"),
        (".env", "KEY=unsaved-text\n"),
    ] {
        human.request("file:open", json!({"path": path})).await?;
        let cursor = json!({"line": 1, "column": 1});
        human
            .send(
                "buffer:update",
                json!({"path": path, "content": text, "cursorPosition": cursor}),
            )
            .await?;
    }
    human.expect_none(|_| false).await?;
    let told = said(
        &project,
        "c1",
        "UserPromptSubmit",
        &json!({"prompt": "Why my secret phrase?"}),
    )?;
    ensure!(told.contains("Open files: a.rs"), "{told}");
    ensure!(told.contains("+fn typed() {}"), "{told}");
    ensure!(!told.contains("unsaved-text"), "{told}");
    let compact = json!({"session_id": "c1", "cwd": project.root}).to_string();
    let compacted = run(patient(&project, "PreCompact"), compact.as_bytes())?;
    assert_eq!(compacted.status.code(), Some(0));
    let kept = String::from_utf8(compacted.stdout)?;
    ensure!(kept.starts_with("Paige's rules"), "{kept}");
    ensure!(kept.contains("Coaching session 1 is active"), "{kept}");

    let logged = "SELECT DISTINCT data FROM action_log WHERE action_type = 'prompt_submitted'";
    record
        .expect_rows(logged, &[json!({"data": r#"{"class":"question"}"#})])
        .await?;
    let kept = record.rows(
        "SELECT count(*) AS n FROM action_log WHERE data LIKE '%secret phrase%'",
        [],
    )?;
    assert_eq!(kept, [json!({"n": 0})]);
    ensure!(sidecar.stop()?.success());
    Ok(())
}

#[tokio::test]
async fn what_claude_does_with_its_own_tools_is_on_the_timeline() -> Result<()> {
    let project = Project::with(&[("a.rs", "fn a() {}\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let record = Record::of(&project)?;
    let ran = |event: &str, more: Value| of(&project, "c1", event, more);
    ran(
        "PostToolUse",
        json!({
            "tool_name": "Read", "tool_input": {"file_path": project.root.join("a.rs")}, "tool_response": {"file": {}},
        }),
    )?;
    let read = json!({"session": null, "data": {"toolName": "Read", "path": "a.rs"}});
    record.expect_actions("claude_read", &[read]).await?;

    ran(
        "PostToolUse",
        json!({
            "tool_name": "Bash", "tool_input": {"command": "git diff"}, "tool_response": {"stdout": "", "stderr": ""},
        }),
    )?;
    let command = |line: &str, kind: &str, code: i32, lines: Value| {
        json!({"session": null, "data": {
            "command": line, "kind": kind, "exitCode": code, "durationMs": 0, "errorLines": lines, "source": "hook",
        }})
    };
    let diff = command("git diff", "other", 0, json!([]));
    record
        .expect_actions("command_run", from_ref(&diff))
        .await?;
    ran(
        "PostToolUseFailure",
        json!({
            "tool_name": "Bash", "tool_input": {"command": "cargo test"}, "error": "Exit code 101\nerror: test failed at a.rs:7",
        }),
    )?;
    let test = command(
        "cargo test",
        "test",
        101,
        json!(["error: test failed at a.rs:_"]),
    );
    record.expect_actions("command_run", &[diff, test]).await?;

    let edit = patient(&project, "PreToolUse");
    let edit = answered(run(
        edit,
        bash(&project, "sed -i s/a/b/ a.rs").to_string().as_bytes(),
    )?)?;
    assert_eq!(edit["hookSpecificOutput"]["permissionDecision"], "deny");
    let denied = json!({"session": null, "data": {
        "toolName": "Bash", "decision": "deny", "rule": "option", "subject": "sed -i s/a/b/ a.rs",
    }});
    record.expect_actions("tool_denied", &[denied]).await?;
    ensure!(sidecar.stop()?.success());
    Ok(())
}

#[tokio::test]
async fn an_answer_with_too_much_code_is_sent_back_once() -> Result<()> {
    let project = Project::with(&[(
        "a.rs",
        "fn a() {\n    one();\n    two();\n    three();\n    four();\n}\n",
    )])?;
    let sidecar = Sidecar::start(&project)?;
    let record = Record::of(&project)?;
    let claude = Claude::connect(&sidecar, Era::Sessions).await?;
    claude
        .call("paige_start_session", json!({"project_dir": project.root}))
        .await?;
    let much =
        "Here:\n\n```rust\nfn b() {\n    let x = 1;\n    let y = 2;\n    run(x, y);\n}\n```\n";
    // As the file of Claude Code has it, where the hook is not told the last message.
    let transcript = project.outside().join("t.jsonl");
    let lines = [
        json!({"type": "user", "message": {"content": "write it"}}),
        json!({"type": "assistant", "message": {"content": [{"type": "text", "text": much}]}}),
    ];
    std::fs::write(&transcript, lines.map(|line| format!("{line}\n")).concat())?;
    let answer = of(
        &project,
        "c1",
        "Stop",
        json!({"transcript_path": transcript}),
    )?;
    assert_eq!(answer["decision"], "block");
    let reason = answer["reason"].as_str().unwrap_or_default();
    ensure!(
        reason.contains("5 lines of code") && reason.contains("at most 3 lines"),
        "{reason}"
    );

    of(
        &project,
        "c1",
        "Stop",
        json!({"last_assistant_message": much, "stop_hook_active": true}),
    )?;
    let again =
        "SELECT DISTINCT data FROM action_log WHERE action_type = 'answer_too_large' ORDER BY id";
    let entry = |blocked: bool| json!({"data": format!(r#"{{"lines":5,"allowed":3,"blocked":{blocked}}}"#)});
    record
        .expect_rows(again, &[entry(true), entry(false)])
        .await?;

    // What stands in the project already may be quoted once Claude has read it.
    let quoted = format!(
        "You have:\n```rust\n{}```\nWhat does it do?",
        project.read("a.rs")?
    );
    of(
        &project,
        "c1",
        "PostToolUse",
        json!({
            "tool_name": "Read", "tool_input": {"file_path": project.root.join("a.rs")},
        }),
    )?;
    let read = json!({"session": 1, "data": {"toolName": "Read", "path": "a.rs"}});
    record.expect_actions("claude_read", &[read]).await?;
    let quiet = of(
        &project,
        "c1",
        "Stop",
        json!({"last_assistant_message": quoted}),
    )?;
    assert_eq!(quiet, Value::Null);
    ensure!(sidecar.stop()?.success());
    Ok(())
}

#[tokio::test]
async fn the_door_knows_its_hooks_and_its_token() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let [ui, mcp, hook] = &sidecar.tokens;
    let post = |event: &str, token: &str, body: &'static str| {
        let request = reqwest::Client::new().post(sidecar.url(&format!("/hook/{event}")));
        let request = request.bearer_auth(token).body(body);
        async move { Ok::<_, anyhow::Error>(request.send().await?.status().as_u16()) }
    };
    assert_eq!(post("Stop", hook, "{}").await?, 200);
    assert_eq!(post("Stop", mcp, "{}").await?, 403);
    assert_eq!(post("Stop", ui, "{}").await?, 403);
    assert_eq!(post("Notification", hook, "{}").await?, 404);
    assert_eq!(post("Stop", hook, "{").await?, 400);
    assert_eq!(post("Stop", hook, r#"{"prompt": 7}"#).await?, 400);
    ensure!(sidecar.stop()?.success());
    Ok(())
}

#[tokio::test]
async fn what_was_said_is_wrapped_up_behind_the_end() -> Result<()> {
    let fake = Fake::start(&anthropic::demo_script()?).await?;
    let project = Project::empty()?;
    let sidecar = Sidecar::thinking(&project, &fake, &[])?;
    let record = Record::of(&project)?;
    said(
        &project,
        "c1",
        "SessionStart",
        &json!({"source": "startup"}),
    )?;
    let transcript = project.outside().join("t.jsonl");
    let lines = [
        json!({"type": "user", "message": {"content": "I found it by printing. API_KEY=sk-ant-0123456789abcdef0123"}}),
        json!({"type": "user", "message": {"content": [{"type": "tool_result", "content": "the text of a file"}]}}),
        json!({"type": "assistant", "message": {"content": [{"type": "tool_use", "name": "Grep", "input": {}}]}}),
    ];
    std::fs::write(&transcript, lines.map(|line| format!("{line}\n")).concat())?;
    of(
        &project,
        "c1",
        "SessionEnd",
        json!({"reason": "other", "transcript_path": transcript}),
    )?;
    // Its end was answered, whatever comes of its wrap-up.
    let over =
        "SELECT count(*) AS n FROM sessions WHERE status IN ('completed', 'completed_with_errors')";
    record.expect_rows(over, &[json!({"n": 1})]).await?;
    let asked = fake.requests();
    let reflection = asked
        .iter()
        .find(|seen| seen.request.call == "reflection_agent");
    let text = reflection.context("it reflected")?.request.text();
    ensure!(text.contains("I found it by printing"), "{text}");
    ensure!(text.contains("(Claude used Grep)"), "{text}");
    ensure!(!text.contains("0123456789abcdef"), "{text}");
    ensure!(!text.contains("the text of a file"), "{text}");
    ensure!(sidecar.stop()?.success());
    Ok(())
}
