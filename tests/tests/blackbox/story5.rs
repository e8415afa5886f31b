//! Story 5: the WebSocket protocol.

use anyhow::Result;
use paige_tests::mcp::Era;
use paige_tests::record::is_time;
use paige_tests::{Claude, Project, Record, Sidecar, Socket};
use serde_json::{Value, json};

/// A project with one file of two lines, a sidecar on it, two clients, and session 1.
async fn started(files: &[(&str, &str)]) -> Result<(Project, Sidecar, Socket, Socket)> {
    let project = Project::with(files)?;
    let sidecar = Sidecar::start(&project)?;
    let (mut one, _) = Socket::hello(&sidecar).await?;
    let (mut other, _) = Socket::hello(&sidecar).await?;
    one.request(
        "session:start",
        json!({"issueNumber": 7, "issueTitle": "T"}),
    )
    .await?;
    one.expect_push("session:started").await?;
    other.expect_push("session:started").await?;
    Ok((project, sidecar, one, other))
}

/// spec: 5.1
#[tokio::test]
async fn a_hello_is_kept_and_answered_with_what_is_true() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let mut first = Socket::connect(&sidecar).await?;
    let init = first.say_hello(None).await?;
    let expected = |session: Value, seq: u64, init: &Value| {
        json!({
            "sessionId": session,
            "projectDir": project.root,
            "protocolVersion": paige_protocol::PROTOCOL_VERSION,
            "stream": init["stream"],
            "seq": seq,
            "clientId": init["clientId"],
            "capabilities": {"ai": false, "memory": true, "github": false},
            "featureFlags":
                {"observer": true, "practice": false, "dashboard": false, "explain": false},
        })
    };
    assert_eq!(init, expected(Value::Null, 0, &init));
    assert!(init["stream"].as_str().is_some_and(|text| text.len() >= 32));
    let client = init["clientId"].as_str().unwrap_or_default().to_owned();
    assert!(client.len() >= 32, "{init}");
    first.expect("fs:tree").await?;

    let started = first.request("session:start", json!({})).await?;
    let mut second = Socket::connect(&sidecar).await?;
    let init = second.say_hello(None).await?;
    assert_eq!(init, expected(started["sessionId"].clone(), 2, &init));
    assert_ne!(init["clientId"], client);

    // What a client said of itself is still known when it leaves.
    Sidecar::logged(
        &project,
        &["A client has said hello.", &client, "0.0.0-test"],
    )
    .await?;
    first.close().await?;
    let left = [
        "A client has left.",
        &client,
        "0.0.0-test",
        "platform=\"test\"",
    ];
    Sidecar::logged(&project, &left).await?;
    Ok(())
}

/// spec: 5.2, in the form of the decisions: the content is answered to the asker.
#[tokio::test]
async fn an_opened_file_is_answered_to_the_asker_and_logged() -> Result<()> {
    let (project, _sidecar, mut asker, mut other) = started(&[("src/a.rs", "fn a() {}\n")]).await?;
    let content = asker
        .request("file:open", json!({"path": "src/a.rs"}))
        .await?;
    assert_eq!(
        content,
        json!({
            "path": "src/a.rs",
            "content": "fn a() {}\n",
            "language": "rust",
            "lineCount": 2,
            "version": content["version"],
            "dirty": false,
            "isBinary": false,
        })
    );
    assert!(content["version"].is_string());
    other
        .expect_none(|frame| frame["type"] == "fs:content")
        .await?;

    let missing = asker.ask("file:open", json!({"path": "no.rs"})).await?;
    assert_eq!(missing["type"], "connection:error");
    assert_eq!(missing["payload"]["code"], "FILE_NOT_FOUND");
    assert_eq!(
        missing["payload"]["context"],
        json!({"messageType": "file:open", "path": "no.rs"})
    );

    let record = Record::of(&project)?;
    let opened = json!({"session": 1, "data": {"path": "src/a.rs"}});
    record.expect_actions("file_open", &[opened]).await?;
    record
        .expect_rows(
            "SELECT session_id, path, opened_by FROM open_files",
            &[json!({"session_id": 1, "path": "src/a.rs", "opened_by": "user"})],
        )
        .await
}

