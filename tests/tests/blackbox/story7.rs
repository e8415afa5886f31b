//! Story 7 through the binary: what calls of models leave in the record, what they may cost, and what
//! becomes of the tool that made them. The client alone is tested in `tests/claude`.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use paige_tests::anthropic::{self, Fake};
use paige_tests::mcp::Era;
use paige_tests::record::is_time;
use paige_tests::{Claude, Project, Record, Sidecar, Socket};
use serde_json::{Value, json};

const ROWS: &str = "SELECT call_type, model, session_id, latency_ms, input_tokens, output_tokens,
     cost_estimate, length(input_hash) AS hash FROM api_call_log ORDER BY id";

fn files() -> Vec<(&'static str, &'static str)> {
    vec![
        ("basket.py", "class Basket:\n    pass\n"),
        ("discounts.py", "percent = 10\n"),
        ("test_basket.py", "import basket\n"),
    ]
}

fn plan() -> Value {
    json!({"plan_text": "Count together.", "issue_summary": "Mugs are too dear."})
}

async fn started(project: &Project, fake: &Fake, args: &[&str]) -> Result<(Sidecar, Claude)> {
    let sidecar = Sidecar::thinking(project, fake, args)?;
    let claude = Claude::connect(&sidecar, Era::Sessions).await?;
    let start = json!({"project_dir": project.root});
    claude.call("paige_start_session", start).await?;
    Ok((sidecar, claude))
}

/// spec: 7.1
/// spec: 7.2
/// spec: 7.3
#[tokio::test]
async fn a_call_that_succeeds_is_in_the_ledger_with_what_it_cost() -> Result<()> {
    let fake = Fake::start(&anthropic::demo_script()?).await?;
    let usage = "usage = { input_tokens = 1000, output_tokens = 2000, cache_read_tokens = 4000 }";
    let script = anthropic::demo_script()?.replace(
        "call = \"coach_agent\"\n",
        &format!("call = \"coach_agent\"\n{usage}\n"),
    );
    fake.first(&script)?;
    let project = Project::with(&files())?;
    let (sidecar, claude) = started(&project, &fake, &[]).await?;
    let made = claude.call("paige_run_coaching_pipeline", plan()).await?;
    assert_eq!(made["phases"].as_array().context("phases")?.len(), 4);
    fake.expect_all_valid()?;

    let record = Record::of(&project)?;
    let row = record.row(ROWS, [])?;
    ensure!(
        row["latency_ms"].as_i64().is_some_and(|ms| ms >= 0),
        "{row}"
    );
    // Opus 4.6: 5 dollars in, 25 out, half a dollar from the cache, for a million tokens.
    let cost = row["cost_estimate"].as_f64().context("a cost")?;
    assert!((cost - (0.005 + 0.05 + 0.002)).abs() < 1e-9, "{row}");
    assert_eq!(
        (
            &row["call_type"],
            &row["model"],
            &row["session_id"],
            &row["hash"]
        ),
        (
            &json!("coach_agent"),
            &json!("claude-opus-4-6"),
            &json!(1),
            &json!(16)
        )
    );
    let at = record.row("SELECT created_at FROM api_call_log", [])?;
    assert!(
        is_time(at["created_at"].as_str().unwrap_or_default()),
        "{at}"
    );

    // What a session costs can be asked for at any time.
    let (mut window, _) = Socket::hello(&sidecar).await?;
    let told = window
        .ask("session:summary", json!({"sessionId": 1}))
        .await?;
    let spent = &told["payload"]["summary"]["cost"];
    assert_eq!(
        (&spent["calls"], &spent["unpriced"]),
        (&json!(1), &json!(0))
    );
    assert!((spent["usd"].as_f64().context("dollars")? - cost).abs() < 1e-9);

    // Other prices change nothing of what was written down.
    sidecar.stop()?;
    std::fs::write(
        project.data.join("models.toml"),
        r#"
            [[model]]
            id = "claude-opus-4-6"
            tier = "opus"
            released = "2026-02-05"
            context_window = 200000
            max_output = 64000
            structured_output = true
            forced_tool_choice = false
            web_search = true
        "#,
    )?;
    let (_sidecar, _claude) = {
        let sidecar = Sidecar::thinking(&project, &fake, &[])?;
        let claude = Claude::connect(&sidecar, Era::Sessions).await?;
        claude.call("paige_run_coaching_pipeline", plan()).await?;
        (sidecar, claude)
    };
    let rows = record.rows(ROWS, [])?;
    assert_eq!(rows[0], row, "a stored cost is what it was");
    assert_eq!(
        rows[1]["cost_estimate"],
        Value::Null,
        "without a price it is unpriced"
    );
    Ok(())
}

