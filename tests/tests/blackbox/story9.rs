//! Story 9, the coaching pipeline and the wrap-up, with the real binary, a fake of the API and the real
//! record.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use paige_tests::anthropic::{self, Fake};
use paige_tests::mcp::Era;
use paige_tests::{Claude, Project, Record, Sidecar, Socket};
use serde_json::{Value, json};

const PLAN: &str =
    "Count the quantities of one article together in Basket.total before asking for the discount.";
const SUMMARY: &str = "Three mugs cost more when they are added one after the other.";

/// A served sample project with a session, a window, and the demo's script behind the API.
struct Scene {
    project: Project,
    sidecar: Option<Sidecar>,
    fake: Fake,
    window: Socket,
    claude: Claude,
    session: u32,
}

impl Scene {
    async fn new() -> Result<Self> {
        Self::with(&[]).await
    }

    async fn with(args: &[&str]) -> Result<Self> {
        let fake = Fake::start(&anthropic::demo_script()?).await?;
        let project = Project::with(&[
            ("basket.py", include_str!("../../../sidecar/demo/basket.py")),
            (
                "discounts.py",
                include_str!("../../../sidecar/demo/discounts.py"),
            ),
            (
                "test_basket.py",
                include_str!("../../../sidecar/demo/test_basket.py"),
            ),
        ])?;
        // What it asks is of no interest here, and would be counted with the rest.
        std::fs::create_dir_all(&project.data)?;
        std::fs::write(
            project.data.join("coaching.toml"),
            "[observer]\nenabled = false\n",
        )?;
        let sidecar = Sidecar::thinking(&project, &fake, args)?;
        let (window, _) = Socket::hello(&sidecar).await?;
        let claude = Claude::connect(&sidecar, Era::Sessions).await?;
        let start =
            json!({"project_dir": project.root, "issue_number": 1, "issue_title": "The discount"});
        let started = claude.call("paige_start_session", start).await?;
        let session = u32::try_from(started["session"]["id"].as_u64().context("an id")?)?;
        Ok(Self {
            project,
            sidecar: Some(sidecar),
            fake,
            window,
            claude,
            session,
        })
    }

    async fn plan(&self) -> Result<Value> {
        let args = json!({"plan_text": PLAN, "issue_summary": SUMMARY});
        self.claude.call("paige_run_coaching_pipeline", args).await
    }

    fn record(&self) -> Result<Record> {
        Record::of(&self.project)
    }

    /// How many requests for an answer were made of this kind.
    fn asked(&self, call: &str) -> usize {
        self.fake
            .requests()
            .iter()
            .filter(|seen| seen.request.call == call && !seen.request.counts())
            .count()
    }

    fn count(&self, table: &str) -> Result<i64> {
        let row = self
            .record()?
            .row(&format!("SELECT count(*) AS n FROM {table}"), [])?;
        row["n"].as_i64().context("a count")
    }

    /// Some work, so that there is something to be wrapped up.
    async fn work(&mut self) -> Result<()> {
        self.claude
            .call(
                "paige_update_phase",
                json!({"phase": 1, "status": "active"}),
            )
            .await?;
        self.window
            .ask("file:open", json!({"path": "basket.py"}))
            .await?;
        self.claude
            .call(
                "paige_update_phase",
                json!({"phase": 1, "status": "complete"}),
            )
            .await?;
        Ok(())
    }
}

