//! What the process says to whoever starts, finds or watches it (blueprint §3).

use std::fmt;

use serde::{Deserialize, Serialize};

/// The one line on stdout: the sidecar can serve now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "event", rename = "ready")]
pub struct ReadyLine {
    /// [`PROTOCOL_VERSION`](crate::PROTOCOL_VERSION).
    pub protocol: String,
    /// The version of the program.
    pub version: String,
    /// The process id.
    pub pid: u32,
    /// The port that is bound, also when `--port 0` was asked for.
    pub port: u16,
    /// The project folder, canonical.
    pub project_dir: String,
    /// A random id of this run.
    pub instance: String,
}

/// `{DATA_DIR}/sidecar.json`: where the live sidecar is. Mode 0600; the `ui` token is never in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rendezvous {
    /// [`PROTOCOL_VERSION`](crate::PROTOCOL_VERSION).
    pub protocol: String,
    /// The version of the program.
    pub version: String,
    /// The process id.
    pub pid: u32,
    /// The port that is bound.
    pub port: u16,
    /// A random id of this run.
    pub instance: String,
    /// The project folder, canonical.
    pub project_dir: String,
    /// The tokens that tools of the same user need.
    pub tokens: RendezvousTokens,
}

/// The tokens of the rendezvous file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RendezvousTokens {
    /// For `/mcp`.
    pub mcp: Secret,
    /// For `POST /hook/{event}`.
    pub hook: Secret,
}

/// The first line of stdin with `--tokens-stdin`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokensLine {
    /// One token for each scope.
    pub tokens: Tokens,
}

/// One token for each scope (blueprint §4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// For `/ws`, `/timeline` and `/mcp`: the pen's key.
    pub ui: Secret,
    /// For `/mcp`.
    pub mcp: Secret,
    /// For `POST /hook/{event}`.
    pub hook: Secret,
}

/// A text that must not be seen: `Debug` and `Display` show no character of it.
///
/// It is compared in constant time by the guard, never with `==`, which tests alone use.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The answer of `GET /health`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// Always `ok`: a sidecar that cannot serve does not answer.
    pub status: String,
    /// Seconds since the start.
    pub uptime: f64,
}

/// The body of every HTTP error that is not MCP's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpError {
    /// For people: a whole sentence.
    pub error: String,
    /// For programs.
    pub code: crate::ErrorCode,
}