/// spec: 5.3
#[tokio::test]
async fn a_save_is_written_logged_and_acknowledged_to_all() -> Result<()> {
    let (project, _sidecar, mut asker, mut other) = started(&[("a.txt", "one\n")]).await?;
    let opened = asker.request("file:open", json!({"path": "a.txt"})).await?;
    let text = "zwei \u{1F980}\n";
    let ack = asker
        .request("file:save", json!({"path": "a.txt", "content": text}))
        .await?;
    assert_eq!(
        ack,
        json!({"path": "a.txt", "success": true, "timestamp": ack["timestamp"], "version": ack["version"]})
    );
    assert!(
        is_time(ack["timestamp"].as_str().unwrap_or_default()),
        "{ack}"
    );
    assert_ne!(ack["version"], opened["version"]);
    assert_eq!(project.read("a.txt")?, text);
    // The asker is among those who get the push.
    for client in [&mut asker, &mut other] {
        let push = client.expect_push("fs:save_ack").await?;
        assert_eq!(push["payload"], ack);
        assert_eq!(
            push["seq"], 3,
            "the start of the session were the first two pushes"
        );
    }
    let saved = json!({"session": 1, "data": {"path": "a.txt", "charCount": 7}});
    let record = Record::of(&project)?;
    record
        .expect_actions("file_save", std::slice::from_ref(&saved))
        .await?;

    // Each failure is told to the asker alone; disk and timeline stay as they are.
    project.write("changed.txt", "by somebody\n")?;
    let absent = json!({"path": "changed.txt", "content": "x", "baseVersion": null});
    let failures = [
        (absent, "CONFLICT"),
        (json!({"path": "a.txt/b", "content": "x"}), "NOT_A_FOLDER"),
        (json!({"path": "../a.txt", "content": "x"}), "PATH_REFUSED"),
        (json!({"path": ".git/config", "content": "x"}), "READ_ONLY"),
    ];
    for (save, code) in failures {
        let answer = asker.ask("file:save", save.clone()).await?;
        assert_eq!(answer["type"], "fs:save_error", "{save}: {answer}");
        assert_eq!(answer["payload"]["path"], save["path"]);
        assert_eq!(answer["payload"]["code"], code, "{save}: {answer}");
        let sentence = answer["payload"]["error"].as_str().unwrap_or_default();
        assert!(sentence.ends_with(['.', ')']), "{answer}");
    }
    other
        .expect_none(|frame| {
            frame["type"]
                .as_str()
                .is_some_and(|kind| kind.starts_with("fs:save"))
        })
        .await?;
    assert_eq!(project.read("a.txt")?, text);
    assert_eq!(project.read("changed.txt")?, "by somebody\n");
    assert_eq!(record.actions("file_save")?, [saved]);
    Ok(())
}

