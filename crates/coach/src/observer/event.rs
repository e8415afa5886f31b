//! [`Event`]: everything that can wake the Observer.

use std::{collections::BTreeSet, sync::Arc};

use paige_protocol::coach::{
    Action,
    action::{CommandKind, CommandSource},
    hints::LevelSource,
};
use paige_store::coach::Stage;

use super::triage::Triage;

/// A path of the project. One that must not be named is given as another word by whoever knows.
pub type Path = Arc<str>;

/// Everything that can wake the Observer. What comes from the timeline is made by
/// [`of_action`](Event::of_action); the rest is handed over by whoever drives it.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A file was opened, by the human or by Claude.
    FileOpened {
        /// The file.
        path: Path,
        /// Whether the human did it.
        by_human: bool,
    },
    /// The human saved a file.
    FileSaved(Path),
    /// The human closed a file.
    FileClosed(Path),
    /// The human made a file or folder.
    FileCreated(Path),
    /// The human moved a file or folder.
    FileMoved {
        /// Where it was.
        from: Path,
        /// Where it is.
        to: Path,
    },
    /// The human put a file or folder into the trash.
    FileDeleted(Path),
    /// One raw `buffer:update`. It is on no timeline.
    Edited {
        /// The file.
        path: Path,
        /// Its text before, where somebody knows it; otherwise what was last seen of it, and nothing
        /// for a file that was not seen yet.
        before: Option<Arc<str>>,
        /// Its text now; none where it must not be looked at, or is not known.
        text: Option<Arc<str>>,
    },
    /// The human looks at another tab.
    TabSwitched(Path),
    /// The human selected text.
    Selected(Path),
    /// The human asked for an explanation.
    ExplainAsked(Path),
    /// The human wants another hint level.
    LevelChanged {
        /// Whether it is more help.
        raised: bool,
    },
    /// A hint was shown or read, or Claude showed something.
    Shown {
        /// The kind of its entry on the timeline.
        kind: &'static str,
        /// The file.
        path: Option<Path>,
    },
    /// A command has run.
    CommandRan {
        /// What for.
        kind: CommandKind,
        /// Its exit code.
        exit_code: i32,
        /// What went wrong, normalised.
        error_lines: Vec<String>,
        /// Whether the human ran it.
        by_human: bool,
    },
    /// There is a new plan, and no phase of it is active.
    PlanMade,
    /// A phase became active.
    PhaseStarted(Phase),
    /// The active phase was completed.
    PhaseCompleted,
    /// What belongs to the expected files of the active phase.
    Neighbours(Neighbours),
    /// The stage by which the learner is treated: the lowest that is known.
    StageIs(Stage),
    /// Whether there is a model to ask. There is, until this says otherwise.
    Online(bool),
    /// The human mutes it, or does not any more.
    Muted(bool),
    /// The client says that nothing is done.
    IdleStarted,
    /// The client says that the human is back.
    IdleEnded,
    /// The model has answered what was [asked](super::Step::Ask), or could not.
    Answered {
        /// The number of the question.
        ask: u64,
        /// The answer, or what failed.
        answer: Result<Triage, String>,
    },
    /// The session has ended. Nothing that comes later matters.
    SessionEnded,
    /// Time has passed: what was [due](super::State::due) is looked at.
    Tick,
}

/// The active phase, as far as the Observer needs it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Phase {
    /// Its number in the plan.
    pub number: u32,
    /// Its title.
    pub title: String,
    /// What is to be done.
    pub description: String,
    /// The files that it is about; a folder ends with `/`.
    pub expected_files: Vec<Path>,
}

/// Files that belong to the expected ones: found by their import lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Neighbours {
    /// Those that import an expected file.
    pub importers: BTreeSet<Path>,
    /// Those that an expected file imports.
    pub imported: BTreeSet<Path>,
}

