//! `paige_get_session_state`: its arguments and its twelve items.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FileDiff, GetBufferResult};
use crate::coach::{
    coaching::{Phase, PhaseStatus},
    hints::HintLevel,
    session::Session,
};

/// `paige_get_session_state`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetSessionStateArgs {
    /// The items wanted; all when it is left out or empty.
    #[serde(default)]
    pub include: Option<Vec<StateItem>>,
}

/// An item of the session's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateItem {
    /// The session.
    Session,
    /// The active plan and its phases.
    Plan,
    /// The active phase.
    Phase,
    /// Where the learner stands.
    Dreyfus,
    /// The active phase's progress.
    Progress,
    /// The active phase's hints.
    Hints,
    /// Knowledge gaps, the session's first.
    Gaps,
    /// Katas.
    Katas,
    /// The last 20 entries of the timeline, newest first.
    Actions,
    /// Unsaved buffers.
    Buffers,
    /// Diffs of the unsaved buffers.
    Diffs,
    /// Open files.
    OpenFiles,
}

impl StateItem {
    /// All twelve.
    pub const ALL: [Self; 12] = [
        Self::Session,
        Self::Plan,
        Self::Phase,
        Self::Dreyfus,
        Self::Progress,
        Self::Hints,
        Self::Gaps,
        Self::Katas,
        Self::Actions,
        Self::Buffers,
        Self::Diffs,
        Self::OpenFiles,
    ];
}

/// What `paige_get_session_state` answers: the items asked for and no others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionState {
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    /// The active plan, or null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Option<PlanState>>,
    /// The active phase, or null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Option<Phase>>,
    /// Where the learner stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dreyfus: Option<Vec<StageState>>,
    /// The active phase's progress, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Vec<ProgressState>>,
    /// The active phase's hints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hints: Option<HintsState>,
    /// Knowledge gaps, the session's first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gaps: Option<Vec<GapState>>,
    /// Katas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub katas: Option<Vec<KataState>>,
    /// The last entries of the timeline, newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions: Option<Vec<ActionState>>,
    /// Unsaved buffers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buffers: Option<Vec<GetBufferResult>>,
    /// Diffs of the unsaved buffers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diffs: Option<Vec<FileDiff>>,
    /// Open files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_files: Option<Vec<String>>,
}

/// The active plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanState {
    /// The row.
    pub id: u32,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// Its phases, in order.
    pub phases: Vec<PhaseBrief>,
}

/// A phase in brief.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhaseBrief {
    /// The row.
    pub id: u32,
    /// Its number in the plan, from 1.
    pub number: u32,
    /// Its title.
    pub title: String,
    /// Where it stands.
    pub status: PhaseStatus,
}

/// Where the learner stands in a skill area.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageState {
    /// The area.
    pub skill_area: String,
    /// The stage.
    pub stage: String,
    /// How sure that is, 0 to 1.
    pub confidence: f64,
}

/// A progress event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProgressState {
    /// What happened.
    pub event_type: String,
    /// Its data; its shape depends on the type.
    pub data: Option<serde_json::Value>,
    /// When, ISO 8601 UTC.
    pub created_at: String,
}

/// The hints of a phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HintsState {
    /// Files to look at.
    pub file_hints: Vec<HintState>,
    /// Lines to look at.
    pub line_hints: Vec<HintState>,
}

/// A hint of a phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HintState {
    /// The row.
    pub id: u32,
    /// The file.
    pub path: String,
    /// The first line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_start: Option<u32>,
    /// The last line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_end: Option<u32>,
    /// How it is shown.
    pub style: String,
    /// What is shown when the mouse rests on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hover_text: Option<String>,
    /// From which level on it is shown.
    pub required_level: HintLevel,
}

/// A knowledge gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GapState {
    /// The row.
    pub id: u32,
    /// The session in which it was found.
    pub session_id: u32,
    /// What is missing.
    pub topic: String,
    /// `low`, `medium` or `high`.
    pub severity: String,
    /// What it was found from.
    pub evidence: Option<String>,
    /// What belongs to it.
    pub related_concepts: Vec<String>,
    /// Whether it was closed.
    pub addressed: bool,
    /// How often it was met.
    pub frequency: u32,
}

/// A kata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KataState {
    /// The row.
    pub id: u32,
    /// Its title.
    pub title: String,
    /// The topic of the gap it came from.
    pub gap: String,
    /// Attempts so far.
    pub attempts: u32,
    /// The best level so far, 0 when there was no attempt.
    pub max_level: u32,
}

/// An entry of the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActionState {
    /// What happened.
    pub action_type: String,
    /// Its data; its shape depends on the type.
    pub data: Option<serde_json::Value>,
    /// When, ISO 8601 UTC.
    pub created_at: String,
}
