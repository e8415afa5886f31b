//! The main walk: a real checkout, Claude in both eras of MCP, and two windows of the human, from the
//! start of a session over a kill to its end. At each step the message, the row and the timeline are
//! looked at.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use paige_tests::mcp::Era;
use paige_tests::ws::Cursor;
use paige_tests::{Claude, Project, Record, Sidecar, Socket};
use serde_json::{Value, json};

/// The file that the human works on, and two that are looked at.
const EDITED: &str = "crates/protocol/src/path.rs";
const SHOWN: &str = "ARCHITECTURE.md";
const UNSAVED: &str = "LICENSE";

/// The two windows of the human.
struct Windows {
    one: Socket,
    two: Socket,
}

impl Windows {
    /// The next push of this type, which must reach both windows as the same message.
    async fn push(&mut self, kind: &str) -> Result<Value> {
        let push = self.one.expect_push(kind).await?;
        let same = self.two.expect_push(kind).await?;
        ensure!(push == same, "{push} and {same}");
        Ok(push)
    }

    async fn open(&mut self, path: &str) -> Result<Value> {
        self.one.request("file:open", json!({"path": path})).await
    }

    /// Types into a file, and waits until the other window shows it.
    async fn edit(&mut self, path: &str, text: &str, client: &Value) -> Result<()> {
        let cursor = json!({"line": 2, "column": 3});
        let edit = json!({"path": path, "content": text, "cursorPosition": cursor});
        self.one.send("buffer:update", edit.clone()).await?;
        let mut shown = edit;
        shown["clientId"] = client.clone();
        let passed = self.two.expect("buffer:update").await?;
        ensure!(passed == shown, "{passed:.300} is not {shown:.300}");
        Ok(())
    }
}

/// How often each kind of entry stands on the timeline, calls of tools by their names. What the Observer keeps
/// back comes after what it looked at, and is looked at in its own tests.
fn tally(record: &Record) -> Result<BTreeMap<String, u64>> {
    let rows = record.rows(
        "SELECT ifnull(json_extract(data, '$.toolName'), action_type) AS kind, count(*) AS times \
         FROM action_log WHERE action_type <> 'nudge_suppressed' GROUP BY kind",
        [],
    )?;
    rows.into_iter()
        .map(|row| {
            let kind = row["kind"].as_str().context("a kind")?.to_owned();
            Ok((kind, row["times"].as_u64().context("a count")?))
        })
        .collect()
}

/// Whether git takes a diff, and what it makes of the checkout.
fn applied(project: &Project, diff: &str, path: &str) -> Result<String> {
    let patch = project.outside().join("claude.patch");
    std::fs::write(&patch, diff)?;
    let patch = patch.to_str().context("a path in UTF-8")?;
    project.git(&["apply", "--check", patch])?;
    project.git(&["clone", "--quiet", ".", "../clone"])?;
    project.git(&["-C", "../clone", "apply", patch])?;
    Ok(std::fs::read_to_string(
        project.outside().join("clone").join(path),
    )?)
}

