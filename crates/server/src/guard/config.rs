//! The guard's configuration: plain values, from whoever reads flags and environment.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use paige_protocol::process::{Secret, Tokens};

use super::host::split_port;
use super::origin::Origin;

/// Who may come in, and how much they may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The address that is bound; `127.0.0.1` and `::1` mean both. Default `127.0.0.1`.
    pub host: IpAddr,
    /// How callers prove who they are. The default has empty tokens: it lets nobody in and does
    /// not validate.
    pub auth: Auth,
    /// The pages that may call, as `scheme://host[:port]`. Default: the desktop shell's own.
    pub allowed_origins: Vec<String>,
    /// Names besides loopback that the `Host` header may carry, as `name` or `name:port`; for an
    /// operator's proxy in front of a bind that is not loopback. Default none.
    pub extra_hosts: Vec<String>,
    /// The largest body of a POST, in bytes. Default 4 MiB.
    pub max_body_bytes: usize,
    /// How deep the JSON of a body or of a WebSocket message may be nested. Default 64.
    pub max_nesting: usize,
    /// How many connections may be open at once, WebSockets included. Default 256.
    pub max_connections: usize,
    /// How many requests each door takes in a second, from all callers together: a bound for a
    /// client that runs in a loop, far above honest load. Default 200,000.
    pub max_requests_per_second: u32,
    /// How long a new connection may take until a request of it is let in; then it is closed.
    /// Default 10 s.
    pub header_timeout: Duration,
    /// How long a connection that was let in may stay without a request. Default 10 min: clients
    /// drop idle connections earlier, so that no request meets a closing one.
    pub idle_timeout: Duration,
    /// How long a body may take from its first byte to its last. Default 30 s.
    pub body_timeout: Duration,
    /// How long a stop waits for requests under way. Default 1 s.
    pub stop_grace: Duration,
}

/// How callers prove who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// By one token for each scope.
    Tokens(Tokens),
    /// Not at all: every caller may do everything. `Host` and `Origin` are still checked.
    None,
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field of [`Config`].
    pub name: &'static str,
    /// What is wrong and what to do, in whole sentences; never the text of a token.
    pub message: String,
}

/// The least length of a token: 256 bits are 43 characters of base64 or 64 of hex.
const MIN_TOKEN_CHARS: usize = 43;

impl Default for Config {
    fn default() -> Self {
        let empty = || Secret::new("");
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            auth: Auth::Tokens(Tokens {
                ui: empty(),
                mcp: empty(),
                hook: empty(),
            }),
            // The shell's page on Linux and macOS, and on Windows without and with TLS.
            allowed_origins: [
                "tauri://localhost",
                "http://tauri.localhost",
                "https://tauri.localhost",
            ]
            .map(str::to_owned)
            .to_vec(),
            extra_hosts: Vec::new(),
            max_body_bytes: 4 * 1024 * 1024,
            max_nesting: 64,
            max_connections: 256,
            max_requests_per_second: 200_000,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(600),
            body_timeout: Duration::from_secs(30),
            stop_grace: Duration::from_secs(1),
        }
    }
}

impl Config {
    /// Everything that is wrong, in the order of the fields; empty when the guard can be built.
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |name, message: String| problems.push(Problem { name, message });

        match &self.auth {
            Auth::None if !self.host.is_loopback() => problem(
                "auth",
                format!(
                    "Without authentication everybody who can reach {} could change files. Bind a loopback address, or use tokens.",
                    self.host
                ),
            ),
            Auth::None => {}
            Auth::Tokens(tokens) => {
                for (scope, token) in [
                    ("ui", &tokens.ui),
                    ("mcp", &tokens.mcp),
                    ("hook", &tokens.hook),
                ] {
                    if !is_token(token.expose()) {
                        problem(
                            "auth",
                            format!(
                                "The {scope} token is not usable. A token has at least {MIN_TOKEN_CHARS} characters, all of them letters, digits or one of -._~; give 32 random bytes as hex or base64url."
                            ),
                        );
                    }
                }
                if tokens.ui == tokens.mcp || tokens.ui == tokens.hook || tokens.mcp == tokens.hook
                {
                    problem(
                        "auth",
                        "Two scopes have the same token, so one would open the doors of the other. Give each its own.".to_owned(),
                    );
                }
            }
        }
        for origin in &self.allowed_origins {
            if Origin::parse(origin).is_none() {
                problem(
                    "allowed_origins",
                    format!(
                        "{origin:?} is not an origin. Write it as scheme://host or scheme://host:port, without a path; `*` and `null` are never allowed."
                    ),
                );
            }
        }
        for host in &self.extra_hosts {
            if split_port(host).is_none() {
                problem(
                    "extra_hosts",
                    format!(
                        "{host:?} is not a host. Write it as a name or name:port, without a scheme or wildcard."
                    ),
                );
            }
        }
        let numbers = [
            ("max_body_bytes", self.max_body_bytes == 0),
            ("max_nesting", self.max_nesting == 0),
            ("max_connections", self.max_connections == 0),
            ("max_requests_per_second", self.max_requests_per_second == 0),
            ("header_timeout", self.header_timeout.is_zero()),
            ("idle_timeout", self.idle_timeout.is_zero()),
            ("body_timeout", self.body_timeout.is_zero()),
        ];
        for (name, is_zero) in numbers {
            if is_zero {
                problem(
                    name,
                    "It is 0, which would refuse everything. Give a positive number.".to_owned(),
                );
            }
        }
        problems
    }
}

