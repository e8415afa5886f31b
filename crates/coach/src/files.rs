//! Opened, saved and changed files.

use std::sync::Arc;

use paige_protocol::{
    ErrorCode, ProjectPath, Version,
    coach::{
        Action, ServerMessage,
        editor::OpenFile,
        files::{BufferUpdated, CursorPosition, EntryKind, FsContent, FsSaveAck},
    },
};
use paige_store::coach::{OpenedBy, buffers, open_files};
use paige_workspace::{FileError, line_count};

use crate::{Coach, CoachError, buffers::characters, log, observer, push};

/// The open files, in the order in which they were opened, by whom.
#[derive(Debug, Default)]
pub(crate) struct OpenFiles(Vec<ProjectPath>);

impl OpenFiles {
    /// Whether it was not open before.
    fn add(&mut self, path: &ProjectPath) -> bool {
        let new = !self.0.contains(path);
        if new {
            self.0.push(path.clone());
        }
        new
    }

    fn remove(&mut self, path: &ProjectPath) -> bool {
        let before = self.0.len();
        self.0.retain(|open| open != path);
        self.0.len() < before
    }

    pub(crate) fn paths(&self) -> &[ProjectPath] {
        &self.0
    }

    pub(crate) fn replace(&mut self, paths: Vec<ProjectPath>) {
        self.0 = paths;
    }
}

/// A save that is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// The direct answer; the push to all is on its way.
    pub ack: FsSaveAck,
    /// The new text for the windows that showed another one.
    pub news: Option<Arc<str>>,
}

/// What a file shows: the buffer's text when it has unsaved edits, the disk's otherwise.
struct View {
    content: String,
    line_count: u32,
    version: Option<Version>,
    dirty: bool,
}

impl Coach {
    /// A file that the human opens (spec: story 5, AC 2).
    ///
    /// # Errors
    /// When it cannot be read; a binary file is an answer and no error.
    pub fn open_by_human(&self, path: &ProjectPath) -> Result<FsContent, CoachError> {
        let view = match self.view(path) {
            Ok(view) => view,
            Err(CoachError::File(FileError::NotText { binary: true, .. })) => {
                return Ok(FsContent {
                    path: path.to_string(),
                    content: String::new(),
                    language: paige_workspace::language(path).to_owned(),
                    line_count: 0,
                    version: None,
                    dirty: false,
                    is_binary: true,
                });
            }
            Err(error) => return Err(error),
        };
        self.observe(&Action::FileOpen {
            path: path.to_string(),
        });
        if self.0.open_files.lock().add(path) {
            self.record_open(path.clone());
        }
        Ok(FsContent {
            path: path.to_string(),
            language: paige_workspace::language(path).to_owned(),
            line_count: view.line_count,
            content: view.content,
            version: view.version,
            dirty: view.dirty,
            is_binary: false,
        })
    }

    /// Writes down that a file is open. That the human opened it is an observation (blueprint §2),
    /// so that nobody waits for it.
    fn record_open(&self, path: ProjectPath) {
        let Some(session) = self.active_session_id() else {
            return;
        };
        self.0.store.write_behind("an open file", move |unit| {
            open_files::open(unit, session, path.as_str(), OpenedBy::User).map(|_| ())
        });
    }

    /// A file that Claude shows to the human (spec: story 6, AC 8).
    ///
    /// # Errors
    /// Without an active session, or when the file cannot be shown as text.
    pub async fn open_by_claude(&self, path: &str) -> Result<ProjectPath, CoachError> {
        let path = self.path(path)?;
        let _rules = self.0.rules.lock().await;
        let session = self.active()?.id;
        let view = self.view(&path)?;
        let message = ServerMessage::OpenFile(OpenFile {
            path: path.to_string(),
            language: paige_workspace::language(&path).to_owned(),
            line_count: view.line_count,
            content: view.content,
            version: view.version,
        });
        let opened = path.clone();
        self.commit(move |unit| {
            open_files::open(unit, session, opened.as_str(), OpenedBy::Claude)?;
            log(
                unit,
                Some(session),
                &Action::FileOpen {
                    path: opened.to_string(),
                },
            )?;
            push(unit, &message)
        })
        .await?;
        self.0.open_files.lock().add(&path);
        Ok(path)
    }

