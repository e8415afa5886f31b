//! [`Config`]: when a terminal counts as quiet, and what its prompt looks like.

use std::time::Duration;

use crate::Prompts;

/// When a nudge may be typed.
#[derive(Debug, Clone)]
pub struct Config {
    /// So long the program has shown nothing new.
    pub quiet: Duration,
    /// So long the person has typed nothing.
    pub still: Duration,
    /// So long a pasted nudge has stood on the screen before Enter follows.
    pub settle: Duration,
    /// So long a pasted nudge may take to show up; Enter is not pressed on what cannot be seen.
    pub patience: Duration,
    /// The prompts that may be typed into.
    pub prompts: Prompts,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            quiet: Duration::from_secs(1),
            still: Duration::from_secs(2),
            settle: Duration::from_millis(80),
            patience: Duration::from_secs(3),
            prompts: Prompts::built_in().clone(),
        }
    }
}

/// A setting that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field of [`Config`].
    pub field: &'static str,
    /// A whole sentence.
    pub message: String,
}

impl Config {
    /// What is wrong with it; nothing in most cases.
    pub fn validate(&self) -> Vec<Problem> {
        // Shorter, a program that draws in two pieces would look quiet between them.
        const SHORTEST: Duration = Duration::from_millis(50);
        // Longer, every nudge would have expired.
        const LONGEST: Duration = Duration::from_secs(25);
        [("quiet", self.quiet), ("still", self.still)]
            .into_iter()
            .filter(|(_, time)| !(SHORTEST..=LONGEST).contains(time))
            .map(|(field, time)| Problem {
                field,
                message: format!(
                    "{} ms is not between {} ms and {} ms: nudges expire after 30 s.",
                    time.as_millis(),
                    SHORTEST.as_millis(),
                    LONGEST.as_millis()
                ),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_make_sense_and_extremes_do_not() {
        assert_eq!(Config::default().validate(), []);
        let config = Config {
            quiet: Duration::ZERO,
            still: Duration::from_secs(60),
            ..Config::default()
        };
        let fields: Vec<_> = config.validate().iter().map(|p| p.field).collect();
        assert_eq!(fields, ["quiet", "still"]);
    }
}
