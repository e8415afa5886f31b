//! [`Unit`]: the one way to change anything, and [`Reader`], the one way to look.

use std::ops::Deref;
use std::sync::Arc;

use rusqlite::{Connection, Params};

use crate::StoreError;
use crate::outbox::{Push, signed};
use crate::row::FromRow;
use crate::timeline::{self, Entry, TimelineEntry};

/// A look into the database. The typed functions of the desks take one; a [`Unit`] is one as well
/// and sees its own changes.
pub struct Reader<'c> {
    conn: &'c Connection,
}

impl<'c> Reader<'c> {
    pub(crate) fn new(conn: &'c Connection) -> Self {
        Self { conn }
    }

    pub(crate) fn conn(&self) -> &'c Connection {
        self.conn
    }

    /// Every row, each made by `read`.
    pub(crate) fn map<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map(params, read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Every row, typed.
    pub(crate) fn all<T: FromRow>(
        &self,
        sql: &str,
        params: impl Params,
    ) -> Result<Vec<T>, StoreError> {
        self.map(sql, params, T::from_row)
    }

    /// The first row, typed, if there is one.
    pub(crate) fn one<T: FromRow>(
        &self,
        sql: &str,
        params: impl Params,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        Ok(rows.next()?.map(T::from_row).transpose()?)
    }

    /// The first column of the first row.
    pub(crate) fn value<T: rusqlite::types::FromSql>(
        &self,
        sql: &str,
        params: impl Params,
    ) -> Result<T, StoreError> {
        Ok(self
            .conn
            .prepare_cached(sql)?
            .query_row(params, |row| row.get(0))?)
    }
}

/// What the units of one transaction want to have told once it is committed.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) entries: Vec<Arc<TimelineEntry>>,
    pub(crate) pushes: Vec<Arc<Push>>,
    /// The newest number given out, and the bytes kept, if all of it is committed.
    pub(crate) head: u64,
    pub(crate) bytes: u64,
    /// The last error of a statement that changed something: the reason, should SQLite end the
    /// transaction for it.
    pub(crate) trouble: Option<StoreError>,
}

/// A point in [`Effects`] to go back to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    entries: usize,
    pushes: usize,
    head: u64,
    bytes: u64,
}

impl Effects {
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            entries: self.entries.len(),
            pushes: self.pushes.len(),
            head: self.head,
            bytes: self.bytes,
        }
    }

    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.entries.truncate(mark.entries);
        self.pushes.truncate(mark.pushes);
        self.head = mark.head;
        self.bytes = mark.bytes;
    }
}

/// A unit of work: row changes, timeline entries and pushes that become true together or not at all
/// (blueprint §2). It runs where the one writer is, so it must be quick and must not wait for anything.
pub struct Unit<'c> {
    reader: Reader<'c>,
    stream_id: i64,
    now: &'c str,
    effects: &'c mut Effects,
    /// The call that this unit belongs to.
    call_id: Option<Arc<str>>,
}

impl<'c> Deref for Unit<'c> {
    type Target = Reader<'c>;

    fn deref(&self) -> &Reader<'c> {
        &self.reader
    }
}

impl<'c> Unit<'c> {
    pub(crate) fn new(
        conn: &'c Connection,
        stream_id: i64,
        now: &'c str,
        effects: &'c mut Effects,
    ) -> Self {
        Self {
            reader: Reader::new(conn),
            stream_id,
            now,
            effects,
            call_id: None,
        }
    }

    /// Says to which call all belongs that this unit puts on the timeline from now on.
    pub fn belongs_to(&mut self, call_id: Option<Arc<str>>) {
        self.call_id = call_id;
    }

    /// The time of this unit: one for all that it writes (ISO 8601 UTC with milliseconds).
    pub fn now(&self) -> &'c str {
        self.now
    }

    /// Puts an entry on the timeline and returns its number. Subscribers hear of it after the commit.
    pub fn log(&mut self, scope: Option<u32>, entry: Entry) -> Result<u32, StoreError> {
        let at = self.now;
        self.log_at(scope, entry, at.to_owned())
    }

    /// Pushes a message to all clients and returns its number. `payload` is JSON text; from
    /// `expires_at` on it must not be delivered any more. Clients hear of it after the commit.
    pub fn push(
        &mut self,
        kind: impl Into<String>,
        payload: String,
        expires_at: Option<String>,
    ) -> Result<u64, StoreError> {
        let push = Push {
            seq: self.effects.head + 1,
            kind: kind.into(),
            payload,
            at: self.now.to_owned(),
            expires_at,
        };
        self.row(
            "INSERT INTO outbox (stream_id, seq, kind, payload, at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (
                self.stream_id,
                signed(push.seq),
                &push.kind,
                &push.payload,
                &push.at,
                &push.expires_at,
            ),
        )?;
        let seq = push.seq;
        self.effects.head = seq;
        self.effects.bytes += push.size();
        self.effects.pushes.push(Arc::new(push));
        Ok(seq)
    }

    pub(crate) fn log_at(
        &mut self,
        scope: Option<u32>,
        entry: Entry,
        at: String,
    ) -> Result<u32, StoreError> {
        let call_id = entry.call_id.or_else(|| self.call_id.clone());
        let id = self.insert(
            &timeline::INSERT,
            (scope, &*entry.kind, &entry.data, &at, call_id.as_deref()),
        )?;
        self.effects.entries.push(Arc::new(TimelineEntry {
            id,
            scope,
            kind: entry.kind,
            data: entry.data,
            at,
            call_id,
        }));
        Ok(id)
    }

    /// Changes rows; returns how many.
    pub(crate) fn row(&mut self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        let changed = self
            .reader
            .conn
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params));
        self.noting(changed)
    }

    /// Adds one row and returns its id.
    pub(crate) fn insert(&mut self, sql: &str, params: impl Params) -> Result<u32, StoreError> {
        self.row(sql, params)?;
        let id = self.reader.conn.last_insert_rowid();
        u32::try_from(id).map_err(|_| StoreError::Sql(format!("the id {id} is out of range")))
    }

    /// Changes one row and returns it as it is now; `None` if there was none to change.
    pub(crate) fn change<T: FromRow>(
        &mut self,
        sql: &str,
        params: impl Params,
    ) -> Result<Option<T>, StoreError> {
        let changed = self
            .reader
            .conn
            .prepare_cached(sql)
            .and_then(|mut statement| {
                let mut rows = statement.query(params)?;
                let row = rows.next()?.map(T::from_row).transpose()?;
                // Such a statement is done only when it has been asked for all its rows.
                while rows.next()?.is_some() {}
                Ok(row)
            });
        self.noting(changed)
    }

    fn noting<T>(&mut self, result: rusqlite::Result<T>) -> Result<T, StoreError> {
        result.map_err(|error| {
            let error = StoreError::from(error);
            self.effects.trouble = Some(error.clone());
            error
        })
    }

    /// Adds one row and returns it.
    pub(crate) fn add<T: FromRow>(
        &mut self,
        sql: &str,
        params: impl Params,
    ) -> Result<T, StoreError> {
        self.change(sql, params)?
            .ok_or_else(|| StoreError::Sql("the row that was added did not come back".to_owned()))
    }
}
