//! Story 2: SQLite state management. What no door writes in this version is written by the store's own
//! functions while no sidecar runs; what the binary makes of it is asked through its doors.

#[path = "story2/learning.rs"]
mod learning;

use anyhow::{Context as _, Result, ensure};
use paige_store::coach::{
    HintLevel, PhaseStatus, Severity, Stage, Style, dreyfus, hints, katas, phases, plans,
    progress::{self, Progress},
};
use paige_store::{StoreError, Unit, now};
use paige_tests::mcp::Era;
use paige_tests::record::is_time;
use paige_tests::{Claude, Project, Record, Sidecar, Socket};
use serde_json::{Value, json};

use self::learning::{gap, kata};

/// Every table of the specification, and those that are ours.
const TABLES: [&str; 25] = [
    "action_log",
    "api_call_log",
    "buffer_backups",
    "dreyfus_assessments",
    "gap_sightings",
    "hint_level_spans",
    "issue_labels",
    "kata_specs",
    "knowledge_gaps",
    "learning_materials",
    "marks",
    "mcp_sessions",
    "open_files",
    "outbox",
    "phase_hints",
    "phases",
    "plans",
    "previous_texts",
    "progress_events",
    "session_claude_ids",
    "session_wrap_up_errors",
    "sessions",
    "streams",
    "texts",
    "wrap_up_jobs",
];

