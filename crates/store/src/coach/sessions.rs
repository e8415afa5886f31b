//! Coaching sessions, and the Claude sessions attached to them.

use crate::row::{Json, returning, row, select};
use crate::{Reader, StoreError, Unit, time};

use super::{HintLevel, HintLevelSource, SessionStatus, StartedBy, not_found};

row! {
    /// A coaching session.
    pub struct Session in "sessions" {
        /// Its id.
        pub id: u32,
        /// The project's folder, canonical.
        pub project_dir: String,
        /// The issue's number, if it is about one.
        pub issue_number: Option<u32>,
        /// The issue's title.
        pub issue_title: Option<String>,
        /// What the issue is about.
        pub issue_summary: Option<String>,
        /// The names of the issue's labels.
        pub issue_labels: Option<Json<Vec<String>>>,
        /// Where the issue is.
        pub issue_url: Option<String>,
        /// What has become of it.
        pub status: SessionStatus,
        /// Who started it.
        pub started_by: StartedBy,
        /// The present hint level.
        pub hint_level: HintLevel,
        /// Who set that.
        pub hint_level_source: HintLevelSource,
        /// When it began.
        pub started_at: String,
        /// When it ended; `None` exactly while it is active.
        pub ended_at: Option<String>,
        /// When something last happened in it.
        pub last_activity_at: String,
        /// From its beginning to its end, in milliseconds.
        pub total_duration_ms: Option<i64>,
    }
}

row! {
    /// A Claude session that is or was attached to a coaching session.
    pub struct ClaudeId in "session_claude_ids" {
        /// The coaching session.
        pub session_id: u32,
        /// The id that Claude Code gave.
        pub claude_id: String,
        /// When it was attached, last.
        pub attached_at: String,
        /// When it was detached; `None` while it is attached.
        pub detached_at: Option<String>,
    }
}

/// A session to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// The project's folder, canonical.
    pub project_dir: String,
    /// The issue's number.
    pub issue_number: Option<u32>,
    /// The issue's title.
    pub issue_title: Option<String>,
    /// Who starts it.
    pub started_by: StartedBy,
    /// The first hint level.
    pub hint_level: HintLevel,
}

/// What is known of a session's issue. `None` leaves what is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Issue {
    /// Its number.
    pub number: Option<u32>,
    /// Its title.
    pub title: Option<String>,
    /// What it is about.
    pub summary: Option<String>,
    /// The names of its labels.
    pub labels: Option<Vec<String>>,
    /// Where it is.
    pub url: Option<String>,
}

/// Creates an active session and begins the first span of its hint level.
/// [`StoreError::is_unique`] if one is active already.
pub fn create(unit: &mut Unit<'_>, new: &NewSession) -> Result<Session, StoreError> {
    let now = unit.now();
    let session: Session = unit.add(
        returning!(
            Session,
            "INSERT INTO sessions (project_dir, issue_number, issue_title, status, started_by,
                 hint_level, hint_level_source, started_at, last_activity_at)
             VALUES (?1, ?2, ?3, 'active', ?4, ?5, 'start', ?6, ?6)"
        ),
        (
            &new.project_dir,
            new.issue_number,
            &new.issue_title,
            new.started_by,
            new.hint_level,
            now,
        ),
    )?;
    super::hint_level_spans::begin(unit, session.id, new.hint_level)?;
    Ok(session)
}

/// The session of that id.
pub fn by_id(reader: &Reader<'_>, id: u32) -> Result<Option<Session>, StoreError> {
    reader.one(select!(Session, "WHERE id = ?1"), [id])
}

/// The active session, of whatever project.
pub fn active(reader: &Reader<'_>) -> Result<Option<Session>, StoreError> {
    reader.one(select!(Session, "WHERE status = 'active'"), [])
}

/// The sessions of a status, oldest first.
pub fn by_status(reader: &Reader<'_>, status: SessionStatus) -> Result<Vec<Session>, StoreError> {
    reader.all(select!(Session, "WHERE status = ?1 ORDER BY id"), [status])
}

/// The last `limit` sessions, of one project or of all, newest first.
pub fn recent(
    reader: &Reader<'_>,
    project_dir: Option<&str>,
    limit: u32,
) -> Result<Vec<Session>, StoreError> {
    match project_dir {
        Some(project_dir) => reader.all(
            select!(
                Session,
                "WHERE project_dir = ?1 ORDER BY started_at DESC, id DESC LIMIT ?2"
            ),
            (project_dir, limit),
        ),
        None => reader.all(select!(Session, "ORDER BY id DESC LIMIT ?1"), [limit]),
    }
}

/// The session that ended last.
pub fn last_ended(reader: &Reader<'_>) -> Result<Option<Session>, StoreError> {
    reader.one(
        select!(
            Session,
            "WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, id DESC LIMIT 1"
        ),
        [],
    )
}

