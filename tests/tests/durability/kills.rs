//! `kill -9` at any moment: nothing that was acknowledged is lost (blueprint §2).

#[path = "kills/caller.rs"]
mod caller;
#[path = "kills/clients.rs"]
mod clients;
#[path = "kills/ledger.rs"]
mod ledger;
#[path = "kills/work.rs"]
mod work;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::future::join_all;
use paige_tests::{Project, Record, Sidecar, Socket};
use serde_json::{Value, json};

use self::caller::{Caller, LIT, LIT_LINES};
use self::clients::{Client, Signals};
use self::ledger::Ledger;
use self::work::{Author, Coach, Levels, Tidier, Typist, Watcher};

/// How often it is killed.
const KILLS: usize = 200;
/// The flood goes on for less than this before a kill, in microseconds.
const FLOOD: u64 = 120_000;
/// In every so manieth round the flood goes on beyond the second in which unsaved text is backed up.
const LONG: usize = 25;

/// A number below `bound`: when to kill is meant to be as random as it gets.
fn below(bound: u64) -> u64 {
    u64::try_from(uuid::Uuid::new_v4().as_u128() % u128::from(bound)).unwrap_or_default()
}

#[tokio::test]
async fn two_hundred_kills_in_a_flood_of_writes_lose_nothing_acknowledged() -> Result<()> {
    let project = Project::with(&[(LIT, &"a line\n".repeat(LIT_LINES))])?;
    let mut ledger = Ledger::default();
    let mut clients = vec![
        Client::new(Author::new("one", 3)),
        Client::new(Author::new("two", 1)),
        Client::new(Typist::new("typed", 3)),
        Client::new(Coach::default()),
        Client::new(Levels::default()),
        Client::new(Tidier::default()),
        Client::new(Watcher),
    ];
    let mut claude = Caller::default();
    for round in 0..=KILLS {
        let sidecar = Sidecar::start(&project)?;
        look(&project, &mut ledger, &mut clients, &mut claude)
            .with_context(|| format!("after {round} kills"))?;
        if round < KILLS {
            flood_and_kill(sidecar, &mut clients, &mut claude, round)
                .await
                .with_context(|| format!("before kill {}", round + 1))?;
        } else {
            for client in &mut clients {
                client.catch_up(&sidecar, ledger.seq()).await?;
                ledger.holds(&client.take_received())?;
            }
            sidecar.stop()?;
        }
    }
    println!("{KILLS} kills, {ledger}");
    // It was a flood, and of everything.
    for (kind, count) in ledger.pushes_of_each_kind() {
        ensure!(count >= KILLS / 4, "only {count} of {kind}");
    }
    Ok(())
}

/// Lets all clients work at once and kills the sidecar in the midst of it.
async fn flood_and_kill(
    sidecar: Sidecar,
    clients: &mut [Client],
    claude: &mut Caller,
    round: usize,
) -> Result<()> {
    let signals = Signals {
        port: sidecar.ready.port,
        token: sidecar.tokens[0].clone(),
        mcp_token: sidecar.tokens[1].clone(),
        answers: AtomicUsize::new(0),
        killed: AtomicUsize::new(0),
    };
    let kill = async {
        // Most kills come when the flood is on, every tenth while clients are still coming back.
        while round % 10 != 9 && signals.answers.load(Ordering::Relaxed) < 10 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let long = if round % LONG == LONG - 1 {
            1_200_000
        } else {
            0
        };
        tokio::time::sleep(Duration::from_micros(long + below(FLOOD))).await;
        signals.killed.store(1, Ordering::Relaxed);
        tokio::task::spawn_blocking(move || sidecar.kill()).await?
    };
    let floods = join_all(clients.iter_mut().map(|client| client.flood(&signals)));
    let (killed, floods, called) = tokio::join!(kill, floods, claude.flood(&signals));
    killed?;
    called.context("the MCP client")?;
    floods.into_iter().collect()
}

