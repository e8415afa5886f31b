//! What was proposed about the learner's stages, and what the rule made of it.

use crate::row::{returning, row, select};
use crate::{Reader, StoreError, Unit};

use super::Stage;

row! {
    /// A decision about a stage.
    pub struct StageDecision in "stage_decisions" {
        /// Its id.
        pub id: u32,
        /// The session in which it was proposed.
        pub session_id: Option<u32>,
        /// The skill area.
        pub skill_area: String,
        /// The stage that was proposed.
        pub proposed: Stage,
        /// How sure the proposal was, 0 to 1.
        pub proposed_confidence: f64,
        /// What the proposal rests on.
        pub evidence: String,
        /// Phases completed without help in that session that count for it.
        pub independent_completions: u32,
        /// Whether the stage became the proposed one.
        pub accepted: bool,
        /// The stage that holds after it.
        pub decided: Stage,
        /// Why.
        pub reason: String,
        /// When.
        pub decided_at: String,
    }
}

/// A decision to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewStageDecision {
    /// The session in which it was proposed.
    pub session_id: Option<u32>,
    /// The skill area.
    pub skill_area: String,
    /// The stage that was proposed.
    pub proposed: Stage,
    /// How sure the proposal was, 0 to 1.
    pub proposed_confidence: f64,
    /// What the proposal rests on.
    pub evidence: String,
    /// Phases completed without help in that session that count for it.
    pub independent_completions: u32,
    /// Whether the stage became the proposed one.
    pub accepted: bool,
    /// The stage that holds after it.
    pub decided: Stage,
    /// Why.
    pub reason: String,
}

/// Writes a decision.
pub fn record(unit: &mut Unit<'_>, new: &NewStageDecision) -> Result<StageDecision, StoreError> {
    let now = unit.now();
    unit.add(
        returning!(
            StageDecision,
            "INSERT INTO stage_decisions (session_id, skill_area, proposed, proposed_confidence,
                 evidence, independent_completions, accepted, decided, reason, decided_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        ),
        (
            new.session_id,
            &new.skill_area,
            new.proposed,
            new.proposed_confidence,
            &new.evidence,
            new.independent_completions,
            new.accepted,
            new.decided,
            &new.reason,
            now,
        ),
    )
}

/// The decisions about a skill area, newest first.
pub fn by_skill_area(
    reader: &Reader<'_>,
    skill_area: &str,
    limit: u32,
) -> Result<Vec<StageDecision>, StoreError> {
    reader.all(
        select!(
            StageDecision,
            "WHERE skill_area = ?1 ORDER BY id DESC LIMIT ?2"
        ),
        (skill_area, limit),
    )
}

/// The decisions of a session in their order.
pub fn by_session(reader: &Reader<'_>, session_id: u32) -> Result<Vec<StageDecision>, StoreError> {
    reader.all(
        select!(StageDecision, "WHERE session_id = ?1 ORDER BY id"),
        [session_id],
    )
}
