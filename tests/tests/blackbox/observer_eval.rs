//! `observer eval`: the labelled sessions of `tests/observer`, and a session that was just exported.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use paige_tests::anthropic;
use paige_tests::mcp::Era;
use paige_tests::project::workspace_root;
use paige_tests::sidecar::binary;
use paige_tests::{Claude, Fake, Project, Sidecar, Socket};
use serde_json::{Value, json};

/// The rules that can be left out: each must be missed by a session.
const RULES: [&str; 13] = [
    "muted",
    "in_progress",
    "cooldown",
    "productive_struggle",
    "flow_state",
    "unchanged",
    "precheck",
    "offline",
    "unknown_signal",
    "contradictory",
    "unsupported",
    "outdated",
    "low_confidence",
];

/// The labelled sessions, as `tests/observer/*.json` names them.
fn sessions() -> Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(workspace_root().join("tests/observer"))? {
        let name = entry?.file_name().into_string().unwrap_or_default();
        if name.ends_with(".json") {
            files.push(format!("tests/observer/{name}"));
        }
    }
    files.sort();
    Ok(files)
}

fn eval(args: &[&str], files: &[String]) -> Result<Output> {
    let data = tempfile::tempdir()?;
    Ok(Command::new(binary())
        .env_clear()
        .env("DATA_DIR", data.path())
        .current_dir(workspace_root())
        .args(["observer", "eval"])
        .args(args)
        .args(files)
        .output()?)
}

fn told(args: &[&str], files: &[String]) -> Result<String> {
    let output = eval(args, files)?;
    let trouble = String::from_utf8(output.stderr)?;
    ensure!(output.status.success(), "{args:?}: {trouble}");
    Ok(String::from_utf8(output.stdout)?)
}

fn figures(args: &[&str], files: &[String]) -> Result<Value> {
    Ok(serde_json::from_str(&told(
        &[&["--json"], args].concat(),
        files,
    )?)?)
}

fn column<'a>(set: &'a Value, strategy: &str) -> Result<&'a Value> {
    let columns = set["columns"].as_array().context("columns")?;
    let found = columns.iter().find(|column| column["strategy"] == strategy);
    found.with_context(|| format!("no column {strategy}"))
}

fn number(column: &Value, field: &str) -> Result<f64> {
    column[field]
        .as_f64()
        .with_context(|| format!("{field} of {column}"))
}

/// What is not as the labels say, over all sessions.
fn faults(found: &Value) -> Vec<&Value> {
    let sessions = found["scenarios"].as_array().into_iter().flatten();
    sessions
        .filter_map(|session| session["faults"].as_array())
        .flatten()
        .collect()
}

/// Every recorded look of the labelled sessions.
fn recorded() -> Result<Vec<Value>> {
    let mut looks = Vec::new();
    for file in sessions()? {
        let path = workspace_root().join(file).with_extension("looks.jsonl");
        for line in std::fs::read_to_string(path)?.lines() {
            looks.push(serde_json::from_str(line)?);
        }
    }
    Ok(looks)
}

#[test]
fn story_10_the_observer_is_as_good_as_the_labelled_sessions_say() -> Result<()> {
    let files = sessions()?;
    let found = figures(&[], &files)?;
    let sets = found["sets"].as_array().context("sets")?;
    let [tuned, held_out] = &sets[..] else {
        anyhow::bail!("{} sets", sets.len());
    };
    assert_eq!(
        (&tuned["heldOut"], &held_out["heldOut"]),
        (&json!(false), &json!(true))
    );
    ensure!(number(tuned, "scenarios")? >= 12.0 && number(held_out, "scenarios")? >= 4.0);
    for set in sets {
        let (full, triage) = (column(set, "full")?, column(set, "triage")?);
        let precision = number(full, "precision")?;
        ensure!(precision >= 0.9, "{full}");
        ensure!(number(full, "recall")? >= 0.8, "{full}");
        ensure!(precision >= number(triage, "precision")?, "{full} {triage}");
        // Nothing is found by saying nothing, and all by saying everything, at a price.
        assert_eq!(column(set, "never")?["found"], 0);
        ensure!(number(column(set, "always")?, "precision")? < precision);
        ensure!(number(column(set, "rules")?, "recall")? > 0.0);
        // The pre-check saves half of the calls and loses no label.
        let checked = column(set, "fullPrecheck")?;
        for all in [triage, full] {
            ensure!(2.0 * number(checked, "calls")? <= number(all, "calls")?);
        }
        assert_eq!(checked["found"], full["found"]);
        ensure!(number(full, "usdPerHour")? > 0.0);
    }
    // Every answer fits its snapshot, and what is wrong on purpose is stopped by the rule that it names.
    for session in found["scenarios"].as_array().context("scenarios")? {
        assert_eq!(session["unanswered"], json!([]), "{}", session["file"]);
    }
    assert_eq!(faults(&found), Vec::<&Value>::new());
    Ok(())
}

#[test]
fn story_10_answers_are_wrong_on_purpose_in_every_way() -> Result<()> {
    let looks = recorded()?;
    let stopped: Vec<_> = looks
        .iter()
        .map(|look| &look["wrongOnPurpose"]["stoppedBy"])
        .collect();
    for rule in RULES.iter().chain(&["failed"]) {
        ensure!(stopped.iter().any(|by| *by == rule), "{rule}");
    }
    Ok(())
}

#[test]
fn story_10_no_rule_of_the_observer_can_be_left_out() -> Result<()> {
    let files = sessions()?;
    for rule in RULES {
        let found = figures(&["--without", rule], &files)?;
        ensure!(!faults(&found).is_empty(), "nothing misses {rule}");
    }
    let output = eval(&["--without", "banana"], &files)?;
    assert_eq!(output.status.code(), Some(2));
    Ok(())
}

