//! [`Record`]: `memory.db`, which always has everything. Its functions block, so that they are
//! called where that does no harm.

mod open;
mod search;

use std::collections::HashSet;
use std::path::Path;

use chrono::{SecondsFormat, Utc};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params, params_from_iter};
use uuid::Uuid;

use crate::error::MemoryError;
use crate::model::{Entry, Filter, Forget, Importance, Metadata, NewMemory, join_tags, split_tags};
use crate::vector;

/// The columns that [`entry`] reads.
const ENTRY: &str = "id, content, session_id, project_dir, created_at, kind, importance, tags";

/// The one file.
#[derive(Debug)]
pub(crate) struct Record {
    conn: Connection,
    /// Tells this record's entries in a Chroma collection from those of other records.
    pub(crate) id: String,
}

/// A memory with its vector, as it goes to a search index.
#[derive(Debug)]
pub(crate) struct Embedded {
    pub(crate) number: i64,
    pub(crate) entry: Entry,
    pub(crate) vector: Vec<f32>,
}

impl Record {
    /// Opens, checks and brings up to date the file at `path`; makes it if there is none.
    pub(crate) fn open(path: &Path) -> Result<Self, MemoryError> {
        let conn = open::open(path)?;
        let id = conn.query_row("SELECT id FROM record", [], |row| row.get(0))?;
        Ok(Self { conn, id })
    }

    /// Adds what is not there yet, durably and all at once, and returns the numbers of what is new.
    pub(crate) fn add(
        &mut self,
        memories: &[NewMemory],
        session_id: u32,
        project_dir: &str,
    ) -> Result<Vec<i64>, MemoryError> {
        let created_at = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let unit = self.conn.transaction()?;
        let mut added = Vec::new();
        for memory in memories {
            let number: Option<i64> = unit
                .prepare_cached(
                    "INSERT INTO memories
                         (id, given_key, content, session_id, project_dir, created_at, kind, importance, tags)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                     ON CONFLICT (given_key) DO NOTHING RETURNING number",
                )?
                .query_row(
                    params![
                        format!("mem_{}", Uuid::new_v4().simple()),
                        memory.key,
                        memory.content,
                        session_id,
                        project_dir,
                        created_at,
                        memory.kind,
                        memory.importance.word(),
                        join_tags(&memory.tags),
                    ],
                    |row| row.get(0),
                )
                .optional()?;
            added.extend(number);
        }
        unit.commit()?;
        Ok(added)
    }

