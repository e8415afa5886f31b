//! Families `coaching`, `observer`, `user`, `explain`, `stage` and `budget`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use specta::Type;

use super::{editor::Tone, files::TextRange, hints::HintLevel};

/// A coaching plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The row.
    pub id: u32,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// How many phases it has.
    pub total_phases: u32,
}

/// A phase of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// The row.
    pub id: u32,
    /// Its number in the plan, from 1.
    pub number: u32,
    /// Its title.
    pub title: String,
    /// What to do.
    pub description: String,
    /// The hint level it starts with.
    pub hint_level: HintLevel,
    /// Where it stands.
    pub status: PhaseStatus,
    /// The files that it is expected to touch.
    pub expected_files: Vec<String>,
    /// When it became active, ISO 8601 UTC.
    pub started_at: Option<String>,
    /// When it was completed, ISO 8601 UTC.
    pub completed_at: Option<String>,
    /// The goal in the learner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<String>,
    /// How they will know that it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_when: Option<String>,
    /// What it teaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teaches: Option<String>,
    /// Which earlier experience it connects to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_connection: Option<String>,
}

/// Where a phase stands; it never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhaseStatus {
    /// Not begun.
    Pending,
    /// Under way; at most one of a plan.
    Active,
    /// Done.
    Complete,
}

/// `coaching:plan_ready`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanReady {
    /// The plan.
    pub plan: Plan,
    /// Its phases.
    pub phases: Vec<Phase>,
    /// The earlier experience it builds on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_connection: Option<String>,
    /// How hard it is expected to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_difficulty: Option<String>,
}

/// `coaching:phase_update`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhaseUpdate {
    /// The whole phase as it is now.
    pub phase: Phase,
}

/// `coaching:message`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoachingMessage {
    /// Names the message in `coaching:feedback`.
    pub message_id: String,
    /// The text.
    pub message: String,
    /// Its tone.
    #[serde(rename = "type")]
    pub tone: Tone,
    /// Who speaks.
    pub source: MessageSource,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    /// How much help it is: 1 where, 2 what to look at, 3 how to think about it, 4 shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rung: Option<u8>,
}

/// Who speaks in a coaching message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageSource {
    /// Claude, through a tool.
    Coaching,
    /// An explanation.
    Explain,
    /// The Observer.
    Observer,
}

/// A place that a message is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Anchor {
    /// The file.
    pub path: String,
    /// The lines.
    #[serde(flatten)]
    pub range: TextRange,
}

/// `coaching:issue_context`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssueContext {
    /// The issue's title.
    pub title: String,
    /// What it asks for.
    pub summary: String,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Its labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<IssueLabel>>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A label of an issue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssueLabel {
    /// Its name.
    pub name: String,
    /// Its colour, six hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
}

/// `coaching:feedback`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoachingFeedback {
    /// The message.
    pub message_id: String,
    /// Whether it helped.
    pub helpful: bool,
}

/// `coaching:progress`: a long request is under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoachingProgress {
    /// What is done at the moment.
    pub message: String,
    /// Which step that is, from 1.
    pub step: u32,
    /// How many steps there are.
    pub of: u32,
}

/// `observer:mute`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObserverMute {
    /// Whether the Observer is to be quiet.
    pub muted: bool,
}

/// `observer:status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObserverStatus {
    /// Whether it follows a session.
    pub active: bool,
    /// Whether it is quiet.
    pub muted: bool,
    /// When it last looked, ISO 8601 UTC.
    pub last_evaluation: Option<String>,
}

/// `observer:nudge`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Nudge {
    /// What was noticed.
    pub signal: Signal,
    /// How sure it is, 0 to 1.
    #[specta(type = specta_typescript::Number)]
    pub confidence: f64,
    /// Where the learner stands.
    pub context: NudgeContext,
    /// The line for the terminal: `[PAIGE_OBSERVER] ` and one line of JSON without control characters.
    pub message: String,
    /// After this it is not delivered any more, ISO 8601 UTC.
    pub expires_at: String,
    /// Whether this client is to type it.
    pub deliver: bool,
    /// Whether it is played again from a recording, and never typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<bool>,
}

/// Where the learner stands when they are nudged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NudgeContext {
    /// The file that they look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_file: Option<String>,
    /// A file that the phase is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_file: Option<String>,
    /// How long they have looked at the file, for instance `3m12s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_in_file: Option<String>,
    /// The number of the phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_phase: Option<u32>,
    /// What the phase is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase_description: Option<String>,
    /// How to help this time.
    pub step: BreakerStep,
}

