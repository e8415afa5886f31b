//! [`Config`]: the numbers of coaching, from `coaching.toml`.

use std::{collections::BTreeMap, time::Duration};

use paige_protocol::coach::hints::HintLevel;
use serde::{Deserialize, Serialize};

use crate::{observer, teach};

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
    /// When the Observer looks, asks and nudges.
    pub observer: observer::Config,
    /// What Claude is told by hooks, and how prompts are told apart.
    pub hooks: Hooks,
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

/// What Claude is told by hooks, and how prompts are told apart.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hooks {
    /// Characters of what is told when a Claude session begins.
    pub session_context_chars: usize,
    /// Characters of what is told beside each prompt.
    pub prompt_context_chars: usize,
    /// Files whose unsaved changes are told beside each prompt.
    pub diff_files: usize,
    /// Lines of those changes, in all.
    pub diff_lines: usize,
    /// The words by which prompts are told apart.
    pub prompts: crate::hooks::Prompts,
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
        for (name, chars) in [
            (
                "hooks.session_context_chars",
                self.hooks.session_context_chars,
            ),
            (
                "hooks.prompt_context_chars",
                self.hooks.prompt_context_chars,
            ),
        ] {
            // Claude Code shows Claude no more than that of it.
            if !(2000..=10_000).contains(&chars) {
                problems.push(Problem {
                    name,
                    message: format!(
                        "What Claude is told by a hook has 2000 to 10000 characters, not {chars}."
                    ),
                });
            }
        }
        problems.extend(self.teach.problems());
        problems.extend(self.observer.problems());
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
    fn numbers_that_make_no_sense_are_refused() {
        let mut config = Config::default();
        config.buffers.backup_delay_ms = 1001;
        config.buffers.summary_seconds = 0;
        config.hooks.prompt_context_chars = 10_001;
        let names: Vec<_> = config
            .validate()
            .iter()
            .map(|problem| problem.name)
            .collect();
        assert_eq!(
            names,
            [
                "buffers.backup_delay_ms",
                "buffers.summary_seconds",
                "hooks.prompt_context_chars"
            ]
        );
    }

    #[test]
    fn a_number_deep_inside_is_replaced_alone() {
        let config = Config::parse("[teach.code_lines.rung_3]\n\"Novice\" = 2\n").expect("TOML");
        let mut expected = Config::default();
        expected.teach.code_lines.rung_3.novice = 2;
        assert_eq!(config, expected);
        let unknown = Config::parse("[teach.code_lines]\nrung_5 = 1\n");
        assert!(unknown.is_err_and(|error| error.contains("rung_5")));
    }

    #[test]
    fn numbers_of_teaching_that_make_no_sense_are_refused() {
        let text = "[teach.phases_per_plan]\n\"Novice\" = [7, 4]\n[teach.phase_minutes]\n\"Expert\" = [0, 5]\n\
            [teach.words]\nmessage = 3\n[teach.stage_change]\nhalf_life_days = 0\n[teach.katas]\nconstraints = [4, 2]\n";
        let problems = Config::parse(text).expect("TOML").validate();
        let names: Vec<_> = problems.iter().map(|problem| problem.name).collect();
        assert_eq!(
            names,
            [
                "teach.phases_per_plan",
                "teach.phase_minutes",
                "teach.katas.constraints",
                "teach.words.message",
                "teach.stage_change.half_life_days"
            ]
        );
    }

    #[test]
    fn minutes_stage_changes_and_katas_are_those_of_the_rules() {
        let rules = Config::default().teach;
        let minutes = rules.phase_minutes;
        assert_eq!(
            [
                minutes.novice,
                minutes.advanced_beginner,
                minutes.competent,
                minutes.proficient,
                minutes.expert
            ],
            [
                Some([15, 25]),
                Some([20, 40]),
                Some([30, 60]),
                Some([45, 90]),
                None
            ]
        );
        let katas = rules.katas;
        assert_eq!(
            (katas.minutes, katas.constraints, katas.debug_every),
            ([10, 25], [2, 4], 3)
        );
    }

    #[test]
    fn every_prompt_finds_its_numbers() {
        let config = Config::default();
        let prompts = paige_prompts::Prompts::embedded();
        for name in prompts.names() {
            let prompt = prompts.get(name).expect("a listed prompt");
            let inputs = prompt.inputs().iter();
            let inputs = inputs
                .map(|input| (input.name.clone(), serde_json::Value::Null))
                .collect();
            let rendered = prompt.render(&config.prompt_rules(), &inputs);
            assert!(rendered.is_ok(), "{name}: {rendered:?}");
        }
        let coach = prompts.get("coach_agent").expect("a prompt");
        let inputs = coach.inputs().iter();
        let inputs = inputs
            .map(|input| (input.name.clone(), serde_json::Value::Null))
            .collect();
        let system = coach
            .render(&config.prompt_rules(), &inputs)
            .expect("it is rendered")
            .system;
        assert!(
            system.contains("| Novice | 4–7 | 15–25 | medium |"),
            "{system}"
        );
        assert!(
            system.contains("| Expert | 1–2 | as they like | off |"),
            "{system}"
        );
        assert!(system.contains("| 3 | 3 | 2 | 1 | 1 | 1 |"), "{system}");
    }
}
