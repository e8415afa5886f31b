//! The timeline: what happened, append-only, as `{kind, json}`.
//!
//! Entries are numbered in the order in which they became true, so the number is both the order and
//! the cursor for paging. Their times do not contradict it.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use rusqlite::types::ToSql;

use crate::row::FromRow;
use crate::{Reader, StoreError, Unit, schema};

/// Something that happened, to be put on the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What kind of thing, in the desk's words.
    pub kind: Cow<'static, str>,
    /// What is known about it, as JSON text.
    pub data: Option<String>,
    /// The call that it belongs to, if it is not that of the [unit](crate::Unit).
    pub call_id: Option<Arc<str>>,
}

impl Entry {
    /// An entry; `data` is JSON text, refused when it is written if it is not.
    pub fn new(kind: impl Into<Cow<'static, str>>, data: impl Into<Option<String>>) -> Self {
        Self {
            kind: kind.into(),
            data: data.into(),
            call_id: None,
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
    /// The call that made it, if any: entries of one call share it.
    pub call_id: Option<Arc<str>>,
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
            call_id: row.get::<_, Option<String>>(5)?.map(Arc::from),
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
    let filter = numbered(reader, filter)?;
    let (conditions, values) = conditions(&filter);
    let sql = format!("SELECT count(*) FROM {conditions}");
    reader.value(&sql, values.as_slice())
}

/// Takes the oldest entries of a scope away, at most `limit`, and only those before a time if there is
/// one; returns how many. The newest entry of all stays: its number must not be given out again, since
/// it may be somebody's cursor.
pub(crate) fn remove(
    unit: &mut Unit<'_>,
    scope: Option<u32>,
    before: Option<&str>,
    limit: u32,
) -> Result<usize, StoreError> {
    let newest: Option<u32> =
        unit.value(&format!("SELECT max(id) FROM {}", schema::TIMELINE), [])?;
    let Some(newest) = newest else {
        return Ok(0);
    };
    let filter = Filter {
        since: before,
        ..Filter::default()
    };
    let end = match before {
        // What is numbered comes after the last entry that is older.
        Some(_) => numbered(unit, &filter)?.after.map_or(1, |last| last + 1),
        None => newest,
    };
    let sql = format!(
        "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} INDEXED BY {index}
             WHERE {scope} IS ?1 AND id < ?2 ORDER BY id LIMIT ?3)",
        table = schema::TIMELINE,
        index = schema::TIMELINE_BY_SCOPE,
        scope = schema::SCOPE,
    );
    unit.row(&sql, (scope, end.min(newest), limit))
}

/// The same filter with its moment as a number, in which every index ends: times and numbers rise
/// together.
fn numbered<'a>(reader: &Reader<'_>, filter: &Filter<'a>) -> Result<Filter<'a>, StoreError> {
    let Some(since) = filter.since else {
        return Ok(filter.clone());
    };
    let next = format!(
        "SELECT id, created_at < ?2 FROM {} WHERE id >= ?1 ORDER BY id LIMIT 1",
        schema::TIMELINE
    );
    let last: Option<u32> =
        reader.value(&format!("SELECT max(id) FROM {}", schema::TIMELINE), [])?;
    // The entries up to `before` are older; the one after `upto`, if any, is not.
    let (mut before, mut upto) = (filter.after.unwrap_or(0), last.unwrap_or(0));
    while before < upto {
        let middle = before + (upto - before) / 2;
        let found = reader.map(&next, (middle + 1, since), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        match found.first() {
            Some((id, true)) => before = *id,
            Some((_, false)) | None => upto = middle,
        }
    }
    Ok(Filter {
        since: None,
        after: Some(before),
        ..filter.clone()
    })
}

fn read(
    reader: &Reader<'_>,
    filter: &Filter<'_>,
    order: &str,
    limit: u32,
) -> Result<Vec<TimelineEntry>, StoreError> {
    let filter = numbered(reader, filter)?;
    let (sql, mut values) = statement(&filter, order);
    values.push(&limit);
    reader.all(&sql, values.as_slice())
}

/// The statement that reads what passes a filter, and its values but the last, the limit.
fn statement<'a>(filter: &'a Filter<'a>, order: &str) -> (String, Vec<&'a dyn ToSql>) {
    let (conditions, values) = conditions(filter);
    let sql = format!(
        "SELECT {} FROM {conditions} ORDER BY id {order} LIMIT ?{}",
        TimelineEntry::COLUMNS,
        values.len() + 1
    );
    (sql, values)
}

/// The table with the index to use, the `WHERE` clause of a filter, and its values.
///
/// Each index ends in the entry's number, so that nothing has to be sorted. It is named, because the
/// planner would rather scan for a kind that its statistics call common, and be wrong for the rare.
fn conditions<'a>(filter: &'a Filter<'a>) -> (String, Vec<&'a dyn ToSql>) {
    let index = match (filter.scope, filter.kind) {
        (Some(_), Some(_)) => Some(schema::TIMELINE_BY_SCOPE_AND_KIND),
        (Some(_), None) => Some(schema::TIMELINE_BY_SCOPE),
        (None, Some(_)) => Some(schema::TIMELINE_BY_KIND),
        (None, None) => None,
    };
    let index = index.map_or("NOT INDEXED".to_owned(), |name| {
        format!("INDEXED BY {name}")
    });
    let mut sql = format!("{} {index}", schema::TIMELINE);
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
    if let Some(after) = &filter.after {
        demand("id > ?", after);
    }
    if let Some(before) = &filter.before {
        demand("id < ?", before);
    }
    (sql, values)
}

