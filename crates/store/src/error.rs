//! What can go wrong, as whole sentences that say what to do next.

use std::path::{Path, PathBuf};

use rusqlite::ffi;

use crate::Problem;

/// Why the database cannot be opened. Nothing was changed or damaged by trying.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A newer Paige wrote it.
    #[error(
        "The database {path} is of version {found}, but this Paige knows only versions up to {known}. Install a newer Paige, or use another --data-dir. The file was not touched.",
        path = path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The version it has.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// An older Paige wrote it, and who only looks does not bring it up to date.
    #[error(
        "The database {path} is of version {found}, and this Paige reads version {known}. Start the sidecar once, which brings it up to date. The file was not touched.",
        path = path.display()
    )]
    Older {
        /// The database file.
        path: PathBuf,
        /// The version it has.
        found: u32,
        /// The version that can be read here.
        known: u32,
    },
    /// Who only looks cannot reach the file.
    #[error(
        "The database {path} cannot be read ({detail}). Run this as the user who runs the sidecar, or use another --data-dir.",
        path = path.display()
    )]
    Unreadable {
        /// The database file.
        path: PathBuf,
        /// What the operating system or SQLite says.
        detail: String,
    },
    /// It is a SQLite database, but not one of ours.
    #[error(
        "The database {path} belongs to another program. Move it away, or use another --data-dir. The file was not touched.",
        path = path.display()
    )]
    Foreign {
        /// The database file.
        path: PathBuf,
    },
    /// It is damaged, or not a database at all.
    #[error(
        "The database {path} is damaged ({detail}). Move it away to start afresh, or put a backup in its place. The file was not touched.",
        path = path.display()
    )]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// It cannot be written.
    #[error(
        "The database {path} cannot be written. Make the file and its folder writable, or use another --data-dir.",
        path = path.display()
    )]
    ReadOnly {
        /// The database file.
        path: PathBuf,
    },
    /// No room is left.
    #[error(
        "There is no room left for the database {path}. Free some space on that disk and start again.",
        path = path.display()
    )]
    Full {
        /// The database file.
        path: PathBuf,
    },
    /// Another process holds its lock.
    #[error(
        "Another process holds the database {path}; it did not let go within {waited_ms} ms. Stop that process and start again.",
        path = path.display()
    )]
    Locked {
        /// The database file.
        path: PathBuf,
        /// How long we waited, in milliseconds.
        waited_ms: u64,
    },
    /// The file or its folder cannot be reached.
    #[error(
        "The database {path} cannot be opened ({detail}). See that its folder exists and can be written, or use another --data-dir.",
        path = path.display()
    )]
    Io {
        /// The database file.
        path: PathBuf,
        /// What the operating system or SQLite says.
        detail: String,
    },
    /// It could not be brought up to date. It still has its old version.
    #[error(
        "The database {path} could not be brought from version {from} to {to} ({detail}). It was left as it was{kept}. Please report this.",
        path = path.display(),
        kept = backup.as_ref().map(|b| format!(", and a copy is at {}", b.display())).unwrap_or_default()
    )]
    Migration {
        /// The database file.
        path: PathBuf,
        /// The version it has.
        from: u32,
        /// The version it should have got.
        to: u32,
        /// What SQLite says.
        detail: String,
        /// The copy made before, where there was something to copy.
        backup: Option<PathBuf>,
    },
    /// The settings make no sense.
    #[error("The settings of the store are wrong. {}", .0.iter().map(|p| p.message.as_str()).collect::<Vec<_>>().join(" "))]
    Config(Vec<Problem>),
}

