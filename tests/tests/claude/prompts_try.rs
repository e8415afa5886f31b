//! `prompts try`, through the binary: each prompt is asked once and its answer is checked (Build 4).

use std::process::Output;

use anyhow::Result;
use paige_tests::anthropic::{self, Fake, KEY};
use paige_tests::sidecar::binary;

/// Runs it against this server. Waiting for it must not hold up the fake.
async fn tried(url: &str, key: Option<&str>, names: &[&str]) -> Result<Output> {
    let data = tempfile::tempdir()?;
    let mut command = tokio::process::Command::new(binary());
    command
        .env_clear()
        .env("DATA_DIR", data.path())
        .env("ANTHROPIC_BASE_URL", url)
        .args(["prompts", "try"])
        .args(names);
    if let Some(key) = key {
        command.env("ANTHROPIC_API_KEY", key);
    }
    Ok(command.output().await?)
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// A plan of one phase for each of these kinds, about the file of the sample.
fn plan(kinds: &[&str]) -> String {
    let phases: Vec<_> = (1..)
        .zip(kinds)
        .map(|(number, kind): (u32, _)| {
            serde_json::json!({
                "number": number, "title": "See it", "goal": "I see it.", "description": "Run it and compare.",
                "expected_files": [{"path": "src/login.ts", "new": false}], "done_when": "It is seen.",
                "teaches": "Looking.", "memory_connection": null, "hint_level": "medium", "kind": kind,
                "hints": {"file_hints": [], "line_hints": []},
            })
        })
        .collect();
    let plan = serde_json::json!({
        "phases": phases, "memory_connection": null, "estimated_difficulty": "beginner",
    });
    format!("[[entry]]\ncall = \"coach_agent\"\nanswer = '''{plan}'''\n")
}

#[tokio::test]
async fn every_prompt_is_asked_once_and_told_with_tokens_cost_and_time() -> Result<()> {
    let fake = Fake::start(&anthropic::demo_script()?).await?;
    fake.first(&plan(&["reproduce", "other", "change", "prove"]))?;
    let output = tried(&fake.url(), Some(KEY), &[]).await?;
    let text = told(&output);
    assert!(output.status.success(), "{text}");
    fake.expect_all_valid()?;
    let all = names_of_the_prompts()?;
    assert_eq!(fake.messages().len(), all.len());
    for name in all {
        let line = text.lines().find(|line| line.starts_with(&name));
        let whole = line.is_some_and(|line| {
            ["ok", "tokens in", "USD", " s  claude-"]
                .iter()
                .all(|part| line.contains(part))
        });
        assert!(whole, "{name} in:\n{text}");
    }
    Ok(())
}

/// The names of the prompts, as their files have them.
fn names_of_the_prompts() -> Result<Vec<String>> {
    let folder = paige_tests::project::workspace_root().join("prompts");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".md").map(str::to_owned));
    }
    Ok(names)
}

#[tokio::test]
async fn a_broken_rule_a_wrong_answer_and_a_failed_call_are_failures() -> Result<()> {
    let fake = Fake::start(
        "[[entry]]\ncall = \"dreyfus_agent\"\ntext = \"no\"\n\
         [[entry]]\ncall = \"reflection_agent\"\nfault = { status = 401 }\n",
    )
    .await?;
    fake.first(&plan(&["change"]))?;
    for (name, reason) in [
        ("coach_agent", "No phase of kind `prove`"),
        ("dreyfus_agent", "It holds no JSON object."),
        ("reflection_agent", "ANTHROPIC_API_KEY"),
        ("nobody", "no sample"),
    ] {
        let output = tried(&fake.url(), Some(KEY), &[name]).await?;
        let text = told(&output);
        assert_eq!(output.status.code(), Some(9), "{text}");
        let parts = [name, "FAILED", reason, "1 of 1 prompts failed"];
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn without_a_key_it_says_what_to_set() -> Result<()> {
    let output = tried("http://127.0.0.1:9", None, &[]).await?;
    let text = told(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let parts = [
        "ANTHROPIC_API_KEY",
        "is not set",
        "Set it in the environment",
    ];
    assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    Ok(())
}
