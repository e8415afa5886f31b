//! The outbox: every message pushed to clients, in the transaction that made it true, so that a
//! crash never loses a push for something that was kept (blueprint §2).

use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use crate::unit::Reader;
use crate::{StoreError, time};

/// Where a client stands in the sequence of pushes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The random id of this database and project.
    pub stream: String,
    /// The number of the last push; 0 before the first.
    pub seq: u64,
}

/// A message pushed to all clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Its number in its stream: contiguous, from 1.
    pub seq: u64,
    /// The message's type on the wire.
    pub kind: String,
    /// The message's payload, as JSON text.
    pub payload: String,
    /// When it was made (ISO 8601 UTC with milliseconds).
    pub at: String,
    /// From when on it must not be delivered any more.
    pub expires_at: Option<String>,
}

impl Push {
    /// What it counts towards the outbox's size, in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.payload.len() as u64
    }
}

/// The stream of one project in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stream {
    /// The row.
    pub(crate) id: i64,
    /// The id that clients see.
    pub(crate) stream: String,
    /// The newest number given out.
    pub(crate) head: u64,
    /// The bytes of payload kept.
    pub(crate) bytes: u64,
    /// The oldest number that is kept; `head + 1` when none is.
    pub(crate) oldest: u64,
}

/// SQLite's integers are signed; ours of this file never reach the difference.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// The stream of a project, made at its first use.
pub(crate) fn stream(conn: &Connection, project_dir: &str) -> rusqlite::Result<Stream> {
    let find = || {
        conn.query_row(
            "SELECT id, stream,
                    ifnull((SELECT min(seq) FROM outbox WHERE stream_id = streams.id), head + 1)
             FROM streams WHERE project_dir = ?1",
            [project_dir],
            |row| {
                let id = row.get(0)?;
                let Extent { head, bytes, .. } = extent(conn, id)?;
                Ok(Stream {
                    id,
                    stream: row.get(1)?,
                    head,
                    bytes,
                    oldest: unsigned(row.get(2)?),
                })
            },
        )
    };
    match find() {
        Err(rusqlite::Error::QueryReturnedNoRows) => {
            conn.execute(
                "INSERT INTO streams (stream, project_dir, created_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (project_dir) DO NOTHING",
                [
                    uuid::Uuid::new_v4().simple().to_string(),
                    project_dir.to_owned(),
                    time::now(),
                ],
            )?;
            find()
        }
        found => found,
    }
}

/// How far a stream goes, and how large it is.
struct Extent {
    head: u64,
    bytes: u64,
    /// How many pushes its row does not yet count.
    uncounted: u64,
}

/// What the row of a stream counts, and the pushes that came after.
fn extent(conn: &Connection, stream_id: i64) -> rusqlite::Result<Extent> {
    conn.prepare_cached(
        "SELECT streams.head, streams.bytes, max(seq), ifnull(sum(octet_length(payload)), 0)
         FROM streams LEFT JOIN outbox ON stream_id = streams.id AND seq > streams.head
         WHERE streams.id = ?1",
    )?
    .query_row([stream_id], |row| {
        let (counted, bytes) = (unsigned(row.get(0)?), unsigned(row.get(1)?));
        let head = row.get::<_, Option<i64>>(2)?.map_or(counted, unsigned);
        Ok(Extent {
            head,
            bytes: bytes + unsigned(row.get(3)?),
            uncounted: head - counted,
        })
    })
}

/// Every stream of the file.
pub(crate) fn streams(conn: &Connection) -> rusqlite::Result<Vec<i64>> {
    conn.prepare_cached("SELECT id FROM streams")?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// The pushes of a stream with `after < seq <= up_to`, at most `limit`, in their order.
pub(crate) fn replay(
    reader: &Reader<'_>,
    stream_id: i64,
    after: u64,
    up_to: u64,
    limit: usize,
) -> Result<Vec<Arc<Push>>, StoreError> {
    reader.map(
        "SELECT seq, kind, payload, at, expires_at FROM outbox
         WHERE stream_id = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq LIMIT ?4",
        (
            stream_id,
            signed(after),
            signed(up_to),
            i64::try_from(limit).unwrap_or(i64::MAX),
        ),
        |row| {
            Ok(Arc::new(Push {
                seq: unsigned(row.get(0)?),
                kind: row.get(1)?,
                payload: row.get(2)?,
                at: row.get(3)?,
                expires_at: row.get(4)?,
            }))
        },
    )
}

/// The pushes of a stream of this time: the number before the first, and that of the last.
pub(crate) fn between(
    reader: &Reader<'_>,
    stream_id: i64,
    from: &str,
    to: Option<&str>,
) -> Result<(u64, u64), StoreError> {
    let found = reader.map(
        "SELECT min(seq), max(seq) FROM outbox
         WHERE stream_id = ?1 AND at >= ?2 AND (?3 IS NULL OR at <= ?3)",
        (stream_id, from, to),
        |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?)),
    )?;
    Ok(match found.first() {
        Some((Some(first), Some(last))) => (unsigned(first - 1), unsigned(*last)),
        _ => (0, 0),
    })
}

