#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests give the patches to git, in a temporary folder"
)]

use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;

fn at(path: &str) -> ProjectPath {
    ProjectPath::parse(path).unwrap()
}

#[track_caller]
fn check(old: Option<&str>, new: Option<&str>, expected: &str) {
    assert_eq!(
        unified(&at("src/a.rs"), old, new, &DiffConfig::default()),
        expected
    );
}

#[test]
fn spec_3_5_a_diff_shows_what_changed_and_nothing_when_nothing_did() {
    check(None, None, "");
    check(Some("same\n"), Some("same\n"), "");
    check(
        Some("1\n2\n3\n4\n5\n6\n7\n8\n"),
        Some("1\n2\n3\n4\nfive\n6\n7\n8\n"),
        "diff --git a/src/a.rs b/src/a.rs\n--- a/src/a.rs\n+++ b/src/a.rs\n\
         @@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n",
    );
}

#[test]
fn files_come_and_go() {
    check(
        None,
        Some("new\n"),
        "diff --git a/src/a.rs b/src/a.rs\nnew file mode 100644\n--- /dev/null\n+++ b/src/a.rs\n@@ -0,0 +1 @@\n+new\n",
    );
    check(
        Some("old"),
        None,
        "diff --git a/src/a.rs b/src/a.rs\ndeleted file mode 100644\n--- a/src/a.rs\n+++ /dev/null\n@@ -1 +0,0 @@\n-old\n\\ No newline at end of file\n",
    );
    check(
        None,
        Some(""),
        "diff --git a/src/a.rs b/src/a.rs\nnew file mode 100644\n",
    );
    check(
        Some(""),
        None,
        "diff --git a/src/a.rs b/src/a.rs\ndeleted file mode 100644\n",
    );
}

#[test]
fn a_missing_last_line_end_and_carriage_returns_are_shown() {
    let head = "diff --git a/src/a.rs b/src/a.rs\n--- a/src/a.rs\n+++ b/src/a.rs\n";
    let none = "\\ No newline at end of file\n";
    check(
        Some("a"),
        Some("a\n"),
        &format!("{head}@@ -1 +1 @@\n-a\n{none}+a\n"),
    );
    check(
        Some("a\nb"),
        Some("a\nc"),
        &format!("{head}@@ -1,2 +1,2 @@\n a\n-b\n{none}+c\n{none}"),
    );
    check(
        Some("a\nb"),
        Some("c\nb"),
        &format!("{head}@@ -1,2 +1,2 @@\n-a\n+c\n b\n{none}"),
    );
    check(
        Some("a\r\n"),
        Some("a\n"),
        &format!("{head}@@ -1 +1 @@\n-a\r\n+a\n"),
    );
    check(
        Some("a\rb\n"),
        Some("a\rc\n"),
        &format!("{head}@@ -1 +1 @@\n-a\rb\n+a\rc\n"),
    );
}

