//! `sessions` and `export`: what a person keeps of a session, beside a running sidecar and without one.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use paige_store::StoreError;
use paige_store::coach::{HintLevel, Style, api_calls, hints, phases, plans};
use paige_tests::mcp::Era;
use paige_tests::sidecar::binary;
use paige_tests::{Browser, Claude, Project, Record, Sidecar, Socket};
use serde_json::{Value, json};

/// A message that would break a page, a table and a terminal.
const HOSTILE: &str = "</script><script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\"> | `x` \u{1b}[2J \u{2028}";

fn run(project: &Project, args: &[&str]) -> Result<Output> {
    Ok(Command::new(binary())
        .env_clear()
        .env("DATA_DIR", &project.data)
        .args(args)
        .output()?)
}

/// What a command that must succeed prints.
fn told(project: &Project, args: &[&str]) -> Result<String> {
    let output = run(project, args)?;
    let trouble = String::from_utf8(output.stderr)?;
    ensure!(output.status.success(), "{args:?}: {trouble}");
    Ok(String::from_utf8(output.stdout)?)
}

/// The code and the message of one that must fail.
fn refused(project: &Project, args: &[&str]) -> Result<(Option<i32>, String)> {
    let output = run(project, args)?;
    ensure!(!output.status.success(), "{args:?} succeeded");
    ensure!(output.stdout.is_empty(), "{args:?} printed something");
    Ok((output.status.code(), String::from_utf8(output.stderr)?))
}

/// What no door makes yet: a plan of two phases, the first with a hint, and calls to a model.
fn plan_and_calls(project: &Project) -> Result<()> {
    let store = project.store(paige_store::Config::default())?;
    store.commit_blocking(|unit| {
        let plan = plans::create(
            unit,
            &plans::NewPlan {
                session_id: 1,
                title: "Keep the cart".to_owned(),
                description: HOSTILE.to_owned(),
                total_phases: 2,
                raw_plan_text: None,
            },
        )?;
        for (number, title) in [(1, "Understand"), (2, "Change")] {
            let phase = phases::create(
                unit,
                &phases::NewPhase {
                    plan_id: plan.id,
                    number,
                    title: title.to_owned(),
                    description: title.to_owned(),
                    hint_level: HintLevel::Medium,
                    expected_files: vec!["a.rs".to_owned()],
                },
            )?;
            hints::create(
                unit,
                &hints::NewHint {
                    phase_id: phase.id,
                    path: "a.rs".to_owned(),
                    lines: None,
                    style: Style::Suggested,
                    hover_text: None,
                    required_level: HintLevel::Low,
                    rung: 1,
                },
            )?;
        }
        for (call_type, cost_estimate) in [("explain", Some(0.25)), ("explain", Some(0.5))] {
            api_calls::insert(
                unit,
                &api_calls::NewCall {
                    scope: Some(1),
                    call_type: call_type.to_owned(),
                    model: "large".to_owned(),
                    input_hash: None,
                    latency_ms: 100,
                    input_tokens: 10,
                    output_tokens: 5,
                    cache_write_tokens: 0,
                    cache_read_tokens: 0,
                    cost_estimate,
                },
            )?;
        }
        Ok::<_, StoreError>(())
    })?;
    store.close();
    Ok(())
}

/// A session in which a person and Claude worked; it is not over yet.
async fn worked(project: &Project) -> Result<(Sidecar, Socket, Claude)> {
    let sidecar = Sidecar::start(project)?;
    let claude = Claude::connect(&sidecar, Era::Stateless).await?;
    let start = json!({"project_dir": project.root, "issue_number": 42, "issue_title": HOSTILE});
    claude.call("paige_start_session", start).await?;
    claude.close().await?;
    sidecar.stop()?;
    plan_and_calls(project)?;

    let sidecar = Sidecar::start(project)?;
    let claude = Claude::connect(&sidecar, Era::Stateless).await?;
    let (mut human, _) = Socket::hello(&sidecar).await?;
    for status in ["active", "complete"] {
        let phase = json!({"phase": 1, "status": status});
        claude.call("paige_update_phase", phase).await?;
    }
    let phase = json!({"phase": 2, "status": "active"});
    claude.call("paige_update_phase", phase).await?;
    human.request("file:open", json!({"path": "a.rs"})).await?;
    let cursor = json!({"line": 1, "column": 1});
    let edit =
        json!({"path": "a.rs", "content": "fn main() { }\n".repeat(99), "cursorPosition": cursor});
    human.send("buffer:update", edit).await?;
    let save = json!({"path": "a.rs", "content": "fn main() {}\n"});
    human.request("file:save", save).await?;
    let message = json!({"message": HOSTILE, "type": "hint"});
    claude.call("paige_show_message", message).await?;
    Ok((sidecar, human, claude))
}

