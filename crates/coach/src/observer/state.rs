//! [`State`]: what the Observer knows, and what it decides.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use paige_protocol::coach::{
    action::CommandKind,
    coaching::{SuppressionReason, Trigger},
};
use paige_store::coach::Stage;

use super::{
    config::Config,
    edits::{Edits, renamed},
    event::{Event, Neighbours, Path, Phase},
    flow::Flow,
    moment::Moment,
    place::Place,
    runs::Runs,
    signals::Astray,
    snapshot::Recent,
    step::{Kept, Start, Status, Step},
    view::View,
};

/// Requests for help that are remembered.
const MOST_REQUESTS: usize = 100;

/// The phase that is active, or was.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) phase: Phase,
    pub(super) since: Moment,
    pub(super) active: bool,
}

/// A question that is not answered yet.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) id: u64,
    pub(super) trigger: Trigger,
    pub(super) precheck: bool,
    pub(super) phase: Option<u32>,
    /// Whether the answer is not wanted any more, since it was muted meanwhile.
    pub(super) dropped: bool,
}

/// What the Observer knows of a session. It is driven by [`on`](Self::on) and does nothing by itself.
#[derive(Debug)]
pub struct State {
    pub(super) config: Config,
    pub(super) stage: Stage,
    pub(super) online: bool,
    ended: bool,
    pub(super) kept: Kept,
    pub(super) phase: Option<Current>,
    pub(super) neighbours: Neighbours,
    pub(super) edits: Edits,
    pub(super) view: View,
    pub(super) runs: Runs,
    pub(super) flow: Flow,
    pub(super) recent: Recent,
    pub(super) astray: Option<Astray>,
    pub(super) requests: VecDeque<Moment>,
    pub(super) last_save: Option<Moment>,
    pub(super) last_action: Moment,
    /// Whether the last act was one after which one may rest.
    pub(super) may_rest: bool,
    /// Whether the client says that nothing is done.
    pub(super) reported_idle: bool,
    /// Whether this spell of idleness was looked at.
    idle_seen: bool,
    pub(super) asking: Option<Asking>,
    pub(super) asked: u64,
    pub(super) last_digest: Option<u64>,
    /// By reason: when looks at unsaved text that were kept back were last told, and how many since.
    pub(super) kept_back: BTreeMap<SuppressionReason, (Moment, u32)>,
    pub(super) without: Vec<SuppressionReason>,
}

impl State {
    /// Begins to follow a session.
    pub fn new(config: Config, start: Start, now: Moment) -> Self {
        Self {
            flow: Flow::new(&config.signals),
            config,
            stage: start.stage,
            online: start.online,
            ended: false,
            kept: start.kept,
            phase: start.phase.map(|(phase, since)| Current {
                phase,
                since,
                active: true,
            }),
            neighbours: Neighbours::default(),
            edits: Edits::default(),
            view: View::default(),
            runs: Runs::default(),
            recent: Recent::default(),
            astray: None,
            requests: VecDeque::new(),
            last_save: None,
            last_action: now,
            may_rest: false,
            reported_idle: false,
            idle_seen: false,
            asking: None,
            asked: 0,
            last_digest: None,
            kept_back: BTreeMap::new(),
            without: Vec::new(),
        }
    }

    /// The same without the rule that keeps something back for this reason, and without those that were
    /// left out before: to see what a rule is good for.
    #[must_use]
    pub fn without(mut self, rule: SuppressionReason) -> Self {
        self.without.push(rule);
        self
    }

    /// What is to be told when it begins to follow a session.
    pub fn status(&self) -> Status {
        Status {
            active: !self.ended,
            muted: self.kept.muted,
            last_evaluation: self.kept.last_evaluation,
        }
    }

    /// What is to be kept over a restart.
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// When a [tick](Event::Tick) is due, unless something happens before.
    pub fn due(&self) -> Option<Moment> {
        (!self.ended && !self.idle_seen && !self.may_rest).then(|| {
            let idle = Duration::from_secs(self.config.signals.idle_seconds.into());
            self.last_action.after(idle)
        })
    }