/// The statement that appends an entry: scope, kind, data, time, call.
pub(crate) static INSERT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO {} ({}, {}, data, created_at, call_id) VALUES (?1, ?2, ?3, ?4, ?5)",
        schema::TIMELINE,
        schema::SCOPE,
        schema::TIMELINE_KIND
    )
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Store};

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paige.db");
        let store = Store::open(&path, "/project", Config::default()).unwrap();
        (folder, store)
    }

    /// Entries 1 to 4 of no scope, one a moment.
    fn filled() -> (tempfile::TempDir, Store, Vec<String>) {
        let (folder, store) = store();
        let times = ["a", "b", "a", "c"].map(|kind| {
            std::thread::sleep(std::time::Duration::from_millis(2));
            let log = move |unit: &mut crate::Unit<'_>| -> Result<_, StoreError> {
                unit.log(None, Entry::new(kind, "{}".to_owned()))?;
                Ok(unit.now().to_owned())
            };
            store.commit_blocking(log).unwrap()
        });
        (folder, store, times.to_vec())
    }

    #[test]
    fn a_filter_chooses_entries_and_paging_takes_them_in_order() {
        let (_folder, store, times) = filled();
        let check = |filter: Filter<'_>, limit, expected: &[u32], newest_first: &[u32]| {
            let ids = |entries: Vec<TimelineEntry>| -> Vec<u32> {
                entries.into_iter().map(|entry| entry.id).collect()
            };
            let oldest = store.read(|reader| page(reader, &filter, limit)).unwrap();
            assert_eq!(ids(oldest), expected, "{filter:?}");
            let newest = store.read(|reader| recent(reader, &filter, limit)).unwrap();
            assert_eq!(ids(newest), newest_first, "{filter:?}");
        };
        let all = Filter::default();
        check(all.clone(), 10, &[1, 2, 3, 4], &[4, 3, 2, 1]);
        check(all.clone(), 2, &[1, 2], &[4, 3]);
        let of_kind = Filter {
            kind: Some("a"),
            ..all.clone()
        };
        check(of_kind.clone(), 10, &[1, 3], &[3, 1]);
        let between = Filter {
            after: Some(1),
            before: Some(4),
            ..all.clone()
        };
        check(between, 10, &[2, 3], &[3, 2]);
        let later = Filter {
            since: Some(&times[1]),
            ..of_kind
        };
        check(later, 10, &[3], &[3]);
        let of_nobody = Filter {
            scope: Some(None),
            ..all.clone()
        };
        check(of_nobody, 1, &[1], &[4]);
        let of_somebody = Filter {
            scope: Some(Some(1)),
            ..all.clone()
        };
        check(of_somebody, 10, &[], &[]);
        let in_the_future = Filter {
            since: Some("2999-01-01T00:00:00.000Z"),
            ..all
        };
        check(in_the_future, 10, &[], &[]);
    }

    #[test]
    fn entries_are_counted_by_the_same_filters() {
        let (_folder, store, times) = filled();
        let filter = Filter {
            kind: Some("a"),
            since: Some(&times[0]),
            ..Filter::default()
        };
        assert_eq!(store.read(|reader| count(reader, &filter)), Ok(2));
    }

    /// One look into an index, no scan of the table, no sorting: whatever is asked, of a new file
    /// and of one whose statistics say that most entries are alike.
    #[test]
    fn every_filter_is_answered_by_an_index() {
        let (_folder, store) = store();
        every_filter_uses_an_index(&store);
        store
            .commit_blocking(|unit| {
                for number in 0..5000 {
                    let kind = if number % 100 == 0 { "b" } else { "a" };
                    unit.log(None, Entry::new(kind, None))?;
                }
                unit.row("ANALYZE", [])
            })
            .unwrap();
        let path = store.read(|reader| Ok(reader.conn().path().map(str::to_owned)));
        store.close();
        let path = path.unwrap().unwrap();
        let store = Store::open(path.as_ref(), "/project", Config::default()).unwrap();
        every_filter_uses_an_index(&store);
    }

    fn every_filter_uses_an_index(store: &Store) {
        let scopes = [None, Some(None), Some(Some(1))];
        let filters = scopes.into_iter().flat_map(|scope| {
            (0..8).map(move |bits| Filter {
                scope,
                kind: (bits & 1 > 0).then_some("a"),
                since: None,
                after: (bits & 2 > 0).then_some(1),
                before: (bits & 4 > 0).then_some(9),
            })
        });
        for filter in filters {
            for order in ["ASC", "DESC"] {
                let (sql, mut values) = statement(&filter, order);
                values.push(&20);
                let answer = store
                    .read(|reader| {
                        let explain = format!("EXPLAIN QUERY PLAN {sql}");
                        reader.map(&explain, values.as_slice(), |row| row.get::<_, String>(3))
                    })
                    .unwrap()
                    .join("; ");
                // Without a filter the table itself is in order.
                let scan = filter != Filter::default() && answer.contains("SCAN action_log");
                assert!(
                    !scan && !answer.contains("TEMP B-TREE"),
                    "{filter:?} {order}: {answer}"
                );
            }
        }
    }
}
