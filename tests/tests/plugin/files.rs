//! The files of `plugin/`: they can be read by Claude Code, name only tools that there are, and say the
//! numbers of `coaching.toml`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use paige_tests::mcp::Era;
use paige_tests::project::workspace_root;
use paige_tests::{Claude, Project, Sidecar};
use serde_json::Value;

/// What Claude Code puts before the names of our tools: `mcp__plugin_<plugin>_<server>__`.
const PREFIX: &str = "mcp__plugin_paige_paige__";
/// The tools that change files, which none of our agents may have.
const WRITERS: [&str; 4] = ["Write", "Edit", "MultiEdit", "NotebookEdit"];
/// The stages in the order of every table.
const STAGES: [&str; 5] = [
    "Novice",
    "Advanced Beginner",
    "Competent",
    "Proficient",
    "Expert",
];

fn folder() -> PathBuf {
    workspace_root().join("plugin")
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(folder().join(path)).with_context(|| format!("reading {path}"))
}

fn parsed(path: &str) -> Result<Value> {
    serde_json::from_str(&read(path)?).with_context(|| format!("{path} is no JSON"))
}

/// Every file of the plugin, as path and text.
fn all() -> Result<Vec<(String, String)>> {
    let mut folders = vec![folder()];
    let mut found = Vec::new();
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder())?.to_string_lossy().into_owned();
                found.push((name, std::fs::read_to_string(&path)?));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The fields in front of a Markdown file, and what stands behind them.
fn front_matter(text: &str) -> Result<(Vec<(&str, &str)>, &str)> {
    let rest = text.strip_prefix("---\n").context("no front matter")?;
    let (head, body) = rest
        .split_once("\n---\n")
        .context("the front matter does not end")?;
    let fields = head
        .lines()
        .map(|line| line.split_once(": ").context("a line that is no field"))
        .collect::<Result<_>>()?;
    Ok((fields, body))
}

fn field<'a>(fields: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    let found = fields.iter().find(|(field, _)| *field == name);
    found.map(|(_, value)| *value)
}

/// The words of a text that look like names of our tools, with what stands before them.
fn tools_named(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("paige_") || word.starts_with("mcp__"))
}

/// The rows of a Markdown table whose first row begins with `head`, as trimmed cells.
fn table<'a>(text: &'a str, head: &str) -> Result<Vec<Vec<&'a str>>> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with(head));
    lines.next().with_context(|| format!("no table {head}"))?;
    Ok(lines
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect())
}

fn coaching() -> Result<toml::Value> {
    let path = workspace_root().join("crates/coach/coaching.toml");
    Ok(toml::from_str(&std::fs::read_to_string(path)?)?)
}

fn numbers(of: &toml::Value) -> Result<Vec<String>> {
    let one = |stage: &&str| {
        of.get(*stage)
            .and_then(toml::Value::as_integer)
            .map(|number| number.to_string())
            .with_context(|| format!("no number for {stage}"))
    };
    STAGES.iter().map(one).collect()
}

#[test]
fn the_manifests_are_json_and_agree_with_the_program() -> Result<()> {
    let manifest = parsed(".claude-plugin/plugin.json")?;
    assert_eq!(manifest["name"], "paige");
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    let market = workspace_root().join(".claude-plugin/marketplace.json");
    let market: Value = serde_json::from_str(&std::fs::read_to_string(market)?)?;
    assert_eq!(market["name"], "paige");
    assert_eq!(market["plugins"][0]["name"], "paige");
    assert_eq!(market["plugins"][0]["source"], "./plugin");
    // The server's name is a part of the names of its tools.
    let server = &parsed(".mcp.json")?["mcpServers"]["paige"];
    assert_eq!(server["command"], "paige-sidecar");
    assert_eq!(server["args"], serde_json::json!(["mcp"]));
    Ok(())
}

