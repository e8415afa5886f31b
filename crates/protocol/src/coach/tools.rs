//! Claude's tools: arguments (snake_case) and results (camelCase).
//!
//! No tool changes a file of the project.

mod state;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    coaching::{Anchor, IssueLabel, Phase, Plan},
    editor::{FileHintStyle, HighlightRange, Tone},
    files::CursorPosition,
    session::{Session, SessionStatus},
};
use crate::ErrorCode;

pub use state::{
    ActionState, GapState, GetSessionStateArgs, HintState, HintsState, KataState, PhaseBrief,
    PlanState, ProgressState, SessionState, StageState, StateItem,
};

/// A tool without arguments.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoArgs {}

/// `paige_start_session`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartSessionArgs {
    /// The project folder; it must be the one that this sidecar serves.
    pub project_dir: String,
    /// The issue to work on.
    #[serde(default)]
    pub issue_number: Option<u32>,
    /// Its title.
    #[serde(default)]
    pub issue_title: Option<String>,
    /// End a session that is active as abandoned, and start anew.
    #[serde(default)]
    pub force: Option<bool>,
}

/// What `paige_start_session` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartSessionResult {
    /// Always true.
    pub success: bool,
    /// The session.
    pub session: Session,
}

/// `paige_end_session`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndSessionArgs {
    /// What was said in the session; the timeline is used without it.
    #[serde(default)]
    pub session_transcript: Option<String>,
}

/// What `paige_end_session` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndSessionResult {
    /// Always true.
    pub success: bool,
    /// The session that ended.
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
    /// What failed in the wrap-up, as sentences; `paige_retry_wrap_up` tries it again.
    pub errors: Vec<String>,
}

/// `paige_retry_wrap_up`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryWrapUpArgs {
    /// The session, which has ended; the one that ended last when it is left out.
    #[serde(default)]
    pub session_id: Option<u32>,
    /// One step; every step that is not done when it is left out.
    #[serde(default)]
    pub agent: Option<WrapUpStep>,
}

/// A step of a session's wrap-up, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WrapUpStep {
    /// Finds knowledge gaps and makes katas.
    KnowledgeGap,
    /// Assesses the stages.
    Dreyfus,
    /// Writes memories.
    Reflection,
}

/// `paige_run_coaching_pipeline`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunPipelineArgs {
    /// The plan as it was worked out: what has to be changed, where, and in which order.
    pub plan_text: String,
    /// What the issue asks for.
    pub issue_summary: String,
    /// Its number.
    #[serde(default)]
    pub issue_number: Option<u32>,
    /// Its title.
    #[serde(default)]
    pub issue_title: Option<String>,
    /// Replace a plan that has progress, although it is for another issue.
    #[serde(default)]
    pub force: Option<bool>,
}

/// What `paige_run_coaching_pipeline` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunPipelineResult {
    /// Always true.
    pub success: bool,
    /// The plan.
    pub plan: Plan,
    /// Its phases, all of them pending.
    pub phases: Vec<Phase>,
    /// The earlier experience it builds on.
    pub memory_connection: Option<String>,
    /// How hard it is expected to be: `beginner`, `intermediate` or `advanced`.
    pub estimated_difficulty: Option<String>,
    /// What to know of how it was made, as sentences.
    pub notes: Vec<String>,
}

/// What `paige_get_active_session` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActiveSessionResult {
    /// The active session, or null.
    pub session: Option<Session>,
}

/// `paige_get_buffer`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetBufferArgs {
    /// Relative to the project, `/`-separated.
    pub path: String,
}

/// What `paige_get_buffer` answers; all but `path` is null (and `dirty` false) without a buffer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GetBufferResult {
    /// Relative to the project, `/`-separated.
    pub path: String,
    /// The unsaved text.
    pub content: Option<String>,
    /// Where the cursor stands.
    pub cursor_position: Option<CursorPosition>,
    /// Whether it differs from what was last saved.
    pub dirty: bool,
    /// When it last changed, ISO 8601 UTC.
    pub last_updated: Option<String>,
}

/// What `paige_get_open_files` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenFilesResult {
    /// The open files, in the order in which they were opened.
    pub paths: Vec<String>,
    /// The same list, under the name that earlier clients read.
    pub files: Vec<String>,
}

/// `paige_get_diff`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetDiffArgs {
    /// One file; every file that differs when it is left out.
    #[serde(default)]
    pub path: Option<String>,
    /// What to compare with: what is saved (`disk`, the default), or what files were when the active
    /// phase or the session first touched them, so that a save does not wipe the diff.
    #[serde(default)]
    pub since: Option<DiffSince>,
}

/// What a diff compares the present text with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DiffSince {
    /// The file as it is saved.
    Disk,
    /// The text before its first opening or change in the active phase.
    Phase,
    /// The text before its first opening or change in the session.
    Session,
}

/// What `paige_get_diff` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GetDiffResult {
    /// One entry a file that differs.
    pub diffs: Vec<FileDiff>,
}

/// How a file's present text differs from an earlier one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileDiff {
    /// Relative to the project, `/`-separated.
    pub path: String,
    /// A unified diff that `git apply` accepts.
    pub diff: String,
}

