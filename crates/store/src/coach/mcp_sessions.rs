//! MCP sessions, so that a client keeps its id over a restart. No coaching state hangs on them.

use crate::row::{row, select};
use crate::{Reader, StoreError, Unit};

row! {
    /// An MCP session.
    pub struct McpSession in "mcp_sessions" {
        /// Its id, a UUID.
        pub id: String,
        /// What the door needs to restore it, as JSON text.
        pub state: String,
        /// When it was opened.
        pub created_at: String,
        /// When it was last used.
        pub last_used_at: String,
    }
}

/// Stores a session, or a newer state of it.
pub fn store(unit: &mut Unit<'_>, id: &str, state: &str) -> Result<(), StoreError> {
    let now = unit.now();
    unit.row(
        "INSERT INTO mcp_sessions (id, state, created_at, last_used_at) VALUES (?1, ?2, ?3, ?3)
         ON CONFLICT DO UPDATE SET state = excluded.state, last_used_at = excluded.last_used_at",
        (id, state, now),
    )?;
    Ok(())
}

/// The session of that id.
pub fn load(reader: &Reader<'_>, id: &str) -> Result<Option<McpSession>, StoreError> {
    reader.one(select!(McpSession, "WHERE id = ?1"), [id])
}

/// Every session, the longest unused first.
pub fn list(reader: &Reader<'_>) -> Result<Vec<McpSession>, StoreError> {
    reader.all(select!(McpSession, "ORDER BY last_used_at, id"), [])
}

/// Notes that a session was used; says whether there is one.
pub fn touch(unit: &mut Unit<'_>, id: &str) -> Result<bool, StoreError> {
    let now = unit.now();
    let changed = unit.row(
        "UPDATE mcp_sessions SET last_used_at = ?2 WHERE id = ?1",
        (id, now),
    )?;
    Ok(changed > 0)
}

/// Forgets a session; says whether there was one.
pub fn delete(unit: &mut Unit<'_>, id: &str) -> Result<bool, StoreError> {
    Ok(unit.row("DELETE FROM mcp_sessions WHERE id = ?1", [id])? > 0)
}

/// Keeps the `keep` sessions that were used last, and forgets the others; returns their ids.
pub fn evict(unit: &mut Unit<'_>, keep: u32) -> Result<Vec<String>, StoreError> {
    let gone: Vec<String> = unit.map(
        "SELECT id FROM mcp_sessions ORDER BY last_used_at DESC, id DESC LIMIT -1 OFFSET ?1",
        [keep],
        |row| row.get(0),
    )?;
    for id in &gone {
        delete(unit, id)?;
    }
    Ok(gone)
}
