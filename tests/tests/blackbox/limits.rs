//! Every limit of the WebSocket door, hit.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, Result, bail, ensure};
use paige_tests::sidecar::PATIENCE;
use paige_tests::ws::Cursor;
use paige_tests::{Project, Sidecar, Socket};
use serde_json::{Value, json};

fn edit(path: &str, text: &str) -> Value {
    json!({"path": path, "content": text, "cursorPosition": {"line": 1, "column": 1}})
}

#[tokio::test]
async fn a_client_that_never_reads_is_let_go_and_delays_nobody() -> Result<()> {
    const FILES: usize = 60;
    let project = Project::empty()?;
    let sidecar = Sidecar::start_with(&project, &["--max-queue-bytes", "65536"])?;
    let (mut writer, init) = Socket::hello(&sidecar).await?;
    let cursor = Cursor::of(&init)?;
    let (mut reader, _) = Socket::hello(&sidecar).await?;
    let (mut deaf, init) = Socket::hello(&sidecar).await?;
    let id = init["clientId"].as_str().unwrap_or_default().to_owned();
    // Far more than all buffers between the two hold; each of another file, so that none replaces
    // another.
    let text = "x".repeat(400_000);
    for n in 0..FILES {
        writer
            .send("buffer:update", edit(&format!("{n}.txt"), &text))
            .await?;
        reader
            .expect_where("the text", |frame| {
                frame["payload"]["path"] == format!("{n}.txt").as_str()
            })
            .await?;
    }
    writer
        .request("hints:level_change", json!({"to": "low"}))
        .await?;
    reader.expect_push("hints:level").await?;
    Sidecar::logged(&project, &["code=4408", &id, "come back with your cursor"]).await?;
    Sidecar::logged(&project, &["A client has left.", &id]).await?;
    // When it listens at last, it is cut off or told why, but not served any more.
    if let Ok(code) = deaf.closed().await {
        assert_eq!(code, 4408);
    }
    // It comes back with its cursor and has missed no push.
    let (mut back, _) = Socket::resume(&sidecar, &cursor).await?;
    assert_eq!(back.expect_push("hints:level").await?["seq"], 1);
    Ok(())
}

/// A client that reads slowly, but reads, is told why it is let go.
#[tokio::test]
async fn a_client_that_does_not_keep_up_is_closed_with_4408() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start_with(&project, &["--max-queue-bytes", "1000"])?;
    let (mut writer, _) = Socket::hello(&sidecar).await?;
    let (mut slow, _) = Socket::hello(&sidecar).await?;
    let text = "x".repeat(5000);
    let flood = async {
        for n in 0.. {
            writer
                .send("buffer:update", edit(&format!("{n}.txt"), &text))
                .await?;
        }
        anyhow::Ok(())
    };
    // The flood is faster than any reader; it ends when the reader is closed.
    let code = tokio::select! {
        code = slow.closed() => code?,
        flood = flood => bail!("the flood has ended: {flood:?}"),
    };
    assert_eq!(code, 4408);
    Ok(())
}

#[tokio::test]
async fn a_message_beyond_the_limit_closes_with_1009() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start_with(&project, &["--max-message-bytes", "100000"])?;
    let (mut other, _) = Socket::hello(&sidecar).await?;
    // Just below the limit it passes; what is far beyond it is cut off while it still comes in.
    let frame = |length: usize| {
        let empty = json!({"type": "buffer:update", "payload": edit("a.txt", "")}).to_string();
        let text = "x".repeat(length - empty.len());
        json!({"type": "buffer:update", "payload": edit("a.txt", &text)}).to_string()
    };
    let (mut client, _) = Socket::hello(&sidecar).await?;
    client.send_text(&frame(100_000)).await?;
    other.expect("buffer:update").await?;
    client
        .expect_none(|frame| frame["type"] == "connection:error")
        .await?;
    for length in [100_001, 199_000, 250_000, 1_000_000] {
        let (mut client, _) = Socket::hello(&sidecar).await?;
        // It may be refused before all of it is sent.
        let _ = client.send_text(&frame(length)).await;
        assert_eq!(client.closed().await?, 1009, "{length}");
    }
    other
        .expect_none(|frame| frame["type"] == "buffer:update")
        .await
}

#[tokio::test]
async fn a_message_nested_too_deep_is_refused_and_the_connection_stays() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    for depth in [64, 100_000] {
        let text = format!(
            r#"{{"type":"x","payload":{}{}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        );
        client.send_text(&text).await?;
        let error = client
            .expect_where("the refusal", |frame| frame["type"] == "connection:error")
            .await?;
        assert_eq!(error["payload"]["code"], "TOO_LARGE", "{error}");
    }
    // As deep as is allowed: it is only of an unknown type, which is ignored.
    let text = format!(
        r#"{{"type":"x","payload":{}{}}}"#,
        "[".repeat(63),
        "]".repeat(63)
    );
    client.send_text(&text).await?;
    client
        .expect_none(|frame| frame["type"] == "connection:error")
        .await
}

