//! What Claude wants to show is checked before the learner sees it: over a real database and a real
//! folder, without a socket.

#![expect(
    clippy::disallowed_methods,
    reason = "the tests play the other programs that change the project's files"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/opened.rs"]
#[expect(dead_code, reason = "these tests name no path")]
mod common;

use paige_coach::{Coach, CoachError, StartSession, StartedBy};
use paige_protocol::{
    ErrorCode,
    coach::{
        editor::{FileHintStyle, Tone},
        tools::{
            AnchorArgs, HighlightLinesArgs, HighlightRangeArgs, HintFilesArgs, NextStatus,
            ShowMessageArgs,
        },
    },
};
use paige_store::{
    Store, StoreError, Unit,
    coach::{self as rows, Stage, actions, dreyfus, phases::NewPhase, plans::NewPlan},
};
use tempfile::TempDir;

use self::common::open;

struct Scene {
    coach: Coach,
    store: Store,
    session: u32,
    _folder: TempDir,
}

const SHOP: &str = "def total(items):\n    result = 0\n    for item in items:\n        result += item.price\n    return result\n";

impl Scene {
    /// A session whose plan has two phases; the solution belongs into `shop.py`.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("project");
        std::fs::create_dir(&project).unwrap();
        std::fs::write(project.join("shop.py"), SHOP).unwrap();
        std::fs::write(project.join("other.py"), "x = 1\n").unwrap();
        std::fs::write(project.join(".env"), "KEY = load(42)\n").unwrap();
        let (coach, store) = open(&folder).await;
        let start = StartSession {
            issue_number: None,
            issue_title: None,
            started_by: StartedBy::Mcp,
            force: false,
        };
        let session = coach.start_session(start).await.unwrap().session_id;
        let plan = move |unit: &mut Unit<'_>| -> Result<(), StoreError> {
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
                        description: "Do it".into(),
                        hint_level: rows::HintLevel::Low,
                        expected_files: vec!["shop.py".into()],
                    },
                )?;
            }
            Ok(())
        };
        store.commit(plan).await.unwrap();
        Self {
            coach,
            store,
            session,
            _folder: folder,
        }
    }

    async fn knows(&self, stage: Stage) {
        let know = move |unit: &mut Unit<'_>| -> Result<(), StoreError> {
            dreyfus::upsert(unit, "debugging", stage, 0.5, "seen")?;
            Ok(())
        };
        self.store.commit(know).await.unwrap();
    }

    async fn phase(&self, number: u32, to: NextStatus) {
        self.coach.update_phase(number, to).await.unwrap();
    }

    async fn say(&self, message: &str, rung: Option<u8>) -> Result<Option<String>, CoachError> {
        let args = ShowMessageArgs {
            message: message.to_owned(),
            tone: Tone::Hint,
            anchor: None,
            rung,
        };
        self.coach.show_message(args).await
    }

    async fn say_at(
        &self,
        path: &str,
        message: &str,
        rung: u8,
    ) -> Result<Option<String>, CoachError> {
        let args = ShowMessageArgs {
            message: message.to_owned(),
            tone: Tone::Hint,
            anchor: Some(AnchorArgs {
                path: path.to_owned(),
                start_line: 1,
                end_line: 1,
            }),
            rung: Some(rung),
        };
        self.coach.show_message(args).await
    }

    async fn hover(&self, path: &str, text: &str, rung: u8) -> Result<Option<String>, CoachError> {
        let args = HighlightLinesArgs {
            path: path.to_owned(),
            ranges: vec![HighlightRangeArgs {
                start: 1,
                end: 1,
                style: Tone::Hint,
                hover_text: Some(text.to_owned()),
                rung: Some(rung),
            }],
            rung: None,
        };
        self.coach.highlight_lines(args).await
    }

    /// What the timeline says of skipped rungs, in order.
    fn skipped(&self, kind: &str) -> Vec<Option<u64>> {
        let entries = self
            .store
            .read(|reader| actions::by_type(reader, self.session, kind))
            .unwrap();
        entries
            .iter()
            .map(|entry| {
                let data: serde_json::Value =
                    serde_json::from_str(entry.data.as_deref().unwrap()).unwrap();
                data["skippedRung"].as_u64()
            })
            .collect()
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, CoachError>, part: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TextTooLarge, "{error}");
    let sentence = error.message();
    assert!(
        sentence.contains(part) && sentence.ends_with('.'),
        "{sentence}"
    );
}

const TWO_LINES: &str = "```python\nif not items:\n    return None\n```";

