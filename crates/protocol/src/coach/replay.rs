//! `POST /replay`: the pushes of a session are shown once more to the clients that are connected.

use serde::{Deserialize, Serialize};

/// How many times as fast as it happened, when nothing is said.
pub const DEFAULT_SPEED: f64 = 8.0;

/// The body of `POST /replay`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplayRequest {
    /// The session.
    pub session_id: u32,
    /// How many times as fast as it happened, 0.1 to 100.
    #[serde(default = "default_speed")]
    pub speed: f64,
}

fn default_speed() -> f64 {
    DEFAULT_SPEED
}

/// A line of the answer, which goes on until the replay ends. Who closes the connection stops it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "event",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum ReplayEvent {
    /// The first line.
    Started {
        /// How many pushes there are to show. Those that were worth something for a short time only are
        /// counted and left out.
        messages: u64,
        /// How many clients are connected and have said hello.
        clients: usize,
        /// Whether the beginning of the session is not kept any more.
        is_cut: bool,
    },
    /// A push was shown.
    Shown {
        /// Which of them it is, from 1.
        number: u64,
        /// The message's type.
        message_type: String,
        /// When it was made, ISO 8601 UTC with milliseconds.
        at: String,
    },
    /// The last line.
    Finished {
        /// How many pushes were shown.
        shown: u64,
    },
    /// The last line when the pushes could not be read any more.
    Failed {
        /// For people: a whole sentence.
        error: String,
    },
}
