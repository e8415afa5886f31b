//! Story 4, the action log: what is put on the timeline, and when.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use paige_store::coach::api_calls;
use paige_tests::mcp::Era;
use paige_tests::record::is_time;
use paige_tests::sidecar::binary;
use paige_tests::{Claude, Project, Record, Sidecar, Socket};
use serde_json::{Value, json};

/// A served project with a window, whose summaries come every second.
struct Scene {
    project: Project,
    sidecar: Sidecar,
    window: Socket,
}

impl Scene {
    async fn new() -> Result<Self> {
        let text = "x".repeat(100);
        let project = Project::with(&[("a.rs", &text), ("b.rs", &text)])?;
        std::fs::create_dir_all(&project.data)?;
        std::fs::write(
            project.data.join("coaching.toml"),
            "[buffers]\nsummary_seconds = 1\n",
        )?;
        let sidecar = Sidecar::start(&project)?;
        let (mut window, _) = Socket::hello(&sidecar).await?;
        for path in ["a.rs", "b.rs"] {
            window.request("file:open", json!({"path": path})).await?;
        }
        Ok(Self {
            project,
            sidecar,
            window,
        })
    }

    async fn start(&mut self) -> Result<Value> {
        let started = self.window.request("session:start", json!({})).await?;
        Ok(started["sessionId"].clone())
    }

    fn record(&self) -> Result<Record> {
        Record::of(&self.project)
    }

    async fn edit(&mut self, path: &str, chars: usize) -> Result<()> {
        let cursor = json!({"line": 1, "column": 1});
        let edit = json!({"path": path, "content": "x".repeat(chars), "cursorPosition": cursor});
        self.window.send("buffer:update", edit).await
    }
}

/// Longer than a window of the scene, by far.
const TWO_WINDOWS: Duration = Duration::from_millis(2500);

/// spec: 4.1
#[tokio::test]
async fn what_the_human_does_is_logged_with_its_session() -> Result<()> {
    let mut scene = Scene::new().await?;
    // Without a session it is kept as well.
    let open = |session: &Value, path: &str| json!({"session": session, "data": {"path": path}});
    let mut opened = vec![open(&Value::Null, "a.rs"), open(&Value::Null, "b.rs")];
    scene.record()?.expect_actions("file_open", &opened).await?;
    let session = scene.start().await?;
    scene
        .window
        .request("file:open", json!({"path": "a.rs"}))
        .await?;
    opened.push(open(&session, "a.rs"));
    scene.record()?.expect_actions("file_open", &opened).await?;

    let run = json!({
        "command": "API_TOKEN=abcdefghijkl cargo test",
        "exitCode": 101,
        "durationMs": 1200,
        "tail": "test a ... ok\nerror: 2 tests failed at /home/kim/a.rs:7\n",
    });
    scene.window.send("user:run", run).await?;
    let data = json!({
        "command": "API_TOKEN=[secret] cargo test",
        "kind": "test",
        "exitCode": 101,
        "durationMs": 1200,
        "errorLines": ["error: _ tests failed at …/a.rs:_"],
        "source": "shell",
    });
    let entry = json!({"session": session, "data": data});
    scene
        .record()?
        .expect_actions("command_run", &[entry])
        .await?;
    Ok(())
}

/// spec: 4.2, 4.7
#[tokio::test]
async fn dirty_files_with_new_edits_are_summed_up_and_others_are_not() -> Result<()> {
    let mut scene = Scene::new().await?;
    let session = scene.start().await?;
    scene.edit("a.rs", 110).await?;
    scene.edit("a.rs", 120).await?;
    scene.edit("b.rs", 90).await?;
    // Saved before its window ends, so that there is nothing to sum up.
    let save = json!({"path": "b.rs", "content": "x".repeat(90)});
    scene.window.request("file:save", save).await?;
    let data =
        json!({"path": "a.rs", "charCount": 120, "dirty": true, "editCount": 2, "charDelta": 20});
    let first = json!({"session": session, "data": data});
    scene
        .record()?
        .expect_actions("buffer_summary", std::slice::from_ref(&first))
        .await?;

    // Without a new edit there is no second row; with one it counts from the first.
    tokio::time::sleep(TWO_WINDOWS).await;
    scene
        .record()?
        .expect_actions("buffer_summary", std::slice::from_ref(&first))
        .await?;
    scene.edit("a.rs", 121).await?;
    let data =
        json!({"path": "a.rs", "charCount": 121, "dirty": true, "editCount": 1, "charDelta": 1});
    let second = json!({"session": session, "data": data});
    scene
        .record()?
        .expect_actions("buffer_summary", &[first, second])
        .await?;
    assert_eq!(
        scene.record()?.actions("buffer_significant_change")?,
        [] as [Value; 0]
    );
    Ok(())
}

/// spec: 4.3
#[tokio::test]
async fn a_significant_change_is_logged_at_once_and_not_again() -> Result<()> {
    let mut scene = Scene::new().await?;
    let session = scene.start().await?;
    scene.edit("a.rs", 150).await?;
    scene.edit("a.rs", 700).await?;
    let data = json!({
        "path": "a.rs", "previousCharCount": 100, "newCharCount": 700, "charDelta": 600, "percentDelta": 600,
    });
    let told = json!({"session": session, "data": data});
    scene
        .record()?
        .expect_actions("buffer_significant_change", &[told])
        .await?;
    tokio::time::sleep(TWO_WINDOWS).await;
    assert_eq!(scene.record()?.actions("buffer_summary")?, [] as [Value; 0]);
    Ok(())
}

