//! [`Config`]: the numbers of coaching, from `coaching.toml`.

use std::{collections::BTreeMap, time::Duration};

use paige_protocol::coach::hints::HintLevel;
use serde::{Deserialize, Serialize};

use crate::teach;

/// The numbers with their reasons.
const EMBEDDED: &str = include_str!("../coaching.toml");

/// The numbers of coaching. The defaults are those of the embedded `coaching.toml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The hint level with which a session starts, by stage.
    pub first_hint_level: BTreeMap<String, HintLevel>,
    /// How Paige teaches.
    pub teach: teach::Rules,
    /// When unsaved text is backed up.
    pub buffers: Buffers,
    /// What commands are for.
    pub commands: Commands,
    /// How long what happened in a session is kept after its end; for ever when it is not set. Not a
    /// number of coaching, so that it is set with the other limits.
    #[serde(skip)]
    pub timeline_keep: Option<Duration>,
}

/// What commands are for, by the words that they begin with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commands {
    /// Those that run tests.
    pub test: Vec<String>,
    /// Those that build.
    pub build: Vec<String>,
}

/// What is noticed of unsaved text, and how it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Buffers {
    /// How long after an edit a buffer is backed up, in milliseconds; at most 1000 (blueprint §2).
    pub backup_delay_ms: u64,
    /// How long small edits add up before they are told as a summary, in seconds (spec: story 4, AC 2).
    pub summary_seconds: u64,
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

    /// How long small edits add up before they are told.
    pub fn summary_window(&self) -> Duration {
        Duration::from_secs(self.summary_seconds)
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
    /// Reads a `coaching.toml` over the embedded one: what it does not name stays as it is.
    ///
    /// # Errors
    /// A sentence that names the first fault, with its line when the text is no TOML.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut whole = table(EMBEDDED)?;
        lay_over(&mut whole, table(text)?);
        whole
            .try_into()
            .map_err(|error: toml::de::Error| error.to_string())
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
        if !(1..=3600).contains(&self.buffers.summary_seconds) {
            problems.push(Problem {
                name: "buffers.summary_seconds",
                message: format!(
                    "Edits are summed up every 1 to 3600 seconds, not every {}.",
                    self.buffers.summary_seconds
                ),
            });
        }
        problems.extend(self.teach.problems());
        problems
    }

    /// The numbers of teaching as the prompts name them: `rules` in their bodies.
    pub fn prompt_rules(&self) -> impl Serialize + '_ {
        #[derive(Serialize)]
        struct PromptRules<'a> {
            first_hint_level: &'a BTreeMap<String, HintLevel>,
            #[serde(flatten)]
            teach: &'a teach::Rules,
        }
        PromptRules {
            first_hint_level: &self.first_hint_level,
            teach: &self.teach,
        }
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
        Self::parse("").expect("the embedded coaching.toml is right")
    }
}

/// Lays one table over another, level by level.
fn lay_over(whole: &mut toml::Table, own: toml::Table) {
    for (name, value) in own {
        match (whole.get_mut(&name), value) {
            (Some(toml::Value::Table(section)), toml::Value::Table(own)) => lay_over(section, own),
            (_, value) => {
                whole.insert(name, value);
            }
        }
    }
}

fn table(text: &str) -> Result<toml::Table, String> {
    text.parse()
        .map_err(|error: toml::de::Error| error.to_string())
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
    fn times_that_make_no_sense_are_refused() {
        let mut config = Config::default();
        config.buffers.backup_delay_ms = 1001;
        config.buffers.summary_seconds = 0;
        let names: Vec<_> = config
            .validate()
            .iter()
            .map(|problem| problem.name)
            .collect();
        assert_eq!(
            names,
            ["buffers.backup_delay_ms", "buffers.summary_seconds"]
        );
    }
}
