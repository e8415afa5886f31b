//! Backups of buffers: unsaved work outlives a crash (blueprint §2). They hang on the project and
//! not on a session.

use crate::row::{row, select};
use crate::{Reader, StoreError, Unit};

row! {
    /// What a buffer held when it was last backed up.
    pub struct BufferBackup in "buffer_backups" {
        /// The project's folder.
        pub project_dir: String,
        /// The file, relative to it.
        pub path: String,
        /// The text.
        pub content: String,
        /// The cursor's line, from 1; with it always the column.
        pub cursor_line: Option<u32>,
        /// The cursor's column, from 1.
        pub cursor_column: Option<u32>,
        /// The version of the file that the text grew from; `None` if there was no file.
        pub base_version: Option<String>,
        /// Whether it differs from the file.
        pub dirty: bool,
        /// When it was backed up.
        pub updated_at: String,
    }
}

/// What a buffer holds, to be backed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBackup {
    /// The project's folder.
    pub project_dir: String,
    /// The file, relative to it.
    pub path: String,
    /// The text.
    pub content: String,
    /// The cursor's line and column, from 1.
    pub cursor: Option<(u32, u32)>,
    /// The version of the file that the text grew from; `None` if there was no file.
    pub base_version: Option<String>,
    /// Whether it differs from the file.
    pub dirty: bool,
}

/// Backs a buffer up in the place of its last backup.
pub fn put(unit: &mut Unit<'_>, backup: &NewBackup) -> Result<(), StoreError> {
    let now = unit.now();
    unit.row(
        "INSERT INTO buffer_backups (project_dir, path, content, cursor_line, cursor_column,
             base_version, dirty, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT DO UPDATE SET content = excluded.content, cursor_line = excluded.cursor_line,
             cursor_column = excluded.cursor_column, base_version = excluded.base_version,
             dirty = excluded.dirty, updated_at = excluded.updated_at",
        (
            &backup.project_dir,
            &backup.path,
            &backup.content,
            backup.cursor.map(|cursor| cursor.0),
            backup.cursor.map(|cursor| cursor.1),
            &backup.base_version,
            backup.dirty,
            now,
        ),
    )?;
    Ok(())
}

/// The backup of one buffer.
pub fn get(
    reader: &Reader<'_>,
    project_dir: &str,
    path: &str,
) -> Result<Option<BufferBackup>, StoreError> {
    reader.one(
        select!(BufferBackup, "WHERE project_dir = ?1 AND path = ?2"),
        (project_dir, path),
    )
}

/// Every backup of a project, by path.
pub fn list(reader: &Reader<'_>, project_dir: &str) -> Result<Vec<BufferBackup>, StoreError> {
    reader.all(
        select!(BufferBackup, "WHERE project_dir = ?1 ORDER BY path"),
        [project_dir],
    )
}

/// Takes a backup away, since its buffer was saved or closed; says whether there was one.
pub fn delete(unit: &mut Unit<'_>, project_dir: &str, path: &str) -> Result<bool, StoreError> {
    let gone = unit.row(
        "DELETE FROM buffer_backups WHERE project_dir = ?1 AND path = ?2",
        (project_dir, path),
    )?;
    Ok(gone > 0)
}

/// Gives a backup its file's new name.
pub fn rename(
    unit: &mut Unit<'_>,
    project_dir: &str,
    path: &str,
    new_path: &str,
) -> Result<bool, StoreError> {
    let changed = unit.row(
        "UPDATE OR REPLACE buffer_backups SET path = ?3 WHERE project_dir = ?1 AND path = ?2",
        (project_dir, path, new_path),
    )?;
    Ok(changed > 0)
}
