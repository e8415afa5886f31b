//! The report of a session: what was done when, with how much help, and what it cost.
//!
//! [`Rows`] are read in one moment, [`Report::of`] makes the report of them, and [`json()`], [`markdown()`]
//! and [`html()`] make a text of that. None of it writes a file or looks at a clock.

mod build;
mod html;
mod json;
mod markdown;
mod tell;
mod text;

#[cfg(test)]
mod tests;

use paige_protocol::coach::Action;
use paige_store::coach::{
    Agent, HintLevel, PhaseStatus, SessionStatus, Severity, StartedBy, api_calls,
};
use serde::Serialize;

pub use self::build::{PhaseRows, Rows, SessionLine, last, sessions};
pub use self::html::html;
pub use self::json::json;
pub use self::markdown::markdown;
pub use self::text::{duration, moment, plain};

/// What [`Report::format`] says.
pub const FORMAT: &str = "paige.session";
/// What [`Report::version`] says. A change that a reader of the one before would misunderstand raises
/// it; a field that is added does not.
pub const VERSION: u32 = 1;

/// A whole session. As JSON its fields have camelCase names.
///
/// Times are ISO 8601 UTC with milliseconds, durations are whole milliseconds. Whatever a person, a
/// model or the project wrote is free of what looks like a secret, and otherwise as it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Always [`FORMAT`].
    pub format: &'static str,
    /// [`VERSION`] of the program that made it.
    pub version: u32,
    /// When it was made. What lasts, lasts until here.
    pub exported_at: String,
    /// The session itself.
    pub session: About,
    /// Its plans, oldest first; the last one is the plan in force.
    pub plans: Vec<Plan>,
    /// How long which hint level was set, in the order of time.
    pub hint_levels: Vec<LevelSpan>,
    /// Each first use of a hint, in the order of time.
    pub hints_used: Vec<HintUse>,
    /// What the Observer sent or kept back, in the order of time.
    pub nudges: Vec<Nudge>,
    /// How often the Observer looked, and what came of it.
    pub looks: Looks,
    /// What the calls to models cost.
    pub costs: Costs,
    /// What the session showed that the learner does not know yet.
    pub gaps: Vec<Gap>,
    /// What failed when the session was wrapped up.
    pub problems: Vec<Problem>,
    /// Everything that happened, in the order in which it became true.
    pub events: Vec<Event>,
}

/// The facts of a session.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// Its id.
    pub id: u32,
    /// The project's folder.
    pub project: String,
    /// The issue it is about, if any is known.
    pub issue: Option<Issue>,
    /// `active`, `ending`, `completed`, `completed_with_errors` or `abandoned`.
    pub status: SessionStatus,
    /// `hook`, `mcp` or `ui`.
    pub started_by: StartedBy,
    /// When it began.
    pub started_at: String,
    /// When it ended; null while it is active.
    pub ended_at: Option<String>,
    /// From its beginning to its end, or to [`Report::exported_at`].
    pub duration_ms: u64,
    /// The hint level at the end: `off`, `low`, `medium` or `high`.
    pub hint_level: HintLevel,
}

/// What is known of an issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Issue {
    /// Its number.
    pub number: Option<u32>,
    /// Its title.
    pub title: Option<String>,
    /// What it is about.
    pub summary: Option<String>,
    /// The names of its labels.
    pub labels: Vec<String>,
    /// Where it is.
    pub url: Option<String>,
}

/// A plan with its phases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Its title.
    pub title: String,
    /// What is to be done.
    pub description: String,
    /// When it was made.
    pub created_at: String,
    /// Whether it is the plan in force, not one that another has replaced.
    pub is_active: bool,
    /// Its phases in their order.
    pub phases: Vec<Phase>,
}

/// A phase of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// Its place in the plan, from 1.
    pub number: u32,
    /// Its title.
    pub title: String,
    /// The goal in the learner's words.
    pub description: String,
    /// The files it was expected to touch.
    pub expected_files: Vec<String>,
    /// `pending`, `active` (also when the session ended before it did) or `complete`.
    pub status: PhaseStatus,
    /// When it was begun; null when it never was.
    pub started_at: Option<String>,
    /// When it was completed; null when it never was.
    pub completed_at: Option<String>,
    /// From its beginning to its completion, or else to the end of the session or to
    /// [`Report::exported_at`]; null when it was never begun.
    pub duration_ms: Option<u64>,
    /// Hints that it has.
    pub hints: u32,
    /// How many of them were used; one that was used with more help counts again.
    pub hints_used: u32,
    /// The most help that was used: a file 1, lines 2, a hover text 3; null without any.
    pub highest_rung: Option<u32>,
    /// Reviews passed.
    pub reviews_passed: u32,
    /// Reviews failed.
    pub reviews_failed: u32,
}

