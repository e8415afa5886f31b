//! What Claude Code itself says of the files.

use std::process::{Command, Stdio};

use anyhow::Result;
use paige_tests::project::workspace_root;
use paige_tests::{ClaudeCode, Project};

#[test]
fn the_files_are_valid_with_claude_code() -> Result<()> {
    let project = Project::empty()?;
    let Some(claude) = ClaudeCode::prepare(&project.root)? else {
        return Ok(());
    };
    for folder in [workspace_root(), workspace_root().join("plugin")] {
        let output = Command::new(claude.program())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(claude.environment("http://127.0.0.1:9"))
            .args(["plugin", "validate", "--strict"])
            .arg(&folder)
            .stdin(Stdio::null())
            .output()?;
        assert!(output.status.success(), "{}: {output:?}", folder.display());
    }
    Ok(())
}
