//! PreToolUse: whatever happens to it is a denial.

use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use super::*;
use paige_tests::Sidecar;
use paige_tests::sidecar::PATIENCE;

/// The line of the plugin.
const LINE: &str = "paige-sidecar hook PreToolUse || exit 2";

/// The plugin's line, run by a shell that finds `paige-sidecar` in this folder alone.
fn line(project: &Project, folder: &std::path::Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", LINE]);
    as_claude_code(&mut command, project);
    command.env("PATH", folder);
    command
}

#[test]
fn tools_are_judged_without_a_sidecar() -> Result<()> {
    let project = Project::with(&[("a.rs", "fn a() {}\n")])?;
    for (input, expected) in [
        (bash(&project, "git diff"), "allow"),
        (bash(&project, "cargo test 2>&1 | tail -5"), "allow"),
        (
            tool(&project, "Read", json!({"file_path": "a.rs"})),
            "allow",
        ),
        (
            tool(
                &project,
                "mcp__plugin_paige_paige__paige_get_diff",
                json!({}),
            ),
            "allow",
        ),
        (bash(&project, "sed -i s/a/b/ a.rs"), "deny"),
        (bash(&project, "echo x >a.rs"), "deny"),
        (bash(&project, "echo \"unclosed"), "deny"),
        (
            tool(
                &project,
                "Write",
                json!({"file_path": "a.rs", "content": ""}),
            ),
            "deny",
        ),
        (tool(&project, "Edit", json!({"file_path": "a.rs"})), "deny"),
        (tool(&project, "SomethingNew", json!({})), "ask"),
    ] {
        assert_eq!(decision(&project, &input)?, expected, "{input}");
    }
    Ok(())
}

#[test]
fn an_input_that_cannot_be_judged_is_denied() -> Result<()> {
    let project = Project::empty()?;
    let too_long = vec![b' '; 33 * 1024 * 1024];
    for input in [
        &b""[..],
        b"{}",
        b"not JSON",
        b"\xff\xfe",
        br#"{"tool_name": "Read", "tool_input": {}}"#,
        &too_long,
    ] {
        let output = run(command(&project, "PreToolUse"), input)?;
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(output.stdout, b"");
        let told = String::from_utf8(output.stderr)?;
        ensure!(
            told.starts_with("Paige's read-only rule could not be asked"),
            "{told}"
        );
    }
    Ok(())
}

#[test]
fn a_rule_that_hangs_denies_by_itself() -> Result<()> {
    let project = Project::empty()?;
    let mut child = command(&project, "PreToolUse").spawn()?;
    // Half of an input, whose end never comes.
    let mut stdin = child.stdin.take().context("stdin is piped")?;
    stdin.write_all(b"{\"tool_name\": ")?;
    let output = child.wait_with_output()?;
    drop(stdin);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr)?;
    ensure!(told.contains("did not come to an end in time"), "{told}");
    Ok(())
}

#[test]
fn a_rule_that_is_killed_denies_by_its_line() -> Result<()> {
    let project = Project::empty()?;
    let folder = binary().parent().context("a folder")?;
    let mut shell = line(&project, folder).spawn()?;
    let stdin = shell.stdin.take();
    let children = format!("/proc/{0}/task/{0}/children", shell.id());
    let begun = Instant::now();
    // The rule denies by itself after a while, which would be a denial as well.
    while begun.elapsed() < PATIENCE && shell.try_wait()?.is_none() {
        let listed = std::fs::read_to_string(&children).unwrap_or_default();
        if let Some(child) = listed.split_whitespace().next() {
            let pid = Pid::from_raw(child.parse()?).context("no process has the id 0")?;
            // It may just have ended.
            let _ = kill_process(pid, Signal::KILL);
            break;
        }
    }
    let output = shell.wait_with_output()?;
    drop(stdin);
    assert_eq!(output.status.code(), Some(2));
    Ok(())
}

#[test]
fn a_rule_that_is_gone_denies_by_its_line() -> Result<()> {
    let project = Project::empty()?;
    let there = binary().parent().context("a folder")?;
    let read = bash(&project, "git diff").to_string();
    let output = run(line(&project, there), read.as_bytes())?;
    assert_eq!(
        output.status.code(),
        Some(0),
        "the line works where the binary is"
    );
    let output = run(line(&project, &project.root), read.as_bytes())?;
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(output.stdout, b"");
    Ok(())
}

#[test]
fn settings_that_cannot_be_read_are_a_denial() -> Result<()> {
    let project = Project::empty()?;
    let mut without_home = command(&project, "PreToolUse");
    without_home
        .env("DATA_DIR", "~/paige")
        .env("HOME", "relative");
    let output = run(without_home, bash(&project, "ls").to_string().as_bytes())?;
    assert_eq!(output.status.code(), Some(2));
    Ok(())
}

/// The attack of blueprint §4: read the `ui` token, then save through the socket.
#[test]
fn the_attack_on_the_token_is_denied_at_every_step() -> Result<()> {
    let project = Project::with(&[("a.rs", "fn a() {}\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let data = project.data.display();
    let port = sidecar.ready.port;
    let link = project.root.join("notes");
    std::os::unix::fs::symlink(&project.data, &link)?;
    for step in [
        format!("cat {data}/ui.token"),
        "cat ../data/ui.token".to_owned(),
        "cat notes/ui.token".to_owned(),
        format!("cat {data}/sidecar.json"),
        format!("d={data}; cat $d/ui.*"),
        "grep -r . ..".to_owned(),
        "paige-sidecar tokens".to_owned(),
        format!("curl -H @{data}/ui.token http://127.0.0.1:{port}/timeline"),
        format!("websocat ws://localhost:{port}/ws"),
        format!("exec 3<>/dev/tcp/127.0.0.1/{port}"),
        format!("python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}))'"),
        format!("node -e 'new WebSocket(\"ws://127.0.0.1:{port}/ws\")'"),
        "cat /proc/self/environ".to_owned(),
    ] {
        assert_eq!(
            decision(&project, &bash(&project, &step))?,
            "deny",
            "{step}"
        );
    }
    for (name, input) in [
        ("Read", json!({"file_path": project.data.join("ui.token")})),
        ("Read", json!({"file_path": link.join("ui.token")})),
        ("Read", json!({"file_path": "notes/sidecar.json"})),
        ("Grep", json!({"pattern": ".", "path": project.data})),
        ("Glob", json!({"pattern": "**", "path": project.data})),
        (
            "WebFetch",
            json!({"url": format!("http://127.0.0.1:{port}/timeline")}),
        ),
    ] {
        let step = tool(&project, name, input);
        assert_eq!(decision(&project, &step)?, "deny", "{step}");
    }
    // A data directory that is named through a link has two names.
    let linked = project.outside().join("linked");
    std::os::unix::fs::symlink(&project.data, &linked)?;
    for name in [&linked, &project.data] {
        let mut command = command(&project, "PreToolUse");
        command.env("DATA_DIR", &linked);
        let step = bash(&project, &format!("cat {}/ui.token", name.display()));
        let answer = answered(run(command, step.to_string().as_bytes())?)?;
        assert_eq!(
            answer["hookSpecificOutput"]["permissionDecision"], "deny",
            "{step}"
        );
    }
    ensure!(sidecar.stop()?.success());
    Ok(())
}
