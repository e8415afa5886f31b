//! [`Project`]: a temporary project folder with a data directory beside it.

use std::collections::BTreeMap;
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

    /// The folder that holds the project and the data directory: what a path must not reach.
    pub fn outside(&self) -> &Path {
        self.root.parent().unwrap_or(&self.root)
    }

    /// What stands in a file on disk.
    pub fn read(&self, path: &str) -> Result<String> {
        std::fs::read_to_string(self.root.join(path)).with_context(|| format!("reading {path}"))
    }

    /// Opens its database as a sidecar would, for making rows that no door makes yet. No sidecar may
    /// be running.
    pub fn store(&self, config: paige_store::Config) -> Result<paige_store::Store> {
        std::fs::create_dir_all(&self.data)?;
        let root = self.root.to_str().context("a path in UTF-8")?;
        Ok(paige_store::Store::open(&self.database(), root, config)?)
    }

    /// Every file and link below the folder that holds the project, with what is in it; but not the
    /// data directory, nor what lies below the folders `except`.
    pub fn everything(&self, except: &[&str]) -> Result<BTreeMap<String, Vec<u8>>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.outside().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                let name = path.strip_prefix(self.outside())?.to_string_lossy();
                if path == self.data || except.contains(&&*name) {
                    continue;
                }
                let kind = path.symlink_metadata()?.file_type();
                let content = if kind.is_symlink() {
                    path.read_link()?.into_os_string().into_encoded_bytes()
                } else if kind.is_file() {
                    std::fs::read(&path)?
                } else {
                    Vec::new()
                };
                found.insert(name.into_owned(), content);
                if kind.is_dir() {
                    folders.push(path);
                }
            }
        }
        Ok(found)
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
