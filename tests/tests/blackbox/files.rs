//! Files and unsaved text between windows, disk and restarts (blueprint §5).

use std::time::Duration;

use anyhow::{Context as _, Result};
use paige_tests::mcp::Era;
use paige_tests::{Claude, Project, Record, Sidecar, Socket};
use serde_json::{Value, json};

fn edit(path: &str, text: &str) -> Value {
    json!({"path": path, "content": text, "cursorPosition": {"line": 3, "column": 4}})
}

async fn open(client: &mut Socket, path: &str) -> Result<Value> {
    client.request("file:open", json!({"path": path})).await
}

async fn save(client: &mut Socket, path: &str, text: &str) -> Result<Value> {
    client
        .ask("file:save", json!({"path": path, "content": text}))
        .await
}

#[tokio::test]
async fn two_windows_on_one_file_see_each_others_edits() -> Result<()> {
    let project = Project::with(&[("a.txt", "a\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut left, init) = Socket::hello(&sidecar).await?;
    let left_id = init["clientId"].clone();
    let (mut right, init) = Socket::hello(&sidecar).await?;
    let right_id = init["clientId"].clone();
    let first = open(&mut left, "a.txt").await?;
    assert_eq!(open(&mut right, "a.txt").await?, first);

    for (text, from_left) in [("ab\n", true), ("abc\n", false), ("abcd\n", true)] {
        let (writer, reader, id) = if from_left {
            (&mut left, &mut right, &left_id)
        } else {
            (&mut right, &mut left, &right_id)
        };
        writer.send("buffer:update", edit("a.txt", text)).await?;
        let shown = reader.expect("buffer:update").await?;
        assert_eq!(
            shown,
            json!({"path": "a.txt", "content": text, "cursorPosition": {"line": 3, "column": 4}, "clientId": id})
        );
        writer
            .expect_none(|frame| frame["type"] == "buffer:update")
            .await?;
    }
    // Whoever saves, saves for both.
    let ack = save(&mut right, "a.txt", "abcd\n").await?;
    assert_eq!(ack["type"], "fs:save_ack", "{ack}");
    left.expect_push("fs:save_ack").await?;
    let now = open(&mut left, "a.txt").await?;
    assert_eq!(
        (&now["dirty"], &now["version"]),
        (&json!(false), &ack["payload"]["version"])
    );
    // So that the other may save on top of it without having opened the file again.
    let ack = save(&mut left, "a.txt", "more\n").await?;
    assert_eq!(ack["type"], "fs:save_ack", "{ack}");
    // A save whose text the other window did not show is shown there, by whoever notices it first:
    // the save itself or the watcher.
    let shown = right.expect("buffer:update").await?;
    assert_eq!(shown["content"], "more\n");
    assert!(
        shown["clientId"] == left_id || shown["version"] == ack["payload"]["version"],
        "{shown}"
    );
    Ok(())
}

#[tokio::test]
async fn a_save_on_an_old_version_is_a_conflict_that_names_both() -> Result<()> {
    let project = Project::with(&[("a.txt", "one\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    let base = open(&mut client, "a.txt").await?["version"].clone();
    client
        .send("buffer:update", edit("a.txt", "mine\n"))
        .await?;
    // The edit has come before the disk changes.
    client
        .expect_none(|frame| frame["type"] == "connection:error")
        .await?;
    project.write("a.txt", "theirs\n")?;
    client
        .expect_where("the change", |frame| frame["payload"]["action"] == "change")
        .await?;

    // The buffer is dirty, so that it keeps its base and nobody's text is lost.
    let opened = open(&mut client, "a.txt").await?;
    assert_eq!(
        (&opened["content"], &opened["dirty"], &opened["version"]),
        (&json!("mine\n"), &json!(true), &base)
    );
    let refused = save(&mut client, "a.txt", "mine\n").await?;
    assert_eq!(refused["type"], "fs:save_error");
    let current = refused["payload"]["currentVersion"].clone();
    assert_eq!(
        refused["payload"],
        json!({
            "path": "a.txt", "code": "CONFLICT", "error": refused["payload"]["error"],
            "baseVersion": base, "currentVersion": current,
        })
    );
    assert!(current.is_string() && current != base);
    assert_eq!(project.read("a.txt")?, "theirs\n");

    // Who knows both may insist.
    let insist = json!({"path": "a.txt", "content": "merged\n", "baseVersion": current});
    client.request("file:save", insist).await?;
    assert_eq!(project.read("a.txt")?, "merged\n");
    Ok(())
}

#[tokio::test]
async fn the_base_of_a_save_is_what_it_says_or_what_the_client_last_received() -> Result<()> {
    let project = Project::with(&[("a.txt", "one\n"), ("b.txt", "b\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    let (mut other, _) = Socket::hello(&sidecar).await?;
    let code = |answer: &Value| answer["payload"]["code"].clone();
    let with =
        |path: &str, base: Value| json!({"path": path, "content": "x\n", "baseVersion": base});

    // Nothing was received of either: without a base the file must not be there.
    assert_eq!(code(&save(&mut client, "a.txt", "x\n").await?), "CONFLICT");
    assert_eq!(
        code(&client.ask("file:save", with("a.txt", Value::Null)).await?),
        "CONFLICT"
    );
    let ack = save(&mut client, "new.txt", "n\n").await?;
    assert_eq!(ack["type"], "fs:save_ack");
    // Now it is there.
    assert_eq!(
        code(
            &client
                .ask("file:save", with("new.txt", Value::Null))
                .await?
        ),
        "CONFLICT"
    );
    let none = client
        .ask("file:save", with("new2.txt", Value::Null))
        .await?;
    assert_eq!(none["type"], "fs:save_ack");
    // A base that is no version of anything, and one of a file that is not there.
    assert_eq!(
        code(
            &client
                .ask("file:save", with("new.txt", json!("no-version")))
                .await?
        ),
        "CONFLICT"
    );
    let version = ack["payload"]["version"].clone();
    let gone = client
        .ask("file:save", with("never.txt", version.clone()))
        .await?;
    assert_eq!(code(&gone), "CONFLICT");
    assert_eq!(gone["payload"]["currentVersion"], Value::Null, "{gone}");

    // What was received: by the own save, by another's save, by opening.
    assert_eq!(
        save(&mut client, "new.txt", "n2\n").await?["type"],
        "fs:save_ack"
    );
    other
        .expect_where("the third save", |frame| frame["seq"] == 3)
        .await?;
    assert_eq!(
        save(&mut other, "new.txt", "n3\n").await?["type"],
        "fs:save_ack"
    );
    open(&mut client, "b.txt").await?;
    assert_eq!(
        save(&mut client, "b.txt", "B\n").await?["type"],
        "fs:save_ack"
    );
    // A stated base wins over what was received.
    open(&mut client, "new.txt").await?;
    assert_eq!(
        code(&client.ask("file:save", with("new.txt", version)).await?),
        "CONFLICT"
    );
    assert_eq!(project.read("new.txt")?, "n3\n");
    Ok(())
}

#[tokio::test]
async fn a_clean_buffer_follows_the_disk_and_every_window_is_shown_it() -> Result<()> {
    let project = Project::with(&[("src/a.txt", "one\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut left, _) = Socket::hello(&sidecar).await?;
    let (mut right, _) = Socket::hello(&sidecar).await?;
    open(&mut left, "src/a.txt").await?;

    project.write("src/a.txt", "two\n")?;
    for client in [&mut left, &mut right] {
        // A write is two events for the system, so that an empty text may be shown before.
        let shown = client
            .expect_where("the disk's text", |frame| {
                frame["payload"]["content"] == "two\n"
            })
            .await?;
        assert_eq!(shown["type"], "buffer:update");
        assert_eq!(shown["payload"]["clientId"], Value::Null);
        assert!(shown["payload"]["version"].is_string(), "{shown}");
    }
    // They have now received that version: a save on it is no conflict.
    assert_eq!(
        save(&mut right, "src/a.txt", "three\n").await?["type"],
        "fs:save_ack"
    );

    // Closed, it does not follow any more.
    left.send("file:close", json!({"path": "src/a.txt"}))
        .await?;
    left.expect_none(|frame| frame["type"] == "connection:error")
        .await?;
    project.write("src/a.txt", "four\n")?;
    // Told after the other, so that everything about that one has come before it.
    project.write("src/marker.txt", "")?;
    right
        .expect_where("the marker", |frame| {
            frame["payload"]["path"] == "src/marker.txt"
        })
        .await?;
    right
        .expect_none(|frame| {
            frame["type"] == "buffer:update" && frame["payload"]["content"] == "four\n"
        })
        .await?;
    assert_eq!(open(&mut left, "src/a.txt").await?["content"], "four\n");
    Ok(())
}

#[tokio::test]
async fn unsaved_text_of_a_deleted_file_is_kept_and_can_be_saved_again() -> Result<()> {
    let project = Project::with(&[("a.txt", "one\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    let base = open(&mut client, "a.txt").await?["version"].clone();
    client
        .send("buffer:update", edit("a.txt", "mine\n"))
        .await?;
    // The edit has come before the disk changes.
    client
        .expect_none(|frame| frame["type"] == "connection:error")
        .await?;
    std::fs::remove_file(project.root.join("a.txt"))?;
    client
        .expect_where("its end", |frame| frame["payload"]["action"] == "unlink")
        .await?;
    let kept = open(&mut client, "a.txt").await?;
    assert_eq!(
        (&kept["content"], &kept["dirty"]),
        (&json!("mine\n"), &json!(true))
    );
    let refused = save(&mut client, "a.txt", "mine\n").await?;
    assert_eq!(refused["payload"]["code"], "CONFLICT", "{refused}");
    assert_eq!(
        (
            &refused["payload"]["baseVersion"],
            &refused["payload"]["currentVersion"]
        ),
        (&base, &Value::Null)
    );
    let again = json!({"path": "a.txt", "content": "mine\n", "baseVersion": null});
    client.request("file:save", again).await?;
    assert_eq!(project.read("a.txt")?, "mine\n");
    Ok(())
}

#[tokio::test]
async fn a_deleted_file_goes_to_the_trash() -> Result<()> {
    let project = Project::with(&[("a.txt", "precious\n"), ("folder/b.txt", "b\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    let (mut other, _) = Socket::hello(&sidecar).await?;
    for (path, action) in [("a.txt", "unlink"), ("folder", "unlinkDir")] {
        let answer = client.request("file:delete", json!({"path": path})).await?;
        assert_eq!(answer, json!({"action": action, "path": path}));
        assert!(!project.root.join(path).exists());
        other
            .expect_where(path, |frame| {
                frame["payload"] == json!({"action": action, "path": path})
            })
            .await?;
    }
    let mut kept = Vec::new();
    let mut folders = vec![project.data.join("trash")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                kept.push(std::fs::read_to_string(path)?);
            }
        }
    }
    for text in ["precious\n", "b\n"] {
        assert!(
            kept.iter().any(|found| found == text),
            "{text:?} in {kept:?}"
        );
    }
    let gone = client.ask("file:delete", json!({"path": "a.txt"})).await?;
    assert_eq!(gone["payload"]["code"], "FILE_NOT_FOUND", "{gone}");
    Ok(())
}

#[tokio::test]
async fn files_are_made_and_moved_with_their_unsaved_text() -> Result<()> {
    let project = Project::with(&[("old/a.txt", "a\n"), ("taken.txt", "t\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    client.request("session:start", json!({})).await?;
    let node = |path: &str, name: &str| json!({"name": name, "path": path, "type": "file"});
    let made = client
        .request(
            "file:create",
            json!({"path": "old/new.txt", "kind": "file"}),
        )
        .await?;
    assert_eq!(
        made,
        json!({"action": "add", "path": "old/new.txt", "node": node("old/new.txt", "new.txt")})
    );
    let twice = client
        .ask(
            "file:create",
            json!({"path": "old/new.txt", "kind": "file"}),
        )
        .await?;
    assert_eq!(twice["payload"]["code"], "ALREADY_EXISTS");

    open(&mut client, "old/a.txt").await?;
    client
        .send("buffer:update", edit("old/a.txt", "unsaved\n"))
        .await?;
    let taken = client
        .ask(
            "file:rename",
            json!({"path": "old/a.txt", "newPath": "taken.txt"}),
        )
        .await?;
    assert_eq!(taken["payload"]["code"], "ALREADY_EXISTS", "{taken}");
    let moved = client
        .request("file:rename", json!({"path": "old", "newPath": "fresh"}))
        .await?;
    assert_eq!(
        (&moved["action"], &moved["newPath"]),
        (&json!("rename"), &json!("fresh"))
    );
    assert_eq!(project.read("fresh/a.txt")?, "a\n");
    assert_eq!(project.read("taken.txt")?, "t\n");

    let followed = open(&mut client, "fresh/a.txt").await?;
    assert_eq!(
        (&followed["content"], &followed["dirty"]),
        (&json!("unsaved\n"), &json!(true))
    );
    let ack = save(&mut client, "fresh/a.txt", "unsaved\n").await?;
    assert_eq!(ack["type"], "fs:save_ack", "{ack}");
    let record = Record::of(&project)?;
    record
        .expect_rows(
            "SELECT path FROM open_files",
            &[json!({"path": "fresh/a.txt"})],
        )
        .await?;
    record
        .expect_rows("SELECT path FROM buffer_backups", &[])
        .await
}

/// Files that cannot be edited as text are answered so, and survive byte for byte.
#[tokio::test]
async fn what_is_no_text_is_not_edited() -> Result<()> {
    let project = Project::empty()?;
    let files: [(&str, &[u8]); 3] = [
        ("image.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("latin1.txt", b"caf\xe9\n"),
        ("huge.txt", &[b'x'; 70_000]),
    ];
    for (path, bytes) in files {
        std::fs::write(project.root.join(path), bytes)?;
    }
    let sidecar = Sidecar::start_with(&project, &["--max-file-bytes", "65536"])?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    let image = open(&mut client, "image.png").await?;
    assert_eq!(
        image,
        json!({
            "path": "image.png", "content": "", "language": "plaintext", "lineCount": 0,
            "version": null, "dirty": false, "isBinary": true,
        })
    );
    for (path, code) in [("latin1.txt", "NOT_TEXT"), ("huge.txt", "FILE_TOO_LARGE")] {
        let answer = client.ask("file:open", json!({"path": path})).await?;
        assert_eq!(answer["payload"]["code"], code, "{answer}");
    }
    for (path, _) in files {
        // Nobody was sent a version of it, so that nobody can overwrite it by accident.
        let refused = save(&mut client, path, "text").await?;
        assert_eq!(refused["type"], "fs:save_error", "{path}: {refused}");
        let update = client.ask("buffer:update", edit(path, "text")).await?;
        assert_eq!(update["type"], "connection:error", "{path}: {update}");
    }
    for (path, bytes) in files {
        assert_eq!(std::fs::read(project.root.join(path))?, bytes, "{path}");
    }
    Ok(())
}

/// Unsaved text is in the database at most a second after the edit (blueprint §2): a kill then loses
/// nothing.
#[tokio::test]
async fn unsaved_text_survives_a_kill_a_second_after_the_edit() -> Result<()> {
    let project = Project::with(&[("a.txt", "one\n"), ("clean.txt", "c\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    let base = open(&mut client, "a.txt").await?["version"].clone();
    open(&mut client, "clean.txt").await?;
    // A lively typist: the last of many edits is the one that counts, also of a file that is not there yet.
    for n in 0..20 {
        client
            .send(
                "buffer:update",
                edit("a.txt", &format!("edit {n} \u{1F980}\n")),
            )
            .await?;
        client
            .send("buffer:update", edit("new/b.txt", &format!("new {n}\n")))
            .await?;
    }
    client
        .expect_none(|frame| frame["type"] == "connection:error")
        .await?;
    // The promise itself, and no measurement: nobody may look earlier.
    tokio::time::sleep(Duration::from_secs(1)).await;
    sidecar.kill()?;

    for _ in 0..2 {
        let sidecar = Sidecar::start(&project)?;
        let (mut client, _) = Socket::hello(&sidecar).await?;
        let restored = open(&mut client, "a.txt").await?;
        assert_eq!(
            (
                &restored["content"],
                &restored["dirty"],
                &restored["version"]
            ),
            (&json!("edit 19 \u{1F980}\n"), &json!(true), &base)
        );
        let new = open(&mut client, "new/b.txt").await?;
        assert_eq!(
            (&new["content"], &new["dirty"], &new["version"]),
            (&json!("new 19\n"), &json!(true), &Value::Null)
        );
        assert_eq!(open(&mut client, "clean.txt").await?["dirty"], false);
        sidecar.kill()?;
    }
    // After a clean stop right after an edit as well.
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    client
        .send("buffer:update", edit("a.txt", "at once\n"))
        .await?;
    client
        .expect_none(|frame| frame["type"] == "connection:error")
        .await?;
    sidecar.stop()?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    assert_eq!(open(&mut client, "a.txt").await?["content"], "at once\n");
    let ack = save(&mut client, "a.txt", "at once\n").await?;
    assert_eq!(
        ack["type"], "fs:save_ack",
        "the base is known after a restart: {ack}"
    );
    Ok(())
}

/// The disk changed while the sidecar was down: what was unsaved keeps its old base.
#[tokio::test]
async fn unsaved_text_that_is_restored_onto_a_changed_file_is_a_conflict() -> Result<()> {
    let project = Project::with(&[("a.txt", "one\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    let base = open(&mut client, "a.txt").await?["version"].clone();
    client
        .send("buffer:update", edit("a.txt", "mine\n"))
        .await?;
    client
        .expect_none(|frame| frame["type"] == "connection:error")
        .await?;
    sidecar.stop()?;
    project.write("a.txt", "theirs\n")?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    let restored = open(&mut client, "a.txt").await?;
    assert_eq!(
        (&restored["content"], &restored["version"]),
        (&json!("mine\n"), &base)
    );
    let refused = save(&mut client, "a.txt", "mine\n").await?;
    assert_eq!(refused["payload"]["code"], "CONFLICT", "{refused}");
    assert_eq!(refused["payload"]["baseVersion"], base);
    assert_eq!(project.read("a.txt")?, "theirs\n");
    refused["payload"]["currentVersion"]
        .as_str()
        .context("the disk's version")?;
    Ok(())
}

/// A rename that is refused has changed nothing, also not what the session's diff starts from.
#[tokio::test]
async fn a_refused_rename_leaves_the_diff_since_the_session_alone() -> Result<()> {
    let project = Project::with(&[("a.txt", "a\n"), ("b.txt", "b\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut window, _) = Socket::hello(&sidecar).await?;
    window.request("session:start", json!({})).await?;
    let rename = json!({"path": "a.txt", "newPath": "b.txt"});
    let refused = window.ask("file:rename", rename).await?;
    assert_eq!(refused["type"], "connection:error", "{refused}");
    window
        .request("file:open", json!({"path": "b.txt"}))
        .await?;
    let save = json!({"path": "b.txt", "content": "b, changed\n"});
    window.request("file:save", save).await?;
    let claude = Claude::connect(&sidecar, Era::Stateless).await?;
    let told = claude
        .call("paige_get_diff", json!({"since": "session"}))
        .await?;
    let diff = told["diffs"][0]["diff"].as_str().unwrap_or_default();
    assert!(diff.contains("-b\n+b, changed\n"), "{told}");
    Ok(())
}