/// Looks at the record and at the disk after a restart, before anybody comes back.
fn look(
    project: &Project,
    ledger: &mut Ledger,
    clients: &mut [Client],
    claude: &mut Caller,
) -> Result<()> {
    let record = Record::of(project)?;
    let check = record.rows("PRAGMA integrity_check", [])?;
    ensure!(check == [json!({"integrity_check": "ok"})], "{check:?}");
    let check = record.rows("PRAGMA foreign_key_check", [])?;
    ensure!(check.is_empty(), "{check:?}");

    let pushes = record.rows(
        "SELECT seq, kind, payload, at FROM outbox WHERE seq > ?1 ORDER BY seq",
        [ledger.seq()],
    )?;
    let entries = record.rows(
        "SELECT id, session_id, action_type AS kind, data FROM action_log WHERE id > ?1 ORDER BY id",
        [ledger.entry()],
    )?;
    ledger.add(&pushes, &entries)?;
    let head = record.row(
        "SELECT max(head, ifnull((SELECT max(seq) FROM outbox), 0)) AS head FROM streams",
        [],
    )?;
    ensure!(
        head["head"] == ledger.seq(),
        "{head} is not {}",
        ledger.seq()
    );
    let sessions = record.rows(
        "SELECT id, issue_number, issue_title, status, hint_level FROM sessions ORDER BY id",
        [],
    )?;
    let marks = record.rows(
        "SELECT session_id, path, line_start, line_end, hover_text FROM marks ORDER BY id",
        [],
    )?;
    ledger.agrees_with(&sessions, &marks)?;
    ledger.holds(&claude.take_received())?;
    for client in &mut *clients {
        ledger.holds(&client.take_received())?;
    }
    let backups: BTreeMap<String, String> = record
        .rows("SELECT path, content FROM buffer_backups", [])?
        .into_iter()
        .filter_map(|row| Some((text(&row["path"])?, text(&row["content"])?)))
        .collect();
    let mut on_disk = project.everything(&[])?;
    for path in on_disk.keys().filter(|path| is_leftover(path)) {
        std::fs::remove_file(project.outside().join(path))?;
    }
    on_disk.retain(|path, _| !is_leftover(path));
    let world = work::World {
        backups,
        on_disk,
        entries: &entries,
    };
    for client in clients {
        client.work.check(&world)?;
    }
    Ok(())
}

/// Whether a file is one that the pen was writing when it was killed; a later save removes those that
/// are an hour old.
fn is_leftover(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.starts_with(".paige-") && name.ends_with(".tmp")
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Unsaved text is in the record at most one second after the edit (blueprint §2), also while the
/// edits go on.
#[tokio::test]
async fn unsaved_text_of_a_second_ago_is_restored_after_a_kill() -> Result<()> {
    let project = Project::with(&[("a.txt", "on disk\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    let opened = client
        .request("file:open", json!({"path": "a.txt"}))
        .await?;
    let mut typed = Vec::new();
    let begin = tokio::time::Instant::now();
    // What is taken in during the first half and more of it must be there.
    while begin.elapsed() < Duration::from_millis(2300) {
        let content = format!("edit {}\n", typed.len());
        let cursor = json!({"line": 1, "column": typed.len() + 1});
        let edit = json!({"path": "a.txt", "content": content, "cursorPosition": cursor});
        client.send("buffer:update", edit).await?;
        // The answer says that the edit was taken in.
        let shown = client
            .request("file:open", json!({"path": "a.txt"}))
            .await?;
        ensure!(shown["content"] == content.as_str(), "{shown}");
        typed.push((content, begin.elapsed()));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let killed = begin.elapsed();
    sidecar.kill()?;

    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    let restored = client
        .request("file:open", json!({"path": "a.txt"}))
        .await?;
    let at = typed
        .iter()
        .position(|(content, _)| restored["content"] == content.as_str())
        .with_context(|| format!("{restored} is none of {} edits", typed.len()))?;
    if let Some((_, lost)) = typed.get(at + 1) {
        ensure!(
            killed.saturating_sub(*lost) <= Duration::from_secs(1),
            "an edit at {lost:?} was lost to a kill at {killed:?}"
        );
    }
    let expected = json!({
        "path": "a.txt",
        "content": typed[at].0,
        "language": opened["language"],
        "lineCount": 2,
        "version": opened["version"],
        "dirty": true,
        "isBinary": false,
    });
    assert_eq!(restored, expected);
    let backup = Record::of(&project)?.row(
        "SELECT path, content, cursor_line, cursor_column, base_version, dirty FROM buffer_backups",
        [],
    )?;
    let expected = json!({
        "path": "a.txt",
        "content": typed[at].0,
        "cursor_line": 1,
        "cursor_column": at + 1,
        "base_version": opened["version"],
        "dirty": 1,
    });
    assert_eq!(backup, expected);
    assert_eq!(project.read("a.txt")?, "on disk\n");
    Ok(())
}
