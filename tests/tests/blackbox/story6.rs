//! Story 6, the MCP tool surface: what Claude reads, what it shows, and how phases go.

use anyhow::{Context as _, Result};
use paige_store::coach::{self as rows, hints, phases, plans};
use paige_tests::mcp::Era;
use paige_tests::record::is_time;
use paige_tests::{Claude, Project, Record, Sidecar, Socket};
use serde_json::{Value, json};

/// A served project with a session, seen by Claude and by one window.
struct Scene {
    project: Project,
    sidecar: Sidecar,
    window: Socket,
    claude: Claude,
    session: u32,
}

impl Scene {
    async fn new() -> Result<Self> {
        Self::with_plan(false).await
    }

    async fn with_plan(planned: bool) -> Result<Self> {
        let project = Project::with(&[
            ("src/auth.ts", "one\ntwo\nthree\n"),
            ("src/handlers/oauth.ts", "a\n"),
            ("src/clean.ts", "clean\n"),
        ])?;
        let mut sidecar = Sidecar::start(&project)?;
        let claude = Claude::connect(&sidecar, Era::Stateless).await?;
        let start = json!({"project_dir": project.root});
        let started = claude.call("paige_start_session", start).await?;
        let session = u32::try_from(started["session"]["id"].as_u64().context("an id")?)?;
        if planned {
            // Plans come from the pipeline of a later version; here the record has one already.
            sidecar.kill()?;
            plan(&project, session)?;
            sidecar = Sidecar::start(&project)?;
        }
        let (window, _) = Socket::hello(&sidecar).await?;
        let claude = Claude::connect(&sidecar, Era::Sessions).await?;
        Ok(Self {
            project,
            sidecar,
            window,
            claude,
            session,
        })
    }

    fn record(&self) -> Result<Record> {
        Record::of(&self.project)
    }

    async fn edit(&mut self, path: &str, text: &str) -> Result<()> {
        let cursor = json!({"line": 1, "column": 2});
        let edit = json!({"path": path, "content": text, "cursorPosition": cursor});
        self.window.send("buffer:update", edit).await?;
        // Answered after it, so that the edit has arrived.
        self.window
            .request("file:open", json!({"path": "src/handlers/oauth.ts"}))
            .await?;
        Ok(())
    }

    /// The calls of a tool on the timeline: each with its outcome, linked to what it changed.
    async fn called(&self, tool: &str, times: usize) -> Result<Vec<Value>> {
        let sql = format!(
            "SELECT json_extract(data, '$.toolName') AS tool, json_extract(data, '$.outcome') AS outcome \
             FROM action_log WHERE action_type = 'mcp_tool_call' \
             AND json_extract(data, '$.toolName') = '{tool}'"
        );
        let call = json!({"tool": tool, "outcome": "ok"});
        self.record()?.expect_rows(&sql, &vec![call; times]).await?;
        self.record()?.rows(
            "SELECT action_type FROM action_log WHERE call_id IN \
             (SELECT call_id FROM action_log WHERE action_type = 'mcp_tool_call' \
             AND json_extract(data, '$.toolName') = ?1) AND action_type <> 'mcp_tool_call' ORDER BY id",
            [tool],
        )
    }
}

/// A plan of two phases; the first has a hint at a file and one at lines.
fn plan(project: &Project, session_id: u32) -> Result<()> {
    let store = project.store(paige_store::Config::default())?;
    store.commit_blocking(move |unit| {
        let plan = plans::create(
            unit,
            &plans::NewPlan {
                session_id,
                title: "OAuth".into(),
                description: "Mend the race".into(),
                total_phases: 2,
                raw_plan_text: None,
            },
        )?;
        for number in 1..=2 {
            let phase = phases::create(
                unit,
                &phases::NewPhase {
                    plan_id: plan.id,
                    number,
                    title: format!("Phase {number}"),
                    description: "See it happen".into(),
                    hint_level: rows::HintLevel::Medium,
                    expected_files: vec!["src/auth.ts".into()],
                },
            )?;
            for lines in [None, Some((2, 3))] {
                hints::create(
                    unit,
                    &hints::NewHint {
                        phase_id: phase.id,
                        path: "src/auth.ts".into(),
                        lines,
                        style: rows::Style::Warning,
                        hover_text: None,
                        required_level: rows::HintLevel::Low,
                        rung: 2,
                    },
                )?;
            }
        }
        Ok::<_, paige_store::StoreError>(())
    })?;
    store.close();
    Ok(())
}

