//! The rules over a real database and a real folder, without a socket.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests play the other programs that change the project's files"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/opened.rs"]
mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use paige_coach::{Coach, CoachError, Config, StartSession, StartedBy};
use paige_protocol::coach::editor::{FileHintStyle, Tone};
use paige_protocol::coach::files::CursorPosition;
use paige_protocol::coach::hints::HintLevel;
use paige_protocol::coach::session::SessionStatus;
use paige_protocol::coach::tools::{
    ClearHighlightsArgs, DiffSince, HighlightLinesArgs, HighlightRangeArgs, HintFilesArgs,
    ShowIssueContextArgs, StateItem,
};
use paige_protocol::{ErrorCode, Version};
use paige_store::Store;
use paige_store::coach::{self as rows, buffers, phases, plans};
use paige_workspace::Workspace;
use tempfile::TempDir;

use self::common::{at, open};

struct Scene {
    coach: Coach,
    store: Store,
    folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("project")).unwrap();
        Self::over(folder).await
    }

    async fn over(folder: TempDir) -> Self {
        let (coach, store) = open(&folder).await;
        Self {
            coach,
            store,
            folder,
        }
    }

    /// The same folder after the process has come back.
    async fn again(self) -> Self {
        self.store.close();
        Self::over(self.folder).await
    }

    /// The files whose unsaved text is in the database.
    fn backups(&self) -> Vec<String> {
        let root = self.folder.path().join("project").canonicalize().unwrap();
        let rows = self
            .store
            .read(|reader| buffers::list(reader, &root.to_string_lossy()))
            .unwrap();
        rows.into_iter().map(|row| row.path).collect()
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.folder.path().join("project").join(path), text).unwrap();
    }

    fn kinds(&self) -> Vec<String> {
        let pushes = self.store.outbox(0, u64::MAX >> 1, 1000).unwrap();
        pushes.iter().map(|push| push.kind.clone()).collect()
    }

    fn edit(&self, path: &str, text: &str) {
        let cursor = CursorPosition { line: 1, column: 1 };
        self.coach
            .buffer_updated(&at(path), &Arc::from(text), cursor)
            .unwrap();
    }
}

fn start() -> StartSession {
    StartSession {
        issue_number: Some(7),
        issue_title: Some("Round the total".into()),
        started_by: StartedBy::Mcp,
        force: false,
    }
}

fn highlight(path: &str, start: u32, end: u32) -> HighlightLinesArgs {
    HighlightLinesArgs {
        path: path.into(),
        ranges: vec![HighlightRangeArgs {
            start,
            end,
            style: Tone::Info,
            hover_text: None,
            rung: None,
        }],
        rung: None,
    }
}

fn numbers(text: impl IntoIterator<Item = u32>) -> String {
    text.into_iter().map(|n| format!("line {n}\n")).collect()
}

#[tokio::test]
async fn a_second_start_is_refused_unless_forced() {
    let scene = Scene::new().await;
    let first = scene.coach.start_session(start()).await.unwrap();
    let error = scene.coach.start_session(start()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::ActiveSessionExists);
    assert_eq!(error.session_id(), Some(first.session_id));

    let second = scene
        .coach
        .start_session(StartSession {
            force: true,
            ..start()
        })
        .await
        .unwrap();
    assert_ne!(second.session_id, first.session_id);
    let old = scene.coach.summary(first.session_id).unwrap().session;
    assert_eq!(old.status, SessionStatus::Abandoned);
    assert!(old.ended_at.is_some());
    assert_eq!(
        scene.kinds(),
        [
            "session:started",
            "observer:status",
            "observer:status",
            "session:completed",
            "session:started",
            "observer:status"
        ]
    );
}

