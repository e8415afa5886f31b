//! What the triage model answers, and what of it counts.

use paige_protocol::coach::coaching::{Signal, SuppressionReason};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::signals::{Facts, Holds, Noticed};

/// The answer of the triage model.
///
/// `signal` is a word and no closed list: a word that there is not is an answer that is ignored and
/// logged, not one that is asked for again (decisions, "Triage answers").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Triage {
    /// Whether a nudge would help now.
    pub should_nudge: bool,
    /// How sure you are, from 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub confidence: f64,
    /// One of: stuck_on_implementation, long_idle, excessive_hints, repeated_errors, wrong_file, scope_drift, phase_complete, no_nudge.
    pub signal: String,
    /// Why, in one or two sentences. It is logged and not shown.
    pub reasoning: String,
    /// What the coach should know to speak about it.
    #[serde(default)]
    pub suggested_context: Option<SuggestedContext>,
}

/// What the coach should know to speak about it. It counts as far as the snapshot bears it out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SuggestedContext {
    /// The file that the learner looks at.
    #[serde(default)]
    pub current_file: Option<String>,
    /// The file of the phase that they should look at.
    #[serde(default)]
    pub expected_file: Option<String>,
    /// How long they have looked at the file.
    #[serde(default)]
    pub time_in_file: Option<String>,
}

impl Triage {
    /// What is wrong with the answer, as a sentence; the rest is a matter of judgement.
    ///
    /// # Errors
    /// When the confidence is not from 0 to 1.
    pub fn check(&self) -> Result<(), String> {
        if (0.0..=1.0).contains(&self.confidence) {
            return Ok(());
        }
        Err(format!(
            "`confidence` is a number from 0 to 1, not {}.",
            self.confidence
        ))
    }

    /// What was noticed; `None` for `no_nudge`, an error for a word that there is not.
    pub(super) fn noticed(&self) -> Result<Option<Signal>, SuppressionReason> {
        Ok(Some(
            match self.signal.trim().to_ascii_lowercase().as_str() {
                "stuck_on_implementation" | "edit_loop" => Signal::StuckOnImplementation,
                "long_idle" | "idle" => Signal::LongIdle,
                "excessive_hints" => Signal::ExcessiveHints,
                "repeated_errors" => Signal::RepeatedErrors,
                "wrong_file" => Signal::WrongFile,
                "scope_drift" => Signal::ScopeDrift,
                "phase_complete" => Signal::PhaseComplete,
                "no_nudge" => return Ok(None),
                _ => return Err(SuppressionReason::UnknownSignal),
            },
        ))
    }
}

/// Whether the record says the opposite of what a model noticed. That somebody is stuck can be seen from
/// more than a loop of edits, so that nothing speaks against it.
pub(super) fn is_refuted(signal: Signal, facts: &Facts) -> bool {
    let computed = match signal {
        Signal::StuckOnImplementation => return false,
        Signal::LongIdle => Noticed::Idle,
        Signal::ExcessiveHints => Noticed::HintHunger,
        Signal::RepeatedErrors => Noticed::RepeatedError,
        Signal::WrongFile => Noticed::WrongFile,
        Signal::ScopeDrift => Noticed::ScopeDrift,
        Signal::PhaseComplete => Noticed::Done,
    };
    facts.of(computed) == Holds::No
}

/// The signal under which something that was computed would be told, were it up to the computed alone.
pub fn told_as(noticed: Noticed) -> Option<Signal> {
    Some(match noticed {
        Noticed::EditLoop => Signal::StuckOnImplementation,
        Noticed::Idle => Signal::LongIdle,
        Noticed::HintHunger => Signal::ExcessiveHints,
        Noticed::RepeatedError => Signal::RepeatedErrors,
        Noticed::WrongFile => Signal::WrongFile,
        Noticed::ScopeDrift => Signal::ScopeDrift,
        Noticed::Done => Signal::PhaseComplete,
        Noticed::ReadingForContext | Noticed::Flow => return None,
    })
}