/// spec: 6.1, 6.2
#[tokio::test]
async fn claude_reads_a_buffer_or_that_there_is_none() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene.edit("src/auth.ts", "unsaved\n").await?;
    let asked = json!({"path": "src/auth.ts"});
    let buffer = scene.claude.call("paige_get_buffer", asked).await?;
    assert!(is_time(buffer["lastUpdated"].as_str().unwrap_or_default()));
    let expected = json!({
        "path": "src/auth.ts",
        "content": "unsaved\n",
        "cursorPosition": {"line": 1, "column": 2},
        "dirty": true,
        "lastUpdated": buffer["lastUpdated"],
    });
    assert_eq!(buffer, expected);
    let asked = json!({"path": "unknown.ts"});
    let none = scene.claude.call_raw("paige_get_buffer", asked).await?;
    let text = none.content.first().and_then(|block| block.as_text());
    assert_eq!(text.map(|text| text.text.as_str()), Some("null"));
    scene.called("paige_get_buffer", 2).await?;
    Ok(())
}

/// spec: 6.3
#[tokio::test]
async fn open_files_are_those_of_both_sides() -> Result<()> {
    let mut scene = Scene::new().await?;
    for path in ["src/auth.ts", "src/handlers/oauth.ts", "src/clean.ts"] {
        scene
            .window
            .request("file:open", json!({"path": path}))
            .await?;
    }
    scene.project.write("README.md", "read me\n")?;
    let shown = json!({"path": "README.md"});
    scene.claude.call("paige_open_file", shown).await?;
    let open = scene.claude.call("paige_get_open_files", json!({})).await?;
    let all = json!([
        "src/auth.ts",
        "src/handlers/oauth.ts",
        "src/clean.ts",
        "README.md"
    ]);
    assert_eq!(open["paths"], all);
    Ok(())
}

/// spec: 6.4, 6.5
#[tokio::test]
async fn a_diff_is_of_one_file_or_of_all_that_are_dirty() -> Result<()> {
    let mut scene = Scene::new().await?;
    scene
        .window
        .request("file:open", json!({"path": "src/clean.ts"}))
        .await?;
    scene.edit("src/auth.ts", "one\n2\nthree\n").await?;
    scene.edit("src/new.ts", "new\n").await?;
    let asked = json!({"path": "src/auth.ts"});
    let one = scene.claude.call("paige_get_diff", asked).await?;
    let diff = one["diffs"][0]["diff"].as_str().context("a diff")?;
    assert!(diff.contains("-two\n+2\n"), "{diff}");
    assert_eq!(one["diffs"].as_array().map(Vec::len), Some(1));
    let all = scene.claude.call("paige_get_diff", json!({})).await?;
    let paths: Vec<_> = all["diffs"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|file| &file["path"])
        .collect();
    assert_eq!(paths, ["src/auth.ts", "src/new.ts"]);

    let open = json!({"path": "src/auth.ts"});
    scene.window.request("file:open", open).await?;
    // A save wipes the diff against the disk, but not that of the session.
    let save = json!({"path": "src/auth.ts", "content": "one\n2\nthree\n"});
    scene.window.request("file:save", save).await?;
    let asked = json!({"path": "src/auth.ts"});
    let disk = scene.claude.call("paige_get_diff", asked.clone()).await?;
    assert_eq!(disk["diffs"], json!([]));
    let asked = json!({"path": "src/auth.ts", "since": "session"});
    let session = scene.claude.call("paige_get_diff", asked).await?;
    assert_eq!(session["diffs"], one["diffs"]);
    let refused = scene
        .claude
        .call_error("paige_get_diff", json!({"since": "phase"}))
        .await?;
    assert_eq!(refused["code"], "PRECONDITION_FAILED");
    Ok(())
}