#[test]
fn the_figures_in_the_docs_are_those_of_the_command() -> Result<()> {
    let readme = std::fs::read_to_string(workspace_root().join("README.md"))?;
    let figures = told(&[], &sessions()?)?;
    ensure!(
        readme.contains(&format!("```text\n{figures}```\n")),
        "Put this into the README, \"Tune the Observer\":\n{figures}"
    );
    Ok(())
}

#[tokio::test]
async fn a_session_that_was_exported_is_evaluated_as_it_is() -> Result<()> {
    let project = Project::with(&[("a.rs", "fn main() {\n}\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let claude = Claude::connect(&sidecar, Era::Stateless).await?;
    let start = json!({"project_dir": project.root});
    claude.call("paige_start_session", start).await?;
    let (mut human, _) = Socket::hello(&sidecar).await?;
    human.request("file:open", json!({"path": "a.rs"})).await?;
    let save = json!({"path": "a.rs", "content": "fn main() {}\n"});
    human.request("file:save", save).await?;
    claude.call("paige_end_session", json!({})).await?;
    claude.close().await?;
    drop(human);
    ensure!(sidecar.stop()?.success());

    let file = project.data.join("session.json");
    let name = file.to_str().context("a path")?.to_owned();
    let exported = Command::new(binary())
        .env_clear()
        .env("DATA_DIR", &project.data)
        .args(["export", "last", "--format", "json", "--output", &name])
        .output()?;
    ensure!(exported.status.success());
    let files = [name.clone()];
    let found = figures(&[], &files)?;
    // What a person opened and saved is looked at; nothing is recorded of it, so that the model is left out.
    assert_eq!(found["sets"][0]["looks"], 2, "{found}");
    assert_eq!(
        found["sets"][0]["columns"].as_array().map(Vec::len),
        Some(3)
    );
    let text = told(&[], &files)?;
    ensure!(text.contains("2 of 2 looks have no answer"), "{text}");

    // The snapshots are written beside it, and are there to be answered.
    told(&["--snapshots"], &files)?;
    let looks = looks_of(&file)?;
    assert_eq!(looks.len(), 2);
    assert_eq!(looks[1]["trigger"], "file_save");
    assert_eq!(looks[1]["snapshot"]["open_file"]["path"], "a.rs");
    // Without a key nobody can be asked.
    for (args, code) in [(&["--record"][..], 1), (&["--record", "--offline"], 9)] {
        let output = eval(args, &files)?;
        assert_eq!(output.status.code(), Some(code));
        ensure!(String::from_utf8(output.stderr)?.contains("ANTHROPIC_API_KEY"));
    }
    assert_eq!(looks_of(&file)?, looks);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_recorded_anew_but_for_those_that_are_wrong_on_purpose() -> Result<()> {
    let fake = Fake::start(&anthropic::demo_script()?).await?;
    let folder = tempfile::tempdir()?;
    let from = workspace_root().join("tests/observer");
    for name in ["done.json", "done.looks.jsonl"] {
        std::fs::copy(from.join(name), folder.path().join(name))?;
    }
    let file = folder.path().join("done.json");
    let before = looks_of(&file)?;
    let mut command = Command::new(binary());
    command
        .env_clear()
        .env("DATA_DIR", folder.path().join("data"))
        .env("ANTHROPIC_API_KEY", anthropic::KEY)
        .env("ANTHROPIC_BASE_URL", fake.url())
        .args(["observer", "eval", "--record", "--json"])
        .arg(&file);
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let after = looks_of(&file)?;
    assert_eq!(after.len(), before.len());
    for (before, after) in before.iter().zip(&after) {
        if before["wrongOnPurpose"].is_object() {
            assert_eq!(before, after);
            continue;
        }
        assert_eq!(before["snapshot"], after["snapshot"]);
        assert_eq!(after["answer"]["signal"], "no_nudge", "{after}");
        ensure!(after["spent"]["outputTokens"].as_u64() > Some(0), "{after}");
        ensure!(after["afterMs"].is_u64(), "{after}");
    }
    // A model that says nothing finds nothing.
    let found: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(column(&found["sets"][0], "full")?["found"], 0);
    fake.expect_all_valid()?;
    Ok(())
}

fn looks_of(session: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(session.with_extension("looks.jsonl"))?;
    Ok(text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?)
}

#[test]
fn a_file_that_is_no_session_is_named_with_its_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let refused = |name: &str, text: &str| -> Result<String> {
        let file: PathBuf = folder.path().join(name);
        std::fs::write(&file, text)?;
        let output = eval(&[], &[file.display().to_string()])?;
        assert_eq!(output.status.code(), Some(9));
        ensure!(output.stdout.is_empty());
        Ok(String::from_utf8(output.stderr)?)
    };
    let other = refused("other.json", "{\"format\": \"other\"}")?;
    ensure!(
        other.contains("other.json:1: ") && other.contains("paige-sidecar export"),
        "{other}"
    );
    let torn = refused("torn.json", "{\n\"format\": \"paige.session\",\n")?;
    ensure!(torn.contains("torn.json:"), "{torn}");

    let session = std::fs::read_to_string(workspace_root().join("tests/observer/flow.json"))?;
    let line = 1 + session
        .lines()
        .position(|line| line.contains("file_open"))
        .context("an opened file")?;
    let wrong = refused(
        "wrong.json",
        &session.replacen("T09:00:30Z", " half past", 1),
    )?;
    ensure!(wrong.contains(&format!("wrong.json:{line}: ")), "{wrong}");

    let output = eval(&[], &["nowhere.json".to_owned()])?;
    assert_eq!(output.status.code(), Some(9));
    Ok(())
}
