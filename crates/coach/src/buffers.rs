//! Unsaved text: updates from editors.

use std::sync::Arc;

use paige_protocol::{ErrorCode, ProjectPath, coach::files::CursorPosition};
use paige_workspace::{
    FileError,
    buffers::{Buffer, Cursor},
};

use crate::{Coach, CoachError, observer};

impl Coach {
    /// Takes the unsaved text of an editor (spec: story 5, AC 4). It is backed up within a second.
    ///
    /// # Errors
    /// When the text is larger than the limit, or the path names something that is no text file of
    /// the project.
    pub fn buffer_updated(
        &self,
        path: &ProjectPath,
        content: &Arc<str>,
        cursor: CursorPosition,
    ) -> Result<(), CoachError> {
        let limit = self.0.workspace.max_file_bytes();
        if content.len() as u64 > limit {
            return Err(FileError::TooLarge {
                path: path.clone(),
                size: content.len() as u64,
                limit,
            }
            .into());
        }
        if self.0.buffers.revision(path) == 0 {
            self.adopt(path)?;
        }
        let before = self.buffer(path).map(|buffer| buffer.content);
        if self.wants_previous(path) {
            self.keep_previous(path, before.clone());
        }
        let updated = self.0.buffers.update(
            path,
            content.clone(),
            // Some editors count from 0; the text is what matters.
            Cursor {
                line: cursor.line.max(1),
                column: cursor.column.max(1),
            },
        );
        self.hand_over(|| observer::Event::Edited {
            path: path.to_string().into(),
            before: Some(before.unwrap_or_default()),
            text: Some(content.clone()),
        });
        self.notice(path, updated.previous_chars.unwrap_or(0), updated.chars);
        self.0.backup.wanted(path.clone());
        Ok(())
    }

    /// Starts a buffer for a file that was not opened before it was edited, on the disk's text.
    fn adopt(&self, path: &ProjectPath) -> Result<(), CoachError> {
        match self.0.workspace.read(path) {
            Ok(file) => {
                self.0.buffers.seed(path, file.text.into(), file.version, 0);
                Ok(())
            }
            Err(error) if error.code() == ErrorCode::FileNotFound => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What stands in a file for everyone: the buffer's text when there is one, else the disk's.
    pub(crate) fn current_text(&self, path: &ProjectPath) -> Result<Arc<str>, CoachError> {
        match self.0.buffers.get(path) {
            Some(buffer) => Ok(buffer.content),
            None => Ok(self.0.workspace.read(path)?.text.into()),
        }
    }

    /// The buffer of a file, if there is one.
    pub(crate) fn buffer(&self, path: &ProjectPath) -> Option<Buffer> {
        self.0.buffers.get(path)
    }
}

/// The characters of a text.
pub(crate) fn characters(text: &str) -> u32 {
    count(text.chars().count())
}

/// A count as the wire has it.
pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