    /// About how many bytes it holds, beside the texts that their buffers hold as well.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.edits.bytes()
            + self.flow.bytes()
            + self.runs.bytes()
            + self.requests.capacity() * 8
    }

    /// Something happened at that moment, which is not before the last: what is to be done now.
    pub fn on(&mut self, event: Event, now: Moment) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.ended {
            return steps;
        }
        self.edits.settle(now, &self.config.signals);
        if let Some(trigger) = self.take(event, now, &mut steps) {
            self.look(trigger, now, &mut steps);
        }
        steps
    }

    /// Takes in what happened before a restart: it counts for what is noticed, and is no reason to look.
    pub fn recall(&mut self, event: Event, at: Moment) {
        let kept = self.kept.clone();
        self.edits.settle(at, &self.config.signals);
        self.take(event, at, &mut Vec::new());
        self.kept = kept;
    }

    /// Takes in what a file was when the phase began, and what it is now.
    pub fn recall_text(
        &mut self,
        path: &Path,
        before: &Arc<str>,
        text: &Arc<str>,
        dirty: bool,
        now: Moment,
    ) {
        let numbers = self.config.signals;
        self.edits
            .edited(path, Some(before), Some(text), now, &numbers);
        if !dirty {
            self.edits.saved(path);
        }
    }

    /// All that happened before a restart is taken in; a spell of idleness begins here.
    pub fn resume(&mut self, now: Moment) {
        self.last_action = now;
        self.idle_seen = false;
        self.reported_idle = false;
    }

    /// Takes an event in; says what it is a reason for.
    fn take(&mut self, event: Event, now: Moment, steps: &mut Vec<Step>) -> Option<Trigger> {
        match event {
            Event::FileOpened { path, by_human } => {
                if !by_human {
                    // What Claude shows is no act of the learner's, but they see it.
                    self.recent.note("file_shown", Some(&path), None, now);
                    self.looks_at(&path, now);
                    return None;
                }
                self.acted("file_open", Some(&path), None, now);
                self.flow.acted(now);
                self.looks_at(&path, now);
                return Some(Trigger::FileOpen);
            }
            Event::FileSaved(path) => {
                self.acted("file_save", Some(&path), None, now);
                self.flow.acted(now);
                self.edits.saved(&path);
                self.last_save = Some(now);
                return Some(Trigger::FileSave);
            }
            Event::FileClosed(path) => {
                self.acted("file_close", Some(&path), None, now);
                self.edits.closed(&path);
                if self
                    .view
                    .now
                    .as_ref()
                    .is_some_and(|visit| visit.path == path)
                {
                    self.view.leave(now);
                }
            }
            Event::FileCreated(path) => self.acted("file_create", Some(&path), None, now),
            Event::FileMoved { from, to } => {
                self.acted("file_rename", Some(&to), None, now);
                self.edits.moved(&from, &to);
                self.view.renamed(|path| renamed(path, &from, &to));
            }
            Event::FileDeleted(path) => {
                self.acted("file_delete", Some(&path), None, now);
                self.edits.deleted(&path);
            }
            Event::Edited { path, before, text } => {
                self.edited(&path, before.as_ref(), text.as_ref(), now);
                self.kept.updates += 1;
                if self.kept.updates >= self.config.updates_per_look {
                    self.kept.updates = 0;
                    return Some(Trigger::BufferUpdates);
                }
            }
            Event::TabSwitched(path) => {
                self.acted("editor_tab_switch", Some(&path), None, now);
                self.flow.acted(now);
                self.looks_at(&path, now);
            }
            Event::Selected(path) => {
                self.acted("editor_selection", Some(&path), None, now);
                self.looks_at(&path, now);
            }
            Event::ExplainAsked(path) => {
                self.acted("user_explain_request", Some(&path), None, now);
                self.wants_help(now);
                self.kept.explains = self.kept.explains.saturating_add(1);
                if self
                    .kept
                    .explains
                    .is_multiple_of(self.config.explains_per_look.max(1))
                {
                    return Some(Trigger::ExplainRequests);
                }
            }
            Event::LevelChanged { raised } => {
                let note = if raised { "more help" } else { "less help" };
                self.acted("hints_level_change", None, Some(note.to_owned()), now);
                if raised {
                    self.wants_help(now);
                }
            }
            Event::Shown { kind, path } => self.recent.note(kind, path.as_ref(), None, now),
            Event::CommandRan {
                kind,
                exit_code,
                error_lines,
                by_human,
            } => self.ran(kind, exit_code, &error_lines, by_human, now),
            Event::PlanMade => {
                self.phase = None;
                self.neighbours = Neighbours::default();
                self.begin_anew();
            }
            Event::PhaseStarted(phase) => {
                self.recent
                    .note("phase_started", None, Some(phase.title.clone()), now);
                self.phase = Some(Current {
                    phase,
                    since: now,
                    active: true,
                });
                self.neighbours = Neighbours::default();
                self.begin_anew();
                return Some(Trigger::PhaseStarted);
            }
            Event::PhaseCompleted => {
                self.recent.note("phase_completed", None, None, now);
                if let Some(current) = &mut self.phase {
                    current.active = false;
                }
                self.kept.updates = 0;
                self.may_rest = true;
                self.begin_anew();
                return Some(Trigger::PhaseCompleted);
            }
            Event::Neighbours(neighbours) => self.neighbours = neighbours,
            Event::StageIs(stage) => self.stage = stage,
            Event::Online(online) => self.online = online,
            Event::Muted(muted) => {
                self.kept.muted = muted;
                if let Some(asking) = &mut self.asking {
                    asking.dropped |= muted;
                }
                steps.push(Step::Status(self.status()));
            }
            Event::IdleStarted => {
                self.reported_idle = true;
                self.recent.note("user_idle_start", None, None, now);
            }
            Event::IdleEnded => self.acted("user_idle_end", None, None, now),
            Event::Answered { ask, answer } => self.answered(ask, answer, now, steps),
            Event::SessionEnded => {
                self.tell_rest(steps);
                self.ended = true;
                steps.push(Step::Status(self.status()));
            }
            Event::Tick => {
                if self.due().is_some_and(|due| due <= now) {
                    self.idle_seen = true;
                    return Some(Trigger::Idle);
                }
            }
        }
        None
    }

    /// The human did something.
    fn acted(
        &mut self,
        kind: &'static str,
        path: Option<&Path>,
        note: Option<String>,
        now: Moment,
    ) {
        self.recent.note(kind, path, note, now);
        self.last_action = now;
        self.may_rest = false;
        self.idle_seen = false;
        self.reported_idle = false;
    }

    fn looks_at(&mut self, path: &Path, now: Moment) {
        self.view.at(path, now);
        if self.place(path) == Place::Expected {
            self.astray = None;
        }
    }

    fn edited(
        &mut self,
        path: &Path,
        before: Option<&Arc<str>>,
        text: Option<&Arc<str>>,
        now: Moment,
    ) {
        self.acted("buffer_update", Some(path), None, now);
        self.flow.updated(path, now);
        self.looks_at(path, now);
        self.view.edited();
        self.edits
            .edited(path, before, text, now, &self.config.signals);
        if !self.is_guided() || self.place(path) != Place::Outside {
            self.astray = None;
            return;
        }
        let gap = Duration::from_secs(self.config.signals.edit_gap_seconds.into());
        let pause = Duration::from_secs(self.config.signals.idle_seconds.into());
        let editing = match &self.astray {
            Some(astray) if now.since(astray.last) <= pause => {
                astray.editing + now.since(astray.last).min(gap)
            }
            _ => Duration::ZERO,
        };
        self.astray = Some(Astray {
            path: path.clone(),
            editing,
            last: now,
        });
    }

    fn wants_help(&mut self, now: Moment) {
        if self.requests.len() == MOST_REQUESTS {
            self.requests.pop_front();
        }
        self.requests.push_back(now);
    }

    fn ran(
        &mut self,
        kind: CommandKind,
        exit_code: i32,
        error_lines: &[String],
        by_human: bool,
        now: Moment,
    ) {
        let (is_test, is_green) = (kind == CommandKind::Test, exit_code == 0);
        let note = format!(
            "{}, {}",
            match kind {
                CommandKind::Test => "tests",
                CommandKind::Build => "build",
                CommandKind::Other => "other",
            },
            if is_green { "passed" } else { "failed" }
        );
        if by_human {
            self.acted("command_run", None, Some(note), now);
            // A run is told when it ends, and whoever runs tests may wait for them.
            self.may_rest = is_test;
        } else {
            self.recent.note("command_run", None, Some(note), now);
        }
        self.runs.told = true;
        if is_test {
            self.runs.tests_told = true;
            self.runs.last_test = Some((now, is_green));
        }
        if is_test && is_green {
            self.runs.forget_failures();
            self.edits.forget_loops();
            self.kept.breaker.reset();
        } else if !is_green {
            self.runs.failed(error_lines);
        }
    }

    /// What belongs to a phase ends with it.
    fn begin_anew(&mut self) {
        self.edits.begin();
        self.runs.forget_failures();
        self.astray = None;
        self.kept.breaker.reset();
    }
}