#[test]
fn odd_names_are_quoted_as_git_does() {
    for (name, expected) in [
        ("plain.txt", "plain.txt"),
        ("a b.txt", "a b.txt"),
        ("ü.txt", r#""\303\274.txt""#),
        ("a\tb\"c\\d\u{1}\u{7f}", r#""a\tb\"c\\d\001\177""#),
        ("it's", "it's"),
    ] {
        assert_eq!(quoted(name), expected);
    }
    let patch = unified(&at("a b"), Some("1\n"), Some("2\n"), &DiffConfig::default());
    assert_eq!(
        patch,
        "diff --git a/a b b/a b\n--- a/a b\t\n+++ b/a b\t\n@@ -1 +1 @@\n-1\n+2\n"
    );
}

/// A file before and after; `None`: it is not there.
type Change = (String, Option<String>, Option<String>);

fn git(folder: &Path, arguments: &[&str], input: &str) {
    use std::io::Write as _;
    let mut child = Command::new("git")
        .args(["-c", "core.autocrlf=false", "-c", "core.safecrlf=false"])
        .args(arguments)
        .current_dir(folder)
        // Not the repository around it, should the temporary folder lie in one.
        .env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}\n{input}");
}

/// Gives one patch with all `changes` to git and compares each file byte for byte.
fn apply(changes: &[Change], config: &DiffConfig) {
    let folder = tempfile::tempdir().unwrap();
    let mut patch = String::new();
    for (name, old, new) in changes {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        if let Some(old) = old {
            std::fs::write(file, old).unwrap();
        }
        patch += &unified(&at(name), old.as_deref(), new.as_deref(), config);
    }
    if patch.is_empty() {
        return;
    }
    git(
        folder.path(),
        &["apply", "--whitespace=nowarn", "-"],
        &patch,
    );
    for (name, _, new) in changes {
        let file = std::fs::read(folder.path().join(name)).ok();
        let found = file.map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(&found, new, "{name:?}\n{patch}");
    }
}

#[test]
fn git_applies_a_table_of_patches() {
    let some = |text: &str| Some(text.to_owned());
    let long: String = (0..100).map(|i| format!("line {i}\n")).collect();
    let changes = [
        ("new.txt", None, some("a\nb\n")),
        ("new-empty.txt", None, some("")),
        ("new/deep/no-end.txt", None, some("a")),
        ("gone.txt", some("a\nb"), None),
        ("gone-empty.txt", some(""), None),
        ("emptied.txt", some("a\n"), some("")),
        ("filled.txt", some(""), some("a")),
        ("end-added.txt", some("a\nb"), some("a\nb\n")),
        ("end-removed.txt", some("a\nb\n"), some("a\nb")),
        ("crlf.txt", some("a\r\nb\r\nc\r\n"), some("a\r\nB\r\nc\r\n")),
        ("to-lf.txt", some("a\r\nb\r\n"), some("a\nb\n")),
        ("lone-cr.txt", some("a\rb\rc"), some("a\rB\rc")),
        ("blank.txt", some("\n\n\n"), some("\n \n\t\n\n")),
        (
            "like-a-patch.txt",
            some("--- a\n+++ b\n@@ -1 +1 @@\n"),
            some("-- a\n++ b\n@@ -2 +2 @@\n\\ No\n"),
        ),
        (
            "unicode.txt",
            some("ä\u{2028}b\u{85}c\n"),
            some("ö\u{2028}b\u{85}c\n\u{feff}"),
        ),
        (
            "two-hunks.txt",
            some(&long),
            some(
                &long
                    .replace("line 3\n", "")
                    .replace("line 90\n", "x\n\ny\n"),
            ),
        ),
        ("a b/c d.txt", some("1\n"), some("2\n")),
        ("a b/new file.txt", None, some("2\n")),
        ("ü \"quoted\" \\ \t.txt", some("1\n"), some("2\n")),
        ("new-ü.txt", None, some("2\n")),
        ("line\nbreak.txt", some("1\n"), some("2\n")),
        ("-x", some("1\n"), some("2\n")),
        (" lead and trail ", some("1\n"), some("2\n")),
        ("b/a/b", some("1\n"), some("2\n")),
        ("x b/x", some("1\n"), some("2\n")),
    ]
    .map(|(name, old, new): (&str, _, _)| (name.to_owned(), old, new));
    apply(&changes, &DiffConfig::default());
    for context_lines in [0, 1, 10] {
        // Without context git needs to be told that this is meant.
        if context_lines > 0 {
            apply(
                &changes,
                &DiffConfig {
                    context_lines,
                    ..DiffConfig::default()
                },
            );
        }
    }
    // Without any time to search everything is shown as replaced, and is still right.
    apply(
        &changes,
        &DiffConfig {
            timeout: Duration::ZERO,
            ..DiffConfig::default()
        },
    );
}

/// Few different lines, so that many are equal; with all kinds of ends.
fn text() -> impl Strategy<Value = Option<String>> {
    let line = prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "c", "", " ", "-", "+", "\\", "@@", "é", "x\r", "\r"]),
        1 => prop::sample::select(vec!["--- a/f", "diff --git a/f b/f", "\u{2028}"]),
    ];
    let text = (prop::collection::vec(line, 0..20), any::<bool>()).prop_map(|(lines, end)| {
        let mut text = lines.join("\n");
        if end {
            text.push('\n');
        }
        Some(text)
    });
    prop_oneof![1 => Just(None), 12 => text]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn git_applies_any_patch(pairs in prop::collection::vec((text(), text()), 1..24), quick in any::<bool>()) {
        let changes: Vec<Change> = pairs
            .into_iter()
            .enumerate()
            .map(|(i, (old, new))| (format!("f{i}"), old, new))
            .collect();
        let timeout = if quick { Duration::ZERO } else { Duration::from_secs(1) };
        apply(&changes, &DiffConfig { timeout, ..DiffConfig::default() });
    }
}

