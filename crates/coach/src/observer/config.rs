//! The numbers of the Observer, each with its reason in `coaching.toml`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Problem, teach::ByStage};

/// When the Observer looks, asks and nudges (decisions, the rows on the Observer; coaching.md §1, §3).
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whether it follows sessions at all.
    pub enabled: bool,
    /// How eager it is.
    pub profile: Profile,
    /// A model is only asked when a computed signal asks for a look.
    pub precheck: bool,
    /// From this confidence on a nudge is sent.
    pub confidence: f64,
    /// So many updates of unsaved text make one look.
    pub updates_per_look: u32,
    /// So many requests for an explanation make one look.
    pub explains_per_look: u32,
    /// The least time between two nudges, before the factor of the stage.
    pub cooldown_seconds: u32,
    /// A nudge that was not typed by then is not typed any more.
    pub nudge_expires_seconds: u32,
    /// So long a model may think.
    pub triage_seconds: u32,
    /// What the cooldown is multiplied with.
    pub cooldown_factor: ByStage<f64>,
    /// In the strict profile: how long a phase lasts before the first nudge.
    pub struggle_seconds: ByStage<u32>,
    /// When a signal holds.
    pub signals: Signals,
}

/// How eager the Observer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// It nudges whenever there is reason to.
    Default,
    /// It lets a phase begin without nudges: struggling is how one learns.
    Strict,
}

/// When a computed signal holds (coaching.md §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Signals {
    /// Edit loop: changes of a region.
    pub loop_changes: u32,
    /// Edit loop: how long a change is remembered.
    pub loop_window_seconds: u32,
    /// Edit loop: a text that stood so long is one that was tried.
    pub settled_ms: u32,
    /// Wrong file: editing for so long.
    pub wrong_file_seconds: u32,
    /// Wrong file: a pause between two edits counts up to this.
    pub edit_gap_seconds: u32,
    /// Reading: at least so long.
    pub reading_from_seconds: u32,
    /// Reading: at most so long.
    pub reading_to_seconds: u32,
    /// Scope drift: lines outside.
    pub drift_lines: u32,
    /// Scope drift: files outside.
    pub drift_files: u32,
    /// Repeated error: runs with the same line.
    pub error_runs: u32,
    /// Idle: so long without an action.
    pub idle_seconds: u32,
    /// Hint hunger: so many requests.
    pub hunger_requests: u32,
    /// Hint hunger: within this time.
    pub hunger_seconds: u32,
    /// Flow: more actions than this.
    pub flow_actions: u32,
    /// Flow: within this time.
    pub flow_seconds: u32,
    /// Flow: updates of one file within this time are one action.
    pub flow_update_seconds: u32,
}

impl Config {
    /// How long a model may think.
    pub fn triage_limit(&self) -> Duration {
        Duration::from_secs(self.triage_seconds.into())
    }

    /// Every number that makes no sense.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !(0.0..=1.0).contains(&self.confidence) {
            problems.push(Problem {
                name: "observer.confidence",
                message: format!(
                    "A confidence is from 0 to 1, so that a nudge cannot need {}.",
                    self.confidence
                ),
            });
        }
        let factors = self.cooldown_factor;
        for factor in [
            factors.novice,
            factors.advanced_beginner,
            factors.competent,
            factors.proficient,
            factors.expert,
        ] {
            if !(factor.is_finite() && (0.0..=1000.0).contains(&factor)) {
                problems.push(Problem {
                    name: "observer.cooldown_factor",
                    message: format!(
                        "The cooldown is multiplied with 0 to 1000, not with {factor}."
                    ),
                });
            }
        }
        let s = &self.signals;
        for (name, value) in [
            ("observer.updates_per_look", self.updates_per_look),
            ("observer.explains_per_look", self.explains_per_look),
            ("observer.nudge_expires_seconds", self.nudge_expires_seconds),
            ("observer.triage_seconds", self.triage_seconds),
            ("observer.signals.loop_changes", s.loop_changes),
            (
                "observer.signals.loop_window_seconds",
                s.loop_window_seconds,
            ),
            ("observer.signals.wrong_file_seconds", s.wrong_file_seconds),
            ("observer.signals.drift_lines", s.drift_lines),
            ("observer.signals.drift_files", s.drift_files),
            ("observer.signals.error_runs", s.error_runs),
            ("observer.signals.idle_seconds", s.idle_seconds),
            ("observer.signals.hunger_requests", s.hunger_requests),
            ("observer.signals.flow_seconds", s.flow_seconds),
        ] {
            if value == 0 {
                problems.push(Problem {
                    name,
                    message: "It must be at least 1.".to_owned(),
                });
            }
        }
        if s.reading_from_seconds >= s.reading_to_seconds {
            problems.push(Problem {
                name: "observer.signals.reading_to_seconds",
                message: format!(
                    "Reading lasts from {} to {} seconds; the second number must be larger.",
                    s.reading_from_seconds, s.reading_to_seconds
                ),
            });
        }
        // What is kept of each is a list of at most this length.
        for (name, value) in [
            ("observer.signals.flow_actions", s.flow_actions),
            ("observer.signals.hunger_requests", s.hunger_requests),
            ("observer.signals.error_runs", s.error_runs),
            ("observer.signals.loop_changes", s.loop_changes),
        ] {
            let most = match name {
                "observer.signals.flow_actions" => 1000,
                "observer.signals.hunger_requests" => 100,
                "observer.signals.error_runs" => super::runs::MOST_RUNS,
                _ => super::edits::MOST_STATES - 1,
            };
            if value as usize > most {
                problems.push(Problem {
                    name,
                    message: format!("It is at most {most}, not {value}."),
                });
            }
        }
        problems
    }
}