#[test]
fn every_hook_runs_the_program_and_only_the_one_that_guards_blocks() -> Result<()> {
    let hooks = parsed("hooks/hooks.json")?;
    let hooks = hooks["hooks"].as_object().context("hooks")?;
    let events: BTreeSet<&str> = hooks.keys().map(String::as_str).collect();
    let expected = [
        "PostToolUse",
        "PostToolUseFailure",
        "PreCompact",
        "PreToolUse",
        "SessionEnd",
        "SessionStart",
        "Stop",
        "UserPromptSubmit",
    ];
    assert_eq!(events, expected.into());
    for (event, groups) in hooks {
        let groups = groups.as_array().context("groups")?;
        assert_eq!(groups.len(), 1, "{event}");
        let hook = &groups[0]["hooks"][0];
        assert_eq!(hook["type"], "command", "{event}");
        // Seconds, not milliseconds.
        let seconds = hook["timeout"].as_u64().context("timeout")?;
        assert!((1..=10).contains(&seconds), "{event}: {seconds}");
        if event == "PreToolUse" {
            assert_eq!(hook["command"], "paige-sidecar hook PreToolUse || exit 2");
            assert_eq!(hook["onFailure"], "block");
            assert_eq!(groups[0]["matcher"], "*");
        } else {
            assert_eq!(hook["command"], format!("paige-sidecar hook {event}"));
            assert_eq!(hook["onFailure"], Value::Null);
        }
    }
    Ok(())
}

#[test]
fn every_markdown_file_has_the_fields_that_claude_code_reads() -> Result<()> {
    let mut kinds = BTreeSet::new();
    for (path, text) in all()? {
        if !path.ends_with(".md") {
            continue;
        }
        let (fields, body) = front_matter(&text).with_context(|| path.clone())?;
        assert!(body.trim().len() > 100, "{path} says too little");
        let about = field(&fields, "description").with_context(|| path.clone())?;
        assert!(about.len() > 10, "{path}");
        let stem = Path::new(&path).file_stem().and_then(|stem| stem.to_str());
        let kind = path.split('/').next().unwrap_or_default();
        match kind {
            "agents" => {
                assert_eq!(field(&fields, "name"), stem, "{path}");
                let tools = field(&fields, "tools").with_context(|| path.clone())?;
                for tool in tools.split(", ") {
                    assert!(!WRITERS.contains(&tool), "{path} has {tool}");
                }
            }
            "skills" => {
                let folder = path.split('/').nth(1);
                assert_eq!(field(&fields, "name"), folder, "{path}");
            }
            "output-styles" => {
                assert_eq!(field(&fields, "keep-coding-instructions"), Some("false"));
                assert_eq!(field(&fields, "force-for-plugin"), Some("true"));
            }
            "commands" => {
                // An argument that is asked for is also used.
                assert_eq!(
                    field(&fields, "argument-hint").is_some(),
                    body.contains("$ARGUMENTS"),
                    "{path}"
                );
            }
            other => panic!("{path}: {other} is no folder of a plugin"),
        }
        kinds.insert(kind.to_owned());
    }
    let expected = ["agents", "commands", "output-styles", "skills"];
    assert_eq!(kinds, expected.map(str::to_owned).into());
    let names: BTreeSet<String> = all()?
        .into_iter()
        .filter_map(|(path, _)| {
            Some(
                path.strip_prefix("commands/")?
                    .strip_suffix(".md")?
                    .to_owned(),
            )
        })
        .collect();
    let expected = ["end", "hint", "phase", "review", "start", "stuck"];
    assert_eq!(names, expected.map(str::to_owned).into());
    Ok(())
}

#[tokio::test]
async fn every_tool_that_is_named_is_one_of_ours_and_ours_are_all_named() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let claude = Claude::connect(&sidecar, Era::Sessions).await?;
    let ours: BTreeSet<String> = claude.tools().await?.into_iter().collect();
    claude.close().await?;
    let mut named = BTreeSet::new();
    for (path, text) in all()? {
        for word in tools_named(&text) {
            let tool = word.strip_prefix(PREFIX).unwrap_or(word);
            ensure!(ours.contains(tool), "{path} names {word}, which is no tool");
            named.insert(tool.to_owned());
        }
    }
    assert_eq!(named, ours, "the persona says when to call each tool");
    for (agent, last) in [
        ("agents/plan.md", "paige_run_coaching_pipeline"),
        ("agents/review.md", "paige_record_review"),
    ] {
        let text = read(agent)?;
        let (fields, _) = front_matter(&text)?;
        let tools = field(&fields, "tools").unwrap_or_default();
        assert!(tools.contains(&format!("{PREFIX}{last}")), "{agent}");
    }
    Ok(())
}