/// The sessions about an issue of a project, newest first.
pub fn by_issue(
    reader: &Reader<'_>,
    project_dir: &str,
    issue_number: u32,
) -> Result<Vec<Session>, StoreError> {
    reader.all(
        select!(
            Session,
            "WHERE project_dir = ?1 AND issue_number = ?2 ORDER BY id DESC"
        ),
        (project_dir, issue_number),
    )
}

/// Notes that something happened in a session.
pub fn touch(unit: &mut Unit<'_>, id: u32) -> Result<(), StoreError> {
    let now = unit.now();
    let changed = unit.row(
        "UPDATE sessions SET last_activity_at = ?2 WHERE id = ?1",
        (id, now),
    )?;
    if changed == 0 {
        return Err(not_found("session", id));
    }
    Ok(())
}

/// Writes what is known of the issue onto a session.
pub fn set_issue(unit: &mut Unit<'_>, id: u32, issue: &Issue) -> Result<Session, StoreError> {
    unit.change(
        returning!(
            Session,
            "UPDATE sessions SET issue_number = ifnull(?2, issue_number),
                 issue_title = ifnull(?3, issue_title), issue_summary = ifnull(?4, issue_summary),
                 issue_labels = ifnull(?5, issue_labels), issue_url = ifnull(?6, issue_url)
             WHERE id = ?1"
        ),
        (
            id,
            issue.number,
            &issue.title,
            &issue.summary,
            issue.labels.as_ref().map(Json),
            &issue.url,
        ),
    )?
    .ok_or_else(|| not_found("session", id))
}

/// Sets the hint level of a session and begins a new span of it; the same level again only notes
/// who set it.
pub fn set_hint_level(
    unit: &mut Unit<'_>,
    id: u32,
    level: HintLevel,
    source: HintLevelSource,
) -> Result<Session, StoreError> {
    super::hint_level_spans::begin(unit, id, level)?;
    unit.change(
        returning!(
            Session,
            "UPDATE sessions SET hint_level = ?2, hint_level_source = ?3 WHERE id = ?1"
        ),
        (id, level, source),
    )?
    .ok_or_else(|| not_found("session", id))
}

/// Ends an active session: its end and length are noted, its open files, marks and span of hint
/// level end with it. `status` is what it becomes, anything but active.
pub fn end(unit: &mut Unit<'_>, id: u32, status: SessionStatus) -> Result<Session, StoreError> {
    let now = unit.now();
    let session = by_id(unit, id)?
        .filter(|session| session.status == SessionStatus::Active)
        .ok_or_else(|| not_found("active session", id))?;
    let duration = time::millis_between(&session.started_at, now)
        .and_then(|millis| i64::try_from(millis).ok());
    unit.row("DELETE FROM open_files WHERE session_id = ?1", [id])?;
    unit.row("DELETE FROM marks WHERE session_id = ?1", [id])?;
    super::hint_level_spans::end(unit, id)?;
    unit.change(
        returning!(
            Session,
            "UPDATE sessions SET status = ?2, ended_at = ?3, last_activity_at = ?3,
                 total_duration_ms = ?4
             WHERE id = ?1"
        ),
        (id, status, now, duration),
    )?
    .ok_or_else(|| not_found("session", id))
}

/// Changes the status of a session that has ended (`ending` → `completed`…). An active one is ended
/// by [`end`].
pub fn set_status(
    unit: &mut Unit<'_>,
    id: u32,
    status: SessionStatus,
) -> Result<Session, StoreError> {
    unit.change(
        returning!(
            Session,
            "UPDATE sessions SET status = ?2 WHERE id = ?1 AND status <> 'active'"
        ),
        (id, status),
    )?
    .ok_or_else(|| not_found("ended session", id))
}

/// Attaches a Claude session, anew if it was detached.
pub fn attach_claude(
    unit: &mut Unit<'_>,
    session_id: u32,
    claude_id: &str,
) -> Result<(), StoreError> {
    let now = unit.now();
    unit.row(
        "INSERT INTO session_claude_ids (session_id, claude_id, attached_at) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET attached_at = excluded.attached_at, detached_at = NULL
         WHERE detached_at IS NOT NULL",
        (session_id, claude_id, now),
    )?;
    Ok(())
}

/// Detaches a Claude session; returns how many are still attached.
pub fn detach_claude(
    unit: &mut Unit<'_>,
    session_id: u32,
    claude_id: &str,
) -> Result<u32, StoreError> {
    let now = unit.now();
    unit.row(
        "UPDATE session_claude_ids SET detached_at = ?3
         WHERE session_id = ?1 AND claude_id = ?2 AND detached_at IS NULL",
        (session_id, claude_id, now),
    )?;
    unit.value(
        "SELECT count(*) FROM session_claude_ids WHERE session_id = ?1 AND detached_at IS NULL",
        [session_id],
    )
}

/// The Claude sessions that are or were attached.
pub fn claude_ids(reader: &Reader<'_>, session_id: u32) -> Result<Vec<ClaudeId>, StoreError> {
    reader.all(
        select!(
            ClaudeId,
            "WHERE session_id = ?1 ORDER BY attached_at, claude_id"
        ),
        [session_id],
    )
}
