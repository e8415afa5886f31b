//! [`Record`]: the rows of the database, for looking at while the binary writes them.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Params};
use serde_json::{Map, Value, json};

use crate::Project;
use crate::sidecar::PATIENCE;

/// The database file, opened read-only beside the binary.
#[derive(Debug)]
pub struct Record(Connection);

impl Record {
    /// Opens the database of a project; it must have been made.
    pub fn of(project: &Project) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(project.database(), flags)?;
        connection.busy_timeout(PATIENCE)?;
        Ok(Self(connection))
    }

    /// Rows as objects: column to value.
    pub fn rows(&self, sql: &str, params: impl Params) -> Result<Vec<Value>> {
        let mut statement = self.0.prepare(sql).context(sql.to_owned())?;
        let columns: Vec<String> = statement
            .column_names()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let mut rows = statement.query(params)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let mut object = Map::new();
            for (at, column) in columns.iter().enumerate() {
                object.insert(column.clone(), value(row.get_ref(at)?)?);
            }
            found.push(Value::Object(object));
        }
        Ok(found)
    }

    /// The only row.
    pub fn row(&self, sql: &str, params: impl Params) -> Result<Value> {
        let mut rows = self.rows(sql, params)?;
        ensure!(rows.len() == 1, "{} rows of: {sql}", rows.len());
        rows.pop().context("one row")
    }

    /// The timeline's entries of one kind, oldest first: `{session, data}`. Each has a time.
    pub fn actions(&self, kind: &str) -> Result<Vec<Value>> {
        let rows = self.rows(
            "SELECT session_id, data, created_at FROM action_log WHERE action_type = ?1 ORDER BY id",
            [kind],
        )?;
        rows.into_iter()
            .map(|row| {
                let at = row["created_at"].as_str().unwrap_or_default();
                ensure!(is_time(at), "{kind} has no time: {row}");
                let data: Value = serde_json::from_str(row["data"].as_str().context("data")?)?;
                Ok(json!({"session": row["session_id"], "data": data}))
            })
            .collect()
    }

    /// Waits until the timeline has as many entries of a kind as are expected, and compares them.
    ///
    /// Observations are written behind, so that a test waits for them instead of looking once.
    pub async fn expect_actions(&self, kind: &str, expected: &[Value]) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.actions(kind)?;
            if found.len() >= expected.len() {
                ensure!(found == expected, "{kind}: {found:#?} is not {expected:#?}");
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{kind}: {found:#?} is still not {expected:#?}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until a query answers these rows.
    pub async fn expect_rows(&self, sql: &str, expected: &[Value]) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.rows(sql, [])?;
            if found == expected {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{sql}: {found:#?} is still not {expected:#?}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn value(value: ValueRef<'_>) -> Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => json!(number),
        ValueRef::Real(number) => json!(number),
        ValueRef::Text(text) => json!(std::str::from_utf8(text)?),
        ValueRef::Blob(_) => bail!("a blob, of which there is none"),
    })
}

/// Whether a text is a time as it stands everywhere: ISO 8601 UTC with milliseconds.
pub fn is_time(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00T00:00:00.000Z"
}
