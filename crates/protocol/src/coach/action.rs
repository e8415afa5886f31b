//! [`Action`]: every kind of entry on the timeline, with its data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use specta::Type;

use super::{
    coaching::{BreakerStep, Signal, SuppressionReason, Trigger},
    editor::{FileHintStyle, Tone},
    files::{EntryKind, TextRange},
    hints::{HintLevel, LevelSource},
    session::SessionStatus,
};

/// What happened (`action_log`): `action_type` and `data`.
///
/// Names and data are those of the coaching desk's catalogue; what happens without an active session
/// is kept too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(
    tag = "actionType",
    content = "data",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum Action {
    /// A file was opened, by the human or by Claude.
    FileOpen {
        /// The file.
        path: String,
    },
    /// A file was saved.
    FileSave {
        /// The file.
        path: String,
        /// Characters of its text.
        char_count: u32,
    },
    /// A file was closed.
    FileClose {
        /// The file.
        path: String,
    },
    /// A file or folder was made.
    FileCreate {
        /// Where.
        path: String,
        /// What.
        kind: EntryKind,
    },
    /// A file or folder was renamed or moved.
    FileRename {
        /// The old path.
        path: String,
        /// The new path.
        new_path: String,
    },
    /// A file or folder was moved to the trash.
    FileDelete {
        /// Where it was.
        path: String,
    },
    /// The human looks at another tab.
    EditorTabSwitch {
        /// The tab before.
        from_path: Option<String>,
        /// The tab now.
        to_path: String,
    },
    /// The human selected some text; the text itself is not kept.
    EditorSelection {
        /// The file.
        path: String,
        /// What.
        range: TextRange,
        /// Characters of the selected text.
        text_length: u32,
    },
    /// A file has unsaved edits, told every 30 seconds.
    BufferSummary {
        /// The file.
        path: String,
        /// Characters now.
        char_count: u32,
        /// Always true.
        dirty: bool,
        /// Edits since the last entry.
        edit_count: u32,
        /// Characters more, or less, since the last entry.
        char_delta: i32,
    },
    /// A file's text grew or shrank by more than half or by more than 500 characters.
    BufferSignificantChange {
        /// The file.
        path: String,
        /// Characters at the last entry.
        previous_char_count: u32,
        /// Characters now.
        new_char_count: u32,
        /// Their difference.
        char_delta: i32,
        /// The difference in per cent of the former, null when that was 0.
        percent_delta: Option<u32>,
    },
    /// A plan was made.
    CoachingPipelineRun {
        /// The plan.
        plan_id: u32,
    },
    /// Claude told the learner something.
    CoachingMessage {
        /// The message.
        message_id: String,
        /// Its text.
        message: String,
        /// Its tone.
        #[serde(rename = "type")]
        tone: Tone,
        /// How much help it is.
        rung: Option<u8>,
        /// The lowest rung that it skipped: one that was not shown yet in the phase.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        skipped_rung: Option<u8>,
    },
    /// A phase became active.
    PhaseStarted {
        /// The phase.
        phase_id: u32,
        /// Its number in the plan.
        phase_number: u32,
        /// Its title.
        title: String,
    },
    /// A phase was completed.
    PhaseCompleted {
        /// The phase.
        phase_id: u32,
        /// Its number in the plan.
        phase_number: u32,
        /// Its title.
        title: String,
    },
    /// A hint of the active phase was shown, or its hover text read, for the first time.
    HintUsed {
        /// The hint.
        hint_id: u32,
        /// The file it points at.
        path: String,
        /// How much help it was: a file 1, lines 2, a hover text 3.
        rung: u8,
        /// The hint level at that moment.
        hint_level: HintLevel,
    },
    /// The hint level changed.
    HintsLevelChange {
        /// The active phase.
        phase_id: Option<u32>,
        /// The level before.
        from: HintLevel,
        /// The level now.
        to: HintLevel,
        /// Who changed it.
        source: LevelSource,
    },
    /// Claude highlighted lines.
    DecorationsApplied {
        /// The file.
        path: String,
        /// Lines highlighted.
        line_count: u32,
        /// How much help they are, each rung once.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rungs: Vec<u8>,
        /// The lowest rung that they skipped: one that was not shown yet in the phase.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        skipped_rung: Option<u8>,
    },
    /// Claude's highlights were taken away.
    DecorationsCleared {
        /// The file, null for all.
        path: Option<String>,
    },
    /// Claude marked files.
    FileHintsApplied {
        /// The files.
        paths: Vec<String>,
        /// How.
        style: FileHintStyle,
    },
    /// Claude's marks of files were taken away.
    FileHintsCleared {},
    /// Claude showed the issue.
    IssueContextShown {
        /// Its title.
        title: String,
        /// Its number.
        issue_number: Option<u32>,
    },
    /// The human does nothing.
    UserIdleStart {
        /// Milliseconds without an action.
        duration_ms: u32,
    },
    /// The human is back.
    UserIdleEnd {
        /// Milliseconds away.
        idle_duration_ms: Option<u32>,
    },
    /// The human asked for an explanation.
    UserExplainRequest {
        /// The file.
        path: String,
        /// What of it.
        range: TextRange,
    },
    /// An explanation was given, or failed.
    ExplainCompleted {
        /// The file.
        path: String,
        /// The model.
        model: String,
        /// Milliseconds, -1 when it failed.
        latency_ms: i32,
        /// Whether it was given.
        success: bool,
        /// Why not.
        error: Option<String>,
    },
    /// A command has run.
    CommandRun {
        /// The command line, secrets out.
        command: String,
        /// What it was for.
        kind: CommandKind,
        /// Its exit code.
        exit_code: i32,
        /// How long it ran.
        duration_ms: u32,
        /// At most 20 normalised error lines.
        error_lines: Vec<String>,
        /// Who told.
        source: CommandSource,
    },
    /// Claude looked into a file or folder with a tool of its own.
    ClaudeRead {
        /// The tool: `Read`, `Grep` or `Glob`.
        tool_name: String,
        /// What it looked into, relative to the project where it lies in it, secrets out.
        path: String,
    },
    /// A tool of Claude was kept from running by the read-only rule.
    ToolDenied {
        /// The tool.
        tool_name: String,
        /// `deny`, or `ask` when it was left to the human.
        decision: ToolDecision,
        /// The rule that decided.
        rule: String,
        /// The command line or the path, cut short and secrets out.
        subject: String,
    },
    /// The human wrote to Claude; the text itself is not kept.
    PromptSubmitted {
        /// What the prompt asks for.
        class: PromptClass,
    },
    /// An answer of Claude in the terminal showed more code than the learner's stage allows.
    AnswerTooLarge {
        /// Lines of its longest contiguous code.
        lines: u32,
        /// As many as it may have.
        allowed: u32,
        /// Claude was told to say it again; false when it had been told already.
        blocked: bool,
    },
    /// The Observer asked, and was answered.
    ObserverTriage {
        /// What made it look.
        trigger: Trigger,
        /// What the model decided.
        should_nudge: bool,
        /// How sure it is.
        #[specta(type = specta_typescript::Number)]
        confidence: f64,
        /// What it noticed; none when it noticed nothing, or something that there is not.
        signal: Option<Signal>,
        /// Why.
        reasoning: Option<String>,
        /// Whether the pre-check, if it had been on, would have let the call be made.
        precheck: bool,
    },
    /// A nudge was sent.
    NudgeSent {
        /// What was noticed.
        signal: Signal,
        /// How sure.
        #[specta(type = specta_typescript::Number)]
        confidence: f64,
        /// How to help this time.
        step: BreakerStep,
    },
    /// The Observer did not ask, or a nudge was kept back.
    NudgeSuppressed {
        /// What made it look.
        trigger: Trigger,
        /// What was noticed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<Signal>,
        /// How sure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[specta(type = Option<specta_typescript::Number>)]
        confidence: Option<f64>,
        /// Why it was kept back.
        reason: SuppressionReason,
        /// How many looks this tells of: those of unsaved text that were kept back for the same reason
        /// within a minute are told together.
        times: u32,
        /// What failed, when something did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// The Observer was muted, or not any more.
    ObserverMuted {
        /// Which.
        muted: bool,
    },
    /// Claude called a tool.
    McpToolCall {
        /// Links it to what the call changed.
        call_id: String,
        /// The tool.
        tool_name: String,
        /// Its arguments as JSON, long texts cut and secrets out.
        args: String,
        /// `ok`, or the code of the error.
        outcome: String,
        /// How long it took.
        #[specta(type = specta_typescript::Number)]
        duration_ms: f64,
    },
    /// A solution was submitted.
    PracticeSolutionSubmitted {
        /// The kata.
        kata_id: u32,
        /// The constraints that were on.
        constraints_active: Vec<String>,
    },
    /// A solution was reviewed.
    PracticeSolutionReviewed {
        /// The kata.
        kata_id: u32,
        /// 1 to 10.
        level: u8,
        /// Whether it is solved.
        passed: bool,
    },
    /// A review was asked for.
    ReviewRequested {
        /// The phase.
        phase_id: Option<u32>,
    },
    /// A review was passed.
    ReviewPassed {
        /// The phase.
        phase_id: u32,
        /// The verdict.
        feedback: String,
        /// What was noticed all the same.
        issues: Vec<ReviewIssue>,
    },
    /// A review was not passed.
    ReviewFailed {
        /// The phase.
        phase_id: u32,
        /// The verdict.
        feedback: String,
        /// What is to be mended.
        issues: Vec<ReviewIssue>,
    },
    /// The dashboard was loaded.
    DashboardLoaded {
        /// The parts that came.
        flows_completed: Vec<String>,
    },
    /// A session started.
    SessionStarted {
        /// Its issue.
        issue_number: Option<u32>,
        /// The issue's title.
        issue_title: Option<String>,
        /// `hook`, `mcp` or `ui`.
        started_by: String,
    },
    /// A session was taken up again.
    SessionResumed {
        /// The session.
        previous_session_id: u32,
    },
    /// A session ended.
    SessionEnded {
        /// How.
        status: SessionStatus,
        /// How long it was.
        #[specta(type = specta_typescript::Number)]
        duration_ms: f64,
        /// Entries of its timeline.
        actions: u32,
        /// Calls to a model.
        api_calls: u32,
    },
    /// A step of a wrap-up failed.
    WrapUpError {
        /// The step.
        agent: String,
        /// Why.
        error: String,
    },
    /// A learning material was found.
    LearningMaterialGenerated {
        /// The material.
        material_id: u32,
        /// `youtube` or `article`.
        #[serde(rename = "type")]
        kind: String,
        /// Where it is.
        url: String,
    },
    /// A learning material was viewed.
    LearningMaterialViewed {
        /// The material.
        material_id: u32,
        /// Where it is.
        url: String,
    },
    /// A learning material was completed.
    LearningMaterialCompleted {
        /// The material.
        material_id: u32,
    },
    /// A learning material was dismissed.
    LearningMaterialDismissed {
        /// The material.
        material_id: u32,
    },
    /// An answer to a material's question was checked.
    LearningMaterialAnswerChecked {
        /// The material.
        material_id: u32,
        /// Whether it was right.
        correct: bool,
    },
}

/// Something that a review has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReviewIssue {
    /// What it is about, in a few words that are the same each time it is met.
    pub topic: String,
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// What a command was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandKind {
    /// It ran tests.
    Test,
    /// It built something.
    Build,
    /// Anything else.
    Other,
}

