//! Forgetting: a session, or all that is known of a project, is taken out of the file.
//!
//! What has no session and no project stays: what is thought of the learner's skills, and the money
//! that calls of models cost, which the ledger counts on without the session.

use crate::erase::Erasure;
use crate::{Reader, StoreError, outbox};

use super::{not_found, previous_texts, sessions};

/// How much goes, or has gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extent {
    /// Sessions.
    pub sessions: u32,
    /// Entries of the timeline.
    pub entries: u32,
    /// Knowledge gaps that were first seen in these sessions.
    pub gaps: u32,
    /// Pushes that wait for clients that were away.
    pub pushes: u32,
    /// Files with unsaved text.
    pub unsaved: u32,
}

/// What [`session`] would take out.
pub fn extent_of_session(reader: &Reader<'_>, id: u32) -> Result<Extent, StoreError> {
    let session = sessions::by_id(reader, id)?.ok_or_else(|| not_found("session", id))?;
    let last: i64 = reader.value(
        "SELECT ifnull(max(seq), 0) FROM outbox JOIN streams ON streams.id = stream_id
         WHERE project_dir = ?1 AND (?2 IS NULL OR at <= ?2)",
        (&session.project_dir, &session.ended_at),
    )?;
    Ok(Extent {
        sessions: 1,
        entries: reader.value(
            "SELECT count(*) FROM action_log WHERE session_id = ?1",
            [id],
        )?,
        gaps: reader.value(
            "SELECT count(*) FROM knowledge_gaps WHERE session_id = ?1",
            [id],
        )?,
        pushes: reader.value(
            "SELECT count(*) FROM outbox JOIN streams ON streams.id = stream_id
             WHERE project_dir = ?1 AND seq <= ?2",
            (&session.project_dir, last),
        )?,
        unsaved: 0,
    })
}

/// What [`project`] would take out.
pub fn extent_of_project(reader: &Reader<'_>, project_dir: &str) -> Result<Extent, StoreError> {
    let count = |sql: &str| reader.value::<u32>(sql, [project_dir]);
    let mut entries = count(
        "SELECT count(*) FROM action_log
         WHERE session_id IN (SELECT id FROM sessions WHERE project_dir = ?1)",
    )?;
    if is_only_project(reader, project_dir)? {
        entries += reader.value::<u32>(
            "SELECT count(*) FROM action_log WHERE session_id IS NULL",
            [],
        )?;
    }
    Ok(Extent {
        sessions: count("SELECT count(*) FROM sessions WHERE project_dir = ?1")?,
        entries,
        gaps: count(
            "SELECT count(*) FROM knowledge_gaps
             WHERE session_id IN (SELECT id FROM sessions WHERE project_dir = ?1)",
        )?,
        pushes: count(
            "SELECT count(*) FROM outbox
             WHERE stream_id IN (SELECT id FROM streams WHERE project_dir = ?1)",
        )?,
        unsaved: count("SELECT count(*) FROM buffer_backups WHERE project_dir = ?1")?,
    })
}

/// Every project that the file knows something of, by name.
pub fn projects(reader: &Reader<'_>) -> Result<Vec<String>, StoreError> {
    reader.map(
        "SELECT project_dir FROM streams UNION SELECT project_dir FROM sessions
         UNION SELECT project_dir FROM buffer_backups UNION SELECT project_dir FROM issue_labels
         ORDER BY 1",
        [],
        |row| row.get(0),
    )
}

/// Whether the file knows of this project alone. Entries of the timeline without a session do not say
/// which project they are about; then they are about this one.
pub fn is_only_project(reader: &Reader<'_>, project_dir: &str) -> Result<bool, StoreError> {
    Ok(projects(reader)?.iter().all(|known| known == project_dir))
}

/// Takes a session out, active or not: its row with all that hangs on it, the texts that nothing else
/// keeps, and the project's pushes up to its end, since those hold texts of files. Pushes have no
/// session, and none may be missing between two others: those of earlier sessions go as well, and a
/// client that has not seen them begins anew. Unsaved text stays.
///
/// A gap that was first seen in an earlier session stays too, without the evidence of this one.
pub fn session(erasure: &mut Erasure<'_>, id: u32) -> Result<(), StoreError> {
    let session = sessions::by_id(erasure, id)?.ok_or_else(|| not_found("session", id))?;
    take_pushes_out(erasure, &session.project_dir, session.ended_at.as_deref())?;
    take_sessions_out(erasure, &[id])
}

/// Takes everything of a project out: its sessions, pushes, unsaved text and labels; and the entries
/// of the timeline without a session if the file knows of no other project.
pub fn project(erasure: &mut Erasure<'_>, project_dir: &str) -> Result<(), StoreError> {
    let alone = is_only_project(erasure, project_dir)?;
    let ids: Vec<u32> = erasure.map(
        "SELECT id FROM sessions WHERE project_dir = ?1",
        [project_dir],
        |row| row.get(0),
    )?;
    take_sessions_out(erasure, &ids)?;
    // The pushes go with their stream.
    for sql in [
        "DELETE FROM streams WHERE project_dir = ?1",
        "DELETE FROM buffer_backups WHERE project_dir = ?1",
        "DELETE FROM issue_labels WHERE project_dir = ?1",
    ] {
        erasure.row(sql, [project_dir])?;
    }
    if alone {
        erasure.row("DELETE FROM action_log WHERE session_id IS NULL", [])?;
    }
    Ok(())
}

fn take_sessions_out(erasure: &mut Erasure<'_>, ids: &[u32]) -> Result<(), StoreError> {
    for id in ids {
        // The evidence of a gap is that of the session in which it was last seen.
        erasure.row(
            "UPDATE knowledge_gaps SET evidence = '' WHERE EXISTS (SELECT 1 FROM gap_sightings
                 WHERE gap_id = knowledge_gaps.id AND gap_sightings.session_id = ?1
                 AND seen_at = last_encountered_at)",
            [id],
        )?;
        erasure.row("DELETE FROM sessions WHERE id = ?1", [id])?;
    }
    previous_texts::drop_unused(erasure)
}

fn take_pushes_out(
    erasure: &mut Erasure<'_>,
    project_dir: &str,
    until: Option<&str>,
) -> Result<(), StoreError> {
    let streams: Vec<i64> = erasure.map(
        "SELECT id FROM streams WHERE project_dir = ?1",
        [project_dir],
        |row| row.get(0),
    )?;
    for stream in streams {
        outbox::take_out(erasure.conn(), stream, until)?;
    }
    Ok(())
}
