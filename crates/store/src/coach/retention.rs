//! Retention: what happened in sessions that ended long ago, and what files were then, goes with time.
//!
//! What was learned in them stays: the session's row, its plan and phases, knowledge gaps, katas,
//! material and money.

use crate::{Reader, StoreError, Unit, timeline};

use super::previous_texts;

/// The most entries that one unit takes away, so that a waiting one is never held up for long.
const ENTRIES: u32 = 500;
/// The most texts that one unit takes away; each may be a megabyte.
const TEXTS: u32 = 10;

/// Takes away a small part of what ended before this time: entries of the timeline, marks, open files
/// and previous texts of ended sessions, and entries without a session that are older. Says whether
/// there may be more. Never touches the active session.
///
/// The newest entry of all stays, however old, since its number must not be given out again.
pub fn prune(unit: &mut Unit<'_>, before: &str) -> Result<bool, StoreError> {
    let Some(session) = expendable(unit, before)? else {
        let gone = timeline::remove(unit, None, Some(before), ENTRIES)?;
        return Ok(gone > 0);
    };
    for sql in [
        "DELETE FROM marks WHERE session_id = ?1",
        "DELETE FROM open_files WHERE session_id = ?1",
    ] {
        unit.row(sql, [session])?;
    }
    let gone = timeline::remove(unit, Some(session), None, ENTRIES)?;
    if gone == 0 {
        previous_texts::remove(unit, session, TEXTS)?;
    }
    Ok(true)
}

/// A session that ended before this time and of which there is something to take away.
fn expendable(reader: &Reader<'_>, before: &str) -> Result<Option<u32>, StoreError> {
    let found = reader.map(
        "SELECT id FROM sessions
         WHERE ended_at < ?1
             AND (EXISTS (SELECT 1 FROM action_log WHERE session_id = sessions.id
                      AND action_log.id < (SELECT max(id) FROM action_log))
                 OR EXISTS (SELECT 1 FROM previous_texts WHERE session_id = sessions.id)
                 OR EXISTS (SELECT 1 FROM marks WHERE session_id = sessions.id)
                 OR EXISTS (SELECT 1 FROM open_files WHERE session_id = sessions.id))
         ORDER BY id LIMIT 1",
        [before],
        |row| row.get(0),
    )?;
    Ok(found.first().copied())
}