#[tokio::test]
async fn a_session_starts_at_the_level_of_the_lowest_stage() {
    let scene = Scene::new().await;
    let started = scene.coach.start_session(start()).await.unwrap();
    assert_eq!(
        started.hint_level,
        HintLevel::Medium,
        "a newcomer is a novice"
    );
    scene.coach.end_session(None).await.unwrap();
    scene
        .store
        .commit(|unit| -> Result<(), paige_store::StoreError> {
            rows::dreyfus::upsert(unit, "testing", rows::Stage::Expert, 0.9, "")?;
            rows::dreyfus::upsert(unit, "git", rows::Stage::Competent, 0.5, "")?;
            Ok(())
        })
        .await
        .unwrap();
    let started = scene.coach.start_session(start()).await.unwrap();
    assert_eq!(started.hint_level, HintLevel::Low);
}

#[tokio::test]
async fn what_belongs_to_a_session_ends_with_it() {
    let scene = Scene::new().await;
    scene.write("a.txt", &numbers(1..=9));
    scene.coach.start_session(start()).await.unwrap();
    scene
        .coach
        .highlight_lines(highlight("a.txt", 2, 3))
        .await
        .unwrap();
    scene.coach.open_by_claude("a.txt").await.unwrap();
    let ended = scene.coach.end_session(None).await.unwrap();
    assert_eq!(ended.status, SessionStatus::Completed);
    assert_eq!(scene.coach.active_session_id(), None);
    let error = scene.coach.end_session(None).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NoActiveSession);
    assert_eq!(
        scene.coach.get_open_files().unwrap_err().code(),
        ErrorCode::NoActiveSession
    );
    assert!(scene.coach.snapshot().await.unwrap().restore.is_none());

    // The file is still open in the editor, so that it belongs to the next session as well; the
    // highlight does not.
    scene.coach.start_session(start()).await.unwrap();
    let restore = scene.coach.snapshot().await.unwrap().restore.unwrap();
    assert_eq!(restore.open_files.len(), 1);
    assert_eq!(restore.highlights, []);
}

#[tokio::test]
async fn another_project_is_refused_and_its_session_abandoned() {
    let scene = Scene::new().await;
    let other = tempfile::tempdir().unwrap();
    let error = scene
        .coach
        .check_project(&other.path().to_string_lossy())
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::ProjectMismatch);
    let served = scene.folder.path().join("project").join(".");
    scene
        .coach
        .check_project(&served.to_string_lossy())
        .unwrap();

    let session = scene.coach.start_session(start()).await.unwrap().session_id;
    scene.store.close();
    let folder = scene.folder;
    std::fs::rename(
        folder.path().join("project"),
        folder.path().join("elsewhere"),
    )
    .unwrap();
    std::fs::create_dir(folder.path().join("project")).unwrap();
    let store = Store::open(
        &folder.path().join("paige.db"),
        "another",
        paige_store::Config::default(),
    )
    .unwrap();
    let workspace = Workspace::open(
        &folder.path().join("elsewhere"),
        paige_workspace::Config {
            watch: false,
            ..paige_workspace::Config::default()
        },
    )
    .unwrap();
    let mind = common::mind(&folder, &store).await;
    let coach = Coach::open(store, workspace, Config::default(), mind)
        .await
        .unwrap();
    assert_eq!(coach.active_session_id(), None);
    let status = coach.summary(session).unwrap().session.status;
    assert_eq!(status, SessionStatus::Abandoned);
}

#[tokio::test]
async fn a_session_and_its_state_survive_a_restart() {
    let scene = Scene::new().await;
    scene.write("a.txt", &numbers(1..=9));
    let session = scene.coach.start_session(start()).await.unwrap().session_id;
    scene.coach.open_by_claude("a.txt").await.unwrap();
    scene
        .coach
        .highlight_lines(highlight("a.txt", 4, 5))
        .await
        .unwrap();
    let hint = HintFilesArgs {
        paths: vec!["b.txt".into()],
        style: FileHintStyle::Required,
    };
    scene.coach.hint_files(hint).await.unwrap();
    scene
        .coach
        .change_level(None, HintLevel::High)
        .await
        .unwrap();
    scene.edit("a.txt", &format!("new\n{}", numbers(1..=9)));
    scene.coach.back_up().await.unwrap();
    let before = scene.coach.snapshot().await.unwrap();

    let scene = scene.again().await;
    assert_eq!(scene.coach.active_session_id(), Some(session));
    let after = scene.coach.snapshot().await.unwrap();
    assert_eq!(after, before);
    let restore = after.restore.unwrap();
    assert_eq!(restore.hint_level, HintLevel::High);
    assert_eq!(
        restore.highlights[0].ranges[0].start, 5,
        "it moved with its line"
    );
    assert!(restore.open_files[0].dirty);
    assert_eq!(restore.file_hints[0].path, "b.txt");
    let buffer = scene.coach.get_buffer("a.txt").unwrap();
    assert!(buffer.content.unwrap().starts_with("new\n"));
}

