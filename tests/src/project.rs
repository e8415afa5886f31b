//! [`Project`]: a temporary project folder with a data directory beside it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

/// A project folder and a data directory, both gone when it is dropped.
#[derive(Debug)]
pub struct Project {
    _folder: TempDir,
    /// The project folder, canonical.
    pub root: PathBuf,
    /// The data directory; not made yet.
    pub data: PathBuf,
}

impl Project {
    /// An empty project.
    pub fn empty() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("paige-test-").tempdir()?;
        let base = folder.path().canonicalize()?;
        let root = base.join("project");
        std::fs::create_dir(&root)?;
        Ok(Self {
            data: base.join("data"),
            root,
            _folder: folder,
        })
    }

    /// A project with these files, given as path and text.
    pub fn with(files: &[(&str, &str)]) -> Result<Self> {
        let project = Self::empty()?;
        for (path, text) in files {
            project.write(path, text)?;
        }
        Ok(project)
    }

    /// A real git checkout: a copy of this project's own sources, committed.
    pub fn checkout() -> Result<Self> {
        let project = Self::empty()?;
        let source = workspace_root();
        for folder in ["crates", "sidecar", "xtask"] {
            copy(&source.join(folder), &project.root.join(folder))?;
        }
        for file in ["Cargo.toml", "ARCHITECTURE.md", "LICENSE", ".gitignore"] {
            std::fs::copy(source.join(file), project.root.join(file))
                .with_context(|| format!("copying {file}"))?;
        }
        for args in [
            &["init", "--quiet", "--initial-branch", "main"][..],
            &["add", "--all"],
            &[
                "-c",
                "user.name=Test",
                "-c",
                "user.email=test@example.com",
                "commit",
                "--quiet",
                "--message",
                "Start",
            ],
        ] {
            project.git(args)?;
        }
        Ok(project)
    }

    /// Runs git in the project and returns what it prints.
    pub fn git(&self, args: &[&str]) -> Result<String> {
        let output = Command::new("git")
            .args(args)
            .current_dir(&self.root)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()?;
        ensure!(
            output.status.success(),
            "git {args:?} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Writes a file as another program would; parents are made.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.root.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        Ok(std::fs::write(path, text)?)
    }

    /// What stands in a file on disk.
    pub fn read(&self, path: &str) -> Result<String> {
        std::fs::read_to_string(self.root.join(path)).with_context(|| format!("reading {path}"))
    }

    /// The database, opened for looking at rows. The binary may be running.
    pub fn database(&self) -> PathBuf {
        self.data.join("paige.db")
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The folder of this project's own workspace.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
