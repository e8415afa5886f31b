//! Story 10, the Observer and its nudges, with the real binary and a fake of the API. Times that a test would
//! have to wait for are tested in `crates/coach/tests/observer.rs`, with a clock that stands still.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use paige_tests::anthropic::Fake;
use paige_tests::mcp::Era;
use paige_tests::sidecar::PATIENCE;
use paige_tests::ws::Cursor;
use paige_tests::{Claude, Project, Record, Sidecar, Socket};
use serde_json::{Value, json};

/// What the model answers when nothing is to be said.
const NOTHING: &str = r#"{"should_nudge": false, "confidence": 0.9, "signal": "no_nudge", "reasoning": "All is well.", "suggested_context": null}"#;
const STUCK: &str = r#"{"should_nudge": true, "confidence": 0.8, "signal": "stuck_on_implementation", "reasoning": "The same lines again.", "suggested_context": null}"#;

fn entry(answer: &str) -> String {
    format!("[[entry]]\ncall = \"observer_triage\"\nanswer = '''{answer}'''\n")
}

fn once(answer: &str) -> String {
    format!("{}times = 1\n", entry(answer))
}

/// A served project with a session and a window, and a model that has nothing to say.
struct Scene {
    project: Project,
    sidecar: Option<Sidecar>,
    fake: Fake,
    window: Socket,
    claude: Claude,
}

impl Scene {
    async fn new() -> Result<Self> {
        Self::with("").await
    }

    /// With these numbers of the Observer.
    async fn with(numbers: &str) -> Result<Self> {
        let fake = Fake::start(&entry(NOTHING)).await?;
        let project = Project::with(&[("a.ts", "a\n"), ("b.ts", "b\n"), ("c.ts", "c\n")])?;
        std::fs::create_dir_all(&project.data)?;
        std::fs::write(
            project.data.join("coaching.toml"),
            format!("[observer]\n{numbers}"),
        )?;
        let sidecar = Sidecar::thinking(&project, &fake, &[])?;
        let (window, _) = Socket::hello(&sidecar).await?;
        let claude = Claude::connect(&sidecar, Era::Sessions).await?;
        let mut scene = Self {
            project,
            sidecar: Some(sidecar),
            fake,
            window,
            claude,
        };
        scene.start().await?;
        Ok(scene)
    }

    async fn start(&mut self) -> Result<Value> {
        let start = json!({"project_dir": self.project.root});
        self.claude.call("paige_start_session", start).await?;
        let status = self.window.expect_push("observer:status").await?;
        Ok(status["payload"].clone())
    }

    fn sidecar(&self) -> Result<&Sidecar> {
        self.sidecar.as_ref().context("a sidecar")
    }

    fn record(&self) -> Result<Record> {
        Record::of(&self.project)
    }

    /// What the model was given, in order.
    fn asked(&self) -> Vec<Value> {
        let requests = self.fake.requests();
        let asked = requests
            .iter()
            .filter(|seen| seen.request.call == "observer_triage" && !seen.request.counts());
        asked.map(|seen| seen.request.body.clone()).collect()
    }

    async fn open(&mut self, path: &str) -> Result<()> {
        self.window.ask("file:open", json!({"path": path})).await?;
        Ok(())
    }

    async fn edit(&mut self, path: &str, content: &str) -> Result<()> {
        let update =
            json!({"path": path, "content": content, "cursorPosition": {"line": 1, "column": 1}});
        self.window.send("buffer:update", update).await
    }

    async fn tab(&mut self, path: &str) -> Result<()> {
        self.window
            .send("editor:tab_switch", json!({"toPath": path}))
            .await
    }

    /// The data of entries of the timeline.
    fn entries(&self, kind: &str) -> Result<Vec<Value>> {
        let actions = self.record()?.actions(kind)?;
        Ok(actions
            .into_iter()
            .map(|action| action["data"].clone())
            .collect())
    }

