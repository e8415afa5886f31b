//! Clean buffers of files where no watch tells of a change follow the disk all the same (blueprint §5).

use std::os::unix::fs::symlink;

use anyhow::Result;
use paige_tests::mcp::Era;
use paige_tests::{Claude, Project, Sidecar, Socket};
use serde_json::{Value, json};

/// A file in a folder of noise, one in an ignored folder, and one below a link, of which the watcher knows
/// only where it leads; each as it is opened, and as it is on disk.
const PLACES: [(&str, &str); 3] = [
    ("dist/x.js", "dist/x.js"),
    ("generated/y.txt", "generated/y.txt"),
    ("good/b.txt", "real/b.txt"),
];

/// What Claude is told of a buffer: its text, and whether it has unsaved edits.
async fn told(claude: &Claude, path: &str) -> Result<(Value, Value)> {
    let buffer = claude
        .call("paige_get_buffer", json!({"path": path}))
        .await?;
    Ok((buffer["content"].clone(), buffer["dirty"].clone()))
}

#[tokio::test]
async fn a_clean_buffer_follows_the_disk_where_nothing_is_watched() -> Result<()> {
    let project = Project::with(&[(".gitignore", "generated/\n")])?;
    for (_, on_disk) in PLACES {
        project.write(on_disk, "one\n")?;
    }
    symlink("real", project.root.join("good"))?;
    let sidecar = Sidecar::start(&project)?;
    let (mut left, _) = Socket::hello(&sidecar).await?;
    let (mut right, _) = Socket::hello(&sidecar).await?;
    let claude = Claude::connect(&sidecar, Era::Sessions).await?;
    left.request("session:start", json!({})).await?;
    for (path, _) in PLACES {
        let opened = left.request("file:open", json!({"path": path})).await?;
        assert_eq!(opened["content"], "one\n", "{path}");
        assert_eq!(told(&claude, path).await?, (json!("one\n"), json!(false)));
    }

    // Twice, and the second time with a text of the same length: not only the size is compared.
    for text in ["changed\n", "CHANGED\n"] {
        for (_, on_disk) in PLACES {
            project.write(on_disk, text)?;
        }
        for (path, _) in PLACES {
            for client in [&mut left, &mut right] {
                let shown = client
                    .expect_where(&format!("the disk's text of {path}"), |frame| {
                        frame["type"] == "buffer:update"
                            && frame["payload"]["path"] == path
                            && frame["payload"]["content"] == text
                    })
                    .await?;
                assert_eq!(shown["payload"]["clientId"], Value::Null, "{shown}");
                assert!(shown["payload"]["version"].is_string(), "{shown}");
            }
            let now = told(&claude, path).await?;
            assert_eq!(now, (json!(text), json!(false)), "{path}");
        }
    }
    // That version is one that every window has received: a save on it is no conflict.
    for (path, on_disk) in PLACES {
        let save = json!({"path": path, "content": "saved\n"});
        right.request("file:save", save).await?;
        assert_eq!(project.read(on_disk)?, "saved\n", "{path}");
    }
    claude.close().await
}

/// Unsaved text is nobody's to replace, there as anywhere else.
#[tokio::test]
async fn a_dirty_buffer_keeps_its_text_where_nothing_is_watched() -> Result<()> {
    let project = Project::with(&[("dist/clean.js", "one\n"), ("dist/dirty.js", "one\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    for path in ["dist/clean.js", "dist/dirty.js"] {
        client.request("file:open", json!({"path": path})).await?;
    }
    let cursor = json!({"line": 1, "column": 1});
    let edit = json!({"path": "dist/dirty.js", "content": "mine\n", "cursorPosition": cursor});
    client.send("buffer:update", edit).await?;
    // The edit has come before the disk changes.
    client
        .expect_none(|frame| frame["type"] == "connection:error")
        .await?;
    project.write("dist/dirty.js", "theirs\n")?;
    project.write("dist/clean.js", "theirs\n")?;
    // The other one tells that the folder was looked at.
    client
        .expect_where("the disk's text", |frame| {
            frame["type"] == "buffer:update" && frame["payload"]["content"] == "theirs\n"
        })
        .await?;
    client
        .expect_none(|frame| frame["payload"]["path"] == "dist/dirty.js")
        .await?;
    let save = json!({"path": "dist/dirty.js", "content": "mine\n"});
    let refused = client.ask("file:save", save).await?;
    assert_eq!(refused["payload"]["code"], "CONFLICT", "{refused}");
    assert_eq!(project.read("dist/dirty.js")?, "theirs\n");
    Ok(())
}
