//! What the stream of pushes promises: nothing missed, nothing twice, whatever happens to a client or
//! to the sidecar.

use anyhow::{Context as _, Result};
use paige_tests::ws::Cursor;
use paige_tests::{Project, Record, Sidecar, Socket};
use serde_json::{Value, json};

/// The `n`th push of these tests: something small that anybody may say at any time.
async fn push(client: &mut Socket, n: u64) -> Result<()> {
    let level = ["low", "high"][usize::try_from(n % 2)?];
    client
        .request("hints:level_change", json!({"to": level}))
        .await?;
    Ok(())
}

/// Waits for the push with this number.
async fn until(client: &mut Socket, seq: u64) -> Result<()> {
    if client.seqs().last() == Some(&seq) {
        return Ok(());
    }
    client
        .expect_where(&format!("push {seq}"), |frame| frame["seq"] == seq)
        .await?;
    Ok(())
}

/// What a client is told of the session under way; it is a part of the answer to its hello.
async fn restored(client: &mut Socket) -> Result<Value> {
    let frame = client
        .expect_where("the session", |frame| frame["type"] == "session:restore")
        .await?;
    Ok(frame["payload"].clone())
}

#[tokio::test]
async fn a_client_that_is_cut_again_and_again_misses_nothing_and_sees_nothing_twice() -> Result<()>
{
    const PUSHES: u64 = 1000;
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let (mut writer, init) = Socket::hello(&sidecar).await?;
    let mut cursor = Cursor::of(&init)?;
    assert_eq!(cursor.seq, 0);
    let writing = tokio::spawn(async move {
        for n in 1..=PUSHES {
            push(&mut writer, n).await?;
        }
        anyhow::Ok(())
    });
    // Cut in the midst of the stream, each time a little later.
    let mut seen = Vec::new();
    let mut wanted = 1;
    while cursor.seq < PUSHES {
        let (mut reader, init) = Socket::resume(&sidecar, &cursor).await?;
        assert_eq!(init["stream"], cursor.stream.as_str());
        wanted = (wanted + 37).min(PUSHES);
        until(&mut reader, wanted.max(cursor.seq + 1)).await?;
        seen.extend(reader.seqs());
        cursor.seq = *seen.last().context("it has seen some")?;
    }
    writing.await??;
    assert_eq!(seen, (1..=PUSHES).collect::<Vec<u64>>());
    Ok(())
}

#[tokio::test]
async fn a_kill_and_a_restart_lose_no_push() -> Result<()> {
    let project = Project::empty()?;
    let mut sidecar = Sidecar::start(&project)?;
    let (mut reader, init) = Socket::hello(&sidecar).await?;
    let mut cursor = Cursor::of(&init)?;
    let mut seen = Vec::new();
    let mut told: u64 = 0;
    for round in 0..4 {
        let (mut writer, _) = Socket::hello(&sidecar).await?;
        for n in 0..50 {
            push(&mut writer, n + round).await?;
            told += 1;
            // The reader is cut while the writer goes on, so that it misses the rest of the round.
            if n == 20 {
                until(&mut reader, told).await?;
            }
        }
        seen.extend(reader.seqs());
        cursor.seq = *seen.last().context("it has seen some")?;
        drop(reader);
        let port = sidecar.ready.port;
        sidecar.kill()?;
        sidecar = Sidecar::start(&project)?;
        assert_eq!(sidecar.ready.port, port, "clients keep the address");
        let (resumed, init) = Socket::resume(&sidecar, &cursor).await?;
        assert_eq!(
            Cursor::of(&init)?,
            Cursor {
                stream: cursor.stream.clone(),
                seq: told
            }
        );
        reader = resumed;
        until(&mut reader, told).await?;
        seen.extend(reader.seqs());
        assert_eq!(seen, (1..=told).collect::<Vec<u64>>(), "round {round}");
        // The next round's pushes come to this reader; those of this one are counted.
        reader.pushes.clear();
    }
    Ok(())
}