/// Inputs on which the search of the original took minutes.
#[test]
fn a_hopeless_comparison_ends_with_a_patch_that_is_right() {
    let lines = |f: &dyn Fn(usize) -> String| (0..20_000).map(f).collect::<String>();
    let old = lines(&|i| format!("{}\n", i % 7));
    let new = lines(&|i| format!("{}\n", (i * i / 3) % 5));
    let reversed: String = old.lines().rev().map(|line| format!("{line}\n")).collect();
    let some = |text: &String| Some(text.clone());
    for timeout in [Duration::ZERO, Duration::from_millis(250)] {
        apply(
            &[
                ("a".to_owned(), some(&old), some(&new)),
                ("b".to_owned(), some(&old), some(&reversed)),
                (
                    "c".to_owned(),
                    some(&lines(&|i| format!("old {i}\n"))),
                    some(&lines(&|i| format!("new {i}\n"))),
                ),
            ],
            &DiffConfig {
                timeout,
                ..DiffConfig::default()
            },
        );
    }
}

#[track_caller]
fn moves(old: &str, new: &str, table: &[(RangeInclusive<u32>, Option<RangeInclusive<u32>>)]) {
    let ranges: Vec<_> = table.iter().map(|(range, _)| range.clone()).collect();
    let expected: Vec<_> = table.iter().map(|(_, place)| place.clone()).collect();
    assert_eq!(
        map_lines(old, new, &ranges, &DiffConfig::default()),
        expected
    );
}

#[test]
fn marks_move_with_their_lines() {
    let old = "1\n2\n3\n4\n5\n";
    moves(old, old, &[(1..=5, Some(1..=5)), (3..=3, Some(3..=3))]);
    // Two lines more before.
    moves(
        old,
        "x\ny\n1\n2\n3\n4\n5\n",
        &[(1..=2, Some(3..=4)), (5..=5, Some(7..=7))],
    );
    // One line less before.
    moves(
        old,
        "1\n3\n4\n5\n",
        &[
            (1..=1, Some(1..=1)),
            (2..=2, None),
            (1..=3, None),
            (3..=5, Some(2..=4)),
        ],
    );
    // One changed line.
    moves(
        old,
        "1\n2\nthree\n4\n5\n",
        &[
            (1..=2, Some(1..=2)),
            (2..=3, None),
            (3..=3, None),
            (3..=4, None),
            (4..=5, Some(4..=5)),
        ],
    );
    // Added in the midst of a mark, and right at its edges.
    moves(
        old,
        "1\n2\nx\n3\n4\n5\n",
        &[
            (2..=3, Some(2..=4)),
            (1..=2, Some(1..=2)),
            (3..=4, Some(4..=5)),
        ],
    );
    // Nothing is left but the empty last line, which an editor counts.
    moves(old, "", &[(1..=5, None)]);
    moves("", "1\n", &[(1..=1, Some(2..=2))]);
}

#[test]
fn line_ends_do_not_move_a_mark() {
    moves("1\n2\n3", "1\r\n2\r\n3\r\n4\r\n", &[(1..=3, Some(1..=3))]);
    moves("1\n2", "1\n2\n3", &[(2..=2, Some(2..=2))]);
}

#[test]
fn ranges_that_make_no_sense_are_dropped() {
    #[expect(clippy::reversed_empty_ranges, reason = "a client may send them")]
    moves(
        "1\n2\n",
        "1\n2\n",
        &[
            (0..=1, None),
            (2..=1, None),
            (1..=9, None),
            (9..=9, None),
            (u32::MAX..=u32::MAX, None),
            (2..=3, Some(2..=3)),
        ],
    );
}

#[test]
fn changed_lines_are_counted() {
    for (old, new, expected) in [
        ("a\nb\n", "a\nb\n", 0),
        ("a\nb\n", "a\nc\n", 1),
        ("a\n", "a\nb\nc\n", 2),
        ("a\nb\nc\n", "", 3),
        ("a\r\n", "a\n", 0),
    ] {
        assert_eq!(
            changed_lines(old, new, &DiffConfig::default()),
            expected,
            "{old:?} {new:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A mark that is kept stands on the same lines as before.
    #[test]
    fn a_moved_mark_begins_and_ends_on_its_lines(old in text(), new in text(), start in 1..15_u32, more in 0..5_u32) {
        let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
        let range = start..=start + more;
        let moved = map_lines(&old, &new, std::slice::from_ref(&range), &DiffConfig::default());
        if let [Some(place)] = moved.as_slice() {
            let line = |text: &str, number: &u32| bare_lines(text)[*number as usize - 1].to_owned();
            prop_assert_eq!(line(&old, range.start()), line(&new, place.start()));
            prop_assert_eq!(line(&old, range.end()), line(&new, place.end()));
            prop_assert!(place.end() - place.start() >= more);
        }
    }
}
