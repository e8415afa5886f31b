//! The signals, each at its bounds.

use super::*;

#[test]
fn what_is_not_connected_is_unavailable_and_not_no() {
    let mut play = Play::new();
    let facts = |play: &Play| {
        [
            Noticed::WrongFile,
            Noticed::ScopeDrift,
            Noticed::ReadingForContext,
            Noticed::Done,
            Noticed::RepeatedError,
        ]
        .map(|signal| play.holds(signal))
    };
    use Holds::{No, Unavailable as Un};
    assert_eq!(facts(&play), [Un; 5]);
    play.begin_phase();
    assert_eq!(facts(&play), [No, No, No, Un, Un]);
    play.after(SECOND, run(CommandKind::Build, 0, &[]));
    assert_eq!(facts(&play), [No, No, No, Un, No]);
    play.after(SECOND, run(CommandKind::Test, 1, &[]));
    assert_eq!(facts(&play), [No; 5]);
    play.after(SECOND, Event::PhaseCompleted);
    assert_eq!(facts(&play), [Un, Un, Un, Un, No]);
    // A phase that names no files says nothing of files.
    play.after(
        SECOND,
        Event::PhaseStarted(Phase {
            expected_files: vec![],
            ..phase(2)
        }),
    );
    assert_eq!(facts(&play), [Un, Un, Un, Un, No]);
}

/// Edits a file every 30 seconds, that often.
fn edits(play: &mut Play, path: &str, times: u64) {
    for n in 0..times {
        play.after(30 * SECOND, edit(path, &format!("{n}\n")));
    }
}

#[test]
fn three_minutes_of_edits_elsewhere_are_the_wrong_file() {
    let mut play = Play::in_phase();
    edits(&mut play, "lib/other.ts", 6);
    assert_eq!(play.holds(Noticed::WrongFile), Holds::No);
    edits(&mut play, "lib/other.ts", 1);
    assert_eq!(play.holds(Noticed::WrongFile), Holds::Yes);
    let facts = play.state.facts(Moment(EPOCH + play.now));
    assert_eq!(
        facts.0[1].evidence.as_deref(),
        Some("edited lib/other.ts for 3m without a look at an expected file")
    );
    // A look at an expected file shows that they know where they are.
    play.after(SECOND, Event::TabSwitched("src/login.ts".into()));
    assert_eq!(play.holds(Noticed::WrongFile), Holds::No);
}

#[test]
fn work_in_an_expected_file_or_in_what_imports_it_is_not_elsewhere() {
    for path in ["src/login.ts", "src/app.ts"] {
        let mut play = Play::in_phase();
        edits(&mut play, path, 20);
        assert_eq!(play.holds(Noticed::WrongFile), Holds::No, "{path}");
    }
    let mut play = Play::in_phase();
    edits(&mut play, "lib/other.ts", 6);
    play.after(SECOND, edit("src/app.ts", "x\n"));
    edits(&mut play, "lib/other.ts", 6);
    assert_eq!(play.holds(Noticed::WrongFile), Holds::No);
}

#[test]
fn pauses_count_as_editing_up_to_a_minute_and_a_long_one_begins_anew() {
    let mut play = Play::in_phase();
    for _ in 0..3 {
        play.after(4 * MINUTE, edit("lib/other.ts", &format!("{}\n", play.now)));
    }
    assert_eq!(play.holds(Noticed::WrongFile), Holds::No, "two minutes");
    play.after(4 * MINUTE, edit("lib/other.ts", "x\n"));
    assert_eq!(play.holds(Noticed::WrongFile), Holds::Yes);
    play.after(6 * MINUTE, edit("lib/other.ts", "y\n"));
    assert_eq!(play.holds(Noticed::WrongFile), Holds::No);
}