    /// The memories meant by `filter`, newest first.
    pub(crate) fn list(&self, filter: &Filter) -> Result<Vec<Entry>, MemoryError> {
        let limit = filter.limit.map_or(-1, |n| i64::try_from(n).unwrap_or(-1));
        let sql = format!(
            "SELECT {ENTRY} FROM memories
             WHERE (?1 IS NULL OR project_dir = ?1) AND (?2 IS NULL OR session_id = ?2)
               AND (?3 IS NULL OR kind = ?3)
             ORDER BY number DESC LIMIT ?4"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query_map(
            params![filter.project, filter.session, filter.kind, limit],
            |row| entry(row, 0),
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Texts that have no vector of this model yet, oldest first.
    pub(crate) fn not_embedded(
        &self,
        model: &str,
        limit: usize,
    ) -> Result<Vec<(i64, String)>, MemoryError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT number, content FROM memories WHERE embedded_by IS NOT ?1
             ORDER BY number LIMIT ?2",
        )?;
        let rows = statement.query_map(params![model, count(limit)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many have no vector of this model yet.
    pub(crate) fn count_not_embedded(&self, model: &str) -> Result<u32, MemoryError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT count(*) FROM memories WHERE embedded_by IS NOT ?1")?;
        Ok(statement.query_row([model], |row| row.get(0))?)
    }

    /// Keeps vectors. What was forgotten meanwhile stays forgotten.
    pub(crate) fn set_vectors(
        &mut self,
        model: &str,
        vectors: &[(i64, Vec<f32>)],
    ) -> Result<(), MemoryError> {
        let unit = self.conn.transaction()?;
        for (number, vector) in vectors {
            unit.prepare_cached(
                "UPDATE memories SET embedding = ?2, embedded_by = ?3, indexed = 0 WHERE number = ?1",
            )?
            .execute(params![number, vector::bytes(vector), model])?;
        }
        Ok(unit.commit()?)
    }

    /// What has a vector of this model that the search index does not have, oldest first.
    pub(crate) fn not_indexed(
        &self,
        model: &str,
        limit: usize,
    ) -> Result<Vec<Embedded>, MemoryError> {
        let sql = format!(
            "SELECT number, embedding, {ENTRY} FROM memories
             WHERE indexed = 0 AND embedded_by = ?1 ORDER BY number LIMIT ?2"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query_map(params![model, count(limit)], |row| {
            Ok(Embedded {
                number: row.get(0)?,
                vector: vector::floats(row.get_ref(1)?.as_blob()?).collect(),
                entry: entry(row, 2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes that the search index has these.
    pub(crate) fn set_indexed(&mut self, numbers: &[i64]) -> Result<(), MemoryError> {
        let unit = self.conn.transaction()?;
        for number in numbers {
            unit.prepare_cached("UPDATE memories SET indexed = 1 WHERE number = ?1")?
                .execute([number])?;
        }
        Ok(unit.commit()?)
    }

    /// Compares with what the search index has of this record: notes what it lacks, and returns what
    /// it must let go of.
    pub(crate) fn reconcile(&mut self, indexed: Vec<String>) -> Result<Vec<String>, MemoryError> {
        let unit = self.conn.transaction()?;
        let mut gone: HashSet<String> = indexed.into_iter().collect();
        {
            let mut all = unit.prepare_cached("SELECT number, id, indexed FROM memories")?;
            let mut lacks =
                unit.prepare_cached("UPDATE memories SET indexed = 0 WHERE number = ?1")?;
            let mut rows = all.query([])?;
            while let Some(row) = rows.next()? {
                let id: String = row.get(1)?;
                if !gone.remove(&id) && row.get(2)? {
                    lacks.execute([row.get::<_, i64>(0)?])?;
                }
            }
        }
        unit.commit()?;
        Ok(gone.into_iter().collect())
    }

    /// How many of these can be found by meaning.
    pub(crate) fn count_ready(
        &self,
        numbers: &[i64],
        model: &str,
        in_index: bool,
    ) -> Result<u32, MemoryError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT count(*) FROM memories WHERE number = ?1 AND embedded_by = ?2 AND indexed >= ?3",
        )?;
        let mut ready = 0;
        for number in numbers {
            ready += statement
                .query_row(params![number, model, in_index], |row| row.get::<_, u32>(0))?;
        }
        Ok(ready)
    }

    /// Forgets for good: not even the file has the text any more. Returns the ids.
    pub(crate) fn forget(&mut self, what: &Forget) -> Result<Vec<String>, MemoryError> {
        let unit = self.conn.transaction()?;
        let mut gone: Vec<String> = Vec::new();
        {
            let mut delete = |condition: &str, values: &[&dyn ToSql]| {
                let sql = format!("DELETE FROM memories WHERE {condition} RETURNING id");
                let mut statement = unit.prepare(&sql)?;
                let rows = statement.query_map(params_from_iter(values), |row| row.get(0))?;
                let ids: Vec<String> = rows.collect::<Result<_, _>>()?;
                let some = !ids.is_empty();
                gone.extend(ids);
                Ok::<_, rusqlite::Error>(some)
            };
            match what {
                Forget::Ids(ids) => {
                    // An id that is named twice is one memory.
                    for id in ids.iter().collect::<HashSet<_>>() {
                        if !delete("id = ?1", &[id])? {
                            return Err(MemoryError::NotFound { id: id.clone() });
                        }
                    }
                }
                Forget::Session(session) => _ = delete("session_id = ?1", &[session])?,
                Forget::Project(project) => _ = delete("project_dir = ?1", &[project])?,
                Forget::All => _ = delete("true", &[])?,
            }
        }
        unit.commit()?;
        if !gone.is_empty() {
            self.empty_log()?;
        }
        Ok(gone)
    }

    /// Moves the write-ahead log into the file and cuts it to nothing, since it still has the pages
    /// from before a deletion.
    fn empty_log(&self) -> Result<(), MemoryError> {
        let busy: bool = self
            .conn
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy {
            // Another process reads it; whoever closes the file last, or the next time, does it.
            tracing::warn!(
                "Another process reads Paige's memory, so that its log keeps what was forgotten until that ends."
            );
        }
        Ok(())
    }
}

/// A limit as SQLite takes it.
fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Reads the columns [`ENTRY`], which begin at `first`.
fn entry(row: &Row<'_>, first: usize) -> rusqlite::Result<Entry> {
    let word: String = row.get(first + 6)?;
    let tags: String = row.get(first + 7)?;
    Ok(Entry {
        id: row.get(first)?,
        content: row.get(first + 1)?,
        metadata: Metadata {
            session_id: row.get(first + 2)?,
            project_dir: row.get(first + 3)?,
            created_at: row.get(first + 4)?,
            kind: row.get(first + 5)?,
            // The table lets no other word in.
            importance: Importance::from_word(&word).unwrap_or(Importance::Medium),
            tags: split_tags(&tags),
        },
    })
}

#[cfg(test)]
mod tests;
