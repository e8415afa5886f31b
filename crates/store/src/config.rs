//! [`Config`]: the settings of the store, plain values.

use std::time::Duration;

/// How the store behaves. The defaults are what a person's machine should use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The most connections that read at the same time; each costs up to 2 MiB of memory and is
    /// opened at its first use.
    pub read_connections: usize,
    /// The most units and observations in one transaction.
    pub group_max: usize,
    /// The longest time an observation waits for company before it is written (blueprint §2).
    pub observation_delay: Duration,
    /// How long a push can be replayed.
    pub outbox_keep: Duration,
    /// The most bytes of payload kept for replay, per project.
    pub outbox_max_bytes: u64,
    /// How many timeline entries a subscriber may lag behind before it is told that it missed some.
    pub timeline_capacity: usize,
    /// How long to wait for a lock that another process holds, and for a free read connection.
    pub busy_timeout: Duration,
    /// Whether to check the whole file at open, which takes time in proportion to its size. Set it
    /// when the last run ended badly.
    pub check: bool,
    /// For tests only: how the operating system is made to keep its promise.
    #[doc(hidden)]
    pub synchronous: Synchronous,
    /// For tests only: the largest number of pages, to play a full disk.
    #[doc(hidden)]
    pub max_pages: Option<u32>,
}

/// Whether a commit waits for the disk.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// It does: the only setting under which acknowledged means durable.
    Full,
    /// It does not. Exists so that the test of durability can be shown to fail.
    Off,
}

/// A setting that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field of the [`Config`].
    pub setting: &'static str,
    /// A whole sentence: what is wrong, and what would be right.
    pub message: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            read_connections: 4,
            group_max: 1024,
            observation_delay: Duration::from_millis(50),
            outbox_keep: Duration::from_secs(7 * 24 * 60 * 60),
            outbox_max_bytes: 64 << 20,
            timeline_capacity: 4096,
            busy_timeout: Duration::from_secs(5),
            check: false,
            synchronous: Synchronous::Full,
            max_pages: None,
        }
    }
}

impl Config {
    /// Every setting that is wrong, not only the first.
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut demand = |fine: bool, setting, message: &str| {
            if !fine {
                problems.push(Problem {
                    setting,
                    message: message.to_owned(),
                });
            }
        };
        demand(
            (1..=64).contains(&self.read_connections),
            "read_connections",
            "The number of read connections must be between 1 and 64.",
        );
        demand(
            (1..=65_536).contains(&self.group_max),
            "group_max",
            "The number of units in one transaction must be between 1 and 65536.",
        );
        demand(
            self.observation_delay <= Duration::from_secs(1),
            "observation_delay",
            "Observations may wait at most 1 second before they are written.",
        );
        demand(
            self.outbox_keep >= Duration::from_secs(60),
            "outbox_keep",
            "Pushes must be kept for at least 60 seconds, so that a client can reconnect.",
        );
        demand(
            self.outbox_max_bytes >= 1 << 20,
            "outbox_max_bytes",
            "The outbox must be allowed at least 1 MiB.",
        );
        demand(
            (1..=1 << 20).contains(&self.timeline_capacity),
            "timeline_capacity",
            "The capacity of a timeline subscription must be between 1 and 1048576 entries.",
        );
        demand(
            (Duration::from_millis(1)..=Duration::from_secs(60)).contains(&self.busy_timeout),
            "busy_timeout",
            "The time to wait for a lock must be between 1 millisecond and 60 seconds.",
        );
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(Config::default().validate(), []);
    }

    #[test]
    fn every_wrong_setting_is_named() {
        let wrong = Config {
            read_connections: 0,
            group_max: 0,
            observation_delay: Duration::from_secs(2),
            outbox_keep: Duration::ZERO,
            outbox_max_bytes: 0,
            timeline_capacity: 0,
            busy_timeout: Duration::ZERO,
            ..Config::default()
        };
        let named: Vec<_> = wrong.validate().into_iter().map(|p| p.setting).collect();
        assert_eq!(
            named,
            [
                "read_connections",
                "group_max",
                "observation_delay",
                "outbox_keep",
                "outbox_max_bytes",
                "timeline_capacity",
                "busy_timeout",
            ]
        );
    }
}