/// The most rows that one pruning takes away, so that a waiting unit is never held up for long.
const PRUNE_ROWS: usize = 500;

/// How many pushes may come until the row of their stream counts them, so that a start has not many
/// to look at.
const COUNT_AFTER: u64 = 1000;

/// What a pruning did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pruned {
    /// The oldest number that is kept now.
    pub(crate) oldest: u64,
    /// The bytes of payload kept now.
    pub(crate) bytes: u64,
    /// Whether there is more to take away.
    pub(crate) more: bool,
}

/// Takes away the oldest pushes of a stream that are older than `keep` or beyond `max_bytes`.
pub(crate) fn prune(
    conn: &Connection,
    stream_id: i64,
    keep: Duration,
    max_bytes: u64,
    now_millis: i64,
) -> rusqlite::Result<Pruned> {
    let keep_millis = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
    let too_old = time::from_millis(now_millis.saturating_sub(keep_millis).max(0));
    let tx = conn.unchecked_transaction()?;
    let Extent {
        head,
        mut bytes,
        uncounted,
    } = extent(&tx, stream_id)?;
    let mut oldest = head + 1;
    let mut gone = 0;
    let mut up_to = None;
    {
        let mut statement = tx.prepare_cached(
            "SELECT seq, at, octet_length(payload) FROM outbox WHERE stream_id = ?1 ORDER BY seq",
        )?;
        let mut rows = statement.query([stream_id])?;
        while let Some(row) = rows.next()? {
            let seq: i64 = row.get(0)?;
            let at = row.get_ref(1)?.as_str()?;
            let expendable = bytes > max_bytes || at < too_old.as_str();
            if gone == PRUNE_ROWS || !expendable {
                oldest = unsigned(seq);
                break;
            }
            up_to = Some(seq);
            gone += 1;
            bytes = bytes.saturating_sub(unsigned(row.get(2)?));
        }
    }
    if let Some(up_to) = up_to {
        tx.execute(
            "DELETE FROM outbox WHERE stream_id = ?1 AND seq <= ?2",
            (stream_id, up_to),
        )?;
    }
    if up_to.is_some() || uncounted >= COUNT_AFTER {
        tx.execute(
            "UPDATE streams SET head = ?2, bytes = ?3 WHERE id = ?1",
            (stream_id, signed(head), signed(bytes)),
        )?;
    }
    tx.commit()?;
    Ok(Pruned {
        oldest,
        bytes,
        more: gone == PRUNE_ROWS,
    })
}

