//! [`CoachError`]: why a rule refused.

use paige_claude::Kind;
use paige_protocol::{ErrorCode, PathRefused, ProjectPath};
use paige_store::StoreError;
use paige_workspace::FileError;

use crate::teach::Violation;

/// Why a rule refused, or what failed while it was carried out.
#[derive(Debug, thiserror::Error)]
pub enum CoachError {
    /// There is no active session.
    #[error(
        "There is no active coaching session. Start one with `paige_start_session` or from the desktop app."
    )]
    NoActiveSession,
    /// A session is active already.
    #[error("Session {0} is active. End it first, or start with `force` to end it as abandoned.")]
    ActiveSessionExists(u32),
    /// The project named is not the one served.
    #[error(
        "This sidecar serves {served}, not {asked}. Start a sidecar for that project, or name this one."
    )]
    ProjectMismatch {
        /// The folder that was named.
        asked: String,
        /// The folder that is served.
        served: String,
    },
    /// Another issue is under way.
    #[error(
        "The session works on issue {current} and its plan has progress. End the session first, or use `force`."
    )]
    IssueChanged {
        /// The issue that is under way.
        current: u32,
    },
    /// The session has no plan.
    #[error(
        "The session has no plan yet, and phases belong to one. Coach without phases until there is a plan."
    )]
    NoActivePlan,
    /// No phase of the plan is active.
    #[error(
        "No phase is active. Begin one with `paige_update_phase`, or name what is meant: a phase's number, or another `since`."
    )]
    NoActivePhase,
    /// The plan has no such phase.
    #[error("The plan has no phase {number}; its phases are numbered from 1 to {last}.")]
    UnknownPhase {
        /// The number that was asked for.
        number: u32,
        /// The last one.
        last: u32,
    },
    /// A phase cannot go where it is wanted.
    #[error("{0}")]
    InvalidTransition(String),
    /// Help is more than was tried without it allows.
    #[error("{0}")]
    TooEarly(String),
    /// The file holds secrets.
    #[error(
        "{0} holds secrets, so that it is shown to the human alone. Ask them about it in words, without its contents."
    )]
    Secret(ProjectPath),
    /// There is no row of that id.
    #[error("There is no {what} with the id {id}.")]
    UnknownId {
        /// What was looked for.
        what: &'static str,
        /// The id.
        id: u32,
    },
    /// An argument makes no sense.
    #[error("{0}")]
    InvalidArgument(String),
    /// A text shows the learner too much.
    #[error(transparent)]
    TooMuch(#[from] Violation),
    /// The path is not one inside the project.
    #[error(transparent)]
    Path(#[from] PathRefused),
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no model to ask.
    #[error(
        "Paige runs without the Anthropic API, so that nothing can be asked of a model. Start the sidecar with ANTHROPIC_API_KEY and without --offline."
    )]
    Offline,
    /// A prompt is missing: an override has taken it away.
    #[error("There is no prompt `{0}`.")]
    NoPrompt(&'static str),
    /// A prompt cannot be filled in.
    #[error(transparent)]
    Prompt(#[from] paige_prompts::PromptError),
    /// The call of a model failed.
    #[error(transparent)]
    Model(#[from] paige_claude::ClaudeError),
    /// A model's answer is well-formed and makes no sense.
    #[error(
        "The model's answer cannot be used: {0} Try again; if it fails again, say what you need in other words."
    )]
    Answer(String),
    /// The memories failed.
    #[error(transparent)]
    Memory(#[from] paige_memory::MemoryError),
    /// A task of ours ended before its time.
    #[error("a computation was cut off")]
    Cut,
}

impl CoachError {
    /// The code for programs.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NoActiveSession => ErrorCode::NoActiveSession,
            Self::ActiveSessionExists(_) => ErrorCode::ActiveSessionExists,
            Self::ProjectMismatch { .. } => ErrorCode::ProjectMismatch,
            Self::IssueChanged { .. } => ErrorCode::IssueChanged,
            Self::NoActivePlan | Self::NoActivePhase | Self::TooEarly(_) => {
                ErrorCode::PreconditionFailed
            }
            Self::InvalidTransition(_) => ErrorCode::InvalidTransition,
            Self::Secret(_) => ErrorCode::Forbidden,
            Self::UnknownPhase { .. } | Self::UnknownId { .. } => ErrorCode::UnknownId,
            Self::InvalidArgument(_) => ErrorCode::InvalidArgument,
            Self::TooMuch(_) => ErrorCode::TextTooLarge,
            Self::Path(_) => ErrorCode::PathRefused,
            Self::File(error) => error.code(),
            Self::Store(StoreError::Full) => ErrorCode::DiskFull,
            Self::Store(StoreError::Closed) => ErrorCode::ShuttingDown,
            Self::Offline => ErrorCode::Unavailable,
            Self::Model(error) => match error.kind() {
                Kind::Budget => ErrorCode::BudgetExceeded,
                Kind::NoKey => ErrorCode::Unavailable,
                _ => ErrorCode::ModelFailed,
            },
            Self::Answer(_) => ErrorCode::ModelFailed,
            Self::NoPrompt(_) | Self::Prompt(_) | Self::Memory(_) | Self::Store(_) | Self::Cut => {
                ErrorCode::InternalError
            }
        }
    }

    /// The sentence for people and models; of what failed inside it tells no details.
    pub fn message(&self) -> String {
        match self.code() {
            ErrorCode::InternalError => {
                "Something failed inside the sidecar; its log says what. Try again, and if it fails again, restart the sidecar.".to_owned()
            }
            _ => self.to_string(),
        }
    }

    /// The session that is in the way.
    pub fn session_id(&self) -> Option<u32> {
        match self {
            Self::ActiveSessionExists(id) => Some(*id),
            _ => None,
        }
    }
}