/// spec: 9.1
/// spec: 9.7
/// spec: 9.8
#[tokio::test]
async fn the_pipeline_makes_a_plan_and_stores_it_as_one() -> Result<()> {
    let mut scene = Scene::new().await?;
    let made = scene.plan().await?;
    assert_eq!(made["phases"].as_array().context("phases")?.len(), 4);
    assert_eq!(made["estimatedDifficulty"], "beginner");
    assert_eq!(
        made["phases"][0]["doneWhen"],
        "You can name the failing test, its two totals, and the shortest way to the wrong one."
    );

    let pushed = scene.window.expect_push("coaching:plan_ready").await?;
    assert_eq!(pushed["payload"]["plan"], made["plan"]);
    assert_eq!(pushed["payload"]["phases"], made["phases"]);

    let record = scene.record()?;
    let plan = record.row("SELECT * FROM plans", [])?;
    assert_eq!(plan["is_active"], 1);
    assert_eq!(plan["session_id"], scene.session);
    assert_eq!(plan["raw_plan_text"], PLAN);
    let phases = record.rows("SELECT number, status FROM phases ORDER BY number", [])?;
    assert_eq!(phases[0], json!({"number": 1, "status": "pending"}));
    assert_eq!(phases.len(), 4);
    assert_eq!(
        record.rows("PRAGMA foreign_key_check", [])?,
        [] as [Value; 0]
    );
    record
        .expect_actions(
            "coaching_pipeline_run",
            &[json!({"session": scene.session, "data": {"planId": plan["id"]}})],
        )
        .await?;

    // The coach was told the stages, the memories and which files there are.
    let asked = scene.fake.requests();
    let coach = asked
        .iter()
        .find(|seen| seen.request.call == "coach_agent" && !seen.request.counts())
        .context("the coach was asked")?;
    let text = coach.request.text();
    for part in [
        "<dreyfus_assessments>",
        "<relevant_memories>",
        "basket.py",
        SUMMARY,
        PLAN,
    ] {
        assert!(text.contains(part), "{part} is not in the prompt:\n{text}");
    }
    assert_eq!(
        scene.asked("memory_retrieval_filter"),
        0,
        "nothing is remembered yet"
    );

    // A second plan takes the place of the first, which stays as history.
    scene.plan().await?;
    let plans = scene
        .record()?
        .rows("SELECT is_active FROM plans ORDER BY id", [])?;
    assert_eq!(plans, [json!({"is_active": 0}), json!({"is_active": 1})]);
    Ok(())
}

/// spec: 9.2
#[tokio::test]
async fn without_chroma_the_coach_is_asked_without_memories() -> Result<()> {
    let scene = Scene::with(&["--chromadb-url", "http://127.0.0.1:9"]).await?;
    let made = scene.plan().await?;
    assert_eq!(made["phases"].as_array().context("phases")?.len(), 4);
    let asked = scene.fake.requests();
    let coach = asked.iter().find(|seen| seen.request.call == "coach_agent");
    let text = coach.context("the coach was asked")?.request.text();
    assert!(text.contains("<relevant_memories>\n[]"), "{text}");
    Ok(())
}

