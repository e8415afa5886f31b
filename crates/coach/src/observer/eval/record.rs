//! [`Recorded`]: what a model has answered to the looks of a scenario.

use std::collections::HashMap;

use paige_protocol::coach::coaching::{SuppressionReason, Trigger};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{At, Look, Mistake};
use crate::observer::{Moment, Triage};

/// What of a snapshot comes of earlier nudges and not of the session: one answer serves all columns, in
/// which different nudges were sent.
const OF_NUDGES: [&str; 2] = ["time_since_last_nudge", "nudges_in_phase"];

/// After so long a model has answered, where nothing else is recorded.
const ANSWER_MILLIS: u64 = 1500;

/// A look, what the model was given, and what it answered: a line of the file of looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordedLook {
    /// When.
    pub at: At,
    /// What made the Observer look.
    pub trigger: Trigger,
    /// What the model answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Triage>,
    /// Or what failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// How long that took, in milliseconds; 1500 when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_ms: Option<u64>,
    /// The tokens; when they are not said, they are estimated from the bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
    /// That a person has made this answer wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong_on_purpose: Option<WrongOnPurpose>,
    /// What the model was given.
    pub snapshot: Value,
}

/// What is wrong with an answer, and what the Observer does about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WrongOnPurpose {
    /// What is wrong, in a few words.
    pub kind: String,
    /// The rule that keeps it back.
    pub stopped_by: SuppressionReason,
}

/// The tokens of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spent {
    /// Read, without the cached ones.
    pub input_tokens: u32,
    /// Written.
    pub output_tokens: u32,
    /// Written to the cache.
    #[serde(default)]
    pub cache_write_tokens: u32,
    /// Read from the cache.
    #[serde(default)]
    pub cache_read_tokens: u32,
}

/// Why there is no answer to a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// It was never recorded.
    Look,
    /// Nobody has answered it yet.
    Answer,
    /// The model was given something else then: the first field that differs.
    Stale(String),
}

/// The recorded looks of a scenario.
#[derive(Debug, Default)]
pub struct Recorded(HashMap<(Moment, Trigger), RecordedLook>);

impl Recorded {
    /// Reads the file of looks: a [`RecordedLook`] in each line.
    ///
    /// # Errors
    /// When a line is none, or is there twice.
    pub fn parse(text: &str) -> Result<Self, Mistake> {
        let mut looks = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let wrong = |message: String| Mistake::new(index + 1, message);
            let look: RecordedLook = serde_json::from_str(line)
                .map_err(|error| wrong(format!("This look is wrong: {error}.")))?;
            if look.answer.is_some() && look.failure.is_some() {
                return Err(wrong(
                    "This look has an answer and a failure. Take one of them out.".to_owned(),
                ));
            }
            if looks.insert((look.at.0, look.trigger), look).is_some() {
                return Err(wrong(
                    "This look is there twice. Take one of them out.".to_owned(),
                ));
            }
        }
        Ok(Self(looks))
    }

    /// What was recorded for a look that would be asked the same today.
    ///
    /// # Errors
    /// When there is no answer to it.
    pub fn of(&self, look: &Look) -> Result<&RecordedLook, Missing> {
        let recorded = self
            .0
            .get(&(look.at, look.trigger()))
            .ok_or(Missing::Look)?;
        if let Some(field) = differs(&recorded.snapshot, &look.given()) {
            return Err(Missing::Stale(field));
        }
        if recorded.answer.is_none() && recorded.failure.is_none() {
            return Err(Missing::Answer);
        }
        Ok(recorded)
    }

    /// The line of a look, with what is recorded of it already, unless that is stale.
    pub fn line(&self, look: &Look) -> RecordedLook {
        let known = self.of(look).ok();
        RecordedLook {
            at: At(look.at),
            trigger: look.trigger(),
            answer: known.and_then(|known| known.answer.clone()),
            failure: known.and_then(|known| known.failure.clone()),
            after_ms: known.and_then(|known| known.after_ms),
            spent: known.and_then(|known| known.spent),
            wrong_on_purpose: known.and_then(|known| known.wrong_on_purpose.clone()),
            snapshot: look.given(),
        }
    }

    /// How many looks are recorded.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl RecordedLook {
    /// How long the answer took.
    pub(super) fn millis(&self) -> u64 {
        self.after_ms.unwrap_or(ANSWER_MILLIS)
    }

    pub(super) fn outcome(&self) -> Result<Triage, String> {
        let failure = || self.failure.clone().unwrap_or_default();
        self.answer.clone().ok_or_else(failure)
    }

    /// The tokens of the call, and whether they are an estimate: a token for each four bytes.
    pub(super) fn spent(&self, prompt_bytes: usize) -> (Spent, bool) {
        if let Some(spent) = self.spent {
            return (spent, false);
        }
        let bytes = |value: Option<usize>| value.unwrap_or_default();
        let answer = self.answer.as_ref().map(serde_json::to_string);
        let answer = bytes(answer.and_then(Result::ok).map(|text| text.len()));
        let tokens = |bytes: usize| u32::try_from(bytes.div_ceil(4)).unwrap_or(u32::MAX);
        let spent = Spent {
            input_tokens: tokens(prompt_bytes + self.snapshot.to_string().len()),
            output_tokens: tokens(answer),
            ..Spent::default()
        };
        (spent, true)
    }
}

/// The first field of two snapshots that differs, apart from what comes of nudges.
fn differs(a: &Value, b: &Value) -> Option<String> {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else {
        return Some("snapshot".to_owned());
    };
    let mut fields: Vec<_> = a.keys().chain(b.keys()).collect();
    fields.sort();
    let field = fields
        .into_iter()
        .find(|field| !OF_NUDGES.contains(&field.as_str()) && a.get(*field) != b.get(*field));
    field.cloned()
}
