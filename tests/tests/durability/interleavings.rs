//! Any interleaving of what clients do, of kills and of restarts leaves the timeline whole.
//!
//! A script says what two windows and Claude do at the same time, round by round, and how each round
//! ends. Whatever the script, every change that was acknowledged is on the timeline once, in the order
//! of the answers; the pushes have no gap; and of observations, only those of the last moment before a
//! kill may be missing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use paige_tests::mcp::Era;
use paige_tests::ws::Cursor;
use paige_tests::{Claude, Project, Record, Sidecar, Socket};
use parking_lot::Mutex;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

/// How many scripts are played.
const SCRIPTS: u32 = 48;
/// What is observed is written at most 50 ms later; the rest is what a busy machine may take for it.
const WRITTEN_AFTER: Duration = Duration::from_millis(50 + 200);

/// What a window does.
#[derive(Debug, Clone, Copy)]
enum Act {
    Save,
    Create,
    Delete,
    NewSession,
}

/// What Claude does.
#[derive(Debug, Clone, Copy)]
enum Call {
    Message,
    Highlight,
    Look,
}

/// How a round ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// `kill -9` once so many per cent of all that is done was answered.
    Kill(usize),
    Restart,
    GoOn,
}

#[derive(Debug, Clone)]
struct Round {
    windows: [Vec<Act>; 2],
    claude: Vec<Call>,
    end: End,
}

fn script() -> impl Strategy<Value = Vec<Round>> {
    let act = prop_oneof![
        4 => Just(Act::Save),
        2 => Just(Act::Create),
        2 => Just(Act::Delete),
        1 => Just(Act::NewSession),
    ];
    let call = prop_oneof![
        2 => Just(Call::Message),
        2 => Just(Call::Highlight),
        1 => Just(Call::Look),
    ];
    let end = prop_oneof![
        3 => (0..=100_usize).prop_map(End::Kill),
        1 => Just(End::Restart),
        1 => Just(End::GoOn),
    ];
    let acts = prop::collection::vec(act, 0..8);
    let round = ([acts.clone(), acts], prop::collection::vec(call, 0..8), end).prop_map(
        |(windows, claude, end)| Round {
            windows,
            claude,
            end,
        },
    );
    prop::collection::vec(round, 1..6)
}

