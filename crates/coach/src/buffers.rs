//! Unsaved text: updates from editors, and what of it is worth noticing.

use std::{collections::HashMap, sync::Arc};

use paige_protocol::{
    ErrorCode, ProjectPath,
    coach::{Action, files::CursorPosition},
};
use paige_workspace::{
    FileError,
    buffers::{Buffer, Cursor},
};

use crate::{Coach, CoachError, config};

/// How many characters each buffer had when it was last put on the timeline.
pub(crate) type Tallies = HashMap<ProjectPath, u32>;

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
        let updated = self.0.buffers.update(
            path,
            content.clone(),
            // Some editors count from 0; the text is what matters.
            Cursor {
                line: cursor.line.max(1),
                column: cursor.column.max(1),
            },
        );
        self.notice(
            path,
            count(updated.previous_chars.unwrap_or(0)),
            count(updated.chars),
        );
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

    /// Puts a significant change on the timeline at once (spec: story 4, AC 3).
    fn notice(&self, path: &ProjectPath, before: u32, now: u32) {
        let mut tallies = self.0.tallies.lock();
        let last = tallies.entry(path.clone()).or_insert(before);
        if !significant(*last, now, &self.0.config.buffers) {
            return;
        }
        let previous = std::mem::replace(last, now);
        drop(tallies);
        let delta = i64::from(now) - i64::from(previous);
        self.observe(&Action::BufferSignificantChange {
            path: path.to_string(),
            previous_char_count: previous,
            new_char_count: now,
            char_delta: i32::try_from(delta).unwrap_or(if delta < 0 { i32::MIN } else { i32::MAX }),
            percent_delta: (u64::from(now.abs_diff(previous)) * 100)
                .checked_div(u64::from(previous))
                .map(|percent| u32::try_from(percent).unwrap_or(u32::MAX)),
        });
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

fn significant(last: u32, now: u32, config: &config::Buffers) -> bool {
    let delta = u64::from(now.abs_diff(last));
    delta > u64::from(config.significant_chars)
        || delta * 100 > u64::from(last) * u64::from(config.significant_percent)
}

/// The characters of a text.
pub(crate) fn characters(text: &str) -> u32 {
    count(text.chars().count())
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_significant_beyond_half_or_500_characters() {
        let config = crate::Config::default().buffers;
        let cases = [
            (100, 150, false),
            (100, 151, true),
            (100, 50, false),
            (100, 49, true),
            (10_000, 10_500, false),
            (10_000, 10_501, true),
            (10_000, 9_499, true),
            (0, 1, true),
            (0, 0, false),
        ];
        for (last, now, expected) in cases {
            assert_eq!(significant(last, now, &config), expected, "{last} -> {now}");
        }
    }
}
