//! [`ProjectPath`]: the one lexical check of a path on the wire.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A file or folder of the project as it is written on the wire: relative to the project folder,
/// `/`-separated, normalised (`./a//b/` is `a/b`), never empty.
///
/// The check is lexical and does no I/O. It refuses what can never be right (`..`, absolute paths,
/// NUL); whether a link leads out of the project is decided by the directory handle that opens the
/// path (blueprint §5).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ProjectPath(String);

/// Why a text is not a [`ProjectPath`], or why the path it names may not be used.
///
/// On the wire this is [`ErrorCode::PathRefused`](crate::ErrorCode::PathRefused).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "The path {path:?} is refused: {reason}. Send a path inside the project, relative to its folder."
)]
pub struct PathRefused {
    /// The path as it was sent.
    pub path: String,
    /// What is wrong with it.
    pub reason: PathProblem,
}

/// The ways in which a path can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    /// Nothing is left after normalising.
    #[error("it names no file")]
    Empty,
    /// A NUL byte.
    #[error("it contains a NUL byte")]
    Nul,
    /// More bytes than any system takes.
    #[error("it is longer than 4096 bytes")]
    TooLong,
    /// It starts with `/`, or with a drive on Windows.
    #[error("it is absolute")]
    Absolute,
    /// A `..` component; even one that seems to stay inside may leave through a link.
    #[error("it contains `..`")]
    Parent,
    /// A link on the way leads out of the project, or was swapped while it was followed.
    #[error("it leads out of the project through a link")]
    Escapes,
}

/// What Linux takes (`PATH_MAX`); other systems take less.
const LONGEST: usize = 4096;

impl ProjectPath {
    /// Checks and normalises `text`.
    pub fn parse(text: &str) -> Result<Self, PathRefused> {
        let refuse = |reason| PathRefused {
            path: text.to_owned(),
            reason,
        };
        if text.len() > LONGEST {
            // Only its beginning comes back, so that a refusal is not as long as what it refuses.
            let start: String = text.chars().take(64).collect();
            return Err(PathRefused {
                path: format!("{start}…"),
                reason: PathProblem::TooLong,
            });
        }
        if text.contains('\0') {
            return Err(refuse(PathProblem::Nul));
        }
        // On Windows a backslash separates and `C:` makes a path absolute; elsewhere both are
        // ordinary characters of a name.
        let separates = |c: char| c == '/' || (cfg!(windows) && c == '\\');
        if text.starts_with(separates) || (cfg!(windows) && text.contains(':')) {
            return Err(refuse(PathProblem::Absolute));
        }
        let mut normal = String::with_capacity(text.len());
        for part in text.split(separates) {
            match part {
                "" | "." => {}
                ".." => return Err(refuse(PathProblem::Parent)),
                part => {
                    if !normal.is_empty() {
                        normal.push('/');
                    }
                    normal.push_str(part);
                }
            }
        }
        if normal.trim().is_empty() {
            return Err(refuse(PathProblem::Empty));
        }
        Ok(Self(normal))
    }

    /// The normalised text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What this path becomes when `from` is renamed to `to`: the same place below it. `None` when it
    /// is neither `from` nor below it.
    pub fn moved(&self, from: &Self, to: &Self) -> Option<Self> {
        let rest = self.is_below(from).then(|| &self.0[from.0.len()..])?;
        Some(Self(format!("{to}{rest}")))
    }

    /// The last component.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The folder that holds it, or `None` for an entry of the project folder itself.
    pub fn parent(&self) -> Option<ProjectPath> {
        self.0
            .rsplit_once('/')
            .map(|(parent, _)| Self(parent.to_owned()))
    }

    /// The components, outermost first.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// An entry of this folder. `name` must be one component, as a directory listing gives it.
    pub fn join(&self, name: &str) -> Result<ProjectPath, PathRefused> {
        Self::parse(&format!("{}/{name}", self.0))
    }

    /// Whether it is `folder` itself or lies below it.
    pub fn is_below(&self, folder: &ProjectPath) -> bool {
        self.0
            .strip_prefix(&folder.0)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The same problem, reported for this path by whoever followed it on disk.
    pub fn refused(&self, reason: PathProblem) -> PathRefused {
        PathRefused {
            path: self.0.clone(),
            reason,
        }
    }
}

impl fmt::Display for ProjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<std::path::Path> for ProjectPath {
    fn as_ref(&self) -> &std::path::Path {
        self.0.as_ref()
    }
}

impl From<ProjectPath> for String {
    fn from(path: ProjectPath) -> Self {
        path.0
    }
}

impl TryFrom<String> for ProjectPath {
    type Error = PathRefused;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, PathProblem>) {
        let actual = ProjectPath::parse(text);
        let actual = actual
            .as_ref()
            .map(ProjectPath::as_str)
            .map_err(|e| e.reason);
        assert_eq!(actual, expected, "{text:?}");
    }

    #[test]
    fn paths_are_normalised_or_refused() {
        check("src/main.rs", Ok("src/main.rs"));
        check("./src//main.rs", Ok("src/main.rs"));
        check("src/", Ok("src"));
        check("a b/ü.txt", Ok("a b/ü.txt"));
        check("...", Ok("..."));
        check("..a/b..", Ok("..a/b.."));
        check("", Err(PathProblem::Empty));
        check("   ", Err(PathProblem::Empty));
        check(".", Err(PathProblem::Empty));
        check("/etc/passwd", Err(PathProblem::Absolute));
        check("//etc/passwd", Err(PathProblem::Absolute));
        check("../x", Err(PathProblem::Parent));
        check("a/../b", Err(PathProblem::Parent));
        check("a/..", Err(PathProblem::Parent));
        check("a\0b", Err(PathProblem::Nul));
    }

    #[test]
    fn below_compares_whole_components() {
        let path = |text| ProjectPath::parse(text).expect("a good path");
        assert!(path("a/b").is_below(&path("a")));
        assert!(path("a").is_below(&path("a")));
        assert!(!path("ab").is_below(&path("a")));
    }
}