    /// Waits until so many entries of that kind are there.
    async fn until(&self, kind: &str, count: usize) -> Result<Vec<Value>> {
        let began = Instant::now();
        loop {
            let entries = self.entries(kind)?;
            if entries.len() >= count {
                return Ok(entries);
            }
            ensure!(began.elapsed() < PATIENCE, "{count} of {kind}: {entries:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Opens a file, and waits until it was judged.
    async fn judged(&mut self, path: &str) -> Result<()> {
        let count = self.entries("observer_triage")?.len();
        self.open(path).await?;
        self.until("observer_triage", count + 1).await?;
        Ok(())
    }

    /// Lets the model want a nudge about the next look, which is at this file.
    async fn nudged(&mut self, path: &str) -> Result<Value> {
        self.fake.first(&once(STUCK))?;
        self.open(path).await?;
        self.window.expect_push("observer:nudge").await
    }
}

fn reasons(entries: &[Value]) -> Vec<&str> {
    let reasons = entries.iter().map(|entry| entry["reason"].as_str());
    reasons.map(Option::unwrap_or_default).collect()
}

/// spec: 10.1
/// spec: 10.2
#[tokio::test]
async fn it_begins_and_ends_with_each_session() -> Result<()> {
    let mut scene = Scene::new().await?;
    // The first status was expected by the scene; of the second session it is as new.
    scene.judged("a.ts").await?;
    scene.claude.call("paige_end_session", json!({})).await?;
    let ended = scene.window.expect_push("observer:status").await?;
    assert_eq!(ended["payload"]["active"], false);
    let asked = scene.asked().len();
    scene.open("b.ts").await?;
    let begun = scene.start().await?;
    assert_eq!(
        begun,
        json!({"active": true, "muted": false, "lastEvaluation": null})
    );
    // What was opened between the two was nobody's business; the new session is followed.
    scene.judged("c.ts").await?;
    assert_eq!(scene.asked().len(), asked + 1);
    let (_, init) = Socket::hello(scene.sidecar()?).await?;
    assert_eq!(init["featureFlags"]["observer"], true);
    Ok(())
}

/// spec: 10.3
#[tokio::test]
async fn an_opened_file_is_judged_from_a_snapshot_and_that_is_logged() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.judged("a.ts").await?;
    let asked = scene.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0]["model"], "claude-haiku-4-5-20251001");
    let given = asked[0]["messages"][0]["content"].to_string();
    for word in [
        "recent_actions",
        "file_open",
        "a.ts",
        "Novice",
        "time_since_last_nudge",
        "signals",
        "unavailable",
    ] {
        ensure!(given.contains(word), "{word} in {given}");
    }
    let schema = asked[0]["output_config"]["format"]["schema"].to_string();
    for word in [
        "should_nudge",
        "confidence",
        "signal",
        "reasoning",
        "suggested_context",
    ] {
        ensure!(schema.contains(word), "{word} in {schema}");
    }
    assert_eq!(
        scene.entries("observer_triage")?,
        [json!({
            "trigger": "file_open", "shouldNudge": false, "confidence": 0.9, "signal": null,
            "reasoning": "All is well.", "precheck": false,
        })]
    );
    scene.fake.expect_all_valid()?;
    // A save is looked at as well, and every third request for an explanation.
    scene.edit("a.ts", "aa\n").await?;
    scene
        .window
        .ask("file:save", json!({"path": "a.ts", "content": "aa\n"}))
        .await?;
    scene.until("observer_triage", 2).await?;
    let range = json!({"startLine": 1, "endLine": 1});
    for n in 1..=3 {
        let explain = json!({"path": "a.ts", "range": range, "selectedText": "aa"});
        scene.window.ask("user:explain", explain).await?;
        scene.until("user_explain_request", n).await?;
    }
    let triages = scene.until("observer_triage", 3).await?;
    assert_eq!(triages[1]["trigger"], "file_save");
    assert_eq!(triages[2]["trigger"], "explain_requests");
    // The calls are in the ledger of the session.
    let rows = scene.record()?.rows(
        "SELECT DISTINCT call_type, session_id FROM api_call_log",
        [],
    )?;
    assert_eq!(
        rows,
        [json!({"call_type": "observer_triage", "session_id": 1})]
    );
    Ok(())
}

