//! Progress events: what the learner did in a phase, and with how much help.

use serde::{Deserialize, Serialize};

use crate::row::{Json, row, select};
use crate::{Reader, StoreError, Unit};

use super::HintLevel;

/// What happened in a phase, with its details. The table holds the kind and the details in two
/// columns; this type is the one that knows which details belong to which kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event_type", content = "data", rename_all = "snake_case")]
pub enum Progress {
    /// A hint was shown for the first time.
    HintUsed {
        /// The hint.
        hint_id: u32,
        /// The hint level at that moment.
        hint_level: HintLevel,
        /// The file it points at.
        path: String,
        /// The rung that it had: a file 1, lines 2, a hover text 3.
        rung: u32,
    },
    /// The hint level was raised.
    HintEscalated {
        /// What it was.
        from_level: HintLevel,
        /// What it became.
        to_level: HintLevel,
        /// The phase.
        phase_id: u32,
    },
    /// A review was asked for.
    ReviewRequested {
        /// What was to be reviewed.
        context: String,
        /// The phase.
        phase_id: u32,
    },
    /// A review was passed.
    ReviewPassed {
        /// 0 to 10, where one was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        review_score: Option<f64>,
        /// The verdict in short.
        feedback_summary: String,
    },
    /// A review was not passed.
    ReviewFailed {
        /// The verdict.
        feedback: String,
        /// How many issues it names.
        issues_count: u32,
    },
}

impl Progress {
    /// Checks details that came from outside against their kind. `Err` says what is wrong.
    pub fn parse(event_type: &str, data: &str) -> Result<Self, StoreError> {
        let invalid =
            |error: &dyn std::fmt::Display| StoreError::Invalid(format!("{event_type}: {error}."));
        let data: serde_json::Value =
            serde_json::from_str(data).map_err(|error| invalid(&error))?;
        let whole = serde_json::json!({ "event_type": event_type, "data": data });
        serde_json::from_value(whole).map_err(|error| invalid(&error))
    }

    /// The word for its kind.
    pub fn event_type(&self) -> &'static str {
        match self {
            Self::HintUsed { .. } => "hint_used",
            Self::HintEscalated { .. } => "hint_escalated",
            Self::ReviewRequested { .. } => "review_requested",
            Self::ReviewPassed { .. } => "review_passed",
            Self::ReviewFailed { .. } => "review_failed",
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        let fine = match self {
            Self::HintUsed { rung, .. } => (1..=4).contains(rung),
            Self::ReviewPassed {
                review_score: Some(score),
                ..
            } => (0.0..=10.0).contains(score),
            _ => true,
        };
        if fine {
            return Ok(());
        }
        Err(StoreError::Invalid(format!(
            "the details of {} are out of range.",
            self.event_type()
        )))
    }
}

/// A progress event.
#[derive(Debug, Clone, PartialEq)]
pub struct ProgressEvent {
    /// Its id.
    pub id: u32,
    /// The phase it belongs to.
    pub phase_id: u32,
    /// What happened.
    pub progress: Progress,
    /// When.
    pub created_at: String,
}

row! {
    /// An event as the table has it.
    struct RawEvent in "progress_events" {
        /// Its id.
        pub id: u32,
        /// The phase it belongs to.
        pub phase_id: u32,
        /// The word for its kind.
        pub event_type: String,
        /// Its details.
        pub data: Option<String>,
        /// When.
        pub created_at: String,
    }
}

impl RawEvent {
    fn typed(self) -> Result<ProgressEvent, StoreError> {
        Ok(ProgressEvent {
            id: self.id,
            phase_id: self.phase_id,
            progress: Progress::parse(&self.event_type, self.data.as_deref().unwrap_or("null"))?,
            created_at: self.created_at,
        })
    }
}

/// Records an event. Details out of range are [`StoreError::Invalid`].
pub fn record(
    unit: &mut Unit<'_>,
    phase_id: u32,
    progress: Progress,
) -> Result<ProgressEvent, StoreError> {
    progress.check()?;
    let whole =
        serde_json::to_value(&progress).map_err(|error| StoreError::Invalid(error.to_string()))?;
    let created_at = unit.now().to_owned();
    let id = unit.insert(
        "INSERT INTO progress_events (phase_id, event_type, data, created_at) VALUES (?1, ?2, ?3, ?4)",
        (
            phase_id,
            progress.event_type(),
            Json(whole.get("data")),
            &created_at,
        ),
    )?;
    Ok(ProgressEvent {
        id,
        phase_id,
        progress,
        created_at,
    })
}

/// The events of a phase in the order in which they happened.
pub fn by_phase(reader: &Reader<'_>, phase_id: u32) -> Result<Vec<ProgressEvent>, StoreError> {
    let raw: Vec<RawEvent> = reader.all(
        select!(RawEvent, "WHERE phase_id = ?1 ORDER BY id"),
        [phase_id],
    )?;
    raw.into_iter().map(RawEvent::typed).collect()
}

/// Whether a hint was used before with this rung: it counts once.
pub fn hint_was_used(
    reader: &Reader<'_>,
    phase_id: u32,
    hint_id: u32,
    rung: u32,
) -> Result<bool, StoreError> {
    reader.value(
        "SELECT EXISTS (SELECT 1 FROM progress_events
             WHERE phase_id = ?1 AND event_type = 'hint_used'
                 AND data ->> 'hint_id' = ?2 AND data ->> 'rung' = ?3)",
        (phase_id, hint_id, rung),
    )
}

/// The highest rung of help that was used in a phase; `None` when there was none.
pub fn highest_rung(reader: &Reader<'_>, phase_id: u32) -> Result<Option<u32>, StoreError> {
    reader.value(
        "SELECT max(data ->> 'rung') FROM progress_events
             WHERE phase_id = ?1 AND event_type = 'hint_used'",
        [phase_id],
    )
}

/// How many hints were used in a phase.
pub fn hints_used(reader: &Reader<'_>, phase_id: u32) -> Result<u32, StoreError> {
    reader.value(
        "SELECT count(*) FROM progress_events WHERE phase_id = ?1 AND event_type = 'hint_used'",
        [phase_id],
    )
}
