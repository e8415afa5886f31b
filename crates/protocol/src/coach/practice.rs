//! Families `practice`, `challenge`, `review` and `materials`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use specta::Type;

/// `practice:submit_solution`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubmitSolution {
    /// The kata.
    pub kata_id: u32,
    /// The learner's code.
    pub code: String,
    /// The constraints that were on.
    pub active_constraints: Vec<String>,
}

/// `practice:run`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunSolution {
    /// The kata.
    pub kata_id: u32,
    /// The learner's code.
    pub code: String,
}

/// A kata alone: `practice:request_hint`, `practice:view_previous_attempts`, `challenge:load`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KataRef {
    /// The kata.
    pub kata_id: u32,
}

/// `practice:solution_review`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SolutionReview {
    /// The kata.
    pub kata_id: u32,
    /// The review.
    pub review: String,
    /// 1 to 10.
    pub level: u8,
    /// Whether it is solved.
    pub passed: bool,
    /// The constraints that may be switched on from now on.
    pub constraints_unlocked: Vec<String>,
    /// What to try next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow_up: Option<FollowUp>,
    /// What it says about the learner's stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dreyfus_signal: Option<DreyfusSignal>,
}

/// What to try next on a kata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FollowUp {
    /// What kind of step.
    #[serde(rename = "type")]
    pub kind: FollowUpKind,
    /// The constraint to switch on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What kind of step comes next on a kata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FollowUpKind {
    /// The same again under another constraint.
    ConstraintEscalation,
    /// Once more, with a hint.
    RetryHint,
    /// Nothing: it is done.
    Completed,
}

/// What an attempt says about the learner's stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DreyfusSignal {
    /// Upward.
    Advancing,
    /// As it was.
    Stable,
    /// More need than before.
    Struggling,
}

/// `review:error`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReviewError {
    /// For people.
    pub error: String,
    /// The kata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kata_id: Option<u32>,
}

/// `practice:hint`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PracticeHint {
    /// The kata.
    pub kata_id: u32,
    /// The hint.
    pub hint: String,
}

/// `practice:previous_attempts`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviousAttempts {
    /// The kata.
    pub kata_id: u32,
    /// Oldest first.
    pub attempts: Vec<Attempt>,
}

/// An attempt at a kata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// The learner's code.
    pub code: String,
    /// Its review.
    pub review: String,
    /// 1 to 10.
    pub level: u8,
    /// Whether it was solved.
    pub passed: bool,
    /// The constraints that were on.
    pub constraints: Vec<String>,
    /// When, ISO 8601 UTC.
    pub submitted_at: String,
}

/// `practice:run_result`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunResult {
    /// The kata.
    pub kata_id: u32,
    /// One entry a test.
    pub tests: Vec<TestResult>,
    /// The end of what the program printed.
    pub output: String,
    /// How well the run was locked in, as a sentence.
    pub guarantee: String,
}

/// How a test of a kata went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// The test.
    pub name: String,
    /// Whether it passed.
    pub passed: bool,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// `challenge:loaded`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChallengeLoaded {
    /// The kata.
    pub kata_id: u32,
    /// Its title.
    pub title: String,
    /// The task.
    pub description: String,
    /// The code to start from.
    pub scaffolding_code: String,
    /// The constraints, also those that are still locked.
    pub constraints: Vec<Constraint>,
}

/// A constraint of a kata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Constraint {
    /// Names it in `activeConstraints`.
    pub id: String,
    /// What it demands.
    pub description: String,
}

/// `challenge:load_error`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChallengeLoadError {
    /// For people.
    pub error: String,
}

/// A learning material alone: `materials:view`, `materials:dismiss`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MaterialRef {
    /// The material.
    pub id: u32,
}

/// `materials:complete`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MaterialComplete {
    /// The material.
    pub id: u32,
    /// The answer to its question.
    pub answer: String,
}

/// A learning material.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Material {
    /// The row.
    pub id: u32,
    /// What it is: `youtube` or `article`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it is.
    pub url: String,
    /// Its title.
    pub title: String,
    /// What it teaches.
    pub description: String,
    /// A picture of it.
    pub thumbnail_url: Option<String>,
    /// What one should be able to answer afterwards.
    pub question: String,
    /// How often it was viewed.
    pub view_count: u32,
    /// Where it stands.
    pub status: MaterialStatus,
    /// When it was found, ISO 8601 UTC.
    pub created_at: String,
}

/// Where a learning material stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MaterialStatus {
    /// Not done.
    Pending,
    /// Its question was answered.
    Completed,
    /// Not wanted.
    Dismissed,
}

/// `materials:updated`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MaterialUpdated {
    /// The material.
    pub id: u32,
    /// How often it was viewed.
    pub view_count: u32,
    /// Where it stands.
    pub status: MaterialStatus,
}

/// `materials:list_result`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MaterialList {
    /// Newest first.
    pub materials: Vec<Material>,
}

/// `materials:complete_result`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MaterialCompleteResult {
    /// The material.
    pub id: u32,
    /// Whether the answer was right.
    pub correct: bool,
    /// What to think about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
