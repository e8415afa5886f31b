//! Forgetting takes out what it says, and no byte of it stays.

use std::path::Path;

use super::*;
use crate::{Entry, Eraser};

/// Something of everything that can hold a text, in a session of `project_dir`, and without one.
fn fill(unit: &mut Unit<'_>, project_dir: &str, marker: &str) -> Result<u32, StoreError> {
    let new = sessions::NewSession {
        project_dir: project_dir.to_owned(),
        issue_title: Some(format!("{marker} title")),
        ..new_session()
    };
    let id = sessions::create(unit, &new)?.id;
    let plan = plans::create(
        unit,
        &plans::NewPlan {
            description: format!("{marker} plan"),
            ..new_plan(id, "t")
        },
    )?;
    phases::create(unit, &new_phase(plan.id, 1))?;
    previous_texts::keep(unit, id, None, "a.rs", Some(&format!("{marker} before")))?;
    previous_texts::keep(unit, id, None, "shared.rs", Some("shared text"))?;
    gaps::record(
        unit,
        &gaps::NewGap {
            session_id: id,
            topic: format!("{project_dir} topic"),
            severity: Severity::Low,
            evidence: format!("{marker} evidence"),
            related_concepts: Vec::new(),
        },
    )?;
    unit.log(Some(id), Entry::new("a", format!("\"{marker} entry\"")))?;
    unit.push("a", format!("\"{marker} push\""), None)?;
    buffers::put(
        unit,
        &buffers::NewBackup {
            project_dir: project_dir.to_owned(),
            path: "a.rs".to_owned(),
            content: format!("{project_dir} unsaved"),
            cursor: None,
            base_version: None,
            dirty: true,
        },
    )?;
    Ok(id)
}

/// A session that has ended.
fn ended(store: &Store, project_dir: &'static str, marker: &'static str) -> u32 {
    let id = store
        .commit_blocking(move |unit| fill(unit, project_dir, marker))
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2));
    store
        .commit_blocking(move |unit| sessions::end(unit, id, SessionStatus::Completed))
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2));
    id
}

/// The files of a folder that hold a text.
fn holding(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        if bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
        {
            found.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    found
}

fn erase(path: &Path, work: impl FnOnce(&mut crate::Erasure<'_>) -> Result<(), StoreError>) {
    let mut eraser = Eraser::open(path).unwrap();
    eraser.take_out(work).unwrap();
    eraser.scrub().unwrap();
    eraser.close().unwrap();
}

#[test]
fn a_session_goes_with_every_byte_and_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    let open = || Store::open(&path, "/project", Config::default()).unwrap();
    let store = open();
    let old = ended(&store, "/project", "OLDMARK");
    let young = ended(&store, "/project", "YOUNGMARK");
    let stream = store.cursor().stream;
    store.close();
    assert_eq!(holding(folder.path(), "OLDMARK"), ["paige.db"]);

    let eraser = Eraser::open(&path).unwrap();
    let extent = eraser.look(|reader| forget::extent_of_session(reader, old));
    assert_eq!(
        extent.unwrap(),
        forget::Extent {
            sessions: 1,
            entries: 1,
            gaps: 1,
            pushes: 1,
            unsaved: 0,
        }
    );
    eraser.close().unwrap();
    erase(&path, |erasure| forget::session(erasure, old));
    assert_eq!(holding(folder.path(), "OLDMARK"), [""; 0]);

    let store = open();
    let read = |look: &dyn Fn(&Reader<'_>) -> Result<bool, StoreError>| store.read(look).unwrap();
    assert!(read(&|reader| Ok(sessions::by_id(reader, old)?.is_none())));
    assert!(read(&|reader| {
        let kept = previous_texts::get(reader, young, None, "shared.rs")?;
        Ok(kept.unwrap().content.as_deref() == Some("shared text"))
    }));
    assert!(read(&|reader| Ok(
        buffers::list(reader, "/project")?.len() == 1
    )));
    assert_eq!(
        (
            store.cursor().stream,
            store.cursor().seq,
            store.outbox_oldest()
        ),
        (stream, 2, 2),
        "who has not seen the forgotten pushes is told to begin anew"
    );
    store.close();

    erase(&path, |erasure| forget::session(erasure, young));
    assert_eq!(holding(folder.path(), "MARK"), [""; 0]);
    assert_eq!(holding(folder.path(), "shared text"), [""; 0]);
    assert_eq!(holding(folder.path(), "/project unsaved"), ["paige.db"]);
}

#[test]
fn a_gap_of_an_earlier_session_stays_without_the_evidence_of_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    let store = Store::open(&path, "/project", Config::default()).unwrap();
    ended(&store, "/project", "FIRST");
    let second = ended(&store, "/project", "SECOND");
    store.close();
    erase(&path, |erasure| forget::session(erasure, second));
    assert_eq!(holding(folder.path(), "SECOND"), [""; 0]);
    let eraser = Eraser::open(&path).unwrap();
    let gap = eraser.look(|reader| gaps::by_topic(reader, "/project topic"));
    assert_eq!(gap.unwrap().unwrap().evidence, "");
}

#[test]
fn an_active_session_can_be_forgotten_and_an_unknown_one_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    let store = Store::open(&path, "/project", Config::default()).unwrap();
    let id = store
        .commit_blocking(|unit| fill(unit, "/project", "ACTIVE"))
        .unwrap();
    store.close();
    let mut eraser = Eraser::open(&path).unwrap();
    let unknown = eraser.take_out(|erasure| forget::session(erasure, id + 1));
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })));
    eraser.close().unwrap();
    erase(&path, |erasure| forget::session(erasure, id));
    assert_eq!(holding(folder.path(), "ACTIVE"), [""; 0]);
}

