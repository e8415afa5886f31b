//! Family `session`: the coaching session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use specta::Type;

use super::{
    coaching::{IssueContext, Phase, Plan},
    editor::{FileHintStyle, HighlightRange},
    hints::HintLevel,
};

/// `session:start`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionStart {
    /// The issue to work on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue_number: Option<u32>,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue_title: Option<String>,
}

/// A coaching session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The row.
    pub id: u32,
    /// The project folder, canonical.
    pub project_dir: String,
    /// The issue that is worked on.
    pub issue_number: Option<u32>,
    /// Its title.
    pub issue_title: Option<String>,
    /// Where the session stands.
    pub status: SessionStatus,
    /// When it started, ISO 8601 UTC.
    pub started_at: String,
    /// When it ended, ISO 8601 UTC.
    pub ended_at: Option<String>,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// Under way.
    Active,
    /// Ended; its wrap-up runs.
    Ending,
    /// Ended, and wrapped up.
    Completed,
    /// Ended; a step of its wrap-up failed.
    CompletedWithErrors,
    /// Replaced by another session, or found after a crash and not resumed.
    Abandoned,
}

/// `session:started`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionStarted {
    /// The row.
    pub session_id: u32,
    /// The session.
    pub session: Session,
    /// The hint level it starts with.
    pub hint_level: HintLevel,
}

/// `session:completed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionCompleted {
    /// The row.
    pub session_id: u32,
    /// How it ended.
    pub status: SessionStatus,
    /// Memories written.
    pub memories_added: u32,
    /// Knowledge gaps found.
    pub gaps_identified: u32,
    /// Katas made.
    pub katas_generated: u32,
    /// Stages changed.
    pub assessments_updated: u32,
    /// What was done.
    pub summary: Summary,
}

/// What was done in a session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The phases that were begun.
    pub phases: Vec<PhaseSummary>,
    /// Topics of the gaps found.
    pub gaps: Vec<String>,
    /// Titles of the katas made.
    pub katas: Vec<String>,
    /// Stages, `area: stage`.
    pub stages: Vec<String>,
    /// What failed in the wrap-up, as sentences.
    pub errors: Vec<String>,
    /// What the calls of models have cost up to now.
    pub cost: Cost,
}

/// What calls of models have cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// Attempts, the failed ones included.
    pub calls: u32,
    /// US dollars, as far as prices are known.
    #[specta(type = specta_typescript::Number)]
    pub usd: f64,
    /// Attempts with a model whose price is not known: they cost something, but not nothing.
    pub unpriced: u32,
}

/// What was done in a phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhaseSummary {
    /// Its number in the plan, from 1.
    pub number: u32,
    /// Its title.
    pub title: String,
    /// How long it was active.
    pub minutes: u32,
    /// Hints that were used in it.
    pub hints_used: u32,
}

/// `session:summary` of a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SummaryRequest {
    /// The session.
    pub session_id: u32,
}

/// `session:summary` to the client that asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionSummary {
    /// The session.
    pub session: Session,
    /// What was done.
    pub summary: Summary,
}

/// `session:restore`: everything that a client shows of an active session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionRestore {
    /// The session.
    pub session: Session,
    /// The issue, when Claude has shown it.
    pub issue: Option<IssueContext>,
    /// The active plan.
    pub plan: Option<Plan>,
    /// Its phases.
    pub phases: Vec<Phase>,
    /// The hint level in force.
    pub hint_level: HintLevel,
    /// The open files, in the order in which they were opened.
    pub open_files: Vec<OpenTab>,
    /// The highlighted lines.
    pub highlights: Vec<FileHighlights>,
    /// The marked files.
    pub file_hints: Vec<FileHint>,
}

/// An open file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenTab {
    /// Relative to the project, `/`-separated.
    pub path: String,
    /// Whether it has unsaved edits; `file:open` answers them.
    pub dirty: bool,
}

/// The highlighted lines of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileHighlights {
    /// The file.
    pub path: String,
    /// The lines.
    pub ranges: Vec<HighlightRange>,
}

/// A marked file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileHint {
    /// The file.
    pub path: String,
    /// How.
    pub style: FileHintStyle,
}
