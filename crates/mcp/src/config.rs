//! [`Config`]: the limits of the door.

use std::time::Duration;

/// The limits of the door, and whom it lets in when nobody stands before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The names that the `Host` header may carry, as `name` or `name:port`; those that the guard
    /// lets in. Default: the loopback names.
    pub allowed_hosts: Vec<String>,
    /// The pages that may call, as `scheme://host` or `scheme://host:port`; those that the guard lets
    /// in. A caller without an `Origin` is none. Default none.
    pub allowed_origins: Vec<String>,
    /// The largest body of a POST, in bytes. Default 4 MiB.
    pub max_body_bytes: usize,
    /// How long an MCP session stays in memory without a request, a call or an open stream; its next
    /// request restores it. Default 10 min.
    pub keep_alive: Duration,
    /// How many MCP sessions are in memory at most; the least recently used makes room. Default 64.
    pub max_live_sessions: usize,
    /// How many MCP sessions can be restored at most. Default 1000.
    pub max_stored_sessions: u32,
    /// How long an unused MCP session can be restored. Default 30 days.
    pub store_for: Duration,
    /// How much of what a session was answered is kept for a client whose connection dropped, in
    /// bytes; the last answer is kept in any case. Default 256 KiB.
    pub replay_bytes: usize,
    /// How long a stop waits for calls under way. Default 500 ms.
    pub stop_grace: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allowed_hosts: ["localhost", "127.0.0.1", "::1"]
                .map(str::to_owned)
                .to_vec(),
            allowed_origins: Vec::new(),
            max_body_bytes: 4 * 1024 * 1024,
            keep_alive: Duration::from_secs(600),
            max_live_sessions: 64,
            max_stored_sessions: 1000,
            store_for: Duration::from_secs(30 * 24 * 3600),
            replay_bytes: 256 * 1024,
            stop_grace: Duration::from_millis(500),
        }
    }
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field of [`Config`].
    pub name: &'static str,
    /// What is wrong and what to do, in whole sentences.
    pub message: String,
}

impl Config {
    /// Everything that is wrong, in the order of the fields.
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.allowed_hosts.is_empty() {
            problems.push(Problem {
                name: "allowed_hosts",
                message: "It is empty, which would let every `Host` in. Name at least one.".into(),
            });
        }
        let numbers = [
            ("max_body_bytes", self.max_body_bytes == 0),
            ("keep_alive", self.keep_alive.is_zero()),
            ("max_live_sessions", self.max_live_sessions == 0),
            ("max_stored_sessions", self.max_stored_sessions == 0),
            ("store_for", self.store_for.is_zero()),
        ];
        for (name, is_zero) in numbers {
            if is_zero {
                problems.push(Problem {
                    name,
                    message: "It is 0, so that no client could work. Give a positive number."
                        .into(),
                });
            }
        }
        if self.stop_grace > Duration::from_millis(900) {
            problems.push(Problem {
                name: "stop_grace",
                message: format!(
                    "The door closes within a second, so that it waits 900 ms at most, not {} ms.",
                    self.stop_grace.as_millis()
                ),
            });
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_usable_and_each_wrong_field_is_named() {
        assert_eq!(Config::default().validate(), []);
        let nothing = Config {
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            max_body_bytes: 0,
            keep_alive: Duration::ZERO,
            max_live_sessions: 0,
            max_stored_sessions: 0,
            store_for: Duration::ZERO,
            replay_bytes: 0,
            stop_grace: Duration::from_secs(1),
        };
        let names: Vec<_> = nothing
            .validate()
            .iter()
            .map(|problem| problem.name)
            .collect();
        assert_eq!(
            names,
            [
                "allowed_hosts",
                "max_body_bytes",
                "keep_alive",
                "max_live_sessions",
                "max_stored_sessions",
                "store_for",
                "stop_grace",
            ]
        );
    }
}
