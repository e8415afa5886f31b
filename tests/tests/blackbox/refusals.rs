//! What is refused at `/ws`, and what a client is told of it.

use anyhow::Result;
use paige_tests::{Project, Sidecar, Socket};
use serde_json::json;

/// A message with a wrong payload is refused with its type and the first wrong field, for programs and
/// in the sentence.
#[tokio::test]
async fn a_wrong_field_is_named_with_its_place() -> Result<()> {
    let project = Project::with(&[("a.txt", "a\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    for (kind, payload, field) in [
        ("file:open", json!({"path": 3}), "path"),
        ("file:open", json!({}), "path"),
        ("file:open", json!("a.txt"), "payload"),
        (
            "file:save",
            json!({"path": "a.txt", "content": ["a"]}),
            "content",
        ),
        // The first of several, in the order in which they stand.
        ("file:save", json!({"content": 1, "path": 2}), "content"),
        (
            "buffer:update",
            json!({"path": "a.txt", "content": "", "cursorPosition": {"line": -1, "column": 1}}),
            "cursorPosition.line",
        ),
        (
            "buffer:update",
            json!({"path": "a.txt", "content": "", "cursorPosition": {"line": 1}}),
            "cursorPosition.column",
        ),
        ("hints:level_change", json!({"to": "most"}), "to"),
    ] {
        let error = client.ask(kind, payload.clone()).await?;
        assert_eq!(error["type"], "connection:error", "{payload}: {error}");
        let refused = &error["payload"];
        assert_eq!(refused["code"], "INVALID_MESSAGE", "{payload}: {error}");
        assert_eq!(
            refused["context"],
            json!({"messageType": kind, "field": field}),
            "{payload}: {error}"
        );
        let sentence = refused["message"].as_str().unwrap_or_default();
        assert!(
            sentence.contains(&format!("`{field}`")) && sentence.ends_with('.'),
            "{payload}: {error}"
        );
    }
    // Nothing came of any of them.
    assert_eq!(project.read("a.txt")?, "a\n");
    let content = client
        .request("file:open", json!({"path": "a.txt"}))
        .await?;
    assert_eq!(
        (&content["content"], &content["dirty"]),
        (&json!("a\n"), &json!(false))
    );
    Ok(())
}

/// What is saved must be a text that can be opened again: one limit holds for both.
#[tokio::test]
async fn a_save_beyond_the_size_limit_is_refused_and_one_at_it_is_opened_again() -> Result<()> {
    const LIMIT: usize = 4096;
    let project = Project::with(&[("a.txt", "a\n")])?;
    let sidecar = Sidecar::start_with(&project, &["--max-file-bytes", &LIMIT.to_string()])?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    let (mut other, _) = Socket::hello(&sidecar).await?;
    client
        .request("file:open", json!({"path": "a.txt"}))
        .await?;
    // Bytes count, not characters.
    let wide = "\u{e9}".repeat(LIMIT / 2 + 1);
    let large = "x".repeat(LIMIT + 1);
    for path in ["a.txt", "new.txt"] {
        for content in [&large, &wide] {
            let save = json!({"path": path, "content": content});
            let refused = client.ask("file:save", save).await?;
            assert_eq!(refused["type"], "fs:save_error", "{path}: {refused:.300}");
            let payload = &refused["payload"];
            assert_eq!(payload["path"], path, "{refused:.300}");
            assert_eq!(payload["code"], "FILE_TOO_LARGE", "{path}: {refused:.300}");
            let sentence = payload["error"].as_str().unwrap_or_default();
            assert!(sentence.contains(&LIMIT.to_string()), "{sentence}");
        }
    }
    assert_eq!(project.read("a.txt")?, "a\n");
    assert!(!project.root.join("new.txt").exists());
    // Nobody was told of a save.
    other
        .expect_none(|frame| frame["type"] == "fs:save_ack")
        .await?;

    for (path, length) in [("a.txt", LIMIT - 1), ("new.txt", LIMIT)] {
        let text = "x".repeat(length);
        let ack = client
            .request("file:save", json!({"path": path, "content": text}))
            .await?;
        assert_eq!(project.read(path)?, text, "{path}");
        client.send("file:close", json!({"path": path})).await?;
        let opened = client.request("file:open", json!({"path": path})).await?;
        assert_eq!(
            opened,
            json!({
                "path": path, "content": text, "language": "plaintext", "lineCount": 1,
                "version": ack["version"], "dirty": false, "isBinary": false,
            })
        );
    }
    Ok(())
}
