//! What comes of an answer.

use super::*;
use paige_protocol::coach::coaching::BreakerStep;

fn outcome(answer: Triage) -> Vec<String> {
    let mut play = Play::new();
    play.at(0, open("a"));
    told(&play.answer(answer))
}

#[test]
fn an_answer_counts_by_its_signal_and_its_confidence() {
    let sent = |signal: &str| vec!["observer_triage".to_owned(), format!("nudge {signal}")];
    let kept = |reason: &str| vec!["observer_triage".to_owned(), format!("{reason} 1")];
    let cases = [
        (
            nudge("stuck_on_implementation", 0.8),
            sent("stuck_on_implementation"),
        ),
        (
            nudge("stuck_on_implementation", 0.7),
            sent("stuck_on_implementation"),
        ),
        (
            nudge("stuck_on_implementation", 0.69),
            kept("low_confidence"),
        ),
        (nudge("edit_loop", 0.8), sent("stuck_on_implementation")),
        (nudge(" Edit_Loop ", 0.8), sent("stuck_on_implementation")),
        // Without a phase, nothing speaks for or against these.
        (nudge("wrong_file", 0.8), sent("wrong_file")),
        (nudge("scope_drift", 0.8), sent("scope_drift")),
        (nudge("phase_complete", 0.8), sent("phase_complete")),
        (nudge("repeated_errors", 0.8), sent("repeated_errors")),
        (nudge("banana", 0.99), kept("unknown_signal")),
        (nudge("", 0.99), kept("unknown_signal")),
        (nudge("no_nudge", 0.99), kept("contradictory")),
        (no_nudge(), vec!["observer_triage".to_owned()]),
        // Nobody is to be nudged, whatever was noticed.
        (
            Triage {
                should_nudge: false,
                ..nudge("wrong_file", 0.9)
            },
            vec!["observer_triage".to_owned()],
        ),
        (
            Triage {
                should_nudge: false,
                ..nudge("banana", 0.9)
            },
            vec!["observer_triage".to_owned()],
        ),
        (
            nudge("stuck_on_implementation", 1.01),
            vec!["failed 1".to_owned()],
        ),
        (
            nudge("stuck_on_implementation", -0.1),
            vec!["failed 1".to_owned()],
        ),
        (
            nudge("stuck_on_implementation", f64::NAN),
            vec!["failed 1".to_owned()],
        ),
    ];
    for (answer, expected) in cases {
        let shown = format!("{answer:?}");
        assert_eq!(outcome(answer), expected, "{shown}");
    }
}

#[test]
fn what_the_record_refutes_is_not_said() {
    let mut play = Play::in_phase();
    play.after(SECOND, run(CommandKind::Test, 1, &["error: a"]));
    for (n, signal) in [
        "wrong_file",
        "scope_drift",
        "phase_complete",
        "repeated_errors",
        "long_idle",
        "idle",
        "excessive_hints",
    ]
    .into_iter()
    .enumerate()
    {
        play.after(SECOND, open(&n.to_string()));
        let kept = play.answer(nudge(signal, 0.95));
        assert_eq!(
            told(&kept),
            ["observer_triage", "unsupported 1"],
            "{signal}"
        );
    }
    // That somebody is stuck may be seen from more than what is computed.
    play.after(SECOND, open("z"));
    assert_eq!(told(&play.answer(nudge("edit_loop", 0.95))).len(), 2);
}

#[test]
fn what_was_muted_while_a_model_was_thinking_is_dropped() {
    let mut play = Play::new();
    play.at(0, open("a"));
    play.after(SECOND, Event::Muted(true));
    play.after(SECOND, Event::Muted(false));
    // The question is still open, so that no other is asked.
    assert_eq!(told(&play.after(SECOND, open("b"))), ["in_progress 1"]);
    let answered = play.answer(nudge("stuck_on_implementation", 0.9));
    assert_eq!(told(&answered), ["observer_triage", "muted 1"]);
}

#[test]
fn what_was_asked_about_another_phase_or_before_the_flow_is_not_said() {
    let mut play = Play::in_phase();
    play.after(SECOND, open("a"));
    play.after(SECOND, Event::PhaseCompleted);
    let answered = play.answer(nudge("stuck_on_implementation", 0.9));
    assert_eq!(told(&answered), ["observer_triage", "outdated 1"]);
    play.after(SECOND, open("b"));
    for n in 0..11 {
        play.after(100, Event::TabSwitched(format!("{n}").into()));
    }
    let answered = play.answer(nudge("stuck_on_implementation", 0.9));
    assert_eq!(told(&answered), ["observer_triage", "flow_state 1"]);
}

