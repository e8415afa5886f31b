//! Previous texts: what a file was at its first opening or change in a session and in a phase, so
//! that a save does not wipe the diff. Equal texts are kept once.

use paige_protocol::Version;

use crate::row::row;
use crate::{Reader, StoreError, Unit};

row! {
    /// What a file was.
    pub struct PreviousText in "previous_texts LEFT JOIN texts USING (hash)" {
        /// The session.
        pub session_id: u32,
        /// The phase; `None` for the session as a whole.
        pub phase_id: Option<u32>,
        /// The file, relative to the project.
        pub path: String,
        /// Its text; `None` if the file did not exist.
        pub content: Option<String>,
        /// When it was kept.
        pub kept_at: String,
    }
}

/// Keeps what a file is now, if nothing is kept for it yet in this session and phase; says whether
/// it was kept. `content` is `None` for a file that does not exist. The caller sees to the limit of
/// 1 MB a file.
pub fn keep(
    unit: &mut Unit<'_>,
    session_id: u32,
    phase_id: Option<u32>,
    path: &str,
    content: Option<&str>,
) -> Result<bool, StoreError> {
    let now = unit.now();
    if is_kept(unit, session_id, phase_id, path)? {
        return Ok(false);
    }
    let hash = content.map(|content| Version::of(content.as_bytes()).as_str().to_owned());
    if let Some(hash) = &hash {
        unit.row(
            "INSERT INTO texts (hash, content) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            (hash, content),
        )?;
    }
    unit.row(
        "INSERT INTO previous_texts (session_id, phase_id, path, hash, kept_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        (session_id, phase_id, path, hash, now),
    )?;
    Ok(true)
}

/// Whether something is kept for a file in this session and phase.
pub fn is_kept(
    reader: &Reader<'_>,
    session_id: u32,
    phase_id: Option<u32>,
    path: &str,
) -> Result<bool, StoreError> {
    reader.value(
        "SELECT EXISTS (SELECT 1 FROM previous_texts
             WHERE session_id = ?1 AND ifnull(phase_id, 0) = ifnull(?2, 0) AND path = ?3)",
        (session_id, phase_id, path),
    )
}

/// What a file was, if something is kept for it.
pub fn get(
    reader: &Reader<'_>,
    session_id: u32,
    phase_id: Option<u32>,
    path: &str,
) -> Result<Option<PreviousText>, StoreError> {
    reader.one(
        crate::row::select!(
            PreviousText,
            "WHERE session_id = ?1 AND ifnull(phase_id, 0) = ifnull(?2, 0) AND path = ?3"
        ),
        (session_id, phase_id, path),
    )
}

/// Everything that is kept in a session and phase, by path.
pub fn list(
    reader: &Reader<'_>,
    session_id: u32,
    phase_id: Option<u32>,
) -> Result<Vec<PreviousText>, StoreError> {
    reader.all(
        crate::row::select!(
            PreviousText,
            "WHERE session_id = ?1 AND ifnull(phase_id, 0) = ifnull(?2, 0) ORDER BY path"
        ),
        (session_id, phase_id),
    )
}

/// Forgets what was kept in a session, and every text that nobody else keeps.
pub fn prune(unit: &mut Unit<'_>, session_id: u32) -> Result<(), StoreError> {
    unit.row(
        "DELETE FROM previous_texts WHERE session_id = ?1",
        [session_id],
    )?;
    drop_unused(unit)
}

/// Forgets every text that nobody keeps any more.
pub(super) fn drop_unused(unit: &mut Unit<'_>) -> Result<(), StoreError> {
    unit.row(
        "DELETE FROM texts WHERE NOT EXISTS
             (SELECT 1 FROM previous_texts WHERE previous_texts.hash = texts.hash)",
        [],
    )?;
    Ok(())
}

/// Forgets at most `limit` of what was kept in a session, and those texts that nobody else keeps.
pub(super) fn remove(unit: &mut Unit<'_>, session_id: u32, limit: u32) -> Result<(), StoreError> {
    let rows: Vec<(i64, Option<String>)> = unit.map(
        "SELECT id, hash FROM previous_texts WHERE session_id = ?1 LIMIT ?2",
        (session_id, limit),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (id, hash) in rows {
        unit.row("DELETE FROM previous_texts WHERE id = ?1", [id])?;
        unit.row(
            "DELETE FROM texts WHERE hash = ?1
                 AND NOT EXISTS (SELECT 1 FROM previous_texts WHERE hash = ?1)",
            [hash],
        )?;
    }
    Ok(())
}
