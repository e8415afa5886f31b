//! [`Config`]: the numbers of coaching, from `coaching.toml`.

use std::{collections::BTreeMap, time::Duration};

use paige_protocol::coach::hints::HintLevel;
use serde::Deserialize;

/// The numbers of coaching. The defaults are those of the embedded `coaching.toml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The hint level with which a session starts, by stage.
    pub first_hint_level: BTreeMap<String, HintLevel>,
    /// When unsaved text is backed up.
    pub buffers: Buffers,
}

/// What is noticed of unsaved text, and how it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Buffers {
    /// How long after an edit a buffer is backed up, in milliseconds; at most 1000 (blueprint §2).
    pub backup_delay_ms: u64,
    /// A change of more characters than this is significant (spec: story 4, AC 3).
    pub significant_chars: u32,
    /// A change of more per cent than this is significant (spec: story 4, AC 3).
    pub significant_percent: u32,
}

impl Buffers {
    /// How long after an edit a buffer is backed up.
    pub fn backup_delay(&self) -> Duration {
        Duration::from_millis(self.backup_delay_ms)
    }
}

/// A setting that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, for instance `buffers.backup_delay_ms`.
    pub name: &'static str,
    /// What is wrong with it and what would be right, as a sentence.
    pub message: String,
}

impl Config {
    /// Reads a `coaching.toml`.
    ///
    /// # Errors
    /// A sentence with the line of the first fault.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// Every setting that makes no sense.
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !(1..=1000).contains(&self.buffers.backup_delay_ms) {
            problems.push(Problem {
                name: "buffers.backup_delay_ms",
                message: format!(
                    "Unsaved text is backed up within a second, so that the delay is 1 to 1000 ms, not {}.",
                    self.buffers.backup_delay_ms
                ),
            });
        }
        problems
    }

    /// The hint level with which a session starts at this stage.
    pub fn first_hint_level(&self, stage: &str) -> HintLevel {
        self.first_hint_level
            .get(stage)
            .copied()
            .unwrap_or(HintLevel::Medium)
    }
}

impl Default for Config {
    fn default() -> Self {
        #[expect(clippy::expect_used, reason = "the embedded text is read by a test")]
        Self::parse(include_str!("../coaching.toml")).expect("the embedded coaching.toml is right")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_numbers_are_those_of_the_rules() {
        let config = Config::default();
        assert_eq!(config.validate(), []);
        let levels = [
            "Novice",
            "Advanced Beginner",
            "Competent",
            "Proficient",
            "Expert",
        ]
        .map(|stage| config.first_hint_level(stage));
        assert_eq!(
            levels,
            [
                HintLevel::Medium,
                HintLevel::Low,
                HintLevel::Low,
                HintLevel::Off,
                HintLevel::Off
            ]
        );
    }

    #[test]
    fn a_delay_beyond_a_second_is_refused() {
        let mut config = Config::default();
        config.buffers.backup_delay_ms = 1001;
        assert_eq!(config.validate()[0].name, "buffers.backup_delay_ms");
    }
}