/// The types of the session's entries in the database, in their order.
fn recorded(project: &Project) -> Result<Vec<Value>> {
    let rows = Record::of(project)?.rows(
        "SELECT action_type FROM action_log WHERE session_id = 1 ORDER BY id",
        [],
    )?;
    Ok(rows.iter().map(|row| row["action_type"].clone()).collect())
}

fn project() -> Result<Project> {
    Project::with(&[("a.rs", "fn main() {\n}\n")])
}

#[tokio::test]
async fn a_session_is_listed_and_told_beside_a_sidecar_and_after_it() -> Result<()> {
    let project = project()?;
    let (sidecar, human, claude) = worked(&project).await?;

    let list: Value = serde_json::from_str(&told(&project, &["sessions", "--json"])?)?;
    assert_eq!(list[0]["status"], "active");
    let report: Value =
        serde_json::from_str(&told(&project, &["export", "last", "--format", "json"])?)?;
    assert_eq!(report["session"]["status"], "active");
    assert_eq!(report["session"]["endedAt"], Value::Null);

    claude.call("paige_end_session", json!({})).await?;
    claude.close().await?;
    drop(human);
    let beside = told(&project, &["export", "1", "--format", "markdown"])?;
    ensure!(sidecar.stop()?.success());
    let kinds = recorded(&project)?;

    // The list.
    let list: Value = serde_json::from_str(&told(&project, &["sessions", "--json"])?)?;
    let line = &list[0];
    assert_eq!(list.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&line["id"], &line["status"]),
        (&json!(1), &json!("completed"))
    );
    assert_eq!(line["issueNumber"], 42);
    assert_eq!(line["entries"], kinds.len());
    assert!(line["durationMs"].as_u64().is_some_and(|millis| millis > 0));
    let text = told(&project, &["sessions"])?;
    assert!(text.starts_with("ID  STATUS"), "{text}");
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(!text.contains('\u{1b}'), "it steers no terminal");

    // The data.
    let report: Value =
        serde_json::from_str(&told(&project, &["export", "last", "--format", "json"])?)?;
    assert_eq!(report["format"], "paige.session");
    assert_eq!(report["version"], 1);
    assert_eq!(report["session"]["startedBy"], "mcp");
    let events = report["events"].as_array().context("events")?;
    let told_kinds: Vec<Value> = events.iter().map(|event| event["kind"].clone()).collect();
    assert_eq!(told_kinds, kinds);
    for kind in [
        "session_started",
        "phase_started",
        "phase_completed",
        "hint_used",
        "file_open",
        "file_save",
        "mcp_tool_call",
        "coaching_message",
        "session_ended",
    ] {
        assert!(kinds.contains(&json!(kind)), "{kind} in {kinds:?}");
    }
    assert!(events.iter().all(|event| event["lane"] != "other"));
    let phases = &report["plans"][0]["phases"];
    assert_eq!(phases[0]["status"], "complete");
    assert_eq!(phases[0]["hintsUsed"], 1);
    assert_eq!(phases[1]["status"], "active");
    assert!(phases[1]["durationMs"].is_u64(), "{phases}");
    assert_eq!(report["costs"]["calls"][0]["calls"], 2);
    assert_eq!(report["costs"]["total"]["costUsd"], 0.75);

    // The text.
    let text = told(&project, &["export", "1", "--format", "markdown"])?;
    for part in [
        "# Session 1: ",
        "| 1 | Understand | complete |",
        "| 2 | Change | not finished |",
        "| `explain` | `large` | 2 | 0 | 20 | 10 |",
        "`session_ended`",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains(['\u{1b}', '\u{2028}']) && !text.contains("<script"));
    assert!(beside.contains("`session_ended`"), "{beside}");
    Ok(())
}

#[tokio::test]
async fn a_file_is_made_for_its_owner_and_replaced_only_when_asked() -> Result<()> {
    let project = project()?;
    let (sidecar, _human, _claude) = worked(&project).await?;
    let file = project.outside().join("session.html");
    let name = file.to_str().context("a path in UTF-8")?;
    let export = ["export", "1", "--format", "html", "--output", name];
    assert_eq!(told(&project, &export)?, "");
    let mode = std::fs::metadata(&file)?.permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::write(&file, "mine")?;
    let (code, message) = refused(&project, &export)?;
    assert_eq!(code, Some(9));
    assert!(message.contains("is there already"), "{message}");
    assert_eq!(std::fs::read_to_string(&file)?, "mine");
    told(&project, &[&export[..], &["--force"]].concat())?;
    assert!(std::fs::read_to_string(&file)?.starts_with("<!doctype html>"));

    let nowhere = ["export", "1", "--format", "json", "-o", "/nowhere/x.json"];
    assert_eq!(refused(&project, &nowhere)?.0, Some(9));
    let (code, message) = refused(&project, &["export", "7", "--format", "json"])?;
    assert_eq!(code, Some(9));
    assert!(
        message.contains("There is no session 7") && message.contains("`paige-sidecar sessions`"),
        "{message}"
    );
    assert_eq!(
        refused(&project, &["export", "x", "--format", "json"])?.0,
        Some(2)
    );
    ensure!(sidecar.stop()?.success());
    Ok(())
}

