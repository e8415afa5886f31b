//! [`Buffers`]: the text of every open editor, in memory (spec: story 3, AC 2 to 4).
//!
//! Pure data: nothing here reads a file, and `coach::buffers` backs the unsaved ones up. Keys are
//! [`ProjectPath`]s, so that a file has one buffer however its path was written.
//!
//! * A `buffer:update` always makes its buffer dirty, also when the text is that on disk (spec 3.3):
//!   only a save, or a change on disk to the same text, makes it clean.
//! * A save and an update may cross. Who saves asks for the [`revision`](Buffers::revision) first;
//!   edits that came in after it stay, dirty, on the new base.
//! * A clean buffer follows the disk; a dirty one keeps its text and its base, so that its save is a
//!   conflict (blueprint §5).
//! * A file that is deleted on disk keeps its buffer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use paige_protocol::{ProjectPath, Version};
use parking_lot::RwLock;

/// Where the cursor of an editor stands; both numbers are 1-based.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The line.
    pub line: u32,
    /// The column, in UTF-16 units as editors count.
    pub column: u32,
}

impl Default for Cursor {
    fn default() -> Self {
        Self { line: 1, column: 1 }
    }
}

/// The text of one editor. Cheap to clone: the text is shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buffer {
    /// The whole text.
    pub content: Arc<str>,
    /// How many characters (Unicode scalar values) it has.
    pub chars: usize,
    /// Where the cursor was at the last update.
    pub cursor: Cursor,
    /// Whether it holds edits that were not saved.
    pub dirty: bool,
    /// When its text or its state last changed.
    pub last_updated: SystemTime,
    /// The version on disk that it is based on; `None`: there was no file.
    pub base_version: Option<Version>,
    /// Grows with every change of any buffer, and is never used twice.
    pub revision: u64,
}

/// What an update did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Updated {
    /// How many characters the buffer had before; `None`: there was no buffer.
    pub previous_chars: Option<usize>,
    /// How many it has now.
    pub chars: usize,
    /// The revision that it has now.
    pub revision: u64,
}

/// All buffers. Its methods only compute; they never block for long.
#[derive(Debug, Default)]
pub struct Buffers(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    buffers: BTreeMap<ProjectPath, Buffer>,
    revision: u64,
}

impl State {
    fn next(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    /// Puts a buffer that is equal to the disk, and keeps the cursor of one that is there.
    fn put_clean(&mut self, path: &ProjectPath, content: Arc<str>, version: Version) -> Buffer {
        let buffer = Buffer {
            chars: content.chars().count(),
            content,
            cursor: self
                .buffers
                .get(path)
                .map(|old| old.cursor)
                .unwrap_or_default(),
            dirty: false,
            last_updated: SystemTime::now(),
            base_version: Some(version),
            revision: self.next(),
        };
        self.buffers.insert(path.clone(), buffer.clone());
        buffer
    }
}

impl Buffers {
    /// The buffer of `path` (spec 3.4).
    pub fn get(&self, path: &ProjectPath) -> Option<Buffer> {
        self.0.read().buffers.get(path).cloned()
    }

    /// The revision of the buffer of `path`, to be asked for before a save; 0 when there is none.
    pub fn revision(&self, path: &ProjectPath) -> u64 {
        self.0
            .read()
            .buffers
            .get(path)
            .map_or(0, |buffer| buffer.revision)
    }

    /// All buffers, by path.
    pub fn all(&self) -> Vec<(ProjectPath, Buffer)> {
        self.list(|_| true)
    }

    /// The buffers that hold unsaved edits, by path.
    pub fn dirty(&self) -> Vec<(ProjectPath, Buffer)> {
        self.list(|buffer| buffer.dirty)
    }

    fn list(&self, keep: impl Fn(&Buffer) -> bool) -> Vec<(ProjectPath, Buffer)> {
        let state = self.0.read();
        let kept = state.buffers.iter().filter(|(_, buffer)| keep(buffer));
        kept.map(|(path, buffer)| (path.clone(), buffer.clone()))
            .collect()
    }

    /// An editor's text changed (spec 3.3): the last update wins, and the buffer is dirty. Without a
    /// buffer one is made, as for a file that does not exist; [`seed`](Self::seed) it before with
    /// what is on disk, if there is such a file.
    pub fn update(&self, path: &ProjectPath, content: Arc<str>, cursor: Cursor) -> Updated {
        let chars = content.chars().count();
        let mut state = self.0.write();
        let revision = state.next();
        let last_updated = SystemTime::now();
        let previous_chars = match state.buffers.get_mut(path) {
            Some(buffer) => {
                let previous = buffer.chars;
                *buffer = Buffer {
                    content,
                    chars,
                    cursor,
                    dirty: true,
                    last_updated,
                    base_version: buffer.base_version.take(),
                    revision,
                };
                Some(previous)
            }
            None => {
                let buffer = Buffer {
                    content,
                    chars,
                    cursor,
                    dirty: true,
                    last_updated,
                    base_version: None,
                    revision,
                };
                state.buffers.insert(path.clone(), buffer);
                None
            }
        };
        Updated {
            previous_chars,
            chars,
            revision,
        }
    }

