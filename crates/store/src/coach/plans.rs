//! Plans: at most one of a session is active, the older ones stay as history.

use crate::row::{returning, row, select};
use crate::{Reader, StoreError, Unit};

row! {
    /// A plan.
    pub struct Plan in "plans" {
        /// Its id.
        pub id: u32,
        /// The session it belongs to.
        pub session_id: u32,
        /// Its title.
        pub title: String,
        /// What is to be done.
        pub description: String,
        /// How many phases it has.
        pub total_phases: u32,
        /// The text it was made from.
        pub raw_plan_text: Option<String>,
        /// Whether it is the session's present plan.
        pub is_active: bool,
        /// When it was made.
        pub created_at: String,
        /// The earlier experience it builds on.
        pub memory_connection: Option<String>,
        /// How hard it is expected to be: `beginner`, `intermediate` or `advanced`.
        pub estimated_difficulty: Option<String>,
    }
}

/// A plan to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPlan {
    /// The session it belongs to.
    pub session_id: u32,
    /// Its title.
    pub title: String,
    /// What is to be done.
    pub description: String,
    /// How many phases it will have.
    pub total_phases: u32,
    /// The text it was made from.
    pub raw_plan_text: Option<String>,
}

/// Creates the session's active plan; the one before becomes history in the same unit.
pub fn create(unit: &mut Unit<'_>, new: &NewPlan) -> Result<Plan, StoreError> {
    let now = unit.now();
    unit.row(
        "UPDATE plans SET is_active = 0 WHERE session_id = ?1 AND is_active = 1",
        [new.session_id],
    )?;
    unit.add(
        returning!(
            Plan,
            "INSERT INTO plans (session_id, title, description, total_phases, raw_plan_text, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
        ),
        (
            new.session_id,
            &new.title,
            &new.description,
            new.total_phases,
            &new.raw_plan_text,
            now,
        ),
    )
}

/// The plan of that id.
pub fn by_id(reader: &Reader<'_>, id: u32) -> Result<Option<Plan>, StoreError> {
    reader.one(select!(Plan, "WHERE id = ?1"), [id])
}

/// The plans of a session, oldest first.
pub fn by_session(reader: &Reader<'_>, session_id: u32) -> Result<Vec<Plan>, StoreError> {
    reader.all(
        select!(Plan, "WHERE session_id = ?1 ORDER BY id"),
        [session_id],
    )
}

/// The active plan of a session.
pub fn active(reader: &Reader<'_>, session_id: u32) -> Result<Option<Plan>, StoreError> {
    reader.one(
        select!(Plan, "WHERE session_id = ?1 AND is_active = 1"),
        [session_id],
    )
}

/// Writes what the coach expects of a plan.
pub fn set_outlook(
    unit: &mut Unit<'_>,
    id: u32,
    memory_connection: Option<&str>,
    estimated_difficulty: Option<&str>,
) -> Result<Plan, StoreError> {
    unit.change(
        returning!(
            Plan,
            "UPDATE plans SET memory_connection = ?2, estimated_difficulty = ?3 WHERE id = ?1"
        ),
        (id, memory_connection, estimated_difficulty),
    )?
    .ok_or_else(|| super::not_found("plan", id))
}