/// Why a unit, a read or a reading of the outbox failed. Cloned to every unit of a group whose
/// commit failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store was closed.
    #[error("Paige is stopping, so nothing more is stored.")]
    Closed,
    /// The unit's own code panicked. Its changes were rolled back; the store goes on.
    #[error(
        "An internal fault undid this change ({message}). Please report this; the log has the details."
    )]
    Panicked {
        /// What the panic said.
        message: String,
    },
    /// No room is left; nothing of the unit was kept.
    #[error(
        "There is no room left on the disk that holds Paige's database, so nothing was stored. Free some space and try again."
    )]
    Full,
    /// Another process holds the database, or every read connection is taken.
    #[error(
        "Paige's database is held by another process or a long read, so nothing was stored or read. Try again in a moment."
    )]
    Locked,
    /// The database has become read-only.
    #[error(
        "Paige's database cannot be written any more. Make its file and folder writable and restart Paige."
    )]
    ReadOnly,
    /// The database is damaged.
    #[error(
        "Paige's database is damaged ({detail}). Stop Paige, and put a backup in its place or move it away."
    )]
    Corrupt {
        /// What SQLite says.
        detail: String,
    },
    /// The disk failed.
    #[error(
        "The disk that holds Paige's database failed ({detail}). Check the disk and restart Paige."
    )]
    Io {
        /// What SQLite says.
        detail: String,
    },
    /// The change would break a promise of the tables. The rules above should have seen it coming.
    #[error("The change was refused, because it would break a rule of the database ({detail}).")]
    Constraint {
        /// Which kind of promise.
        kind: ConstraintKind,
        /// What SQLite says; names tables and columns.
        detail: String,
    },
    /// No row of that id.
    #[error("There is no {what} {id}.")]
    NotFound {
        /// The kind of row, in words.
        what: &'static str,
        /// The id asked for.
        id: String,
    },
    /// A value does not have the shape that the table or its reader demands.
    #[error("The change was refused: {0}")]
    Invalid(String),
    /// Anything else that SQLite reports; a fault of ours.
    #[error("An internal fault of the database stopped this ({0}). Please report this.")]
    Sql(String),
}

/// Which kind of promise a change would have broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintKind {
    /// There is already such a row (also: one is active already).
    Unique,
    /// The row it belongs to does not exist.
    ForeignKey,
    /// A value outside of what the column allows, or missing.
    Check,
}

impl StoreError {
    /// Whether a uniqueness promise refused the change, for instance "one active".
    pub fn is_unique(&self) -> bool {
        matches!(
            self,
            Self::Constraint {
                kind: ConstraintKind::Unique,
                ..
            }
        )
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let detail = error.to_string();
        let Some(code) = error.sqlite_error() else {
            return Self::Sql(detail);
        };
        use ffi::ErrorCode as Code;
        match code.code {
            Code::DiskFull => Self::Full,
            Code::DatabaseBusy | Code::DatabaseLocked => Self::Locked,
            Code::ReadOnly => Self::ReadOnly,
            Code::DatabaseCorrupt | Code::NotADatabase => Self::Corrupt { detail },
            Code::SystemIoFailure | Code::CannotOpen | Code::FileLockingProtocolFailed => {
                Self::Io { detail }
            }
            Code::ConstraintViolation => Self::Constraint {
                kind: match code.extended_code {
                    ffi::SQLITE_CONSTRAINT_UNIQUE
                    | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
                    | ffi::SQLITE_CONSTRAINT_ROWID => ConstraintKind::Unique,
                    ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ConstraintKind::ForeignKey,
                    _ => ConstraintKind::Check,
                },
                detail,
            },
            _ => Self::Sql(detail),
        }
    }
}

impl OpenError {
    /// The same trouble, while opening `path`.
    pub(crate) fn from_store(path: &Path, waited: std::time::Duration, error: StoreError) -> Self {
        let path = path.to_owned();
        match error {
            StoreError::Full => Self::Full { path },
            StoreError::Locked => Self::Locked {
                path,
                waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
            },
            StoreError::ReadOnly => Self::ReadOnly { path },
            StoreError::Corrupt { detail } => Self::Corrupt { path, detail },
            StoreError::Io { detail } | StoreError::Sql(detail) => Self::Io { path, detail },
            other => Self::Io {
                path,
                detail: other.to_string(),
            },
        }
    }
}
