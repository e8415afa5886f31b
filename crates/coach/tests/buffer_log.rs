//! What of unsaved edits is put on the timeline, and when (spec: story 4, AC 2, 3, 7 and 8): with a clock
//! that moves only when the test says so.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests play the other programs that change the project's files"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/opened.rs"]
mod common;

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use paige_coach::{Coach, StartSession, StartedBy};
use paige_protocol::{Version, coach::files::CursorPosition};
use paige_store::{Store, coach::actions};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::advance};

use self::common::{at, open};

/// Two files of 100 characters that are open, and the clock of the summaries, running.
struct Scene {
    coach: Coach,
    store: Store,
    clock: JoinHandle<()>,
    _stand_still: mpsc::Sender<()>,
    _folder: TempDir,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.clock.abort();
    }
}

impl Scene {
    async fn new() -> Self {
        // Paused time leaps to the next timer whenever all tasks wait, also for the store's thread; but not
        // while a blocking task runs.
        let (stand_still, dropped) = mpsc::channel();
        tokio::task::spawn_blocking(move || dropped.recv());
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("project");
        std::fs::create_dir(&root).unwrap();
        for path in ["a.rs", "b.rs"] {
            std::fs::write(root.join(path), "x".repeat(100)).unwrap();
        }
        let (coach, store) = open(&folder).await;
        for path in ["a.rs", "b.rs"] {
            coach.open_by_human(&at(path)).unwrap();
        }
        let clock = tokio::spawn({
            let coach = coach.clone();
            async move { coach.run_summaries().await }
        });
        Self {
            coach,
            store,
            clock,
            _stand_still: stand_still,
            _folder: folder,
        }
    }

    async fn start(&self, force: bool) -> u32 {
        let start = StartSession {
            issue_number: None,
            issue_title: None,
            started_by: StartedBy::Mcp,
            force,
        };
        self.coach.start_session(start).await.unwrap().session_id
    }

    fn edit(&self, path: &str, chars: usize) {
        let cursor = CursorPosition { line: 1, column: 1 };
        let text = Arc::from("x".repeat(chars));
        self.coach.buffer_updated(&at(path), &text, cursor).unwrap();
    }

    async fn save(&self, path: &str, chars: usize) {
        let seen = self.coach.before_save(&at(path));
        let version = Version::of(&chars.to_le_bytes());
        let text = Arc::from("x".repeat(chars));
        self.coach
            .file_saved(&at(path), text, version, seen)
            .unwrap();
    }

    /// Lets time pass, a second after the other, so that the clock may look at each.
    async fn wait(&self, seconds: u64) {
        // It may not have heard of the last edit yet.
        tokio::task::yield_now().await;
        for _ in 0..seconds {
            advance(Duration::from_secs(1)).await;
            tokio::task::yield_now().await;
        }
    }

    /// The entries of one kind, oldest first: the session and the data.
    async fn entries(&self, kind: &str) -> Vec<(Option<u32>, Value)> {
        self.store.observed().await;
        let filter = actions::Filter {
            kind: Some(kind),
            ..actions::Filter::default()
        };
        let rows = self
            .store
            .read(|reader| actions::page(reader, &filter, u32::MAX))
            .unwrap();
        rows.into_iter()
            .map(|row| {
                let data = serde_json::from_str(row.data.as_deref().unwrap()).unwrap();
                (row.scope, data)
            })
            .collect()
    }

    /// The summaries: path, characters, edits and difference.
    async fn summaries(&self) -> Vec<(String, u64, u64, i64)> {
        let entries = self.entries("buffer_summary").await;
        entries
            .into_iter()
            .map(|(session, data)| {
                assert!(session.is_some(), "a summary has a session: {data}");
                assert_eq!(data["dirty"], true);
                (
                    data["path"].as_str().unwrap().to_owned(),
                    data["charCount"].as_u64().unwrap(),
                    data["editCount"].as_u64().unwrap(),
                    data["charDelta"].as_i64().unwrap(),
                )
            })
            .collect()
    }

    async fn significant(&self) -> Vec<(u64, u64)> {
        let entries = self.entries("buffer_significant_change").await;
        entries
            .into_iter()
            .map(|(_, data)| {
                (
                    data["previousCharCount"].as_u64().unwrap(),
                    data["newCharCount"].as_u64().unwrap(),
                )
            })
            .collect()
    }
}

fn summary(path: &str, chars: u64, edits: u64, delta: i64) -> (String, u64, u64, i64) {
    (path.to_owned(), chars, edits, delta)
}

/// AC 2: one entry for each dirty file, every 30 seconds.
#[tokio::test(start_paused = true)]
async fn each_dirty_file_is_summed_up_every_half_a_minute() {
    let scene = Scene::new().await;
    let session = scene.start(false).await;
    scene.edit("a.rs", 110);
    scene.edit("a.rs", 105);
    scene.edit("b.rs", 90);
    scene.wait(29).await;
    assert_eq!(scene.summaries().await, []);
    scene.wait(1).await;
    let mut expected = vec![summary("a.rs", 105, 2, 5), summary("b.rs", 90, 1, -10)];
    assert_eq!(scene.summaries().await, expected);
    assert_eq!(
        scene.entries("buffer_summary").await[0],
        (
            Some(session),
            json!({"path": "a.rs", "charCount": 105, "dirty": true, "editCount": 2, "charDelta": 5})
        )
    );

    // Edits go on, and each window has its entry, which counts from the one before.
    for chars in [106, 107, 108] {
        scene.edit("a.rs", chars);
        scene.wait(10).await;
    }
    expected.push(summary("a.rs", 108, 3, 3));
    assert_eq!(scene.summaries().await, expected);
    assert_eq!(scene.significant().await, []);
}

