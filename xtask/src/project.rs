//! Where the project lies, and which files belong to it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// Folders that hold what was made from the project, not the project.
const MADE: [&str; 4] = [".git", "dist", "node_modules", "target"];

/// The folder of the workspace.
///
/// It is fixed when xtask is compiled, which `cargo xtask` does in the folder it runs in.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// A file of the project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProjectFile {
    /// Relative to the root, `/`-separated.
    pub(crate) path: String,
    /// `None` when it is not UTF-8 text.
    pub(crate) text: Option<String>,
}

impl ProjectFile {
    /// A text file, for tests of the rules.
    #[cfg(test)]
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: Some(text.to_owned()),
        }
    }

    /// The text, when it is a Rust file.
    pub(crate) fn rust(&self) -> Option<&str> {
        self.text.as_deref().filter(|_| self.path.ends_with(".rs"))
    }

    /// The file's name without its folder.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// Every file below `root` that somebody wrote, sorted by path.
pub(crate) fn files(root: &Path) -> Result<Vec<ProjectFile>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(root.join(&folder))
            .with_context(|| format!("cannot list {}", root.join(&folder).display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let relative = folder.join(&name);
            let kind = entry.file_type()?;
            if kind.is_dir() && !MADE.iter().any(|made| name == *made) {
                folders.push(relative);
            } else if kind.is_file() {
                let bytes = fs::read(entry.path())
                    .with_context(|| format!("cannot read {}", entry.path().display()))?;
                found.push(ProjectFile {
                    path: relative.to_string_lossy().replace('\\', "/"),
                    text: String::from_utf8(bytes).ok(),
                });
            }
        }
    }
    found.sort();
    Ok(found)
}
