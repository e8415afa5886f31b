//! What a file is to the active phase.

use super::{event::Path, state::State};

/// What a path is to the active phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// One of its files.
    Expected,
    /// It imports one.
    Importer,
    /// Anything else.
    Outside,
}

impl State {
    /// Whether a phase is active that names files.
    pub(super) fn is_guided(&self) -> bool {
        self.phase
            .as_ref()
            .is_some_and(|current| current.active && !current.phase.expected_files.is_empty())
    }

    /// What a path is to the active phase.
    pub(super) fn place(&self, path: &Path) -> Place {
        let expected = self.phase.as_ref().filter(|current| current.active);
        let is_expected = expected.is_some_and(|current| {
            current.phase.expected_files.iter().any(|expected| {
                expected == path || (expected.ends_with('/') && path.starts_with(&**expected))
            })
        });
        if is_expected {
            Place::Expected
        } else if self.neighbours.importers.contains(path) {
            Place::Importer
        } else {
            Place::Outside
        }
    }

    /// Whether a file belongs to the expected ones: one of them, in a folder with one, or tied to one by
    /// an import.
    pub(super) fn is_related(&self, path: &Path) -> bool {
        let folder = |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
        self.place(path) != Place::Outside
            || self.neighbours.imported.contains(path)
            || self.phase.as_ref().is_some_and(|current| {
                let mut expected = current.phase.expected_files.iter();
                expected.any(|expected| folder(expected) == folder(path))
            })
    }
}