/// spec: 10.4
#[tokio::test]
async fn a_nudge_goes_to_all_and_is_delivered_to_the_terminal_alone() -> Result<()> {
    let mut scene = Scene::new().await?;
    let hello = |terminal: bool| json!({"version": "1", "platform": "linux", "windowSize": {"width": 80, "height": 24}, "terminal": terminal});
    let mut earlier = Socket::connect(scene.sidecar()?).await?;
    earlier.send("connection:hello", hello(true)).await?;
    earlier.expect("fs:tree").await?;
    let mut shell = Socket::connect(scene.sidecar()?).await?;
    shell.send("connection:hello", hello(true)).await?;
    shell.expect("fs:tree").await?;
    let told = scene.nudged("a.ts").await?;
    let payload = &told["payload"];
    assert_eq!(payload["signal"], "stuck_on_implementation");
    assert_eq!(payload["confidence"], 0.8);
    assert_eq!(
        payload["context"],
        json!({"currentFile": "a.ts", "timeInFile": "0s", "step": "ask"})
    );
    assert_eq!(
        payload["message"],
        "[PAIGE_OBSERVER] {\"signal\":\"stuck_on_implementation\",\"confidence\":0.8,\"context\":{\"current_file\":\"a.ts\",\"time_in_file\":\"0s\",\"step\":\"ask\"}}"
    );
    let lasts = paige_store::millis_between(
        told["timestamp"].as_str().context("a time")?,
        payload["expiresAt"].as_str().context("a time")?,
    );
    // Half a minute from the judgement, which is written down a moment later.
    ensure!(
        lasts.is_some_and(|ms| (25_000..=30_000).contains(&ms)),
        "{lasts:?}"
    );
    assert_eq!(payload["deliver"], false);
    assert_eq!(
        earlier.expect_push("observer:nudge").await?["payload"]["deliver"],
        false
    );
    let typed = shell.expect_push("observer:nudge").await?;
    assert_eq!(typed["payload"]["deliver"], true);
    assert_eq!(typed["seq"], told["seq"]);
    let sent = scene.entries("nudge_sent")?;
    assert_eq!(
        sent,
        [json!({"signal": "stuck_on_implementation", "confidence": 0.8, "step": "ask"})]
    );
    // Who comes back in time gets it as well, and is the shell that types now.
    let before = told["seq"].as_u64().context("a number")? - 1;
    let (_, init) = Socket::hello(scene.sidecar()?).await?;
    let mut again = Socket::connect(scene.sidecar()?).await?;
    let mut resumed = hello(true);
    resumed["stream"] = init["stream"].clone();
    resumed["lastSeq"] = before.into();
    again.send("connection:hello", resumed).await?;
    assert_eq!(
        again.expect_push("observer:nudge").await?["payload"]["deliver"],
        true
    );
    Ok(())
}

/// spec: 10.5
#[tokio::test]
async fn within_the_cooldown_nobody_is_asked_and_nobody_nudged() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.nudged("a.ts").await?;
    scene.fake.first(&entry(STUCK))?;
    scene.open("b.ts").await?;
    let suppressed = scene.until("nudge_suppressed", 1).await?;
    assert_eq!(
        suppressed,
        [json!({"trigger": "file_open", "reason": "cooldown", "times": 1})]
    );
    assert_eq!(scene.asked().len(), 1);
    scene
        .window
        .expect_none(|frame| frame["type"] == "observer:nudge")
        .await?;
    Ok(())
}

/// spec: 10.6
#[tokio::test]
async fn in_flow_the_look_is_skipped_and_logged() -> Result<()> {
    let mut scene = Scene::new().await?;
    for n in 0..11 {
        scene.tab(["a.ts", "b.ts"][n % 2]).await?;
    }
    scene.open("c.ts").await?;
    let suppressed = scene.until("nudge_suppressed", 1).await?;
    assert_eq!(reasons(&suppressed), ["flow_state"]);
    assert_eq!(scene.asked().len(), 0);
    Ok(())
}

/// spec: 10.7
/// spec: 10.8
#[tokio::test]
async fn muted_it_is_silent_also_after_a_kill_and_unmuted_it_looks_again() -> Result<()> {
    let mut scene = Scene::new().await?;
    let answer = scene
        .window
        .ask("observer:mute", json!({"muted": true}))
        .await?;
    assert_eq!(answer["type"], "observer:status");
    assert_eq!(
        answer["payload"],
        json!({"active": true, "muted": true, "lastEvaluation": null})
    );
    let told = scene.window.expect_push("observer:status").await?;
    assert_eq!(told["payload"], answer["payload"]);
    assert_eq!(scene.entries("observer_muted")?, [json!({"muted": true})]);
    scene.open("a.ts").await?;
    scene.until("file_open", 1).await?;
    scene.sidecar.take().context("a sidecar")?.kill()?;

    let sidecar = Sidecar::thinking(&scene.project, &scene.fake, &[])?;
    scene.window = Socket::hello(&sidecar).await?.0;
    scene.sidecar = Some(sidecar);
    scene.open("b.ts").await?;
    let opened = scene.until("file_open", 2).await?;
    assert_eq!(opened.len(), 2);
    // Whatever was to come of both has had its time: what is asked for later is heard later.
    let answer = scene
        .window
        .ask("observer:mute", json!({"muted": false}))
        .await?;
    assert_eq!(answer["payload"]["muted"], false);
    scene.judged("c.ts").await?;
    assert_eq!(scene.asked().len(), 1);
    assert_eq!(scene.entries("nudge_suppressed")?, [] as [Value; 0]);
    // Without a session there is nothing to mute.
    scene.window.ask("session:end", json!({})).await?;
    let refused = scene
        .window
        .ask("observer:mute", json!({"muted": true}))
        .await?;
    assert_eq!(refused["payload"]["code"], "NO_ACTIVE_SESSION");
    Ok(())
}