/// spec: 4.5
#[tokio::test]
async fn recent_actions_can_be_asked_for() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.start().await?;
    for number in 0..25 {
        let switch = json!({"toPath": format!("file{number}.rs")});
        scene.window.send("editor:tab_switch", switch).await?;
    }
    // The last is written when a later request is answered and its observation is there.
    let sql = "SELECT count(*) AS times FROM action_log WHERE action_type = 'editor_tab_switch'";
    scene
        .record()?
        .expect_rows(sql, &[json!({"times": 25})])
        .await?;
    let claude = Claude::connect(&scene.sidecar, Era::Stateless).await?;
    let asked = json!({"include": ["actions"]});
    let state = claude.call("paige_get_session_state", asked).await?;
    let actions = state["actions"].as_array().cloned().unwrap_or_default();
    assert_eq!(actions.len(), 20);
    assert_eq!(actions[0]["data"]["toPath"], "file24.rs", "newest first");
    assert_eq!(actions[19]["data"]["toPath"], "file5.rs");
    Ok(())
}

/// spec: 4.8
#[tokio::test]
async fn summaries_end_with_the_session() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.start().await?;
    scene.edit("a.rs", 110).await?;
    scene.window.request("session:end", json!({})).await?;
    tokio::time::sleep(TWO_WINDOWS).await;
    assert_eq!(scene.record()?.actions("buffer_summary")?, [] as [Value; 0]);
    assert_eq!(scene.record()?.actions("session_ended")?.len(), 1);
    // The next session sums up what is edited in it.
    let session = scene.start().await?;
    scene.edit("a.rs", 115).await?;
    let data =
        json!({"path": "a.rs", "charCount": 115, "dirty": true, "editCount": 2, "charDelta": 15});
    let told = json!({"session": session, "data": data});
    scene
        .record()?
        .expect_actions("buffer_summary", &[told])
        .await?;
    Ok(())
}

/// spec: 4.4, 4.6
///
/// What a call to a model leaves behind. The calls come with the model client of a later version; here
/// they are written as it will write them, and read through the built binary.
#[tokio::test]
async fn a_call_to_a_model_is_a_row_and_costs_are_summed_up_from_the_rows() -> Result<()> {
    let mut scene = Scene::new().await?;
    let session = scene.start().await?;
    let id = u32::try_from(session.as_u64().context("an id")?)?;
    let Scene {
        project, sidecar, ..
    } = scene;
    sidecar.stop()?;
    let call = |model: &str, latency_ms, cost_estimate| api_calls::NewCall {
        scope: Some(id),
        call_type: "triage_model".to_owned(),
        model: model.to_owned(),
        input_hash: Some("0011223344556677".to_owned()),
        latency_ms,
        input_tokens: 1000,
        output_tokens: 100,
        cache_write_tokens: 30,
        cache_read_tokens: 20,
        cost_estimate,
    };
    let calls = [
        call("claude-haiku-4-5", 400, Some(0.25)),
        call("claude-haiku-4-5", 600, Some(0.5)),
        call("claude-sonnet-4-5", 1100, Some(2.0)),
        call("claude-sonnet-4-5", api_calls::FAILED, Some(0.0)),
    ];
    let store = project.store(paige_store::Config::default())?;
    store.commit_blocking(move |unit| {
        for call in &calls {
            api_calls::insert(unit, call)?;
        }
        Ok::<_, paige_store::StoreError>(())
    })?;
    store.close();

    let record = Record::of(&project)?;
    let mut row = record.row(
        "SELECT session_id, call_type, model, input_hash, latency_ms, input_tokens, output_tokens, \
         cost_estimate, created_at FROM api_call_log ORDER BY id LIMIT 1",
        [],
    )?;
    assert!(is_time(row["created_at"].as_str().unwrap_or_default()));
    row.as_object_mut().context("a row")?.remove("created_at");
    assert_eq!(
        row,
        json!({
            "session_id": id, "call_type": "triage_model", "model": "claude-haiku-4-5",
            "input_hash": "0011223344556677", "latency_ms": 400, "input_tokens": 1000,
            "output_tokens": 100, "cost_estimate": 0.25,
        })
    );
    let by_model = record.rows(
        "SELECT model, sum(cost_estimate) AS cost, avg(latency_ms) FILTER (WHERE latency_ms >= 0) AS mean \
         FROM api_call_log GROUP BY model ORDER BY cost DESC",
        [],
    )?;
    let [sonnet, haiku] = [
        ("claude-sonnet-4-5", 2.0, 1100.0),
        ("claude-haiku-4-5", 0.75, 500.0),
    ];
    let of =
        |(model, cost, mean): (&str, f64, f64)| json!({"model": model, "cost": cost, "mean": mean});
    assert_eq!(by_model, [of(sonnet), of(haiku)]);

    // The sidecar itself tells the same.
    let told = Command::new(binary())
        .env_clear()
        .env("DATA_DIR", &project.data)
        .args(["export", "last", "--format", "json"])
        .output()?;
    let told: Value = serde_json::from_slice(&told.stdout)?;
    let costs = &told["costs"];
    assert_eq!(costs["total"]["costUsd"], 2.75, "{costs}");
    assert_eq!(costs["total"]["failed"], 1, "{costs}");
    assert_eq!(costs["total"]["meanLatencyMs"], 700.0, "{costs}");
    for (at, (model, cost, mean)) in [sonnet, haiku].into_iter().enumerate() {
        let calls = &costs["calls"][at];
        assert_eq!(
            json!([
                calls["model"],
                calls["calls"],
                calls["costUsd"],
                calls["meanLatencyMs"]
            ]),
            json!([model, 2, cost, mean]),
            "{costs}"
        );
    }
    Ok(())
}