impl Event {
    /// The event of an entry of the timeline; `None` for what the Observer does not read. Raw edits and
    /// the answers of models are on no timeline, summaries of edits count for nothing (decisions,
    /// "Observer input").
    ///
    /// `by_claude` says whether the entry belongs to a call of a tool. `phase` looks up the phase of
    /// that number in the plan; one that is not found has no expected files.
    pub fn of_action(
        action: &Action,
        by_claude: bool,
        phase: impl FnOnce(u32) -> Option<Phase>,
    ) -> Option<Self> {
        let path = |path: &str| Path::from(path);
        Some(match action {
            Action::FileOpen { path: p } => Self::FileOpened {
                path: path(p),
                by_human: !by_claude,
            },
            Action::FileSave { path: p, .. } => Self::FileSaved(path(p)),
            Action::FileClose { path: p } => Self::FileClosed(path(p)),
            Action::FileCreate { path: p, .. } => Self::FileCreated(path(p)),
            Action::FileDelete { path: p } => Self::FileDeleted(path(p)),
            Action::FileRename { path: p, new_path } => Self::FileMoved {
                from: path(p),
                to: path(new_path),
            },
            Action::EditorTabSwitch { to_path, .. } => Self::TabSwitched(path(to_path)),
            Action::EditorSelection { path: p, .. } => Self::Selected(path(p)),
            Action::UserExplainRequest { path: p, .. } => Self::ExplainAsked(path(p)),
            Action::HintsLevelChange {
                from, to, source, ..
            } => match source {
                LevelSource::User => Self::LevelChanged { raised: to > from },
                LevelSource::Phase | LevelSource::Fading => return None,
            },
            Action::HintUsed { path: p, .. } | Action::DecorationsApplied { path: p, .. } => {
                Self::Shown {
                    kind: action.kind(),
                    path: Some(path(p)),
                }
            }
            Action::CoachingMessage { .. }
            | Action::FileHintsApplied { .. }
            | Action::IssueContextShown { .. } => Self::Shown {
                kind: action.kind(),
                path: None,
            },
            Action::CommandRun {
                kind,
                exit_code,
                error_lines,
                source,
                ..
            } => Self::CommandRan {
                kind: *kind,
                exit_code: *exit_code,
                error_lines: error_lines.clone(),
                by_human: *source != CommandSource::Hook,
            },
            Action::CoachingPipelineRun { .. } => Self::PlanMade,
            Action::PhaseStarted {
                phase_number,
                title,
                ..
            } => Self::PhaseStarted(phase(*phase_number).unwrap_or_else(|| Phase {
                number: *phase_number,
                title: title.clone(),
                ..Phase::default()
            })),
            Action::PhaseCompleted { .. } => Self::PhaseCompleted,
            Action::UserIdleStart { .. } => Self::IdleStarted,
            Action::UserIdleEnd { .. } => Self::IdleEnded,
            Action::ObserverMuted { muted } => Self::Muted(*muted),
            Action::SessionEnded { .. } => Self::SessionEnded,
            _ => return None,
        })
    }

    /// The same without the names of what must not be named, and without its texts.
    pub(super) fn hiding(self, is_secret: impl Fn(&str) -> bool, instead: &str) -> Self {
        let hide = |path: Path| {
            if is_secret(&path) {
                instead.into()
            } else {
                path
            }
        };
        match self {
            Self::FileOpened { path, by_human } => Self::FileOpened {
                path: hide(path),
                by_human,
            },
            Self::FileSaved(path) => Self::FileSaved(hide(path)),
            Self::FileClosed(path) => Self::FileClosed(hide(path)),
            Self::FileCreated(path) => Self::FileCreated(hide(path)),
            Self::FileMoved { from, to } => Self::FileMoved {
                from: hide(from),
                to: hide(to),
            },
            Self::FileDeleted(path) => Self::FileDeleted(hide(path)),
            Self::Edited { path, .. } if is_secret(&path) => Self::Edited {
                path: instead.into(),
                before: None,
                text: None,
            },
            Self::TabSwitched(path) => Self::TabSwitched(hide(path)),
            Self::Selected(path) => Self::Selected(hide(path)),
            Self::ExplainAsked(path) => Self::ExplainAsked(hide(path)),
            Self::Shown { kind, path } => Self::Shown {
                kind,
                path: path.map(hide),
            },
            Self::PhaseStarted(phase) => Self::PhaseStarted(Phase {
                expected_files: phase.expected_files.into_iter().map(hide).collect(),
                ..phase
            }),
            Self::Neighbours(found) => Self::Neighbours(Neighbours {
                importers: found.importers.into_iter().map(hide).collect(),
                imported: found.imported.into_iter().map(hide).collect(),
            }),
            other => other,
        }
    }
}