/// spec: 10.9
#[tokio::test]
async fn what_the_model_is_not_sure_of_or_says_wrongly_is_kept_back() -> Result<()> {
    let mut scene = Scene::new().await?;
    let cases = [
        (
            STUCK.replace("0.8", "0.5"),
            "low_confidence",
            json!("stuck_on_implementation"),
            json!(0.5),
        ),
        (
            STUCK.replace("stuck_on_implementation", "bored"),
            "unknown_signal",
            Value::Null,
            json!(0.8),
        ),
        (
            STUCK.replace("stuck_on_implementation", "no_nudge"),
            "contradictory",
            Value::Null,
            json!(0.8),
        ),
        (
            STUCK.replace("stuck_on_implementation", "long_idle"),
            "unsupported",
            json!("long_idle"),
            json!(0.8),
        ),
    ];
    for (n, (answer, reason, signal, confidence)) in cases.into_iter().enumerate() {
        scene.fake.first(&once(&answer))?;
        scene.open(["a.ts", "b.ts"][n % 2]).await?;
        let suppressed = scene.until("nudge_suppressed", n + 1).await?;
        let last = &suppressed[n];
        assert_eq!(last["reason"], reason, "{last}");
        assert_eq!(
            (&last["signal"], &last["confidence"]),
            (&signal, &confidence),
            "{last}"
        );
    }
    assert_eq!(scene.asked().len(), 4, "none is asked for again");
    scene
        .window
        .expect_none(|frame| frame["type"] == "observer:nudge")
        .await?;
    assert_eq!(scene.entries("nudge_sent")?, [] as [Value; 0]);
    Ok(())
}

/// spec: 10.10
#[tokio::test]
async fn a_call_that_fails_is_logged_and_the_next_one_is_made() -> Result<()> {
    let mut scene = Scene::new().await?;
    let fault = "[[entry]]\ncall = \"observer_triage\"\ntimes = 1\nfault = { status = 400 }\n";
    scene.fake.first(fault)?;
    scene.open("a.ts").await?;
    let failed = scene.until("nudge_suppressed", 1).await?;
    assert_eq!(reasons(&failed), ["failed"]);
    ensure!(
        failed[0]["error"]
            .as_str()
            .is_some_and(|error| !error.is_empty()),
        "{failed:?}"
    );
    // A confidence that is none is refused, and asked for once more.
    scene.fake.first(&entry(&STUCK.replace("0.8", "7.5")))?;
    scene.open("b.ts").await?;
    let failed = scene.until("nudge_suppressed", 2).await?;
    assert_eq!(reasons(&failed), ["failed", "failed"]);
    assert_eq!(scene.asked().len(), 3);
    scene.fake.first(&once(STUCK))?;
    scene.open("c.ts").await?;
    scene.window.expect_push("observer:nudge").await?;
    Ok(())
}

