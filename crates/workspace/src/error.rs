//! Why a project cannot be opened, or a file of it not read.

use std::io;
use std::path::PathBuf;

use paige_protocol::{ErrorCode, PathProblem, PathRefused, ProjectPath};
use rustix::io::Errno;

/// The project folder cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such folder (spec: story 1, AC 6).
    #[error("The project folder {root:?} does not exist. Create it, or name another one.")]
    NotFound {
        /// The folder as it was given.
        root: PathBuf,
    },
    /// It is not a folder.
    #[error("The project {root:?} is not a folder. Name the folder that holds the project.")]
    NotAFolder {
        /// The folder as it was given.
        root: PathBuf,
    },
    /// It may not be read.
    #[error(
        "The project folder {root:?} may not be read. Change its permissions, or name another one."
    )]
    PermissionDenied {
        /// The folder as it was given.
        root: PathBuf,
    },
    /// Paths on the wire are UTF-8, so the folder's must be as well.
    #[error("The path of the project folder {root:?} is not UTF-8. Rename it.")]
    NotUtf8 {
        /// The folder as it was given.
        root: PathBuf,
    },
    /// Anything else that the operating system says.
    #[error(
        "The project folder {root:?} cannot be opened: {source}. Check the path and try again."
    )]
    Io {
        /// The folder as it was given.
        root: PathBuf,
        /// What it says.
        source: io::Error,
    },
}

impl OpenError {
    pub(crate) fn at(root: PathBuf, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { root },
            io::ErrorKind::NotADirectory => Self::NotAFolder { root },
            io::ErrorKind::PermissionDenied => Self::PermissionDenied { root },
            _ => Self::Io { root, source },
        }
    }
}

/// Why a file is not read as text. The text is a whole sentence for people.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The path leads out of the project.
    #[error(transparent)]
    Refused(#[from] PathRefused),
    /// There is no such file.
    #[error("There is no file \"{path}\". Refresh the tree and try again.")]
    NotFound {
        /// The path.
        path: ProjectPath,
    },
    /// The links on the way lead in a circle.
    #[error(
        "The path \"{path}\" goes through links that lead in a circle. Repair or delete them, then try again."
    )]
    LinkLoop {
        /// The path.
        path: ProjectPath,
    },
    /// It is a folder, pipe, socket or device.
    #[error("\"{path}\" is not a regular file, so it cannot be opened. Choose a file.")]
    NotAFile {
        /// The path.
        path: ProjectPath,
    },
    /// A part of the path before the last is not a folder.
    #[error("A part of the path \"{path}\" is not a folder. Refresh the tree and try again.")]
    NotAFolder {
        /// The path.
        path: ProjectPath,
    },
    /// It is beyond [`Config::max_file_bytes`](crate::Config::max_file_bytes).
    #[error(
        "\"{path}\" has {size} bytes, but at most {limit} bytes are opened. Use another program for it, or raise the limit."
    )]
    TooLarge {
        /// The path.
        path: ProjectPath,
        /// Its size in bytes (at least, if it is growing).
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// It is binary, or text that is not UTF-8.
    #[error("\"{path}\" is {}, so it cannot be edited as text. Use another program for it.", if *binary { "binary" } else { "not UTF-8" })]
    NotText {
        /// The path.
        path: ProjectPath,
        /// Whether it looks binary; otherwise it is text in another encoding.
        binary: bool,
    },
    /// The operating system refused the access.
    #[error("\"{path}\" may not be read. Change its permissions and try again.")]
    PermissionDenied {
        /// The path.
        path: ProjectPath,
    },
    /// Anything else that the operating system says.
    #[error("\"{path}\" could not be read: {source}. Try again; the log has the details.")]
    Io {
        /// The path.
        path: ProjectPath,
        /// What it says.
        source: io::Error,
    },
}

impl FileError {
    /// The code for programs.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(_) | Self::LinkLoop { .. } => ErrorCode::PathRefused,
            Self::NotFound { .. } => ErrorCode::FileNotFound,
            Self::NotAFile { .. } => ErrorCode::NotAFile,
            Self::NotAFolder { .. } => ErrorCode::NotAFolder,
            Self::TooLarge { .. } => ErrorCode::FileTooLarge,
            Self::NotText { .. } => ErrorCode::NotText,
            Self::PermissionDenied { .. } => ErrorCode::PermissionDenied,
            Self::Io { .. } => ErrorCode::InternalError,
        }
    }

    pub(crate) fn at(path: &ProjectPath, source: io::Error) -> Self {
        if is_escape(&source) {
            return Self::Refused(path.refused(PathProblem::Escapes));
        }
        let path = path.clone();
        match Errno::from_io_error(&source) {
            // No file can have a name that the file system does not take.
            Some(Errno::NOENT | Errno::NAMETOOLONG) => Self::NotFound { path },
            Some(Errno::LOOP) => Self::LinkLoop { path },
            Some(Errno::NOTDIR) => Self::NotAFolder { path },
            // What opening a socket, or a device without a driver, gives.
            Some(Errno::NXIO | Errno::NODEV | Errno::ISDIR) => Self::NotAFile { path },
            Some(Errno::ACCESS | Errno::PERM) => Self::PermissionDenied { path },
            _ => Self::Io { path, source },
        }
    }
}

/// Whether cap-std refused to leave the directory. It has no error type for that, but in contrast to
/// what the system refuses, such an error has no number.
pub(crate) fn is_escape(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_have_a_code_and_a_sentence() {
        let path = ProjectPath::parse("a/b.txt").expect("a good path");
        let table = [
            (Errno::NOENT, ErrorCode::FileNotFound),
            (Errno::NAMETOOLONG, ErrorCode::FileNotFound),
            (Errno::LOOP, ErrorCode::PathRefused),
            (Errno::NOTDIR, ErrorCode::NotAFolder),
            (Errno::NXIO, ErrorCode::NotAFile),
            (Errno::ACCESS, ErrorCode::PermissionDenied),
            (Errno::IO, ErrorCode::InternalError),
        ];
        for (errno, code) in table {
            let error = FileError::at(&path, errno.into());
            assert_eq!(error.code(), code, "{errno:?}");
            let text = error.to_string();
            assert!(
                text.contains("\"a/b.txt\"") && text.ends_with('.'),
                "{text}"
            );
        }
        let escape = io::Error::new(io::ErrorKind::PermissionDenied, "a path led outside");
        assert_eq!(FileError::at(&path, escape).code(), ErrorCode::PathRefused);
    }
}
