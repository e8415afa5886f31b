//! The desk's tables, driven through the store.

mod desk;
mod forgetting;
mod learning;
mod retaining;
mod walk;
mod watching;

use crate::row::Json;
use crate::{Config, ConstraintKind, Reader, Store, StoreError, Unit};

use super::*;

struct Fixture {
    _folder: tempfile::TempDir,
    store: Store,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    let store = Store::open(&path, "/project", Config::default()).unwrap();
    Fixture {
        _folder: folder,
        store,
    }
}

impl Fixture {
    /// Commits a unit that must succeed.
    fn commit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Unit<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        self.store.commit_blocking(work).unwrap()
    }

    /// Commits a unit that must fail.
    fn refused<T: std::fmt::Debug + Send + 'static>(
        &self,
        work: impl FnOnce(&mut Unit<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreError {
        self.store.commit_blocking(work).unwrap_err()
    }

    fn read<T>(&self, look: impl FnOnce(&Reader<'_>) -> Result<T, StoreError>) -> T {
        self.store.read(look).unwrap()
    }

    fn session(&self) -> sessions::Session {
        self.commit(|unit| sessions::create(unit, &new_session()))
    }

    fn plan(&self, session_id: u32, title: &'static str) -> plans::Plan {
        self.commit(move |unit| plans::create(unit, &new_plan(session_id, title)))
    }

    fn phase(&self, plan_id: u32, number: u32) -> phases::Phase {
        self.commit(move |unit| phases::create(unit, &new_phase(plan_id, number)))
    }
}

fn new_session() -> sessions::NewSession {
    sessions::NewSession {
        project_dir: "/project".to_owned(),
        issue_number: Some(42),
        issue_title: Some("Fix the race".to_owned()),
        started_by: StartedBy::Mcp,
        hint_level: HintLevel::Low,
    }
}

fn new_plan(session_id: u32, title: &str) -> plans::NewPlan {
    plans::NewPlan {
        session_id,
        title: title.to_owned(),
        description: "Two steps".to_owned(),
        total_phases: 2,
        raw_plan_text: Some("1. look\n2. prove".to_owned()),
    }
}

fn new_phase(plan_id: u32, number: u32) -> phases::NewPhase {
    phases::NewPhase {
        plan_id,
        number,
        title: format!("Phase {number}"),
        description: "Understand it".to_owned(),
        hint_level: HintLevel::Medium,
        expected_files: vec!["src/auth.rs".to_owned()],
    }
}

fn is_constraint(error: &StoreError, expected: ConstraintKind) -> bool {
    matches!(error, StoreError::Constraint { kind, .. } if *kind == expected)
}