#[tokio::test]
async fn a_message_is_as_small_as_the_stage_asks() {
    let scene = Scene::new().await;
    // Who is not known counts as a novice.
    refused(
        scene.say(TWO_LINES, None).await,
        "shows 2 lines of code in one piece, and a novice may see at most 1 line on rung 2",
    );
    refused(
        scene.say("Write `return sum(items)` there.", Some(1)).await,
        "a novice may see none on rung 1",
    );
    refused(
        scene.say(&"why ".repeat(121), None).await,
        "121 words and may have at most 120",
    );
    assert_eq!(scene.say(TWO_LINES, Some(3)).await.unwrap(), None);
    scene.knows(Stage::Competent).await;
    refused(
        scene.say(TWO_LINES, Some(3)).await,
        "a competent learner may see at most 1 line on rung 3",
    );
    assert_eq!(
        scene
            .say("What should it say for no items?", None)
            .await
            .unwrap(),
        None
    );
    // What was refused left nothing behind.
    assert_eq!(scene.skipped("coaching_message").len(), 2);
}

#[tokio::test]
async fn a_quotation_of_the_project_counts_nothing() {
    let scene = Scene::new().await;
    let quoting = format!("What does this say for no items?\n\n```python\n{SHOP}```");
    // Without a phase, an anchor or an open file it is not known where it stands.
    refused(scene.say(&quoting, Some(2)).await, "shows 5 lines");
    assert_eq!(scene.say_at("shop.py", &quoting, 2).await.unwrap(), None);
    refused(scene.say_at("other.py", &quoting, 2).await, "shows 5 lines");
    scene.phase(1, NextStatus::Active).await;
    scene.say(&quoting, Some(1)).await.unwrap();
    let hover = "Why `result += item.price` and not the price alone?";
    scene.hover("shop.py", hover, 1).await.unwrap();
    refused(
        scene
            .hover("other.py", "Why not `result += price(item)`?", 1)
            .await,
        "This hover text shows 1 line",
    );
}

#[tokio::test]
async fn no_refusal_tells_what_stands_in_a_secret_file() {
    let scene = Scene::new().await;
    for guess in ["`KEY = load(42)`", "`KEY = load(43)`"] {
        let guess = format!("Does it say {guess} there?");
        refused(
            scene.say_at(".env", &guess, 1).await,
            "a novice may see none on rung 1",
        );
    }
    let known = "Does it say `x = 1` there?";
    assert_eq!(scene.say_at("other.py", known, 1).await.unwrap(), None);
}

#[tokio::test]
async fn a_novice_sees_less_in_the_solutions_file() {
    let scene = Scene::new().await;
    scene.hover("shop.py", TWO_LINES, 3).await.unwrap();
    scene.phase(1, NextStatus::Active).await;
    scene.hover("other.py", TWO_LINES, 3).await.unwrap();
    refused(
        scene.hover("shop.py", TWO_LINES, 3).await,
        "at most 1 line on rung 3 in a file where the solution belongs",
    );
    refused(
        scene.say_at("shop.py", TWO_LINES, 3).await,
        "in a file where the solution belongs",
    );
    scene.knows(Stage::AdvancedBeginner).await;
    scene.hover("shop.py", TWO_LINES, 3).await.unwrap();
    refused(
        scene.hover("shop.py", &"why ".repeat(61), 3).await,
        "61 words and may have at most 60",
    );
}

#[tokio::test]
async fn a_skipped_rung_is_shown_and_counted_and_said() {
    let scene = Scene::new().await;
    // Without a phase there is nothing to skip.
    assert_eq!(scene.say("Why?", Some(3)).await.unwrap(), None);
    scene.phase(1, NextStatus::Active).await;
    let note = scene
        .hover("shop.py", "What changes here?", 3)
        .await
        .unwrap()
        .unwrap();
    assert!(note.contains("skips rung 1 (where to look)"), "{note}");
    let files = HintFilesArgs {
        paths: vec!["shop.py".into()],
        style: FileHintStyle::Suggested,
    };
    scene.coach.hint_files(files).await.unwrap();
    let note = scene.say("Which line?", Some(3)).await.unwrap().unwrap();
    assert!(note.contains("skips rung 2 (what to look at)"), "{note}");
    assert_eq!(scene.say("Which line?", None).await.unwrap(), None);
    assert_eq!(scene.say("Which line?", Some(3)).await.unwrap(), None);
    assert_eq!(
        scene.skipped("coaching_message"),
        [None, Some(2), None, None]
    );
    assert_eq!(scene.skipped("decorations_applied"), [Some(1)]);
    // Another phase begins at the bottom.
    scene.phase(1, NextStatus::Complete).await;
    scene.phase(2, NextStatus::Active).await;
    let note = scene.say("Which line?", Some(2)).await.unwrap();
    assert!(note.is_some());
}