/// Who told of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandSource {
    /// The desktop shell.
    Shell,
    /// A hook of Claude Code.
    Hook,
    /// `paige-sidecar run`.
    Pty,
}

/// What a prompt asks for: the inquiry share counts questions against requests (coaching.md §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PromptClass {
    /// To understand something.
    Question,
    /// To have something done.
    Request,
    /// Neither.
    Other,
}

/// What the read-only rule did with a tool that it did not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolDecision {
    /// It was left to the human.
    Ask,
    /// It was denied.
    Deny,
}

impl Action {
    /// The kind as it stands in `action_log.action_type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::FileOpen { .. } => "file_open",
            Self::FileSave { .. } => "file_save",
            Self::FileClose { .. } => "file_close",
            Self::FileCreate { .. } => "file_create",
            Self::FileRename { .. } => "file_rename",
            Self::FileDelete { .. } => "file_delete",
            Self::EditorTabSwitch { .. } => "editor_tab_switch",
            Self::EditorSelection { .. } => "editor_selection",
            Self::BufferSummary { .. } => "buffer_summary",
            Self::BufferSignificantChange { .. } => "buffer_significant_change",
            Self::CoachingPipelineRun { .. } => "coaching_pipeline_run",
            Self::CoachingMessage { .. } => "coaching_message",
            Self::PhaseStarted { .. } => "phase_started",
            Self::PhaseCompleted { .. } => "phase_completed",
            Self::HintUsed { .. } => "hint_used",
            Self::HintsLevelChange { .. } => "hints_level_change",
            Self::DecorationsApplied { .. } => "decorations_applied",
            Self::DecorationsCleared { .. } => "decorations_cleared",
            Self::FileHintsApplied { .. } => "file_hints_applied",
            Self::FileHintsCleared { .. } => "file_hints_cleared",
            Self::IssueContextShown { .. } => "issue_context_shown",
            Self::UserIdleStart { .. } => "user_idle_start",
            Self::UserIdleEnd { .. } => "user_idle_end",
            Self::UserExplainRequest { .. } => "user_explain_request",
            Self::ExplainCompleted { .. } => "explain_completed",
            Self::CommandRun { .. } => "command_run",
            Self::ClaudeRead { .. } => "claude_read",
            Self::ToolDenied { .. } => "tool_denied",
            Self::PromptSubmitted { .. } => "prompt_submitted",
            Self::AnswerTooLarge { .. } => "answer_too_large",
            Self::ObserverTriage { .. } => "observer_triage",
            Self::NudgeSent { .. } => "nudge_sent",
            Self::NudgeSuppressed { .. } => "nudge_suppressed",
            Self::ObserverMuted { .. } => "observer_muted",
            Self::McpToolCall { .. } => "mcp_tool_call",
            Self::PracticeSolutionSubmitted { .. } => "practice_solution_submitted",
            Self::PracticeSolutionReviewed { .. } => "practice_solution_reviewed",
            Self::ReviewRequested { .. } => "review_requested",
            Self::ReviewPassed { .. } => "review_passed",
            Self::ReviewFailed { .. } => "review_failed",
            Self::DashboardLoaded { .. } => "dashboard_loaded",
            Self::SessionStarted { .. } => "session_started",
            Self::SessionResumed { .. } => "session_resumed",
            Self::SessionEnded { .. } => "session_ended",
            Self::WrapUpError { .. } => "wrap_up_error",
            Self::LearningMaterialGenerated { .. } => "learning_material_generated",
            Self::LearningMaterialViewed { .. } => "learning_material_viewed",
            Self::LearningMaterialCompleted { .. } => "learning_material_completed",
            Self::LearningMaterialDismissed { .. } => "learning_material_dismissed",
            Self::LearningMaterialAnswerChecked { .. } => "learning_material_answer_checked",
        }
    }

    /// The data as it stands in `action_log.data`: a JSON object.
    pub fn data_json(&self) -> String {
        #[derive(Deserialize)]
        struct Parts<'a> {
            #[serde(borrow)]
            data: &'a serde_json::value::RawValue,
        }
        let mut whole = Vec::new();
        crate::envelope::write_json(&mut whole, self);
        serde_json::from_slice::<Parts<'_>>(&whole)
            .map_or_else(|_| "{}".to_owned(), |parts| parts.data.get().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_and_data_are_the_parts_of_the_entry() {
        let action = Action::FileSave {
            path: "a".into(),
            char_count: 3,
        };
        let whole = serde_json::to_value(&action).expect("JSON");
        assert_eq!(whole["actionType"], action.kind());
        assert_eq!(
            whole["data"],
            serde_json::from_str::<serde_json::Value>(&action.data_json()).expect("JSON")
        );
        assert_eq!(Action::FileHintsCleared {}.data_json(), "{}");
    }
}