/// AC 3: at once, and the counts and the window begin anew.
#[tokio::test(start_paused = true)]
async fn a_significant_change_is_told_at_once_and_is_the_new_measure() {
    let scene = Scene::new().await;
    scene.start(false).await;
    scene.edit("a.rs", 150);
    assert_eq!(scene.significant().await, []);
    // Two small edits add up: the measure is what was last told and not the last edit.
    scene.edit("a.rs", 151);
    assert_eq!(scene.significant().await, [(100, 151)]);
    // There is no summary of what has just been told.
    scene.wait(60).await;
    assert_eq!(scene.summaries().await, []);
    // From now on 151 is the measure.
    scene.edit("a.rs", 226);
    assert_eq!(scene.significant().await.len(), 1);
    scene.edit("a.rs", 227);
    assert_eq!(scene.significant().await, [(100, 151), (151, 227)]);
}

/// The window begins anew with an entry in its midst, and only what came after it is summed up.
#[tokio::test(start_paused = true)]
async fn a_significant_change_within_a_window_ends_it() {
    let scene = Scene::new().await;
    scene.start(false).await;
    scene.edit("a.rs", 110);
    scene.wait(20).await;
    scene.edit("a.rs", 700);
    scene.edit("a.rs", 710);
    scene.wait(20).await;
    assert_eq!(
        scene.summaries().await,
        [],
        "the first window has ended early"
    );
    scene.wait(10).await;
    assert_eq!(scene.summaries().await, [summary("a.rs", 710, 1, 10)]);
}

/// AC 7: nothing dirty, nothing told.
#[tokio::test(start_paused = true)]
async fn nothing_is_told_when_no_file_is_dirty() {
    let scene = Scene::new().await;
    scene.start(false).await;
    scene.wait(90).await;
    scene.edit("a.rs", 110);
    scene.save("a.rs", 110).await;
    scene.wait(90).await;
    assert_eq!(scene.summaries().await, []);
}

/// A save is no entry: what is significant, and what a summary says, counts from the last entry.
#[tokio::test(start_paused = true)]
async fn a_save_does_not_move_the_measure() {
    let scene = Scene::new().await;
    scene.start(false).await;
    scene.edit("a.rs", 140);
    scene.save("a.rs", 140).await;
    scene.edit("b.rs", 110);
    scene.save("b.rs", 110).await;
    scene.wait(40).await;
    scene.edit("a.rs", 180);
    assert_eq!(scene.significant().await, [(100, 180)]);
    scene.edit("b.rs", 120);
    scene.wait(30).await;
    assert_eq!(scene.summaries().await, [summary("b.rs", 120, 2, 20)]);
}

/// AC 8: the timer ends with the session and begins anew with the next.
#[tokio::test(start_paused = true)]
async fn summaries_end_with_the_session() {
    let scene = Scene::new().await;
    // Without a session a significant change is kept, and nothing is summed up.
    scene.edit("b.rs", 110);
    scene.edit("b.rs", 400);
    scene.edit("b.rs", 401);
    scene.wait(60).await;
    assert_eq!(scene.significant().await, [(100, 400)]);
    assert_eq!(scene.entries("buffer_significant_change").await[0].0, None);

    scene.start(false).await;
    scene.edit("a.rs", 110);
    scene.wait(20).await;
    scene.coach.end_session(None).await.unwrap();
    scene.wait(60).await;
    assert_eq!(scene.summaries().await, []);

    // A window of the next session is a whole one.
    let next = scene.start(false).await;
    scene.edit("a.rs", 111);
    scene.wait(29).await;
    assert_eq!(scene.summaries().await, []);
    scene.wait(1).await;
    let entries = scene.entries("buffer_summary").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].0, Some(next));
}

/// A start that ends another session ends its windows as well.
#[tokio::test(start_paused = true)]
async fn a_forced_start_ends_the_windows_of_the_session_before() {
    let scene = Scene::new().await;
    scene.start(false).await;
    scene.edit("a.rs", 110);
    scene.wait(20).await;
    let second = scene.start(true).await;
    scene.wait(10).await;
    assert_eq!(scene.summaries().await, []);
    scene.edit("a.rs", 111);
    scene.wait(30).await;
    let entries = scene.entries("buffer_summary").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].0, Some(second));
}

/// What is counted of a file follows a rename.
#[tokio::test(start_paused = true)]
async fn a_file_is_summed_up_under_its_new_name() {
    let scene = Scene::new().await;
    scene.start(false).await;
    scene.edit("a.rs", 110);
    scene
        .coach
        .entry_renamed(&at("a.rs"), &at("c.rs"))
        .await
        .unwrap();
    scene.wait(30).await;
    assert_eq!(scene.summaries().await, [summary("c.rs", 110, 1, 10)]);
}