#[tokio::test]
async fn the_main_walk() -> Result<()> {
    let project = Project::checkout()?;
    let sidecar = Sidecar::start(&project)?;
    let record = || Record::of(&project);
    let (one, init) = Socket::hello(&sidecar).await?;
    let (two, _) = Socket::hello(&sidecar).await?;
    let mut windows = Windows { one, two };
    let client = &init["clientId"];
    let claude = Claude::connect(&sidecar, Era::Sessions).await?;
    let stateless = Claude::connect(&sidecar, Era::Stateless).await?;

    // Claude starts a session; both windows are told.
    let start = json!({"project_dir": project.root, "issue_number": 7, "issue_title": "Paths"});
    let started = claude.call("paige_start_session", start).await?;
    let session = started["session"]["id"].clone();
    let told = windows.push("session:started").await?;
    assert_eq!(told["payload"]["session"], started["session"]);
    let active = stateless
        .call("paige_get_active_session", json!({}))
        .await?;
    assert_eq!(active["session"], started["session"]);
    let row = record()?.row(
        "SELECT id, project_dir, issue_number, issue_title, status, started_by FROM sessions",
        [],
    )?;
    let expected = json!({
        "id": session,
        "project_dir": project.root,
        "issue_number": 7,
        "issue_title": "Paths",
        "status": "active",
        "started_by": "mcp",
    });
    assert_eq!(row, expected);

    // Files are opened from both sides.
    let original = project.read(EDITED)?;
    let opened = windows.open(EDITED).await?;
    assert_eq!(
        (&opened["content"], &opened["dirty"]),
        (&json!(original), &json!(false))
    );
    stateless
        .call("paige_open_file", json!({"path": SHOWN}))
        .await?;
    let shown = windows.push("editor:open_file").await?;
    assert_eq!(shown["payload"]["path"], SHOWN);
    assert_eq!(shown["payload"]["content"], project.read(SHOWN)?);
    let open = claude.call("paige_get_open_files", json!({})).await?;
    assert_eq!(open["paths"], json!([EDITED, SHOWN]));
    record()?
        .expect_rows(
            "SELECT session_id, path, opened_by FROM open_files ORDER BY opened_by DESC",
            &[
                json!({"session_id": session, "path": EDITED, "opened_by": "user"}),
                json!({"session_id": session, "path": SHOWN, "opened_by": "claude"}),
            ],
        )
        .await?;

    // The human edits; the other window and Claude see it, the disk does not.
    let edited = original.replacen("use ", "use  ", 1) + "// One more line.\n";
    windows.edit(EDITED, &edited, client).await?;
    for claude in [&claude, &stateless] {
        let buffer = claude
            .call("paige_get_buffer", json!({"path": EDITED}))
            .await?;
        let expected = json!({
            "path": EDITED,
            "content": edited,
            "cursorPosition": {"line": 2, "column": 3},
            "dirty": true,
            "lastUpdated": buffer["lastUpdated"],
        });
        assert_eq!(buffer, expected);
    }
    let diffs = claude.call("paige_get_diff", json!({})).await?;
    let diff = &diffs["diffs"][0];
    assert_eq!(diffs["diffs"].as_array().map(Vec::len), Some(1));
    assert_eq!(diff["path"], EDITED);
    let diff = diff["diff"].as_str().context("a diff")?;
    assert_eq!(applied(&project, diff, EDITED)?, edited);
    assert_eq!(project.read(EDITED)?, original);
    assert_eq!(project.git(&["status", "--porcelain"])?, "");

    // Highlights and hints arrive at both windows.
    let highlight = json!({"path": EDITED, "ranges": [{"start": 1, "end": 2, "style": "hint", "hover_text": "Why?"}]});
    claude.call("paige_highlight_lines", highlight).await?;
    let shown = windows.push("editor:highlight_lines").await?;
    let range = json!({"start": 1, "end": 2, "style": "hint", "hoverText": "Why?", "rung": 2});
    assert_eq!(shown["payload"], json!({"path": EDITED, "ranges": [range]}));
    let hint = json!({"paths": [SHOWN, UNSAVED], "style": "required"});
    stateless.call("paige_hint_files", hint.clone()).await?;
    assert_eq!(windows.push("explorer:hint_files").await?["payload"], hint);
    let marks = record()?.rows(
        "SELECT session_id, path, line_start, line_end, style, hover_text, origin FROM marks ORDER BY id",
        [],
    )?;
    let file_mark = |path| json!({"session_id": session, "path": path, "line_start": null, "line_end": null, "style": "required", "hover_text": null, "origin": "claude"});
    let expected = [
        json!({"session_id": session, "path": EDITED, "line_start": 1, "line_end": 2, "style": "hint", "hover_text": "Why?", "origin": "claude"}),
        file_mark(SHOWN),
        file_mark(UNSAVED),
    ];
    assert_eq!(marks, expected);

    // The human saves; disk, buffer and diff agree.
    let save = json!({"path": EDITED, "content": edited, "baseVersion": opened["version"]});
    let ack = windows.one.request("file:save", save).await?;
    assert_eq!(windows.push("fs:save_ack").await?["payload"], ack);
    assert_eq!(project.read(EDITED)?, edited);
    assert_eq!(
        project.git(&["status", "--porcelain"])?,
        format!(" M {EDITED}\n")
    );
    for claude in [&claude, &stateless] {
        let buffer = claude
            .call("paige_get_buffer", json!({"path": EDITED}))
            .await?;
        assert_eq!(
            (&buffer["content"], &buffer["dirty"]),
            (&json!(edited), &json!(false))
        );
        let diffs = claude
            .call("paige_get_diff", json!({"path": EDITED}))
            .await?;
        assert_eq!(diffs["diffs"], json!([]));
    }
    let saved =
        json!({"session": session, "data": {"path": EDITED, "charCount": edited.chars().count()}});
    record()?.expect_actions("file_save", &[saved]).await?;

    // The human types on, in another file, and one window goes away and misses what Claude says.
    let license = windows.open(UNSAVED).await?;
    let unsaved = format!("Mine alone.\n{}", project.read(UNSAVED)?);
    windows.edit(UNSAVED, &unsaved, client).await?;
    let Windows { one, mut two } = windows;
    let left_at = Cursor {
        stream: init["stream"].as_str().context("a stream")?.to_owned(),
        seq: *one.seqs().last().context("it has seen pushes")?,
    };
    let seen_by_one = one.pushes.clone();
    one.close().await?;
    for message in ["First", "Second"] {
        let args = json!({"message": message, "type": "info"});
        claude.call("paige_show_message", args).await?;
        let said = two.expect_push("coaching:message").await?;
        assert_eq!(said["payload"]["message"], message);
    }
    let seen_by_two = two.pushes.clone();
    let head = *two.seqs().last().context("it has seen pushes")?;
    record()?
        .expect_rows(
            "SELECT path, dirty FROM buffer_backups",
            &[json!({"path": UNSAVED, "dirty": 1})],
        )
        .await?;
    // Observations are written behind; this one is the last.
    let look = json!({"session": session, "data": {"path": UNSAVED}});
    let opens = [EDITED, SHOWN].map(|path| json!({"session": session, "data": {"path": path}}));
    record()?
        .expect_actions("file_open", &[&opens[..], &[look]].concat())
        .await?;
    let mcp_sessions = record()?.rows("SELECT id FROM mcp_sessions", [])?;
    assert_eq!(mcp_sessions.len(), 1, "only one era has sessions");

    // The sidecar is killed, and the next one is found at the same place.
    let port = sidecar.ready.port;
    sidecar.kill()?;
    assert!(two.receive().await.is_err());
    let sidecar = Sidecar::start(&project)?;
    assert_eq!(sidecar.ready.port, port);

    // Both windows go on where they were: nothing lost, nothing twice.
    let (mut one, init_one) = Socket::resume(&sidecar, &left_at).await?;
    let at_head = Cursor {
        stream: left_at.stream.clone(),
        seq: head,
    };
    let (mut two, init_two) = Socket::resume(&sidecar, &at_head).await?;
    for init in [&init_one, &init_two] {
        assert_eq!(init["sessionId"], session);
        assert_eq!(Cursor::of(init)?, at_head);
    }
    one.expect_where("what it missed", |frame| frame["seq"] == head)
        .await?;
    assert_eq!([&seen_by_one[..], &one.pushes[..]].concat(), seen_by_two);
    let afresh = |frame: &Value| {
        frame["type"] == "session:restore" || frame["type"] == "connection:resync_required"
    };
    one.expect_none(afresh).await?;
    two.expect_none(afresh).await?;
    assert!(two.pushes.is_empty(), "{:?}", two.pushes);

    // The unsaved text is restored, on the base that it had, and the disk is as it was.
    let restored = one.request("file:open", json!({"path": UNSAVED})).await?;
    let mut expected = license;
    expected["content"] = json!(unsaved);
    expected["lineCount"] = restored["lineCount"].clone();
    expected["dirty"] = json!(true);
    assert_eq!(restored, expected);
    assert_eq!(project.read(EDITED)?, edited);
    assert_eq!(
        project.git(&["status", "--porcelain"])?,
        format!(" M {EDITED}\n")
    );

    // A third window, which knows nothing, is told all.
    let mut third = Socket::connect(&sidecar).await?;
    third.say_hello(None).await?;
    let restore = third
        .expect_where("the session", |frame| frame["type"] == "session:restore")
        .await?;
    let restore = &restore["payload"];
    assert_eq!(restore["session"], started["session"]);
    assert_eq!(
        restore["highlights"],
        json!([{"path": EDITED, "ranges": [range]}])
    );
    assert_eq!(
        restore["fileHints"],
        json!([{"path": SHOWN, "style": "required"}, {"path": UNSAVED, "style": "required"}])
    );
    let mut tabs = restore["openFiles"]
        .as_array()
        .context("open files")?
        .clone();
    tabs.sort_by_key(|tab| tab["path"].to_string());
    assert_eq!(
        tabs,
        [
            json!({"path": SHOWN, "dirty": false}),
            json!({"path": UNSAVED, "dirty": true}),
            json!({"path": EDITED, "dirty": false}),
        ]
    );

    // Claude goes on as well, in the older era with the session that it had.
    for claude in [&claude, &stateless] {
        let active = claude.call("paige_get_active_session", json!({})).await?;
        assert_eq!(active["session"], started["session"]);
        let diffs = claude.call("paige_get_diff", json!({})).await?;
        assert_eq!(diffs["diffs"].as_array().map(Vec::len), Some(1));
        assert_eq!(diffs["diffs"][0]["path"], UNSAVED);
    }
    assert_eq!(
        record()?.rows("SELECT id FROM mcp_sessions", [])?,
        mcp_sessions
    );

    // The human saves what was restored, and Claude ends the session.
    let mut windows = Windows { one, two };
    let save = json!({"path": UNSAVED, "content": unsaved});
    windows.one.request("file:save", save).await?;
    windows.push("fs:save_ack").await?;
    assert_eq!(project.read(UNSAVED)?, unsaved);
    let ended = claude.call("paige_end_session", json!({})).await?;
    let completed = windows.push("session:completed").await?;
    for told in [&ended, &completed["payload"]] {
        assert_eq!(
            (&told["sessionId"], &told["status"]),
            (&session, &json!("completed"))
        );
    }
    // The save, how the Observer is, and the end.
    assert_eq!(completed["seq"], head + 3);
    let row = record()?.row(
        "SELECT id, status, ended_at IS NULL AS open FROM sessions",
        [],
    )?;
    assert_eq!(
        row,
        json!({"id": session, "status": "completed", "open": 0})
    );
    for table in ["marks", "open_files", "buffer_backups"] {
        let left = record()?.rows(&format!("SELECT * FROM {table}"), [])?;
        assert!(left.is_empty(), "{table}: {left:?}");
    }
    claude.close().await?;
    stateless.close().await?;
    sidecar.stop()?;

    // All of it is on the timeline, and nothing else but what the Observer kept back.
    let expected = [
        ("coaching_message", 2),
        ("decorations_applied", 1),
        ("file_hints_applied", 1),
        // Three by the human, of which one after the restart, and one by Claude.
        ("file_open", 4),
        ("file_save", 2),
        ("paige_end_session", 1),
        ("paige_get_active_session", 3),
        ("paige_get_buffer", 4),
        ("paige_get_diff", 5),
        ("paige_get_open_files", 1),
        ("paige_highlight_lines", 1),
        ("paige_hint_files", 1),
        ("paige_open_file", 1),
        ("paige_show_message", 2),
        ("paige_start_session", 1),
        ("session_ended", 1),
        ("session_started", 1),
    ];
    let expected = expected.map(|(kind, times)| (kind.to_owned(), times));
    assert_eq!(tally(&record()?)?, BTreeMap::from(expected));
    Ok(())
}
