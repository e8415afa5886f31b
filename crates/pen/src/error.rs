//! [`PenError`]: why nothing was written.

use std::io;
use std::path::PathBuf;

use paige_protocol::{ErrorCode, PathProblem, PathRefused, ProjectPath, Version};
use rustix::io::Errno;

/// The project folder cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error(
    "The project folder {root:?} cannot be opened: {source}. Check that it exists and that you may read it."
)]
pub struct OpenError {
    /// The folder as it was given.
    pub root: PathBuf,
    /// What the operating system says.
    pub source: io::Error,
}

/// Why a call of [`Pen`](crate::Pen) changed nothing.
///
/// The text is a whole sentence for people; [`code`](Self::code) is for programs.
#[derive(Debug, thiserror::Error)]
pub enum PenError {
    /// The path leads out of the project.
    #[error(transparent)]
    Refused(#[from] PathRefused),
    /// The path goes through a link that leads nowhere, or in circles.
    #[error(
        "The path `{path}` goes through a link that leads nowhere. Repair or delete the link, then try again."
    )]
    BrokenLink {
        /// The path.
        path: ProjectPath,
    },
    /// The path lies in `.git`, or in something that git may take for it.
    #[error(
        "The path `{path}` belongs to git's own data, which Paige never changes. Use git for it."
    )]
    ReadOnly {
        /// The path.
        path: ProjectPath,
    },
    /// The file is not what the save is based on.
    #[error("{}", conflict(path, expected.as_ref(), actual.as_ref()))]
    Conflict {
        /// The file.
        path: ProjectPath,
        /// What the save is based on; `None`: that there is no file.
        expected: Option<Version>,
        /// What is on disk; `None`: there is no file.
        actual: Option<Version>,
    },
    /// The content, or what is on disk, is beyond [`Config::max_bytes`](crate::Config::max_bytes).
    #[error(
        "`{path}` has {bytes} bytes, but at most {limit} bytes are saved or replaced. Split the file, or raise the limit."
    )]
    TooLarge {
        /// The file.
        path: ProjectPath,
        /// The size of the content.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// There is no such file or folder.
    #[error("There is no file or folder `{path}`. Refresh the tree and try again.")]
    NotFound {
        /// The path.
        path: ProjectPath,
    },
    /// The name is taken.
    #[error("There is already something at `{path}`. Choose another name, or delete that first.")]
    AlreadyExists {
        /// The path.
        path: ProjectPath,
    },
    /// The path names a folder, pipe, socket or device.
    #[error("`{path}` is not a regular file, so it cannot be saved as one. Choose another name.")]
    NotAFile {
        /// The path.
        path: ProjectPath,
    },
    /// A part of the path before the last is not a folder.
    #[error("A part of the path `{path}` is not a folder. Choose another path.")]
    NotAFolder {
        /// The path.
        path: ProjectPath,
    },
    /// A folder cannot be moved into itself.
    #[error("The folder `{path}` cannot be moved into itself. Choose a target outside of it.")]
    IntoItself {
        /// The folder.
        path: ProjectPath,
    },
    /// The file system does not take the name.
    #[error("The file system does not accept the name `{path}`. Choose a shorter or simpler name.")]
    BadName {
        /// The path.
        path: ProjectPath,
    },
    /// Source and target are on different file systems.
    #[error(
        "`{path}` lies on another file system than its target, so it cannot be renamed there. Copy it by hand."
    )]
    OtherFileSystem {
        /// The source.
        path: ProjectPath,
    },
    /// The operating system refused the access, or the file is marked read-only.
    #[error(
        "`{path}` may not be changed: the file, its folder or its disk is read-only for you. Change the permissions and try again."
    )]
    PermissionDenied {
        /// The path.
        path: ProjectPath,
    },
    /// The disk or the quota is full.
    #[error("There is no space left for `{path}`. Free some space on the disk and try again.")]
    DiskFull {
        /// The path.
        path: ProjectPath,
    },
    /// The trash folder cannot be made or opened.
    #[error(
        "`{path}` was not deleted, since the trash folder {trash:?} cannot be used: {source}. Check that folder and try again."
    )]
    Trash {
        /// What was to be deleted.
        path: ProjectPath,
        /// The trash folder.
        trash: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Anything else that the operating system says.
    #[error("`{path}` could not be changed: {source}. Try again; the log has the details.")]
    Io {
        /// The path.
        path: ProjectPath,
        /// What it says.
        source: io::Error,
    },
}

fn conflict(path: &ProjectPath, expected: Option<&Version>, actual: Option<&Version>) -> String {
    let what = match (expected, actual) {
        (None, _) => format!("There is already a file `{path}` on disk."),
        (_, None) => format!("The file `{path}` was deleted on disk since you opened it."),
        _ => format!("The file `{path}` changed on disk since you opened it."),
    };
    let version = |version: Option<&Version>| match version {
        None => "no file".to_owned(),
        Some(version) => version.as_str().to_owned(),
    };
    format!(
        "{what} Open it again and compare before you save (expected {}, found {}).",
        version(expected),
        version(actual)
    )
}

