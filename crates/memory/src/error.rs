//! What can go wrong with the record, in whole sentences. What goes wrong with the model or with the
//! Chroma server is no error: the answer is then made by the record alone and says so.

use std::path::PathBuf;

use rusqlite::ErrorCode as Code;

use crate::config::Problem;

/// Why the record could not be opened, read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// The settings make no sense.
    #[error("The settings of the memory are wrong. {}", .0.iter().map(|p| p.message.as_str()).collect::<Vec<_>>().join(" "))]
    Config(Vec<Problem>),
    /// A newer Paige wrote it.
    #[error(
        "The memory {path} is of version {found}, but this Paige knows only versions up to {known}. Install a newer Paige, or use another --data-dir. The file was not touched.",
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
    /// It is a SQLite database, but not a memory of ours.
    #[error(
        "The file {path} belongs to another program. Move it away, or use another --data-dir. The file was not touched.",
        path = path.display()
    )]
    Foreign {
        /// The database file.
        path: PathBuf,
    },
    /// It cannot be reached, or not be brought up to date.
    #[error(
        "The memory {path} cannot be opened ({detail}). See that its folder exists and can be written, or use another --data-dir.",
        path = path.display()
    )]
    Open {
        /// The database file.
        path: PathBuf,
        /// What the operating system or SQLite says.
        detail: String,
    },
    /// It is damaged, or no database at all.
    #[error(
        "Paige's memory is damaged ({detail}). Stop Paige, and put a backup of memory.db in its place or move it away."
    )]
    Corrupt {
        /// What SQLite says.
        detail: String,
    },
    /// No room is left; nothing was stored.
    #[error(
        "There is no room left on the disk that holds Paige's memory, so nothing was stored. Free some space and try again."
    )]
    Full,
    /// Another process holds it.
    #[error("Paige's memory is held by another process. Try again in a moment.")]
    Locked,
    /// It cannot be written.
    #[error(
        "Paige's memory cannot be written. Make memory.db and its folder writable and restart Paige."
    )]
    ReadOnly,
    /// The memory was closed.
    #[error("Paige is stopping, so nothing more is remembered or recalled.")]
    Closed,
    /// What was asked for makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// No memory of that id.
    #[error(
        "There is no memory {id}, so nothing was forgotten. List the memories to see their ids."
    )]
    NotFound {
        /// The id asked for.
        id: String,
    },
    /// Anything else that SQLite reports.
    #[error("An internal fault of the memory stopped this ({0}). Please report this.")]
    Sql(String),
}

impl From<rusqlite::Error> for MemoryError {
    fn from(error: rusqlite::Error) -> Self {
        let detail = error.to_string();
        match error.sqlite_error_code() {
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Self::Corrupt { detail },
            Some(Code::DiskFull) => Self::Full,
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::Locked,
            Some(Code::ReadOnly) => Self::ReadOnly,
            _ => Self::Sql(detail),
        }
    }
}
