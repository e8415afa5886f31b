//! How long which hint level was set.

use crate::row::{row, select};
use crate::{Reader, StoreError, Unit};

use super::HintLevel;

row! {
    /// A time in which one hint level was set.
    pub struct HintLevelSpan in "hint_level_spans" {
        /// Its id.
        pub id: u32,
        /// The session.
        pub session_id: u32,
        /// The level.
        pub level: HintLevel,
        /// From when on.
        pub started_at: String,
        /// Until when; `None` while it lasts.
        pub ended_at: Option<String>,
    }
}

/// Begins a span and ends the one before. The level that is set already goes on.
pub fn begin(unit: &mut Unit<'_>, session_id: u32, level: HintLevel) -> Result<(), StoreError> {
    let now = unit.now();
    unit.row(
        "UPDATE hint_level_spans SET ended_at = ?3
         WHERE session_id = ?1 AND ended_at IS NULL AND level <> ?2",
        (session_id, level, now),
    )?;
    unit.row(
        "INSERT INTO hint_level_spans (session_id, level, started_at)
         SELECT ?1, ?2, ?3 WHERE NOT EXISTS
             (SELECT 1 FROM hint_level_spans WHERE session_id = ?1 AND ended_at IS NULL)",
        (session_id, level, now),
    )?;
    Ok(())
}

/// Ends the span that lasts.
pub fn end(unit: &mut Unit<'_>, session_id: u32) -> Result<(), StoreError> {
    let now = unit.now();
    unit.row(
        "UPDATE hint_level_spans SET ended_at = ?2 WHERE session_id = ?1 AND ended_at IS NULL",
        (session_id, now),
    )?;
    Ok(())
}

/// The spans of a session in their order.
pub fn by_session(reader: &Reader<'_>, session_id: u32) -> Result<Vec<HintLevelSpan>, StoreError> {
    reader.all(
        select!(HintLevelSpan, "WHERE session_id = ?1 ORDER BY id"),
        [session_id],
    )
}
