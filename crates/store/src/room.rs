//! Room in the write-ahead log. A commit that makes the log longer has the file system write down the
//! new length as well, which takes as long again as the commit itself; one that writes over what is
//! there has not. SQLite starts the log over from its beginning and leaves it as long as it is, so that
//! lengthening it once is enough.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::path::Path;

/// How long the log is made: longer than it gets before SQLite starts it over, which is with the first
/// commit after 1000 pages.
pub(crate) const ROOM: u64 = 5 << 20;

/// Lengthens the log of the database at `path` with zeros to [`ROOM`], which may take some milliseconds.
///
/// This needs no lock. SQLite takes what comes after the last whole commit for the rest of an older log,
/// and passes it over; zeros that are appended replace nothing that another has written meanwhile; and
/// on a log that is gone there is nothing to do.
pub(crate) fn make(path: &Path) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    let mut log = match OpenOptions::new().append(true).open(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        log => log?,
    };
    let missing = ROOM.saturating_sub(log.metadata()?.len());
    io::copy(&mut io::repeat(0).take(missing), &mut log)?;
    // Or the next commit would have to wait for it.
    log.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{Config, Entry, Store, StoreError, timeline};

    fn log(store: &Store, count: u32) {
        for _ in 0..count {
            store
                .commit_blocking(|unit| -> Result<_, StoreError> {
                    unit.log(None, Entry::new("a", None))
                })
                .unwrap();
        }
    }

    fn count(store: &Store) -> u32 {
        store
            .read(|reader| timeline::count(reader, &timeline::Filter::default()))
            .unwrap()
    }

    fn open(path: &Path) -> Store {
        Store::open(path, "/project", Config::default()).unwrap()
    }

    /// What a kill would leave: the files as they are while the store is open.
    fn killed(path: &Path, at: &Path) -> Store {
        fs::copy(path, at).unwrap();
        fs::copy(path.with_extension("db-wal"), at.with_extension("db-wal")).unwrap();
        open(at)
    }

    #[test]
    fn commits_fill_the_room_and_a_kill_loses_none_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paige.db");
        let store = open(&path);
        let length = || fs::metadata(path.with_extension("db-wal")).unwrap().len();
        log(&store, 3);
        store.make_room();
        assert_eq!(length(), ROOM);
        let at_once = killed(&path, &folder.path().join("at-once.db"));
        assert_eq!(count(&at_once), 3);

        // More pages than there is room for, if the log were not started over.
        log(&store, 600);
        assert_eq!(length(), ROOM);
        let later = killed(&path, &folder.path().join("later.db"));
        assert_eq!(count(&later), 603);
        log(&later, 1);
        assert_eq!(count(&later), 604);
    }

    #[test]
    fn room_in_an_empty_log_and_in_none_is_harmless() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paige.db");
        drop(open(&path));
        let store = open(&path);
        store.make_room();
        log(&store, 2);
        let later = killed(&path, &folder.path().join("later.db"));
        assert_eq!(count(&later), 2);

        store.close();
        store.make_room();
        assert!(!path.with_extension("db-wal").exists());
    }
}
