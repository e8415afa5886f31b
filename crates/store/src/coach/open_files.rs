//! The files that are open in a session, by the human or by Claude.

use crate::row::{row, select};
use crate::{Reader, StoreError, Unit};

use super::OpenedBy;

row! {
    /// An open file.
    pub struct OpenFile in "open_files" {
        /// The session.
        pub session_id: u32,
        /// The file, relative to the project.
        pub path: String,
        /// Who opened it first.
        pub opened_by: OpenedBy,
        /// When.
        pub opened_at: String,
    }
}

/// Opens a file; says whether it was closed before.
pub fn open(
    unit: &mut Unit<'_>,
    session_id: u32,
    path: &str,
    opened_by: OpenedBy,
) -> Result<bool, StoreError> {
    let now = unit.now();
    let added = unit.row(
        "INSERT INTO open_files (session_id, path, opened_by, opened_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
        (session_id, path, opened_by, now),
    )?;
    Ok(added > 0)
}

/// Closes a file; says whether it was open.
pub fn close(unit: &mut Unit<'_>, session_id: u32, path: &str) -> Result<bool, StoreError> {
    let gone = unit.row(
        "DELETE FROM open_files WHERE session_id = ?1 AND path = ?2",
        (session_id, path),
    )?;
    Ok(gone > 0)
}

/// Gives an open file, or every one below a folder, its new name; says whether any was open.
pub fn rename(
    unit: &mut Unit<'_>,
    session_id: u32,
    path: &str,
    new_path: &str,
) -> Result<bool, StoreError> {
    let changed = unit.row(
        "UPDATE OR REPLACE open_files SET path = ?3 || substr(path, length(?2) + 1)
         WHERE session_id = ?1 AND (path = ?2 OR substr(path, 1, length(?2) + 1) = ?2 || '/')",
        (session_id, path, new_path),
    )?;
    Ok(changed > 0)
}

/// The open files of a session, in the order in which they were opened; those of one moment by path.
pub fn list(reader: &Reader<'_>, session_id: u32) -> Result<Vec<OpenFile>, StoreError> {
    reader.all(
        select!(OpenFile, "WHERE session_id = ?1 ORDER BY opened_at, path"),
        [session_id],
    )
}
