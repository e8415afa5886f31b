//! All other events: whatever becomes of the sidecar, Claude Code goes on as if there were no hook.

use std::io::Read as _;
use std::net::TcpListener;
use std::thread;

use paige_protocol::coach::hooks::HookEvent;
use paige_protocol::process::{Rendezvous, RendezvousTokens, Secret};

use super::*;

/// The events that are told to the sidecar.
fn events() -> impl Iterator<Item = HookEvent> {
    let all = HookEvent::ALL.into_iter();
    all.filter(|event| *event != HookEvent::PreToolUse)
}

/// Asserts that every event is answered as if there were no sidecar.
fn goes_on(project: &Project) -> Result<()> {
    for event in events() {
        let input = json!({
            "session_id": "c1", "cwd": project.root, "source": "startup", "reason": "other", "prompt": "why?",
            "tool_name": "Bash", "tool_input": {"command": "ls"}, "transcript_path": project.root.join("none.jsonl"),
        });
        let answer = hook(project, event.name(), &input)?;
        if event == HookEvent::SessionStart {
            let said = &answer["hookSpecificOutput"];
            assert_eq!(said["hookEventName"], "SessionStart");
            let context = said["additionalContext"].as_str().unwrap_or_default();
            ensure!(
                context.starts_with("Paige's sidecar does not run"),
                "{answer}"
            );
            assert_eq!(context.lines().count(), 1);
        } else {
            assert_eq!(answer, Value::Null, "{event:?}");
        }
    }
    Ok(())
}

/// Puts a rendezvous file down, as if a sidecar listened on this port.
fn pretend(project: &Project, port: u16) -> Result<()> {
    let rendezvous = Rendezvous {
        protocol: "1.0".to_owned(),
        version: "0.0.0".to_owned(),
        pid: 1,
        port,
        instance: "i".to_owned(),
        project_dir: project.root.to_string_lossy().into_owned(),
        tokens: RendezvousTokens {
            mcp: Secret::new("m"),
            hook: Secret::new("h"),
        },
    };
    std::fs::create_dir_all(&project.data)?;
    let text = serde_json::to_string(&rendezvous)?;
    Ok(std::fs::write(project.data.join("sidecar.json"), text)?)
}

/// A server that answers every connection with these bytes once it has read something. It ends with the test.
fn answering(answer: &'static [u8]) -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            // The requests of these tests come in one piece.
            let _ = stream.read(&mut [0; 65536]);
            let _ = stream.write_all(answer);
        }
    });
    Ok(port)
}

#[test]
fn without_a_sidecar_claude_code_goes_on() -> Result<()> {
    let project = Project::empty()?;
    goes_on(&project)?;
    std::fs::create_dir_all(&project.data)?;
    std::fs::write(project.data.join("sidecar.json"), "{")?;
    goes_on(&project)?;
    // One that was killed: nobody listens there any more.
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    pretend(&project, port)?;
    goes_on(&project)
}

#[test]
fn with_a_sidecar_that_hangs_claude_code_goes_on() -> Result<()> {
    let project = Project::empty()?;
    // The kernel takes the connections, and nobody ever looks at them.
    let deaf = TcpListener::bind(("127.0.0.1", 0))?;
    pretend(&project, deaf.local_addr()?.port())?;
    goes_on(&project)
}

#[test]
fn with_a_sidecar_that_fails_claude_code_goes_on() -> Result<()> {
    for answer in [
        &b"HTTP/1.1 500 Internal Server Error\r\n\r\n{\"decision\": \"block\", \"reason\": \"x\"}"
            [..],
        b"HTTP/1.1 401 Unauthorized\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n\r\nno JSON",
        b"HTTP/1.1 200 OK\r\n\r\n[1, 2]",
        b"\x00\xff\xfe",
        b"",
    ] {
        let project = Project::empty()?;
        pretend(&project, answering(answer)?)?;
        goes_on(&project)?;
    }
    Ok(())
}

#[test]
fn an_input_that_makes_no_sense_and_an_event_that_nobody_knows_are_passed_over() -> Result<()> {
    let project = Project::empty()?;
    for input in [&b""[..], b"[", b"{\"prompt\": 7}", b"\xff"] {
        let output = run(command(&project, "UserPromptSubmit"), input)?;
        assert_eq!(answered(output)?, Value::Null);
    }
    assert_eq!(hook(&project, "Notification", &json!({}))?, Value::Null);
    // A stdin that is never closed.
    let mut child = command(&project, "Stop").spawn()?;
    let stdin = child.stdin.take();
    let output = child.wait_with_output()?;
    drop(stdin);
    assert_eq!(answered(output)?, Value::Null);
    Ok(())
}
