use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::model::Query;

const MODEL: &str = "m";

fn scene() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("memory.db");
    (folder, path)
}

fn new(content: &str) -> NewMemory {
    NewMemory {
        key: None,
        content: content.to_owned(),
        kind: "reflection".to_owned(),
        tags: vec!["rust".to_owned(), " a,b ".to_owned(), ",".to_owned()],
        importance: Importance::High,
    }
}

fn contents(recalled: &[crate::model::Recalled]) -> Vec<&str> {
    recalled
        .iter()
        .map(|memory| memory.content.as_str())
        .collect()
}

fn in_project(text: &str, project: &str, only_project: bool) -> Query {
    Query {
        project: Some(project.to_owned()),
        only_project,
        ..Query::new(text)
    }
}

#[test]
fn what_was_added_is_there_after_a_restart() {
    let (_folder, path) = scene();
    let mut record = Record::open(&path).unwrap();
    let id = record.id.clone();
    assert_eq!(
        record
            .add(&[new("One."), new("Two.")], 7, "/p")
            .unwrap()
            .len(),
        2
    );
    drop(record);
    let record = Record::open(&path).unwrap();
    assert_eq!(record.id, id);
    let all = record.list(&Filter::default()).unwrap();
    assert_eq!(
        all.iter().map(|e| e.content.as_str()).collect::<Vec<_>>(),
        ["Two.", "One."]
    );
    let metadata = &all[0].metadata;
    assert_eq!(
        (metadata.session_id, metadata.project_dir.as_str()),
        (7, "/p")
    );
    assert_eq!(metadata.tags, ["rust", "ab"]);
    assert_eq!(metadata.importance, Importance::High);
    assert_ne!(all[0].id, all[1].id);
}

#[test]
fn a_key_is_added_once() {
    let (_folder, path) = scene();
    let mut record = Record::open(&path).unwrap();
    let keyed = |content: &str| NewMemory {
        key: Some("wrap-up:12:0".to_owned()),
        ..new(content)
    };
    assert_eq!(
        record
            .add(&[keyed("One."), new("Two.")], 1, "/p")
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        record
            .add(&[keyed("Again."), new("Two.")], 1, "/p")
            .unwrap()
            .len(),
        1
    );
    let all = record.list(&Filter::default()).unwrap();
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|entry| entry.content != "Again."));
}

#[test]
fn this_projects_memories_come_first_and_others_fill_up() {
    let (_folder, path) = scene();
    let mut record = Record::open(&path).unwrap();
    let own = record
        .add(&[new("own far"), new("own near")], 1, "/own")
        .unwrap();
    let other = record
        .add(&[new("other nearest"), new("other far")], 1, "/other")
        .unwrap();
    let vectors = [
        (own[0], vec![0.0, 1.0]),
        (own[1], vec![0.8, 0.6]),
        (other[0], vec![1.0, 0.0]),
        (other[1], vec![-1.0, 0.0]),
    ];
    record.set_vectors(MODEL, &vectors).unwrap();
    let find = |query: Query| record.nearest(&query, MODEL, &[1.0, 0.0]).unwrap();
    let found = find(in_project("x", "/own", false));
    assert_eq!(
        contents(&found),
        ["own near", "own far", "other nearest", "other far"]
    );
    assert_eq!(
        found.iter().map(|m| m.other_project).collect::<Vec<_>>(),
        [false, false, true, true]
    );
    let found = find(in_project("x", "/own", true));
    assert_eq!(contents(&found), ["own near", "own far"]);
    let found = find(Query::new("x"));
    assert_eq!(
        contents(&found),
        ["other nearest", "own near", "own far", "other far"]
    );
    assert!(found.iter().all(|memory| !memory.other_project));
    assert_eq!(
        find(Query {
            limit: 1,
            ..Query::new("x")
        })
        .len(),
        1
    );
    // Vectors of another model are not compared.
    assert_eq!(
        record.nearest(&Query::new("x"), "n", &[1.0, 0.0]).unwrap(),
        []
    );
}

#[test]
fn words_are_found_in_their_forms_and_in_tags() {
    let (_folder, path) = scene();
    let mut record = Record::open(&path).unwrap();
    record
        .add(
            &[
                new("The learner debugged closures."),
                new("Callbacks, callbacks."),
            ],
            1,
            "/p",
        )
        .unwrap();
    for (text, expected) in [
        (
            "debugging a closure",
            vec!["The learner debugged closures."],
        ),
        ("callback", vec!["Callbacks, callbacks."]),
        ("\"NEAR(", vec![]),
        ("?", vec![]),
    ] {
        assert_eq!(
            contents(&record.by_words(&Query::new(text)).unwrap()),
            expected,
            "{text}"
        );
        assert_eq!(
            record.search(text, &Filter::default()).unwrap().len(),
            expected.len()
        );
    }
    let tagged = record.by_words(&Query::new("rust")).unwrap();
    assert_eq!(tagged.len(), 2);
    assert!(
        tagged
            .iter()
            .all(|memory| (0.0..=1.0).contains(&memory.distance))
    );
}