/// spec: 10.11
#[tokio::test]
async fn the_fifth_update_is_looked_at_and_the_count_begins_anew() -> Result<()> {
    let mut scene = Scene::new().await?;
    for n in 0..4 {
        scene.edit("a.ts", &format!("{n}\n")).await?;
    }
    // An answer comes after all that was sent before it.
    scene
        .window
        .ask("session:summary", json!({"sessionId": 1}))
        .await?;
    let kept = "SELECT buffer_updates, explain_requests FROM observers";
    scene
        .record()?
        .expect_rows(kept, &[json!({"buffer_updates": 4, "explain_requests": 0})])
        .await?;
    assert_eq!(scene.asked().len(), 0);
    // The count is not lost with the process.
    scene.sidecar.take().context("a sidecar")?.kill()?;
    let sidecar = Sidecar::thinking(&scene.project, &scene.fake, &[])?;
    scene.window = Socket::hello(&sidecar).await?.0;
    scene.sidecar = Some(sidecar);
    scene.edit("a.ts", "five\n").await?;
    let triages = scene.until("observer_triage", 1).await?;
    assert_eq!(triages[0]["trigger"], "buffer_updates");
    scene
        .record()?
        .expect_rows(kept, &[json!({"buffer_updates": 0, "explain_requests": 0})])
        .await?;
    for n in 0..5 {
        scene.edit("a.ts", &format!("{n}!\n")).await?;
    }
    scene.until("observer_triage", 2).await?;
    assert_eq!(scene.asked().len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_nudge_that_is_shown_again_is_marked_and_never_typed() -> Result<()> {
    let mut scene = Scene::new().await?;
    let told = scene.nudged("a.ts").await?;
    let mut shell = Socket::connect(scene.sidecar()?).await?;
    let hello = json!({"version": "1", "platform": "linux", "windowSize": {"width": 80, "height": 24}, "terminal": true});
    shell.send("connection:hello", hello).await?;
    shell.expect("fs:tree").await?;
    let replay = reqwest::Client::new()
        .post(scene.sidecar()?.url("/replay"))
        .bearer_auth(&scene.sidecar()?.tokens[0])
        .json(&json!({"sessionId": 1, "speed": 100.0}));
    let lines = replay.send().await?.text().await?;
    ensure!(lines.contains("observer:nudge"), "{lines}");
    let again = shell.expect("observer:nudge").await?;
    let mut expected = told["payload"].clone();
    expected["replay"] = true.into();
    assert_eq!(again, expected);
    Ok(())
}

#[tokio::test]
async fn a_nudge_that_has_expired_is_left_out_of_a_replay() -> Result<()> {
    let mut scene = Scene::with("nudge_expires_seconds = 3\n").await?;
    let told = scene.nudged("a.ts").await?;
    let seq = told["seq"].as_u64().context("a number")?;
    let expires = told["payload"]["expiresAt"]
        .as_str()
        .context("a time")?
        .to_owned();
    let began = Instant::now();
    while paige_store::now() <= expires {
        ensure!(began.elapsed() < PATIENCE, "it does not expire");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (_, init) = Socket::hello(scene.sidecar()?).await?;
    let cursor = Cursor {
        seq: seq - 1,
        ..Cursor::of(&init)?
    };
    let (mut late, _) = Socket::resume(scene.sidecar()?, &cursor).await?;
    late.expect_none(|frame| frame["type"] == "observer:nudge")
        .await?;
    Ok(())
}

#[tokio::test]
async fn switched_off_it_follows_nobody() -> Result<()> {
    let fake = Fake::start(&entry(NOTHING)).await?;
    let project = Project::with(&[("a.ts", "a\n")])?;
    std::fs::create_dir_all(&project.data)?;
    std::fs::write(
        project.data.join("coaching.toml"),
        "[observer]\nenabled = false\n",
    )?;
    let sidecar = Sidecar::thinking(&project, &fake, &[])?;
    let (mut window, init) = Socket::hello(&sidecar).await?;
    assert_eq!(init["featureFlags"]["observer"], false);
    window.ask("session:start", json!({})).await?;
    window.ask("file:open", json!({"path": "a.ts"})).await?;
    window.ask("session:end", json!({})).await?;
    window
        .expect_none(|frame| frame["type"] == "observer:status")
        .await?;
    let asked = fake.requests();
    assert!(
        asked
            .iter()
            .all(|seen| seen.request.call != "observer_triage")
    );
    Ok(())
}

#[tokio::test]
async fn offline_it_looks_and_asks_nobody() -> Result<()> {
    let project = Project::with(&[("a.ts", "a\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut window, _) = Socket::hello(&sidecar).await?;
    window.ask("session:start", json!({})).await?;
    let status = window.expect_push("observer:status").await?;
    assert_eq!(status["payload"]["active"], true);
    window.ask("file:open", json!({"path": "a.ts"})).await?;
    let record = Record::of(&project)?;
    let expected =
        json!({"session": 1, "data": {"trigger": "file_open", "reason": "offline", "times": 1}});
    record.expect_actions("nudge_suppressed", &[expected]).await
}
