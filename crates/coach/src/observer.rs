//! The Observer: it follows a session and decides whether the learner is to be spoken to unasked (spec:
//! story 10; decisions, the rows on the Observer; coaching.md §3).
//!
//! # How it is driven
//!
//! [`State`] is plain data: no clock, no store, no socket. Whoever drives it hands in one [`Event`] after
//! another, each with its [`Moment`], and does what the [`Step`]s say:
//!
//! 1. `State::new(config, Start { .. }, now)` when a session starts; [`State::status`] is to be told.
//! 2. Before each event: while [`State::due`] is not later than the event, `state.on(Event::Tick, due)`.
//! 3. `state.on(event, at)`. Entries of the timeline become events by [`Event::of_action`] (an entry as
//!    `paige-sidecar export --format json` has it, `{"actionType", "data"}`, is a serde form of
//!    [`Action`](paige_protocol::coach::Action); [`Moment::parse`] reads its time). A raw update of unsaved
//!    text is [`Event::Edited`]; without `before` it is compared with what was last seen of the file.
//!    What belongs to the expected files by imports is [`Event::Neighbours`], after `PhaseStarted`.
//! 4. [`Step::Ask`] holds the [`Snapshot`] (it serialises to what the model is given) and a number; the
//!    answer, or what failed, goes in as [`Event::Answered`] with that number, at the moment at which it
//!    comes. Meanwhile nothing else is asked.
//! 5. [`Step::Nudge`] is a nudge that is sent; [`Step::Log`] is what stands on the timeline: every look is
//!    there, as `observer_triage`, or as `nudge_suppressed` with its reason.
//! 6. `Event::SessionEnded` at the end: it tells the looks that were counted and not told yet.
//!
//! [`Snapshot::signals`] is what the rules alone say ([`Facts::reasons`], [`told_as`]);
//! [`State::without`] leaves one rule out. Numbers are [`Config`].

mod breaker;
mod change;
mod config;
mod edits;
pub mod eval;
mod event;
mod flow;
mod imports;
mod judge;
mod look;
mod moment;
mod nudge;
mod place;
mod recall;
mod record;
mod runs;
mod signals;
mod snapshot;
mod state;
mod step;
mod task;
mod triage;
mod view;

pub use breaker::Breaker;
pub use config::{Config, Profile, Signals};
pub use event::{Event, Neighbours, Path, Phase};
pub use imports::neighbours;
pub use judge::Judge;
pub use moment::Moment;
pub use nudge::{MARKER, Nudge};
pub(crate) use record::tell_status;
pub use signals::{Fact, Facts, Holds, Noticed};
pub use snapshot::{Diff, EditLoop, OpenFile, PhaseView, RecentAction, RepeatedError, Snapshot};
pub use state::State;
pub use step::{Ask, Kept, Start, Status, Step};
pub(crate) use task::Ear;
pub use triage::{SuggestedContext, Triage, told_as};

#[cfg(test)]
mod tests;
