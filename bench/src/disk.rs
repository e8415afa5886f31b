//! The comparators that only use the disk.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;
use rusqlite::Connection;

/// Replaces a file so that a crash leaves the old or the new one: write, fsync, rename, fsync of the
/// folder.
pub(crate) fn safe_write(folder: &Path, name: &str, content: &[u8]) -> Result<Duration> {
    let start = Instant::now();
    let temporary = folder.join(format!(".{name}.tmp"));
    let mut file = File::create(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, folder.join(name))?;
    File::open(folder)?.sync_all()?;
    Ok(start.elapsed())
}

/// A database that holds rows like those of the timeline and nothing else, with the sidecar's
/// durability.
pub(crate) struct Rows(Connection);

impl Rows {
    /// Makes it in `folder`.
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        let connection = Connection::open(folder.join("bare.db"))?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             CREATE TABLE action_log (id INTEGER PRIMARY KEY, session_id INTEGER,
                 action_type TEXT NOT NULL, data TEXT, created_at TEXT NOT NULL);
             CREATE INDEX by_session ON action_log (session_id);",
        )?;
        Ok(Self(connection))
    }

    /// Adds `rows` rows in one durable transaction.
    pub(crate) fn commit(&mut self, rows: usize) -> Result<Duration> {
        let start = Instant::now();
        let transaction = self.0.transaction()?;
        for _ in 0..rows {
            transaction
                .prepare_cached(
                    "INSERT INTO action_log (session_id, action_type, data, created_at)
                     VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute((1, "file_open", ENTRY, "2026-01-02T03:04:05.678Z"))?;
        }
        transaction.commit()?;
        Ok(start.elapsed())
    }
}

/// The data of a timeline entry.
pub(crate) const ENTRY: &str = r#"{"path":"src/some/module/file.rs"}"#;
