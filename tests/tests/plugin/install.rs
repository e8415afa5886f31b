//! `install-plugin` and `uninstall-plugin`, through the binary.

use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result};
use paige_tests::Project;
use paige_tests::project::workspace_root;
use paige_tests::sidecar::binary;
use serde_json::{Value, json};

const FILE: &str = ".claude/settings.local.json";

fn run(project: &Project, args: &[&str]) -> Result<Output> {
    Command::new(binary())
        .env_clear()
        .env("DATA_DIR", &project.data)
        .current_dir(&project.root)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .context("running the binary")
}

fn settings(project: &Project) -> Result<Value> {
    Ok(serde_json::from_str(&project.read(FILE)?)?)
}

#[test]
fn the_plugin_is_turned_on_and_off_and_all_else_stays() -> Result<()> {
    let before =
        "{\n  \"model\": \"opus\",\n  \"permissions\": {\n    \"deny\": [\"Edit\"]\n  }\n}\n";
    let project = Project::with(&[(FILE, before)])?;
    let asked = run(&project, &["install-plugin"])?;
    assert_eq!(asked.status.code(), Some(2), "nobody is there to be asked");
    let shown = String::from_utf8(asked.stderr)?;
    assert!(
        shown.contains("permissions.deny: Write, MultiEdit, NotebookEdit"),
        "{shown}"
    );
    assert_eq!(project.read(FILE)?, before);

    let root = workspace_root();
    let root = root.to_str().context("a path in UTF-8")?;
    let install = ["install-plugin", "--yes", "--from", root];
    let done = run(&project, &install)?;
    assert!(done.status.success(), "{done:?}");
    assert_eq!(
        settings(&project)?,
        json!({
            "model": "opus",
            "permissions": {"deny": ["Edit", "Write", "MultiEdit", "NotebookEdit"]},
            "extraKnownMarketplaces": {"paige": {"source": {"source": "directory", "path": root}}},
            "enabledPlugins": {"paige@paige": true},
        })
    );
    let again = run(&project, &install)?;
    assert!(String::from_utf8(again.stdout)?.contains("all of it already"));

    assert!(
        run(&project, &["uninstall-plugin", "--yes"])?
            .status
            .success()
    );
    assert_eq!(settings(&project)?, serde_json::from_str::<Value>(before)?);
    let twice = run(&project, &["uninstall-plugin", "--yes"])?;
    assert_eq!(twice.status.code(), Some(9), "{twice:?}");
    Ok(())
}

#[test]
fn settings_that_are_made_are_removed_and_broken_ones_are_left_alone() -> Result<()> {
    let project = Project::empty()?;
    assert!(
        run(&project, &["install-plugin", "--yes"])?
            .status
            .success()
    );
    let source = &settings(&project)?["extraKnownMarketplaces"]["paige"]["source"];
    assert_eq!(source["source"], "github");
    assert!(
        run(&project, &["uninstall-plugin", "--yes"])?
            .status
            .success()
    );
    assert!(!project.root.join(FILE).exists());

    project.write(FILE, "{ \"permissions\": ")?;
    let refused = run(&project, &["install-plugin", "--yes"])?;
    assert_eq!(refused.status.code(), Some(9), "{refused:?}");
    assert_eq!(project.read(FILE)?, "{ \"permissions\": ");
    let nowhere = run(&project, &["install-plugin", "--yes", "--from", "."])?;
    assert_eq!(nowhere.status.code(), Some(9), "{nowhere:?}");
    Ok(())
}

#[test]
fn the_doctor_says_what_is_wrong_and_when_nothing_is() -> Result<()> {
    let project = Project::empty()?;
    let programs = project.outside().join("programs");
    std::fs::create_dir(&programs)?;
    let examine = || -> Result<(Output, Value)> {
        let output = Command::new(binary())
            .env_clear()
            .env("PATH", &programs)
            .env("DATA_DIR", &project.data)
            .current_dir(&project.root)
            .args(["doctor", "--json"])
            .output()?;
        let checks = serde_json::from_slice(&output.stdout)?;
        Ok((output, checks))
    };
    let state = |checks: &Value, name: &str| {
        let all = checks.as_array().into_iter().flatten();
        let found = all.clone().find(|check| check["name"] == name);
        found.map(|check| check["state"].clone())
    };
    let (output, checks) = examine()?;
    assert_eq!(output.status.code(), Some(1));
    for name in ["binary", "plugin", "claude-code"] {
        assert_eq!(state(&checks, name), Some(json!("wrong")), "{checks}");
    }
    for name in ["key", "gh"] {
        assert_eq!(state(&checks, name), Some(json!("note")), "{checks}");
    }

    std::os::unix::fs::symlink(binary(), programs.join("paige-sidecar"))?;
    // What the doctor asks of it is its version.
    let claude = programs.join("claude");
    std::fs::write(&claude, "#!/bin/sh\necho '2.1.197 (Claude Code)'\n")?;
    std::fs::set_permissions(&claude, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    assert!(
        run(&project, &["install-plugin", "--yes"])?
            .status
            .success()
    );
    let (output, checks) = examine()?;
    assert!(output.status.success(), "{checks}");
    for name in ["binary", "plugin", "claude-code", "sidecar", "tokens"] {
        assert_eq!(state(&checks, name), Some(json!("ok")), "{checks}");
    }

    let edited = project.read(FILE)?.replace("\"Edit\"", "\"Read\"");
    project.write(FILE, &edited)?;
    let (output, checks) = examine()?;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(state(&checks, "plugin"), Some(json!("wrong")), "{checks}");
    Ok(())
}
