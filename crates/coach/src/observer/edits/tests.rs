use super::*;

fn numbers() -> Signals {
    crate::Config::default().observer.signals
}

/// Texts of one file, one every ten seconds, and what is seen then.
struct Play(Edits, u64);

impl Play {
    fn new(first: &str) -> Self {
        let mut play = Self(Edits::default(), 0);
        let text = Arc::from(first);
        let path = "a".into();
        play.0
            .edited(&path, Some(&text), Some(&text), Moment(0), &numbers());
        play
    }

    fn edit(&mut self, text: &str) -> &mut Self {
        self.1 += 10_000;
        let (now, text) = (Moment(self.1), Arc::from(text));
        self.0.settle(now, &numbers());
        self.0
            .edited(&"a".into(), None, Some(&text), now, &numbers());
        self
    }

    fn changed(&self) -> u32 {
        self.0.changed().map(|(_, lines)| lines).sum()
    }

    /// Lines, changes and returns of the loops, a while after the last edit.
    fn loops(&mut self) -> Vec<((usize, usize), usize, usize)> {
        self.0.settle(Moment(self.1 + 5000), &numbers());
        let loops = self.0.loops(&numbers());
        loops
            .iter()
            .map(|found| (found.lines, found.changes, found.returns))
            .collect()
    }
}

#[test]
fn a_change_is_the_lines_between_what_is_the_same() {
    let change = |old: &str, new: &str| {
        Change::between(old, new).map(|change| (change.start, change.old.len(), change.new.len()))
    };
    let (many, fewer) = ("x\n".repeat(200), "x\n".repeat(199));
    let cases = [
        ("a\nb\nc\n", "a\nb\nc\n", None),
        ("a\nb\nc\n", "a\nX\nc\n", Some((1, 1, 1))),
        ("a\nb\nc\n", "a\nc\n", Some((1, 1, 0))),
        ("a\nc\n", "a\nb\nc\n", Some((1, 0, 1))),
        ("", "a\n", Some((0, 0, 1))),
        ("a", "ab", Some((0, 1, 1))),
        ("a\n", "a\nb", Some((1, 0, 1))),
        // A character of several bytes, of which one is the same.
        ("a\né\n", "a\nè\n", Some((1, 1, 1))),
        // White space is no change of a line, and a blank line is one.
        ("a\nb\n", "a\n\tb\n", None),
        ("a\nb\n", "a\n\nb\n", Some((1, 0, 1))),
        (&many, &fewer, Some((199, 1, 0))),
    ];
    for (old, new, expected) in cases {
        assert_eq!(change(old, new), expected, "{old:?} -> {new:?}");
    }
}

#[test]
fn lines_that_differ_from_the_beginning_are_counted_wherever_they_are() {
    let text = |first: &str, last: &str| format!("{first}\n{}{last}\n", "same\n".repeat(500));
    let mut play = Play::new(&text("a", "z"));
    assert_eq!(play.changed(), 0);
    play.edit(&text("b", "z")).edit(&text("b", "y"));
    assert_eq!(play.changed(), 2);
    // Back where it was, in whatever steps.
    play.edit(&text("a", "y")).edit(&text("a", "z"));
    assert_eq!(play.changed(), 0);
    play.edit(&text("a\nnew\nnew two", "z"));
    assert_eq!(play.changed(), 2);
    play.0.begin();
    assert_eq!(play.changed(), 0);
}

#[test]
fn a_region_that_goes_back_and_forth_is_a_loop() {
    let text = |middle: &str| format!("a\nb\n{middle}\nd\ne\n");
    let mut play = Play::new(&text("one"));
    play.edit(&text("two")).edit(&text("one"));
    // Twice is a correction.
    assert_eq!(play.loops(), []);
    play.edit(&text("two"));
    assert_eq!(play.loops(), [((3, 3), 3, 2)]);
    play.edit(&text("three"));
    assert_eq!(play.loops(), [((3, 3), 4, 2)]);
}

