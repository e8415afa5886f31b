//! Triggers, and what keeps a look back.

use super::*;

#[test]
fn every_open_every_save_and_every_phase_is_a_reason_to_look() {
    let mut play = Play::new();
    assert_eq!(told(&play.at(0, open("a"))), ["ask file_open"]);
    play.answer(no_nudge());
    play.after(SECOND, edit("a", "x\n"));
    assert_eq!(
        told(&play.after(SECOND, Event::FileSaved("a".into()))),
        ["ask file_save"]
    );
    play.answer(no_nudge());
    let started = play.after(SECOND, Event::PhaseStarted(phase(1)));
    assert_eq!(told(&started), ["ask phase_started"]);
    play.answer(no_nudge());
    let completed = play.after(SECOND, Event::PhaseCompleted);
    assert_eq!(told(&completed), ["ask phase_completed"]);
    play.answer(no_nudge());
    // What Claude shows, tabs, selections and summaries are none.
    for event in [
        Event::FileOpened {
            path: "b".into(),
            by_human: false,
        },
        Event::TabSwitched("c".into()),
        Event::Selected("c".into()),
        Event::FileClosed("c".into()),
        Event::LevelChanged { raised: true },
        Event::IdleStarted,
        Event::IdleEnded,
        run(CommandKind::Test, 1, &["error"]),
    ] {
        assert_eq!(play.after(SECOND, event), []);
    }
}

#[test]
fn every_fifth_update_is_looked_at_and_the_count_begins_anew_whatever_comes_of_it() {
    let mut play = Play::new();
    let mut looks = Vec::new();
    for n in 1..=14_u64 {
        let steps = play.after(SECOND, edit("a", &format!("{n}\n")));
        if !steps.is_empty() {
            looks.push((n, told(&steps)));
        }
    }
    // The first was not answered, so that the second is kept back, and counted all the same.
    assert_eq!(
        looks,
        [
            (5, vec!["ask buffer_updates".to_owned()]),
            (10, vec!["in_progress 1".to_owned()])
        ]
    );
    assert_eq!(play.state.kept().updates, 4);
    play.after(SECOND, Event::PhaseCompleted);
    assert_eq!(play.state.kept().updates, 0);
}

#[test]
fn every_third_request_for_an_explanation_of_the_session_is_looked_at() {
    let mut play = Play::new();
    let mut looks = Vec::new();
    for n in 1..=9 {
        let asked = told(&play.after(2 * MINUTE, Event::ExplainAsked("a".into())));
        if let [word] = &asked[..] {
            looks.push((n, word.clone()));
        }
        if asked == ["ask explain_requests"] {
            play.answer(no_nudge());
        }
        // The count goes on over phases.
        play.after(SECOND, Event::PhaseStarted(phase(n)));
        if play.state.asking.is_some() {
            play.answer(no_nudge());
        }
    }
    let numbers: Vec<_> = looks.iter().map(|(n, _)| *n).collect();
    assert_eq!(numbers, [3, 6, 9], "{looks:?}");
}

#[test]
fn idleness_is_looked_at_once_in_a_spell() {
    let mut play = Play::new();
    play.at(0, open("a"));
    play.answer(no_nudge());
    assert_eq!(play.state.due(), Some(Moment(EPOCH + 5 * MINUTE)));
    // A tick that comes too early is none.
    assert_eq!(
        play.state.on(Event::Tick, Moment(EPOCH + 5 * MINUTE - 1)),
        []
    );
    let steps = play.state.on(Event::Tick, Moment(EPOCH + 5 * MINUTE));
    assert_eq!(told(&steps), ["ask idle"]);
    play.keep(steps);
    assert_eq!(play.snapshot().signals.of(Noticed::Idle), Holds::Yes);
    assert!(play.snapshot().user_idle);
    play.answer(no_nudge());
    assert_eq!(play.state.due(), None);
    assert_eq!(play.state.on(Event::Tick, Moment(EPOCH + 60 * MINUTE)), []);
    play.at(60 * MINUTE, Event::TabSwitched("a".into()));
    assert_eq!(play.state.due(), Some(Moment(EPOCH + 65 * MINUTE)));
}

#[test]
fn after_a_finished_phase_or_a_run_of_tests_one_may_rest() {
    for (rest, may) in [
        (Event::PhaseCompleted, true),
        (run(CommandKind::Test, 1, &[]), true),
        (run(CommandKind::Build, 1, &[]), false),
    ] {
        let mut play = Play::in_phase();
        play.after(SECOND, rest.clone());
        assert_eq!(play.state.due().is_none(), may, "{rest:?}");
    }
    // Claude's own runs are no act of the learner's.
    let mut play = Play::in_phase();
    play.after(
        SECOND,
        Event::CommandRan {
            kind: CommandKind::Test,
            exit_code: 0,
            error_lines: vec![],
            by_human: false,
        },
    );
    assert!(play.state.due().is_some());
}

