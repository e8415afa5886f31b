//! `cargo xtask bench`: the benchmark of what ships.

use std::path::Path;

use anyhow::Result;

use crate::run::Run;

/// The benchmarks of single parts: package and target.
const PARTS: [(&str, &str); 2] = [("paige-pen", "save"), ("paige-workspace", "diff")];

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

/// Runs the benchmarks of the parts, each beside the bare comparators that it brings along.
pub(crate) fn parts(root: &Path) -> Result<()> {
    for (package, target) in PARTS {
        Run::cargo(["bench", "--package", package, "--bench", target])
            .folder(root)
            .go()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project;

    #[test]
    fn every_benchmark_of_a_part_is_run() {
        let files = project::files(project::root()).expect("the project can be read");
        let found: Vec<_> = files
            .iter()
            .filter_map(|file| {
                let (room, bench) = file.path.strip_prefix("crates/")?.split_once("/benches/")?;
                Some((format!("paige-{room}"), bench.strip_suffix(".rs")?))
            })
            .collect();
        let run = PARTS.map(|(package, target)| (package.to_owned(), target));
        assert_eq!(found, run);
    }
}
