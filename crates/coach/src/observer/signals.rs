//! The signals that are computed before any model is asked (coaching.md §3).

use std::time::Duration;

use serde::Serialize;

use super::{
    event::Path,
    moment::{Moment, spoken},
    place::Place,
    state::State,
};

/// What is noticed without a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Noticed {
    /// The same lines go back and forth.
    EditLoop,
    /// Work in files that the phase is not about.
    WrongFile,
    /// Reading around: no reason to nudge.
    ReadingForContext,
    /// Much was changed that the phase is not about.
    ScopeDrift,
    /// The same error again and again.
    RepeatedError,
    /// Nothing was done for long.
    Idle,
    /// Help is asked for again and again.
    HintHunger,
    /// The learner is at work: no reason to nudge.
    Flow,
    /// The phase looks done.
    Done,
}

/// Whether a signal holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// What it is computed from is not connected, so that nothing can be said (decisions, "Sources").
    Unavailable,
}

/// A signal with what it was noticed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// Which.
    pub signal: Noticed,
    /// Whether it holds.
    pub holds: Holds,
    /// What it was noticed from, or why nothing can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// All of them, each once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Facts(pub Vec<Fact>);

impl Facts {
    /// Whether a signal holds.
    pub fn of(&self, signal: Noticed) -> Holds {
        self.0
            .iter()
            .find(|fact| fact.signal == signal)
            .map_or(Holds::Unavailable, |fact| fact.holds)
    }

    /// The signals that are a reason to look and hold.
    pub fn reasons(&self) -> impl Iterator<Item = Noticed> {
        let reasons = self.0.iter().filter(|fact| {
            fact.holds == Holds::Yes
                && !matches!(fact.signal, Noticed::Flow | Noticed::ReadingForContext)
        });
        reasons.map(|fact| fact.signal)
    }

    /// Whether a call is worth it: a signal asks for a look, and neither flow nor reading asks for peace
    /// (coaching.md §3, the pre-check).
    pub fn worth_a_call(&self) -> bool {
        self.reasons().next().is_some()
            && self.of(Noticed::Flow) != Holds::Yes
            && self.of(Noticed::ReadingForContext) != Holds::Yes
    }
}

/// Editing outside, without a look at what is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Astray {
    pub(super) path: Path,
    pub(super) editing: Duration,
    pub(super) last: Moment,
}

fn fact(signal: Noticed, evidence: Option<String>) -> Fact {
    Fact {
        signal,
        holds: if evidence.is_some() {
            Holds::Yes
        } else {
            Holds::No
        },
        evidence,
    }
}

fn unavailable(signal: Noticed, why: &str) -> Fact {
    Fact {
        signal,
        holds: Holds::Unavailable,
        evidence: Some(why.to_owned()),
    }
}

const NO_PHASE: &str = "no phase with expected files is active";
const NO_RUNS: &str = "no run of a command was ever told";
const NO_TESTS: &str = "no run of tests was ever told";

impl State {
    /// Every signal as it stands.
    pub(super) fn facts(&self, now: Moment) -> Facts {
        Facts(vec![
            fact(Noticed::EditLoop, self.edit_loop()),
            self.with_phase(Noticed::WrongFile, || self.wrong_file(now)),
            self.with_phase(Noticed::ReadingForContext, || self.reading(now)),
            self.with_phase(Noticed::ScopeDrift, || self.drift()),
            if self.runs.told {
                fact(Noticed::RepeatedError, self.repeated_error())
            } else {
                unavailable(Noticed::RepeatedError, NO_RUNS)
            },
            fact(Noticed::Idle, self.idle(now)),
            fact(Noticed::HintHunger, self.hunger(now)),
            fact(Noticed::Flow, self.flow.evidence(now)),
            if self.runs.tests_told {
                self.with_phase(Noticed::Done, || self.done())
            } else {
                unavailable(Noticed::Done, NO_TESTS)
            },
        ])
    }

