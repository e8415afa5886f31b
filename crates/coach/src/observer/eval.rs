//! How good the Observer is: recorded sessions go through it once more, and what it says is compared with
//! what a person says about them (spec: story 10; README, "Tune the Observer").
//!
//! [`Scenario`] is what happened, with labels; [`looks`] are the moments at which a trigger of the
//! Observer fires in it; [`Recorded`] is what a model has answered to each; [`Evaluation`] compares the
//! columns; [`Asker`] asks a model anew. Nothing else here asks a model, and nothing reads a file.

mod ask;
mod record;
mod replay;
mod scenario;
mod score;
mod typed;

pub use ask::{Asker, prompt_bytes};
pub use record::{Missing, Recorded, RecordedLook, Spent, WrongOnPurpose};
pub use replay::{Look, looks};
pub use scenario::{Label, Scenario};
pub use score::{Case, Column, Evaluation, Set, Strategy, Verdict};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Moment;

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there and what to do, as a sentence.
    pub message: String,
}

impl Mistake {
    fn new(line: usize, message: impl Into<String>) -> Self {
        Self {
            line,
            message: message.into(),
        }
    }
}

/// A moment that is written as on the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(pub Moment);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.iso())
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Moment::parse(&text).map(Self).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is no time; write one like 2026-03-02T09:14:05Z"
            ))
        })
    }
}

#[cfg(test)]
mod tests;
