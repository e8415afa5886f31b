//! [`ErrorCode`]: every error that a client can be told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use specta::Type;

/// What went wrong, for programs; the sentence beside it is for people.
///
/// The same codes are used by `connection:error`, `fs:save_error`, MCP tool errors and HTTP errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorCode {
    /// The message is not JSON, has no type, or a field of it is missing or ill-typed.
    InvalidMessage,
    /// The message is part of the protocol, but this version does not answer it yet.
    NotImplemented,
    /// Something failed inside; the log has the details.
    InternalError,
    /// The client speaks another major version of the protocol.
    ProtocolMismatch,
    /// More messages a second than the limit allows.
    RateLimited,
    /// The message or body is larger, or nested deeper, than the limit allows.
    TooLarge,
    /// No or an unknown token.
    Unauthorized,
    /// The token, host or origin may not do this.
    Forbidden,
    /// No such route.
    NotFound,
    /// The path is not one inside the project.
    PathRefused,
    /// There is no such file or folder.
    FileNotFound,
    /// There is already a file or folder of that name.
    AlreadyExists,
    /// The path names a folder, a pipe, a device or a socket.
    NotAFile,
    /// The path, or a part of it, is not a folder.
    NotAFolder,
    /// The file is larger than the limit for editing.
    FileTooLarge,
    /// The file is binary or not UTF-8, so that it cannot be edited as text.
    NotText,
    /// The path lies in a folder that Paige never writes to, such as `.git`.
    ReadOnly,
    /// The operating system refused the access.
    PermissionDenied,
    /// The disk or the quota is full.
    DiskFull,
    /// The file changed on disk since the client last saw it.
    Conflict,
    /// There is no active coaching session.
    NoActiveSession,
    /// A coaching session is active already.
    ActiveSessionExists,
    /// The project named is not the one that this sidecar serves.
    ProjectMismatch,
    /// Another issue is under way in this session.
    IssueChanged,
    /// Something that the call needs is not there yet; the sentence says what.
    PreconditionFailed,
    /// It cannot go from where it stands to where it is wanted.
    InvalidTransition,
    /// There is no row of that id.
    UnknownId,
    /// An argument is well-typed but makes no sense.
    InvalidArgument,
    /// The text says or shows more than the learner's stage allows; the sentence says what to write instead.
    TextTooLarge,
    /// The feature needs an API key, a tool or a server that is not there.
    Unavailable,
    /// A budget would not cover the call of a model.
    BudgetExceeded,
    /// The call of a model failed; the sentence says how.
    ModelFailed,
    /// The sidecar is stopping.
    ShuttingDown,
}

impl ErrorCode {
    /// The code as it stands on the wire, for instance `FILE_NOT_FOUND`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidMessage => "INVALID_MESSAGE",
            Self::NotImplemented => "NOT_IMPLEMENTED",
            Self::InternalError => "INTERNAL_ERROR",
            Self::ProtocolMismatch => "PROTOCOL_MISMATCH",
            Self::RateLimited => "RATE_LIMITED",
            Self::TooLarge => "TOO_LARGE",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::PathRefused => "PATH_REFUSED",
            Self::FileNotFound => "FILE_NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::NotAFile => "NOT_A_FILE",
            Self::NotAFolder => "NOT_A_FOLDER",
            Self::FileTooLarge => "FILE_TOO_LARGE",
            Self::NotText => "NOT_TEXT",
            Self::ReadOnly => "READ_ONLY",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::DiskFull => "DISK_FULL",
            Self::Conflict => "CONFLICT",
            Self::NoActiveSession => "NO_ACTIVE_SESSION",
            Self::ActiveSessionExists => "ACTIVE_SESSION_EXISTS",
            Self::ProjectMismatch => "PROJECT_MISMATCH",
            Self::IssueChanged => "ISSUE_CHANGED",
            Self::PreconditionFailed => "PRECONDITION_FAILED",
            Self::InvalidTransition => "INVALID_TRANSITION",
            Self::UnknownId => "UNKNOWN_ID",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::TextTooLarge => "TEXT_TOO_LARGE",
            Self::Unavailable => "UNAVAILABLE",
            Self::BudgetExceeded => "BUDGET_EXCEEDED",
            Self::ModelFailed => "MODEL_FAILED",
            Self::ShuttingDown => "SHUTTING_DOWN",
        }
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