    /// A file was opened, and this is what the disk has. A dirty buffer stays as it is; what is
    /// returned is what the editor should show. `seen` is the [`revision`](Self::revision) from
    /// before the disk was read: a save that came in since is newer than what was read.
    pub fn seed(
        &self,
        path: &ProjectPath,
        content: Arc<str>,
        version: Version,
        seen: u64,
    ) -> Buffer {
        let mut state = self.0.write();
        match state.buffers.get(path) {
            Some(buffer)
                if buffer.dirty
                    || buffer.revision != seen
                    || buffer.base_version.as_ref() == Some(&version) =>
            {
                buffer.clone()
            }
            _ => state.put_clean(path, content, version),
        }
    }

    /// `content` was saved and is `version` now; `seen` is the [`revision`](Self::revision) from
    /// before the save. If nothing came in since, the buffer has this text and is clean (spec 3.2),
    /// also where the editor had sent an older one. Otherwise the newer edits stay dirty, on the new
    /// base, unless they are the saved text.
    pub fn mark_saved(
        &self,
        path: &ProjectPath,
        content: Arc<str>,
        version: Version,
        seen: u64,
    ) -> Buffer {
        let mut state = self.0.write();
        let revision = state.next();
        match state.buffers.get_mut(path) {
            Some(buffer) if buffer.revision != seen && buffer.content != content => {
                buffer.base_version = Some(version);
                buffer.revision = revision;
                buffer.clone()
            }
            _ => state.put_clean(path, content, version),
        }
    }

    /// The file changed on disk. Returns the buffer if editors must be told: a clean one that has
    /// the new text. A dirty one stays, but is clean from now on if its text is the new one. `seen`
    /// is the [`revision`](Self::revision) from before the disk was read: an edit or a save that came
    /// in since is newer than what was read.
    pub fn follow_disk(
        &self,
        path: &ProjectPath,
        content: Arc<str>,
        version: Version,
        seen: u64,
    ) -> Option<Buffer> {
        let mut state = self.0.write();
        let buffer = state
            .buffers
            .get(path)
            .filter(|buffer| buffer.revision == seen)?;
        let same = buffer.content == content;
        if same && !buffer.dirty && buffer.base_version.as_ref() == Some(&version) {
            return None;
        }
        if buffer.dirty && !same {
            return None;
        }
        let buffer = state.put_clean(path, content, version);
        (!same).then_some(buffer)
    }

    /// Brings an unsaved buffer back after a restart, unless the path has a buffer again. Returns
    /// whether it did.
    pub fn restore(
        &self,
        path: ProjectPath,
        content: Arc<str>,
        cursor: Cursor,
        base_version: Option<Version>,
        last_updated: SystemTime,
    ) -> bool {
        let mut state = self.0.write();
        if state.buffers.contains_key(&path) {
            return false;
        }
        let buffer = Buffer {
            chars: content.chars().count(),
            content,
            cursor,
            dirty: true,
            last_updated,
            base_version,
            revision: state.next(),
        };
        state.buffers.insert(path, buffer);
        true
    }

    /// Forgets the buffer of `path` if it has no unsaved edits; says whether it did.
    pub fn remove_clean(&self, path: &ProjectPath) -> bool {
        let mut state = self.0.write();
        let clean = state.buffers.get(path).is_some_and(|buffer| !buffer.dirty);
        clean && state.buffers.remove(path).is_some()
    }

    /// The file or folder `from` is called `to` now: its buffers, and those below it, move along with
    /// their edits and base. A buffer that stood at a new path is replaced, so a rename onto a path
    /// with unsaved text must be refused before. Returns the old and new paths.
    pub fn rename(&self, from: &ProjectPath, to: &ProjectPath) -> Vec<(ProjectPath, ProjectPath)> {
        let mut state = self.0.write();
        let mut moved = Vec::new();
        for (old, mut buffer) in state.take_below(from) {
            let Some(new) = old.moved(from, to) else {
                continue;
            };
            buffer.revision = state.next();
            state.buffers.insert(new.clone(), buffer);
            moved.push((old, new));
        }
        moved
    }
}

impl State {
    fn take_below(&mut self, folder: &ProjectPath) -> Vec<(ProjectPath, Buffer)> {
        // What begins with the folder's name comes right after it; `a-b` stands between `a` and `a/b`.
        let paths: Vec<ProjectPath> = self
            .buffers
            .range(folder..)
            .map(|(path, _)| path)
            .take_while(|path| path.as_str().starts_with(folder.as_str()))
            .filter(|path| path.is_below(folder))
            .cloned()
            .collect();
        paths
            .into_iter()
            .filter_map(|path| self.buffers.remove_entry(&path))
            .collect()
    }
}

#[cfg(test)]
mod tests;
