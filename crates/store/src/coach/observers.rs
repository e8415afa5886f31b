//! What the Observer keeps of a session over a restart.

use std::collections::BTreeMap;

use crate::row::{Json, row, select};
use crate::{Reader, StoreError, Unit};

row! {
    /// What the Observer keeps of a session.
    pub struct Observer in "observers" {
        /// The session.
        pub session_id: u32,
        /// Whether it is muted.
        pub muted: bool,
        /// When the last nudge was sent.
        pub last_nudge_at: Option<String>,
        /// When a model was last asked.
        pub last_evaluation_at: Option<String>,
        /// Updates of unsaved text since the last look that they made.
        pub buffer_updates: u32,
        /// Requests for an explanation in the session.
        pub explain_requests: u32,
        /// How many nudges of each kind were sent in the present phase.
        pub nudges: Json<BTreeMap<String, u32>>,
    }
}

/// What is kept of a session, if anything is.
pub fn of_session(reader: &Reader<'_>, session_id: u32) -> Result<Option<Observer>, StoreError> {
    reader.one(select!(Observer, "WHERE session_id = ?1"), [session_id])
}

/// Keeps all but whether it is muted, which is the human's word and has a way of its own. Does nothing for a
/// session that is not there any more.
pub fn keep(unit: &mut Unit<'_>, kept: &Observer) -> Result<(), StoreError> {
    unit.row(
        "INSERT INTO observers (session_id, last_nudge_at, last_evaluation_at, buffer_updates, explain_requests, nudges)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM sessions WHERE id = ?1)
         ON CONFLICT (session_id) DO UPDATE SET last_nudge_at = ?2, last_evaluation_at = ?3, buffer_updates = ?4,
             explain_requests = ?5, nudges = ?6",
        (
            kept.session_id,
            &kept.last_nudge_at,
            &kept.last_evaluation_at,
            kept.buffer_updates,
            kept.explain_requests,
            &kept.nudges,
        ),
    )?;
    Ok(())
}

/// Mutes it, or does not any more.
pub fn mute(unit: &mut Unit<'_>, session_id: u32, muted: bool) -> Result<(), StoreError> {
    unit.row(
        "INSERT INTO observers (session_id, muted) VALUES (?1, ?2)
         ON CONFLICT (session_id) DO UPDATE SET muted = ?2",
        (session_id, muted),
    )?;
    Ok(())
}
