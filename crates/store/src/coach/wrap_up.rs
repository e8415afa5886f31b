//! The wrap-up of a session: a job for each step, which outlives a restart, and the errors of those
//! that failed.

use crate::row::{returning, row, select};
use crate::{Reader, StoreError, Unit};

use super::{Agent, JobStatus, not_found};

row! {
    /// A step of a session's wrap-up.
    pub struct Job in "wrap_up_jobs" {
        /// Its id.
        pub id: u32,
        /// The session.
        pub session_id: u32,
        /// The step.
        pub step: Agent,
        /// How far it is.
        pub status: JobStatus,
        /// How many times it was begun.
        pub attempts: u32,
        /// What it needs besides the tables, such as the transcript.
        pub input: Option<String>,
        /// What came of it, as JSON text.
        pub result: Option<String>,
        /// When it was put down.
        pub created_at: String,
        /// When it last changed.
        pub updated_at: String,
    }
}

row! {
    /// A failure of a step.
    pub struct WrapUpError in "session_wrap_up_errors" {
        /// Its id.
        pub id: u32,
        /// The session.
        pub session_id: u32,
        /// The step.
        pub agent_name: Agent,
        /// What went wrong.
        pub error_message: String,
        /// When.
        pub created_at: String,
    }
}

/// Puts a step down as pending; one that is there already becomes pending again and keeps its count
/// and, unless there is a new one, its input.
pub fn schedule(
    unit: &mut Unit<'_>,
    session_id: u32,
    step: Agent,
    input: Option<&str>,
) -> Result<Job, StoreError> {
    let now = unit.now();
    unit.add(
        returning!(
            Job,
            "INSERT INTO wrap_up_jobs (session_id, step, status, input, created_at, updated_at)
             VALUES (?1, ?2, 'pending', ?3, ?4, ?4)
             ON CONFLICT (session_id, step) DO UPDATE SET status = 'pending', result = NULL,
                 input = ifnull(excluded.input, input), updated_at = excluded.updated_at"
        ),
        (session_id, step, input, now),
    )
}

/// Counts one more beginning of a step.
pub fn begin(unit: &mut Unit<'_>, id: u32) -> Result<Job, StoreError> {
    let now = unit.now();
    unit.change(
        returning!(
            Job,
            "UPDATE wrap_up_jobs SET attempts = attempts + 1, updated_at = ?2
             WHERE id = ?1 AND status = 'pending'"
        ),
        (id, now),
    )?
    .ok_or_else(|| not_found("pending wrap-up step", id))
}

/// Keeps what a model answered while what follows from it is not stored yet, so that a step that is
/// taken up again stores the same.
pub fn answered(unit: &mut Unit<'_>, id: u32, result: &str) -> Result<Job, StoreError> {
    let now = unit.now();
    unit.change(
        returning!(
            Job,
            "UPDATE wrap_up_jobs SET result = ?2, updated_at = ?3
             WHERE id = ?1 AND status = 'pending'"
        ),
        (id, result, now),
    )?
    .ok_or_else(|| not_found("pending wrap-up step", id))
}

/// Notes that a step is done, with what came of it as JSON text. What it needed goes.
pub fn done(unit: &mut Unit<'_>, id: u32, result: Option<&str>) -> Result<Job, StoreError> {
    unit.row("UPDATE wrap_up_jobs SET input = NULL WHERE id = ?1", [id])?;
    finish(unit, id, JobStatus::Done, result)
}

/// Notes that a step has failed, and why.
pub fn failed(unit: &mut Unit<'_>, id: u32, message: &str) -> Result<Job, StoreError> {
    let job = finish(unit, id, JobStatus::Failed, None)?;
    record_error(unit, job.session_id, job.step, message)?;
    Ok(job)
}

fn finish(
    unit: &mut Unit<'_>,
    id: u32,
    status: JobStatus,
    result: Option<&str>,
) -> Result<Job, StoreError> {
    let now = unit.now();
    unit.change(
        returning!(
            Job,
            "UPDATE wrap_up_jobs SET status = ?2, result = ?3, updated_at = ?4 WHERE id = ?1"
        ),
        (id, status, result, now),
    )?
    .ok_or_else(|| not_found("wrap-up step", id))
}

/// The steps of a session in the order in which they were put down.
pub fn by_session(reader: &Reader<'_>, session_id: u32) -> Result<Vec<Job>, StoreError> {
    reader.all(
        select!(Job, "WHERE session_id = ?1 ORDER BY id"),
        [session_id],
    )
}

/// Every pending step of all sessions, in the order in which they have to be done.
pub fn pending(reader: &Reader<'_>) -> Result<Vec<Job>, StoreError> {
    reader.all(
        select!(Job, "WHERE status = 'pending' ORDER BY session_id, id"),
        [],
    )
}

/// Writes a failure down. Failures are kept, also when a later try succeeds.
pub fn record_error(
    unit: &mut Unit<'_>,
    session_id: u32,
    agent: Agent,
    message: &str,
) -> Result<WrapUpError, StoreError> {
    let now = unit.now();
    unit.add(
        returning!(
            WrapUpError,
            "INSERT INTO session_wrap_up_errors (session_id, agent_name, error_message, created_at)
             VALUES (?1, ?2, ?3, ?4)"
        ),
        (session_id, agent, message, now),
    )
}

/// The failures of a session in their order.
pub fn errors(reader: &Reader<'_>, session_id: u32) -> Result<Vec<WrapUpError>, StoreError> {
    reader.all(
        select!(WrapUpError, "WHERE session_id = ?1 ORDER BY id"),
        [session_id],
    )
}
