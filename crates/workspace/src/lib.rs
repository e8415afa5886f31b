//! The project folder, read side: jail, files, tree, watcher, buffers, diff (blueprint §5).
//!
//! [`Workspace`] reads files and keeps the tree. It hands out no directory handle, and nothing here
//! writes: that is the pen's.
//!
//! * **Nothing outside the project is read.** Paths are opened from a handle of the project folder
//!   (`openat2` with `RESOLVE_BENEATH`, or the same by steps), so a link that leads out, however it
//!   came there, ends in [`FileError::Refused`] before any content is read. Links that stay inside
//!   are followed when a file is opened; the tree shows them as files. A *hard* link is a file of the
//!   project like any other: nothing tells it from one, and the pen replaces a file instead of
//!   writing into it, so that the other name keeps its content. `.git` can be read. Upper and lower
//!   case are told apart as the file system does.
//! * **Nothing blocks for ever**: a pipe or device is opened without waiting and refused.
//! * **A name that is not UTF-8** cannot be said on the wire; such entries are left out of the tree.
//! * **The tree** is scanned once and then kept up to date by a thread that sleeps until something
//!   happens. Folders come first, then files, each in alphabetical order: first as if there were no
//!   upper case, then, for names that differ in nothing else, by code points. It is 60 folders deep
//!   at most; deeper files can still be opened.
//!
//! All methods of [`Workspace`] that take a path or return a tree block on the disk or on a lock:
//! call them off the reactor.

mod aside;
pub mod buffers;
mod changes;
mod config;
pub mod diff;
mod error;
mod events;
mod inbox;
mod jail;
mod json;
mod language;
mod model;
mod read;
mod rules;
mod scan;
mod secrets;
mod shared;
mod unwatched;
mod watcher;
mod watches;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use paige_protocol::tree::TreeNode;
use paige_protocol::{ProjectPath, Version};

pub use aside::{Giving, aside};
pub use config::{Config, Problem};
pub use error::{FileError, OpenError};
pub use events::{FileEvent, FileEvents};
pub use json::TreeJson;
pub use language::language;
pub use read::{FileText, line_count};
pub use unwatched::Unwatched;

use aside::stand_back;
use jail::Jail;
use shared::Shared;
use watcher::Watcher;

/// How far the threads stand back that see what changes on disk: what a person or Claude asks goes
/// first, above all the save whose every step they are told of.
const WATCHERS_STAND_BACK: i32 = 5;

/// The read side of one project folder. Cheap to clone; when the last clone is dropped, watching
/// ends.
#[derive(Clone)]
pub struct Workspace(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.inbox.stop();
        self.shared.listeners.close();
    }
}

impl std::fmt::Debug for Workspace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Workspace").field(&self.root()).finish()
    }
}

impl Workspace {
    /// Opens the project folder `root`. This is fast: the scan runs on a thread of its own.
    pub fn open(root: &Path, config: Config) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared::new(Jail::open(root)?, config));
        if shared.config.watch {
            let watcher = Watcher::new(shared.clone());
            std::thread::Builder::new()
                .name("paige-watcher".to_owned())
                .spawn(move || {
                    stand_back(WATCHERS_STAND_BACK);
                    watcher.run();
                })
                .map_err(|source| OpenError::Io {
                    root: root.to_owned(),
                    source,
                })?;
        }
        Ok(Self(Arc::new(Inner { shared })))
    }

    /// The project folder, canonical.
    pub fn root(&self) -> &Path {
        self.0.shared.jail.root()
    }

    /// The largest file that is read, in bytes.
    pub fn max_file_bytes(&self) -> u64 {
        self.0.shared.config.max_file_bytes
    }

    /// Reads a file as text (spec: story 3, AC 1 and 9).
    pub fn read(&self, path: &ProjectPath) -> Result<FileText, FileError> {
        let bytes = self.bytes(path)?;
        let version = Version::of(&bytes);
        let text = read::into_text(path, bytes)?;
        Ok(FileText {
            version,
            language: language(path),
            line_count: line_count(&text),
            text,
        })
    }

    /// The version of a file's content on disk, whether it is text or not; `None` when there is no
    /// such file.
    pub fn version(&self, path: &ProjectPath) -> Result<Option<Version>, FileError> {
        match self.bytes(path) {
            Ok(bytes) => Ok(Some(Version::of(&bytes))),
            Err(FileError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn bytes(&self, path: &ProjectPath) -> Result<Vec<u8>, FileError> {
        let shared = &self.0.shared;
        let (file, metadata) = shared.jail.open_file(path)?;
        shared.note_read(path, &metadata);
        read::read_all(path, file, metadata.len(), shared.config.max_file_bytes)
    }

    /// The project's tree (spec: story 3, AC 6). The first call may wait for the scan; later ones
    /// answer from memory, unless nothing is watched.
    pub fn tree(&self) -> TreeNode {
        self.0.shared.with_tree(|root| root.node(""))
    }

    /// The same as JSON, for sending: several times faster, and kept until the tree changes.
    pub fn tree_json(&self) -> TreeJson {
        self.0.shared.tree_json()
    }

    /// What changes from now on (spec: story 3, AC 7 and 8). With [`Config::watch`] off there is
    /// nothing to come.
    pub fn watch(&self) -> FileEvents {
        self.0.shared.listeners.add()
    }

    /// Waits until all folders are watched, and tells whether they are. Nothing is lost before:
    /// what changes meanwhile is reported at that moment.
    pub fn wait_until_watching(&self, most: Duration) -> bool {
        self.0.shared.wait_until_watching(most)
    }
}
