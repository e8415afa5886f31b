//! The stages of the person, one for each skill area; of no session.

use crate::row::{returning, row, select};
use crate::{Reader, StoreError, Unit};

use super::Stage;

row! {
    /// The present assessment of a skill area.
    pub struct Assessment in "dreyfus_assessments" {
        /// Its id.
        pub id: u32,
        /// The skill area.
        pub skill_area: String,
        /// The stage.
        pub stage: Stage,
        /// How sure that is, 0 to 1.
        pub confidence: f64,
        /// What it rests on.
        pub evidence: String,
        /// When.
        pub assessed_at: String,
    }
}

/// Stores an assessment in the place of the one before.
pub fn upsert(
    unit: &mut Unit<'_>,
    skill_area: &str,
    stage: Stage,
    confidence: f64,
    evidence: &str,
) -> Result<Assessment, StoreError> {
    let now = unit.now();
    unit.add(
        returning!(
            Assessment,
            "INSERT INTO dreyfus_assessments (skill_area, stage, confidence, evidence, assessed_at)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (skill_area) DO UPDATE SET stage = excluded.stage,
                 confidence = excluded.confidence, evidence = excluded.evidence,
                 assessed_at = excluded.assessed_at"
        ),
        (skill_area, stage, confidence, evidence, now),
    )
}

/// The assessment of a skill area.
pub fn by_skill_area(
    reader: &Reader<'_>,
    skill_area: &str,
) -> Result<Option<Assessment>, StoreError> {
    reader.one(select!(Assessment, "WHERE skill_area = ?1"), [skill_area])
}

/// Every assessment, by skill area.
pub fn list(reader: &Reader<'_>) -> Result<Vec<Assessment>, StoreError> {
    reader.all(select!(Assessment, "ORDER BY skill_area"), [])
}