#[test]
fn muted_it_is_silent_and_later_it_looks_again() {
    let mut play = Play::new();
    let muted = play.at(0, Event::Muted(true));
    assert_eq!(told(&muted), ["status true true"]);
    assert_eq!(play.after(SECOND, open("a")), []);
    assert_eq!(play.after(10 * MINUTE, Event::Tick), []);
    let unmuted = play.after(SECOND, Event::Muted(false));
    assert_eq!(told(&unmuted), ["status true false"]);
    assert_eq!(told(&play.after(SECOND, open("a"))), ["ask file_open"]);
}

#[test]
fn one_question_at_a_time() {
    let mut play = Play::new();
    play.at(0, open("a"));
    assert_eq!(told(&play.after(SECOND, open("b"))), ["in_progress 1"]);
    // An answer to another question is none.
    let answer = Ok(no_nudge());
    assert_eq!(play.after(0, Event::Answered { ask: 7, answer }), []);
    assert_eq!(told(&play.after(SECOND, open("b"))), ["in_progress 1"]);
    play.answer(no_nudge());
    assert_eq!(told(&play.after(SECOND, open("c"))), ["ask file_open"]);
}

#[test]
fn a_nudge_is_followed_by_peace_by_stage() {
    use paige_store::coach::Stage;
    for (stage, seconds) in [
        (Stage::Novice, 120),
        (Stage::AdvancedBeginner, 120),
        (Stage::Competent, 180),
        (Stage::Proficient, 240),
        (Stage::Expert, 360),
    ] {
        let mut play = Play::new();
        play.at(0, Event::StageIs(stage));
        assert_eq!(
            told(&play.nudged(0))[1..],
            ["nudge stuck_on_implementation"]
        );
        // The last millisecond of it, and the first after it.
        assert_eq!(
            told(&play.after(seconds * SECOND - 1, open("b"))),
            ["cooldown 1"],
            "{stage}"
        );
        assert_eq!(
            told(&play.after(1, open("c"))),
            ["ask file_open"],
            "{stage}"
        );
    }
}

#[test]
fn only_a_nudge_begins_the_cooldown() {
    let mut play = Play::new();
    for (n, answer) in [no_nudge(), nudge("wrong_file", 0.5), nudge("banana", 0.9)]
        .into_iter()
        .enumerate()
    {
        assert_eq!(
            told(&play.after(SECOND, open(&n.to_string()))),
            ["ask file_open"]
        );
        play.answer(answer);
    }
}

#[test]
fn who_is_at_work_is_left_alone() {
    let mut play = Play::new();
    for n in 0..10 {
        play.after(SECOND, Event::TabSwitched(format!("{n}").into()));
    }
    assert_eq!(told(&play.after(SECOND, open("b"))), ["flow_state 1"]);
    assert_eq!(told(&play.after(51 * SECOND, open("c"))), ["ask file_open"]);
}

#[test]
fn what_has_not_changed_is_not_asked_again() {
    let mut play = Play::new();
    play.at(0, open("a"));
    play.answer(no_nudge());
    assert_eq!(told(&play.after(SECOND, open("a"))), ["unchanged 1"]);
    assert_eq!(told(&play.after(SECOND, open("b"))), ["ask file_open"]);
    play.answer(no_nudge());
    // An edit changes an unsaved text.
    play.after(SECOND, edit("b", "x\n"));
    assert_eq!(told(&play.after(SECOND, open("b"))), ["ask file_open"]);
    play.answer(no_nudge());
    assert_eq!(told(&play.after(SECOND, open("b"))), ["unchanged 1"]);
    // So do a save and a phase.
    assert_eq!(
        told(&play.after(SECOND, Event::FileSaved("b".into()))),
        ["ask file_save"]
    );
    play.answer(no_nudge());
    assert_eq!(
        told(&play.after(SECOND, Event::PhaseStarted(phase(1)))),
        ["ask phase_started"]
    );
    play.answer(no_nudge());
    // And a signal: three requests for help in ten minutes.
    for _ in 0..2 {
        play.after(SECOND, Event::ExplainAsked("b".into()));
    }
    assert_eq!(
        told(&play.after(SECOND, Event::ExplainAsked("b".into()))),
        ["ask explain_requests"]
    );
}

#[test]
fn a_question_that_failed_is_asked_again() {
    let mut play = Play::new();
    play.at(0, open("a"));
    let ask = play.asks[0].id;
    let failed = play.after(
        SECOND,
        Event::Answered {
            ask,
            answer: Err("no answer".to_owned()),
        },
    );
    assert_eq!(told(&failed), ["failed 1"]);
    assert_eq!(told(&play.after(SECOND, open("a"))), ["ask file_open"]);
}