/// A time in which one hint level was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LevelSpan {
    /// The level.
    pub level: HintLevel,
    /// From when on.
    pub started_at: String,
    /// Until when; the end of the report for one that lasts.
    pub until: String,
    /// How long.
    pub duration_ms: u64,
}

/// The first use of a hint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HintUse {
    /// When.
    pub at: String,
    /// The number of the phase.
    pub phase_number: u32,
    /// The file it points at.
    pub path: String,
    /// How much help it was: a file 1, lines 2, a hover text 3.
    pub rung: u32,
    /// The hint level at that moment.
    pub hint_level: HintLevel,
}

/// A nudge.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Nudge {
    /// When.
    pub at: String,
    /// Whether it was sent, not kept back.
    pub sent: bool,
    /// What was noticed, as the timeline has it.
    pub signal: Option<String>,
    /// How sure the Observer was, from 0 to 1.
    pub confidence: Option<f64>,
    /// Why it was kept back.
    pub reason: Option<String>,
}

/// How often the Observer looked, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Looks {
    /// Looks that came to nothing before a model was asked.
    pub kept_back: u32,
    /// Those of them that the pre-check kept back, so that a call was saved.
    pub saved: u32,
    /// Looks about which a model was asked.
    pub asked: u32,
    /// Those of them that the pre-check would have saved.
    pub would_be_saved: u32,
}

/// What the calls to models cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Costs {
    /// All of them.
    pub total: Sum,
    /// By type of call and model, the most expensive first.
    pub calls: Vec<Calls>,
}

/// The calls of one type to one model.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Calls {
    /// What they were for.
    pub call_type: String,
    /// The full id of the model.
    pub model: String,
    /// Their sums.
    #[serde(flatten)]
    pub sum: Sum,
}

/// Sums over calls.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sum {
    /// Attempts, the failed ones included.
    pub calls: u32,
    /// Attempts that failed.
    pub failed: u32,
    /// Attempts that succeeded with a model whose price is unknown: `costUsd` is too low by theirs.
    pub unpriced: u32,
    /// US dollars, as far as prices are known.
    pub cost_usd: f64,
    /// The mean of those that succeeded, in milliseconds; null when none did.
    pub mean_latency_ms: Option<f64>,
    /// Tokens read, without the cached ones.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Tokens written to the cache.
    pub cache_write_tokens: u64,
    /// Tokens read from the cache.
    pub cache_read_tokens: u64,
}

impl From<api_calls::Totals> for Sum {
    fn from(totals: api_calls::Totals) -> Self {
        Self {
            calls: totals.calls,
            failed: totals.failed,
            unpriced: totals.unpriced,
            cost_usd: totals.cost,
            mean_latency_ms: totals.mean_latency_ms,
            input_tokens: totals.input_tokens,
            output_tokens: totals.output_tokens,
            cache_write_tokens: totals.cache_write_tokens,
            cache_read_tokens: totals.cache_read_tokens,
        }
    }
}

/// Something that the learner does not know yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// What.
    pub topic: String,
    /// `low`, `medium` or `high`: how much it stands in the way.
    pub severity: Severity,
    /// What it was seen by.
    pub evidence: String,
    /// Whether it was closed since.
    pub addressed: bool,
}

/// A failure of the wrap-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// When.
    pub at: String,
    /// `reflection`, `knowledge_gap` or `dreyfus`.
    pub step: Agent,
    /// What went wrong.
    pub message: String,
}

/// An entry of the timeline.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Its number on the timeline.
    pub id: u32,
    /// When.
    pub at: String,
    /// How long after the beginning of the session.
    pub offset_ms: u64,
    /// Its type, as the timeline has it, for instance `file_save`.
    pub kind: String,
    /// Whose doing it is.
    pub lane: Lane,
    /// What happened, for a person.
    pub text: String,
    /// What is known about it; its fields depend on `kind` as the timeline's do. Null when there is
    /// nothing.
    pub data: serde_json::Value,
    /// The tool call that made it: events of one call share it.
    pub call_id: Option<String>,
}

/// Whose doing an event is: the rows of a drawn timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Lane {
    /// The session began or ended.
    Session,
    /// The learner did something.
    You,
    /// A command ran.
    Commands,
    /// Claude called a tool, said or showed something.
    Claude,
    /// Plans, phases, hints and reviews.
    Plan,
    /// The Observer looked, nudged or kept back.
    Observer,
    /// Practice and learning materials.
    Learning,
    /// A type that this version does not know.
    Other,
}

/// Who did something, and what, for a model that reads of it.
pub(crate) fn told(action: &Action) -> (&'static str, String) {
    let (lane, text) = tell::tell(action);
    let who = match lane {
        Lane::You => "learner",
        Lane::Commands => "terminal",
        Lane::Claude => "coach",
        Lane::Plan => "plan",
        Lane::Observer => "observer",
        Lane::Session | Lane::Learning | Lane::Other => "session",
    };
    (who, text)
}
