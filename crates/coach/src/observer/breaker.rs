//! The circuit breaker: help that did not help is not repeated but becomes more direct (coaching.md §3).

use std::collections::BTreeMap;

use paige_protocol::coach::coaching::{BreakerStep, Signal};
use serde::{Deserialize, Serialize};

/// How many nudges of each kind were sent in the present phase.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Breaker(BTreeMap<String, u32>);

impl Breaker {
    /// The counts as they were kept.
    pub fn of(counts: BTreeMap<String, u32>) -> Self {
        Self(counts)
    }

    /// What the next nudge of this kind is to do.
    pub fn next(&self, signal: Signal) -> BreakerStep {
        match self.0.get(word(signal)).copied().unwrap_or_default() {
            0 => BreakerStep::Ask,
            1 => BreakerStep::Reframe,
            2 => BreakerStep::Decompose,
            3 => BreakerStep::Lateral,
            _ => BreakerStep::Rung4,
        }
    }

    /// Counts a nudge of this kind.
    pub(super) fn sent(&mut self, signal: Signal) {
        let count = self.0.entry(word(signal).to_owned()).or_default();
        *count = count.saturating_add(1);
    }

    /// A green test or a completed phase: what was hard is done.
    pub(super) fn reset(&mut self) {
        self.0.clear();
    }

    /// Whether a sketch was allowed: a nudge of some kind has reached the last step.
    pub fn allows_sketch(&self) -> bool {
        self.0.values().any(|count| *count >= 5)
    }

    /// How many nudges of each kind were sent.
    pub fn counts(&self) -> &BTreeMap<String, u32> {
        &self.0
    }
}

/// A signal as the wire has it.
pub(super) fn word(signal: Signal) -> &'static str {
    match signal {
        Signal::StuckOnImplementation => "stuck_on_implementation",
        Signal::LongIdle => "long_idle",
        Signal::ExcessiveHints => "excessive_hints",
        Signal::RepeatedErrors => "repeated_errors",
        Signal::WrongFile => "wrong_file",
        Signal::ScopeDrift => "scope_drift",
        Signal::PhaseComplete => "phase_complete",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_nudge_of_a_kind_is_more_direct_than_the_one_before() {
        use BreakerStep as S;
        let mut breaker = Breaker::default();
        let steps: Vec<_> = (0..6)
            .map(|_| {
                let step = breaker.next(Signal::WrongFile);
                breaker.sent(Signal::WrongFile);
                step
            })
            .collect();
        assert_eq!(
            steps,
            [
                S::Ask,
                S::Reframe,
                S::Decompose,
                S::Lateral,
                S::Rung4,
                S::Rung4
            ]
        );
        assert!(breaker.allows_sketch());
        assert_eq!(breaker.next(Signal::LongIdle), S::Ask);
        breaker.reset();
        assert_eq!(breaker.next(Signal::WrongFile), S::Ask);
        assert!(!breaker.allows_sketch());
    }

    #[test]
    fn words_are_those_of_the_wire() {
        for signal in [
            Signal::StuckOnImplementation,
            Signal::LongIdle,
            Signal::ExcessiveHints,
            Signal::RepeatedErrors,
            Signal::WrongFile,
            Signal::ScopeDrift,
            Signal::PhaseComplete,
        ] {
            assert_eq!(serde_json::json!(signal), word(signal));
        }
    }
}
