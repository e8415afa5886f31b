//! [`Snapshot`]: what the triage model is given. It names files and counts, and never holds a text of the
//! project.

use std::{
    collections::{BTreeMap, VecDeque},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use paige_protocol::coach::coaching::Trigger;
use serde::Serialize;

use super::{
    event::Path,
    moment::{Moment, spoken},
    place::Place,
    signals::{Facts, Noticed},
    state::State,
};

/// The actions that it holds.
const MOST_ACTIONS: usize = 20;
/// The repeated errors and the loops that it holds.
const MOST_FINDINGS: usize = 5;

/// What the triage model is given: what the learner is to do, what they did, and what that looks like.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Snapshot {
    /// What made the Observer look.
    pub trigger: Trigger,
    /// The phase that is active, or was just completed.
    pub current_phase: Option<PhaseView>,
    /// The last actions, the oldest first.
    pub recent_actions: Vec<RecentAction>,
    /// How long ago something was saved, or `never`.
    pub time_since_last_save: String,
    /// How long ago the last nudge was, or `never`.
    pub time_since_last_nudge: String,
    /// The stage by which the learner is treated.
    pub dreyfus_stage: String,
    /// Whether nothing is done at the moment.
    pub user_idle: bool,
    /// How long ago the last action of the human was.
    pub time_since_last_action: String,
    /// What the learner looks at.
    pub open_file: Option<OpenFile>,
    /// What was changed in the phase.
    pub diff: Diff,
    /// Errors that come again and again.
    pub repeated_errors: Vec<RepeatedError>,
    /// Lines that go back and forth.
    pub edit_loops: Vec<EditLoop>,
    /// How many nudges of each kind were sent in the phase.
    pub nudges_in_phase: BTreeMap<String, u32>,
    /// What was computed, with what it was noticed from.
    pub signals: Facts,
}

/// The phase, as the model sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhaseView {
    /// Its number in the plan.
    pub number: u32,
    /// Its title.
    pub title: String,
    /// What is to be done.
    pub description: String,
    /// The files that it is about.
    pub expected_files: Vec<Path>,
    /// `active` or `complete`.
    pub status: &'static str,
    /// How long ago it began.
    pub begun: String,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecentAction {
    /// Its kind as on the timeline, or `buffer_update`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Path>,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How often it happened in a row.
    #[serde(skip_serializing_if = "is_once")]
    pub times: u32,
    /// How long ago it last happened.
    pub ago: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature is given by serde"
)]
fn is_once(times: &u32) -> bool {
    *times == 1
}

/// What the learner looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenFile {
    /// The file.
    pub path: Path,
    /// For how long.
    pub time_in_file: String,
    /// Whether it was edited meanwhile.
    pub edited: bool,
    /// What it is to the phase: `expected`, `importer`, `imported`, `outside`, or `unknown` without a phase.
    pub relation: &'static str,
}

/// What was changed in the phase, by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Diff {
    /// Files.
    pub files: u32,
    /// Lines in them.
    pub lines: u32,
    /// Whether expected files are among them.
    pub touches_expected_files: bool,
    /// Files that are not expected ones.
    pub outside_files: u32,
    /// Lines in those.
    pub outside_lines: u32,
}

/// An error line that comes again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepeatedError {
    /// The line, without what differs from run to run.
    pub line: String,
    /// In how many runs it stood.
    pub runs: usize,
}

/// Lines that go back and forth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EditLoop {
    /// The file.
    pub path: Path,
    /// The first and the last line, from 1.
    pub lines: (usize, usize),
    /// How often they were changed.
    pub changes: usize,
    /// How often that led back to an earlier text.
    pub returns: usize,
}

/// The last things that happened.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<Happened>);

#[derive(Debug)]
struct Happened {
    kind: &'static str,
    path: Option<Path>,
    note: Option<String>,
    times: u32,
    at: Moment,
}

impl Recent {
    /// Notes something; the same again is noted as such.
    pub(super) fn note(
        &mut self,
        kind: &'static str,
        path: Option<&Path>,
        note: Option<String>,
        now: Moment,
    ) {
        if let Some(last) = self.0.back_mut()
            && (last.kind, last.path.as_ref(), &last.note) == (kind, path, &note)
        {
            last.times = last.times.saturating_add(1);
            last.at = now;
            return;
        }
        if self.0.len() == MOST_ACTIONS {
            self.0.pop_front();
        }
        self.0.push_back(Happened {
            kind,
            path: path.cloned(),
            note,
            times: 1,
            at: now,
        });
    }