/// What tells an entry of the timeline from all others: its kind, and what in it occurs only once.
type Key = (&'static str, String);

/// Something that was done, from the moment at which it was sent.
#[derive(Debug)]
struct Done {
    key: Key,
    sent: Instant,
    /// When it was acknowledged, if it was.
    answered: Option<Instant>,
}

/// What the clients have done, over all rounds.
#[derive(Default)]
struct World {
    changes: Mutex<Vec<Done>>,
    observed: Mutex<Vec<Done>>,
    count: AtomicUsize,
    answers: AtomicUsize,
    /// The sidecar may be dead.
    killed: AtomicBool,
}

impl World {
    fn number(&self) -> usize {
        self.count.fetch_add(1, Ordering::Relaxed)
    }

    fn note(&self, done: &Mutex<Vec<Done>>, key: Key, sent: Instant, acknowledged: bool) {
        if acknowledged {
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
        let answered = acknowledged.then(Instant::now);
        done.lock().push(Done {
            key,
            sent,
            answered,
        });
    }

    /// What went wrong, unless it is that the sidecar was killed.
    fn forgive(&self, result: Result<()>) -> Result<()> {
        if self.killed.load(Ordering::Relaxed) {
            return Ok(());
        }
        result
    }
}

/// A window over all rounds.
#[derive(Default)]
struct Window {
    cursor: Option<Cursor>,
    files: Vec<String>,
}

impl Window {
    async fn play(&mut self, acts: &[Act], world: &World, sidecar: &Sidecar) -> Result<()> {
        let mut socket = Socket::connect(sidecar).await?;
        let init = socket.say_hello(self.cursor.as_ref()).await?;
        if self.cursor.is_none() {
            self.cursor = Some(Cursor::of(&init)?);
        }
        let mut played = Ok(());
        for act in acts {
            played = self.act(*act, &mut socket, world).await;
            if played.is_err() {
                break;
            }
        }
        // Whatever came of it, what was pushed has no gap and nothing twice.
        let cursor = self.cursor.as_mut().context("a cursor")?;
        for push in &socket.pushes {
            ensure!(
                push["seq"] == cursor.seq + 1,
                "after {}: {push}",
                cursor.seq
            );
            cursor.seq += 1;
        }
        played
    }

    async fn act(&mut self, act: Act, socket: &mut Socket, world: &World) -> Result<()> {
        let n = world.number();
        let (kind, payload, done) = match act {
            Act::Save => {
                let path = format!("saved-{n}.txt");
                self.files.push(path.clone());
                let save = json!({"path": path, "content": format!("{n}\n")});
                ("file:save", save, ("file_save", path))
            }
            Act::Create => {
                let path = format!("made-{n}.txt");
                self.files.push(path.clone());
                let create = json!({"path": path, "kind": "file"});
                ("file:create", create, ("file_create", path))
            }
            Act::Delete => {
                let Some(path) = self.files.pop() else {
                    return Ok(());
                };
                ("file:delete", json!({"path": path}), ("file_delete", path))
            }
            Act::NewSession => return new_session(socket, world).await,
        };
        let sent = Instant::now();
        let answer = socket.ask(kind, payload).await;
        // A file whose making was cut off may not be there to be deleted.
        let is_refused = matches!(&answer, Ok(frame) if is_error(frame));
        ensure!(
            !is_refused || matches!(act, Act::Delete),
            "refused: {answer:?}"
        );
        if !is_refused {
            world.note(&world.changes, done, sent, answer.is_ok());
        }
        answer.map(drop)
    }
}

/// Ends the session, if there is one, and starts another.
async fn new_session(socket: &mut Socket, world: &World) -> Result<()> {
    for (ask, kind) in [
        ("session:end", "session_ended"),
        ("session:start", "session_started"),
    ] {
        let sent = Instant::now();
        let frame = socket.ask(ask, json!({})).await?;
        // The other window may have been faster.
        if !is_error(&frame) {
            let session = frame["payload"]["sessionId"].to_string();
            world.note(&world.changes, (kind, session), sent, true);
        }
    }
    Ok(())
}

fn is_error(frame: &Value) -> bool {
    frame["type"]
        .as_str()
        .is_some_and(|kind| kind.ends_with("error"))
}

async fn call(calls: &[Call], world: &World, sidecar: &Sidecar, era: Era) -> Result<()> {
    let claude = Claude::connect(sidecar, era).await?;
    for call in calls {
        let text = format!("Call {} of the script.", world.number());
        let (tool, args) = match call {
            Call::Message => (
                "paige_show_message",
                json!({"message": text, "type": "hint", "rung": 1}),
            ),
            Call::Highlight => {
                let range = json!({"start": 1, "end": 1, "style": "info", "hover_text": text});
                let args = json!({"path": "lit.txt", "ranges": [range]});
                ("paige_highlight_lines", args)
            }
            Call::Look => ("paige_get_buffer", json!({"path": text})),
        };
        let sent = Instant::now();
        let answer = claude.call_raw(tool, args).await;
        let is_made = matches!(&answer, Ok(result) if result.is_error != Some(true));
        if is_made && matches!(call, Call::Message) {
            let key = ("coaching_message", text.clone());
            world.note(&world.changes, key, sent, true);
        }
        world.note(
            &world.observed,
            ("mcp_tool_call", text),
            sent,
            answer.is_ok(),
        );
        answer?;
    }
    claude.close().await
}

/// Plays a script on a project of its own.
async fn play(rounds: &[Round]) -> Result<()> {
    let project = Project::with(&[("lit.txt", "a line\n")])?;
    let world = World::default();
    let mut windows = [Window::default(), Window::default()];
    let mut sidecar = Sidecar::start(&project)?;
    let (mut socket, _) = Socket::hello(&sidecar).await?;
    new_session(&mut socket, &world).await?;
    drop(socket);
    for (at, round) in rounds.iter().enumerate() {
        let era = [Era::Sessions, Era::Stateless][at % 2];
        world.killed.store(false, Ordering::Relaxed);
        let doing = round.windows.iter().map(Vec::len).sum::<usize>() + round.claude.len();
        let enough = match round.end {
            End::Kill(per_cent) => doing * per_cent / 100,
            End::Restart | End::GoOn => usize::MAX,
        };
        let before = world.answers.load(Ordering::Relaxed);
        let [one, two] = &mut windows;
        let playing = async {
            let (one, two, claude) = tokio::join!(
                one.play(&round.windows[0], &world, &sidecar),
                two.play(&round.windows[1], &world, &sidecar),
                call(&round.claude, &world, &sidecar, era),
            );
            for (who, result) in [("window 1", one), ("window 2", two), ("Claude", claude)] {
                world.forgive(result).context(who)?;
            }
            anyhow::Ok(())
        };
        let killing = async {
            while world.answers.load(Ordering::Relaxed) - before < enough {
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
            world.killed.store(true, Ordering::Relaxed);
            sidecar.signal(rustix::process::Signal::KILL)
        };
        let killed = tokio::select! {
            biased;
            killed = killing => { killed?; true }
            played = playing => { played?; false }
        };
        let moment = Instant::now();
        if killed || matches!(round.end, End::Kill(_)) {
            // All that was to be done may have been answered before.
            sidecar.kill()?;
            look(&project, &world, Some(moment))?;
            sidecar = Sidecar::start(&project)?;
        } else if matches!(round.end, End::Restart) {
            sidecar.stop()?;
            look(&project, &world, None)?;
            sidecar = Sidecar::start(&project)?;
        }
    }
    sidecar.stop()?;
    look(&project, &world, None)
}

/// Compares the record with what was done; `killed` is the moment of a kill.
fn look(project: &Project, world: &World, killed: Option<Instant>) -> Result<()> {
    let record = Record::of(project)?;
    let seqs = record.row(
        "SELECT count(*) AS count, ifnull(max(seq), 0) AS last, count(DISTINCT seq) AS all_seqs FROM outbox",
        [],
    )?;
    ensure!(
        seqs["count"] == seqs["last"] && seqs["count"] == seqs["all_seqs"],
        "the pushes have gaps: {seqs}"
    );
    let mut ids: BTreeMap<(String, String), Vec<i64>> = BTreeMap::new();
    for row in record.rows(
        "SELECT id, session_id, action_type AS kind, data FROM action_log ORDER BY id",
        [],
    )? {
        let kind = row["kind"].as_str().context("a kind")?.to_owned();
        let data: Value = serde_json::from_str(row["data"].as_str().unwrap_or("null"))?;
        let only = match &*kind {
            "session_started" | "session_ended" => row["session_id"].to_string(),
            "mcp_tool_call" => {
                let args = data["args"].as_str().unwrap_or_default();
                let (_, text) = args.split_once("Call ").context("a call's text")?;
                let (number, _) = text.split_once('.').context("a call's text")?;
                format!("Call {number}.")
            }
            "coaching_message" => data["message"].as_str().context("a text")?.to_owned(),
            _ => data["path"].as_str().unwrap_or_default().to_owned(),
        };
        let id = row["id"].as_i64().context("an id")?;
        ids.entry((kind, only)).or_default().push(id);
    }
    let of = |key: &Key| -> &[i64] {
        ids.get(&(key.0.to_owned(), key.1.clone()))
            .map_or(&[], Vec::as_slice)
    };

    let changes = world.changes.lock();
    let mut acknowledged = Vec::new();
    for change in &*changes {
        let found = of(&change.key);
        ensure!(found.len() <= 1, "twice: {change:?}");
        if let Some(answered) = change.answered {
            let id = found.first().with_context(|| format!("lost: {change:?}"))?;
            acknowledged.push((change, answered, *id));
        }
    }
    for (earlier, answered, id) in &acknowledged {
        for (later, _, later_id) in &acknowledged {
            ensure!(
                later.sent <= *answered || later_id > id,
                "{earlier:?} was answered before {later:?} was sent, and stands after it"
            );
        }
    }
    for call in &*world.observed.lock() {
        let found = of(&call.key);
        ensure!(found.len() <= 1, "twice: {call:?}");
        let may_be_missing = match (call.answered, killed) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(answered), Some(killed)) => killed.duration_since(answered) < WRITTEN_AFTER,
        };
        ensure!(
            may_be_missing || !found.is_empty(),
            "an observation is lost: {call:?}, killed at {killed:?}"
        );
    }
    // What is missing now stays missing, and is nobody's fault any more.
    world
        .observed
        .lock()
        .retain(|call| !of(&call.key).is_empty());
    Ok(())
}

#[test]
fn any_interleaving_leaves_the_timeline_whole() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let config = Config {
        cases: SCRIPTS,
        max_shrink_iters: 40,
        failure_persistence: None,
        ..Config::default()
    };
    let played = TestRunner::new(config).run(&script(), |rounds| {
        runtime
            .block_on(play(&rounds))
            .map_err(|error| TestCaseError::fail(format!("{error:#}")))
    });
    if let Err(error) = played {
        panic!("{error}");
    }
}
