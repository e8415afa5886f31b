//! Family `dashboard`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use specta::Type;

use super::practice::Material;

/// `dashboard:request`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DashboardRequest {
    /// Over which time the statistics go; everything when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats_period: Option<Period>,
}

/// Over which time statistics go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
pub enum Period {
    /// Since midnight, local time.
    #[serde(rename = "today")]
    Today,
    /// The last seven days.
    #[serde(rename = "7d")]
    Week,
    /// The last thirty days.
    #[serde(rename = "30d")]
    Month,
    /// Everything.
    #[serde(rename = "all")]
    All,
}

/// `dashboard:state`: what is known at once; the three lists follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DashboardState {
    /// Where the learner stands.
    pub dreyfus: Vec<SkillStage>,
    /// The statistics.
    pub stats: Stats,
    /// Empty; `dashboard:issues` follows.
    pub issues: Vec<RatedIssue>,
    /// Empty; `dashboard:challenges` follows.
    pub challenges: Vec<Challenge>,
    /// Empty; `dashboard:learning_materials` follows.
    pub learning_materials: Vec<Material>,
}

/// Where the learner stands in a skill area.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkillStage {
    /// The area.
    pub skill_area: String,
    /// `Novice`, `Advanced Beginner`, `Competent`, `Proficient` or `Expert`.
    pub stage: String,
    /// How sure that is, 0 to 1.
    #[specta(type = specta_typescript::Number)]
    pub confidence: f64,
    /// When it was assessed, ISO 8601 UTC.
    pub assessed_at: String,
}

/// Figures over the period asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Sessions begun.
    pub total_sessions: u32,
    /// Entries of the timeline.
    pub total_actions: u32,
    /// Calls to a model.
    pub total_api_calls: u32,
    /// What they cost, in US dollars.
    #[specta(type = specta_typescript::Number)]
    pub total_cost: f64,
}

/// `dashboard:issues`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DashboardIssues {
    /// The best first.
    pub issues: Vec<RatedIssue>,
}

/// An open issue with its rating.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RatedIssue {
    /// Its number.
    pub number: u32,
    /// Its title.
    pub title: String,
    /// Where it stands.
    pub url: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// Whether it suits the learner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suitability: Option<Suitability>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How hard it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<String>,
    /// The skills it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skills: Option<Vec<String>>,
    /// How it was ranked; larger is better.
    #[specta(type = specta_typescript::Number)]
    pub priority_score: f64,
    /// What the rank came from.
    pub priority_factors: Vec<String>,
    /// What can be learned from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learning_opportunities: Option<Vec<String>>,
    /// What to attend to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommended_focus: Option<String>,
    /// Whether it is assigned to the user, mentions or was written by them.
    pub user_tagged: bool,
}

/// Whether an issue suits the learner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Suitability {
    /// It does.
    GoodFit,
    /// With some effort.
    Stretch,
    /// Not yet.
    TooAdvanced,
}

/// `dashboard:challenges`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DashboardChallenges {
    /// Due ones first.
    pub challenges: Vec<Challenge>,
}

/// A kata to practise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Challenge {
    /// The kata.
    pub kata_id: u32,
    /// Its title.
    pub title: String,
    /// The task.
    pub description: String,
    /// Attempts so far.
    pub attempts: u32,
    /// The best level so far, 0 when there was no attempt.
    pub max_level: u8,
    /// The topic of the gap it came from.
    pub gap: String,
}

/// `dashboard:learning_materials`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DashboardMaterials {
    /// In the order of study.
    pub materials: Vec<Material>,
}

/// `dashboard:issues_error`, `dashboard:challenges_error`, `dashboard:learning_materials_error`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DashboardError {
    /// For people.
    pub error: String,
}
