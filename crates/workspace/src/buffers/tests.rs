use std::time::Duration;

use super::*;

fn at(path: &str) -> ProjectPath {
    ProjectPath::parse(path).unwrap()
}

fn version(text: &str) -> Version {
    Version::of(text.as_bytes())
}

const CURSOR: Cursor = Cursor { line: 3, column: 7 };

/// Compares a buffer in everything but its time and revision.
#[track_caller]
fn check(buffer: Option<Buffer>, content: &str, dirty: bool, base: Option<&str>, cursor: Cursor) {
    let buffer = buffer.expect("a buffer");
    assert_eq!(
        buffer,
        Buffer {
            content: content.into(),
            chars: content.chars().count(),
            cursor,
            dirty,
            base_version: base.map(version),
            ..buffer.clone()
        }
    );
}

#[test]
fn spec_3_3_and_3_4_an_update_makes_a_dirty_buffer() {
    let buffers = Buffers::default();
    assert_eq!(buffers.get(&at("a")), None);
    let before = SystemTime::now();
    let first = buffers.update(&at("a"), "añ😀".into(), CURSOR);
    let second = buffers.update(&at("./a"), "b".into(), CURSOR);
    assert_eq!(
        [first, second],
        [
            Updated {
                previous_chars: None,
                chars: 3,
                revision: 1
            },
            Updated {
                previous_chars: Some(3),
                chars: 1,
                revision: 2
            },
        ]
    );
    let time = buffers.get(&at("a")).unwrap().last_updated;
    assert!(before <= time && time <= SystemTime::now());
    check(buffers.get(&at("a")), "b", true, None, CURSOR);
}

/// Opens the file `a`, which has this text.
fn seed(buffers: &Buffers, text: &str) -> Buffer {
    let seen = buffers.revision(&at("a"));
    buffers.seed(&at("a"), text.into(), version(text), seen)
}

#[test]
fn an_update_is_dirty_even_with_the_text_on_disk_and_keeps_the_base() {
    let buffers = Buffers::default();
    seed(&buffers, "disk");
    buffers.update(&at("a"), "disk".into(), CURSOR);
    check(buffers.get(&at("a")), "disk", true, Some("disk"), CURSOR);
}

#[test]
fn the_text_is_shared_and_not_copied() {
    let buffers = Buffers::default();
    let text: Arc<str> = "x".repeat(50_000).into();
    buffers.update(&at("a"), text.clone(), CURSOR);
    assert!(Arc::ptr_eq(&text, &buffers.get(&at("a")).unwrap().content));
    assert!(Arc::ptr_eq(&text, &buffers.dirty()[0].1.content));
}

#[test]
fn opening_a_file_never_overwrites_unsaved_text() {
    let buffers = Buffers::default();
    check(
        Some(seed(&buffers, "one")),
        "one",
        false,
        Some("one"),
        Cursor::default(),
    );
    // A clean one is brought up to date, and an equal one is left alone.
    check(
        Some(seed(&buffers, "two")),
        "two",
        false,
        Some("two"),
        Cursor::default(),
    );
    let revision = buffers.revision(&at("a"));
    seed(&buffers, "two");
    assert_eq!(buffers.revision(&at("a")), revision);
    buffers.update(&at("a"), "mine".into(), CURSOR);
    check(
        Some(seed(&buffers, "three")),
        "mine",
        true,
        Some("two"),
        CURSOR,
    );
}

#[test]
fn spec_3_2_a_save_makes_the_buffer_clean() {
    let buffers = Buffers::default();
    seed(&buffers, "old");
    buffers.update(&at("a"), "mine".into(), CURSOR);
    let seen = buffers.revision(&at("a"));
    buffers.mark_saved(&at("a"), "mine".into(), version("mine"), seen);
    check(buffers.get(&at("a")), "mine", false, Some("mine"), CURSOR);
    assert_eq!(buffers.dirty(), []);
}

#[test]
fn a_save_without_a_buffer_makes_a_clean_one() {
    let buffers = Buffers::default();
    assert_eq!(buffers.revision(&at("a")), 0);
    buffers.mark_saved(&at("a"), "text".into(), version("text"), 0);
    check(
        buffers.get(&at("a")),
        "text",
        false,
        Some("text"),
        Cursor::default(),
    );
}

#[test]
fn a_save_that_overtakes_its_update_wins() {
    let buffers = Buffers::default();
    // The editor waits 300 ms before it sends an update, and the save comes first.
    buffers.update(&at("a"), "older".into(), CURSOR);
    let seen = buffers.revision(&at("a"));
    buffers.mark_saved(&at("a"), "newer".into(), version("newer"), seen);
    check(buffers.get(&at("a")), "newer", false, Some("newer"), CURSOR);
}

#[test]
fn edits_during_a_save_stay_dirty_on_the_new_base() {
    let buffers = Buffers::default();
    buffers.update(&at("a"), "saved".into(), CURSOR);
    let seen = buffers.revision(&at("a"));
    buffers.update(&at("a"), "typed on".into(), CURSOR);
    buffers.mark_saved(&at("a"), "saved".into(), version("saved"), seen);
    check(
        buffers.get(&at("a")),
        "typed on",
        true,
        Some("saved"),
        CURSOR,
    );
    // The same text again is not an edit.
    let seen = buffers.revision(&at("a"));
    buffers.update(&at("a"), "typed on".into(), CURSOR);
    buffers.mark_saved(&at("a"), "typed on".into(), version("typed on"), seen);
    check(
        buffers.get(&at("a")),
        "typed on",
        false,
        Some("typed on"),
        CURSOR,
    );
}

