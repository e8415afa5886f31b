//! Opening the file: what can be wrong with it is found before anything is written.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use crate::error::MemoryError;

/// The numbered migrations, oldest first. One that was released is never changed, only followed.
const STEPS: &[M<'static>] = &[M::up(include_str!("../../migrations/0001_memories.sql"))];
const MIGRATIONS: Migrations<'static> = Migrations::from_slice(STEPS);

/// `application_id` of our files: "PAGM".
const APPLICATION_ID: i64 = 0x5041_474D;

/// How long to wait for another process that writes, such as a `paige-sidecar memory forget`.
const BUSY: Duration = Duration::from_secs(5);

pub(super) fn open(path: &Path) -> Result<Connection, MemoryError> {
    let failed = |detail: &str| MemoryError::Open {
        path: path.to_owned(),
        detail: detail.to_owned(),
    };
    match create_private(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(failed(&error.to_string()));
        }
        _ => {}
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(path, flags).map_err(|e| failed(&e.to_string()))?;
    conn.busy_timeout(BUSY)?;
    examine(path, &conn)?;
    let mode: String =
        conn.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        return Err(failed("the file system cannot hold a write-ahead log"));
    }
    // What is deleted is overwritten. The log is cut back to this size after a flood.
    conn.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA secure_delete = ON;
         PRAGMA journal_size_limit = 4194304;
         PRAGMA temp_store = MEMORY;",
    )?;
    match MIGRATIONS.to_latest(&mut conn) {
        Ok(()) => Ok(conn),
        Err(rusqlite_migration::Error::RusqliteError { err, .. }) => Err(err.into()),
        Err(error) => Err(failed(&error.to_string())),
    }
}

/// Is it a database, ours, and not too new? Changes nothing.
fn examine(path: &Path, conn: &Connection) -> Result<(), MemoryError> {
    let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    if tables > 0 && number("PRAGMA application_id")? != APPLICATION_ID {
        return Err(MemoryError::Foreign {
            path: path.to_owned(),
        });
    }
    let found = u32::try_from(number("PRAGMA user_version")?).unwrap_or(u32::MAX);
    let pending = MIGRATIONS
        .pending_migrations(conn)
        .map_err(|error| MemoryError::Sql(error.to_string()))?;
    if pending < 0 {
        return Err(MemoryError::Newer {
            path: path.to_owned(),
            found,
            known: found.saturating_add_signed(pending),
        });
    }
    Ok(())
}

/// Makes the file if there is none, for its owner alone. SQLite gives its side files the same mode.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}