/// spec: 5.4
#[tokio::test]
async fn a_buffer_update_is_kept_measured_and_not_answered() -> Result<()> {
    let (project, _sidecar, mut editor, mut other) =
        started(&[("a.txt", &"x".repeat(100))]).await?;
    let text = |characters: usize| "y".repeat(characters);
    // 51 % more is significant; 1 more is not; then the measure is what was last logged, not the last.
    for characters in [151, 152, 300] {
        let update = json!({
            "path": "a.txt",
            "content": text(characters),
            "cursorPosition": {"line": 1, "column": 9},
            "selections": [{"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 9}],
        });
        editor.send("buffer:update", update).await?;
        let shown = other
            .expect_where("the other window's text", |frame| {
                frame["payload"]["content"] == text(characters).as_str()
            })
            .await?;
        assert_eq!(shown["type"], "buffer:update");
        assert_eq!(
            shown["payload"]["cursorPosition"],
            json!({"line": 1, "column": 9})
        );
        assert!(
            shown["payload"]["clientId"].is_string() && shown["seq"].is_null(),
            "{shown}"
        );
    }
    editor
        .expect_none(|frame| {
            let kind = frame["type"].as_str().unwrap_or_default();
            kind.starts_with("buffer:") || kind == "connection:error"
        })
        .await?;

    let content = other.request("file:open", json!({"path": "a.txt"})).await?;
    assert_eq!(
        (&content["content"], &content["dirty"]),
        (&json!(text(300)), &json!(true))
    );
    assert_eq!(
        project.read("a.txt")?,
        "x".repeat(100),
        "the disk is not touched"
    );

    let change = |before: u32, now: u32, percent: u32| {
        json!({"session": 1, "data": {
            "path": "a.txt", "previousCharCount": before, "newCharCount": now,
            "charDelta": now - before, "percentDelta": percent,
        }})
    };
    let record = Record::of(&project)?;
    record
        .expect_actions(
            "buffer_significant_change",
            &[change(100, 151, 51), change(151, 300, 98)],
        )
        .await?;
    record
        .expect_rows(
            "SELECT project_dir, path, content, cursor_line, cursor_column, base_version, dirty FROM buffer_backups",
            &[json!({
                "project_dir": project.root, "path": "a.txt", "content": text(300),
                "cursor_line": 1, "cursor_column": 9, "base_version": content["version"], "dirty": 1,
            })],
        )
        .await
}

/// spec: 5.5
#[tokio::test]
async fn what_the_human_does_is_logged_with_its_type() -> Result<()> {
    let (project, _sidecar, mut human, mut other) =
        started(&[("a.txt", "a\n"), ("b.txt", "")]).await?;
    human
        .send("editor:tab_switch", json!({"toPath": "a.txt"}))
        .await?;
    human
        .send(
            "editor:tab_switch",
            json!({"fromPath": "a.txt", "toPath": "./b.txt"}),
        )
        .await?;
    let range = json!({"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 4});
    let secret = "s\u{00E9}cret-selected";
    human
        .send(
            "editor:selection",
            json!({"path": "a.txt", "range": range, "selectedText": secret}),
        )
        .await?;
    human
        .send("user:idle_start", json!({"durationMs": 300_000}))
        .await?;
    human
        .send("user:idle_end", json!({"idleDurationMs": 1_000_000}))
        .await?;
    let level = human
        .request("hints:level_change", json!({"to": "high"}))
        .await?;
    assert_eq!(level, json!({"level": "high", "source": "user"}));
    assert_eq!(other.expect_push("hints:level").await?["payload"], level);
    human.send("file:close", json!({"path": "a.txt"})).await?;
    human
        .request("file:create", json!({"path": "new", "kind": "directory"}))
        .await?;
    human
        .request("file:create", json!({"path": "new/c.txt", "kind": "file"}))
        .await?;
    human
        .request(
            "file:rename",
            json!({"path": "new/c.txt", "newPath": "d.txt"}),
        )
        .await?;
    human
        .request("file:delete", json!({"path": "d.txt"}))
        .await?;
    // Known, and ignored on purpose.
    for kind in [
        "editor:scroll",
        "explorer:expand_dir",
        "explorer:collapse_dir",
    ] {
        human
            .send(kind, json!({"path": "a.txt", "scrollTop": 3}))
            .await?;
    }
    human
        .expect_none(|frame| frame["type"] == "connection:error")
        .await?;

    let record = Record::of(&project)?;
    let expected: [(&str, &[Value]); 10] = [
        (
            "editor_tab_switch",
            &[
                json!({"fromPath": null, "toPath": "a.txt"}),
                json!({"fromPath": "a.txt", "toPath": "b.txt"}),
            ],
        ),
        (
            "editor_selection",
            &[json!({"path": "a.txt", "range": range, "textLength": 15})],
        ),
        ("user_idle_start", &[json!({"durationMs": 300_000})]),
        ("user_idle_end", &[json!({"idleDurationMs": 1_000_000})]),
        (
            "hints_level_change",
            &[json!({"phaseId": null, "from": "medium", "to": "high", "source": "user"})],
        ),
        ("file_close", &[json!({"path": "a.txt"})]),
        (
            "file_create",
            &[
                json!({"path": "new", "kind": "directory"}),
                json!({"path": "new/c.txt", "kind": "file"}),
            ],
        ),
        (
            "file_rename",
            &[json!({"path": "new/c.txt", "newPath": "d.txt"})],
        ),
        ("file_delete", &[json!({"path": "d.txt"})]),
        (
            "session_started",
            &[json!({"issueNumber": 7, "issueTitle": "T", "startedBy": "ui"})],
        ),
    ];
    for (kind, data) in expected {
        let entries: Vec<Value> = data
            .iter()
            .map(|data| json!({"session": 1, "data": data}))
            .collect();
        record.expect_actions(kind, &entries).await?;
    }
    let session = record.row("SELECT hint_level, hint_level_source FROM sessions", [])?;
    assert_eq!(
        session,
        json!({"hint_level": "high", "hint_level_source": "user"})
    );
    // What was selected may be a secret: its length is enough.
    let texts = record.rows(
        "SELECT data FROM action_log WHERE data LIKE '%cret-sel%'",
        [],
    )?;
    assert_eq!(texts, Vec::<Value>::new());
    Ok(())
}

/// spec: 5.6
#[tokio::test]
async fn every_change_on_disk_is_told_to_every_client() -> Result<()> {
    let (project, _sidecar, mut one, mut other) = started(&[("a.txt", "a\n")]).await?;
    let file = |path: &str, name: &str| json!({"name": name, "path": path, "type": "file"});
    type Change = Box<dyn Fn(&Project) -> Result<()>>;
    let change = |change: fn(&Project) -> Result<()>| -> Change { Box::new(change) };
    let changes: [(Change, Value); 7] = [
        (
            change(|project| project.write("new.txt", "")),
            json!({"action": "add", "path": "new.txt", "node": file("new.txt", "new.txt")}),
        ),
        (
            change(|project| project.write("a.txt", "b\n")),
            json!({"action": "change", "path": "a.txt"}),
        ),
        (
            change(|project| {
                Ok(std::fs::rename(
                    project.root.join("new.txt"),
                    project.root.join("moved.txt"),
                )?)
            }),
            json!({"action": "rename", "path": "new.txt", "newPath": "moved.txt", "node": file("moved.txt", "moved.txt")}),
        ),
        (
            change(|project| Ok(std::fs::remove_file(project.root.join("moved.txt"))?)),
            json!({"action": "unlink", "path": "moved.txt"}),
        ),
        (
            change(|project| Ok(std::fs::create_dir(project.root.join("folder"))?)),
            json!({"action": "addDir", "path": "folder",
                "node": {"name": "folder", "path": "folder", "type": "directory", "children": []}}),
        ),
        (
            change(|project| project.write("folder/in.txt", "")),
            json!({"action": "add", "path": "folder/in.txt", "node": file("folder/in.txt", "in.txt")}),
        ),
        (
            change(|project| Ok(std::fs::remove_dir_all(project.root.join("folder"))?)),
            json!({"action": "unlinkDir", "path": "folder"}),
        ),
    ];
    for (change, expected) in changes {
        change(&project)?;
        for client in [&mut one, &mut other] {
            let told = client
                .expect_where(&expected.to_string(), |frame| {
                    frame["type"] == "fs:tree_update"
                        && frame["payload"]["action"] == expected["action"]
                        && frame["payload"]["path"] == expected["path"]
                })
                .await?;
            assert_eq!(told["payload"], expected);
            assert!(told["seq"].is_null(), "it is passing news: {told}");
        }
    }
    Ok(())
}

/// spec: 5.7
#[tokio::test]
async fn a_message_that_is_not_built_yet_is_answered_so() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    let range = json!({"startLine": 1, "endLine": 1});
    for (kind, payload) in [
        (
            "user:explain",
            json!({"path": "a", "range": range, "selectedText": "x"}),
        ),
        ("user:cancel", json!({"requestId": "r1"})),
        (
            "coaching:feedback",
            json!({"messageId": "m", "helpful": true}),
        ),
        (
            "stage:correct",
            json!({"skillArea": "a", "stage": "Novice"}),
        ),
        (
            "practice:submit_solution",
            json!({"kataId": 1, "code": "", "activeConstraints": []}),
        ),
        ("practice:run", json!({"kataId": 1, "code": ""})),
        ("practice:request_hint", json!({"kataId": 1})),
        ("practice:view_previous_attempts", json!({"kataId": 1})),
        ("challenge:load", json!({"kataId": 1})),
        ("dashboard:request", json!({})),
        ("dashboard:refresh_issues", json!({})),
        ("materials:list", json!({})),
        ("materials:view", json!({"id": 1})),
        ("materials:dismiss", json!({"id": 1})),
        ("materials:complete", json!({"id": 1, "answer": "a"})),
    ] {
        let answer = client.ask(kind, payload).await?;
        assert_eq!(answer["type"], "connection:error", "{answer}");
        assert_eq!(answer["payload"]["code"], "NOT_IMPLEMENTED", "{answer}");
        assert_eq!(answer["payload"]["context"], json!({"messageType": kind}));
        let message = answer["payload"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(kind) && message.ends_with('.'), "{answer}");
        Sidecar::logged(&project, &["WARN", "not yet implemented", kind]).await?;
    }
    Ok(())
}

/// spec: 5.8
#[tokio::test]
async fn an_unknown_message_is_logged_and_ignored() -> Result<()> {
    let project = Project::with(&[("a.txt", "a\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    // Types of the original that are not ours, and some that nobody ever had.
    for kind in ["terminal:input", "repos:list", "x", "", "file:open "] {
        client.send(kind, json!({"path": "a.txt"})).await?;
    }
    client.send_text(r#"{"type":"no:payload"}"#).await?;
    client
        .expect_none(|frame| {
            let kind = frame["type"].as_str().unwrap_or_default();
            kind == "connection:error" || kind == "fs:content"
        })
        .await?;
    Sidecar::logged(
        &project,
        &["WARN", "unknown type is ignored", "terminal:input"],
    )
    .await?;
    Sidecar::logged(&project, &["WARN", "unknown type is ignored", "no:payload"]).await?;
    // What cannot be read at all is told, and ends nothing either. There is nothing to tell of it but that.
    for text in ["", "nonsense", "[]", "{}", r#"{"type":3}"#] {
        client.send_text(text).await?;
        let error = client
            .expect_where("the refusal", |frame| frame["type"] == "connection:error")
            .await?;
        let payload = &error["payload"];
        assert_eq!(payload["code"], "INVALID_MESSAGE", "{text}: {error}");
        assert_eq!(payload.get("context"), None, "{text}: {error}");
    }
    let content = client
        .request("file:open", json!({"path": "a.txt"}))
        .await?;
    assert_eq!(content["content"], "a\n");
    Ok(())
}

/// spec: 5.9
#[tokio::test]
async fn a_push_reaches_every_client_once() -> Result<()> {
    let (_project, sidecar, one, other) = started(&[("a.txt", "a\n")]).await?;
    let mut clients = vec![one, other];
    for _ in 0..3 {
        clients.push(Socket::hello(&sidecar).await?.0);
    }
    // A client that has not said hello is not in the stream.
    let mut silent = Socket::connect(&sidecar).await?;

    // From a client, from a tool of Claude, and from the project folder.
    clients[0]
        .request("hints:level_change", json!({"to": "low"}))
        .await?;
    let claude = Claude::connect(&sidecar, Era::Sessions).await?;
    claude
        .call(
            "paige_show_message",
            json!({"message": "Well done.", "type": "success"}),
        )
        .await?;
    let mut seen: Vec<Value> = Vec::new();
    for (at, client) in clients.iter_mut().enumerate() {
        let level = client.expect_push("hints:level").await?;
        let message = client.expect_push("coaching:message").await?;
        assert_eq!(message["payload"]["message"], "Well done.");
        let pair = json!([level, message]);
        if at == 0 {
            assert_eq!((&level["seq"], &message["seq"]), (&json!(3), &json!(4)));
            seen.push(pair);
        } else {
            assert_eq!(pair, seen[0], "all get the very same messages");
        }
    }
    _project.write("b.txt", "")?;
    for client in &mut clients {
        client
            .expect_where("the new file", |frame| frame["payload"]["path"] == "b.txt")
            .await?;
        client
            .expect_none(|frame| {
                frame["seq"].is_u64()
                    && frame["type"] != "session:started"
                    && frame["type"] != "observer:status"
            })
            .await?;
    }
    silent.expect_none(|frame| frame["id"].is_null()).await?;
    claude.close().await
}

/// spec: 5.10
#[tokio::test]
async fn a_client_that_goes_is_forgotten() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start_with(&project, &["--max-connections", "4"])?;
    let (mut stays, _) = Socket::hello(&sidecar).await?;
    // More than may be connected at once, so that each must be forgotten for the next to come in:
    // one says goodbye, one is cut off.
    for round in 0..10 {
        let (mut goes, init) = Socket::hello(&sidecar).await?;
        goes.send("user:idle_start", json!({"durationMs": round}))
            .await?;
        let id = init["clientId"].as_str().unwrap_or_default().to_owned();
        if round % 2 == 0 {
            goes.close().await?;
        } else {
            drop(goes);
        }
        Sidecar::logged(&project, &["A client has left.", &id, "connected=1"]).await?;
    }
    // Nobody else is disturbed.
    let level = stays
        .request("hints:level_change", json!({"to": "off"}))
        .await?;
    assert_eq!(level["level"], "off");
    Ok(())
}