    fn with_phase(&self, signal: Noticed, evidence: impl FnOnce() -> Option<String>) -> Fact {
        if self.is_guided() {
            fact(signal, evidence())
        } else {
            unavailable(signal, NO_PHASE)
        }
    }

    /// The same region changed three times, with the text returning to an earlier state.
    fn edit_loop(&self) -> Option<String> {
        let worst = self.edits.loops(&self.config.signals).into_iter().next()?;
        Some(format!(
            "{} lines {} to {} changed {} times, {} times back to an earlier text",
            worst.path, worst.lines.0, worst.lines.1, worst.changes, worst.returns
        ))
    }

    /// Minutes of edits outside the expected files and their importers, with no reading of an expected
    /// file meanwhile.
    fn wrong_file(&self, now: Moment) -> Option<String> {
        let astray = self.astray.as_ref()?;
        let numbers = &self.config.signals;
        let is_long = astray.editing.as_secs() >= numbers.wrong_file_seconds.into();
        let is_fresh = now.since(astray.last).as_secs() <= numbers.idle_seconds.into();
        (is_long && is_fresh).then(|| {
            format!(
                "edited {} for {} without a look at an expected file",
                astray.path,
                spoken(astray.editing)
            )
        })
    }

    /// Opens without edits, for a while but not for long, of related files.
    fn reading(&self, now: Moment) -> Option<String> {
        let numbers = &self.config.signals;
        let (from, to) = (
            u64::from(numbers.reading_from_seconds) * 1000,
            u64::from(numbers.reading_to_seconds) * 1000,
        );
        let visit = self.view.now.as_ref()?;
        let dwell = now.0.saturating_sub(visit.since.0);
        if visit.edited || dwell > to || !self.is_related(&visit.path) {
            return None;
        }
        // Who goes from file to file has just come to this one.
        let came_reading = self
            .view
            .before
            .as_ref()
            .is_some_and(|(before, dwell)| !before.edited && (from..=to).contains(dwell));
        (dwell >= from || came_reading)
            .then(|| format!("reads {}, a related file, without editing it", visit.path))
    }

    /// Many lines or several files changed outside the expected files.
    fn drift(&self) -> Option<String> {
        let diff = self.diff();
        let numbers = &self.config.signals;
        (diff.outside_lines >= numbers.drift_lines || diff.outside_files >= numbers.drift_files)
            .then(|| {
                format!(
                    "{} lines in {} files outside the expected ones were changed",
                    diff.outside_lines, diff.outside_files
                )
            })
    }

    fn repeated_error(&self) -> Option<String> {
        let repeated = self.runs.repeated(self.config.signals.error_runs);
        let worst = repeated.first()?;
        Some(format!("in {} runs: {}", worst.runs, worst.line))
    }

    /// No action for long, unless the last was one after which one may rest.
    fn idle(&self, now: Moment) -> Option<String> {
        let idle = now.since(self.last_action);
        (!self.may_rest && idle.as_secs() >= self.config.signals.idle_seconds.into())
            .then(|| format!("no action for {}", spoken(idle)))
    }

    fn hunger(&self, now: Moment) -> Option<String> {
        let numbers = &self.config.signals;
        let window = Duration::from_secs(numbers.hunger_seconds.into());
        let requests = self
            .requests
            .iter()
            .filter(|at| now.since(**at) <= window)
            .count();
        (requests >= numbers.hunger_requests as usize)
            .then(|| format!("help was asked for {requests} times in {}", spoken(window)))
    }

    /// Expected files changed, tests ran green since, nothing unsaved.
    fn done(&self) -> Option<String> {
        let changed: Vec<&Path> = self
            .edits
            .changed()
            .map(|(path, _)| path)
            .filter(|path| self.place(path) == Place::Expected)
            .collect();
        let last = changed
            .iter()
            .filter_map(|path| self.edits.last_edit(path))
            .max()?;
        (self.runs.green_since(Some(last)) && !self.edits.are_dirty()).then(|| {
            "expected files were changed, the tests are green, and all is saved".to_owned()
        })
    }
}
