//! Many calls of models at once on a budget for a few.

use std::cell::Cell;

use anyhow::{Context as _, Result};
use futures_util::future::join_all;
use paige_tests::anthropic::{self, Fake};
use paige_tests::mcp::Era;
use paige_tests::{Claude, Project, Record, Sidecar};
use serde_json::{Value, json};

/// What a million tokens of an answer cost with the model that plans, in dollars.
const OUTPUT: f64 = 25.0;

fn plan() -> Value {
    json!({"plan_text": "Count together.", "issue_summary": "Mugs are too dear."})
}

async fn served(project: &Project, fake: &Fake, args: &[&str]) -> Result<(Sidecar, Claude)> {
    let sidecar = Sidecar::thinking(project, fake, args)?;
    let claude = Claude::connect(&sidecar, Era::Sessions).await?;
    let start = json!({"project_dir": project.root, "force": true});
    claude.call("paige_start_session", start).await?;
    Ok((sidecar, claude))
}

fn shop() -> Result<Project> {
    Project::with(&[
        ("basket.py", "class Basket:\n    pass\n"),
        ("discounts.py", "percent = 10\n"),
        ("test_basket.py", "import basket\n"),
    ])
}

/// What is set aside for a plan while it is made: the most that it can cost.
async fn worst_case() -> Result<f64> {
    let fake = Fake::start("[[entry]]\ncall = \"coach_agent\"\nfault = { hang = true }").await?;
    let project = shop()?;
    let (_sidecar, claude) = served(&project, &fake, &[]).await?;
    let record = Record::of(&project)?;
    let amount = Cell::new(None);
    claude
        .cancel_call("paige_run_coaching_pipeline", plan(), || {
            let reserved = record.row("SELECT amount FROM reservations", []);
            amount.set(reserved.ok().and_then(|row| row["amount"].as_f64()));
            amount.get().is_some()
        })
        .await?;
    amount.get().context("an amount")
}

/// Issue 4: twenty calls at once on a budget for three send three. Two of a tier are under way at any
/// time, so that what is spent and what is set aside both count against the rest.
#[tokio::test]
async fn twenty_plans_at_once_on_a_budget_for_three_send_three() -> Result<()> {
    let worst = worst_case().await?;
    // Each costs what was set aside for it, so that the budget is not refilled.
    let tokens = (worst / OUTPUT * 1e6).ceil();
    let script = anthropic::demo_script()?.replace(
        "call = \"coach_agent\"\n",
        &format!("call = \"coach_agent\"\nusage = {{ output_tokens = {tokens} }}\n"),
    );
    let budget = format!("{:.6}", worst * 3.5);
    for (option, variable) in [
        ("--budget-session", "PAIGE_BUDGET_SESSION"),
        ("--budget-day", "PAIGE_BUDGET_DAY"),
    ] {
        let fake = Fake::start(&script).await?;
        let project = shop()?;
        let (sidecar, _claude) = served(&project, &fake, &[option, &budget]).await?;
        let mut clients = Vec::new();
        for _ in 0..20 {
            clients.push(Claude::connect(&sidecar, Era::Sessions).await?);
        }
        let calls = clients
            .iter()
            .map(|claude| claude.call_raw("paige_run_coaching_pipeline", plan()));
        let (mut made, mut refused) = (0, 0);
        for result in join_all(calls).await {
            let result = result?;
            let content = result.structured_content.context("structured content")?;
            if result.is_error == Some(true) {
                refused += 1;
                assert_eq!(content["code"], "BUDGET_EXCEEDED", "{content}");
                let sentence = content["error"].as_str().unwrap_or_default();
                assert!(sentence.contains(variable), "{sentence}");
            } else {
                made += 1;
                assert_eq!(content["success"], true, "{content}");
            }
        }
        assert_eq!((made, refused), (3, 17), "{option}");
        assert_eq!(fake.messages().len(), 3, "{option}");

        // What was refused left nothing, and what was sent is paid.
        let record = Record::of(&project)?;
        let ledger = "SELECT count(*) AS calls, count(DISTINCT attempt_id) AS attempts,
             count(DISTINCT session_id) AS sessions, min(latency_ms) >= 0 AS answered,
             sum(cost_estimate) AS cost FROM api_call_log WHERE call_type = 'coach_agent'";
        let mut sums = record.row(ledger, [])?;
        let cost = sums["cost"].take().as_f64().context("a cost")?;
        assert_eq!(
            sums,
            json!({"calls": 3, "attempts": 3, "sessions": 1, "answered": 1, "cost": null})
        );
        assert!((cost - 3.0 * tokens * OUTPUT / 1e6).abs() < 1e-9, "{cost}");
        assert_eq!(
            record.row("SELECT count(*) AS n FROM api_call_log", [])?["n"],
            3
        );
        assert_eq!(
            record.row("SELECT count(*) AS n FROM reservations", [])?["n"],
            0
        );
        let plans = record.row(
            "SELECT count(*) AS n, sum(is_active) AS active FROM plans",
            [],
        )?;
        assert_eq!(plans, json!({"n": 3, "active": 1}));
        fake.expect_all_valid()?;
    }
    Ok(())
}
