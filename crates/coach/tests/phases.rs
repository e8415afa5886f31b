//! Phases, their hints, reviews, and diffs that a save does not wipe: over a real database and a real
//! folder, without a socket.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests play the other programs that change the project's files"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/opened.rs"]
mod common;

use std::sync::Arc;

use paige_coach::{Coach, StartSession, StartedBy};
use paige_protocol::coach::{
    editor::FileHintStyle,
    files::CursorPosition,
    hints::HintLevel,
    tools::{
        ClearHighlightsArgs, DiffSince, HintFilesArgs, NextStatus, RecordReviewArgs,
        ReviewIssueArgs,
    },
};
use paige_protocol::{ErrorCode, Version};
use paige_store::coach::{
    self as rows, actions, hint_level_spans, hints::NewHint, phases::NewPhase, plans::NewPlan,
    progress,
};
use paige_store::{Store, StoreError};
use tempfile::TempDir;

use self::common::{at, open};

struct Scene {
    coach: Coach,
    store: Store,
    folder: TempDir,
    session: u32,
}

impl Scene {
    /// A session with a plan of three phases: the first has a hint of each kind, the second begins
    /// with `high`, the third with `low`.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("project")).unwrap();
        let scene = Self::over(folder, 0).await;
        scene.write("a.rs", "one\ntwo\nthree\nfour\n");
        scene.write("b.rs", "b\n");
        let start = StartSession {
            issue_number: None,
            issue_title: None,
            started_by: StartedBy::Mcp,
            force: false,
        };
        let session = scene.coach.start_session(start).await.unwrap().session_id;
        let plan = move |unit: &mut paige_store::Unit<'_>| -> Result<(), StoreError> {
            let plan = rows::plans::create(
                unit,
                &NewPlan {
                    session_id: session,
                    title: "Plan".into(),
                    description: "What to do".into(),
                    total_phases: 3,
                    raw_plan_text: None,
                },
            )?;
            let levels = [
                rows::HintLevel::High,
                rows::HintLevel::High,
                rows::HintLevel::Low,
            ];
            for (number, hint_level) in (1..).zip(levels) {
                let phase = rows::phases::create(
                    unit,
                    &NewPhase {
                        plan_id: plan.id,
                        number,
                        title: format!("Phase {number}"),
                        description: "Do it".into(),
                        hint_level,
                        expected_files: vec![],
                    },
                )?;
                let hint = |path: &str, lines, hover: Option<&str>, rung| NewHint {
                    phase_id: phase.id,
                    path: path.into(),
                    lines,
                    style: if lines.is_some() {
                        rows::Style::Hint
                    } else {
                        rows::Style::Suggested
                    },
                    hover_text: hover.map(str::to_owned),
                    required_level: rows::HintLevel::Low,
                    rung,
                };
                rows::hints::create(unit, &hint("b.rs", None, None, 1))?;
                let line = hint("a.rs", Some((2, 3)), Some("What changes here?"), 2);
                rows::hints::create(unit, &line)?;
            }
            Ok(())
        };
        scene.store.commit(plan).await.unwrap();
        Self { session, ..scene }
    }

    async fn over(folder: TempDir, session: u32) -> Self {
        let (coach, store) = open(&folder).await;
        Self {
            coach,
            store,
            folder,
            session,
        }
    }

    async fn again(self) -> Self {
        self.coach.back_up().await.unwrap();
        self.store.close();
        Self::over(self.folder, self.session).await
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.folder.path().join("project").join(path), text).unwrap();
    }

    fn edit(&self, path: &str, text: &str) {
        let cursor = CursorPosition { line: 1, column: 1 };
        self.coach
            .buffer_updated(&at(path), &Arc::from(text), cursor)
            .unwrap();
    }

    /// Saves as the server and the pen do together.
    async fn save(&self, path: &str, text: &str) {
        let seen = self.coach.before_save(&at(path));
        self.write(path, text);
        self.coach
            .file_saved(&at(path), text.into(), Version::of(text.as_bytes()), seen)
            .unwrap();
    }

    async fn step(&self, phase: u32, to: NextStatus) -> Result<(), ErrorCode> {
        let done = self.coach.update_phase(phase, to).await;
        done.map(drop).map_err(|error| error.code())
    }

    /// The kinds of what was pushed since the last look.
    fn pushed(&self, since: &mut u64) -> Vec<String> {
        let pushes = self.store.outbox(*since, u64::MAX >> 1, 1000).unwrap();
        *since = pushes.last().map_or(*since, |push| push.seq);
        pushes.iter().map(|push| push.kind.clone()).collect()
    }

    /// What a client that connects now shows: highlighted lines with whether they have a hover text,
    /// and marked files.
    async fn shown(&self) -> (Vec<(u32, u32, bool)>, Vec<String>) {
        let restore = self.coach.snapshot().await.unwrap().restore.unwrap();
        let ranges = restore.highlights.iter().flat_map(|file| &file.ranges);
        (
            ranges
                .map(|range| (range.start, range.end, range.hover_text.is_some()))
                .collect(),
            restore
                .file_hints
                .into_iter()
                .map(|hint| hint.path)
                .collect(),
        )
    }

    /// The rungs of the hints used in the phase of that number.
    fn rungs(&self, number: u32) -> Vec<u32> {
        let session = self.session;
        let events = self.store.read(|reader| {
            let plan = rows::plans::active(reader, session)?.map_or(0, |plan| plan.id);
            let phase = rows::phases::by_number(reader, plan, number)?;
            progress::by_phase(reader, phase.map_or(0, |phase| phase.id))
        });
        let rungs = events
            .unwrap()
            .into_iter()
            .filter_map(|event| match event.progress {
                progress::Progress::HintUsed { rung, .. } => Some(rung),
                _ => None,
            });
        rungs.collect()
    }

    async fn kinds(&self) -> Vec<String> {
        self.store.observed().await;
        let session = self.session;
        let entries = self
            .store
            .read(|reader| actions::by_session(reader, session))
            .unwrap();
        entries
            .into_iter()
            .map(|entry| entry.kind.into_owned())
            .collect()
    }
}