#[test]
fn what_goes_forward_or_back_only_once_is_no_loop() {
    let text = |middle: &str| format!("a\n{middle}\ne\n");
    let mut play = Play::new(&text("one"));
    for next in ["two", "three", "four", "five"] {
        play.edit(&text(next));
    }
    assert_eq!(play.loops(), []);
    let mut other = Play::new("1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    // Three places, each with a change.
    other
        .edit("x\n2\n3\n4\n5\n6\n7\n8\n9\n")
        .edit("x\n2\n3\n4\nx\n6\n7\n8\n9\n")
        .edit("x\n2\n3\n4\nx\n6\n7\n8\nx\n");
    assert_eq!(other.loops(), []);
}

#[test]
fn a_loop_is_found_while_lines_come_and_go_before_it_and_in_it() {
    let text = |head: &str, body: &str| format!("{head}middle\nmore\nand more\n{body}end\n");
    let mut play = Play::new(&text("", "one\n"));
    play.edit(&text("", "if x\n  two\nend if\n"))
        .edit(&text("import a\nimport b\n", "if x\n  two\nend if\n"))
        .edit(&text("import a\nimport b\n", "one\n"))
        .edit(&text("import a\nimport b\n", "if x\n two\nend if\n"));
    let loops = play.loops();
    assert_eq!(loops, [((6, 8), 3, 2)]);
}

#[test]
fn a_region_that_grows_keeps_what_it_was() {
    // First the second line, then both, and back.
    let mut play = Play::new("one\ntwo\nthree\nfour\n");
    play.edit("one\nX\nthree\nfour\n")
        .edit("Y\nX\nthree\nfour\n")
        .edit("one\nX\nthree\nfour\n");
    assert_eq!(play.loops(), [((1, 2), 3, 1)]);
}

#[test]
fn typing_and_correcting_is_no_loop() {
    let mut edits = Edits::default();
    let path: Path = "a".into();
    let mut now = 0;
    let first: Arc<str> = "a\n\nz\n".into();
    edits.edited(&path, Some(&first), Some(&first), Moment(0), &numbers());
    for _ in 0..5 {
        for word in ["l", "le", "let", "le", "l", ""] {
            now += 300;
            let text = Arc::from(format!("a\n{word}\nz\n"));
            edits.settle(Moment(now), &numbers());
            edits.edited(&path, None, Some(&text), Moment(now), &numbers());
        }
    }
    edits.settle(Moment(now + 60_000), &numbers());
    assert_eq!(edits.loops(&numbers()), []);
}

#[test]
fn a_save_means_what_stands_there_and_time_forgets() {
    let mut edits = Edits::default();
    let path: Path = "a".into();
    for (n, word) in ["one", "two", "one", "two"].into_iter().enumerate() {
        let text: Arc<str> = Arc::from(format!("a\n{word}\nz\n"));
        let before = (n == 0).then(|| text.clone());
        edits.edited(
            &path,
            before.as_ref(),
            Some(&text),
            Moment(n as u64 * 100),
            &numbers(),
        );
        edits.saved(&path);
    }
    assert_eq!(edits.loops(&numbers()).len(), 1);
    edits.settle(Moment(600_000), &numbers());
    assert_eq!(edits.loops(&numbers()).len(), 1);
    edits.settle(Moment(601_000), &numbers());
    assert_eq!(edits.loops(&numbers()), []);
}

#[test]
fn another_program_that_writes_the_file_makes_no_loop_and_no_change_of_ours() {
    let mut play = Play::new("one\n");
    play.edit("two\n").edit("one\n");
    let (before, after) = (
        Arc::from("quite\nanother\n"),
        Arc::from("quite\nanother\ntext\n"),
    );
    play.0.edited(
        &"a".into(),
        Some(&before),
        Some(&after),
        Moment(90_000),
        &numbers(),
    );
    play.1 = 90_000;
    play.edit("quite\nanother\n");
    assert_eq!(play.loops(), []);
    assert_eq!(play.changed(), 0);
}

#[test]
fn what_is_held_is_bounded() {
    let mut edits = Edits::default();
    let mut most = 0;
    for n in 0..300_u64 {
        let path: Path = format!("src/{}.rs", n % 100).into();
        let text = (0..300)
            .map(|line| format!("{n} {line}\n"))
            .collect::<String>();
        edits.settle(Moment(n * 2000), &numbers());
        edits.edited(
            &path,
            None,
            Some(&text.into()),
            Moment(n * 2000),
            &numbers(),
        );
        most = most.max(edits.bytes());
    }
    assert_eq!(edits.0.len(), MOST_FILES);
    assert!(most < 64 * 200_000, "{most} bytes");
    let large: Arc<str> = "x".repeat(MOST_BYTES).into();
    edits.edited(
        &"large".into(),
        Some(&large),
        Some(&large),
        Moment(5_000_000),
        &numbers(),
    );
    assert_eq!(
        edits.0.values().filter(|file| file.text.is_some()).count(),
        1
    );
}

#[test]
fn a_file_keeps_its_changes_under_a_new_name_and_loses_them_in_the_trash() {
    let mut play = Play::new("one\n");
    play.edit("two\n");
    play.0.moved("a", "b/c");
    let changed: Vec<_> = play.0.changed().map(|(path, _)| path.to_string()).collect();
    assert_eq!(changed, ["b/c"]);
    play.0.deleted("b");
    assert_eq!(play.changed(), 0);
}
