//! The Observer at work (spec: story 10): over a real database and a real folder, with a clock that moves only
//! when the test says so, and somebody in the model's place.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests play the other programs that change the project's files"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/opened.rs"]
mod common;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use async_trait::async_trait;
use paige_coach::{
    Coach, CommandRun, StartSession, StartedBy,
    observer::{Judge, Snapshot, Triage},
};
use paige_protocol::{
    ErrorCode, Version,
    coach::{
        Action,
        action::CommandSource,
        editor::Tone,
        files::CursorPosition,
        hints::HintLevel,
        tools::{NextStatus, ShowMessageArgs},
    },
};
use paige_store::{
    Store, StoreError,
    coach::{self as rows, actions, phases::NewPhase, plans::NewPlan},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::Notify, task::JoinHandle, time::advance};

use self::common::{at, open};

/// Somebody in the model's place: what they were given, and what they say.
#[derive(Default)]
struct Stand {
    seen: Mutex<Vec<Value>>,
    answers: Mutex<VecDeque<Result<Triage, String>>>,
    /// While it is set nobody is answered.
    thinks: Mutex<Option<Arc<Notify>>>,
}

#[async_trait]
impl Judge for Stand {
    async fn judge(&self, _session: u32, snapshot: &Snapshot) -> Result<Triage, String> {
        self.seen
            .lock()
            .unwrap()
            .push(serde_json::to_value(snapshot).unwrap());
        let thinks = self.thinks.lock().unwrap().clone();
        if let Some(thinks) = thinks {
            thinks.notified().await;
        }
        let answer = self.answers.lock().unwrap().pop_front();
        answer.unwrap_or_else(|| Ok(triage(false, 0.9, "no_nudge")))
    }
}

fn triage(should_nudge: bool, confidence: f64, signal: &str) -> Triage {
    Triage {
        should_nudge,
        confidence,
        signal: signal.to_owned(),
        reasoning: "It looks like it.".to_owned(),
        suggested_context: None,
    }
}

fn stuck() -> Result<Triage, String> {
    Ok(triage(true, 0.8, "stuck_on_implementation"))
}