#[test]
fn a_buffer_removed_and_made_again_during_a_save_is_not_mistaken() {
    let buffers = Buffers::default();
    buffers.update(&at("a"), "saved".into(), CURSOR);
    let seen = buffers.revision(&at("a"));
    buffers.mark_saved(&at("a"), "saved".into(), version("saved"), seen);
    assert!(buffers.remove_clean(&at("a")));
    buffers.update(&at("a"), "new".into(), CURSOR);
    buffers.mark_saved(&at("a"), "saved".into(), version("saved"), seen);
    check(buffers.get(&at("a")), "new", true, Some("saved"), CURSOR);
}

#[test]
fn a_clean_buffer_follows_the_disk_and_a_dirty_one_does_not() {
    let buffers = Buffers::default();
    let follow = |text: &str| {
        let seen = buffers.revision(&at("a"));
        buffers.follow_disk(&at("a"), text.into(), version(text), seen)
    };
    assert_eq!(follow("x"), None);
    assert_eq!(buffers.get(&at("a")), None);

    seed(&buffers, "one");
    assert_eq!(follow("one"), None);
    let told = follow("two");
    check(told.clone(), "two", false, Some("two"), Cursor::default());
    assert_eq!(told, buffers.get(&at("a")));

    buffers.update(&at("a"), "mine".into(), CURSOR);
    assert_eq!(follow("three"), None);
    check(buffers.get(&at("a")), "mine", true, Some("two"), CURSOR);
    // Nobody needs to be told of a text that he has.
    assert_eq!(follow("mine"), None);
    check(buffers.get(&at("a")), "mine", false, Some("mine"), CURSOR);
}

#[test]
fn a_text_read_before_a_save_does_not_replace_what_was_saved() {
    let buffers = Buffers::default();
    seed(&buffers, "one");
    let seen = buffers.revision(&at("a"));
    buffers.mark_saved(&at("a"), "two".into(), version("two"), seen);
    assert_eq!(
        buffers.follow_disk(&at("a"), "between".into(), version("between"), seen),
        None
    );
    check(
        buffers.get(&at("a")),
        "two",
        false,
        Some("two"),
        Cursor::default(),
    );
}

#[test]
fn an_opening_that_read_before_a_save_does_not_replace_what_was_saved() {
    let buffers = Buffers::default();
    seed(&buffers, "one");
    let seen = buffers.revision(&at("a"));
    buffers.mark_saved(&at("a"), "two".into(), version("two"), seen);
    check(
        Some(buffers.seed(&at("a"), "one".into(), version("one"), seen)),
        "two",
        false,
        Some("two"),
        Cursor::default(),
    );
}

#[test]
fn a_restored_buffer_is_dirty_and_never_overwrites() {
    let buffers = Buffers::default();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(5);
    assert!(buffers.restore(at("a"), "backup".into(), CURSOR, Some(version("old")), time));
    check(buffers.get(&at("a")), "backup", true, Some("old"), CURSOR);
    assert_eq!(buffers.get(&at("a")).unwrap().last_updated, time);
    assert!(!buffers.restore(at("a"), "other".into(), CURSOR, None, time));
    check(buffers.get(&at("a")), "backup", true, Some("old"), CURSOR);
}

#[track_caller]
fn paths(list: &[(ProjectPath, Buffer)], expected: &[&str]) {
    let paths: Vec<&str> = list.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, expected);
}

#[test]
fn lists_are_in_order_and_folders_go_and_move_whole() {
    let buffers = Buffers::default();
    for path in ["b/c", "b", "a/x/y", "a", "a-b", "a/x", "ab/c"] {
        buffers.update(&at(path), path.into(), CURSOR);
    }
    buffers.mark_saved(
        &at("b"),
        "b".into(),
        version("b"),
        buffers.revision(&at("b")),
    );
    paths(
        &buffers.dirty(),
        &["a", "a-b", "a/x", "a/x/y", "ab/c", "b/c"],
    );

    let moved = buffers.rename(&at("a"), &at("new/place"));
    let expected = [
        ("a", "new/place"),
        ("a/x", "new/place/x"),
        ("a/x/y", "new/place/x/y"),
    ];
    assert_eq!(moved, expected.map(|(old, new)| (at(old), at(new))));
    check(buffers.get(&at("new/place/x")), "a/x", true, None, CURSOR);

    assert!(!buffers.remove_clean(&at("new/place")), "it has edits");
    assert!(!buffers.remove_clean(&at("nothing")));
    assert!(buffers.remove_clean(&at("b")));
    let left = [
        "a-b",
        "ab/c",
        "b/c",
        "new/place",
        "new/place/x",
        "new/place/x/y",
    ];
    paths(&buffers.all(), &left);
}

#[test]
fn a_file_is_renamed_in_place_and_next_to_itself() {
    let buffers = Buffers::default();
    buffers.update(&at("a"), "text".into(), CURSOR);
    buffers.rename(&at("a"), &at("A"));
    buffers.rename(&at("A"), &at("A/b"));
    buffers.rename(&at("A/b"), &at("A/b"));
    paths(&buffers.all(), &["A/b"]);
}
