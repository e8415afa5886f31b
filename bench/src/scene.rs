//! [`Scene`]: what all rows share.

use std::{
    cell::OnceCell,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::process::Server;

/// What all rows share.
pub(crate) struct Scene {
    sidecar: PathBuf,
    quick: bool,
    large: OnceCell<TempDir>,
}

/// A project, a data directory and, while it runs, the sidecar on them.
pub(crate) struct House {
    _root: TempDir,
    sidecar: PathBuf,
    /// The project's folder.
    pub(crate) project: PathBuf,
    /// The data directory.
    pub(crate) data: PathBuf,
}

/// Folders and files of the large project.
const FOLDERS: usize = 1000;
const FILES_EACH: usize = 100;

impl Scene {
    pub(crate) fn new(sidecar: PathBuf, quick: bool) -> Self {
        Self {
            sidecar,
            quick,
            large: OnceCell::new(),
        }
    }

    /// How often something is done: a tenth of `times` when there is little time, but not never.
    pub(crate) fn times(&self, times: usize) -> usize {
        if self.quick {
            (times / 10).max(1)
        } else {
            times
        }
    }

    /// A new small project and an empty data directory.
    pub(crate) fn house(&self) -> Result<House> {
        let root = TempDir::new()?;
        let project = root.path().join("project");
        fs::create_dir_all(project.join("src"))?;
        for number in 0..20 {
            fs::write(project.join(format!("src/file{number}.rs")), text(2048))?;
        }
        self.settle(root, project)
    }

    /// The project of 100,000 files, which all rows share, and an empty data directory.
    pub(crate) fn large_house(&self) -> Result<House> {
        if self.large.get().is_none() {
            let folder = TempDir::new()?;
            for number in 0..FOLDERS {
                let folder = folder
                    .path()
                    .join(format!("package{}/module{number}", number / 25));
                fs::create_dir_all(&folder)?;
                for number in 0..FILES_EACH {
                    fs::write(folder.join(format!("component_{number}.ts")), "x\n")?;
                }
            }
            let _ = self.large.set(folder);
        }
        let project = self.large.get().context("it was just made")?.path();
        self.settle(TempDir::new()?, project.to_owned())
    }

    fn settle(&self, root: TempDir, project: PathBuf) -> Result<House> {
        let data = root.path().join("data");
        fs::create_dir(&data)?;
        Ok(House {
            _root: root,
            sidecar: self.sidecar.clone(),
            project,
            data,
        })
    }
}

impl House {
    /// The sidecar's program.
    pub(crate) fn program(&self) -> &Path {
        &self.sidecar
    }

    /// Starts the sidecar.
    pub(crate) fn sidecar(&self) -> Result<Server> {
        Server::sidecar(&self.sidecar, &self.project, &self.data)
    }

    /// Starts the sidecar with models at this address.
    pub(crate) fn thinking(&self, url: &str) -> Result<Server> {
        Server::thinking(&self.sidecar, url, &self.project, &self.data)
    }

    /// Starts a bare server on the same project.
    pub(crate) fn bare(&self, kind: &str) -> Result<Server> {
        Server::bare(kind, &self.project)
    }

    /// The project as the sidecar names it.
    pub(crate) fn project_text(&self) -> Result<String> {
        let canonical = fs::canonicalize(&self.project)?;
        Ok(canonical.to_string_lossy().into_owned())
    }
}

/// Source-like text of exactly so many bytes.
pub(crate) fn text(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 80);
    let mut line = 0;
    while text.len() < bytes {
        line += 1;
        text += &format!("    let value_{line} = compute(\"input\", {line}); // the next step\n");
    }
    text.truncate(bytes);
    text
}

/// Mebibytes, for people.
pub(crate) fn mib(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / 1_048_576.0)
}

/// Milliseconds.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Warns when a flush costs nothing in the folder of temporary files, so that durability would look
/// free.
pub(crate) fn is_memory(folder: &Path) -> Result<bool> {
    let mut rows = crate::disk::Rows::create(TempDir::new_in(folder)?.path())?;
    let begin = Instant::now();
    for _ in 0..20 {
        rows.commit(1)?;
    }
    Ok(begin.elapsed() < Duration::from_micros(20 * 25))
}
