//! Story 1: server foundation and lifecycle. What is about the process alone is tested beside the
//! binary (`sidecar/tests`); here are the doors.

use std::net::TcpStream;

use anyhow::{Context as _, Result, ensure};
use futures_util::StreamExt as _;
use paige_tests::http::exchange;
use paige_tests::mcp::Era;
use paige_tests::sidecar::PATIENCE;
use paige_tests::{Claude, Project, Record, Sidecar, Socket};
use reqwest::{Client, Method, RequestBuilder, Response};
use rustix::process::Signal;
use serde_json::{Value, json};
use uuid::Uuid;

/// A request to Claude's door.
fn mcp(sidecar: &Sidecar, method: Method, session: Option<&str>) -> RequestBuilder {
    let request = Client::new()
        .request(method, sidecar.url("/mcp"))
        .bearer_auth(&sidecar.tokens[1])
        .header("accept", "application/json, text/event-stream");
    match session {
        Some(id) => request
            .header("mcp-session-id", id)
            .header("mcp-protocol-version", "2025-06-18"),
        None => request,
    }
}

async fn initialize(sidecar: &Sidecar) -> Result<Response> {
    let request = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "test", "version": "0"},
        },
    });
    Ok(mcp(sidecar, Method::POST, None)
        .json(&request)
        .send()
        .await?)
}

/// The session of an answer to `initialize`, used as a client does next.
async fn session(sidecar: &Sidecar, answer: Response) -> Result<(String, Value)> {
    ensure!(answer.status() == 200, "{}", answer.status());
    let id = answer
        .headers()
        .get("mcp-session-id")
        .context("no Mcp-Session-Id")?
        .to_str()?
        .to_owned();
    let result = message(answer).await?;
    let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let answer = mcp(sidecar, Method::POST, Some(&id))
        .json(&told)
        .send()
        .await?;
    ensure!(answer.status() == 202, "{}", answer.status());
    Ok((id, result))
}

async fn tools(sidecar: &Sidecar, id: &str) -> Result<Value> {
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"});
    let answer = mcp(sidecar, Method::POST, Some(id))
        .json(&list)
        .send()
        .await?;
    ensure!(answer.status() == 200, "{}", answer.status());
    message(answer).await
}

/// The JSON-RPC message of an answer, as JSON or as the event of a stream.
async fn message(answer: Response) -> Result<Value> {
    let text = answer.text().await?;
    let json = text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .map(str::trim)
        .rfind(|data| !data.is_empty())
        .unwrap_or(&text);
    Ok(serde_json::from_str(json)?)
}

/// spec: 1.1
///
/// That it is ready means that both doors are open, and that it says where.
#[tokio::test]
async fn the_ready_line_comes_when_both_doors_are_open() -> Result<()> {
    let project = Project::with(&[("a.txt", "a\n")])?;
    let sidecar = Sidecar::start(&project)?;
    assert_eq!(sidecar.ready.project_dir, project.root.to_string_lossy());
    let (mut human, _) = Socket::hello(&sidecar).await?;
    assert_eq!(
        human.request("file:open", json!({"path": "a.txt"})).await?["content"],
        "a\n"
    );
    for era in [Era::Sessions, Era::Stateless] {
        let claude = Claude::connect(&sidecar, era).await?;
        ensure!(!claude.tools().await?.is_empty());
        claude.close().await?;
    }
    let port = sidecar.ready.port.to_string();
    Sidecar::logged(&project, &["INFO", "Ready.", &port]).await?;
    Ok(())
}

/// spec: 1.2, in the form of the decisions: with a token, and the session survives a restart.
#[tokio::test]
async fn an_initialize_request_makes_a_session_of_its_own() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let (first, result) = session(&sidecar, initialize(&sidecar).await?).await?;
    Uuid::parse_str(&first)?;
    assert_eq!(
        result["result"]["protocolVersion"], "2025-06-18",
        "{result}"
    );
    assert!(
        result["result"]["serverInfo"]["name"].is_string(),
        "{result}"
    );
    assert!(result["result"]["instructions"].is_string(), "{result}");
    let (second, _) = session(&sidecar, initialize(&sidecar).await?).await?;
    assert_ne!(first, second, "each has its own");

    // It is stateful: what is asked within it is answered, and with its end it is gone.
    let listed = tools(&sidecar, &first).await?;
    assert!(
        listed["result"]["tools"]
            .as_array()
            .is_some_and(|tools| tools.len() >= 14),
        "{listed}"
    );
    let ended = mcp(&sidecar, Method::DELETE, Some(&second)).send().await?;
    ensure!(ended.status().is_success(), "{}", ended.status());
    assert!(tools(&sidecar, &second).await.is_err());

    let record = Record::of(&project)?;
    record
        .expect_rows("SELECT id FROM mcp_sessions", &[json!({"id": first})])
        .await?;
    sidecar.kill()?;
    let sidecar = Sidecar::start(&project)?;
    assert_eq!(tools(&sidecar, &first).await?, listed);

    for token in ["", "wrong"] {
        let refused = Client::new()
            .post(sidecar.url("/mcp"))
            .bearer_auth(token)
            .json(&json!({}));
        assert_eq!(refused.send().await?.status(), 401);
    }
    Ok(())
}