/// spec: 9.3
#[tokio::test]
async fn a_coach_that_fails_leaves_nothing_behind() -> Result<()> {
    let scene = Scene::new().await?;
    scene.plan().await?;
    // An answer that is no JSON is asked for once more.
    for (times, fault) in [
        (1, r#"fault = { status = 400, message = "no" }"#),
        (
            1,
            "stop_reason = \"refusal\"\ntext = \"I would rather not.\"",
        ),
        (2, r#"text = "no JSON at all""#),
    ] {
        scene.fake.first(&format!(
            "[[entry]]\ncall = \"coach_agent\"\ntimes = {times}\n{fault}"
        ))?;
        let args = json!({"plan_text": PLAN, "issue_summary": "something else"});
        let error = scene
            .claude
            .call_error("paige_run_coaching_pipeline", args)
            .await?;
        assert_eq!(error["code"], "MODEL_FAILED", "{fault}: {error}");
        assert_eq!(scene.count("plans WHERE is_active = 1")?, 1, "{fault}");
        assert_eq!(scene.count("plans")?, 1, "{fault}");
        assert_eq!(scene.count("phases")?, 4, "{fault}");
    }
    Ok(())
}

/// spec: 9.4
/// spec: 9.7
/// spec: 9.8
#[tokio::test]
async fn the_end_of_a_session_is_wrapped_up() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.plan().await?;
    scene.work().await?;
    let ended = scene
        .claude
        .call(
            "paige_end_session",
            json!({"session_transcript": "user: I found it by printing. API_KEY=sk-ant-0123456789abcdef0123"}),
        )
        .await?;
    assert_eq!(
        ended,
        json!({
            "success": true, "sessionId": scene.session, "status": "completed", "memoriesAdded": 2,
            "gapsIdentified": 1, "katasGenerated": 1, "assessmentsUpdated": 1, "errors": [],
        })
    );
    let pushed = scene.window.expect_push("session:completed").await?;
    let payload = &pushed["payload"];
    assert_eq!(payload["status"], "completed");
    assert_eq!(
        payload["summary"]["gaps"],
        json!(["Aggregating before applying a rule"])
    );
    assert_eq!(payload["summary"]["katas"], json!(["Shipping by weight"]));
    assert_eq!(payload["summary"]["cost"]["calls"], 4);

    let record = scene.record()?;
    let session = record.row("SELECT status FROM sessions", [])?;
    assert_eq!(session["status"], "completed");
    let kata = record.row(
        "SELECT kata_specs.title, proof, topic FROM kata_specs JOIN knowledge_gaps ON gap_id = knowledge_gaps.id",
        [],
    )?;
    assert_eq!(
        kata,
        json!({"title": "Shipping by weight", "proof": "unproven", "topic": "Aggregating before applying a rule"})
    );
    assert_eq!(
        record.rows("PRAGMA foreign_key_check", [])?,
        [] as [Value; 0]
    );
    // One session is not enough for a step up: the proposal is stored, and the stage is the rule's.
    let decision = record.row(
        "SELECT proposed, decided, accepted FROM stage_decisions",
        [],
    )?;
    assert_eq!(
        decision,
        json!({"proposed": "Advanced Beginner", "decided": "Novice", "accepted": 0})
    );
    let stage = record.row("SELECT stage FROM dreyfus_assessments", [])?;
    assert_eq!(stage["stage"], "Novice");
    assert_eq!(scene.memories()?, 2);

    let asked = scene.fake.requests();
    let reflection = asked
        .iter()
        .find(|seen| seen.request.call == "reflection_agent");
    let text = reflection.context("it reflected")?.request.text();
    assert!(text.contains("I found it by printing"), "{text}");
    assert!(
        !text.contains("0123456789abcdef"),
        "a secret left the house:\n{text}"
    );
    assert!(
        text.contains("Aggregating before applying a rule"),
        "reflection reads the gaps"
    );

    // What is remembered reaches the next plan.
    let start = json!({"project_dir": scene.project.root});
    scene.claude.call("paige_start_session", start).await?;
    scene.plan().await?;
    assert_eq!(scene.asked("memory_retrieval_filter"), 1);
    Ok(())
}

impl Scene {
    fn memories(&self) -> Result<i64> {
        let path = self.project.data.join("memory.db");
        let connection = rusqlite::Connection::open_with_flags(
            path,
            rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
        )?;
        Ok(connection.query_row("SELECT count(*) FROM memories", [], |row| row.get(0))?)
    }
}

/// spec: 9.5
#[tokio::test]
async fn a_step_that_fails_does_not_stop_the_others_and_can_be_tried_again() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.plan().await?;
    scene.work().await?;
    scene.fake.first(
        "[[entry]]\ncall = \"knowledge_gap_agent\"\ntimes = 1\nfault = { status = 400, message = \"no\" }",
    )?;
    let ended = scene.claude.call("paige_end_session", json!({})).await?;
    assert_eq!(ended["status"], "completed_with_errors");
    assert_eq!(ended["memoriesAdded"], 2);
    assert_eq!(ended["gapsIdentified"], 0);
    assert_eq!(ended["errors"].as_array().context("errors")?.len(), 1);
    let record = scene.record()?;
    let error = record.row("SELECT agent_name FROM session_wrap_up_errors", [])?;
    assert_eq!(error["agent_name"], "knowledge_gap");
    assert_eq!(record.actions("wrap_up_error")?.len(), 1);
    let pushed = scene.window.expect_push("session:completed").await?;
    assert_eq!(pushed["payload"]["status"], "completed_with_errors");

    let again = scene.claude.call("paige_retry_wrap_up", json!({})).await?;
    assert_eq!(again["status"], "completed");
    assert_eq!(again["gapsIdentified"], 1);
    assert_eq!(again["memoriesAdded"], 2, "what is done is not done twice");
    assert_eq!(scene.asked("reflection_agent"), 1);
    assert_eq!(scene.memories()?, 2);
    let nothing = scene
        .claude
        .call_error("paige_retry_wrap_up", json!({}))
        .await?;
    assert_eq!(nothing["code"], "INVALID_ARGUMENT");
    Ok(())
}

