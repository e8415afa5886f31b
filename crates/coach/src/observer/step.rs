//! What goes in at the beginning, and what comes out.

use paige_protocol::coach::Action;
use paige_store::coach::Stage;

use super::{breaker::Breaker, event::Phase, moment::Moment, nudge::Nudge, snapshot::Snapshot};

/// What is to be done after an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Put this on the timeline.
    Log(Action),
    /// Ask the triage model, and hand in what comes of it as [`Event::Answered`].
    Ask(Box<Ask>),
    /// Send this, put `nudge_sent` on the timeline and, where it says so, the gap on record.
    Nudge(Box<Nudge>),
    /// Tell everyone how the Observer is.
    Status(Status),
}

/// How the Observer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Whether it follows a session.
    pub active: bool,
    /// Whether it is muted.
    pub muted: bool,
    /// When it last asked.
    pub last_evaluation: Option<Moment>,
}

/// A question to the triage model.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// Its number, for the answer.
    pub id: u64,
    /// What the model is given.
    pub snapshot: Snapshot,
    /// Whether the pre-check, on or not, would let the call be made.
    pub precheck: bool,
}

/// What is kept over a restart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// Whether it is muted.
    pub muted: bool,
    /// When the last nudge was sent.
    pub last_nudge: Option<Moment>,
    /// When a model was last asked.
    pub last_evaluation: Option<Moment>,
    /// Updates of unsaved text since the last look that they made.
    pub updates: u32,
    /// Requests for an explanation in the session.
    pub explains: u32,
    /// The nudges of the phase.
    pub breaker: Breaker,
}

/// Where a session stands when the Observer begins to follow it.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// The stage by which the learner is treated.
    pub stage: Stage,
    /// The active phase, and when it began.
    pub phase: Option<(Phase, Moment)>,
    /// What was kept over a restart.
    pub kept: Kept,
    /// Whether there is a model to ask.
    pub online: bool,
}

impl Default for Start {
    fn default() -> Self {
        Self {
            stage: Stage::Novice,
            phase: None,
            kept: Kept::default(),
            online: true,
        }
    }
}
