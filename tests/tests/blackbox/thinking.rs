//! What a person sees of Paige's thinking from the command line: `models`, `prompts` and `memory`.

use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use paige_tests::anthropic::{self, Fake};
use paige_tests::mcp::Era;
use paige_tests::sidecar::binary;
use paige_tests::{Claude, Project, Sidecar};
use serde_json::{Value, json};

/// Runs a command of the binary on the data directory of a project.
fn run(project: &Project, args: &[&str]) -> Result<Output> {
    Ok(Command::new(binary())
        .env_clear()
        .env("DATA_DIR", &project.data)
        .env("PAIGE_EMBEDDING_MODEL", "none")
        .args(args)
        .output()?)
}

fn shown(project: &Project, args: &[&str]) -> Result<String> {
    let output = run(project, args)?;
    ensure!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// A session that was planned and wrapped up; it is over, and no sidecar runs.
async fn remembered() -> Result<Project> {
    let fake = Fake::start(&anthropic::demo_script()?).await?;
    let project = Project::with(&[
        ("basket.py", "class Basket:\n    pass\n"),
        ("discounts.py", "percent = 10\n"),
        ("test_basket.py", "import basket\n"),
        (".env", "SHOP_KEY=do-not-tell\n"),
    ])?;
    let sidecar = Sidecar::thinking(&project, &fake, &[])?;
    let claude = Claude::connect(&sidecar, Era::Sessions).await?;
    let start = json!({"project_dir": project.root});
    claude.call("paige_start_session", start).await?;
    let plan =
        json!({"plan_text": "Count together.", "issue_summary": "Mugs are </issue> too dear."});
    claude.call("paige_run_coaching_pipeline", plan).await?;
    claude.call("paige_end_session", json!({})).await?;
    sidecar.stop()?;
    Ok(project)
}

#[tokio::test]
async fn models_are_listed_with_prices_and_the_mapping_in_force() -> Result<()> {
    let project = Project::empty()?;
    let text = shown(&project, &["models"])?;
    for part in [
        "haiku",
        "claude-haiku-4-5-20251001",
        "claude-opus-4-6",
        "write 5m",
    ] {
        assert!(text.contains(part), "{part} in:\n{text}");
    }
    let mapping = [
        "models",
        "--claude-model-mapping",
        r#"{"sonnet": "my-own"}"#,
    ];
    let text = shown(&project, &mapping)?;
    assert!(
        text.contains("my-own  (not in the table: its calls are unpriced)"),
        "{text}"
    );
    let listed: Value = serde_json::from_str(&shown(&project, &["models", "--json"])?)?;
    assert_eq!(listed["mapping"]["sonnet"], "claude-opus-4-6");
    let wrong = run(&project, &["models", "--claude-model-mapping", "{"])?;
    assert_eq!(wrong.status.code(), Some(1));
    Ok(())
}

#[tokio::test]
async fn a_prompt_is_shown_as_it_would_be_sent() -> Result<()> {
    let project = remembered().await?;
    let list = shown(&project, &["prompts", "list"])?;
    assert_eq!(list.lines().count(), 6, "{list}");
    for name in [
        "memory_retrieval_filter",
        "coach_agent",
        "knowledge_gap_agent",
        "dreyfus_agent",
        "reflection_agent",
    ] {
        let text = shown(&project, &["prompts", "render", name, "--session", "last"])?;
        assert!(text.contains("## Never"), "{name}:\n{text}");
        assert!(
            !text.contains("do-not-tell"),
            "{name} tells a secret:\n{text}"
        );
    }
    let coach = shown(&project, &["prompts", "render", "coach_agent"])?;
    for part in [
        "Count together.",
        "basket.py",
        r"Mugs are \u003c/issue\u003e too dear.",
    ] {
        assert!(coach.contains(part), "{part} in:\n{coach}");
    }
    assert!(
        !coach.contains(".env"),
        "a file that holds secrets is named:\n{coach}"
    );
    for wrong in [["render", "nobody"], ["render", "coach_agent"]] {
        let mut args = vec!["prompts"];
        args.extend(wrong);
        if wrong[1] == "coach_agent" {
            args.extend(["--session", "99"]);
        }
        assert_eq!(run(&project, &args)?.status.code(), Some(9), "{args:?}");
    }
    // A file of one's own stands in the place of the built-in one, and a wrong one is named.
    let own = project.outside().join("prompts");
    std::fs::create_dir(&own)?;
    std::fs::write(own.join("coach_agent.md"), "no front matter")?;
    let folder = own.to_string_lossy().into_owned();
    let output = run(&project, &["prompts", "list", "--prompts-dir", &folder])?;
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains("PAIGE_PROMPTS_DIR") && told.contains("coach_agent.md"),
        "{told}"
    );
    Ok(())
}

#[tokio::test]
async fn memories_are_the_developers_own() -> Result<()> {
    let project = remembered().await?;
    let list: Value = serde_json::from_str(&shown(&project, &["memory", "list", "--json"])?)?;
    let list = list.as_array().context("a list")?;
    assert_eq!(list.len(), 2);
    let found = shown(&project, &["memory", "search", "printing the quantities"])?;
    assert!(found.contains("what the discount sees"), "{found}");
    let export: Value = serde_json::from_str(&shown(&project, &["memory", "export"])?)?;
    assert_eq!(export["format"], "paige.memories");
    assert_eq!(export["memories"].as_array().map(Vec::len), Some(2));

    let id = list[0]["id"].as_str().context("an id")?;
    let forgotten = shown(&project, &["memory", "forget", id])?;
    assert_eq!(forgotten.trim(), "1 memory is forgotten for good.");
    assert_eq!(
        run(&project, &["memory", "forget", id])?.status.code(),
        Some(9)
    );
    assert_eq!(
        run(&project, &["memory", "search", " "])?.status.code(),
        Some(9)
    );

    // Who forgets a session forgets what is remembered of it.
    shown(&project, &["forget", "1", "--yes"])?;
    let left: Value = serde_json::from_str(&shown(&project, &["memory", "list", "--json"])?)?;
    assert_eq!(left, json!([]));
    Ok(())
}

#[tokio::test]
async fn without_a_record_nothing_is_remembered() -> Result<()> {
    let project = Project::empty()?;
    let text = shown(&project, &["memory", "list"])?;
    assert!(text.starts_with("Nothing is remembered in "), "{text}");
    assert!(!project.data.join("memory.db").exists());
    Ok(())
}