    fn tell(&self, now: Moment) -> Vec<RecentAction> {
        let tell = |happened: &Happened| RecentAction {
            kind: happened.kind,
            path: happened.path.clone(),
            note: happened.note.clone(),
            times: happened.times,
            ago: spoken(now.since(happened.at)),
        };
        self.0.iter().map(tell).collect()
    }
}

impl State {
    /// What the triage model is given at this moment.
    pub(super) fn snapshot(&self, trigger: Trigger, facts: Facts, now: Moment) -> Snapshot {
        let ago = |at: Option<Moment>| at.map_or("never".to_owned(), |at| spoken(now.since(at)));
        Snapshot {
            trigger,
            current_phase: self.phase.as_ref().map(|current| PhaseView {
                number: current.phase.number,
                title: current.phase.title.clone(),
                description: current.phase.description.clone(),
                expected_files: current.phase.expected_files.clone(),
                status: if current.active { "active" } else { "complete" },
                begun: spoken(now.since(current.since)),
            }),
            recent_actions: self.recent.tell(now),
            time_since_last_save: ago(self.last_save),
            time_since_last_nudge: ago(self.kept.last_nudge),
            dreyfus_stage: self.stage.as_str().to_owned(),
            user_idle: self.reported_idle || facts.of(Noticed::Idle) == super::Holds::Yes,
            time_since_last_action: spoken(now.since(self.last_action)),
            open_file: self.view.now.as_ref().map(|visit| OpenFile {
                path: visit.path.clone(),
                time_in_file: spoken(now.since(visit.since)),
                edited: visit.edited,
                relation: self.relation(&visit.path),
            }),
            diff: self.diff(),
            repeated_errors: self
                .runs
                .repeated(self.config.signals.error_runs)
                .into_iter()
                .take(MOST_FINDINGS)
                .map(|found| RepeatedError {
                    line: found.line,
                    runs: found.runs,
                })
                .collect(),
            edit_loops: self
                .edits
                .loops(&self.config.signals)
                .into_iter()
                .take(MOST_FINDINGS)
                .map(|found| EditLoop {
                    path: found.path,
                    lines: found.lines,
                    changes: found.changes,
                    returns: found.returns,
                })
                .collect(),
            nudges_in_phase: self.kept.breaker.counts().clone(),
            signals: facts,
        }
    }

    /// What was changed in the phase, by hand.
    pub(super) fn diff(&self) -> Diff {
        let mut diff = Diff::default();
        for (path, lines) in self.edits.changed() {
            diff.files += 1;
            diff.lines = diff.lines.saturating_add(lines);
            if !self.is_guided() {
                continue;
            }
            if self.place(path) == Place::Expected {
                diff.touches_expected_files = true;
            } else {
                diff.outside_files += 1;
                diff.outside_lines = diff.outside_lines.saturating_add(lines);
            }
        }
        diff
    }

    /// What "nothing changed" compares: phase, texts, signals and open file (decisions). A text that was saved
    /// meanwhile has changed all the same, so that it counts as well.
    pub(super) fn digest(&self, facts: &Facts) -> u64 {
        let mut hasher = DefaultHasher::new();
        let phase = self.phase.as_ref();
        phase
            .map(|current| (current.phase.number, current.active))
            .hash(&mut hasher);
        self.edits.texts().hash(&mut hasher);
        for fact in &facts.0 {
            (fact.signal, fact.holds).hash(&mut hasher);
        }
        let open = self.view.now.as_ref().map(|visit| &visit.path);
        open.hash(&mut hasher);
        hasher.finish()
    }

    fn relation(&self, path: &Path) -> &'static str {
        if !self.is_guided() {
            return "unknown";
        }
        match self.place(path) {
            Place::Expected => "expected",
            Place::Importer => "importer",
            Place::Outside if self.neighbours.imported.contains(path) => "imported",
            Place::Outside => "outside",
        }
    }
}