#[tokio::test]
async fn a_phase_goes_forward_one_step_at_a_time_and_one_is_active() {
    use NextStatus::{Active, Complete};
    let scene = Scene::new().await;
    let refused = Err(ErrorCode::InvalidTransition);
    for (phase, to, expected) in [
        (1, Complete, refused),
        (4, Active, Err(ErrorCode::UnknownId)),
        (1, Active, Ok(())),
        (1, Active, Ok(())),
        (2, Active, refused),
        (2, Complete, refused),
        (1, Complete, Ok(())),
        (1, Complete, Ok(())),
        (1, Active, refused),
        (2, Active, Ok(())),
    ] {
        assert_eq!(
            scene.step(phase, to).await,
            expected,
            "phase {phase} to {to:?}"
        );
    }
    let kinds = scene.kinds().await;
    let count = |wanted: &str| kinds.iter().filter(|kind| *kind == wanted).count();
    // The same status again has written nothing.
    assert_eq!((count("phase_started"), count("phase_completed")), (2, 1));
    scene.coach.end_session(None).await.unwrap();
    assert_eq!(
        scene.step(2, Complete).await,
        Err(ErrorCode::NoActiveSession)
    );
}

#[tokio::test]
async fn hints_come_with_their_phase_as_far_as_the_level_allows_and_go_with_it() {
    let scene = Scene::new().await;
    let mut seen = scene.store.cursor().seq;
    scene.step(1, NextStatus::Active).await.unwrap();
    let all = (vec![(2, 3, true)], vec!["b.rs".to_owned()]);
    assert_eq!(scene.shown().await, all);
    assert_eq!(
        scene.pushed(&mut seen),
        [
            "coaching:phase_update",
            "hints:level",
            "editor:highlight_lines",
            "explorer:hint_files"
        ]
    );
    assert_eq!(scene.rungs(1), [1, 2]);

    for (level, lines, files, pushed) in [
        (
            HintLevel::Medium,
            vec![(2, 3, false)],
            vec!["b.rs"],
            &[
                "hints:level",
                "editor:clear_highlights",
                "editor:highlight_lines",
            ][..],
        ),
        (
            HintLevel::Low,
            vec![],
            vec!["b.rs"],
            &["hints:level", "editor:clear_highlights"],
        ),
        (
            HintLevel::Off,
            vec![],
            vec![],
            &["hints:level", "explorer:clear_hints"],
        ),
        (
            HintLevel::High,
            vec![(2, 3, true)],
            vec!["b.rs"],
            &[
                "hints:level",
                "editor:highlight_lines",
                "explorer:hint_files",
            ],
        ),
    ] {
        scene.coach.change_level(None, level).await.unwrap();
        let shown = scene.shown().await;
        assert_eq!(
            shown,
            (lines, files.into_iter().map(str::to_owned).collect()),
            "{level:?}"
        );
        assert_eq!(scene.pushed(&mut seen), pushed, "{level:?}");
    }
    // Each hint counts once, however often it is shown; a hover text when it was read.
    assert_eq!(scene.rungs(1), [1, 2]);
    let hint = scene
        .coach
        .snapshot()
        .await
        .unwrap()
        .restore
        .unwrap()
        .highlights[0]
        .ranges[0]
        .hint_id
        .unwrap();
    scene.coach.hint_viewed(hint).await.unwrap();
    scene.coach.hint_viewed(hint).await.unwrap();
    assert_eq!(scene.rungs(1), [1, 2, 3]);

    // Lines move with the text, and stay moved over a change of level and a restart.
    scene.edit("a.rs", "zero\none\ntwo\nthree\nfour\n");
    scene
        .coach
        .change_level(None, HintLevel::Medium)
        .await
        .unwrap();
    assert_eq!(scene.shown().await.0, [(3, 4, false)]);
    let scene = scene.again().await;
    assert_eq!(
        scene.shown().await,
        (vec![(3, 4, false)], vec!["b.rs".to_owned()])
    );

    // What a tool has marked stays when the phase's hints go.
    scene
        .coach
        .hint_files(HintFilesArgs {
            paths: vec!["c.rs".into()],
            style: FileHintStyle::Required,
        })
        .await
        .unwrap();
    scene.step(1, NextStatus::Complete).await.unwrap();
    assert_eq!(scene.shown().await, (vec![], vec!["c.rs".to_owned()]));
    scene
        .coach
        .clear_highlights(ClearHighlightsArgs::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn the_phase_sets_the_level_fading_lowers_it_and_the_learner_wins() {
    let scene = Scene::new().await;
    let level = async || {
        scene
            .coach
            .snapshot()
            .await
            .unwrap()
            .restore
            .unwrap()
            .hint_level
    };
    // A newcomer starts with `medium`; phase 1 wants `high`.
    assert_eq!(level().await, HintLevel::Medium);
    scene.step(1, NextStatus::Active).await.unwrap();
    assert_eq!(level().await, HintLevel::High);
    scene.step(1, NextStatus::Complete).await.unwrap();
    // Lines were shown in phase 1, so that phase 2 starts one level lower than it wants.
    scene.step(2, NextStatus::Active).await.unwrap();
    assert_eq!(level().await, HintLevel::Medium);
    scene
        .coach
        .change_level(None, HintLevel::Off)
        .await
        .unwrap();
    scene.step(2, NextStatus::Complete).await.unwrap();
    scene.step(3, NextStatus::Active).await.unwrap();
    assert_eq!(
        level().await,
        HintLevel::Off,
        "the learner's own level stays"
    );

    let session = scene.session;
    let spans = scene
        .store
        .read(|reader| hint_level_spans::by_session(reader, session))
        .unwrap();
    let levels: Vec<_> = spans.iter().map(|span| span.level.as_str()).collect();
    assert_eq!(levels, ["medium", "high", "medium", "off"]);
    let open = spans.iter().filter(|span| span.ended_at.is_none()).count();
    assert_eq!(open, 1);
    // Only the raise to `high` asked for more help.
    let raises = scene.store.read(|reader| {
        let plan = rows::plans::active(reader, session)?.map_or(0, |plan| plan.id);
        let mut raises = Vec::new();
        for phase in rows::phases::by_plan(reader, plan)? {
            let events = progress::by_phase(reader, phase.id)?;
            let escalated =
                |event: &&progress::ProgressEvent| event.progress.event_type() == "hint_escalated";
            raises.push(events.iter().filter(escalated).count());
        }
        Ok(raises)
    });
    assert_eq!(raises.unwrap(), [1, 0, 0]);
}

#[tokio::test]
async fn a_review_is_asked_for_and_answered_in_one_unit() {
    let scene = Scene::new().await;
    let review = |phase, passed, topics: &[&str]| RecordReviewArgs {
        phase,
        passed,
        feedback: "The total is rounded twice.".into(),
        issues: topics
            .iter()
            .map(|topic| ReviewIssueArgs {
                topic: (*topic).to_owned(),
                path: Some("a.rs".into()),
                line: Some(2),
            })
            .collect(),
    };
    let code = async |args| {
        scene
            .coach
            .record_review(args)
            .await
            .map(|phase| phase.number)
    };
    let failed = code(review(None, true, &[])).await.unwrap_err();
    assert_eq!(failed.code(), ErrorCode::PreconditionFailed);
    let failed = code(review(Some(9), true, &[])).await.unwrap_err();
    assert_eq!(failed.code(), ErrorCode::UnknownId);
    let failed = code(review(Some(1), true, &[" "])).await.unwrap_err();
    assert_eq!(failed.code(), ErrorCode::InvalidArgument);
    let mut empty = review(Some(1), true, &[]);
    empty.feedback = " ".into();
    assert_eq!(
        code(empty).await.unwrap_err().code(),
        ErrorCode::InvalidArgument
    );

    scene.step(1, NextStatus::Active).await.unwrap();
    assert_eq!(code(review(None, false, &["rounding"])).await.unwrap(), 1);
    assert_eq!(code(review(Some(1), true, &[])).await.unwrap(), 1);
    let kinds = scene.kinds().await;
    assert_eq!(
        kinds[kinds.len() - 4..],
        [
            "review_requested",
            "review_failed",
            "review_requested",
            "review_passed"
        ]
    );
    let session = scene.session;
    let failed = scene
        .store
        .read(|reader| actions::by_type(reader, session, "review_failed"))
        .unwrap();
    let data: serde_json::Value = serde_json::from_str(failed[0].data.as_deref().unwrap()).unwrap();
    assert_eq!(
        data["issues"],
        serde_json::json!([{"topic": "rounding", "path": "a.rs", "line": 2}])
    );
}

/// The added and removed lines of what has changed since then.
async fn changes(scene: &Scene, since: DiffSince) -> Vec<(String, String)> {
    let diffs = scene.coach.get_diff(None, since).await.unwrap();
    let of = |diff: &str| {
        let lines = diff.lines().filter(|line| {
            (line.starts_with('+') || line.starts_with('-'))
                && !line.starts_with("+++")
                && !line.starts_with("---")
        });
        lines.collect::<Vec<_>>().join(" ")
    };
    diffs
        .iter()
        .map(|file| (file.path.clone(), of(&file.diff)))
        .collect()
}

#[tokio::test]
async fn a_save_does_not_wipe_the_diff_of_the_phase_and_the_session() {
    use DiffSince::{Disk, Phase, Session};
    let scene = Scene::new().await;
    let refused = scene.coach.get_diff(None, Phase).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::PreconditionFailed);

    scene.coach.open_by_human(&at("b.rs")).unwrap();
    scene.edit("b.rs", "c\n");
    scene.save("b.rs", "c\n").await;
    let one = vec![("b.rs".to_owned(), "-b +c".to_owned())];
    assert_eq!(changes(&scene, Disk).await, []);
    assert_eq!(changes(&scene, Session).await, one);

    scene.step(1, NextStatus::Active).await.unwrap();
    assert_eq!(changes(&scene, Phase).await, []);
    // Saved without having been opened, changed by another program while it is open, and new.
    scene.save("a.rs", "one\n2\nthree\nfour\n").await;
    scene.write("b.rs", "d\n");
    scene.coach.file_changed_on_disk(&at("b.rs"));
    scene.coach.file_came(&at("new.rs"));
    scene.write("new.rs", "n\n");
    let in_phase = vec![
        ("a.rs".to_owned(), "-two +2".to_owned()),
        ("b.rs".to_owned(), "-c +d".to_owned()),
        ("new.rs".to_owned(), "+n".to_owned()),
    ];
    assert_eq!(changes(&scene, Phase).await, in_phase);

    // Over a restart as well, and unsaved text counts.
    let scene = scene.again().await;
    scene.edit("a.rs", "one\n2\n3\nfour\n");
    let mut edited = in_phase.clone();
    edited[0].1 = "-two -three +2 +3".into();
    assert_eq!(changes(&scene, Phase).await, edited);
    let session = changes(&scene, Session).await;
    assert_eq!(session[1], ("b.rs".to_owned(), "-b +d".to_owned()));

    // What was no text is not taken for a new file.
    std::fs::write(scene.folder.path().join("project/logo"), [0, 1, 2]).unwrap();
    scene.save("logo", "text\n").await;
    assert!(
        changes(&scene, Session)
            .await
            .iter()
            .all(|(path, _)| path != "logo")
    );
    // Secrets are kept nowhere, and the next phase begins anew.
    scene.save(".env", "KEY=1\n").await;
    assert!(
        changes(&scene, Session)
            .await
            .iter()
            .all(|(path, _)| path != ".env")
    );
    scene.step(1, NextStatus::Complete).await.unwrap();
    scene.step(2, NextStatus::Active).await.unwrap();
    assert_eq!(changes(&scene, Phase).await, []);
}
