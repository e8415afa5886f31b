//! Opening the file: everything that can be wrong with it is found here, before anything is written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags};
use rusqlite_migration::Migrations;

use crate::config::{Config, Synchronous};
use crate::pool::STATEMENTS;
use crate::schema;
use crate::{OpenError, StoreError};

/// Opens, checks and brings up to date the database at `path`, and returns the connection that may
/// write.
pub(crate) fn open(
    path: &Path,
    config: &Config,
    migrations: &Migrations<'_>,
) -> Result<Connection, OpenError> {
    let problems = config.validate();
    if !problems.is_empty() {
        return Err(OpenError::Config(problems));
    }
    let opening = Opening { path, config };
    opening.make()?;
    let log_left_over = fs::metadata(opening.beside("-wal")).is_ok_and(|log| log.len() > 0);
    let mut conn = opening.connect_to_write()?;
    match opening.examine(&conn, migrations) {
        Ok(version) => {
            opening.make_private();
            opening.prepare(&conn)?;
            opening.migrate(&mut conn, version, migrations)?;
            Ok(conn)
        }
        Err(error) => {
            // What a crashed newer Paige left in its log must not be moved into the file by us.
            let _ = conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, log_left_over);
            Err(error)
        }
    }
}

/// Opens the database at `path` for looking, if there is one with something in it, and changes nothing.
pub(crate) fn look(
    path: &Path,
    config: &Config,
    migrations: &Migrations<'_>,
) -> Result<Option<Connection>, OpenError> {
    let opening = Opening { path, config };
    match fs::metadata(path) {
        Ok(file) if file.len() == 0 => return Ok(None),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(opening.unreadable(&error.to_string())),
    }
    let conn = opening
        .connect(OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| match error {
            OpenError::Io { detail, .. } => opening.unreadable(&detail),
            error => error,
        })?;
    let found = opening.examine(&conn, migrations)?;
    let pending = migrations
        .pending_migrations(&conn)
        .map_err(|error| opening.migration(found, found, &error, None))?;
    match (found, pending) {
        (0, _) => Ok(None),
        (_, 0) => Ok(Some(conn)),
        _ => Err(OpenError::Older {
            path: path.to_owned(),
            found,
            known: found.saturating_add_signed(pending),
        }),
    }
}

struct Opening<'a> {
    path: &'a Path,
    config: &'a Config,
}