#[tokio::test]
async fn highlights_move_with_their_lines_or_go_with_them() {
    let scene = Scene::new().await;
    scene.write("a.txt", &numbers(1..=9));
    scene.coach.start_session(start()).await.unwrap();
    scene
        .coach
        .highlight_lines(highlight("a.txt", 2, 2))
        .await
        .unwrap();
    scene
        .coach
        .highlight_lines(highlight("a.txt", 7, 8))
        .await
        .unwrap();
    let shown = async |scene: &Scene| -> Vec<(u32, u32)> {
        let restore = scene.coach.snapshot().await.unwrap().restore.unwrap();
        let files = restore.highlights.into_iter();
        files
            .flat_map(|file| file.ranges)
            .map(|range| (range.start, range.end))
            .collect()
    };
    assert_eq!(shown(&scene).await, [(2, 2), (7, 8)], "they accumulate");
    scene.edit("a.txt", &format!("x\ny\n{}", numbers(1..=9)));
    assert_eq!(shown(&scene).await, [(4, 4), (9, 10)]);
    scene.edit("a.txt", &numbers((1..=1).chain(3..=9)));
    assert_eq!(shown(&scene).await, [(6, 7)], "the second line is gone");
    let clear = ClearHighlightsArgs { path: None };
    scene.coach.clear_highlights(clear).await.unwrap();
    assert_eq!(shown(&scene).await, []);
}

