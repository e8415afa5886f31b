//! `replay` shows a session once more, and nothing else notices.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use paige_tests::mcp::Era;
use paige_tests::sidecar::{PATIENCE, binary};
use paige_tests::ws::Cursor;
use paige_tests::{Claude, Project, Sidecar, Socket};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

/// A session in which these messages were shown, with a pause before the last; returns its pushes.
async fn session(sidecar: &Sidecar, project: &Project, messages: &[&str]) -> Result<Vec<Value>> {
    let claude = Claude::connect(sidecar, Era::Sessions).await?;
    let (mut socket, _) = Socket::hello(sidecar).await?;
    claude
        .call("paige_start_session", json!({"project_dir": project.root}))
        .await?;
    for (at, message) in messages.iter().enumerate() {
        if at > 0 {
            tokio::time::sleep(Duration::from_millis(600)).await;
        }
        claude
            .call(
                "paige_show_message",
                json!({"message": message, "type": "info"}),
            )
            .await?;
    }
    claude.call("paige_end_session", json!({})).await?;
    // The answer to this comes after every push.
    socket.expect_none(|_| false).await?;
    let pushes = socket.pushes.clone();
    socket.close().await?;
    Ok(pushes)
}

async fn post(sidecar: &Sidecar, body: Value) -> Result<Response> {
    let request = Client::new()
        .post(sidecar.url("/replay"))
        .bearer_auth(&sidecar.tokens[0])
        .json(&body);
    Ok(timeout(PATIENCE, request.send()).await??)
}

/// Asserts that a request is answered by this status and code, and returns the sentence.
async fn refused(sidecar: &Sidecar, body: Value, status: u16, code: &str) -> Result<String> {
    let answer = post(sidecar, body.clone()).await?;
    let found = answer.status().as_u16();
    let error: Value = answer.json().await?;
    ensure!(
        found == status && error["code"] == code,
        "{body}: {found} {error}"
    );
    Ok(error["error"].as_str().unwrap_or_default().to_owned())
}

fn replay(project: &Project, args: &[&str]) -> Result<Child> {
    Ok(Command::new(binary())
        .env_clear()
        .env("DATA_DIR", &project.data)
        .arg("replay")
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?)
}

/// Runs `replay` to its end: its code, stdout and stderr.
async fn replayed(project: &Project, args: &[&str]) -> Result<(Option<i32>, String, String)> {
    let child = replay(project, args)?;
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await??;
    let text = |bytes| String::from_utf8(bytes);
    Ok((
        output.status.code(),
        text(output.stdout)?,
        text(output.stderr)?,
    ))
}

/// A pushed frame as it is shown again.
fn again(push: &Value) -> Value {
    let mut frame = push.clone();
    if let Some(frame) = frame.as_object_mut() {
        frame.remove("seq");
        frame.insert("replay".to_owned(), json!(true));
    }
    frame
}

#[tokio::test]
async fn a_session_is_shown_again_in_its_order_and_time_and_moves_no_cursor() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    session(&sidecar, &project, &["another session"]).await?;
    let pushes = session(&sidecar, &project, &["one", "two"]).await?;
    session(&sidecar, &project, &["a later session"]).await?;
    ensure!(pushes.len() >= 4, "{pushes:?}");

    let (mut socket, init) = Socket::hello(&sidecar).await?;
    let begun = Instant::now();
    let (code, told, trouble) = replayed(&project, &["2", "--speed", "2"]).await?;
    let took = begun.elapsed();
    ensure!(code == Some(0), "{code:?} {trouble}");
    for push in &pushes {
        let shown = socket
            .expect_where("a replayed push", |frame| frame["replay"] == true)
            .await?;
        assert_eq!(shown, again(push));
    }
    socket.expect_none(|frame| frame["replay"] == true).await?;
    ensure!(took >= Duration::from_millis(300), "{took:?}");
    let count = pushes.len();
    let last = format!("Session 2 has been replayed: {count} of {count} messages, to 1 window.");
    ensure!(told.lines().last() == Some(&last), "{told}");
    assert_eq!(told.lines().count(), count + 1);

    // Nothing was pushed: the stream goes on where it was.
    assert_eq!(socket.seqs(), [0; 0]);
    let (_, resumed) = Socket::resume(&sidecar, &Cursor::of(&init)?).await?;
    assert_eq!(resumed["seq"], init["seq"]);
    ensure!(sidecar.stop()?.success());
    Ok(())
}