#[tokio::test]
async fn another_major_protocol_version_is_refused_with_4400() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let ours = paige_protocol::PROTOCOL_VERSION;
    let hello = |version: &str| json!({"version": "9", "platform": "p", "windowSize": {"width": 1, "height": 1}, "protocolVersion": version});
    for theirs in ["99.0", "99", "x", ""] {
        let mut client = Socket::connect(&sidecar).await?;
        let refused = client.ask("connection:hello", hello(theirs)).await?;
        assert_eq!(refused["type"], "connection:error");
        assert_eq!(refused["payload"]["code"], "PROTOCOL_MISMATCH");
        let message = refused["payload"]["message"].as_str().unwrap_or_default();
        assert!(
            message.contains(theirs) && message.contains(ours),
            "{message}"
        );
        assert_eq!(
            refused["payload"]["context"],
            json!({"messageType": "connection:hello", "expected": ours, "actual": theirs})
        );
        assert_eq!(client.closed().await?, 4400, "{theirs}");
    }
    // Another minor version is a friend, and so is a client that does not say.
    let major = ours.split('.').next().context("a major version")?;
    let mut client = Socket::connect(&sidecar).await?;
    let init = client
        .request("connection:hello", hello(&format!("{major}.999")))
        .await?;
    assert_eq!(init["protocolVersion"], ours);
    let mut silent = hello(ours);
    silent
        .as_object_mut()
        .context("an object")?
        .remove("protocolVersion");
    client.request("connection:hello", silent).await?;
    Ok(())
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_let_go_with_4409_and_one_that_does_is_not() -> Result<()>
{
    let project = Project::empty()?;
    let sidecar = Sidecar::start_with(&project, &["--ping-seconds", "1"])?;
    let (mut answers, _) = Socket::hello(&sidecar).await?;
    let (port, token) = (sidecar.ready.port, sidecar.tokens[0].clone());
    let silent = tokio::task::spawn_blocking(move || frames_until_close(port, &token));
    // The library answers pings while it waits for messages, of which there are none.
    tokio::select! {
        frames = silent => {
            let (pings, code) = frames??;
            assert_eq!(code, 4409);
            assert!((1..=4).contains(&pings), "{pings} pings");
        }
        frame = answers.expect_where("nothing", |_| false) => bail!("{frame:?}"),
    }
    answers
        .request("hints:level_change", json!({"to": "low"}))
        .await?;
    Ok(())
}

/// Connects, says nothing, and counts the pings until the close frame, whose code is returned.
fn frames_until_close(port: u16, token: &str) -> Result<(usize, u16)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\nConnection: upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    ensure!(
        head.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&head)
    );
    let mut pings = 0;
    loop {
        let mut start = [0; 2];
        stream.read_exact(&mut start)?;
        // Control frames are short; nothing else is sent to a client that has not said hello.
        let mut payload = vec![0; usize::from(start[1])];
        stream.read_exact(&mut payload)?;
        match start[0] {
            0x89 => pings += 1,
            0x88 => return Ok((pings, u16::from_be_bytes([payload[0], payload[1]]))),
            other => bail!("an unexpected frame: {other:#x}"),
        }
    }
}

#[tokio::test]
async fn a_client_gone_wild_is_closed_with_4429() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start_with(&project, &["--max-messages-per-second", "50"])?;
    let (mut calm, _) = Socket::hello(&sidecar).await?;
    let (mut wild, _) = Socket::hello(&sidecar).await?;
    let flood = async {
        loop {
            wild.send("user:idle_end", json!({})).await?;
        }
    };
    let end: Result<()> = tokio::time::timeout(PATIENCE, flood).await?;
    assert!(end.is_err(), "it is cut off while it sends");
    assert_eq!(wild.closed().await.ok().unwrap_or(4429), 4429);
    Sidecar::logged(&project, &["code=4429"]).await?;
    // In time, the same number is nothing.
    calm.request("hints:level_change", json!({"to": "low"}))
        .await?;
    Ok(())
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused_until_one_goes() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start_with(&project, &["--max-connections", "3"])?;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(Socket::hello(&sidecar).await?.0);
    }
    ensure!(
        Socket::connect(&sidecar).await.is_err(),
        "the fourth came in"
    );
    clients.pop().context("the third")?.close().await?;
    Sidecar::logged(&project, &["A client has left."]).await?;
    Socket::hello(&sidecar).await?;
    for client in &mut clients {
        client
            .request("hints:level_change", json!({"to": "low"}))
            .await?;
    }
    Ok(())
}