#[test]
fn each_nudge_of_a_kind_is_more_direct_until_a_green_test() {
    let mut play = Play::in_phase();
    let step = |play: &mut Play| {
        let steps = play.nudged(3 * MINUTE);
        let nudge = steps.into_iter().find_map(|step| match step {
            Step::Nudge(nudge) => Some(nudge),
            _ => None,
        });
        let nudge = nudge.expect("a nudge");
        (nudge.context.step, nudge.records_gap)
    };
    use BreakerStep as S;
    let steps: Vec<_> = (0..6).map(|_| step(&mut play)).collect();
    assert_eq!(
        steps,
        [
            (S::Ask, false),
            (S::Reframe, false),
            (S::Decompose, false),
            (S::Lateral, false),
            (S::Rung4, true),
            (S::Rung4, false)
        ]
    );
    assert!(play.state.kept().breaker.allows_sketch());
    play.after(SECOND, run(CommandKind::Test, 1, &[]));
    assert_eq!(step(&mut play).0, S::Rung4);
    play.after(SECOND, run(CommandKind::Build, 0, &[]));
    assert_eq!(step(&mut play).0, S::Rung4);
    play.after(SECOND, run(CommandKind::Test, 0, &[]));
    assert_eq!(step(&mut play).0, S::Ask);
    assert_eq!(step(&mut play).0, S::Reframe);
    play.after(SECOND, Event::PhaseCompleted);
    play.answer(no_nudge());
    assert_eq!(step(&mut play).0, S::Ask);
}

#[test]
fn a_nudge_names_what_there_is_and_not_what_a_model_invents() {
    let mut play = Play::in_phase();
    play.after(SECOND, open("lib/token.ts"));
    play.answer(no_nudge());
    play.after(72 * SECOND, edit("lib/token.ts", "x\n"));
    play.after(0, Event::FileSaved("lib/token.ts".into()));
    let invented = SuggestedContext {
        current_file: Some("/etc/passwd".to_owned()),
        expected_file: Some("$(rm -rf ~)".to_owned()),
        time_in_file: Some("for ever\u{1b}[2J".to_owned()),
    };
    let steps = play.answer(Triage {
        suggested_context: Some(invented),
        ..nudge("edit_loop", 0.85)
    });
    let Step::Nudge(nudge) = &steps[1] else {
        panic!("{steps:?}");
    };
    assert_eq!(
        nudge.message,
        "[PAIGE_OBSERVER] {\"signal\":\"stuck_on_implementation\",\"confidence\":0.85,\"context\":{\"current_file\":\"lib/token.ts\",\
         \"expected_file\":\"src/login.ts\",\"time_in_file\":\"1m12s\",\"current_phase\":1,\"phase_description\":\"Find where the callback runs twice.\",\"step\":\"ask\"}}"
    );
    assert_eq!(nudge.expires_at, Moment(EPOCH + play.now + 30 * SECOND));
    assert_eq!(nudge.signal, Signal::StuckOnImplementation);
}

#[test]
fn a_rule_that_is_left_out_keeps_nothing_back() {
    for (rule, answer) in [
        (SuppressionReason::LowConfidence, nudge("edit_loop", 0.1)),
        (SuppressionReason::Unsupported, nudge("long_idle", 0.9)),
    ] {
        let mut play = Play::new();
        play.at(0, open("a"));
        assert_eq!(told(&play.answer(answer.clone())).len(), 2);
        let mut play = Play::new();
        play.state = play.state.without(rule);
        play.at(0, open("a"));
        let steps = play.answer(answer);
        assert!(matches!(steps[1], Step::Nudge(_)), "{steps:?}");
    }
}

#[test]
fn a_look_that_failed_says_why_and_what_made_it() {
    let mut play = Play::new();
    play.at(0, open("a"));
    let ask = play.asks[0].id;
    let steps = play.after(
        0,
        Event::Answered {
            ask,
            answer: Err("The server is down.".to_owned()),
        },
    );
    assert_eq!(
        steps,
        [Step::Log(Action::NudgeSuppressed {
            trigger: Trigger::FileOpen,
            signal: None,
            confidence: None,
            reason: SuppressionReason::Failed,
            times: 1,
            error: Some("The server is down.".to_owned()),
        })]
    );
}
