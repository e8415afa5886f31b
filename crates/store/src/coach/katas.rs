//! Katas: practice exercises, and the attempts at them.

use serde::{Deserialize, Serialize};

use crate::row::{Json, returning, row, select};
use crate::{Reader, StoreError, Unit};

use super::{KataKind, KataProof, not_found};

row! {
    /// A kata.
    pub struct Kata in "kata_specs" {
        /// Its id.
        pub id: u32,
        /// The gap it is to close.
        pub gap_id: u32,
        /// What it asks for; `None` in rows that were made before there were kinds.
        pub kind: Option<KataKind>,
        /// Its title.
        pub title: String,
        /// The task.
        pub description: String,
        /// What the learner starts from.
        pub scaffolding_code: String,
        /// For the reviewer only; never leaves the backend but in its prompt.
        pub instructor_notes: String,
        /// Additional demands that unlock by level.
        pub constraints: Json<Vec<Constraint>>,
        /// Every attempt, oldest first.
        pub user_attempts: Json<Vec<Attempt>>,
        /// When it was made.
        pub created_at: String,
        /// Whether it has been shown to work; only then it is offered.
        pub proof: KataProof,
    }
}

/// An additional demand of a kata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Constraint {
    /// Names it within the kata.
    pub id: String,
    /// A few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The demand.
    pub description: String,
    /// From which level on it is open, 1 to 10; 1 is open from the start.
    pub min_level: u32,
}

/// An attempt at a kata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// What was handed in.
    pub code: String,
    /// What the reviewer said.
    pub review: String,
    /// The level that was reached, 1 to 10.
    pub level: u32,
    /// Whether it was passed.
    pub passed: bool,
    /// The ids of the constraints that were active.
    pub constraints: Vec<String>,
    /// When.
    pub submitted_at: String,
}

/// A kata to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKata {
    /// The gap it is to close.
    pub gap_id: u32,
    /// What it asks for.
    pub kind: KataKind,
    /// Its title.
    pub title: String,
    /// The task.
    pub description: String,
    /// What the learner starts from.
    pub scaffolding_code: String,
    /// For the reviewer only.
    pub instructor_notes: String,
    /// Additional demands.
    pub constraints: Vec<Constraint>,
}

/// Creates a kata without attempts.
pub fn create(unit: &mut Unit<'_>, new: &NewKata) -> Result<Kata, StoreError> {
    let now = unit.now();
    unit.add(
        returning!(
            Kata,
            "INSERT INTO kata_specs (gap_id, kind, title, description, scaffolding_code,
                 instructor_notes, constraints, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        ),
        (
            new.gap_id,
            new.kind,
            &new.title,
            &new.description,
            &new.scaffolding_code,
            &new.instructor_notes,
            Json(&new.constraints),
            now,
        ),
    )
}

/// The kata of that id.
pub fn by_id(reader: &Reader<'_>, id: u32) -> Result<Option<Kata>, StoreError> {
    reader.one(select!(Kata, "WHERE id = ?1"), [id])
}

/// Appends an attempt; the earlier ones stay as they are (spec: story 2, AC 9).
pub fn append_attempt(unit: &mut Unit<'_>, id: u32, attempt: &Attempt) -> Result<Kata, StoreError> {
    unit.change(
        returning!(
            Kata,
            "UPDATE kata_specs SET user_attempts = json_insert(user_attempts, '$[#]', json(?2))
             WHERE id = ?1"
        ),
        (id, Json(attempt)),
    )?
    .ok_or_else(|| not_found("kata", id))
}

/// Every kata, newest first.
pub fn list(reader: &Reader<'_>) -> Result<Vec<Kata>, StoreError> {
    reader.all(select!(Kata, "ORDER BY id DESC"), [])
}

/// The katas of a gap, oldest first.
pub fn by_gap(reader: &Reader<'_>, gap_id: u32) -> Result<Vec<Kata>, StoreError> {
    reader.all(select!(Kata, "WHERE gap_id = ?1 ORDER BY id"), [gap_id])
}
