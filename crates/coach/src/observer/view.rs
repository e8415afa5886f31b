//! What the learner looks at.

use super::{event::Path, moment::Moment};

/// What the learner looks at, and what they looked at before.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) now: Option<Visit>,
    /// The visit before, and how long it was, in milliseconds.
    pub(super) before: Option<(Visit, u64)>,
}

/// A look at a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Visit {
    pub(super) path: Path,
    pub(super) since: Moment,
    pub(super) edited: bool,
}

impl View {
    /// The learner looks at a file. Whoever opens what is open already goes on looking.
    pub(super) fn at(&mut self, path: &Path, now: Moment) {
        if self.now.as_ref().is_some_and(|visit| visit.path == *path) {
            return;
        }
        self.leave(now);
        self.now = Some(Visit {
            path: path.clone(),
            since: now,
            edited: false,
        });
    }

    pub(super) fn leave(&mut self, now: Moment) {
        if let Some(visit) = self.now.take() {
            let dwell = now.0.saturating_sub(visit.since.0);
            self.before = Some((visit, dwell));
        }
    }

    pub(super) fn edited(&mut self) {
        if let Some(visit) = &mut self.now {
            visit.edited = true;
        }
    }

    pub(super) fn renamed(&mut self, rename: impl Fn(&Path) -> Path) {
        if let Some(visit) = &mut self.now {
            visit.path = rename(&visit.path);
        }
        if let Some((visit, _)) = &mut self.before {
            visit.path = rename(&visit.path);
        }
    }
}