#[test]
fn reading_a_related_file_for_a_while_is_reading() {
    let cases = [
        // What imports, what is imported, what lies beside, what is expected.
        ("src/app.ts", 9, Holds::No),
        ("src/app.ts", 10, Holds::Yes),
        ("src/app.ts", 180, Holds::Yes),
        ("src/app.ts", 181, Holds::No),
        ("lib/token.ts", 30, Holds::Yes),
        ("src/beside.ts", 30, Holds::Yes),
        ("src/login.ts", 30, Holds::Yes),
        ("docs/far.md", 30, Holds::No),
    ];
    for (path, seconds, expected) in cases {
        let mut play = Play::in_phase();
        play.after(SECOND, open(path));
        play.now += seconds * SECOND;
        assert_eq!(
            play.holds(Noticed::ReadingForContext),
            expected,
            "{path} {seconds}"
        );
    }
    let mut play = Play::in_phase();
    play.after(SECOND, open("src/app.ts"));
    play.after(20 * SECOND, open("src/beside.ts"));
    assert_eq!(
        play.holds(Noticed::ReadingForContext),
        Holds::Yes,
        "from file to file"
    );
    play.after(20 * SECOND, edit("src/beside.ts", "x\n"));
    play.now += 20 * SECOND;
    assert_eq!(
        play.holds(Noticed::ReadingForContext),
        Holds::No,
        "it was edited"
    );
}

#[test]
fn forty_lines_or_three_files_elsewhere_are_drift() {
    let lines = |n: usize| {
        (0..n)
            .map(|line| format!("line {line}\n"))
            .collect::<String>()
    };
    let mut play = Play::in_phase();
    play.after(SECOND, edit("src/login.ts", &lines(200)));
    play.after(SECOND, edit("lib/a.ts", &lines(39)));
    assert_eq!(play.holds(Noticed::ScopeDrift), Holds::No);
    play.after(SECOND, edit("lib/a.ts", &lines(40)));
    assert_eq!(play.holds(Noticed::ScopeDrift), Holds::Yes);
    play.after(SECOND, edit("lib/a.ts", &lines(1)));
    play.after(SECOND, edit("lib/b.ts", &lines(1)));
    assert_eq!(play.holds(Noticed::ScopeDrift), Holds::No);
    // What imports an expected file is not an expected one.
    play.after(SECOND, edit("src/app.ts", &lines(1)));
    assert_eq!(play.holds(Noticed::ScopeDrift), Holds::Yes);
    play.after(SECOND, edit("src/app.ts", ""));
    assert_eq!(
        play.holds(Noticed::ScopeDrift),
        Holds::No,
        "it was taken back"
    );
}

#[test]
fn the_same_line_in_three_failed_runs_is_a_repeated_error() {
    let mut play = Play::new();
    for (n, lines) in [["error: a", "error: x"], ["error: a", "error: y"]]
        .iter()
        .enumerate()
    {
        play.after(SECOND, run(CommandKind::Other, 1, lines));
        assert_eq!(play.holds(Noticed::RepeatedError), Holds::No, "{n}");
    }
    // What a run says that went well is no error.
    play.after(SECOND, run(CommandKind::Build, 0, &["error: a"]));
    assert_eq!(play.holds(Noticed::RepeatedError), Holds::No);
    play.after(SECOND, run(CommandKind::Test, 1, &["error: a"]));
    assert_eq!(play.holds(Noticed::RepeatedError), Holds::Yes);
    play.after(SECOND, run(CommandKind::Test, 1, &["error: b"]));
    assert_eq!(
        play.holds(Noticed::RepeatedError),
        Holds::No,
        "it is another now"
    );
    play.after(SECOND, run(CommandKind::Test, 1, &["error: a"]));
    assert_eq!(play.holds(Noticed::RepeatedError), Holds::Yes);
    play.after(SECOND, run(CommandKind::Test, 0, &[]));
    play.after(SECOND, run(CommandKind::Test, 1, &["error: a"]));
    assert_eq!(
        play.holds(Noticed::RepeatedError),
        Holds::No,
        "it was green"
    );
}

#[test]
fn three_requests_for_help_in_ten_minutes_are_hunger() {
    let mut play = Play::new();
    play.at(0, Event::ExplainAsked("a".into()));
    play.at(5 * MINUTE, Event::LevelChanged { raised: true });
    play.at(6 * MINUTE, Event::LevelChanged { raised: false });
    assert_eq!(play.holds(Noticed::HintHunger), Holds::No);
    play.at(10 * MINUTE, Event::LevelChanged { raised: true });
    assert_eq!(play.holds(Noticed::HintHunger), Holds::Yes);
    play.now += 1;
    assert_eq!(play.holds(Noticed::HintHunger), Holds::No);
}

