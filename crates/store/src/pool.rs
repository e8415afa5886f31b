//! The connections that read. Each is opened at its first use, so that a start does not pay for them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, OpenFlags};

use crate::open::stable_queries;
use crate::{Reader, StoreError};

/// How many prepared statements a connection keeps: more than this crate has.
pub(crate) const STATEMENTS: usize = 256;

pub(crate) struct Pool {
    path: PathBuf,
    size: usize,
    busy_timeout: Duration,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    /// How many exist, idle or lent.
    made: usize,
    closed: bool,
}

impl Pool {
    pub(crate) fn new(path: PathBuf, size: usize, busy_timeout: Duration) -> Self {
        Self {
            path,
            size,
            busy_timeout,
            state: Mutex::default(),
            returned: Condvar::new(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Lends a connection to `look`. Waits for one at most as long as for a lock.
    pub(crate) fn read<T>(
        &self,
        look: impl FnOnce(&Reader<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let lent = Lent {
            conn: Some(self.take()?),
            pool: self,
        };
        match &lent.conn {
            Some(conn) => look(&Reader::new(conn)),
            None => Err(StoreError::Closed),
        }
    }

    /// The same within one read transaction, so that everything is of one moment.
    pub(crate) fn snapshot<T>(
        &self,
        look: impl FnOnce(&Reader<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.read(|reader| {
            reader.conn().prepare_cached("BEGIN")?.execute([])?;
            let seen = look(reader)?;
            reader.conn().prepare_cached("COMMIT")?.execute([])?;
            Ok(seen)
        })
    }

    /// Closes every idle connection now, and the lent ones when they come back.
    pub(crate) fn close(&self) {
        let idle = {
            let mut state = self.state.lock();
            state.closed = true;
            std::mem::take(&mut state.idle)
        };
        self.returned.notify_all();
        drop(idle);
    }

    fn take(&self) -> Result<Connection, StoreError> {
        let deadline = Instant::now() + self.busy_timeout;
        let mut state = self.state.lock();
        loop {
            if state.closed {
                return Err(StoreError::Closed);
            }
            if let Some(conn) = state.idle.pop() {
                return Ok(conn);
            }
            if state.made < self.size {
                state.made += 1;
                break;
            }
            if self.returned.wait_until(&mut state, deadline).timed_out() {
                return Err(StoreError::Locked);
            }
        }
        drop(state);
        self.connect().inspect_err(|_| {
            self.state.lock().made -= 1;
            self.returned.notify_one();
        })
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&self.path, flags)?;
        conn.busy_timeout(self.busy_timeout)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        stable_queries(&conn)?;
        Ok(conn)
    }
}

/// A connection that goes back even if its user fails or panics in the midst of a transaction.
struct Lent<'p> {
    conn: Option<Connection>,
    pool: &'p Pool,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        let fit = conn.is_autocommit() || conn.execute_batch("ROLLBACK").is_ok();
        let mut state = self.pool.state.lock();
        if fit && !state.closed {
            state.idle.push(conn);
        } else {
            state.made -= 1;
        }
        drop(state);
        self.pool.returned.notify_one();
    }
}
