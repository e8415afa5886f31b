//! [`Eraser`]: the file while nobody serves from it, for taking things out of it for good.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::open::copies_of;
use crate::unit::Effects;
use crate::{Config, OpenError, Reader, StoreError, Unit, open, schema, time};

/// The database of one data directory, without a writer thread and without a stream.
///
/// Deleting rows leaves their bytes in the file. What is taken out here is overwritten
/// (`secure_delete`), and [`scrub`](Self::scrub) writes the file anew and empties its log. The caller
/// sees to it that no other process has the file open.
pub struct Eraser {
    path: PathBuf,
    conn: Connection,
}

impl Eraser {
    /// Opens the database at `path`, brought up to date as [`Store::open`](crate::Store::open) does.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let config = Config::default();
        let conn = open::open(path, &config, &schema::migrations())?;
        conn.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))
            .map_err(|error| OpenError::from_store(path, config.busy_timeout, error.into()))?;
        Ok(Self {
            path: path.to_owned(),
            conn,
        })
    }

    /// Copies of the whole file that were made beside it before it was brought up to date: what is
    /// taken out of the file is still in them.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn copies(&self) -> std::io::Result<Vec<PathBuf>> {
        copies_of(&self.path)
    }

    /// Looks without changing anything.
    pub fn look<T>(
        &self,
        look: impl FnOnce(&Reader<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        look(&Reader::new(&self.conn))
    }

    /// Takes things out: all that `work` does, or nothing when it fails.
    pub fn take_out<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&mut Erasure<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let failed = |error: rusqlite::Error| E::from(error.into());
        // Dropped without a commit, it is undone.
        let transaction = self
            .conn
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(failed)?;
        let now = time::now();
        let mut effects = Effects::default();
        // No stream has this number, so that a push would be refused.
        let done = work(&mut Erasure(Unit::new(&transaction, 0, &now, &mut effects)))?;
        transaction.commit().map_err(failed)?;
        Ok(done)
    }

    /// Writes the file anew without what was taken out, and empties its log. It needs room for a
    /// second file meanwhile.
    ///
    /// # Errors
    /// What was taken out is overwritten all the same, but parts of it may still be in the log.
    pub fn scrub(&self) -> Result<(), StoreError> {
        // What the planner knows of tables are samples of their values.
        let has_samples: bool = self.conn.query_row(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1')",
            [],
            |row| row.get(0),
        )?;
        if has_samples {
            self.conn.execute_batch("ANALYZE")?;
        }
        self.conn.execute_batch("VACUUM")?;
        let is_busy: bool = self
            .conn
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if is_busy {
            return Err(StoreError::Locked);
        }
        Ok(())
    }

    /// Closes the file; its log goes with that.
    pub fn close(self) -> Result<(), StoreError> {
        self.conn.close().map_err(|(_, error)| error.into())
    }
}

/// A [`Unit`] in which things may be taken out that a [`Store`](crate::Store) counts on.
pub struct Erasure<'c>(Unit<'c>);

impl<'c> Deref for Erasure<'c> {
    type Target = Unit<'c>;

    fn deref(&self) -> &Unit<'c> {
        &self.0
    }
}

impl DerefMut for Erasure<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