#[test]
fn filters_narrow_lists_and_searches() {
    let (_folder, path) = scene();
    let mut record = Record::open(&path).unwrap();
    record.add(&[new("word one")], 1, "/a").unwrap();
    record
        .add(
            &[
                new("word two"),
                NewMemory {
                    kind: "gap".to_owned(),
                    ..new("word three")
                },
            ],
            2,
            "/b",
        )
        .unwrap();
    for (filter, expected) in [
        (
            Filter {
                project: Some("/a".to_owned()),
                ..Filter::default()
            },
            1,
        ),
        (
            Filter {
                session: Some(2),
                ..Filter::default()
            },
            2,
        ),
        (
            Filter {
                kind: Some("gap".to_owned()),
                ..Filter::default()
            },
            1,
        ),
        (
            Filter {
                limit: Some(2),
                ..Filter::default()
            },
            2,
        ),
        (Filter::default(), 3),
    ] {
        assert_eq!(record.list(&filter).unwrap().len(), expected, "{filter:?}");
        assert_eq!(
            record.search("word", &filter).unwrap().len(),
            expected,
            "{filter:?}"
        );
    }
}

#[test]
fn what_is_forgotten_is_in_none_of_the_files() {
    let (folder, path) = scene();
    let mut record = Record::open(&path).unwrap();
    record
        .add(&[new("xylophonesecret is here"), new("stays")], 1, "/p")
        .unwrap();
    record.add(&[new("zebrasecret")], 2, "/q").unwrap();
    let has = |needle: &str| {
        fs::read_dir(folder.path()).unwrap().any(|file| {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            bytes
                .windows(needle.len())
                .any(|window| window == needle.as_bytes())
        })
    };
    assert!(has("xylophonesecret") && has("zebrasecret"));
    assert_eq!(record.forget(&Forget::Session(2)).unwrap().len(), 1);
    let all = record.list(&Filter::default()).unwrap();
    let id = all[1].id.clone();
    assert_eq!(
        record
            .forget(&Forget::Ids(vec![id.clone(), id]))
            .unwrap()
            .len(),
        1
    );
    assert!(!has("xylophonesecret") && !has("zebrasecret") && has("stays"));
    assert!(
        record
            .by_words(&Query::new("xylophonesecret"))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn an_unknown_id_forgets_nothing() {
    let (_folder, path) = scene();
    let mut record = Record::open(&path).unwrap();
    record.add(&[new("One.")], 1, "/p").unwrap();
    let id = record.list(&Filter::default()).unwrap()[0].id.clone();
    let unknown = Forget::Ids(vec![id, "mem_0".to_owned()]);
    let error = record.forget(&unknown).unwrap_err();
    assert_eq!(
        error,
        MemoryError::NotFound {
            id: "mem_0".to_owned()
        }
    );
    assert_eq!(record.list(&Filter::default()).unwrap().len(), 1);
    assert_eq!(
        record
            .forget(&Forget::Project("/p".to_owned()))
            .unwrap()
            .len(),
        1
    );
    assert_eq!(record.forget(&Forget::All).unwrap().len(), 0);
}

#[test]
fn a_comparison_tells_both_sides_what_they_lack() {
    let (_folder, path) = scene();
    let mut record = Record::open(&path).unwrap();
    let numbers = record.add(&[new("One."), new("Two.")], 1, "/p").unwrap();
    let vectors: Vec<_> = numbers.iter().map(|n| (*n, vec![1.0])).collect();
    record.set_vectors(MODEL, &vectors).unwrap();
    record.set_indexed(&numbers).unwrap();
    assert_eq!(record.count_ready(&numbers, MODEL, true).unwrap(), 2);
    assert!(record.not_indexed(MODEL, 9).unwrap().is_empty());
    let kept = record.list(&Filter::default()).unwrap()[0].id.clone();
    let gone = record.reconcile(vec![kept, "mem_gone".to_owned()]).unwrap();
    assert_eq!(gone, ["mem_gone"]);
    let lacking = record.not_indexed(MODEL, 9).unwrap();
    assert_eq!(lacking.len(), 1);
    assert_eq!(
        (lacking[0].number, lacking[0].vector.as_slice()),
        (numbers[0], [1.0].as_slice())
    );
    // A new model makes every vector anew, and the index gets them again.
    assert_eq!(record.count_not_embedded("n").unwrap(), 2);
}

#[test]
fn files_that_are_no_memory_of_ours_are_refused() {
    let (_folder, path) = scene();
    fs::write(&path, "x".repeat(8192)).unwrap();
    assert!(matches!(
        Record::open(&path),
        Err(MemoryError::Corrupt { .. })
    ));
    fs::remove_file(&path).unwrap();
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE a (b)")
        .unwrap();
    assert!(matches!(
        Record::open(&path),
        Err(MemoryError::Foreign { .. })
    ));
    fs::remove_file(&path).unwrap();
    drop(Record::open(&path).unwrap());
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let error = Record::open(&path).unwrap_err();
    assert_eq!(
        error,
        MemoryError::Newer {
            path: path.clone(),
            found: 99,
            known: 1
        }
    );
    let missing = path.parent().unwrap().join("no/memory.db");
    assert!(matches!(
        Record::open(&missing),
        Err(MemoryError::Open { .. })
    ));
}

#[test]
fn a_file_that_is_damaged_within_is_named_so() {
    let (_folder, path) = scene();
    let mut record = Record::open(&path).unwrap();
    let many: Vec<_> = (0..200)
        .map(|n| new(&format!("Memory {n} {}", "x".repeat(500))))
        .collect();
    record.add(&many, 1, "/p").unwrap();
    drop(record);
    let mut bytes = fs::read(&path).unwrap();
    let first = bytes.windows(9).position(|w| w == b"Memory 50").unwrap();
    let page = first - first % 4096;
    bytes[page..page + 4096].fill(0xA5);
    fs::write(&path, bytes).unwrap();
    let found = Record::open(&path).and_then(|record| record.list(&Filter::default()));
    assert!(
        matches!(found, Err(MemoryError::Corrupt { .. })),
        "{found:?}"
    );
}
