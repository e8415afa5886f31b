//! `paige-sidecar mcp` and `mcp-headers`: a client on stdin and stdout, the sidecar wherever it is.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use paige_protocol::process::Rendezvous;
use paige_tests::sidecar::binary;
use paige_tests::{Project, Sidecar};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};

fn command(project: &Project, args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("CLAUDE_PROJECT_DIR", &project.root)
        .env("DATA_DIR", &project.data)
        .env("PAIGE_EMBEDDING_MODEL", "none")
        .args(args);
    command
}

/// Stops the sidecar that a bridge has started, however the test ends.
struct Stops<'a>(&'a Project);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        let _ = command(self.0, &["stop"]).output();
    }
}

/// A client at the other end of a bridge.
struct Bridge {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Bridge {
    fn start(project: &Project) -> Result<Self> {
        let mut child = command(project, &["mcp"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("stdout is piped")?;
        Ok(Self {
            child,
            input,
            output: BufReader::new(output),
        })
    }

    fn send(&mut self, message: &Value) -> Result<()> {
        let input = self.input.as_mut().context("stdin is open")?;
        Ok(writeln!(input, "{message}")?)
    }

    /// The next message that answers something.
    fn answer(&mut self) -> Result<Value> {
        loop {
            let mut line = String::new();
            ensure!(
                self.output.read_line(&mut line)? > 0,
                "the bridge has ended"
            );
            let message: Value = serde_json::from_str(&line)?;
            if message["method"] == Value::Null {
                return Ok(message);
            }
        }
    }

    fn ask(&mut self, id: u32, method: &str, params: &Value) -> Result<Value> {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))?;
        let answer = self.answer()?;
        assert_eq!(answer["id"], id, "{answer}");
        Ok(answer)
    }

    fn initialize(&mut self) -> Result<Value> {
        let client = json!({"name": "test", "version": "1"});
        let params =
            json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client});
        let answer = self.ask(0, "initialize", &params)?;
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))?;
        Ok(answer)
    }

    fn call(&mut self, id: u32, tool: &str, arguments: &Value) -> Result<Value> {
        let params = json!({"name": tool, "arguments": arguments});
        self.ask(id, "tools/call", &params)
    }

    /// Ends as a client does that has finished.
    fn close(mut self) -> Result<()> {
        drop(self.input.take());
        ensure!(self.child.wait()?.success());
        Ok(())
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn live(project: &Project) -> Result<Rendezvous> {
    let text = std::fs::read(project.data.join("sidecar.json"))?;
    Ok(serde_json::from_slice(&text)?)
}

fn pid(live: &Rendezvous) -> Result<Pid> {
    Pid::from_raw(i32::try_from(live.pid)?).context("no process has the id 0")
}

#[test]
fn two_bridges_start_one_sidecar_and_outlive_it() -> Result<()> {
    let project = Project::with(&[("a.rs", "fn a() {}\n")])?;
    let _stops = Stops(&project);
    let mut bridges = [Bridge::start(&project)?, Bridge::start(&project)?];
    for bridge in &mut bridges {
        let answer = bridge.initialize()?;
        assert_eq!(answer["result"]["serverInfo"]["name"], "paige", "{answer}");
        let listed = bridge.ask(1, "tools/list", &json!({}))?;
        let tools = listed["result"]["tools"].as_array().context("tools")?;
        assert_eq!(tools.len(), 18);
    }
    let first = live(&project)?;
    assert_eq!(first.project_dir, project.root.to_string_lossy());
    let log = Sidecar::log(&project)?;
    assert_eq!(log.matches(" Ready.").count(), 1, "{log}");

    // A coaching session of one is seen by the other: it is the same sidecar.
    let started = bridges[0].call(
        2,
        "paige_start_session",
        &json!({"project_dir": project.root}),
    )?;
    let session = &started["result"]["structuredContent"]["session"]["id"];
    assert!(session.is_u64(), "{started}");
    let active = bridges[1].call(2, "paige_get_active_session", &json!({}))?;
    let seen = &active["result"]["structuredContent"]["session"]["id"];
    assert_eq!(seen, session);

    // What is killed is started again, and the client knows nothing of it.
    kill_process(pid(&first)?, Signal::KILL)?;
    for bridge in &mut bridges {
        let active = bridge.call(3, "paige_get_active_session", &json!({}))?;
        let seen = &active["result"]["structuredContent"]["session"]["id"];
        assert_eq!(seen, session, "{active}");
    }
    let second = live(&project)?;
    assert_ne!(second.pid, first.pid);

    // It goes on when the clients have left.
    for bridge in bridges {
        bridge.close()?;
    }
    test_kill_process(pid(&second)?)?;
    assert!(command(&project, &["stop"]).status()?.success());
    Ok(())
}

#[test]
fn a_session_that_the_sidecar_forgot_is_begun_anew() -> Result<()> {
    let project = Project::empty()?;
    let _stops = Stops(&project);
    let mut bridge = Bridge::start(&project)?;
    bridge.initialize()?;
    let first = live(&project)?;
    assert!(command(&project, &["stop"]).status()?.success());
    // With the database goes every MCP session, and with the tokens the one that the bridge has.
    std::fs::remove_dir_all(&project.data)?;
    let answer = bridge.call(1, "paige_get_active_session", &json!({}))?;
    assert_eq!(
        answer["result"]["structuredContent"],
        json!({"session": null})
    );
    let second = live(&project)?;
    assert_ne!(second.tokens.mcp.expose(), first.tokens.mcp.expose());
    bridge.close()
}

#[test]
fn what_is_no_json_and_what_cannot_be_started_is_told() -> Result<()> {
    let project = Project::empty()?;
    let mut bridge = Bridge::start(&project)?;
    writeln!(bridge.input.as_mut().context("stdin")?, "hello")?;
    assert_eq!(bridge.answer()?["error"]["code"], -32700);
    std::fs::write(&project.data, "a file where a folder should be")?;
    let answer = bridge.initialize()?;
    let told = answer["error"]["message"].as_str().context("an error")?;
    assert!(told.contains("DATA_DIR"), "{told}");
    bridge.close()
}

#[test]
fn the_sidecar_of_another_project_is_not_used() -> Result<()> {
    let (project, other) = (Project::empty()?, Project::empty()?);
    let sidecar = Sidecar::start(&other)?;
    let mut theirs = command(&project, &["mcp"]);
    let mut child = theirs
        .env("DATA_DIR", &other.data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let ask = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
    writeln!(child.stdin.take().context("stdin")?, "{ask}")?;
    let output = child.wait_with_output()?;
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    let told = answer["error"]["message"].as_str().context("an error")?;
    for part in [
        &*other.root.to_string_lossy(),
        &*project.root.to_string_lossy(),
        "paige-sidecar stop",
    ] {
        assert!(told.contains(part), "{told}");
    }
    assert!(sidecar.stop()?.success());
    Ok(())
}

#[test]
fn the_headers_hold_the_token_of_the_live_sidecar() -> Result<()> {
    let project = Project::empty()?;
    let none = command(&project, &["mcp-headers"]).output()?;
    assert_eq!(none.status.code(), Some(8));
    assert!(none.stdout.is_empty());
    let sidecar = Sidecar::start(&project)?;
    let output = command(&project, &["mcp-headers"]).output()?;
    let headers: Value = serde_json::from_slice(&output.stdout)?;
    let bearer = format!("Bearer {}", sidecar.tokens[1]);
    assert_eq!(headers, json!({ "Authorization": bearer }));
    Ok(())
}
