//! [`Config`]: where the API is, who asks, and how patiently.

use std::collections::BTreeMap;
use std::time::Duration;

use paige_protocol::process::Secret;
use reqwest::Url;

use crate::{Models, Tier};

/// The address of the API itself.
const BASE_URL: &str = "https://api.anthropic.com";

/// How the API is used.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the API is, without `/v1`; a local server that speaks the same protocol is as good.
    pub base_url: String,
    /// The key; without one (offline) every call is an error of kind [`crate::Kind::NoKey`].
    pub api_key: Option<Secret>,
    /// The models and their prices.
    pub models: Models,
    /// Model ids by the name of their tier, laid over those of [`Config::models`]
    /// (`CLAUDE_MODEL_MAPPING`, spec: 7.2).
    pub mapping: BTreeMap<String, String>,
    /// How many requests may be under way at once.
    pub concurrency: Concurrency,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the server may be silent: before its answer begins, and within it. An answer that is
    /// not streamed begins when it is complete.
    pub read_timeout: Duration,
    /// The waits before the second attempt, the third and so on; there are as many repetitions as waits.
    /// Each is lengthened or shortened by up to a tenth, so that many callers do not return at once.
    pub retry_delays: Vec<Duration>,
    /// Whether the server can be held to a schema; found out when it is not set.
    pub structured_output: Option<bool>,
}

/// How many requests of each tier may be under way at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concurrency {
    /// Of the small and fast models.
    pub haiku: usize,
    /// Of those between.
    pub sonnet: usize,
    /// Of the largest.
    pub opus: usize,
}

impl Concurrency {
    /// The limit of one tier.
    pub fn of(&self, tier: Tier) -> usize {
        match tier {
            Tier::Haiku => self.haiku,
            Tier::Sonnet => self.sonnet,
            Tier::Opus => self.opus,
        }
    }
}

/// A setting that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, for instance `mapping.haiku`.
    pub name: String,
    /// What is wrong with it and what would be right, as a sentence.
    pub message: String,
}

impl Problem {
    pub(crate) fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            message: message.into(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            base_url: BASE_URL.to_owned(),
            api_key: None,
            models: Models::default(),
            mapping: BTreeMap::new(),
            concurrency: Concurrency {
                haiku: 4,
                sonnet: 2,
                opus: 1,
            },
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(90),
            retry_delays: [1, 2, 4].map(Duration::from_secs).to_vec(),
            structured_output: None,
        }
    }
}

impl Config {
    /// Every setting that makes no sense.
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        match Url::parse(&self.base_url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {}
            _ => problems.push(Problem::new(
                "base_url",
                format!("The address of the API begins with https:// or http:// and a host, unlike `{}`.", self.base_url),
            )),
        }
        let key = self.api_key.as_ref().map(Secret::expose);
        if key.is_some_and(|key| key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic())) {
            problems.push(Problem::new(
                "api_key",
                "The key is empty or holds characters that no key has. Copy it again.",
            ));
        }
        for (name, id) in &self.mapping {
            if Tier::named(name).is_none() {
                problems.push(Problem::new(
                    format!("mapping.{name}"),
                    format!("There is no tier `{name}`; the tiers are haiku, sonnet and opus."),
                ));
            }
            if id.trim().is_empty() {
                problems.push(Problem::new(
                    format!("mapping.{name}"),
                    "The id of the model is empty; leave the line out or name a model.",
                ));
            }
        }
        for tier in Tier::ALL {
            if !(1..=64).contains(&self.concurrency.of(tier)) {
                problems.push(Problem::new(
                    format!("concurrency.{tier}"),
                    format!(
                        "1 to 64 requests may be under way at once, not {}.",
                        self.concurrency.of(tier)
                    ),
                ));
            }
        }
        for (name, time) in [
            ("connect_timeout", self.connect_timeout),
            ("read_timeout", self.read_timeout),
        ] {
            if time.is_zero() {
                problems.push(Problem::new(
                    name,
                    "The time is 0, so that every call would fail; give it some seconds.",
                ));
            }
        }
        if self.retry_delays.len() > 10 {
            problems.push(Problem::new(
                "retry_delays",
                format!(
                    "A call is repeated at most 10 times, not {}.",
                    self.retry_delays.len()
                ),
            ));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_right() {
        assert_eq!(Config::default().validate(), []);
    }

    #[test]
    fn what_makes_no_sense_is_named_all_at_once() {
        let config = Config {
            base_url: "api.anthropic.com".to_owned(),
            api_key: Some(Secret::new("sk 1")),
            mapping: BTreeMap::from([
                ("haiku".to_owned(), " ".to_owned()),
                ("poem".to_owned(), "claude-opus-4-6".to_owned()),
            ]),
            concurrency: Concurrency {
                haiku: 0,
                sonnet: 2,
                opus: 65,
            },
            connect_timeout: Duration::ZERO,
            retry_delays: vec![Duration::ZERO; 11],
            ..Config::default()
        };
        let problems = config.validate();
        let names: Vec<&str> = problems
            .iter()
            .map(|problem| problem.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "base_url",
                "api_key",
                "mapping.haiku",
                "mapping.poem",
                "concurrency.haiku",
                "concurrency.opus",
                "connect_timeout",
                "retry_delays"
            ]
        );
        assert!(!format!("{config:?}{problems:?}").contains("sk 1"));
    }
}
