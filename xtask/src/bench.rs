//! `cargo xtask bench`: the benchmark of what ships.

use std::path::Path;

use anyhow::Result;

use crate::run::Run;

/// Builds the sidecar and the benchmark and runs it; `options` are the benchmark's own.
///
/// They are built one after the other: together cargo would unite the features of the crates that
/// they share, and what is measured would not be what ships.
pub(crate) fn run(root: &Path, options: &[&str]) -> Result<()> {
    let cargo =
        |task: &str, package| Run::cargo([task, "--release", "--package", package]).folder(root);
    cargo("build", "paige-sidecar").go()?;
    cargo("run", "paige-bench").args(["--"]).args(options).go()
}