/// Takes the pushes of a stream away that were made up to `until`, and every one before them, so that
/// no gap comes to be; all of them without a time. Returns how many. A [`Store`](crate::Store) that is
/// open does not hear of it.
pub(crate) fn take_out(
    conn: &Connection,
    stream_id: i64,
    until: Option<&str>,
) -> rusqlite::Result<usize> {
    let Extent { head, bytes, .. } = extent(conn, stream_id)?;
    let up_to: i64 = match until {
        None => signed(head),
        Some(until) => conn.query_row(
            "SELECT ifnull(max(seq), 0) FROM outbox WHERE stream_id = ?1 AND at <= ?2",
            (stream_id, until),
            |row| row.get(0),
        )?,
    };
    let gone: i64 = conn.query_row(
        "SELECT ifnull(sum(octet_length(payload)), 0) FROM outbox WHERE stream_id = ?1 AND seq <= ?2",
        (stream_id, up_to),
        |row| row.get(0),
    )?;
    let count = conn.execute(
        "DELETE FROM outbox WHERE stream_id = ?1 AND seq <= ?2",
        (stream_id, up_to),
    )?;
    conn.execute(
        "UPDATE streams SET head = ?2, bytes = ?3 WHERE id = ?1",
        (
            stream_id,
            signed(head),
            signed(bytes.saturating_sub(unsigned(gone))),
        ),
    )?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Store};

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const NOON: i64 = 1_770_811_200_000;

    /// A stream with `count` pushes of 10 bytes, one an hour, the last at `NOON`.
    fn stream_of(count: u64) -> (tempfile::TempDir, Connection, Stream) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paige.db");
        let conn =
            crate::open::open(&path, &Config::default(), &crate::schema::migrations()).unwrap();
        let id = stream(&conn, "/project").unwrap().id;
        let tx = conn.unchecked_transaction().unwrap();
        for seq in 1..=count {
            let hours_ago = i64::try_from(count - seq).unwrap();
            conn.execute(
                "INSERT INTO outbox (stream_id, seq, kind, payload, at) VALUES (?1, ?2, 'a', '\"01234567\"', ?3)",
                (id, signed(seq), time::from_millis(NOON - hours_ago * 3_600_000)),
            )
            .unwrap();
        }
        conn.execute(
            "UPDATE streams SET head = ?2, bytes = ?2 * 10 WHERE id = ?1",
            (id, signed(count)),
        )
        .unwrap();
        tx.commit().unwrap();
        let stream = stream(&conn, "/project").unwrap();
        (folder, conn, stream)
    }

    #[test]
    fn pruning_takes_what_is_too_old_or_too_much_from_the_beginning() {
        let check = |count, keep, max_bytes, expected: Pruned| {
            let (_folder, conn, before) = stream_of(count);
            let pruned = prune(&conn, before.id, keep, max_bytes, NOON).unwrap();
            assert_eq!(pruned, expected);
            let after = stream(&conn, "/project").unwrap();
            let Pruned { oldest, bytes, .. } = pruned;
            assert_eq!(
                after,
                Stream {
                    oldest,
                    bytes,
                    ..before
                }
            );
        };
        let pruned = |oldest, bytes, more| Pruned {
            oldest,
            bytes,
            more,
        };
        check(0, DAY, 1000, pruned(1, 0, false));
        check(10, DAY, 1000, pruned(1, 100, false));
        check(100, DAY, 1000, pruned(76, 250, false));
        check(10, DAY, 30, pruned(8, 30, false));
        check(10, DAY, 5, pruned(11, 0, false));
        check(600, DAY * 100, 100, pruned(501, 1000, true));
    }

    #[test]
    fn what_is_taken_out_leaves_no_gap_and_the_numbers_as_they_are() {
        let check = |until: Option<i64>, expected, oldest| {
            let (_folder, conn, before) = stream_of(10);
            let until = until.map(|hours_ago| time::from_millis(NOON - hours_ago * 3_600_000));
            let count = take_out(&conn, before.id, until.as_deref()).unwrap();
            assert_eq!(count, expected);
            let after = stream(&conn, "/project").unwrap();
            let bytes = before.bytes - 10 * u64::try_from(expected).unwrap();
            assert_eq!(
                after,
                Stream {
                    oldest,
                    bytes,
                    ..before
                }
            );
        };
        check(Some(24), 0, 1);
        check(Some(4), 6, 7);
        check(Some(0), 10, 11);
        check(None, 10, 11);
    }

    #[test]
    fn a_stream_whose_pushes_are_all_gone_keeps_its_numbers() {
        let (_folder, conn, before) = stream_of(10);
        prune(&conn, before.id, Duration::ZERO, 0, NOON + 1).unwrap();
        let after = stream(&conn, "/project").unwrap();
        assert_eq!((after.head, after.oldest), (10, 11));
    }

    #[test]
    fn the_pushes_of_a_time_are_found() {
        let (_folder, conn, stream) = stream_of(10);
        let at = |hours_ago: i64| time::from_millis(NOON - hours_ago * 3_600_000);
        let reader = Reader::new(&conn);
        let check = |from, to: Option<i64>, expected| {
            let to = to.map(at);
            let found = between(&reader, stream.id, &at(from), to.as_deref()).unwrap();
            assert_eq!(found, expected);
        };
        check(3, Some(1), (6, 9));
        check(3, None, (6, 10));
        check(99, Some(8), (0, 2));
        check(99, Some(50), (0, 0));
        check(-1, None, (0, 0));
    }

    #[test]
    fn a_flood_is_pruned_while_it_lasts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paige.db");
        let config = Config {
            outbox_max_bytes: 1 << 20,
            ..Config::default()
        };
        let store = Store::open(&path, "/project", config).unwrap();
        let payload = format!("\"{}\"", "x".repeat(100_000 - 2));
        for _ in 0..40 {
            let payload = payload.clone();
            store
                .commit_blocking(move |unit| unit.push("a", payload, None))
                .unwrap();
        }
        // The last commit's pruning comes after its answer; the next unit waits for it.
        store.commit_blocking(|_| Ok::<_, StoreError>(())).unwrap();
        let oldest = store.outbox_oldest();
        assert!(oldest > 20, "{oldest}");
        let kept = store.outbox(0, u64::MAX, 1000).unwrap();
        assert_eq!(kept.first().unwrap().seq, oldest);
        assert_eq!(kept.last().unwrap().seq, 40);
        assert_eq!(store.cursor().seq, 40);
    }
}