#[test]
fn done_is_an_expected_file_changed_and_then_green_and_saved() {
    let mut play = Play::in_phase();
    play.after(SECOND, run(CommandKind::Test, 0, &[]));
    assert_eq!(play.holds(Noticed::Done), Holds::No, "nothing was changed");
    play.after(SECOND, edit("src/login.ts", "x\n"));
    play.after(SECOND, run(CommandKind::Test, 0, &[]));
    assert_eq!(play.holds(Noticed::Done), Holds::No, "it is not saved");
    play.after(SECOND, Event::FileSaved("src/login.ts".into()));
    assert_eq!(play.holds(Noticed::Done), Holds::Yes);
    play.after(SECOND, run(CommandKind::Test, 1, &[]));
    assert_eq!(play.holds(Noticed::Done), Holds::No, "it is red");
    play.after(SECOND, run(CommandKind::Test, 0, &[]));
    play.after(SECOND, edit("src/login.ts", "y\n"));
    play.after(SECOND, Event::FileSaved("src/login.ts".into()));
    assert_eq!(play.holds(Noticed::Done), Holds::No, "it was changed since");
    let mut play = Play::in_phase();
    play.after(SECOND, edit("lib/a.ts", "x\n"));
    play.after(SECOND, Event::FileSaved("lib/a.ts".into()));
    play.after(SECOND, run(CommandKind::Test, 0, &[]));
    assert_eq!(
        play.holds(Noticed::Done),
        Holds::No,
        "no expected file was changed"
    );
}

#[test]
fn lines_that_go_back_and_forth_are_a_loop_until_a_green_test() {
    let mut play = Play::in_phase();
    for word in ["one", "two", "one", "two"] {
        assert_eq!(play.holds(Noticed::EditLoop), Holds::No);
        play.after(
            20 * SECOND,
            edit("src/login.ts", &format!("a\n{word}\nz\n")),
        );
    }
    play.after(2 * SECOND, Event::Selected("src/login.ts".into()));
    assert_eq!(play.holds(Noticed::EditLoop), Holds::Yes);
    play.after(SECOND, run(CommandKind::Test, 0, &[]));
    assert_eq!(play.holds(Noticed::EditLoop), Holds::No);
}

#[test]
fn flow_and_reading_speak_against_a_call_and_are_no_reason_for_one() {
    let fact = |signal, holds| Fact {
        signal,
        holds,
        evidence: None,
    };
    let worth = |facts: &[Fact]| Facts(facts.to_vec()).worth_a_call();
    let loop_ = fact(Noticed::EditLoop, Holds::Yes);
    assert!(worth(std::slice::from_ref(&loop_)));
    assert!(!worth(&[fact(Noticed::EditLoop, Holds::Unavailable)]));
    assert!(!worth(&[loop_.clone(), fact(Noticed::Flow, Holds::Yes)]));
    assert!(!worth(&[
        loop_,
        fact(Noticed::ReadingForContext, Holds::Yes)
    ]));
    assert!(!worth(&[fact(Noticed::Flow, Holds::Yes)]));
}

#[test]
fn the_snapshot_is_complete() {
    let mut play = Play::in_phase();
    for _ in 0..3 {
        play.after(SECOND, run(CommandKind::Test, 101, &["error: a"]));
    }
    play.after(MINUTE, open("lib/other.ts"));
    play.answer(no_nudge());
    for word in ["one", "two", "one", "two"] {
        play.after(
            20 * SECOND,
            edit("lib/other.ts", &format!("a\n{word}\nz\n")),
        );
    }
    play.after(2 * SECOND, Event::FileSaved("lib/other.ts".into()));
    let snapshot = serde_json::to_value(play.snapshot()).expect("JSON");
    expect_test::expect_file!["snapshot.json"]
        .assert_eq(&serde_json::to_string_pretty(&snapshot).expect("JSON"));
    let text = snapshot.to_string();
    assert!(!text.contains("two"), "no text of the project: {text}");
}

#[test]
fn the_snapshot_has_the_last_twenty_actions() {
    let mut play = Play::new();
    for n in 0..30 {
        play.after(10 * SECOND, open(&n.to_string()));
        play.answer(no_nudge());
    }
    play.after(SECOND, edit("z", "1\n"));
    play.after(SECOND, edit("z", "2\n"));
    play.after(SECOND, open("y"));
    let actions = &play.snapshot().recent_actions;
    assert_eq!(actions.len(), 20);
    let last: Vec<_> = actions[18..]
        .iter()
        .map(|action| (action.kind, action.times, action.ago.as_str()))
        .collect();
    assert_eq!(last, [("buffer_update", 2, "1s"), ("file_open", 1, "0s")]);
}
