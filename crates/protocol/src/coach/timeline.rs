//! What `GET /timeline` answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use specta::Type;

use super::Action;

/// An entry of the timeline: what happened, when, and to what it belongs.
///
/// The stream sends each as the data of an event whose id is that of the entry.
pub type TimelineEntry = TimelineEntryOf<Action>;

/// A page of the timeline.
pub type TimelinePage = TimelinePageOf<Action>;

/// What stands around an action on the timeline, and around what is written as one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEntryOf<A> {
    /// Its number: later entries have larger ones.
    pub id: u32,
    /// The session in which it happened; null when there was none.
    pub session_id: Option<u32>,
    /// What happened: `actionType` and `data`. The file may hold entries of other versions, whose
    /// types and data this one does not know.
    #[serde(flatten)]
    pub action: A,
    /// When, ISO 8601 UTC with milliseconds.
    pub created_at: String,
    /// The tool call that made it: all that one call did has the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
}

/// A page of the timeline, oldest entry first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelinePageOf<A> {
    /// What passes the filters, in the order in which it happened.
    pub entries: Vec<TimelineEntryOf<A>>,
    /// The `cursor` of the next page; null when there is no more at the moment.
    pub next_cursor: Option<u32>,
}