/// spec: 9.6
#[tokio::test]
async fn when_every_step_fails_the_session_has_ended_all_the_same() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.plan().await?;
    scene.work().await?;
    for call in ["knowledge_gap_agent", "dreyfus_agent", "reflection_agent"] {
        scene.fake.first(&format!(
            "[[entry]]\ncall = \"{call}\"\nfault = {{ status = 400, message = \"no\" }}"
        ))?;
    }
    let ended = scene.claude.call("paige_end_session", json!({})).await?;
    assert_eq!(ended["status"], "completed_with_errors");
    for count in [
        "memoriesAdded",
        "gapsIdentified",
        "katasGenerated",
        "assessmentsUpdated",
    ] {
        assert_eq!(ended[count], 0, "{count}");
    }
    assert_eq!(scene.count("session_wrap_up_errors")?, 3);
    assert_eq!(scene.count("knowledge_gaps")?, 0);
    assert_eq!(scene.memories()?, 0);
    Ok(())
}

/// Issue 4: a kill between any two steps; after a restart every result is stored exactly once.
#[tokio::test]
async fn a_wrap_up_that_is_cut_off_is_finished_by_the_next_start() -> Result<()> {
    for hanging in ["knowledge_gap_agent", "dreyfus_agent", "reflection_agent"] {
        for clean in [false, true] {
            let mut scene = Scene::new().await?;
            scene.plan().await?;
            scene.work().await?;
            scene.fake.first(&format!(
                "[[entry]]\ncall = \"{hanging}\"\ntimes = 1\nfault = {{ hang = true }}"
            ))?;
            // Nobody waits for the answer, as the hook does not.
            scene.window.send("session:end", json!({})).await?;
            let deadline = Instant::now() + Duration::from_secs(30);
            while scene.asked(hanging) == 0 {
                ensure!(Instant::now() < deadline, "{hanging} was not asked");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let sidecar = scene.sidecar.take().context("it runs")?;
            if clean {
                sidecar.stop()?;
            } else {
                sidecar.kill()?;
            }
            let sidecar = Sidecar::thinking(&scene.project, &scene.fake, &[])?;
            let record = Record::of(&scene.project)?;
            record
                .expect_rows(
                    "SELECT status FROM sessions WHERE status NOT IN ('ending')",
                    &[json!({"status": "completed"})],
                )
                .await?;
            assert_eq!(scene.count("knowledge_gaps")?, 1, "{hanging}");
            assert_eq!(scene.count("kata_specs")?, 1, "{hanging}");
            assert_eq!(scene.count("stage_decisions")?, 1, "{hanging}");
            assert_eq!(scene.memories()?, 2, "{hanging}");
            let done = record.rows("SELECT status FROM wrap_up_jobs", [])?;
            assert_eq!(done, vec![json!({"status": "done"}); 3]);
            assert_eq!(scene.count("reservations")?, 0);
            drop(sidecar);
        }
    }
    Ok(())
}