    /// Reads a file for showing it, and keeps the disk's text as its clean buffer, so that it
    /// follows the disk from now on. Unsaved text is what is shown where there is some.
    fn view(&self, path: &ProjectPath) -> Result<View, CoachError> {
        let buffer = match self.buffer(path) {
            Some(buffer) if buffer.dirty => buffer,
            buffer => {
                let seen = buffer.map_or(0, |buffer| buffer.revision);
                let file = self.0.workspace.read(path)?;
                self.0
                    .buffers
                    .seed(path, file.text.into(), file.version, seen)
            }
        };
        self.keep_previous(path, Some(buffer.content.clone()));
        Ok(View {
            line_count: line_count(&buffer.content),
            content: buffer.content.as_ref().to_owned(),
            version: buffer.base_version,
            dirty: buffer.dirty,
        })
    }

    /// A file that the human closes. Its buffer is kept when it has unsaved edits.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn close_file(&self, path: &ProjectPath) -> Result<(), CoachError> {
        if self.0.buffers.remove_clean(path) {
            self.0.tallies.lock().forget(path);
        }
        let session = self.active_session_id();
        if self.0.open_files.lock().remove(path)
            && let Some(session) = session
        {
            let path = path.clone();
            self.0
                .store
                .commit(move |unit| -> Result<(), CoachError> {
                    open_files::close(unit, session, path.as_str())?;
                    Ok(())
                })
                .await?;
        }
        self.observe(&Action::FileClose {
            path: path.to_string(),
        });
        Ok(())
    }

    /// The revision of a file's buffer, to be asked for before a save: what comes in while the pen
    /// writes stays unsaved. What the file was is kept.
    pub fn before_save(&self, path: &ProjectPath) -> u64 {
        self.before_change(path);
        self.0.buffers.revision(path)
    }

    /// Records a save that the pen has made of a text whose buffer had the revision `seen` (spec:
    /// story 5, AC 3; blueprint §5). Waits for the disk, so that it is never called on the reactor.
    ///
    /// # Errors
    /// When the database fails; the file is saved all the same.
    pub fn file_saved(
        &self,
        path: &ProjectPath,
        content: Arc<str>,
        version: Version,
        seen: u64,
    ) -> Result<Saved, CoachError> {
        let before = self.buffer(path).map(|buffer| buffer.content);
        let after = self
            .0
            .buffers
            .mark_saved(path, content.clone(), version.clone(), seen);
        let still_dirty = after.dirty;
        // Whatever becomes of the record: what is backed up belongs to the state before the save.
        self.0.backup.wanted(path.clone());
        let session = self.active_session_id();
        let project = self.0.project_dir.clone();
        let char_count = characters(&content);
        let saved = path.clone();
        let ack = self
            .0
            .store
            .commit_blocking(move |unit| -> Result<FsSaveAck, CoachError> {
                let ack = FsSaveAck {
                    path: saved.to_string(),
                    success: true,
                    timestamp: unit.now().to_owned(),
                    version,
                };
                if !still_dirty {
                    buffers::delete(unit, &project, saved.as_str())?;
                }
                log(
                    unit,
                    session,
                    &Action::FileSave {
                        path: saved.to_string(),
                        char_count,
                    },
                )?;
                push(unit, &ServerMessage::FsSaveAck(ack.clone()))?;
                Ok(ack)
            })?;
        self.hand_over(|| observer::Event::FileSaved(path.to_string().into()));
        let news = before
            .is_none_or(|before| before != content)
            .then_some(content)
            .filter(|_| !still_dirty);
        Ok(Saved { ack, news })
    }

    /// Records that a file or folder was made.
    ///
    /// # Errors
    /// When the database fails; the entry is there all the same.
    pub async fn entry_created(
        &self,
        path: &ProjectPath,
        kind: EntryKind,
    ) -> Result<(), CoachError> {
        self.record(Action::FileCreate {
            path: path.to_string(),
            kind,
        })
        .await
    }

    /// Whether unsaved text stands at a path, or below it: it would be lost when something is moved
    /// there.
    pub fn has_unsaved_text(&self, path: &ProjectPath) -> bool {
        let dirty = self.0.buffers.dirty();
        dirty.iter().any(|(dirty, _)| dirty.is_below(path))
    }

    /// Records that a file or folder has another path. Buffers and open files go with it.
    ///
    /// # Errors
    /// When the database fails; the entry has moved all the same.
    pub async fn entry_renamed(
        &self,
        from: &ProjectPath,
        to: &ProjectPath,
    ) -> Result<(), CoachError> {
        let _rules = self.0.rules.lock().await;
        let buffers = self.moved(from, to);
        let project = self.0.project_dir.clone();
        let session = self.active_session_id();
        let action = Action::FileRename {
            path: from.to_string(),
            new_path: to.to_string(),
        };
        let (from, to) = (from.to_string(), to.to_string());
        self.0
            .store
            .commit(move |unit| {
                for (old, new) in &buffers {
                    buffers::rename(unit, &project, old.as_str(), new.as_str())?;
                }
                if let Some(session) = session {
                    open_files::rename(unit, session, &from, &to)?;
                    paige_store::coach::marks::rename(unit, session, &from, &to)?;
                }
                log(unit, session, &action)
            })
            .await
    }

    /// Lets what is kept in memory of a file, or of all below a folder, follow a rename. Returns the
    /// old and new paths of the buffers.
    fn moved(&self, from: &ProjectPath, to: &ProjectPath) -> Vec<(ProjectPath, ProjectPath)> {
        let follow = |path: &ProjectPath| path.moved(from, to);
        let buffers = self.0.buffers.rename(from, to);
        for (old, new) in &buffers {
            self.0.backup.wanted(old.clone());
            self.0.backup.wanted(new.clone());
        }
        let mut open = self.0.open_files.lock();
        let paths = open
            .paths()
            .iter()
            .map(|path| follow(path).unwrap_or_else(|| path.clone()))
            .collect();
        open.replace(paths);
        drop(open);
        self.0.marks.lock().rename(follow);
        self.0.tallies.lock().rename(from, to);
        buffers
    }

    /// Records that a file or folder went to the trash. Unsaved text of it is kept.
    ///
    /// # Errors
    /// When the database fails; the entry is gone all the same.
    pub async fn entry_deleted(&self, path: &ProjectPath) -> Result<(), CoachError> {
        self.record(Action::FileDelete {
            path: path.to_string(),
        })
        .await
    }

    async fn record(&self, action: Action) -> Result<(), CoachError> {
        let session = self.active_session_id();
        self.0
            .store
            .commit(move |unit| log(unit, session, &action))
            .await
    }

    /// Lets a clean buffer follow the disk, and says what the windows are to show. A dirty one keeps
    /// its base, so that its save will be a conflict; a deleted file's buffer stays (blueprint §5).
    pub fn file_changed_on_disk(&self, path: &ProjectPath) -> Option<BufferUpdated> {
        let buffer = self.buffer(path)?;
        let file = match self.0.workspace.read(path) {
            Ok(file) => file,
            Err(error) if error.code() == ErrorCode::FileNotFound => return None,
            Err(error) => {
                tracing::debug!(%path, %error, "A changed file cannot be read.");
                return None;
            }
        };
        if buffer.base_version.as_ref() == Some(&file.version) {
            return None;
        }
        self.keep_previous(path, Some(buffer.content.clone()));
        let text: Arc<str> = file.text.into();
        let followed =
            self.0
                .buffers
                .follow_disk(path, text.clone(), file.version.clone(), buffer.revision);
        if buffer.dirty {
            // Another program may have written the very text that was unsaved here.
            self.0.backup.wanted(path.clone());
        }
        followed?;
        self.0.tallies.lock().forget(path);
        Some(BufferUpdated {
            path: path.to_string(),
            content: text.as_ref().to_owned(),
            cursor_position: CursorPosition {
                line: buffer.cursor.line,
                column: buffer.cursor.column,
            },
            client_id: None,
            version: Some(file.version),
        })
    }

    /// Whether a file's buffer is still based on this version of the disk.
    pub fn is_based_on(&self, path: &ProjectPath, version: &Version) -> bool {
        self.buffer(path)
            .is_some_and(|buffer| buffer.base_version.as_ref() == Some(version))
    }

    /// The files that have a buffer: those whose text must follow the disk.
    pub fn buffered_files(&self) -> Vec<ProjectPath> {
        let all = self.0.buffers.all();
        all.into_iter().map(|(path, _)| path).collect()
    }
}