#[test]
fn the_strict_profile_lets_a_phase_begin_in_peace() {
    use paige_store::coach::Stage;
    for (stage, minutes) in [
        (Stage::Novice, 2),
        (Stage::AdvancedBeginner, 3),
        (Stage::Competent, 3),
        (Stage::Proficient, 6),
        (Stage::Expert, 6),
    ] {
        let start = Start {
            stage,
            ..Start::default()
        };
        let mut play = Play::with(|config| config.profile = Profile::Strict, start);
        assert_eq!(told(&play.at(0, open("a"))), ["ask file_open"]);
        play.answer(no_nudge());
        let started = play.after(SECOND, Event::PhaseStarted(phase(1)));
        assert_eq!(told(&started), ["productive_struggle 1"]);
        let almost = play.after(minutes * MINUTE - 1, open("b"));
        assert_eq!(told(&almost), ["productive_struggle 1"], "{stage}");
        assert_eq!(
            told(&play.after(1, open("c"))),
            ["ask file_open"],
            "{stage}"
        );
    }
    let mut play = Play::new();
    assert_eq!(
        told(&play.at(0, Event::PhaseStarted(phase(1)))),
        ["ask phase_started"]
    );
}

#[test]
fn the_precheck_asks_only_when_a_signal_asks_for_a_look() {
    let mut play = Play::with(|config| config.precheck = true, Start::default());
    assert_eq!(told(&play.at(0, open("a"))), ["precheck 1"]);
    let steps = play.after(5 * MINUTE, Event::IdleStarted);
    assert_eq!(steps, []);
    assert_eq!(told(&play.steps[1..]), ["ask idle"]);
    // Off, it is only noted what it would have said.
    let mut play = Play::new();
    play.at(0, open("a"));
    assert!(!play.asks[0].precheck);
    let triage = play.answer(no_nudge());
    assert!(matches!(
        &triage[0],
        Step::Log(Action::ObserverTriage {
            precheck: false,
            ..
        })
    ));
}

#[test]
fn without_a_model_it_looks_and_asks_nobody() {
    let mut play = Play::with(
        |_| {},
        Start {
            online: false,
            ..Start::default()
        },
    );
    assert_eq!(told(&play.at(0, open("a"))), ["offline 1"]);
    play.after(SECOND, Event::Online(true));
    assert_eq!(told(&play.after(SECOND, open("a"))), ["ask file_open"]);
}

#[test]
fn looks_at_typing_that_come_to_nothing_are_told_together_and_none_is_lost() {
    let mut play = Play::new();
    play.nudged(0);
    let mut entries = Vec::new();
    for n in 0..600_u64 {
        entries.extend(told(&play.after(100, edit("a", &format!("{n}\n")))));
    }
    // In each minute one, and opens each for itself.
    assert_eq!(entries, ["cooldown 1"]);
    assert_eq!(told(&play.after(0, open("b"))), ["cooldown 1"]);
    assert_eq!(told(&play.after(0, open("b"))), ["cooldown 1"]);
    for n in 0..10_u64 {
        entries.extend(told(&play.after(100, edit("a", &format!("{n}!\n")))));
    }
    let ended = play.after(0, Event::SessionEnded);
    entries.extend(told(&ended));
    let times: u64 = entries
        .iter()
        .filter_map(|entry| entry.strip_prefix("cooldown ")?.parse::<u64>().ok())
        .sum();
    assert_eq!(times, 122, "{entries:?}");
    assert_eq!(
        told(&ended).last().map(String::as_str),
        Some("status false false")
    );
}

#[test]
fn after_the_end_nothing_happens() {
    let mut play = Play::new();
    play.at(0, open("a"));
    assert_eq!(
        told(&play.after(SECOND, Event::SessionEnded)),
        ["status false false"]
    );
    assert_eq!(play.state.due(), None);
    assert_eq!(play.answer(nudge("stuck_on_implementation", 0.9)), []);
    assert_eq!(play.after(SECOND, open("b")), []);
}

#[test]
fn what_is_kept_goes_on_after_a_restart() {
    let mut play = Play::in_phase();
    play.nudged(SECOND);
    for n in 0..4 {
        play.after(SECOND, edit("a", &format!("{n}\n")));
    }
    play.after(SECOND, Event::ExplainAsked("a".into()));
    let kept = play.state.kept().clone();
    let start = Start {
        kept: kept.clone(),
        phase: Some((phase(1), Moment(EPOCH))),
        ..Start::default()
    };
    let mut again = Play::with(|_| {}, start);
    assert_eq!(*again.state.kept(), kept);
    assert_eq!(
        told(&again.at(60 * SECOND, edit("a", "x\n"))),
        ["cooldown 1"]
    );
    again.after(SECOND, Event::ExplainAsked("a".into()));
    assert_eq!(
        told(&again.after(SECOND, Event::ExplainAsked("a".into()))),
        ["cooldown 1"]
    );
    again.after(2 * MINUTE, open("b"));
    again.answer(nudge("stuck_on_implementation", 0.9));
    assert_eq!(
        again.state.kept().breaker.counts()["stuck_on_implementation"],
        2
    );
    let muted = Start {
        kept: Kept {
            muted: true,
            ..kept
        },
        ..Start::default()
    };
    assert_eq!(Play::with(|_| {}, muted).at(10 * MINUTE, open("b")), []);
}
