//! Knowledge gaps: one row per topic, whose frequency rises when it is met again.

use crate::row::{Json, returning, row, select};
use crate::{Reader, StoreError, Unit};

use super::{Severity, not_found};

row! {
    /// A knowledge gap.
    pub struct Gap in "knowledge_gaps" {
        /// Its id.
        pub id: u32,
        /// The session in which it was first seen.
        pub session_id: u32,
        /// What is not known.
        pub topic: String,
        /// How much that stands in the way: the worst seen.
        pub severity: Severity,
        /// What it was seen by: the last evidence.
        pub evidence: String,
        /// What it hangs together with.
        pub related_concepts: Json<Vec<String>>,
        /// Whether it was closed since it was last seen.
        pub addressed: bool,
        /// How many times it was seen.
        pub frequency: u32,
        /// When it was first seen.
        pub identified_at: String,
        /// When it was last seen.
        pub last_encountered_at: String,
    }
}

/// A gap that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGap {
    /// The session in which it was seen.
    pub session_id: u32,
    /// What is not known.
    pub topic: String,
    /// How much that stands in the way.
    pub severity: Severity,
    /// What it was seen by.
    pub evidence: String,
    /// What it hangs together with.
    pub related_concepts: Vec<String>,
}

/// Which gaps to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter<'a> {
    /// Only those closed, or only those open.
    pub addressed: Option<bool>,
    /// Only of this severity.
    pub severity: Option<Severity>,
    /// Only those last seen at this time or later.
    pub since: Option<&'a str>,
}

/// Records a gap. A topic that is known already, in whatever capitals, is met again: its frequency
/// rises, it is open again, the worse severity and the newer evidence stay, concepts are added.
pub fn record(unit: &mut Unit<'_>, new: &NewGap) -> Result<Gap, StoreError> {
    let now = unit.now();
    let topic = new.topic.trim();
    let gap = match by_topic(unit, topic)? {
        None => unit.add::<Gap>(
            returning!(
                Gap,
                "INSERT INTO knowledge_gaps (session_id, topic, severity, evidence, related_concepts,
                     identified_at, last_encountered_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)"
            ),
            (
                new.session_id,
                topic,
                new.severity,
                &new.evidence,
                Json(&new.related_concepts),
                now,
            ),
        )?,
        Some(mut known) => {
            let concepts = &mut known.related_concepts.0;
            for concept in &new.related_concepts {
                if !concepts.contains(concept) {
                    concepts.push(concept.clone());
                }
            }
            unit.add::<Gap>(
                returning!(
                    Gap,
                    "UPDATE knowledge_gaps SET frequency = frequency + 1, addressed = 0, severity = ?2,
                         evidence = ?3, related_concepts = ?4, last_encountered_at = ?5
                     WHERE id = ?1"
                ),
                (
                    known.id,
                    known.severity.max(new.severity),
                    &new.evidence,
                    &known.related_concepts,
                    now,
                ),
            )?
        }
    };
    unit.row(
        "INSERT INTO gap_sightings (session_id, gap_id, seen_at) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at",
        (new.session_id, gap.id, now),
    )?;
    Ok(gap)
}

/// The gap of that id.
pub fn by_id(reader: &Reader<'_>, id: u32) -> Result<Option<Gap>, StoreError> {
    reader.one(select!(Gap, "WHERE id = ?1"), [id])
}

/// The gap of that topic, in whatever capitals.
pub fn by_topic(reader: &Reader<'_>, topic: &str) -> Result<Option<Gap>, StoreError> {
    reader.one(select!(Gap, "WHERE topic = ?1 COLLATE NOCASE"), [topic])
}

/// The gaps that were seen in a session, in the order in which they became known.
pub fn by_session(reader: &Reader<'_>, session_id: u32) -> Result<Vec<Gap>, StoreError> {
    reader.all(
        select!(
            Gap,
            "WHERE id IN (SELECT gap_id FROM gap_sightings WHERE session_id = ?1) ORDER BY id"
        ),
        [session_id],
    )
}

/// In how many sessions a gap was seen.
pub fn sessions_seen(reader: &Reader<'_>, id: u32) -> Result<u32, StoreError> {
    reader.value("SELECT count(*) FROM gap_sightings WHERE gap_id = ?1", [id])
}

/// The first `limit` gaps of all sessions that pass the filter: the worst first, then the most
/// frequent, then the latest.
pub fn list(reader: &Reader<'_>, filter: &Filter<'_>, limit: u32) -> Result<Vec<Gap>, StoreError> {
    reader.all(
        select!(
            Gap,
            "WHERE (?1 IS NULL OR addressed = ?1) AND (?2 IS NULL OR severity = ?2)
                 AND (?3 IS NULL OR last_encountered_at >= ?3)
             ORDER BY CASE severity WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END,
                 frequency DESC, last_encountered_at DESC, id
             LIMIT ?4"
        ),
        (filter.addressed, filter.severity, filter.since, limit),
    )
}

/// Marks a gap as closed, or opens it again.
pub fn set_addressed(unit: &mut Unit<'_>, id: u32, addressed: bool) -> Result<Gap, StoreError> {
    unit.change(
        returning!(
            Gap,
            "UPDATE knowledge_gaps SET addressed = ?2 WHERE id = ?1"
        ),
        (id, addressed),
    )?
    .ok_or_else(|| not_found("knowledge gap", id))
}