#[test]
fn a_project_goes_with_all_and_another_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    for (project, marker) in [("/here", "ONEMARK"), ("/there", "OTHERMARK")] {
        let store = Store::open(&path, project, Config::default()).unwrap();
        ended(&store, project, marker);
        store
            .commit_blocking(|unit| unit.log(None, Entry::new("a", "\"NOSESSION\"".to_owned())))
            .unwrap();
        store.close();
    }
    // The planner's statistics hold samples of what stands in indexes.
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch("ANALYZE").unwrap();
    drop(conn);
    let eraser = Eraser::open(&path).unwrap();
    assert_eq!(eraser.look(forget::projects).unwrap(), ["/here", "/there"]);
    let extent = eraser.look(|reader| forget::extent_of_project(reader, "/here"));
    assert_eq!(
        extent.unwrap(),
        forget::Extent {
            sessions: 1,
            entries: 1,
            gaps: 1,
            pushes: 1,
            unsaved: 1,
        }
    );
    eraser.close().unwrap();
    erase(&path, |erasure| forget::project(erasure, "/here"));
    assert_eq!(holding(folder.path(), "ONEMARK"), [""; 0]);
    assert_eq!(holding(folder.path(), "/here"), [""; 0]);
    assert_eq!(holding(folder.path(), "OTHERMARK"), ["paige.db"]);
    assert_eq!(holding(folder.path(), "NOSESSION"), ["paige.db"]);

    erase(&path, |erasure| forget::project(erasure, "/there"));
    assert_eq!(holding(folder.path(), "/there"), [""; 0]);
    assert_eq!(
        holding(folder.path(), "NOSESSION"),
        [""; 0],
        "of the only project, what has no session goes as well"
    );
}

#[test]
fn copies_made_before_a_migration_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paige.db");
    let eraser = Eraser::open(&path).unwrap();
    assert_eq!(eraser.copies().unwrap(), [""; 0].map(Path::new));
    let names = ["paige.db.backup-v1", "paige.db.backup-v3.part"];
    for name in names.into_iter().chain(["other.db.backup-v1"]) {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    assert_eq!(
        eraser.copies().unwrap(),
        names.map(|name| folder.path().join(name))
    );
}