impl PenError {
    /// The code for programs.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(_) | Self::BrokenLink { .. } => ErrorCode::PathRefused,
            Self::ReadOnly { .. } => ErrorCode::ReadOnly,
            Self::Conflict { .. } => ErrorCode::Conflict,
            Self::TooLarge { .. } => ErrorCode::FileTooLarge,
            Self::NotFound { .. } => ErrorCode::FileNotFound,
            Self::AlreadyExists { .. } => ErrorCode::AlreadyExists,
            Self::NotAFile { .. } => ErrorCode::NotAFile,
            Self::NotAFolder { .. } => ErrorCode::NotAFolder,
            Self::IntoItself { .. } | Self::BadName { .. } | Self::OtherFileSystem { .. } => {
                ErrorCode::InvalidArgument
            }
            Self::PermissionDenied { .. } => ErrorCode::PermissionDenied,
            Self::DiskFull { .. } => ErrorCode::DiskFull,
            Self::Trash { .. } | Self::Io { .. } => ErrorCode::InternalError,
        }
    }

    /// A link leads out of the project, or was swapped while it was followed.
    pub(crate) fn escapes(path: &ProjectPath) -> Self {
        Self::Refused(path.refused(PathProblem::Escapes))
    }

    /// What an error of the operating system means for `path`; for `map_err`.
    pub(crate) fn at(path: &ProjectPath) -> impl Fn(io::Error) -> Self {
        move |source| {
            // A link where the walk has just seen none, or an entry that was moved out of the
            // project while it was opened: cap-std reports the latter itself, so that it has no
            // number of the system.
            let swapped = Errno::from_io_error(&source) == Some(Errno::LOOP)
                || (source.kind() == io::ErrorKind::PermissionDenied
                    && source.raw_os_error().is_none());
            if swapped {
                return Self::escapes(path);
            }
            let path = path.clone();
            match source.kind() {
                io::ErrorKind::NotFound => Self::NotFound { path },
                io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => {
                    Self::AlreadyExists { path }
                }
                io::ErrorKind::NotADirectory => Self::NotAFolder { path },
                io::ErrorKind::IsADirectory => Self::NotAFile { path },
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    Self::PermissionDenied { path }
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Self::DiskFull { path }
                }
                io::ErrorKind::InvalidFilename => Self::BadName { path },
                io::ErrorKind::CrossesDevices => Self::OtherFileSystem { path },
                _ => Self::Io { path, source },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_have_a_code_and_a_sentence() {
        let path = ProjectPath::parse("a/b.txt").expect("a good path");
        let table = [
            (Errno::NOSPC, ErrorCode::DiskFull),
            (Errno::DQUOT, ErrorCode::DiskFull),
            (Errno::ACCESS, ErrorCode::PermissionDenied),
            (Errno::PERM, ErrorCode::PermissionDenied),
            (Errno::ROFS, ErrorCode::PermissionDenied),
            (Errno::NOENT, ErrorCode::FileNotFound),
            (Errno::EXIST, ErrorCode::AlreadyExists),
            (Errno::NOTDIR, ErrorCode::NotAFolder),
            (Errno::ISDIR, ErrorCode::NotAFile),
            (Errno::NAMETOOLONG, ErrorCode::InvalidArgument),
            (Errno::XDEV, ErrorCode::InvalidArgument),
            (Errno::LOOP, ErrorCode::PathRefused),
            (Errno::IO, ErrorCode::InternalError),
        ];
        for (errno, code) in table {
            let error = PenError::at(&path)(errno.into());
            assert_eq!(error.code(), code, "{errno:?}");
            let text = error.to_string();
            assert!(text.contains("a/b.txt") && text.ends_with('.'), "{text}");
        }
    }

    #[test]
    fn an_escape_that_cap_std_notices_is_refused() {
        let path = ProjectPath::parse("a").expect("a good path");
        let error = PenError::at(&path)(io::Error::new(io::ErrorKind::PermissionDenied, "escape"));
        assert_eq!(error.to_string(), PenError::escapes(&path).to_string());
    }

    #[test]
    fn a_conflict_names_both_versions() {
        let path = ProjectPath::parse("a").expect("a good path");
        let [one, two] = ["1", "2"].map(|text| Some(Version::from(text.to_owned())));
        let text = |expected: &Option<Version>, actual: &Option<Version>| {
            PenError::Conflict {
                path: path.clone(),
                expected: expected.clone(),
                actual: actual.clone(),
            }
            .to_string()
        };
        assert_eq!(
            [text(&one, &two), text(&one, &None), text(&None, &two)],
            [
                "The file `a` changed on disk since you opened it. Open it again and compare before you save (expected 1, found 2).",
                "The file `a` was deleted on disk since you opened it. Open it again and compare before you save (expected 1, found no file).",
                "There is already a file `a` on disk. Open it again and compare before you save (expected no file, found 2).",
            ]
        );
    }
}
