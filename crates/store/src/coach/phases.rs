//! The phases of a plan: `pending → active → complete`, one active, never backwards.

use serde::{Deserialize, Serialize};

use crate::row::{Json, returning, row, select};
use crate::{Reader, StoreError, Unit};

use super::{HintLevel, PhaseStatus, not_found};

row! {
    /// A phase of a plan.
    pub struct Phase in "phases" {
        /// Its id.
        pub id: u32,
        /// The plan it belongs to.
        pub plan_id: u32,
        /// Its place in the plan, from 1.
        pub number: u32,
        /// Its title.
        pub title: String,
        /// The goal in the learner's words.
        pub description: String,
        /// The hint level it suggests.
        pub hint_level: HintLevel,
        /// The files it is expected to touch.
        pub expected_files: Json<Vec<String>>,
        /// How far it is.
        pub status: PhaseStatus,
        /// When it became active.
        pub started_at: Option<String>,
        /// When it became complete.
        pub completed_at: Option<String>,
        /// What it is for.
        pub teaching: Json<Teaching>,
    }
}

/// What a phase is for, as the coach has planned it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Teaching {
    /// The goal in the learner's words.
    pub goal: Option<String>,
    /// How they will know that it is done.
    pub done_when: Option<String>,
    /// What it teaches.
    pub teaches: Option<String>,
    /// Which earlier experience it connects to.
    pub memory_connection: Option<String>,
    /// Its part in the plan, for instance `reproduce`.
    pub kind: Option<String>,
}

/// A phase to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPhase {
    /// The plan it belongs to.
    pub plan_id: u32,
    /// Its place in the plan, from 1.
    pub number: u32,
    /// Its title.
    pub title: String,
    /// The goal in the learner's words.
    pub description: String,
    /// The hint level it suggests.
    pub hint_level: HintLevel,
    /// The files it is expected to touch.
    pub expected_files: Vec<String>,
}

/// Creates a pending phase.
pub fn create(unit: &mut Unit<'_>, new: &NewPhase) -> Result<Phase, StoreError> {
    unit.add(
        returning!(
            Phase,
            "INSERT INTO phases (plan_id, number, title, description, hint_level, expected_files, status)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'pending')"
        ),
        (
            new.plan_id,
            new.number,
            &new.title,
            &new.description,
            new.hint_level,
            Json(&new.expected_files),
        ),
    )
}

/// Writes what a phase is for.
pub fn set_teaching(
    unit: &mut Unit<'_>,
    id: u32,
    teaching: &Teaching,
) -> Result<Phase, StoreError> {
    unit.change(
        returning!(Phase, "UPDATE phases SET teaching = ?2 WHERE id = ?1"),
        (id, Json(teaching)),
    )?
    .ok_or_else(|| not_found("phase", id))
}

/// The phase of that id.
pub fn by_id(reader: &Reader<'_>, id: u32) -> Result<Option<Phase>, StoreError> {
    reader.one(select!(Phase, "WHERE id = ?1"), [id])
}

/// The phases of a plan in their order.
pub fn by_plan(reader: &Reader<'_>, plan_id: u32) -> Result<Vec<Phase>, StoreError> {
    reader.all(
        select!(Phase, "WHERE plan_id = ?1 ORDER BY number"),
        [plan_id],
    )
}

/// The phase of that number in a plan.
pub fn by_number(
    reader: &Reader<'_>,
    plan_id: u32,
    number: u32,
) -> Result<Option<Phase>, StoreError> {
    reader.one(
        select!(Phase, "WHERE plan_id = ?1 AND number = ?2"),
        (plan_id, number),
    )
}

/// The active phase of a plan.
pub fn active(reader: &Reader<'_>, plan_id: u32) -> Result<Option<Phase>, StoreError> {
    reader.one(
        select!(Phase, "WHERE plan_id = ?1 AND status = 'active'"),
        [plan_id],
    )
}

/// Takes a phase one step forward and notes the time. Any other step is [`StoreError::Invalid`]; a
/// second active phase of the plan is [`StoreError::is_unique`].
pub fn set_status(unit: &mut Unit<'_>, id: u32, status: PhaseStatus) -> Result<Phase, StoreError> {
    let now = unit.now();
    let changed = match status {
        PhaseStatus::Pending => None,
        PhaseStatus::Active => unit.change(
            returning!(
                Phase,
                "UPDATE phases SET status = 'active', started_at = ?2
                 WHERE id = ?1 AND status = 'pending'"
            ),
            (id, now),
        )?,
        PhaseStatus::Complete => unit.change(
            returning!(
                Phase,
                "UPDATE phases SET status = 'complete', completed_at = ?2
                 WHERE id = ?1 AND status = 'active'"
            ),
            (id, now),
        )?,
    };
    match (changed, by_id(unit, id)?) {
        (Some(phase), _) => Ok(phase),
        (None, None) => Err(not_found("phase", id)),
        (None, Some(phase)) => Err(StoreError::Invalid(format!(
            "phase {} is {} and cannot become {status}.",
            phase.number, phase.status
        ))),
    }
}