#[tokio::test]
async fn lines_and_rungs_that_make_no_sense_are_refused() {
    let scene = Scene::new().await;
    scene.write("a.txt", "x\n");
    scene.coach.start_session(start()).await.unwrap();
    let mut bad_rung = highlight("a.txt", 1, 1);
    bad_rung.rung = Some(5);
    let mut no_ranges = highlight("a.txt", 1, 1);
    no_ranges.ranges.clear();
    for (args, code) in [
        (highlight("a.txt", 0, 1), ErrorCode::InvalidArgument),
        (highlight("a.txt", 3, 2), ErrorCode::InvalidArgument),
        (bad_rung, ErrorCode::InvalidArgument),
        (no_ranges, ErrorCode::InvalidArgument),
        (highlight("gone.txt", 1, 1), ErrorCode::FileNotFound),
        (highlight("../a.txt", 1, 1), ErrorCode::PathRefused),
    ] {
        let error = scene.coach.highlight_lines(args).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
    assert_eq!(
        scene.kinds(),
        ["session:started", "observer:status"],
        "nobody was told anything"
    );
}

#[tokio::test]
async fn another_issue_needs_force_once_a_plan_has_progress() {
    let scene = Scene::new().await;
    let session = scene.coach.start_session(start()).await.unwrap().session_id;
    scene
        .store
        .commit(move |unit| -> Result<(), paige_store::StoreError> {
            let plan = plans::create(
                unit,
                &plans::NewPlan {
                    session_id: session,
                    title: "Plan".into(),
                    description: String::new(),
                    total_phases: 1,
                    raw_plan_text: None,
                },
            )?;
            let phase = phases::create(
                unit,
                &phases::NewPhase {
                    plan_id: plan.id,
                    number: 1,
                    title: "Reproduce".into(),
                    description: String::new(),
                    hint_level: rows::HintLevel::Low,
                    expected_files: vec![],
                },
            )?;
            phases::set_status(unit, phase.id, rows::PhaseStatus::Active)?;
            Ok(())
        })
        .await
        .unwrap();
    let show = |number, force| {
        let args = ShowIssueContextArgs {
            title: "Another".into(),
            summary: "…".into(),
            number: Some(number),
            labels: None,
            url: None,
            force: Some(force),
        };
        scene.coach.show_issue_context(args)
    };
    show(7, false).await.unwrap();
    let error = show(8, false).await.unwrap_err();
    assert!(
        matches!(error, CoachError::IssueChanged { current: 7 }),
        "{error}"
    );
    show(8, true).await.unwrap();
    assert_eq!(scene.coach.active_session().unwrap().issue_number, Some(8));
}

#[tokio::test]
async fn files_with_secrets_are_not_shown_to_claude() {
    let scene = Scene::new().await;
    scene.write(".env", "KEY=1\n");
    scene.coach.start_session(start()).await.unwrap();
    assert_eq!(
        scene.coach.open_by_human(&at(".env")).unwrap().content,
        "KEY=1\n"
    );
    scene.edit(".env", "KEY=hunter2\n");
    scene.edit("open.txt", "hello\n");
    assert_eq!(
        scene.coach.get_buffer(".env").unwrap_err().code(),
        ErrorCode::Forbidden
    );
    assert_eq!(
        scene
            .coach
            .get_diff(Some(".env"), DiffSince::Disk)
            .await
            .unwrap_err()
            .code(),
        ErrorCode::Forbidden
    );
    let state = scene.coach.session_state(None).await.unwrap();
    let seen = serde_json::to_string(&state).unwrap();
    assert!(seen.contains("open.txt") && seen.contains("hello"));
    assert!(!seen.contains("hunter2"));
}

#[tokio::test]
async fn the_state_holds_what_is_asked_for_and_nothing_else() {
    let scene = Scene::new().await;
    scene.coach.start_session(start()).await.unwrap();
    let keys = async |include: Option<&[StateItem]>| -> Vec<String> {
        let state = scene.coach.session_state(include).await.unwrap();
        let value = serde_json::to_value(state).unwrap();
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    let all = [
        "actions",
        "buffers",
        "diffs",
        "dreyfus",
        "gaps",
        "hints",
        "katas",
        "openFiles",
        "phase",
        "plan",
        "progress",
        "session",
    ];
    assert_eq!(keys(None).await, all);
    assert_eq!(
        keys(Some(&[])).await,
        all,
        "an empty list asks for everything"
    );
    assert_eq!(
        keys(Some(&[StateItem::Phase, StateItem::Diffs])).await,
        ["diffs", "phase"]
    );
}

#[tokio::test]
async fn a_clean_buffer_follows_the_disk_and_a_dirty_one_does_not() {
    let scene = Scene::new().await;
    scene.write("a.txt", "one\n");
    let path = at("a.txt");
    scene.coach.open_by_human(&path).unwrap();
    scene.write("a.txt", "two\n");
    let update = scene.coach.file_changed_on_disk(&path).unwrap();
    assert_eq!((update.content.as_str(), update.client_id), ("two\n", None));
    assert_eq!(
        scene.coach.file_changed_on_disk(&path),
        None,
        "it is told once"
    );
    scene.edit("a.txt", "mine\n");
    scene.write("a.txt", "three\n");
    assert_eq!(scene.coach.file_changed_on_disk(&path), None);
    let shown = scene.coach.open_by_human(&path).unwrap();
    assert!(shown.dirty);
    assert_eq!(shown.content, "mine\n");
    assert_eq!(
        shown.version, update.version,
        "its base is what it was edited from"
    );
}

/// A save that is recorded while a backup is under way wins, whichever comes first to the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_that_was_saved_is_not_kept_as_unsaved() {
    let scene = Scene::new().await;
    let path = at("a.txt");
    for round in 0..100 {
        // Many files, so that the backup takes a while from the first to the last.
        for n in 0..300 {
            scene.edit(&format!("other-{n}.txt"), &format!("text {round}\n"));
        }
        let text: Arc<str> = format!("text {round}\n").into();
        scene.edit("a.txt", &text);
        let seen = scene.coach.before_save(&path);
        let version = Version::of(text.as_bytes());
        let backup = tokio::spawn({
            let coach = scene.coach.clone();
            async move { coach.back_up().await }
        });
        // A timer is too coarse for what is looked for.
        let spawned = Instant::now();
        while spawned.elapsed() < Duration::from_micros(round * 10) {
            std::hint::spin_loop();
        }
        let saved = scene.coach.file_saved(&path, text, version, seen);
        assert!(saved.is_ok() && backup.await.unwrap().is_ok());
        let kept = scene.backups();
        assert!(!kept.iter().any(|kept| kept == "a.txt"), "round {round}");
    }
}

/// A kill may come between a save and its record; then the text is on disk, and nothing is unsaved.
#[tokio::test]
async fn text_that_is_on_disk_is_not_restored_as_unsaved() {
    let scene = Scene::new().await;
    scene.coach.start_session(start()).await.unwrap();
    scene.write("a.txt", "old\n");
    scene.write("b.txt", "old\n");
    scene.edit("a.txt", "saved\n");
    scene.edit("b.txt", "unsaved\n");
    scene.coach.back_up().await.unwrap();
    scene.write("a.txt", "saved\n");

    let scene = scene.again().await;
    assert_eq!(scene.coach.get_buffer("a.txt").unwrap().content, None);
    let unsaved = scene.coach.get_buffer("b.txt").unwrap();
    assert_eq!(
        (unsaved.content.as_deref(), unsaved.dirty),
        (Some("unsaved\n"), true)
    );
    scene.coach.back_up().await.unwrap();
    assert_eq!(scene.backups(), ["b.txt"]);
}

#[tokio::test]
async fn a_cursor_that_counts_from_0_keeps_no_text_from_being_backed_up() {
    let scene = Scene::new().await;
    scene.edit("good.rs", "good");
    let cursor = CursorPosition { line: 0, column: 0 };
    scene
        .coach
        .buffer_updated(&at("zero.rs"), &Arc::from("zero"), cursor)
        .unwrap();
    scene.coach.back_up().await.unwrap();
    assert_eq!(scene.backups(), ["good.rs", "zero.rs"]);
}

#[tokio::test]
async fn unsaved_text_that_another_program_writes_is_unsaved_no_longer() {
    let scene = Scene::new().await;
    scene.write("a.rs", "old");
    scene.coach.open_by_human(&at("a.rs")).unwrap();
    scene.edit("a.rs", "new");
    scene.coach.back_up().await.unwrap();
    assert_eq!(scene.backups(), ["a.rs"]);

    scene.write("a.rs", "new");
    assert_eq!(scene.coach.file_changed_on_disk(&at("a.rs")), None);
    let opened = scene.coach.open_by_human(&at("a.rs")).unwrap();
    assert_eq!(
        (opened.dirty, opened.version),
        (false, Some(Version::of(b"new")))
    );
    scene.coach.back_up().await.unwrap();
    assert_eq!(scene.backups(), [""; 0]);
}

#[tokio::test]
async fn a_rename_takes_the_backup_along_at_once() {
    let scene = Scene::new().await;
    scene.edit("src/a.rs", "unsaved");
    scene.coach.back_up().await.unwrap();
    scene
        .coach
        .entry_renamed(&at("src"), &at("lib"))
        .await
        .unwrap();
    assert_eq!(scene.backups(), ["lib/a.rs"]);
}

#[tokio::test]
async fn a_highlight_that_is_gone_keeps_no_text_from_being_backed_up() {
    let scene = Scene::new().await;
    scene.write("a.rs", &numbers(1..=9));
    scene.coach.start_session(start()).await.unwrap();
    scene
        .coach
        .highlight_lines(highlight("a.rs", 5, 5))
        .await
        .unwrap();
    scene.edit("a.rs", &numbers(0..=9));
    // Its row goes between the look at the lines and the backup.
    scene
        .store
        .commit(|unit| {
            let session = rows::sessions::active(unit)?.map_or(0, |session| session.id);
            rows::marks::clear(unit, session, &rows::marks::Filter::default())
        })
        .await
        .unwrap();
    scene.coach.back_up().await.unwrap();
    assert_eq!(scene.backups(), ["a.rs"]);
}