/// spec: 7.2
#[tokio::test]
async fn the_mapping_names_the_model_that_is_asked() -> Result<()> {
    let fake = Fake::start(&anthropic::demo_script()?).await?;
    fake.with_any_model();
    let project = Project::with(&files())?;
    let mapping = r#"{"sonnet": "claude-sonnet-4-5-20250929"}"#;
    let args = ["--claude-model-mapping", mapping];
    let (_sidecar, claude) = started(&project, &fake, &args).await?;
    claude.call("paige_run_coaching_pipeline", plan()).await?;
    let row = Record::of(&project)?.row(ROWS, [])?;
    assert_eq!(row["model"], "claude-sonnet-4-5-20250929");
    // A tier that is not named keeps its model.
    let end = json!({"session_transcript": "user: I got it."});
    claude.call("paige_end_session", end).await?;
    let model = "SELECT model FROM api_call_log WHERE call_type = 'reflection_agent'";
    let row = Record::of(&project)?.row(model, [])?;
    assert_eq!(row["model"], "claude-haiku-4-5-20251001");
    Ok(())
}

/// spec: 7.4
/// spec: 7.7
#[tokio::test]
async fn what_may_pass_is_repeated_and_each_attempt_has_its_row() -> Result<()> {
    let fake = Fake::start(&anthropic::demo_script()?).await?;
    fake.first("[[entry]]\ncall = \"coach_agent\"\ntimes = 4\nfault = { status = 529 }")?;
    let project = Project::with(&files())?;
    let (_sidecar, claude) = started(&project, &fake, &[]).await?;
    let start = Instant::now();
    let error = claude
        .call_error("paige_run_coaching_pipeline", plan())
        .await?;
    assert_eq!(error["code"], "MODEL_FAILED");
    // After 1, 2 and 4 seconds, each a tenth shorter at most.
    ensure!(start.elapsed() >= Duration::from_millis(6300), "in a hurry");
    let failed = json!({
        "call_type": "coach_agent", "model": "claude-opus-4-6", "session_id": 1, "latency_ms": -1,
        "input_tokens": 0, "output_tokens": 0, "cost_estimate": 0.0, "hash": 16,
    });
    let rows = Record::of(&project)?.rows(ROWS, [])?;
    assert_eq!(rows, vec![failed; 4], "the first attempt and three more");
    Ok(())
}

/// spec: 7.4
#[tokio::test]
async fn what_has_passed_is_answered_after_all() -> Result<()> {
    let fake = Fake::start(&anthropic::demo_script()?).await?;
    for fault in ["drop = \"before\"", "status = 500"] {
        fake.first(&format!(
            "[[entry]]\ncall = \"coach_agent\"\ntimes = 1\nfault = {{ {fault} }}"
        ))?;
    }
    let project = Project::with(&files())?;
    let (_sidecar, claude) = started(&project, &fake, &[]).await?;
    let made = claude.call("paige_run_coaching_pipeline", plan()).await?;
    assert_eq!(made["phases"].as_array().context("phases")?.len(), 4);
    let rows = Record::of(&project)?.rows(ROWS, [])?;
    let failed: Vec<bool> = rows.iter().map(|row| row["latency_ms"] == -1).collect();
    assert_eq!(failed, [true, true, false], "{rows:#?}");
    Ok(())
}

/// spec: 7.5
/// spec: 7.6
#[tokio::test]
async fn a_refusal_and_an_answer_that_is_cut_short_are_told_as_such() -> Result<()> {
    let fake = Fake::start(&anthropic::demo_script()?).await?;
    let project = Project::with(&files())?;
    let (_sidecar, claude) = started(&project, &fake, &[]).await?;
    for (answer, told) in [
        (
            "stop_reason = \"refusal\"\ntext = \"I will not.\"",
            "I will not.",
        ),
        ("stop_reason = \"max_tokens\"\ntext = \"{\"", "too long"),
    ] {
        fake.first(&format!(
            "[[entry]]\ncall = \"coach_agent\"\ntimes = 1\n{answer}"
        ))?;
        let error = claude
            .call_error("paige_run_coaching_pipeline", plan())
            .await?;
        assert_eq!(error["code"], "MODEL_FAILED");
        let sentence = error["error"].as_str().unwrap_or_default();
        assert!(sentence.contains(told), "{told}: {sentence}");
    }
    // Neither was repeated, and both were paid for.
    let rows = Record::of(&project)?.rows(ROWS, [])?;
    assert_eq!(rows.len(), 2);
    assert!(
        rows.iter()
            .all(|row| row["cost_estimate"].as_f64() > Some(0.0)),
        "{rows:#?}"
    );
    Ok(())
}

/// Issue 4: what would go beyond a budget is refused before it is made, and a warning comes before that.
#[tokio::test]
async fn a_budget_warns_and_then_refuses_before_the_call_is_made() -> Result<()> {
    let usage = "usage = { input_tokens = 1000, output_tokens = 35000 }";
    let script = anthropic::demo_script()?.replace(
        "call = \"coach_agent\"\n",
        &format!("call = \"coach_agent\"\n{usage}\n"),
    );
    let fake = Fake::start(&script).await?;
    let project = Project::with(&files())?;
    // A plan may cost some 0.25 dollars at most, and this one costs 0.88.
    let (sidecar, claude) = started(&project, &fake, &["--budget-session", "1.00"]).await?;
    let (mut window, _) = Socket::hello(&sidecar).await?;
    claude.call("paige_run_coaching_pipeline", plan()).await?;
    let warning = window.expect_push("budget:warning").await?;
    assert_eq!(warning["payload"]["scope"], "session");
    assert_eq!(warning["payload"]["limit"], 1.0);

    let before = fake.messages().len();
    let error = claude
        .call_error("paige_run_coaching_pipeline", plan())
        .await?;
    assert_eq!(error["code"], "BUDGET_EXCEEDED");
    let sentence = error["error"].as_str().unwrap_or_default();
    assert!(sentence.contains("PAIGE_BUDGET_SESSION"), "{sentence}");
    assert_eq!(fake.messages().len(), before, "nothing was sent");
    let left = Record::of(&project)?.row("SELECT count(*) AS n FROM reservations", [])?;
    assert_eq!(left["n"], 0);
    Ok(())
}