impl Opening<'_> {
    /// The file of the same name with `suffix` after it.
    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    }

    fn error(&self, error: impl Into<StoreError>) -> OpenError {
        OpenError::from_store(self.path, self.config.busy_timeout, error.into())
    }

    fn io(&self, error: &io::Error) -> OpenError {
        let path = self.path.to_owned();
        match error.kind() {
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                OpenError::ReadOnly { path }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => OpenError::Full { path },
            _ => OpenError::Io {
                path,
                detail: error.to_string(),
            },
        }
    }

    /// Makes the file if there is none. It holds what a person wrote and did: for its owner alone.
    /// SQLite gives its side files the same mode.
    fn make(&self) -> Result<(), OpenError> {
        match create_private(self.path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(self.io(&error)),
        }
        let metadata = fs::metadata(self.path).map_err(|error| self.io(&error))?;
        if metadata.is_file() {
            return Ok(());
        }
        Err(OpenError::Io {
            path: self.path.to_owned(),
            detail: "it is not a file".to_owned(),
        })
    }

    /// Narrows the mode of a file of ours that others may read.
    fn make_private(&self) {
        if let Err(error) = narrow(self.path) {
            tracing::warn!(
                path = %self.path.display(),
                %error,
                "Whether others may read the database could not be seen or changed."
            );
        }
    }

    fn unreadable(&self, detail: &str) -> OpenError {
        OpenError::Unreadable {
            path: self.path.to_owned(),
            detail: detail.to_owned(),
        }
    }

    fn connect(&self, mode: OpenFlags) -> Result<Connection, OpenError> {
        let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn =
            Connection::open_with_flags(self.path, flags).map_err(|error| self.error(error))?;
        conn.busy_timeout(self.config.busy_timeout)
            .map_err(|error| self.error(error))?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        stable_queries(&conn).map_err(|error| self.error(error))?;
        Ok(conn)
    }

    fn connect_to_write(&self) -> Result<Connection, OpenError> {
        let conn = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // SQLite opens what it may not write for reading only, without saying so.
        if conn
            .is_readonly(MAIN_DB)
            .map_err(|error| self.error(error))?
        {
            return Err(OpenError::ReadOnly {
                path: self.path.to_owned(),
            });
        }
        Ok(conn)
    }

    /// Looks without changing anything: is it a database, ours, whole, and not too new? Returns its
    /// version, 0 for an empty file.
    fn examine(&self, conn: &Connection, migrations: &Migrations<'_>) -> Result<u32, OpenError> {
        let number = |pragma: &str| {
            conn.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))
                .map_err(|error| self.error(error))
        };
        let found = u32::try_from(number("user_version")?).unwrap_or(u32::MAX);
        let pending = migrations
            .pending_migrations(conn)
            .map_err(|error| self.migration(found, found, &error, None))?;
        if pending < 0 {
            return Err(OpenError::Newer {
                path: self.path.to_owned(),
                found,
                known: found.saturating_add_signed(pending),
            });
        }
        let tables: i64 = conn
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(|error| self.error(error))?;
        if tables > 0 && number("application_id")? != schema::APPLICATION_ID {
            return Err(OpenError::Foreign {
                path: self.path.to_owned(),
            });
        }
        if self.config.check {
            let verdict: String = conn
                .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
                .map_err(|error| self.error(error))?;
            if verdict != "ok" {
                return Err(OpenError::Corrupt {
                    path: self.path.to_owned(),
                    detail: verdict,
                });
            }
        }
        Ok(found)
    }

    /// The settings of the connection that writes.
    fn prepare(&self, conn: &Connection) -> Result<(), OpenError> {
        let mode: String = conn
            .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
            .map_err(|error| self.error(error))?;
        if mode != "wal" {
            return Err(OpenError::Io {
                path: self.path.to_owned(),
                detail: format!(
                    "the file system cannot hold a write-ahead log, the journal mode stays {mode}"
                ),
            });
        }
        let synchronous = match self.config.synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Off => "OFF",
        };
        // The log is cut back to this size after a flood. Temporary structures stay in memory.
        conn.execute_batch(&format!(
            "PRAGMA synchronous = {synchronous};
             PRAGMA foreign_keys = ON;
             PRAGMA journal_size_limit = 67108864;
             PRAGMA temp_store = MEMORY;"
        ))
        .map_err(|error| self.error(error))?;
        if let Some(pages) = self.config.max_pages {
            conn.pragma_update(None, "max_page_count", pages)
                .map_err(|error| self.error(error))?;
        }
        Ok(())
    }

    fn migrate(
        &self,
        conn: &mut Connection,
        from: u32,
        migrations: &Migrations<'_>,
    ) -> Result<(), OpenError> {
        let pending = migrations
            .pending_migrations(conn)
            .map_err(|error| self.migration(from, from, &error, None))?;
        if pending == 0 {
            return Ok(());
        }
        let to = from.saturating_add_signed(pending);
        let backup = (from > 0).then(|| self.back_up(conn, from)).transpose()?;
        migrations
            .to_latest(conn)
            .map_err(|error| self.migration(from, to, &error, backup))?;
        if from > 0 {
            tracing::info!(path = %self.path.display(), from, to, "The database was brought up to date.");
        }
        Ok(())
    }

    /// Copies the database as it is to `NAME.backup-vN` beside it. An older copy of that version is
    /// replaced only by a whole new one.
    fn back_up(&self, conn: &Connection, version: u32) -> Result<PathBuf, OpenError> {
        let backup = self.beside(&format!(".backup-v{version}"));
        let part = self.beside(&format!(".backup-v{version}.part"));
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(self.io(&error)),
            _ => {}
        }
        let copy = || -> Result<(), OpenError> {
            create_private(&part).map_err(|error| self.io(&error))?;
            conn.backup(MAIN_DB, &part, None)
                .map_err(|error| self.error(error))?;
            fs::File::open(&part)
                .and_then(|file| file.sync_all())
                .and_then(|()| fs::rename(&part, &backup))
                .and_then(|()| fs::File::open(backup.parent().unwrap_or(Path::new("."))))
                .and_then(|folder| folder.sync_all())
                .map_err(|error| self.io(&error))
        };
        copy().inspect_err(|_| {
            let _ = fs::remove_file(&part);
        })?;
        Ok(backup)
    }

    fn migration(
        &self,
        from: u32,
        to: u32,
        error: &rusqlite_migration::Error,
        backup: Option<PathBuf>,
    ) -> OpenError {
        let path = self.path.to_owned();
        if let rusqlite_migration::Error::RusqliteError { err, .. } = error
            && let Some(code) = err.sqlite_error_code()
        {
            use rusqlite::ErrorCode as Code;
            match code {
                Code::DiskFull => return OpenError::Full { path },
                Code::DatabaseBusy | Code::DatabaseLocked => {
                    return self.error(StoreError::Locked);
                }
                Code::DatabaseCorrupt | Code::NotADatabase => {
                    return OpenError::Corrupt {
                        path,
                        detail: err.to_string(),
                    };
                }
                _ => {}
            }
        }
        let detail = match error {
            rusqlite_migration::Error::RusqliteError { err, .. } => err.to_string(),
            other => other.to_string(),
        };
        OpenError::Migration {
            path,
            from,
            to,
            detail,
            backup,
        }
    }
}

/// The copies that [`Opening::back_up`] has left beside the file, whole or not, by name.
pub(crate) fn copies_of(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut prefix = path.file_name().unwrap_or_default().to_owned();
    prefix.push(".backup-v");
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut copies = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name
            .as_encoded_bytes()
            .starts_with(prefix.as_encoded_bytes())
        {
            copies.push(entry.path());
        }
    }
    copies.sort();
    Ok(copies)
}

/// Makes an empty file for its owner alone; an error if there is one.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Takes away what a file's mode gives to others. On other systems the folder decides.
fn narrow(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path)?.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Lets the plan of a statement depend on its text alone. SQLite would otherwise plan anew whenever a
/// value is bound that its statistics know something of, which costs more than most of our queries.
pub(crate) fn stable_queries(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

#[cfg(test)]
mod tests;