#[tokio::test]
async fn one_replay_runs_at_a_time_until_its_connection_is_closed() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    session(&sidecar, &project, &["one", "two", "three"]).await?;
    let (mut socket, _) = Socket::hello(&sidecar).await?;
    // Each pause of 0.6 s becomes one of 2 s.
    let mut child = replay(&project, &["1", "--speed", "0.1"])?;
    let is_replay = |frame: &Value| frame["replay"] == true;
    socket.expect_where("the first push", is_replay).await?;
    let told = refused(
        &sidecar,
        json!({"sessionId": 1}),
        409,
        "PRECONDITION_FAILED",
    )
    .await?;
    ensure!(told.contains("Another replay is running"), "{told}");
    child.kill()?;
    child.wait()?;
    // Its turn ends with its connection.
    let deadline = Instant::now() + PATIENCE;
    let answer = loop {
        let answer = post(&sidecar, json!({"sessionId": 1, "speed": 100})).await?;
        if answer.status() == StatusCode::OK {
            break answer;
        }
        ensure!(Instant::now() < deadline, "it never stops");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let lines = answer.text().await?;
    let events: Vec<Value> = lines
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    assert_eq!(events[0]["event"], "started");
    assert_eq!(events[0]["clients"], 1);
    assert_eq!(events[0]["isCut"], false);
    assert_eq!(events.last().context("a last line")?["event"], "finished");
    ensure!(sidecar.stop()?.success());
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_replayed_is_told_why() -> Result<()> {
    let project = Project::empty()?;
    let (code, _, told) = replayed(&project, &["1"]).await?;
    ensure!(
        code == Some(8) && told.contains("No sidecar runs"),
        "{told}"
    );

    let sidecar = Sidecar::start(&project)?;
    session(&sidecar, &project, &["one"]).await?;
    for (body, status, code) in [
        (json!({"sessionId": 9}), 404, "UNKNOWN_ID"),
        (
            json!({"sessionId": 1, "speed": 0.05}),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            json!({"sessionId": 1, "speed": 101}),
            400,
            "INVALID_ARGUMENT",
        ),
        (json!({"session": 1}), 400, "INVALID_ARGUMENT"),
    ] {
        refused(&sidecar, body, status, code).await?;
    }
    let (code, _, told) = replayed(&project, &["9"]).await?;
    ensure!(code == Some(9) && told.contains("no session 9"), "{told}");
    let (code, _, told) = replayed(&project, &["1", "--speed", "0"]).await?;
    ensure!(code == Some(2) && told.contains("0.1 to 100"), "{told}");
    let (code, _, told) = replayed(&project, &["1", "--speed", "100"]).await?;
    ensure!(
        code == Some(0) && told.contains("No window is connected"),
        "{told}"
    );

    // As if all had become too old.
    ensure!(sidecar.stop()?.success());
    let rows = rusqlite::Connection::open(project.database())?;
    rows.execute_batch(
        "UPDATE streams SET head = (SELECT max(seq) FROM outbox); DELETE FROM outbox",
    )?;
    drop(rows);
    let sidecar = Sidecar::start(&project)?;
    let told = refused(&sidecar, json!({"sessionId": 1}), 410, "UNAVAILABLE").await?;
    ensure!(told.contains("--outbox-keep-hours"), "{told}");
    ensure!(sidecar.stop()?.success());
    Ok(())
}