/// Issue 4: a server without structured output and without token counting, as local ones are.
#[tokio::test]
async fn the_pipeline_works_with_a_local_server() -> Result<()> {
    let fake = Fake::start(&anthropic::demo_script()?).await?;
    fake.without_structured_output();
    fake.without_counting();
    fake.with_any_model();
    let project = Project::with(&files())?;
    let mapping = r#"{"haiku": "local-small", "sonnet": "local-large"}"#;
    let args = ["--claude-model-mapping", mapping];
    let (_sidecar, claude) = started(&project, &fake, &args).await?;
    let made = claude.call("paige_run_coaching_pipeline", plan()).await?;
    assert_eq!(made["phases"].as_array().context("phases")?.len(), 4);
    claude
        .call(
            "paige_show_message",
            json!({"message": "What do you expect?", "type": "info"}),
        )
        .await?;
    let ended = claude.call("paige_end_session", json!({})).await?;
    assert_eq!(ended["status"], "completed", "{ended}");
    let rows = Record::of(&project)?.rows(ROWS, [])?;
    assert!(
        rows.iter().all(|row| row["cost_estimate"].is_null()),
        "{rows:#?}"
    );
    assert!(
        rows.iter().any(|row| row["model"] == "local-small"),
        "{rows:#?}"
    );
    Ok(())
}

/// Issue 4: cancelled by the client, the request to the API ends too, and nothing stays set aside.
#[tokio::test]
async fn a_cancelled_call_ends_and_leaves_nothing_set_aside() -> Result<()> {
    let fake = Fake::start(&anthropic::demo_script()?).await?;
    fake.first("[[entry]]\ncall = \"coach_agent\"\ntimes = 1\nfault = { hang = true }")?;
    let project = Project::with(&files())?;
    let (_sidecar, claude) = started(&project, &fake, &["--budget-day", "9"]).await?;
    claude
        .cancel_call("paige_run_coaching_pipeline", plan(), || {
            !fake.messages().is_empty()
        })
        .await?;
    let record = Record::of(&project)?;
    record
        .expect_rows(
            "SELECT latency_ms FROM api_call_log",
            &[json!({"latency_ms": -1})],
        )
        .await?;
    record
        .expect_rows("SELECT count(*) AS n FROM reservations", &[json!({"n": 0})])
        .await?;
    let plans = record.row("SELECT count(*) AS n FROM plans", [])?;
    assert_eq!(plans["n"], 0);
    // The next call is not hindered by it.
    claude.call("paige_run_coaching_pipeline", plan()).await?;
    Ok(())
}

/// Issue 4: a plan that breaks the rules of teaching is asked for once more with the reasons, and mended.
#[tokio::test]
async fn a_plan_that_gives_the_solution_away_is_rejected_and_then_mended() -> Result<()> {
    let good = anthropic::demo_script()?;
    let start = good.find("call = \"coach_agent\"").context("the coach")?;
    let end = good[start..].find("\n'''\n\n").context("its end")? + start + 5;
    let coach = &good[start..end];
    let solution = r"total = sum(pieces)\n    for name in names:\n        count[name] += 1\n        price = count[name] * 2\n    return price";
    let bad = coach.replace(
        "Put a print here and predict its output",
        &format!("Write this:\\n\\n    {solution}\\n\\nPut a print here and predict its output"),
    );
    ensure!(bad != coach, "the script has changed");
    let fake = Fake::start(&good).await?;
    fake.first(&format!("[[entry]]\ntimes = 2\n{bad}\n"))?;
    let project = Project::with(&files())?;
    let (_sidecar, claude) = started(&project, &fake, &[]).await?;
    let made = claude.call("paige_run_coaching_pipeline", plan()).await?;
    let notes = made["notes"].to_string();
    assert!(notes.contains("Mended in the plan"), "{notes}");
    let hovers = Record::of(&project)?.rows("SELECT hover_text FROM phase_hints", [])?;
    let hovers = json!(hovers).to_string();
    assert!(
        !hovers.contains("count[name]"),
        "the solution was stored: {hovers}"
    );
    assert!(hovers.contains("predict its output"), "{hovers}");
    let asked = fake.requests();
    let again = asked
        .iter()
        .filter(|seen| seen.request.call == "coach_agent" && !seen.request.counts())
        .nth(1)
        .context("it was asked once more")?;
    assert!(again.request.text().contains("<rejected>"));
    Ok(())
}
