//! Story 4, the action log: what is put on the timeline, and when.

use std::time::Duration;

use anyhow::Result;
use paige_tests::mcp::Era;
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
