//! [`View`]: the database as somebody sees it who only looks.

use std::path::Path;

use rusqlite::Connection;
use rusqlite_migration::Migrations;

use crate::{Config, OpenError, Reader, StoreError, open, schema};

/// The database of one data directory, opened for looking alone.
///
/// It makes no database, brings none up to date, changes no row and takes no lock that a live sidecar
/// would wait for. Beside the file SQLite may make its own `-wal` and `-shm`, by which readers and the
/// writer know of each other.
#[derive(Debug)]
pub struct View {
    conn: Connection,
}

impl View {
    /// Opens the database file at `path`; `None` when there is none, or nothing in it yet.
    ///
    /// # Errors
    /// [`OpenError::Newer`] and [`OpenError::Older`] for a file of another version, which is left as it
    /// is; else what is wrong with the file.
    pub fn open(path: &Path) -> Result<Option<Self>, OpenError> {
        Self::open_with(path, &schema::migrations())
    }

    pub(crate) fn open_with(
        path: &Path,
        migrations: &Migrations<'_>,
    ) -> Result<Option<Self>, OpenError> {
        let conn = open::look(path, &Config::default(), migrations)?;
        Ok(conn.map(|conn| Self { conn }))
    }

    /// Looks within one read transaction, so that everything is of one moment.
    ///
    /// # Errors
    /// What `look` fails with, or the database.
    pub fn snapshot<T>(
        &self,
        look: impl FnOnce(&Reader<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let moment = self.conn.unchecked_transaction()?;
        let seen = look(&Reader::new(&moment))?;
        moment.finish()?;
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{Entry, Store, timeline};

    fn count(view: &View) -> u32 {
        let everything = timeline::Filter::default();
        view.snapshot(|reader| timeline::count(reader, &everything))
            .unwrap()
    }

    #[test]
    fn where_there_is_nothing_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/paige.db");
        assert!(View::open(&path).unwrap().is_none());
        assert!(!folder.path().join("deep").exists());
        let path = folder.path().join("paige.db");
        fs::write(&path, "").unwrap();
        assert!(View::open(&path).unwrap().is_none(), "an empty file");
        assert_eq!(fs::read(&path).unwrap(), b"");
    }

    #[test]
    fn it_sees_what_is_committed_beside_the_writer_and_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paige.db");
        let store = Store::open(&path, "/project", Config::default()).unwrap();
        let write = || store.commit_blocking(|unit| unit.log(None, Entry::new("a", None)));
        write().unwrap();
        let view = View::open(&path).unwrap().unwrap();
        assert_eq!(count(&view), 1);
        let everything = timeline::Filter::default();
        let during = view.snapshot(|reader| {
            let before = timeline::count(reader, &everything)?;
            write()?;
            Ok((before, timeline::count(reader, &everything)?))
        });
        assert_eq!(during, Ok((1, 1)), "one moment");
        assert_eq!(count(&view), 2);
        let changed = view.conn.execute("DELETE FROM action_log", []);
        assert_eq!(
            changed.map_err(StoreError::from),
            Err(StoreError::ReadOnly),
            "it only looks"
        );
        drop(view);
        store.close();
        assert_eq!(count(&View::open(&path).unwrap().unwrap()), 2);
    }

    #[test]
    fn another_version_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paige.db");
        let known = schema::MIGRATIONS.len();
        let older = Migrations::from_slice(&schema::MIGRATIONS[..known - 1]);
        Store::open_with(&path, "/project", Config::default(), &older)
            .unwrap()
            .close();
        let before = fs::read(&path).unwrap();
        let error = View::open(&path).unwrap_err();
        let (old, new) = (known as u32 - 1, known as u32);
        assert!(
            matches!(error, OpenError::Older { found, known, .. } if found == old && known == new),
            "{error}"
        );
        assert_eq!(fs::read(&path).unwrap(), before);
        Store::open(&path, "/project", Config::default())
            .unwrap()
            .close();
        let error = View::open_with(&path, &older).unwrap_err();
        assert!(
            matches!(error, OpenError::Newer { found, known, .. } if found == new && known == old),
            "{error}"
        );
        fs::write(
            &path,
            "This is no database, and it is long enough to be read as one.".repeat(20),
        )
        .unwrap();
        let error = View::open(&path).unwrap_err();
        assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");
    }
}
