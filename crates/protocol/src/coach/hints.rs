//! Family `hints`: how much help is shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use specta::Type;

/// How much help is shown: questions only, files too, lines too, hover texts too.
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
#[serde(rename_all = "lowercase")]
pub enum HintLevel {
    /// Questions only.
    Off,
    /// Files.
    Low,
    /// Lines as well.
    Medium,
    /// Hover texts as well.
    High,
}

/// `hints:level_change`: the learner wants another level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LevelChange {
    /// The level that the client showed until now; the sidecar knows better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<HintLevel>,
    /// The wanted level.
    pub to: HintLevel,
}

/// `hints:level`: the level in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Level {
    /// The level.
    pub level: HintLevel,
    /// Who set it.
    pub source: LevelSource,
}

/// Who set the hint level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LevelSource {
    /// The learner; it stays until the session ends.
    User,
    /// The phase that became active.
    Phase,
    /// Fading: after help the next phase starts one rung lower.
    Fading,
}

/// `hints:viewed`: the learner has read a hover text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Viewed {
    /// The hint.
    pub hint_id: u32,
}
