//! Previous texts: what a file was before a session, and before a phase, first touched it, so that a
//! save does not wipe the diff (decisions, "`paige_get_diff`").
//!
//! A file that is changed on disk before Paige has seen it has no previous text: what it was is not
//! known any more. One that comes while the session lasts was not there before.

use std::{collections::HashSet, sync::Arc};

use paige_protocol::{
    ErrorCode, ProjectPath,
    coach::tools::{DiffSince, FileDiff},
};
use paige_store::{
    StoreError,
    coach::{phases, plans, previous_texts},
};
use paige_workspace::diff::{self, DiffConfig};

use crate::{Coach, CoachError, state::compare};

/// Larger texts are not kept: they would fill the database, and nobody reads their diff.
const LARGEST: usize = 1_000_000;

/// For which files something is kept already, in the session and in its active phase.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    session: HashSet<ProjectPath>,
    phase: Option<(u32, HashSet<ProjectPath>)>,
}

impl Kept {
    /// Begins anew with a session.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Another phase is active, or none.
    pub(crate) fn in_phase(&mut self, phase: Option<u32>) {
        self.phase = phase.map(|id| (id, HashSet::new()));
    }

    fn has(&self, path: &ProjectPath) -> bool {
        let in_phase = self
            .phase
            .as_ref()
            .is_none_or(|(_, kept)| kept.contains(path));
        in_phase && self.session.contains(path)
    }

    fn add(&mut self, path: &ProjectPath) -> Option<u32> {
        self.session.insert(path.clone());
        let (id, kept) = self.phase.as_mut()?;
        kept.insert(path.clone());
        Some(*id)
    }
}

impl Coach {
    /// Whether nothing is kept yet of a file that the session is about to touch.
    pub(crate) fn wants_previous(&self, path: &ProjectPath) -> bool {
        self.active_session_id().is_some() && !self.0.previous.lock().has(path)
    }

    /// Keeps what a file is now, before it is touched, unless that was done; `None` for a file that
    /// does not exist.
    pub(crate) fn keep_previous(&self, path: &ProjectPath, text: Option<Arc<str>>) {
        let Some(session) = self.active_session_id() else {
            return;
        };
        if !self.wants_previous(path)
            || text.as_ref().is_some_and(|text| text.len() > LARGEST)
            || self.0.workspace.is_secret(path)
        {
            return;
        }
        let phase = self.0.previous.lock().add(path);
        let path = path.clone();
        self.0.store.write_behind("a previous text", move |unit| {
            let text = text.as_deref();
            previous_texts::keep(unit, session, None, path.as_str(), text)?;
            if let Some(phase) = phase {
                previous_texts::keep(unit, session, Some(phase), path.as_str(), text)?;
            }
            Ok::<_, StoreError>(())
        });
    }

    /// The same for a file that is about to be written, renamed or deleted: its text is read. What is
    /// no text has no previous one.
    pub fn before_change(&self, path: &ProjectPath) {
        if !self.wants_previous(path) {
            return;
        }
        match self.current_text(path) {
            Ok(text) => self.keep_previous(path, Some(text)),
            Err(error) if error.code() == ErrorCode::FileNotFound => self.keep_previous(path, None),
            Err(_) => {}
        }
    }

    /// A file has come into the project.
    pub fn file_came(&self, path: &ProjectPath) {
        if self.buffer(path).is_none() {
            self.keep_previous(path, None);
        }
    }

    /// Takes up what the last run has kept for the session that goes on.
    pub(crate) fn take_up_previous(&self) -> Result<(), CoachError> {
        let Some(session) = self.active_session_id() else {
            return Ok(());
        };
        let (phase, of_session, of_phase) = self.0.store.snapshot(|reader| {
            let phase = match plans::active(reader, session)? {
                Some(plan) => phases::active(reader, plan.id)?.map(|phase| phase.id),
                None => None,
            };
            let of_phase = match phase {
                Some(phase) => previous_texts::list(reader, session, Some(phase))?,
                None => Vec::new(),
            };
            Ok((
                phase,
                previous_texts::list(reader, session, None)?,
                of_phase,
            ))
        })?;
        let paths = |texts: Vec<previous_texts::PreviousText>| {
            texts
                .iter()
                .filter_map(|text| ProjectPath::parse(&text.path).ok())
                .collect::<HashSet<_>>()
        };
        *self.0.previous.lock() = Kept {
            session: paths(of_session),
            phase: phase.map(|id| (id, paths(of_phase))),
        };
        Ok(())
    }

    /// How the files that the session or its active phase has touched differ from what they were.
    ///
    /// # Errors
    /// Without an active session or, when asked for it, phase; when the database fails.
    pub(crate) async fn diffs_since(
        &self,
        since: DiffSince,
        path: Option<ProjectPath>,
    ) -> Result<Vec<FileDiff>, CoachError> {
        let session = self.active()?.id;
        let phase = self.0.previous.lock().phase.as_ref().map(|(id, _)| *id);
        let scope = match since {
            DiffSince::Phase => Some(phase.ok_or(CoachError::NoActivePhase)?),
            DiffSince::Session | DiffSince::Disk => None,
        };
        // What is kept is written behind.
        self.0.store.observed().await;
        let kept = self
            .0
            .store
            .read(|reader| previous_texts::list(reader, session, scope))?;
        let mut pairs = Vec::new();
        for text in kept {
            let Ok(file) = ProjectPath::parse(&text.path) else {
                continue;
            };
            if path.as_ref().is_some_and(|path| *path != file) || self.0.workspace.is_secret(&file)
            {
                continue;
            }
            let now = match self.current_text(&file) {
                Ok(now) => Some(now),
                Err(error) if error.code() == ErrorCode::FileNotFound => None,
                // It is no text any more.
                Err(CoachError::File(_)) => continue,
                Err(error) => return Err(error),
            };
            if text.content.as_deref() != now.as_deref() {
                pairs.push((file, text.content, now));
            }
        }
        let size: usize = pairs
            .iter()
            .map(|(_, old, new)| {
                old.as_ref().map_or(0, String::len) + new.as_ref().map_or(0, |new| new.len())
            })
            .sum();
        compare(size, move || {
            let limits = DiffConfig::default();
            let diffs = pairs.iter().map(|(path, old, new)| FileDiff {
                path: path.to_string(),
                diff: diff::unified(path, old.as_deref(), new.as_deref(), &limits),
            });
            Ok(diffs.collect())
        })
        .await
    }
}
