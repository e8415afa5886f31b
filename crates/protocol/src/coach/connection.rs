//! Family `connection`: who is there, and where the client stands in the stream of pushes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::ErrorCode;

/// `connection:hello`, the first message of a client.
///
/// With `stream` and `lastSeq` it resumes: everything pushed after `lastSeq` is sent again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// The client's own version, for the log.
    pub version: String,
    /// The client's platform, for the log.
    pub platform: String,
    /// The size of its window in pixels.
    pub window_size: WindowSize,
    /// The protocol version it speaks; another major version is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
    /// The stream of which it has seen pushes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The last `seq` it has seen of that stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[specta(type = Option<specta_typescript::Number>)]
    pub last_seq: Option<u64>,
    /// Whether it owns the terminal in which nudges are typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<bool>,
}

/// A window's size in pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WindowSize {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

/// `connection:init`, the answer to `connection:hello`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Init {
    /// The active coaching session, if there is one.
    pub session_id: Option<u32>,
    /// The project folder, canonical.
    pub project_dir: String,
    /// The protocol version that the sidecar speaks.
    pub protocol_version: String,
    /// The stream of this database and project.
    pub stream: String,
    /// The last `seq` of the stream when this answer was made. A new client counts from here; one
    /// that resumes gets what lies between next.
    #[specta(type = specta_typescript::Number)]
    pub seq: u64,
    /// The name of this connection; `buffer:update` of other clients carries theirs.
    pub client_id: String,
    /// What works at the moment.
    pub capabilities: Capabilities,
    /// Which features are switched on.
    pub feature_flags: FeatureFlags,
}

/// What works at the moment, because its key, tool or server is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// Calls to a model.
    pub ai: bool,
    /// Semantic recall across sessions.
    pub memory: bool,
    /// Issues through `gh`.
    pub github: bool,
}

/// Which features are switched on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeatureFlags {
    /// The Observer.
    pub observer: bool,
    /// Practice mode.
    pub practice: bool,
    /// The dashboard.
    pub dashboard: bool,
    /// Explain This.
    pub explain: bool,
}

/// `connection:error`: a message could not be handled; the connection stays unless it says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionError {
    /// For programs.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
    /// What it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ErrorContext>,
}

/// What an error was about; only the fields that apply are there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorContext {
    /// The type of the message that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_type: Option<String>,
    /// The first field of the payload that is missing or ill-typed, for instance `range.startLine`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The file or folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The session that is in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<u32>,
    /// What was expected, for instance a protocol version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was found instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
}

/// `connection:resync_required`: the client's cursor cannot be resumed. A fresh snapshot follows
/// (`session:restore` when a session is active, and `fs:tree`), and the client counts from `seq`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResyncRequired {
    /// Why.
    pub reason: ResyncReason,
    /// The stream to use from now on.
    pub stream: String,
    /// The last `seq` that the snapshot includes.
    #[specta(type = specta_typescript::Number)]
    pub seq: u64,
}

/// Why a cursor cannot be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResyncReason {
    /// The stream is of another database or project.
    UnknownStream,
    /// The `lastSeq` lies beyond the last push: the database is older than the client.
    AheadOfStream,
    /// What was missed is no longer kept.
    TooFarBehind,
}

/// The payload of messages that carry nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type, JsonSchema)]
pub struct Empty {}