/// Starts session 1 through the door, writes rows beside it, and runs the binary on them.
async fn with_rows<T: Send + 'static>(
    write: impl FnOnce(&mut Unit<'_>) -> Result<T, StoreError> + Send + 'static,
) -> Result<(Project, Sidecar, Claude, T)> {
    let project = Project::with(&[("a.rs", "fn a() {}\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut human, _) = Socket::hello(&sidecar).await?;
    human
        .request("session:start", json!({"issueNumber": 1}))
        .await?;
    sidecar.stop()?;
    let written = add(&project, write)?;
    let sidecar = Sidecar::start(&project)?;
    let claude = Claude::connect(&sidecar, Era::Stateless).await?;
    Ok((project, sidecar, claude, written))
}

/// Writes rows while no sidecar runs.
fn add<T: Send + 'static>(
    project: &Project,
    write: impl FnOnce(&mut Unit<'_>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T> {
    let store = project.store(paige_store::Config::default())?;
    let written = store.commit_blocking(write);
    store.close();
    Ok(written?)
}

/// Some items of the session's state.
async fn state(claude: &Claude, items: &[&str]) -> Result<Value> {
    claude
        .call("paige_get_session_state", json!({"include": items}))
        .await
}

/// All rows of all tables.
fn dump(project: &Project) -> Result<Vec<(String, Vec<Value>)>> {
    let record = Record::of(project)?;
    let mut dump = Vec::new();
    for table in record.rows(
        "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
        [],
    )? {
        let name = table["name"].as_str().context("a name")?.to_owned();
        let rows = record.rows(&format!("SELECT * FROM {name}"), [])?;
        dump.push((name, rows));
    }
    Ok(dump)
}

fn plan_with_phases(unit: &mut Unit<'_>, title: &str) -> Result<(u32, Vec<u32>), StoreError> {
    let plan = plans::create(
        unit,
        &plans::NewPlan {
            session_id: 1,
            title: title.to_owned(),
            description: format!("{title}, described"),
            total_phases: 2,
            raw_plan_text: Some("# Plan".to_owned()),
        },
    )?;
    let mut made = Vec::new();
    for (number, name) in [(1, "Understand"), (2, "Change")] {
        let phase = phases::create(
            unit,
            &phases::NewPhase {
                plan_id: plan.id,
                number,
                title: name.to_owned(),
                description: format!("{name} it"),
                hint_level: HintLevel::Low,
                expected_files: vec!["a.rs".to_owned()],
            },
        )?;
        made.push(phase.id);
    }
    Ok((plan.id, made))
}

/// spec: 2.1
#[tokio::test]
async fn a_new_database_has_every_table() -> Result<()> {
    let project = Project::empty()?;
    ensure!(!project.database().exists());
    let _sidecar = Sidecar::start(&project)?;
    let record = Record::of(&project)?;
    let tables = record.rows(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
        [],
    )?;
    let names: Vec<&str> = tables
        .iter()
        .filter_map(|row| row["name"].as_str())
        .collect();
    for table in TABLES {
        assert!(names.contains(&table), "{table} is not in {names:?}");
    }
    let modes = record.row("SELECT journal_mode FROM pragma_journal_mode", [])?;
    assert_eq!(modes, json!({"journal_mode": "wal"}));
    // None of them holds anything that nobody has done.
    for (table, rows) in dump(&project)? {
        let expected = usize::from(table == "streams");
        assert_eq!(rows.len(), expected, "{table}: {rows:?}");
    }
    Ok(())
}

/// spec: 2.2
#[tokio::test]
async fn an_existing_database_is_opened_and_keeps_its_data() -> Result<()> {
    let (project, sidecar, claude, _) = with_rows(|unit| {
        let (_, phases) = plan_with_phases(unit, "Plan")?;
        phases::set_status(unit, phases[0], PhaseStatus::Active)?;
        dreyfus::upsert(unit, "Rust", Stage::Competent, 0.5, "e")?;
        let gap = gap(unit, 1, "Borrowing", Severity::Low)?;
        katas::create(unit, &kata(gap))
    })
    .await?;
    let (mut human, _) = Socket::hello(&sidecar).await?;
    human.request("file:open", json!({"path": "a.rs"})).await?;
    human
        .request(
            "file:save",
            json!({"path": "a.rs", "content": "fn b() {}\n"}),
        )
        .await?;
    let edit = json!({"path": "a.rs", "content": "fn c() {}\n", "cursorPosition": {"line": 1, "column": 1}});
    human.send("buffer:update", edit).await?;
    let range = json!({"start": 1, "end": 1, "style": "hint"});
    claude
        .call(
            "paige_highlight_lines",
            json!({"path": "a.rs", "ranges": [range]}),
        )
        .await?;
    claude.close().await?;
    sidecar.stop()?;

    let before = dump(&project)?;
    let filled = before.iter().filter(|(_, rows)| !rows.is_empty()).count();
    ensure!(filled >= 14, "{filled} tables have rows");
    // A clean start, and one after a kill.
    for _ in 0..2 {
        let sidecar = Sidecar::start(&project)?;
        let (_human, init) = Socket::hello(&sidecar).await?;
        assert_eq!(init["sessionId"], 1);
        assert_eq!(dump(&project)?, before);
        sidecar.kill()?;
    }
    let check = Record::of(&project)?.row("PRAGMA integrity_check", [])?;
    assert_eq!(check, json!({"integrity_check": "ok"}));
    Ok(())
}

/// spec: 2.3
#[tokio::test]
async fn a_session_is_stored_as_active_and_read_back_by_its_id() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let (mut human, _) = Socket::hello(&sidecar).await?;
    let claude = Claude::connect(&sidecar, Era::Stateless).await?;
    let root = project.root.to_string_lossy().into_owned();
    let before = now();
    let started = claude
        .call(
            "paige_start_session",
            json!({"project_dir": root, "issue_number": 42, "issue_title": "Fix the \"race\""}),
        )
        .await?;
    let after = now();
    let session = json!({
        "id": 1,
        "projectDir": root,
        "issueNumber": 42,
        "issueTitle": "Fix the \"race\"",
        "status": "active",
        "startedAt": started["session"]["startedAt"],
        "endedAt": null,
    });
    assert_eq!(started, json!({"success": true, "session": session}));
    let at = started["session"]["startedAt"].as_str().context("a time")?;
    assert!(
        is_time(at) && *before <= *at && *at <= *after,
        "{before} {at} {after}"
    );

    let by_id = human
        .request("session:summary", json!({"sessionId": 1}))
        .await?;
    assert_eq!(by_id["session"], session);
    let active = claude.call("paige_get_active_session", json!({})).await?;
    assert_eq!(active, json!({"session": session}));
    assert_eq!(
        state(&claude, &["session"]).await?,
        json!({"session": session})
    );
    let row = Record::of(&project)?.row(
        "SELECT id, project_dir, issue_number, issue_title, status, started_by, started_at, ended_at FROM sessions",
        [],
    )?;
    assert_eq!(
        row,
        json!({
            "id": 1, "project_dir": root, "issue_number": 42, "issue_title": "Fix the \"race\"",
            "status": "active", "started_by": "mcp", "started_at": at, "ended_at": null,
        })
    );
    let unknown = human
        .ask("session:summary", json!({"sessionId": 2}))
        .await?;
    assert_eq!(unknown["payload"]["code"], "UNKNOWN_ID");

    // At most one is active, whoever asks.
    let second = human.ask("session:start", json!({})).await?;
    assert_eq!(
        second["payload"]["code"], "ACTIVE_SESSION_EXISTS",
        "{second}"
    );
    assert_eq!(second["payload"]["context"]["sessionId"], 1);
    let ended = human.request("session:end", json!({})).await?;
    assert_eq!(
        (&ended["sessionId"], &ended["status"]),
        (&json!(1), &json!("completed"))
    );
    let row = Record::of(&project)?.row("SELECT status, ended_at FROM sessions", [])?;
    assert_eq!(row["status"], "completed");
    assert!(
        is_time(row["ended_at"].as_str().unwrap_or_default()),
        "{row}"
    );
    claude.close().await
}

/// spec: 2.4
#[tokio::test]
async fn a_plan_and_its_phases_are_linked_and_the_newest_plan_is_active() -> Result<()> {
    let (project, sidecar, claude, made) = with_rows(|unit| {
        let first = plan_with_phases(unit, "First")?;
        let second = plan_with_phases(unit, "Second")?;
        phases::set_status(unit, second.1[0], PhaseStatus::Active)?;
        Ok((first, second))
    })
    .await?;
    let ((first, first_phases), (second, second_phases)) = made;
    let record = Record::of(&project)?;
    let plans = record.rows(
        "SELECT id, session_id, title, is_active FROM plans ORDER BY id",
        [],
    )?;
    assert_eq!(
        plans,
        [
            json!({"id": first, "session_id": 1, "title": "First", "is_active": 0}),
            json!({"id": second, "session_id": 1, "title": "Second", "is_active": 1}),
        ]
    );
    let default = "SELECT dflt_value FROM pragma_table_info('plans') WHERE name = 'is_active'";
    assert_eq!(record.row(default, [])?["dflt_value"], "1");
    let links = record.rows("SELECT id, plan_id FROM phases ORDER BY id", [])?;
    let expected: Vec<Value> = first_phases
        .iter()
        .map(|id| json!({"id": id, "plan_id": first}))
        .chain(
            second_phases
                .iter()
                .map(|id| json!({"id": id, "plan_id": second})),
        )
        .collect();
    assert_eq!(links, expected);

    // With its plan, and alone.
    let brief = |at: usize, title: &str, status: &str| json!({"id": second_phases[at], "number": at + 1, "title": title, "status": status});
    let plan = state(&claude, &["plan"]).await?;
    assert_eq!(
        plan,
        json!({"plan": {
            "id": second, "title": "Second", "description": "Second, described",
            "phases": [brief(0, "Understand", "active"), brief(1, "Change", "pending")],
        }})
    );
    let phase = state(&claude, &["phase"]).await?;
    let whole = |at: usize, title: &str, status: &str, started: &Value| {
        json!({
            "id": second_phases[at], "number": at + 1, "title": title,
            "description": format!("{title} it"), "hintLevel": "low", "status": status,
            "expectedFiles": ["a.rs"], "startedAt": started, "completedAt": null,
        })
    };
    let begun = &phase["phase"]["startedAt"];
    assert!(is_time(begun.as_str().unwrap_or_default()), "{phase}");
    assert_eq!(
        phase,
        json!({"phase": whole(0, "Understand", "active", begun)})
    );
    let mut human = Socket::connect(&sidecar).await?;
    human.say_hello(None).await?;
    let restore = human
        .expect_where("the session", |frame| frame["type"] == "session:restore")
        .await?;
    assert_eq!(
        restore["payload"]["phases"],
        json!([
            whole(0, "Understand", "active", begun),
            whole(1, "Change", "pending", &Value::Null)
        ])
    );
    assert_eq!(restore["payload"]["plan"]["id"], second);
    claude.close().await?;
    sidecar.stop()?;

    // No phase hangs in the air.
    let orphan = add(&project, |unit| {
        let new = phases::NewPhase {
            plan_id: 999,
            number: 1,
            title: String::new(),
            description: String::new(),
            hint_level: HintLevel::Off,
            expected_files: Vec::new(),
        };
        phases::create(unit, &new)
    });
    let error = orphan.err().context("a phase of no plan was stored")?;
    assert!(
        matches!(error.downcast_ref(), Some(StoreError::Constraint { .. })),
        "{error:?}"
    );
    assert_eq!(
        record.rows("PRAGMA foreign_key_check", [])?,
        Vec::<Value>::new()
    );
    Ok(())
}

/// spec: 2.5
#[tokio::test]
async fn hints_of_a_phase_are_stored_whole_and_told_apart_by_type() -> Result<()> {
    let new = |phase_id: u32, path: &str, lines: Option<(u32, u32)>| hints::NewHint {
        phase_id,
        path: path.to_owned(),
        lines,
        style: if lines.is_some() {
            Style::Hint
        } else {
            Style::Required
        },
        hover_text: lines.map(|_| "Look at the \u{1F980}".to_owned()),
        required_level: if lines.is_some() {
            HintLevel::Medium
        } else {
            HintLevel::Low
        },
        rung: 2,
    };
    let (project, _sidecar, claude, phases) = with_rows(move |unit| {
        let (_, phases) = plan_with_phases(unit, "Plan")?;
        phases::set_status(unit, phases[0], PhaseStatus::Active)?;
        hints::create(unit, &new(phases[0], "a.rs", Some((3, 7))))?;
        hints::create(unit, &new(phases[0], "a.rs", None))?;
        hints::create(unit, &new(phases[0], "b.rs", Some((1, 1))))?;
        hints::create(unit, &new(phases[1], "later.rs", None))?;
        Ok(phases)
    })
    .await?;
    let line = |id: u32, path: &str, start: u32, end: u32| {
        json!({
            "id": id, "path": path, "lineStart": start, "lineEnd": end, "style": "hint",
            "hoverText": "Look at the \u{1F980}", "requiredLevel": "medium",
        })
    };
    // The active phase's, and of each type its own list.
    assert_eq!(
        state(&claude, &["hints"]).await?,
        json!({"hints": {
            "fileHints": [{"id": 2, "path": "a.rs", "style": "required", "requiredLevel": "low"}],
            "lineHints": [line(1, "a.rs", 3, 7), line(3, "b.rs", 1, 1)],
        }})
    );
    let record = Record::of(&project)?;
    let of_type = "SELECT id FROM phase_hints WHERE phase_id = ?1 AND type = ?2 ORDER BY id";
    let ids = |kind: &str| record.rows(of_type, (phases[0], kind));
    assert_eq!(ids("file")?, [json!({"id": 2})]);
    assert_eq!(ids("line")?, [json!({"id": 1}), json!({"id": 3})]);
    assert_eq!(
        record.row("SELECT * FROM phase_hints WHERE id = 1", [])?,
        json!({
            "id": 1, "phase_id": phases[0], "type": "line", "path": "a.rs", "line_start": 3, "line_end": 7,
            "style": "hint", "hover_text": "Look at the \u{1F980}", "required_level": "medium", "rung": 2,
        })
    );
    claude.close().await
}

/// spec: 2.10
#[tokio::test]
async fn progress_of_a_phase_comes_back_in_order() -> Result<()> {
    let (project, sidecar, claude, phase) = with_rows(|unit| {
        let (_, phases) = plan_with_phases(unit, "Plan")?;
        let phase = phases[0];
        phases::set_status(unit, phase, PhaseStatus::Active)?;
        let hint = hints::NewHint {
            phase_id: phase,
            path: "a.rs".to_owned(),
            lines: Some((1, 1)),
            style: Style::Hint,
            hover_text: Some("Why?".to_owned()),
            required_level: HintLevel::Medium,
            rung: 2,
        };
        hints::create(unit, &hint)?;
        progress::record(
            unit,
            phase,
            Progress::HintEscalated {
                from_level: HintLevel::Low,
                to_level: HintLevel::Medium,
                phase_id: phase,
            },
        )?;
        progress::record(
            unit,
            phase,
            Progress::ReviewRequested {
                context: "all of it".to_owned(),
                phase_id: phase,
            },
        )?;
        progress::record(
            unit,
            phase,
            Progress::ReviewPassed {
                review_score: Some(8.5),
                feedback_summary: "fine".to_owned(),
            },
        )?;
        // Another phase's is another phase's.
        progress::record(
            unit,
            phases[1],
            Progress::ReviewFailed {
                feedback: "later".to_owned(),
                issues_count: 2,
            },
        )?;
        Ok(phase)
    })
    .await?;
    // One of the four comes through the door, once, however often it is said.
    let (mut human, _) = Socket::hello(&sidecar).await?;
    for _ in 0..2 {
        human.send("hints:viewed", json!({"hintId": 1})).await?;
    }
    human
        .expect_none(|frame| frame["type"] == "connection:error")
        .await?;

    let progress = state(&claude, &["progress"]).await?;
    let events = progress["progress"].as_array().context("progress")?;
    let expected = [
        (
            "hint_escalated",
            json!({"from_level": "low", "to_level": "medium", "phase_id": phase}),
        ),
        (
            "review_requested",
            json!({"context": "all of it", "phase_id": phase}),
        ),
        (
            "review_passed",
            json!({"review_score": 8.5, "feedback_summary": "fine"}),
        ),
        (
            "hint_used",
            json!({"hint_id": 1, "hint_level": "medium", "path": "a.rs", "rung": 3}),
        ),
    ];
    assert_eq!(events.len(), expected.len(), "{events:?}");
    for (event, (kind, data)) in events.iter().zip(&expected) {
        let at = event["createdAt"].as_str().unwrap_or_default();
        assert!(is_time(at), "{event}");
        assert_eq!(
            *event,
            json!({"eventType": kind, "data": data, "createdAt": at})
        );
    }
    let rows = Record::of(&project)?.rows(
        "SELECT event_type, data FROM progress_events WHERE phase_id = ?1 ORDER BY created_at, id",
        [phase],
    )?;
    for (row, (kind, data)) in rows.iter().zip(&expected) {
        assert_eq!(row["event_type"], *kind);
        let stored: Value = serde_json::from_str(row["data"].as_str().context("JSON")?)?;
        assert_eq!(stored, *data);
    }
    claude.close().await
}