/// spec: 1.3, in the form of the decisions: with a token.
#[tokio::test]
async fn a_websocket_is_upgraded_tracked_and_speaks_json() -> Result<()> {
    let project = Project::with(&[("a.txt", "a\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let port = sidecar.ready.port;
    let upgrade = format!(
        "GET /ws HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        sidecar.tokens[0]
    );
    let answer = exchange(port, upgrade.as_bytes())?;
    assert_eq!(answer.status, 101, "{answer:?}");
    assert_eq!(
        answer.header("sec-websocket-accept"),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    );
    Sidecar::logged(&project, &["A client has left.", "connected=0"]).await?;

    let (mut client, init) = Socket::hello(&sidecar).await?;
    let id = init["clientId"].as_str().unwrap_or_default();
    Sidecar::logged(&project, &["A client has connected.", id, "connected=1"]).await?;
    // Numbers as ids, unknown keys, no timestamp and no payload: all are messages.
    for text in [
        r#"{"type":"file:open","payload":{"path":"a.txt","more":1},"id":7,"unknown":true}"#,
        r#"{"type":"fs:request_tree","id":8}"#,
    ] {
        client.send_text(text).await?;
    }
    let content = client.expect_where("7", |frame| frame["id"] == 7).await?;
    assert_eq!(
        (&content["type"], &content["payload"]["content"]),
        (&json!("fs:content"), &json!("a\n"))
    );
    let tree = client.expect_where("8", |frame| frame["id"] == 8).await?;
    assert_eq!(tree["type"], "fs:tree");
    Ok(())
}

/// spec: 1.8
#[tokio::test]
async fn a_signal_closes_every_session_and_socket_logs_each_step_and_exits_0() -> Result<()> {
    for (signal, name) in [(Signal::INT, "SIGINT"), (Signal::TERM, "SIGTERM")] {
        let project = Project::with(&[("a.txt", "a\n")])?;
        let sidecar = Sidecar::start(&project)?;
        let port = sidecar.ready.port;
        let mut sockets = Vec::new();
        for _ in 0..3 {
            sockets.push(Socket::hello(&sidecar).await?.0);
        }
        let edit = json!({"path": "a.txt", "content": "unsaved\n", "cursorPosition": {"line": 1, "column": 1}});
        sockets[0].send("buffer:update", edit).await?;
        sockets[0]
            .expect_none(|frame| frame["type"] == "connection:error")
            .await?;
        // MCP sessions with a stream open each, and clients of both eras.
        let mut streams = Vec::new();
        let mut last = String::new();
        for _ in 0..2 {
            (last, _) = session(&sidecar, initialize(&sidecar).await?).await?;
            let stream = mcp(&sidecar, Method::GET, Some(&last)).send().await?;
            ensure!(stream.status() == 200, "{}", stream.status());
            streams.push(stream.bytes_stream());
        }
        let claudes = [
            Claude::connect(&sidecar, Era::Sessions).await?,
            Claude::connect(&sidecar, Era::Stateless).await?,
        ];

        sidecar.signal(signal)?;
        for socket in &mut sockets {
            assert_eq!(socket.closed().await?, 1001, "{name}");
        }
        for stream in &mut streams {
            tokio::time::timeout(PATIENCE, async {
                while let Some(Ok(_)) = stream.next().await {}
            })
            .await
            .context("a stream of an MCP session stays open")?;
        }
        let status = tokio::task::spawn_blocking(move || sidecar.ended()).await??;
        assert_eq!(status.code(), Some(0), "{name}");
        drop(claudes);
        ensure!(TcpStream::connect(("127.0.0.1", port)).is_err());

        let log = Sidecar::log(&project)?;
        for step in [
            &*format!("Stopping: {name} came."),
            "no new connections are accepted",
            "MCP sessions are closed",
            "WebSockets are closed with 1001",
            "unsaved text is backed up",
            "the database is flushed and closed",
            "Stopped.",
        ] {
            ensure!(log.contains(step), "{step:?} is not in:\n{log}");
        }

        // What was open is there again: the unsaved text and the MCP session.
        let sidecar = Sidecar::start(&project)?;
        let (mut human, _) = Socket::hello(&sidecar).await?;
        let opened = human.request("file:open", json!({"path": "a.txt"})).await?;
        assert_eq!(
            (&opened["content"], &opened["dirty"]),
            (&json!("unsaved\n"), &json!(true))
        );
        tools(&sidecar, &last).await?;
    }
    Ok(())
}