/// spec: 6.6, 6.7
#[tokio::test]
async fn the_state_has_the_items_asked_for_or_all_twelve() -> Result<()> {
    let mut scene = Scene::with_plan(true).await?;
    scene.edit("src/auth.ts", "one\n").await?;
    let step = json!({"phase": 1, "status": "active"});
    scene.claude.call("paige_update_phase", step).await?;
    let asked = json!({"include": ["phase", "diffs"]});
    let some = scene.claude.call("paige_get_session_state", asked).await?;
    let keys = |state: &Value| -> Vec<String> {
        state
            .as_object()
            .into_iter()
            .flat_map(|map| map.keys().cloned())
            .collect()
    };
    assert_eq!(keys(&some), ["diffs", "phase"]);
    assert_eq!(some["phase"]["number"], 1);
    assert_eq!(some["diffs"][0]["path"], "src/auth.ts");
    let all = scene
        .claude
        .call("paige_get_session_state", json!({}))
        .await?;
    let twelve = [
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
    assert_eq!(keys(&all), twelve);
    assert_eq!(all["plan"]["phases"].as_array().map(Vec::len), Some(2));
    let empty = json!({"include": []});
    assert_eq!(
        keys(&scene.claude.call("paige_get_session_state", empty).await?),
        twelve
    );
    let wrong = json!({"include": ["weather"]});
    let refused = scene
        .claude
        .call_error("paige_get_session_state", wrong)
        .await?;
    assert_eq!(refused["code"], "INVALID_ARGUMENT");
    Ok(())
}

/// spec: 6.8
#[tokio::test]
async fn a_file_that_claude_opens_is_shown() -> Result<()> {
    let mut scene = Scene::new().await?;
    let asked = json!({"path": "src/auth.ts"});
    let opened = scene.claude.call("paige_open_file", asked).await?;
    assert_eq!(opened, json!({"success": true, "path": "src/auth.ts"}));
    let push = scene.window.expect_push("editor:open_file").await?["payload"].take();
    assert_eq!(
        (
            &push["path"],
            &push["content"],
            &push["language"],
            &push["lineCount"]
        ),
        (
            &json!("src/auth.ts"),
            &json!("one\ntwo\nthree\n"),
            &json!("typescript"),
            &json!(4)
        )
    );
    let linked = scene.called("paige_open_file", 1).await?;
    assert_eq!(linked, [json!({"action_type": "file_open"})]);
    let outside = json!({"path": "../secret"});
    let refused = scene.claude.call_error("paige_open_file", outside).await?;
    assert_eq!(refused["code"], "PATH_REFUSED");
    Ok(())
}

/// spec: 6.9, 6.10
#[tokio::test]
async fn highlights_add_up_and_are_cleared_by_file_or_all() -> Result<()> {
    let mut scene = Scene::new().await?;
    let mut shown = Vec::new();
    for (path, line) in [("src/auth.ts", 1), ("src/auth.ts", 3), ("src/clean.ts", 1)] {
        let range = json!({"start": line, "end": line, "style": "info"});
        let asked = json!({"path": path, "ranges": [range]});
        let done = scene.claude.call("paige_highlight_lines", asked).await?;
        assert_eq!(done, json!({"success": true}));
        let push = scene.window.expect_push("editor:highlight_lines").await?;
        shown.push(push["payload"]["ranges"][0]["start"].clone());
    }
    assert_eq!(shown, [1, 3, 1]);
    let linked = scene.called("paige_highlight_lines", 3).await?;
    assert_eq!(
        linked,
        vec![json!({"action_type": "decorations_applied"}); 3]
    );
    let marked =
        |paths: &[&str]| -> Vec<Value> { paths.iter().map(|path| json!({"path": path})).collect() };
    let marks = "SELECT path FROM marks ORDER BY id";
    let all = marked(&["src/auth.ts", "src/auth.ts", "src/clean.ts"]);
    scene.record()?.expect_rows(marks, &all).await?;

    let one = json!({"path": "src/auth.ts"});
    scene
        .claude
        .call("paige_clear_highlights", one.clone())
        .await?;
    let push = scene.window.expect_push("editor:clear_highlights").await?;
    assert_eq!(push["payload"], one);
    scene
        .record()?
        .expect_rows(marks, &marked(&["src/clean.ts"]))
        .await?;
    scene
        .claude
        .call("paige_clear_highlights", json!({}))
        .await?;
    let push = scene.window.expect_push("editor:clear_highlights").await?;
    assert_eq!(push["payload"], json!({}));
    scene.record()?.expect_rows(marks, &[]).await?;
    Ok(())
}

/// spec: 6.11, 6.12
#[tokio::test]
async fn files_are_marked_and_unmarked() -> Result<()> {
    let mut scene = Scene::new().await?;
    let hint = json!({"paths": ["src/auth.ts", "src/handlers/oauth.ts"], "style": "suggested"});
    scene.claude.call("paige_hint_files", hint.clone()).await?;
    let push = scene.window.expect_push("explorer:hint_files").await?;
    assert_eq!(push["payload"], hint);
    let entry = json!({"session": scene.session, "data": hint});
    let linked = scene.called("paige_hint_files", 1).await?;
    assert_eq!(linked, [json!({"action_type": "file_hints_applied"})]);
    scene
        .record()?
        .expect_actions("file_hints_applied", &[entry])
        .await?;
    scene.claude.call("paige_clear_hints", json!({})).await?;
    let push = scene.window.expect_push("explorer:clear_hints").await?;
    assert_eq!(push["payload"], json!({}));
    Ok(())
}

/// spec: 6.13, 6.14
#[tokio::test]
async fn a_phase_becomes_active_and_complete() -> Result<()> {
    let mut scene = Scene::with_plan(true).await?;
    let step = |phase: u32, status: &str| json!({"phase": phase, "status": status});
    let early = step(1, "complete");
    let refused = scene.claude.call_error("paige_update_phase", early).await?;
    assert_eq!(refused["code"], "INVALID_TRANSITION");

    let begun = scene
        .claude
        .call("paige_update_phase", step(1, "active"))
        .await?;
    let id = begun["phase"]["id"].clone();
    let phase = json!({"id": id, "number": 1, "title": "Phase 1", "status": "active"});
    assert_eq!(begun, json!({"success": true, "phase": phase}));
    let push = scene.window.expect_push("coaching:phase_update").await?["payload"].take();
    assert_eq!(
        (&push["phase"]["id"], &push["phase"]["status"]),
        (&id, &json!("active"))
    );
    assert!(is_time(
        push["phase"]["startedAt"].as_str().unwrap_or_default()
    ));
    // Its hints come with it: at `medium`, the level of a newcomer, files and lines.
    let lines = scene.window.expect_push("editor:highlight_lines").await?;
    assert_eq!(lines["payload"]["path"], "src/auth.ts");
    assert_eq!(lines["payload"]["ranges"][0]["start"], 2);
    let files = scene.window.expect_push("explorer:hint_files").await?;
    assert_eq!(
        files["payload"],
        json!({"paths": ["src/auth.ts"], "style": "warning"})
    );
    let row = "SELECT status, started_at IS NOT NULL AS started, completed_at IS NOT NULL AS completed \
               FROM phases WHERE number = 1";
    let expected = json!({"status": "active", "started": 1, "completed": 0});
    assert_eq!(scene.record()?.row(row, [])?, expected);
    let entry = json!({"phaseId": id, "phaseNumber": 1, "title": "Phase 1"});
    let entry = json!({"session": scene.session, "data": entry});
    scene
        .record()?
        .expect_actions("phase_started", std::slice::from_ref(&entry))
        .await?;

    let second = step(2, "active");
    let refused = scene
        .claude
        .call_error("paige_update_phase", second)
        .await?;
    assert_eq!(refused["code"], "INVALID_TRANSITION");
    // A review of the active phase, and the level that the human wants, are recorded with it.
    let review = json!({"passed": false, "feedback": "The race is still there.", "issues": [{"topic": "races"}]});
    scene.claude.call("paige_record_review", review).await?;
    let level = json!({"to": "low"});
    let answer = scene.window.request("hints:level_change", level).await?;
    assert_eq!(answer, json!({"level": "low", "source": "user"}));
    scene.window.expect_push("editor:clear_highlights").await?;

    let done = scene
        .claude
        .call("paige_update_phase", step(1, "complete"))
        .await?;
    assert_eq!(done["phase"]["status"], "complete");
    let push = scene.window.expect_push("coaching:phase_update").await?["payload"].take();
    assert!(is_time(
        push["phase"]["completedAt"].as_str().unwrap_or_default()
    ));
    scene.window.expect_push("explorer:clear_hints").await?;
    let expected = json!({"status": "complete", "started": 1, "completed": 1});
    assert_eq!(scene.record()?.row(row, [])?, expected);
    scene
        .record()?
        .expect_actions("phase_completed", &[entry])
        .await?;
    let back = step(1, "active");
    let refused = scene.claude.call_error("paige_update_phase", back).await?;
    assert_eq!(refused["code"], "INVALID_TRANSITION");

    let linked = scene.record()?.rows(
        "SELECT action_type FROM action_log WHERE call_id = \
         (SELECT call_id FROM action_log WHERE action_type = 'phase_started') ORDER BY id",
        [],
    )?;
    let kinds: Vec<_> = linked
        .iter()
        .filter_map(|row| row["action_type"].as_str())
        .collect();
    assert_eq!(
        kinds,
        ["phase_started", "hint_used", "hint_used", "mcp_tool_call"]
    );
    let events = scene
        .record()?
        .rows("SELECT event_type FROM progress_events ORDER BY id", [])?;
    let events: Vec<_> = events
        .iter()
        .filter_map(|row| row["event_type"].as_str())
        .collect();
    assert_eq!(
        events,
        [
            "hint_used",
            "hint_used",
            "review_requested",
            "review_failed"
        ]
    );
    Ok(())
}

/// spec: 6.15
#[tokio::test]
async fn a_message_is_shown() -> Result<()> {
    let mut scene = Scene::new().await?;
    let said = json!({"message": "Nice work!", "type": "success"});
    scene.claude.call("paige_show_message", said).await?;
    let push = scene.window.expect_push("coaching:message").await?["payload"].take();
    assert_eq!(
        (&push["message"], &push["type"]),
        (&json!("Nice work!"), &json!("success"))
    );
    let linked = scene.called("paige_show_message", 1).await?;
    assert_eq!(linked, [json!({"action_type": "coaching_message"})]);

    // What a call says is kept short on the timeline, and without what looks like a secret.
    let said = json!({"message": "Set API_TOKEN=abcdefghijklmnop first.", "type": "info"});
    scene.claude.call("paige_show_message", said).await?;
    scene.called("paige_show_message", 2).await?;
    let args = scene.record()?.rows(
        "SELECT json_extract(data, '$.args') AS args FROM action_log WHERE action_type = 'mcp_tool_call'",
        [],
    )?;
    let args = json!(args).to_string();
    assert!(
        args.contains("[secret]") && !args.contains("abcdefghijklmnop"),
        "{args}"
    );
    Ok(())
}

/// spec: 6.16
#[tokio::test]
async fn the_issue_is_shown() -> Result<()> {
    let mut scene = Scene::new().await?;
    let issue = json!({"title": "Fix OAuth race condition", "summary": "Two refreshes at once"});
    scene
        .claude
        .call("paige_show_issue_context", issue.clone())
        .await?;
    let push = scene.window.expect_push("coaching:issue_context").await?;
    assert_eq!(push["payload"], issue);
    scene.called("paige_show_issue_context", 1).await?;
    let row = scene.record()?.row(
        "SELECT issue_title FROM sessions WHERE id = ?1",
        [scene.session],
    )?;
    assert_eq!(row["issue_title"], "Fix OAuth race condition");
    scene.sidecar.stop()?;
    Ok(())
}