#[test]
fn skills_and_agents_that_are_named_are_there() -> Result<()> {
    let files = all()?;
    let has = |path: String| files.iter().any(|(name, _)| *name == path);
    for (path, text) in &files {
        let words: Vec<&str> = text.split('`').collect();
        for pair in words.windows(2) {
            let before = pair[0].trim_end();
            if before.ends_with("kill") {
                assert!(
                    has(format!("skills/{}/SKILL.md", pair[1])),
                    "{path}: {}",
                    pair[1]
                );
            }
            if let Some(agent) = pair[1].strip_prefix("paige:") {
                assert!(has(format!("agents/{agent}.md")), "{path}: {agent}");
            }
        }
    }
    Ok(())
}

#[test]
fn the_numbers_of_the_persona_are_those_of_coaching_toml() -> Result<()> {
    let teach = coaching()?;
    let teach = &teach["teach"];
    let ladder = read("skills/hint-ladder/SKILL.md")?;
    let rows = table(&ladder, "| Rung | Novice |")?;
    assert_eq!(rows.len(), 6);
    for (rung, row) in rows.iter().enumerate() {
        let expected = match rung {
            5 => numbers(&teach["holes"])?,
            _ => numbers(&teach["code_lines"][format!("rung_{rung}").as_str()])?,
        };
        assert_eq!(row[1..], expected, "row {}", row[0]);
    }
    let words = |name: &str| teach["words"][name].as_integer().context("a number");
    let said = format!(
        "a hover text has at most {}, a message at most {}, the description of a phase at most {}.",
        words("hover_text")?,
        words("message")?,
        words("phase_description")?
    );
    assert!(ladder.contains(&said), "{said}");
    let style = read("output-styles/paige.md")?;
    assert!(style.contains(&format!("at most {} words", words("message")?)));
    let never = teach["never_said"].as_array().context("words")?;
    for word in never {
        let word = word.as_str().context("a word")?;
        assert!(style.contains(&format!("\"{word}\"")), "{word}");
    }

    let rows = read("skills/stages/SKILL.md")?;
    let rows = table(&rows, "| Stage |")?;
    for (stage, row) in STAGES.iter().zip(&rows) {
        assert_eq!(row[0], *stage);
        let range = |of: &str| {
            let pair = teach[of].get(stage)?.as_array()?;
            let bound = |index: usize| pair.get(index)?.as_integer();
            Some(format!("{}–{}", bound(0)?, bound(1)?))
        };
        assert_eq!(Some(row[2].to_owned()), range("phases_per_plan"), "{stage}");
        let minutes = range("phase_minutes").unwrap_or_else(|| "as they like".to_owned());
        assert_eq!(row[3], minutes, "{stage}");
        let level = &coaching()?["first_hint_level"][stage];
        assert_eq!(Some(row[4]), level.as_str(), "{stage}");
    }
    assert_eq!(rows.len(), STAGES.len());
    Ok(())
}

/// coaching.md §7: the sentences of the voice, and the words that she does not use.
#[test]
fn the_voice_is_kept() -> Result<()> {
    let style = read("output-styles/paige.md")?;
    for part in [
        "Warm, brief, honest.",
        "Name what is right first, then one thing to improve",
        "Ask before you tell",
        "No praise for praise.",
        "When you do not know, say so",
        "Refuse to write the code, and name the next smaller step in the same breath",
    ] {
        assert!(style.contains(part), "{part}");
    }
    let never = coaching()?;
    let never = never["teach"]["never_said"].as_array().context("words")?;
    for (path, text) in all()? {
        for line in text
            .lines()
            .filter(|line| !line.contains("Do not use the words"))
        {
            let said = line
                .split(|c: char| !c.is_alphanumeric())
                .map(str::to_lowercase)
                .find(|word| never.iter().any(|never| never.as_str() == Some(word)));
            // What a person says is not what she says.
            ensure!(
                said.is_none() || line.contains("\"Just do it for me\""),
                "{path}: {said:?} in {line}"
            );
        }
    }
    Ok(())
}