/// `paige_open_file`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenFileArgs {
    /// Relative to the project, `/`-separated.
    pub path: String,
}

/// What `paige_open_file` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenFileResult {
    /// Always true.
    pub success: bool,
    /// The file, relative to the project.
    pub path: String,
}

/// `paige_highlight_lines`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HighlightLinesArgs {
    /// Relative to the project, `/`-separated.
    pub path: String,
    /// The lines, 1-based and inclusive.
    pub ranges: Vec<HighlightRangeArgs>,
    /// How much help it is: 1 where, 2 what to look at, 3 how to think about it, 4 shape. Default 2.
    #[serde(default)]
    pub rung: Option<u8>,
}

/// Some lines to highlight.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HighlightRangeArgs {
    /// The first line, from 1.
    pub start: u32,
    /// The last line.
    pub end: u32,
    /// How.
    pub style: Tone,
    /// What is shown when the mouse rests on them.
    #[serde(default)]
    pub hover_text: Option<String>,
    /// As in the arguments, for this range.
    #[serde(default)]
    pub rung: Option<u8>,
}

/// `paige_clear_highlights`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClearHighlightsArgs {
    /// One file; every file when it is left out.
    #[serde(default)]
    pub path: Option<String>,
}

/// `paige_hint_files`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HintFilesArgs {
    /// Relative to the project, `/`-separated.
    pub paths: Vec<String>,
    /// How.
    pub style: FileHintStyle,
}

/// `paige_show_message`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowMessageArgs {
    /// What to say, at most 120 words.
    pub message: String,
    /// Its tone.
    #[serde(rename = "type")]
    pub tone: Tone,
    /// What it is about.
    #[serde(default)]
    pub anchor: Option<AnchorArgs>,
    /// How much help it is: 1 where, 2 what to look at, 3 how to think about it, 4 shape. Default 2.
    #[serde(default)]
    pub rung: Option<u8>,
}

/// A place that a message is about.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnchorArgs {
    /// Relative to the project, `/`-separated.
    pub path: String,
    /// The first line, from 1.
    pub start_line: u32,
    /// The last line.
    pub end_line: u32,
}

/// `paige_show_issue_context`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowIssueContextArgs {
    /// The issue's title.
    pub title: String,
    /// What it asks for.
    pub summary: String,
    /// Its number.
    #[serde(default)]
    pub number: Option<u32>,
    /// Its labels.
    #[serde(default)]
    pub labels: Option<Vec<IssueLabel>>,
    /// Where it stands.
    #[serde(default)]
    pub url: Option<String>,
    /// Replace the issue although a plan for another one has progress.
    #[serde(default)]
    pub force: Option<bool>,
}

/// `paige_update_phase`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdatePhaseArgs {
    /// The phase's number in the active plan, from 1.
    pub phase: u32,
    /// Where it goes: `active` from pending, `complete` from active.
    pub status: NextStatus,
}

/// Where a phase can go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NextStatus {
    /// It is begun.
    Active,
    /// It is done.
    Complete,
}

/// What `paige_update_phase` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdatePhaseResult {
    /// Always true.
    pub success: bool,
    /// The phase as it is now.
    pub phase: PhaseBrief,
}

/// `paige_record_review`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordReviewArgs {
    /// The number of the phase that was reviewed; the active one when it is left out.
    #[serde(default)]
    pub phase: Option<u32>,
    /// Whether the work was good enough.
    pub passed: bool,
    /// The verdict, in a sentence or two.
    pub feedback: String,
    /// What was found.
    #[serde(default)]
    pub issues: Vec<ReviewIssueArgs>,
}

/// Something that a review has found.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewIssueArgs {
    /// What it is about, in a few words that are the same each time it is met.
    pub topic: String,
    /// The file, relative to the project.
    #[serde(default)]
    pub path: Option<String>,
    /// The line, from 1.
    #[serde(default)]
    pub line: Option<u32>,
}

/// What `paige_record_review` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordReviewResult {
    /// Always true.
    pub success: bool,
    /// Whether the review was passed.
    pub passed: bool,
    /// The phase that was reviewed.
    pub phase: PhaseBrief,
}

/// What a tool that shows something answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    /// Always true.
    pub success: bool,
    /// What to mind next time, when there is something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a tool answers when it fails; the result carries `isError`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolError {
    /// For programs.
    pub code: ErrorCode,
    /// For the model: a sentence that says what to do next.
    pub error: String,
    /// The session that is in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<u32>,
}

impl From<HighlightRangeArgs> for HighlightRange {
    fn from(args: HighlightRangeArgs) -> Self {
        Self {
            start: args.start,
            end: args.end,
            style: args.style,
            hover_text: args.hover_text,
            rung: args.rung,
            hint_id: None,
        }
    }
}

impl From<AnchorArgs> for Anchor {
    fn from(args: AnchorArgs) -> Self {
        Self {
            path: args.path,
            range: super::files::TextRange {
                start_line: args.start_line,
                start_column: None,
                end_line: args.end_line,
                end_column: None,
            },
        }
    }
}