#[test]
fn without_a_database_there_is_no_session_and_none_is_made() -> Result<()> {
    let project = Project::empty()?;
    let text = told(&project, &["sessions"])?;
    assert!(text.starts_with("There is no session in "), "{text}");
    assert_eq!(told(&project, &["sessions", "--json"])?, "[]\n");
    let (code, message) = refused(&project, &["export", "last", "--format", "html"])?;
    assert_eq!(code, Some(9));
    assert!(message.contains("There is no session in "), "{message}");
    assert!(!project.data.exists(), "looking makes nothing");

    std::fs::create_dir_all(&project.data)?;
    std::fs::write(
        project.database(),
        "no database, but long enough for one. ".repeat(99),
    )?;
    for args in [&["sessions"][..], &["export", "1", "--format", "json"]] {
        assert_eq!(refused(&project, args)?.0, Some(5), "{args:?}");
    }
    Ok(())
}

/// The page with a script of the test, which the page's policy lets run.
fn with_script(page: &Path, script: &str) -> Result<()> {
    let text = std::fs::read_to_string(page)?;
    let (_, rest) = text.split_once("script-src 'nonce-").context("a policy")?;
    let (nonce, _) = rest.split_once('\'').context("a nonce")?;
    let script = format!("<script nonce=\"{nonce}\">{script}</script></body>");
    Ok(std::fs::write(page, text.replace("</body>", &script))?)
}

#[tokio::test]
async fn the_page_shows_every_event_in_a_browser() -> Result<()> {
    let Some(browser) = Browser::find()? else {
        return Ok(());
    };
    let project = project()?;
    let (sidecar, _human, claude) = worked(&project).await?;
    claude.call("paige_end_session", json!({})).await?;
    ensure!(sidecar.stop()?.success());
    let count = recorded(&project)?.len();
    let page = project.outside().join("session.html");
    let name = page.to_str().context("a path in UTF-8")?;
    told(&project, &["export", "1", "--format", "html", "-o", name])?;

    for width in [1200, 400] {
        let opened = browser.open(&page, width, 900)?;
        assert_eq!(opened.console, Vec::<String>::new());
        assert!(opened.dom.contains(&format!("data-events=\"{count}\"")));
        assert_eq!(opened.dom.matches("<li class=\"event").count(), count);
        assert!(
            !opened.dom.contains("<title>broken"),
            "a script of others ran"
        );
        assert!(!opened.dom.contains("<img"), "a tag of others was made");
        assert!(std::fs::metadata(&opened.picture)?.len() > 10_000);
    }

    // To the end, one event opened, and played for half of the time by a clock of the test's own.
    with_script(
        &page,
        "const at = document.getElementById('scrub'); at.value = at.max; at.dispatchEvent(new Event('input'));
         const rows = [...document.querySelectorAll('.event')];
         document.body.dataset.last = rows.at(-1).getAttribute('aria-current') + ' ' + document.querySelectorAll('.later').length;
         rows.find((row) => row.dataset.kind === 'coaching_message').querySelector('button').click();
         document.body.dataset.shown = [...document.querySelectorAll('.details dd')].some((fact) => fact.textContent.includes('onerror'));
         at.value = 0; at.dispatchEvent(new Event('input'));
         const frames = [];
         window.requestAnimationFrame = (frame) => frames.push(frame);
         document.querySelector('.play').click();
         for (let time = 0; time < 20000 && frames.length > 0; time += 100) frames.shift()(time);
         document.body.dataset.played = 4000 < at.value && at.value < 6000;",
    )?;
    let opened = browser.open(&page, 1200, 900)?;
    assert_eq!(opened.console, Vec::<String>::new());
    assert!(
        opened.dom.contains("data-last=\"true 0\""),
        "the slider leads to the end"
    );
    assert!(
        opened.dom.contains("data-played=\"true\""),
        "half of the time leads to the middle"
    );
    assert!(
        opened.dom.contains("data-shown=\"true\""),
        "details are shown as text"
    );

    // That the browser tells of what goes wrong: a script of others, and a fault of ours.
    let text = std::fs::read_to_string(&page)?;
    std::fs::write(
        &page,
        text.replace("</body>", "<script>alert(1)</script></body>"),
    )?;
    let refused = browser.open(&page, 1200, 900)?.console;
    assert!(
        refused
            .iter()
            .any(|line| line.contains("Content Security Policy")),
        "{refused:?}"
    );
    with_script(&page, "none.at.all()")?;
    let faults = browser.open(&page, 1200, 900)?.console;
    assert!(
        faults.iter().any(|line| line.contains("Uncaught")),
        "{faults:?}"
    );
    Ok(())
}