/// How to help, the more direct the more often the same was noticed in a phase: the circuit breaker.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Type,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum BreakerStep {
    /// The first nudge of a kind: a question.
    Ask,
    /// The second: the same in another picture.
    Reframe,
    /// The third: the next step of the phase in smaller steps.
    Decompose,
    /// The fourth: a kata, or a look at related code; the phase stays active.
    Lateral,
    /// From the fifth on: a sketch with holes is allowed, and the gap is on record.
    Rung4,
}

/// What made the Observer look.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Type,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The human opened a file.
    FileOpen,
    /// The human saved a file.
    FileSave,
    /// One more fifth update of unsaved text.
    BufferUpdates,
    /// One more third request for an explanation.
    ExplainRequests,
    /// A phase became active.
    PhaseStarted,
    /// A phase was completed.
    PhaseCompleted,
    /// Nothing was done for long.
    Idle,
}

/// Why the Observer did not ask, or did not nudge.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Type,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// It was muted while the model was thinking.
    Muted,
    /// A model was being asked already.
    InProgress,
    /// The last nudge was not long ago.
    Cooldown,
    /// The strict profile lets a phase begin without nudges.
    ProductiveStruggle,
    /// The learner is at work.
    FlowState,
    /// Nothing has changed since the last look.
    Unchanged,
    /// No computed signal asks for a look.
    Precheck,
    /// There is no model to ask.
    Offline,
    /// The model did not answer, or not in form.
    Failed,
    /// The model named a signal that there is not.
    UnknownSignal,
    /// The model said that there is to be a nudge, and that there is nothing to nudge about.
    Contradictory,
    /// The record says the opposite of what the model noticed.
    Unsupported,
    /// The phase that the model was asked about is not the present one any more.
    Outdated,
    /// The model was not sure enough.
    LowConfidence,
}

/// What the Observer notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// No progress on the step at hand.
    StuckOnImplementation,
    /// No action for long.
    LongIdle,
    /// More and more help asked for.
    ExcessiveHints,
    /// The same error again and again.
    RepeatedErrors,
    /// Work in a file that the phase does not touch.
    WrongFile,
    /// Work beyond the phase.
    ScopeDrift,
    /// The phase looks done.
    PhaseComplete,
}

/// `user:idle_start`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdleStart {
    /// Milliseconds without an action.
    pub duration_ms: u32,
}

/// `user:idle_end`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdleEnd {
    /// Milliseconds that the user was away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_duration_ms: Option<u32>,
}

/// `user:explain`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explain {
    /// The file.
    pub path: String,
    /// The lines.
    pub range: TextRange,
    /// The selected text.
    pub selected_text: String,
}

/// `user:run`: a command has run in the shell's terminal, or in that of `paige-sidecar run`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommandRun {
    /// The command line.
    pub command: String,
    /// Its exit code.
    pub exit_code: i32,
    /// How long it ran, in milliseconds.
    pub duration_ms: u32,
    /// The end of its output, at most 8 KB.
    pub tail: String,
    /// Who ran it; `shell` when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<super::action::CommandSource>,
}

/// `user:cancel`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cancel {
    /// The `id` of the request that is no longer wanted.
    pub request_id: crate::envelope::RequestId,
}

/// `explain:response`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainResponse {
    /// The file.
    pub path: String,
    /// The explanation.
    pub explanation: String,
    /// The concepts it is about.
    pub key_concepts: Vec<String>,
    /// A likeness from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analogy: Option<String>,
    /// Files worth a look.
    pub related_files: Vec<String>,
    /// How it bears on the phase at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase_connection: Option<String>,
}

/// `explain:delta`: the next piece of an explanation that is being written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainDelta {
    /// The `id` of the request.
    pub request_id: Option<crate::envelope::RequestId>,
    /// The piece.
    pub text: String,
}

/// `explain:error`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainError {
    /// The file.
    pub path: String,
    /// For people.
    pub error: String,
}

/// `stage:correct`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageCorrect {
    /// The skill area.
    pub skill_area: String,
    /// The stage that the learner thinks right.
    pub stage: String,
}

/// `budget:warning`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BudgetWarning {
    /// Which budget: `session` or `day`.
    pub scope: String,
    /// US dollars spent.
    #[specta(type = specta_typescript::Number)]
    pub spent: f64,
    /// US dollars allowed.
    #[specta(type = specta_typescript::Number)]
    pub limit: f64,
}