/// What may stand both in `Authorization` and in the name of a subprotocol, and is long enough.
fn is_token(text: &str) -> bool {
    text.len() >= MIN_TOKEN_CHARS
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Config {
        let token = |c: &str| Secret::new(c.repeat(43));
        Config {
            auth: Auth::Tokens(Tokens {
                ui: token("u"),
                mcp: token("m"),
                hook: token("h"),
            }),
            ..Config::default()
        }
    }

    fn check(change: impl FnOnce(&mut Config), names: &[&str]) {
        let mut config = good();
        change(&mut config);
        let problems = config.validate();
        let found: Vec<_> = problems.iter().map(|problem| problem.name).collect();
        assert_eq!(found, names, "{problems:?}");
        for problem in &problems {
            assert!(problem.message.ends_with('.'), "{problem:?}");
        }
    }

    #[test]
    fn every_fault_is_named_at_once() {
        check(|_| {}, &[]);
        check(
            |config| *config = Config::default(),
            &["auth", "auth", "auth", "auth"],
        );
        check(
            |config| {
                config.allowed_origins = ["*", "null", "http://ok.example", "http://x/"]
                    .map(str::to_owned)
                    .to_vec();
                config.extra_hosts = ["*.example", "http://x", "ok.example:8443"]
                    .map(str::to_owned)
                    .to_vec();
                config.max_body_bytes = 0;
                config.max_nesting = 0;
                config.max_connections = 0;
                config.max_requests_per_second = 0;
                config.header_timeout = Duration::ZERO;
                config.idle_timeout = Duration::ZERO;
                config.body_timeout = Duration::ZERO;
            },
            &[
                "allowed_origins",
                "allowed_origins",
                "allowed_origins",
                "extra_hosts",
                "extra_hosts",
                "max_body_bytes",
                "max_nesting",
                "max_connections",
                "max_requests_per_second",
                "header_timeout",
                "idle_timeout",
                "body_timeout",
            ],
        );
    }

    #[test]
    fn no_authentication_is_for_loopback_only() {
        let bind = |host: &'static str| {
            move |config: &mut Config| {
                config.auth = Auth::None;
                config.host = host.parse().expect("an address");
            }
        };
        check(bind("127.0.0.1"), &[]);
        check(bind("::1"), &[]);
        check(bind("0.0.0.0"), &["auth"]);
        check(bind("::"), &["auth"]);
        check(bind("::ffff:127.0.0.1"), &["auth"]);
        check(bind("192.168.1.5"), &["auth"]);
    }

    #[test]
    fn tokens_are_long_plain_and_different_and_never_shown() {
        let with_ui = |ui: &str| {
            let ui = Secret::new(ui);
            move |config: &mut Config| {
                if let Auth::Tokens(tokens) = &mut config.auth {
                    tokens.ui = ui;
                }
            }
        };
        check(with_ui(&"a".repeat(42)), &["auth"]);
        check(with_ui(&"a b".repeat(20)), &["auth"]);
        check(with_ui(&"ü".repeat(43)), &["auth"]);
        check(with_ui(&"m".repeat(43)), &["auth"]);

        let mut config = good();
        with_ui("short-and-secret")(&mut config);
        let shown = format!("{config:?} {:?}", config.validate());
        assert!(!shown.contains("short-and-secret"), "{shown}");
    }
}