struct Scene {
    coach: Coach,
    store: Store,
    stand: Arc<Stand>,
    task: JoinHandle<()>,
    folder: TempDir,
    stand_still: mpsc::Sender<()>,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("project");
        std::fs::create_dir(&root).unwrap();
        for (path, text) in [
            ("login.py", "def login():\n    pass\n"),
            ("app.py", "from login import login\n"),
            ("far.py", "x = 1\n"),
            ("b.py", "b\n"),
            (".env", "API_KEY=hunter2\n"),
        ] {
            std::fs::write(root.join(path), text).unwrap();
        }
        // Paused time leaps to the next timer whenever all tasks wait, also for the store's thread; but not
        // while a blocking task runs.
        let (stand_still, dropped) = mpsc::channel();
        tokio::task::spawn_blocking(move || dropped.recv());
        Self::over(folder, stand_still).await
    }

    async fn over(folder: TempDir, stand_still: mpsc::Sender<()>) -> Self {
        let (coach, store) = open(&folder).await;
        let stand = Arc::new(Stand::default());
        let task = tokio::spawn({
            let (coach, stand) = (coach.clone(), stand.clone());
            async move { coach.run_observer_by(&*stand).await }
        });
        let scene = Self {
            coach,
            store,
            stand,
            task,
            folder,
            stand_still,
        };
        // It listens before anything happens.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        scene
    }

    /// Stops as a process does, and starts again.
    async fn restart(mut self) -> Self {
        self.task.abort();
        let _ = (&mut self.task).await;
        self.store.observed().await;
        self.store.close();
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        let (other, _) = mpsc::channel();
        let stand_still = std::mem::replace(&mut self.stand_still, other);
        drop(self);
        Self::over(folder, stand_still).await
    }

    async fn start(&self) -> u32 {
        let start = StartSession {
            issue_number: None,
            issue_title: None,
            started_by: StartedBy::Mcp,
            force: false,
        };
        self.coach.start_session(start).await.unwrap().session_id
    }

    /// A plan of two phases about `login.py`, the first begun.
    async fn begin_phase(&self, session: u32) {
        let plan = move |unit: &mut paige_store::Unit<'_>| -> Result<(), StoreError> {
            let plan = rows::plans::create(
                unit,
                &NewPlan {
                    session_id: session,
                    title: "Plan".into(),
                    description: "What to do".into(),
                    total_phases: 2,
                    raw_plan_text: None,
                },
            )?;
            for number in 1..=2 {
                rows::phases::create(
                    unit,
                    &NewPhase {
                        plan_id: plan.id,
                        number,
                        title: format!("Phase {number}"),
                        description: "Find where it fails.".into(),
                        hint_level: rows::HintLevel::High,
                        expected_files: vec!["login.py".into()],
                    },
                )?;
            }
            Ok(())
        };
        self.store.commit(plan).await.unwrap();
        let looks = self.looks().await;
        self.coach
            .update_phase(1, NextStatus::Active)
            .await
            .unwrap();
        self.until_looks(looks + 1).await;
    }

    /// Waits for a condition that other threads bring about.
    async fn until(&self, condition: impl Fn() -> bool) {
        let began = std::time::Instant::now();
        while !condition() {
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "it does not come"
            );
            tokio::task::yield_now().await;
            std::thread::yield_now();
        }
    }

    /// How many looks are on the timeline.
    async fn looks(&self) -> u64 {
        self.store.observed().await;
        let triages = self.entries("observer_triage").len() as u64;
        let suppressed = self.entries("nudge_suppressed");
        let alone = suppressed
            .iter()
            .filter(|data| data["confidence"].is_null());
        triages
            + alone
                .map(|data| data["times"].as_u64().unwrap())
                .sum::<u64>()
    }

    async fn until_looks(&self, looks: u64) {
        let began = std::time::Instant::now();
        while self.looks().await < looks {
            assert!(began.elapsed() < Duration::from_secs(20), "no look comes");
            tokio::task::yield_now().await;
        }
    }

    /// Opens a file, and waits for what comes of it.
    async fn open(&self, path: &str) {
        let looks = self.looks().await;
        self.coach.open_by_human(&at(path)).unwrap();
        self.until_looks(looks + 1).await;
    }

    fn edit(&self, path: &str, text: &str) {
        let cursor = CursorPosition { line: 1, column: 1 };
        self.coach
            .buffer_updated(&at(path), &Arc::from(text), cursor)
            .unwrap();
    }

    fn save(&self, path: &str, text: &str) {
        let seen = self.coach.before_save(&at(path));
        std::fs::write(self.folder.path().join("project").join(path), text).unwrap();
        let version = Version::of(text.as_bytes());
        self.coach
            .file_saved(&at(path), Arc::from(text), version, seen)
            .unwrap();
    }

    async fn wait(&self, seconds: u64) {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        for _ in 0..seconds {
            advance(Duration::from_secs(1)).await;
            tokio::task::yield_now().await;
        }
    }

    /// The data of the entries of one kind, oldest first.
    fn entries(&self, kind: &str) -> Vec<Value> {
        let filter = actions::Filter {
            kind: Some(kind),
            ..actions::Filter::default()
        };
        let rows = self
            .store
            .read(|reader| actions::page(reader, &filter, u32::MAX))
            .unwrap();
        rows.iter()
            .map(|row| serde_json::from_str(row.data.as_deref().unwrap()).unwrap())
            .collect()
    }

    /// Why looks came to nothing, in order.
    async fn reasons(&self) -> Vec<String> {
        self.store.observed().await;
        let entries = self.entries("nudge_suppressed");
        let reason = |data: &Value| data["reason"].as_str().unwrap().to_owned();
        entries.iter().map(reason).collect()
    }

    /// The payloads of the pushes of one kind, in order.
    fn pushes(&self, kind: &str) -> Vec<Value> {
        let head = self.store.cursor().seq;
        let pushes = self.store.outbox(0, head, 10_000).unwrap();
        let pushes = pushes.iter().filter(|push| push.kind == kind);
        pushes
            .map(|push| serde_json::from_str(&push.payload).unwrap())
            .collect()
    }

    fn statuses(&self) -> Vec<(bool, bool)> {
        let statuses = self.pushes("observer:status");
        let status = |status: &Value| {
            (
                status["active"].as_bool().unwrap(),
                status["muted"].as_bool().unwrap(),
            )
        };
        statuses.iter().map(status).collect()
    }

    fn nudges(&self) -> Vec<Value> {
        self.pushes("observer:nudge")
    }

    fn answers(&self, answer: Result<Triage, String>) {
        self.stand.answers.lock().unwrap().push_back(answer);
    }

    fn seen(&self) -> Vec<Value> {
        self.stand.seen.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn it_follows_each_session_from_its_start_to_its_end() {
    let scene = Scene::new().await;
    scene.start().await;
    assert_eq!(scene.statuses(), [(true, false)]);
    scene.open("login.py").await;
    scene.coach.end_session(None).await.unwrap();
    assert_eq!(scene.statuses()[1..], [(false, false)]);
    // Without a session nobody looks.
    scene.coach.open_by_human(&at("b.py")).unwrap();
    scene.wait(600).await;
    assert_eq!(scene.seen().len(), 1);
    // The next session is followed as the first was.
    scene.start().await;
    assert_eq!(scene.statuses()[2..], [(true, false)]);
    scene.open("b.py").await;
    assert_eq!(scene.seen().len(), 2);
    assert!(!scene.task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_nudge_is_sent_and_then_the_cooldown_keeps_calls_from_being_made() {
    let scene = Scene::new().await;
    let session = scene.start().await;
    scene.begin_phase(session).await;
    scene.answers(stuck());
    scene.open("far.py").await;
    scene.until(|| !scene.nudges().is_empty()).await;
    let nudge = &scene.nudges()[0];
    assert_eq!(nudge["signal"], "stuck_on_implementation");
    assert_eq!(nudge["confidence"], 0.8);
    assert_eq!(
        nudge["context"],
        json!({"currentFile": "far.py", "expectedFile": "login.py", "timeInFile": "0s", "currentPhase": 1, "phaseDescription": "Find where it fails.", "step": "ask"})
    );
    assert_eq!(
        nudge["message"],
        "[PAIGE_OBSERVER] {\"signal\":\"stuck_on_implementation\",\"confidence\":0.8,\"context\":{\"current_file\":\"far.py\",\"expected_file\":\"login.py\",\
         \"time_in_file\":\"0s\",\"current_phase\":1,\"phase_description\":\"Find where it fails.\",\"step\":\"ask\"}}"
    );
    assert_eq!(nudge["deliver"], false);
    assert_eq!(
        scene.entries("nudge_sent"),
        [json!({"signal": "stuck_on_implementation", "confidence": 0.8, "step": "ask"})]
    );
    let calls = scene.seen().len();
    scene.wait(60).await;
    scene.answers(stuck());
    scene.open("b.py").await;
    assert_eq!(scene.reasons().await, ["cooldown"]);
    assert_eq!(
        scene.seen().len(),
        calls,
        "a call that nobody may hear costs money"
    );
    scene.wait(61).await;
    scene.open("login.py").await;
    scene.until(|| scene.nudges().len() == 2).await;
    assert_eq!(scene.nudges()[1]["context"]["step"], "reframe");
}

#[tokio::test(start_paused = true)]
async fn idleness_is_seen_after_five_minutes_and_once() {
    let scene = Scene::new().await;
    scene.start().await;
    scene.open("login.py").await;
    scene.wait(299).await;
    assert_eq!(scene.seen().len(), 1);
    scene.wait(2).await;
    scene.until(|| scene.seen().len() == 2).await;
    assert_eq!(scene.seen()[1]["trigger"], "idle");
    assert_eq!(scene.seen()[1]["user_idle"], true);
    scene.wait(1800).await;
    assert_eq!(scene.seen().len(), 2);
    // A switch of tabs is on the timeline, and ends the spell.
    scene.coach.observe(&Action::EditorTabSwitch {
        from_path: None,
        to_path: "b.py".into(),
    });
    scene.wait(301).await;
    scene.until(|| scene.seen().len() == 3).await;
}

#[tokio::test(start_paused = true)]
async fn the_fifth_raw_update_is_looked_at_and_what_the_timeline_sums_up_counts_for_nothing() {
    let scene = Scene::new().await;
    scene.start().await;
    // Each is a significant change, which the timeline tells at once.
    for n in 1..=4_usize {
        scene.edit("login.py", &"x".repeat(n * 2000));
    }
    scene.wait(1).await;
    scene.store.observed().await;
    assert_eq!(scene.entries("buffer_significant_change").len(), 4);
    assert_eq!(scene.looks().await, 0);
    scene.edit("login.py", "y");
    scene.until_looks(1).await;
    assert_eq!(scene.seen()[0]["trigger"], "buffer_updates");
    for _ in 0..4 {
        scene.edit("login.py", "z");
    }
    scene.wait(1).await;
    assert_eq!(scene.looks().await, 1);
}

#[tokio::test(start_paused = true)]
async fn who_is_at_work_is_left_alone_and_it_is_logged() {
    let scene = Scene::new().await;
    scene.start().await;
    for n in 0..10 {
        let to_path = ["login.py", "b.py"][n % 2].to_owned();
        scene.coach.observe(&Action::EditorTabSwitch {
            from_path: None,
            to_path,
        });
        scene.wait(1).await;
    }
    scene.open("far.py").await;
    assert_eq!(scene.reasons().await, ["flow_state"]);
    assert_eq!(scene.seen().len(), 0);
    scene.wait(60).await;
    scene.open("login.py").await;
    assert_eq!(scene.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn muted_it_does_not_look_and_stays_so_over_a_restart() {
    let scene = Scene::new().await;
    let refused = scene.coach.mute_observer(true).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::NoActiveSession);
    scene.start().await;
    let status = scene.coach.mute_observer(true).await.unwrap();
    assert_eq!((status.active, status.muted), (true, true));
    scene.coach.open_by_human(&at("b.py")).unwrap();
    scene.store.observed().await;
    scene.wait(700).await;
    assert_eq!((scene.looks().await, scene.seen().len()), (0, 0));
    assert_eq!(scene.entries("observer_muted"), [json!({"muted": true})]);
    let scene = scene.restart().await;
    assert_eq!(scene.statuses(), [(true, false), (true, true)]);
    scene.coach.open_by_human(&at("b.py")).unwrap();
    scene.store.observed().await;
    scene.wait(1).await;
    assert_eq!(scene.seen().len(), 0);
    scene.coach.mute_observer(false).await.unwrap();
    scene.open("login.py").await;
    assert_eq!(scene.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn cooldown_counters_and_the_breaker_survive_a_restart() {
    let scene = Scene::new().await;
    let session = scene.start().await;
    scene.begin_phase(session).await;
    scene.answers(stuck());
    scene.open("far.py").await;
    scene.until(|| scene.nudges().len() == 1).await;
    for n in 0..4 {
        scene.edit("b.py", &format!("{n}\n"));
    }
    for _ in 0..2 {
        let command = CommandRun {
            command: "pytest".into(),
            exit_code: 1,
            duration_ms: 1,
            tail: "error: a\n".into(),
            source: CommandSource::Shell,
        };
        scene.coach.command_ran(&command);
    }
    scene.store.observed().await;
    scene.wait(1).await;
    let scene = scene.restart().await;
    // The fifth update, and still within two minutes.
    let looks = scene.looks().await;
    scene.edit("b.py", "5\n");
    scene.until_looks(looks + 1).await;
    assert_eq!(scene.reasons().await, ["cooldown"]);
    // The clock of the test does not move the wall, from which a new run counts.
    scene.wait(125).await;
    let command = CommandRun {
        command: "pytest".into(),
        exit_code: 1,
        duration_ms: 1,
        tail: "error: a\n".into(),
        source: CommandSource::Shell,
    };
    scene.coach.command_ran(&command);
    scene.store.observed().await;
    scene.answers(stuck());
    scene.open("login.py").await;
    scene.until(|| scene.nudges().len() == 2).await;
    assert_eq!(scene.nudges()[1]["context"]["step"], "reframe");
    let snapshot = scene.seen().pop().unwrap();
    // What happened before counts on: the runs, and what was changed in the phase.
    assert_eq!(
        snapshot["repeated_errors"],
        json!([{"line": "error: a", "runs": 3}])
    );
    assert_eq!(snapshot["diff"]["outside_files"], 1);
    assert_eq!(snapshot["current_phase"]["number"], 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_the_end_is_dropped() {
    let scene = Scene::new().await;
    scene.start().await;
    *scene.stand.thinks.lock().unwrap() = Some(Arc::new(Notify::new()));
    scene.answers(stuck());
    scene.coach.open_by_human(&at("b.py")).unwrap();
    scene.until(|| scene.seen().len() == 1).await;
    // Meanwhile nothing else is asked.
    scene.open("login.py").await;
    assert_eq!(scene.reasons().await, ["in_progress"]);
    scene.coach.end_session(None).await.unwrap();
    scene
        .stand
        .thinks
        .lock()
        .unwrap()
        .take()
        .unwrap()
        .notify_waiters();
    scene.wait(10).await;
    assert_eq!(
        (scene.nudges().len(), scene.entries("observer_triage").len()),
        (0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_judgement_is_logged_and_the_next_one_is_made() {
    let scene = Scene::new().await;
    scene.start().await;
    scene.answers(Err("The server is down.".into()));
    scene.open("b.py").await;
    let failed = &scene.entries("nudge_suppressed")[0];
    assert_eq!(
        *failed,
        json!({"trigger": "file_open", "reason": "failed", "times": 1, "error": "The server is down."})
    );
    scene.open("b.py").await;
    assert_eq!(scene.entries("observer_triage").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_secret_and_no_text_of_the_project_is_in_what_a_model_is_given() {
    let scene = Scene::new().await;
    let session = scene.start().await;
    scene.begin_phase(session).await;
    scene.open(".env").await;
    for n in 0..5 {
        scene.edit(".env", &format!("API_KEY=hunter{n}\n"));
        scene.edit("login.py", &format!("very_own_word = {n}\n"));
    }
    scene.wait(1).await;
    scene.save("login.py", "very_own_word = 9\n");
    scene.until(|| scene.seen().len() >= 3).await;
    let given = serde_json::to_string(&scene.seen()).unwrap();
    assert!(
        given.contains("[secret]") && given.contains("login.py"),
        "{given}"
    );
    for word in ["env", "hunter", "very_own_word"] {
        assert!(!given.contains(word), "{word} in {given}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_imports_an_expected_file_is_known_from_its_lines() {
    let scene = Scene::new().await;
    let session = scene.start().await;
    scene.begin_phase(session).await;
    let began = std::time::Instant::now();
    loop {
        // The search runs beside; an edit each time, so that there is something to look at.
        scene.edit("app.py", &format!("# {:?}\n", began.elapsed()));
        scene.open("app.py").await;
        let seen = scene.seen().pop().unwrap();
        if seen["open_file"]["relation"] == "importer" {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{seen}");
        scene.wait(61).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_fifth_nudge_of_a_kind_records_a_gap_and_allows_a_sketch_until_a_green_test() {
    let scene = Scene::new().await;
    let session = scene.start().await;
    scene.begin_phase(session).await;
    let sketch = || {
        let args = ShowMessageArgs {
            message: "What would the first step be called?".into(),
            tone: Tone::Hint,
            anchor: None,
            rung: Some(4),
        };
        scene.coach.show_message(args)
    };
    for n in 1..=5_usize {
        let refused = sketch().await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::PreconditionFailed);
        assert!(
            refused
                .to_string()
                .contains("has not come to the step `rung4`"),
            "{refused}"
        );
        scene.answers(stuck());
        scene.open(["far.py", "b.py"][n % 2]).await;
        scene.until(|| scene.nudges().len() == n).await;
        scene.wait(121).await;
    }
    assert_eq!(scene.nudges()[4]["context"]["step"], "rung4");
    let gaps = scene
        .store
        .read(|reader| rows::gaps::by_session(reader, session))
        .unwrap();
    assert_eq!(gaps.len(), 1);
    assert_eq!(gaps[0].topic, "Phase 1");
    scene
        .coach
        .change_level(None, HintLevel::Low)
        .await
        .unwrap();
    let refused = sketch().await.unwrap_err();
    assert!(
        refused.to_string().contains("hint level to `high`"),
        "{refused}"
    );
    scene
        .coach
        .change_level(None, HintLevel::High)
        .await
        .unwrap();
    sketch().await.unwrap();
    let green = CommandRun {
        command: "pytest".into(),
        exit_code: 0,
        duration_ms: 1,
        tail: String::new(),
        source: CommandSource::Shell,
    };
    scene.coach.command_ran(&green);
    scene.store.observed().await;
    scene.wait(2).await;
    let kept = || {
        scene
            .store
            .read(|reader| rows::observers::of_session(reader, session))
            .unwrap()
            .unwrap()
    };
    scene.until(|| kept().nudges.0.is_empty()).await;
    assert!(sketch().await.is_err());
}
