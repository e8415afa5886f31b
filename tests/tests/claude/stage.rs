//! The stage of a plan and the manner of its hints, through the binary (coaching.md §1, §2 and §7).

use anyhow::{Context as _, Result};
use paige_store::StoreError;
use paige_store::coach::{Stage, dreyfus};
use paige_tests::anthropic::{self, Fake};
use paige_tests::mcp::Era;
use paige_tests::{Claude, Project, Record, Sidecar};
use serde_json::{Value, json};

/// The plan of the demo with a hint that asks for nothing and says a word that is not said.
fn silent_plan() -> Result<String> {
    let asks = "Before you run it: which total do you predict here, and why? Run only this test and compare.";
    let script = anthropic::demo_script()?;
    anyhow::ensure!(script.contains(asks), "the demo's script has changed");
    Ok(script.replace(asks, "The total is simply made here."))
}

/// A sidecar of whose learner these areas are known; its coach plans what the issue says.
async fn planned(
    script: &str,
    known: &[(&'static str, Stage)],
    issue: &str,
) -> Result<(Project, Fake, Value)> {
    let fake = Fake::start(script).await?;
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
    let store = project.store(paige_store::Config::default())?;
    let known = known.to_vec();
    store
        .commit(move |unit| -> Result<(), StoreError> {
            for (area, stage) in known {
                dreyfus::upsert(unit, area, stage, 0.5, "seen")?;
            }
            Ok(())
        })
        .await?;
    drop(store);
    let sidecar = Sidecar::thinking(&project, &fake, &[])?;
    let claude = Claude::connect(&sidecar, Era::Sessions).await?;
    let start = json!({"project_dir": project.root});
    claude.call("paige_start_session", start).await?;
    let plan = json!({"plan_text": "Count together.", "issue_summary": issue});
    let made = claude.call("paige_run_coaching_pipeline", plan).await?;
    sidecar.stop()?;
    Ok((project, fake, made))
}

/// The stage that the coach was told.
fn stage(fake: &Fake) -> Result<String> {
    let body = fake
        .messages()
        .into_iter()
        .next()
        .context("the coach was asked")?;
    let text = body["messages"][0]["content"].as_str().unwrap_or_default();
    let (_, after) = text.split_once("<stage>\n").context("a stage")?;
    Ok(after.lines().next().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn the_coach_is_told_the_stage_of_the_areas_that_the_issue_touches() -> Result<()> {
    let known = [
        ("CSS layout", Stage::Novice),
        ("Python", Stage::AdvancedBeginner),
        ("git", Stage::Expert),
    ];
    let script = anthropic::demo_script()?;
    // The demo's plan of four phases is one for both stages.
    let (_project, fake, _) = planned(&script, &known, "basket.py counts a mug twice.").await?;
    assert_eq!(stage(&fake)?, "\"Advanced Beginner\"");
    let (_project, fake, _) = planned(&script, &known, "A mug is too dear.").await?;
    assert_eq!(stage(&fake)?, "\"Novice\"");
    Ok(())
}

#[tokio::test]
async fn a_hint_that_asks_for_nothing_is_asked_for_again_and_then_mended() -> Result<()> {
    let (project, fake, made) = planned(&silent_plan()?, &[], "A mug is too dear.").await?;
    let asked = fake.messages();
    assert_eq!(asked.len(), 2, "once, and once more with the reasons");
    let again = asked[1].to_string();
    for reason in ["asks for nothing", "makes a hard thing sound easy"] {
        assert!(again.contains(reason), "{reason} in {again}");
    }
    let notes = made["notes"].to_string();
    assert!(notes.contains("asks for nothing"), "{notes}");
    let hints = Record::of(&project)?.rows("SELECT hover_text FROM phase_hints", [])?;
    let mended = json!({"hover_text": "The total is made here. What do you expect to see here?"});
    assert!(hints.contains(&mended), "{hints:?}");
    fake.expect_all_valid()
}
