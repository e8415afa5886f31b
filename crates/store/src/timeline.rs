//! The timeline: what happened, append-only, as `{kind, json}`.
//!
//! Entries are numbered in the order in which they became true, so the number is both the order and
//! the cursor for paging. Their times do not contradict it.

use std::borrow::Cow;
use std::sync::LazyLock;

use rusqlite::types::ToSql;

use crate::row::FromRow;
use crate::{Reader, StoreError, schema};

/// Something that happened, to be put on the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What kind of thing, in the desk's words.
    pub kind: Cow<'static, str>,
    /// What is known about it, as JSON text.
    pub data: Option<String>,
}

impl Entry {
    /// An entry; `data` is JSON text, refused when it is written if it is not.
    pub fn new(kind: impl Into<Cow<'static, str>>, data: impl Into<Option<String>>) -> Self {
        Self {
            kind: kind.into(),
            data: data.into(),
        }
    }
}

/// An entry as it stands on the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineEntry {
    /// Its number: later entries have larger ones.
    pub id: u32,
    /// What it belongs to, if anything.
    pub scope: Option<u32>,
    /// What kind of thing.
    pub kind: Cow<'static, str>,
    /// What is known about it, as JSON text.
    pub data: Option<String>,
    /// When (ISO 8601 UTC with milliseconds).
    pub at: String,
}

impl FromRow for TimelineEntry {
    const TABLE: &'static str = schema::TIMELINE;
    const COLUMNS: &'static str = schema::TIMELINE_COLUMNS;

    fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            scope: row.get(1)?,
            kind: Cow::Owned(row.get(2)?),
            data: row.get(3)?,
            at: row.get(4)?,
        })
    }
}

/// Which entries to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter<'a> {
    /// Only of this scope; `Some(None)` asks for what belongs to none.
    pub scope: Option<Option<u32>>,
    /// Only of this kind.
    pub kind: Option<&'a str>,
    /// Only from this time on (ISO 8601 UTC with milliseconds).
    pub since: Option<&'a str>,
    /// Only entries with a larger number.
    pub after: Option<u32>,
    /// Only entries with a smaller number.
    pub before: Option<u32>,
}

/// The first `limit` entries that pass the filter, oldest first.
pub fn page(
    reader: &Reader<'_>,
    filter: &Filter<'_>,
    limit: u32,
) -> Result<Vec<TimelineEntry>, StoreError> {
    read(reader, filter, "ASC", limit)
}

/// The last `limit` entries that pass the filter, newest first.
pub fn recent(
    reader: &Reader<'_>,
    filter: &Filter<'_>,
    limit: u32,
) -> Result<Vec<TimelineEntry>, StoreError> {
    read(reader, filter, "DESC", limit)
}

/// How many entries pass the filter.
pub fn count(reader: &Reader<'_>, filter: &Filter<'_>) -> Result<u32, StoreError> {
    let (conditions, values) = conditions(filter);
    let sql = format!("SELECT count(*) FROM {}{conditions}", schema::TIMELINE);
    reader.value(&sql, values.as_slice())
}

fn read(
    reader: &Reader<'_>,
    filter: &Filter<'_>,
    order: &str,
    limit: u32,
) -> Result<Vec<TimelineEntry>, StoreError> {
    let (conditions, mut values) = conditions(filter);
    values.push(&limit);
    let sql = format!(
        "SELECT {} FROM {}{conditions} ORDER BY id {order} LIMIT ?{}",
        TimelineEntry::COLUMNS,
        TimelineEntry::TABLE,
        values.len()
    );
    reader.all(&sql, values.as_slice())
}

/// The `WHERE` clause of a filter and its values. Every combination is answered by one index that
/// ends in the entry's number, so that no order has to be made by sorting.
fn conditions<'a>(filter: &'a Filter<'a>) -> (String, Vec<&'a dyn ToSql>) {
    let mut sql = String::new();
    let mut values: Vec<&dyn ToSql> = Vec::new();
    let mut demand = |condition: &str, value: &'a dyn ToSql| {
        sql.push_str(if values.is_empty() {
            " WHERE "
        } else {
            " AND "
        });
        values.push(value);
        sql.push_str(&condition.replace('?', &format!("?{}", values.len())));
    };
    if let Some(scope) = &filter.scope {
        demand(&format!("{} IS ?", schema::SCOPE), scope);
    }
    if let Some(kind) = &filter.kind {
        demand(&format!("{} = ?", schema::TIMELINE_KIND), kind);
    }
    if let Some(since) = &filter.since {
        // Times and numbers rise together: the bound becomes one on the number, which every index
        // ends in. (Without such an entry the bound is null and nothing passes.)
        demand(
            &format!(
                "id >= (SELECT min(id) FROM {} WHERE created_at >= ?)",
                schema::TIMELINE
            ),
            since,
        );
    }
    if let Some(after) = &filter.after {
        demand("id > ?", after);
    }
    if let Some(before) = &filter.before {
        demand("id < ?", before);
    }
    (sql, values)
}

/// The statement that appends an entry: scope, kind, data, time.
pub(crate) static INSERT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO {} ({}, {}, data, created_at) VALUES (?1, ?2, ?3, ?4)",
        schema::TIMELINE,
        schema::SCOPE,
        schema::TIMELINE_KIND
    )
});
