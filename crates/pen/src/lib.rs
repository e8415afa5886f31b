//! The project folder, write side: the only crate that can change a project file (blueprint §1, §5).
//!
//! [`Pen`] saves, creates, renames and deletes. Four promises hold for each of its methods:
//!
//! * **Nothing outside the project is written.** A path is walked from a handle of the project
//!   folder, one component at a time, and the kernel never follows a link for us: a link is read,
//!   and its target is walked in the same way. So a link that leads out, or one that is swapped in
//!   the middle of the walk, ends in [`PenError::Refused`].
//! * **`.git` is never written**, under none of the names that git or a file system takes for it
//!   ([`PenError::ReadOnly`]).
//! * **Nothing is torn.** A file has its old content or its new one, at any moment and after a crash.
//! * **A returned `Ok` is durable**: file and folder were synced before.
//!
//! # What a save does, in this order
//!
//! walk → is there a file as the [`Base`] has it, or none → temporary file in the same folder → write →
//! owner and permission bits of the file replaced → fsync → compare the file with the base → rename →
//! fsync of the folder. Saves of one file wait for each other; renames and deletes wait for saves.
//! Between the comparison and the rename another process still has a few microseconds to change the
//! file; no file system call closes that gap, except for new files, whose rename never replaces
//! anything.
//!
//! A save through a link to a file replaces the file, not the link. A hard link is broken: the other
//! name keeps the old content. Extended attributes and ACLs are not copied.
//!
//! Temporary files are called `.paige-XXXX.tmp`. Every error removes its own; one that a crash leaves
//! behind is removed at the first save in its folder once it is an hour old.
//!
//! # The trash
//!
//! A deleted file or folder is moved to the trash folder as
//! `{time}-{random}-{name}`, for instance `20260131T094512123Z-5f3a09c1-main.rs`, and beside it lies
//! the same name with `.json` added: the [`Trashed`] record with its project and original path. The
//! record is written first, so that nothing in the trash is nameless. Where the trash is on another
//! file system, the entry is copied and synced under a temporary name, renamed, and only then removed
//! from the project; sockets, pipes and devices inside a folder have no content and are not copied.
//! Nothing here empties the trash.

mod disk;
mod entries;
mod error;
mod protect;
mod save;
mod trash;
mod walk;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use paige_protocol::{ProjectPath, Version};
use parking_lot::{Mutex, MutexGuard, RwLock};
use serde::{Deserialize, Serialize};

pub use error::{OpenError, PenError};

/// What of the pen can be configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The largest content that a save takes, in bytes. Default: 10 MiB.
    pub max_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_bytes: 10 * 1024 * 1024,
        }
    }
}

impl Config {
    /// One entry per setting that makes no sense; empty when all is well.
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.max_bytes == 0 {
            problems.push(Problem {
                name: "max_bytes",
                message: "With a limit of 0 bytes nothing could be saved. Set it to at least 1."
                    .to_owned(),
            });
        }
        problems
    }
}

/// A setting that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field of [`Config`].
    pub name: &'static str,
    /// A whole sentence that says what to do.
    pub message: String,
}

/// What the caller believes to be on disk. A save is refused with [`PenError::Conflict`] when it is
/// something else (blueprint §5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// There is no such file.
    Absent,
    /// There is a file with this content.
    Version(Version),
}

/// A save that is done and durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The file, as it was named in the call.
    pub path: ProjectPath,
    /// The version of the content that is on disk now.
    pub version: Version,
    /// The permission bits, for instance `0o644`.
    pub mode: u32,
    /// Whether the file is new.
    pub created: bool,
    /// The size of the content.
    pub bytes: u64,
}

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A file; also a link, pipe or whatever else is not a folder.
    File,
    /// A folder.
    Directory,
}

/// A new, empty file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// The entry, as it was named in the call.
    pub path: ProjectPath,
    /// What it is.
    pub kind: Kind,
    /// The version of the empty content; `None` for a folder.
    pub version: Option<Version>,
}

/// A file or folder that has another name now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// The old path.
    pub from: ProjectPath,
    /// The new path.
    pub to: ProjectPath,
    /// What it is.
    pub kind: Kind,
}

/// A file or folder that lies in the trash; this is also the record beside it there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trashed {
    /// Where it was, relative to the project.
    pub path: ProjectPath,
    /// What it is.
    pub kind: Kind,
    /// The absolute path of the project folder that it was in.
    pub project: String,
    /// Its name in the trash folder.
    pub name: String,
    /// When it was deleted: ISO 8601, UTC, milliseconds.
    pub deleted_at: String,
}

/// The pen of one project. Cheap to clone; clones share their locks.
///
/// All methods block on the disk: call them off the reactor.
#[derive(Clone, Debug)]
pub struct Pen(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: Dir,
    /// The real path of the root: absolute links that stay inside are recognised by it.
    root_path: PathBuf,
    trash: PathBuf,
    config: Config,
    /// Saves share it; a rename or delete takes it alone, so that no save lands in a folder that is
    /// just leaving.
    tree: RwLock<()>,
    /// A save holds the one of its file. Two files may share one; they then only wait.
    files: [Mutex<()>; 64],
    /// Folders in which leftovers were looked for.
    swept: Mutex<HashSet<PathBuf>>,
}

impl Pen {
    /// Opens the project folder `root`. `trash` is made when something is first deleted.
    pub fn open(root: &Path, trash: &Path, config: Config) -> Result<Self, OpenError> {
        let failed = |source| OpenError {
            root: root.to_owned(),
            source,
        };
        let root_path = root.canonicalize().map_err(failed)?;
        let root = Dir::open_ambient_dir(&root_path, ambient_authority()).map_err(failed)?;
        Ok(Self(Arc::new(Inner {
            root,
            root_path,
            trash: trash.to_owned(),
            config,
            tree: RwLock::new(()),
            files: std::array::from_fn(|_| Mutex::new(())),
            swept: Mutex::default(),
        })))
    }

    /// Waits for the other saves of the file at `real`, its path without links.
    fn lock_file(&self, real: &Path) -> MutexGuard<'_, ()> {
        // Lowercase, since on some file systems `a` and `A` are one file.
        let mut hasher = DefaultHasher::new();
        real.to_string_lossy().to_lowercase().hash(&mut hasher);
        let slot = hasher.finish() as usize % self.0.files.len();
        self.0.files[slot].lock()
    }
}

#[cfg(test)]
mod escapes;
#[cfg(test)]
mod testing;
