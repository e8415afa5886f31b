//! The desk of the coach: its typed rows, and a module of functions for each table.
//!
//! Looking takes a [`Reader`](crate::Reader) (a [`Unit`](crate::Unit) is one as well), changing takes
//! a `&mut Unit`. The functions keep the shape of rows and what the tables promise (one active
//! session, plan, phase; phases only forward); when something may be done is decided by the rules
//! above. Ids are integers, times ISO 8601 UTC text with milliseconds.

pub mod actions;
pub mod buffers;
pub mod dreyfus;
pub mod forget;
pub mod gaps;
pub mod hint_level_spans;
pub mod hints;
pub mod issue_labels;
pub mod katas;
pub mod marks;
pub mod materials;
pub mod mcp_sessions;
pub mod observers;
pub mod open_files;
pub mod phases;
pub mod plans;
pub mod previous_texts;
pub mod progress;
pub mod retention;
pub mod sessions;
pub mod stage_decisions;
mod words;
pub mod wrap_up;

/// The ledger of model calls; its scope is the session.
pub use crate::ledger as api_calls;
pub use words::{
    Agent, HintLevel, HintLevelSource, HintType, JobStatus, KataKind, KataProof, MaterialStatus,
    MaterialType, OpenedBy, Origin, PhaseStatus, SessionStatus, Severity, Stage, StartedBy, Style,
};

use crate::StoreError;

fn not_found(what: &'static str, id: impl ToString) -> StoreError {
    StoreError::NotFound {
        what,
        id: id.to_string(),
    }
}

#[cfg(test)]
mod tests;