#[tokio::test]
async fn a_replay_is_the_same_messages_again() -> Result<()> {
    let project = Project::with(&[("a.txt", "")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, init) = Socket::hello(&sidecar).await?;
    let cursor = Cursor::of(&init)?;
    client
        .request(
            "session:start",
            json!({"issueNumber": 1, "issueTitle": "\u{1F980} \"quoted\""}),
        )
        .await?;
    client
        .request("file:open", json!({"path": "a.txt"}))
        .await?;
    client
        .request("file:save", json!({"path": "a.txt", "content": "x"}))
        .await?;
    client.request("session:end", json!({})).await?;
    until(&mut client, 5).await?;
    let live = client.pushes.clone();
    let kinds: Vec<&Value> = live.iter().map(|push| &push["type"]).collect();
    assert_eq!(
        kinds,
        [
            "session:started",
            "observer:status",
            "fs:save_ack",
            "observer:status",
            "session:completed"
        ]
    );

    sidecar.kill()?;
    let sidecar = Sidecar::start(&project)?;
    let (mut late, _) = Socket::resume(&sidecar, &cursor).await?;
    until(&mut late, 5).await?;
    assert_eq!(late.pushes, live);
    // Who resumes is not told of a snapshot.
    late.expect_none(|frame| {
        let kind = frame["type"].as_str().unwrap_or_default();
        kind == "session:restore" || kind == "connection:resync_required"
    })
    .await
}

#[tokio::test]
async fn a_cursor_that_cannot_be_resumed_gets_a_fresh_snapshot() -> Result<()> {
    let project = Project::with(&[("a.txt", "a\n")])?;
    // An outbox so small that the oldest pushes are gone.
    let store = project.store(paige_store::Config {
        outbox_max_bytes: 1 << 20,
        ..paige_store::Config::default()
    })?;
    for _ in 0..30 {
        let push: Result<(), paige_store::StoreError> = store.commit_blocking(|unit| {
            let message = json!({"message": "x".repeat(100_000), "messageId": "m", "type": "info", "source": "coaching"});
            unit.push("coaching:message", message.to_string(), None)?;
            Ok(())
        });
        push?;
    }
    let stream = store.cursor().stream;
    store.close();
    drop(store);

    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    client
        .request("session:start", json!({"issueNumber": 9}))
        .await?;
    client
        .request("file:open", json!({"path": "a.txt"}))
        .await?;
    let head = 32;

    let cursors = [
        ("unknown_stream", "0".repeat(stream.len()), 3),
        ("ahead_of_stream", stream.clone(), head + 1),
        ("too_far_behind", stream.clone(), 1),
        ("too_far_behind", stream.clone(), 0),
    ];
    for (reason, theirs, seq) in cursors {
        let mut late = Socket::connect(&sidecar).await?;
        let init = late
            .say_hello(Some(&Cursor {
                stream: theirs,
                seq,
            }))
            .await?;
        assert_eq!(init["stream"], stream.as_str(), "{reason}");
        let resync = late
            .expect_where("resync", |frame| {
                frame["type"] == "connection:resync_required"
            })
            .await?;
        assert_eq!(
            resync["payload"],
            json!({"reason": reason, "stream": stream, "seq": head})
        );
        let restore = late
            .expect_where("the session", |frame| frame["type"] == "session:restore")
            .await?;
        assert_eq!(restore["payload"]["session"]["issueNumber"], 9);
        assert_eq!(
            restore["payload"]["openFiles"],
            json!([{"path": "a.txt", "dirty": false}])
        );
        let tree = late
            .expect_where("the tree", |frame| frame["type"] == "fs:tree")
            .await?;
        assert_eq!(tree["payload"]["root"]["children"][0]["path"], "a.txt");
        late.expect_none(|frame| frame["seq"].is_u64()).await?;
    }

    // The newest that is kept can be resumed, and from there on the stream goes on.
    let (mut late, _) = Socket::resume(
        &sidecar,
        &Cursor {
            stream,
            seq: head - 2,
        },
    )
    .await?;
    until(&mut late, head).await?;
    push(&mut client, 0).await?;
    until(&mut late, head + 1).await?;
    assert_eq!(late.seqs(), [head - 1, head, head + 1]);
    late.expect_none(|frame| frame["type"] == "connection:resync_required")
        .await
}

#[tokio::test]
async fn a_client_that_starts_anew_during_a_session_gets_all_of_it() -> Result<()> {
    let project = Project::with(&[("a.txt", "a\n"), ("b.txt", "b\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    let started = client
        .request(
            "session:start",
            json!({"issueNumber": 3, "issueTitle": "T"}),
        )
        .await?;
    let record = Record::of(&project)?;
    let mut rows = Vec::new();
    for path in ["b.txt", "a.txt"] {
        client.request("file:open", json!({"path": path})).await?;
        rows.push(json!({"path": path}));
        let open = "SELECT path FROM open_files ORDER BY opened_at";
        record.expect_rows(open, &rows).await?;
    }
    let edit =
        json!({"path": "a.txt", "content": "A\n", "cursorPosition": {"line": 1, "column": 2}});
    client.send("buffer:update", edit).await?;
    client
        .request("hints:level_change", json!({"to": "off"}))
        .await?;

    let mut late = Socket::connect(&sidecar).await?;
    let init = late.say_hello(None).await?;
    assert_eq!((&init["sessionId"], &init["seq"]), (&json!(1), &json!(3)));
    let restore = restored(&mut late).await?;
    let expected = json!({
        "session": started["session"],
        "issue": null,
        "plan": null,
        "phases": [],
        "hintLevel": "off",
        "openFiles": [{"path": "b.txt", "dirty": false}, {"path": "a.txt", "dirty": true}],
        "highlights": [],
        "fileHints": [],
    });
    assert_eq!(restore, expected);
    let status = late
        .expect_where("how the Observer is", |frame| {
            frame["type"] == "observer:status"
        })
        .await?;
    assert_eq!(
        status["payload"],
        json!({"active": true, "muted": false, "lastEvaluation": null})
    );
    late.expect("fs:tree").await?;

    // The same after a restart: what is kept in memory was kept on disk as well.
    sidecar.stop()?;
    let sidecar = Sidecar::start(&project)?;
    let mut again = Socket::connect(&sidecar).await?;
    again.say_hello(None).await?;
    assert_eq!(restored(&mut again).await?, expected);
    Ok(())
}

#[tokio::test]
async fn a_stop_in_the_midst_of_a_push_flood_closes_with_1001_and_loses_nothing() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let (mut reader, init) = Socket::hello(&sidecar).await?;
    let cursor = Cursor::of(&init)?;
    let (mut writer, _) = Socket::hello(&sidecar).await?;
    for n in 1..=100 {
        let level = ["low", "high"][n % 2];
        writer
            .send("hints:level_change", json!({"to": level}))
            .await?;
    }
    until(&mut reader, 1).await?;
    let stopping = tokio::task::spawn_blocking(move || sidecar.stop());
    assert_eq!(reader.closed().await?, 1001);
    assert!(stopping.await??.success());

    let sidecar = Sidecar::start(&project)?;
    let (mut late, init) = Socket::resume(&sidecar, &cursor).await?;
    let head = Cursor::of(&init)?.seq;
    assert!(head >= 1);
    until(&mut late, head).await?;
    assert_eq!(late.seqs(), (1..=head).collect::<Vec<u64>>());
    Ok(())
}
