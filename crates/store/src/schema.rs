//! The joint between the core and the desks: the migrations, and what the shared tables are called.
//!
//! The timeline and the ledger belong to the core, but their scope column carries the word of the
//! desk that made the file; so its name stands here and not in the core.

use rusqlite_migration::{M, Migrations};

/// The numbered migrations, oldest first. One that was released is never changed, only followed.
pub(crate) const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("../migrations/0001_ground.sql")),
    M::up(include_str!("../migrations/0002_coach.sql")),
    M::up(include_str!("../migrations/0003_timeline.sql")),
    M::up(include_str!("../migrations/0004_fewer_pages.sql")),
    M::up(include_str!("../migrations/0005_thinking.sql")),
    M::up(include_str!("../migrations/0006_observer.sql")),
];

/// All migrations of this version.
pub(crate) const fn migrations() -> Migrations<'static> {
    Migrations::from_slice(MIGRATIONS)
}

/// `application_id` of our files: "PAIG".
pub(crate) const APPLICATION_ID: i64 = 0x5041_4947;

/// The table of the timeline.
pub(crate) const TIMELINE: &str = "action_log";
/// Its columns, in the order of [`crate::TimelineEntry`].
pub(crate) const TIMELINE_COLUMNS: &str = "id, session_id, action_type, data, created_at, call_id";
/// Its column for the kind of an entry.
pub(crate) const TIMELINE_KIND: &str = "action_type";
/// Its index for one scope.
pub(crate) const TIMELINE_BY_SCOPE: &str = "action_log_session";
/// Its index for one kind within one scope.
pub(crate) const TIMELINE_BY_SCOPE_AND_KIND: &str = "action_log_session_type";
/// Its index for one kind.
pub(crate) const TIMELINE_BY_KIND: &str = "action_log_type";
/// The table of the ledger.
pub(crate) const LEDGER: &str = "api_call_log";
/// Its columns, in the order of [`crate::ledger::Call`].
pub(crate) const LEDGER_COLUMNS: &str = "id, session_id, call_type, model, input_hash, latency_ms, input_tokens, output_tokens, \
     cache_write_tokens, cache_read_tokens, cost_estimate, created_at";
/// What is set aside for attempts under way.
pub(crate) const RESERVATIONS: &str = "reservations";
/// The column of all three that names the scope.
pub(crate) const SCOPE: &str = "session_id";
