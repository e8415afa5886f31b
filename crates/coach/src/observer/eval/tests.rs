//! Reading, replaying and scoring, in small.

use paige_protocol::coach::coaching::{Signal, SuppressionReason};

use super::*;
use crate::observer::Config;

fn config() -> Config {
    crate::Config::default().observer
}

/// A session of minutes of edits in the wrong file, one line for each entry.
const SESSION: &str = r#"{
  "format": "paige.session", "version": 1,
  "session": {"startedAt": "2026-03-02T09:00:00Z", "endedAt": "2026-03-02T09:20:00Z"},
  "plans": [{"createdAt": "2026-03-02T09:00:00Z", "phases": [
    {"number": 1, "title": "Find it", "description": "Find it.", "expectedFiles": ["a.ts"]}
  ]}],
  "labels": [
    {"from": "2026-03-02T09:04:00Z", "to": "2026-03-02T09:08:00Z", "signals": ["wrong_file"], "why": "Elsewhere."}
  ],
  "events": [
    {"at": "2026-03-02T09:00:01Z", "kind": "phase_started", "data": {"phaseId": 1, "phaseNumber": 1, "title": "Find it"}},
    {"at": "2026-03-02T09:00:02Z", "kind": "something_new", "data": {"of": "a later version"}},
    {"at": "2026-03-02T09:05:00Z", "kind": "file_save", "data": {"path": "b.ts", "charCount": 3}}
  ],
  "files": {"b.ts": ["one", "two"]},
  "raw": [
    {"at": "2026-03-02T09:01:00Z", "kind": "edit", "path": "b.ts", "replace": "two", "with": "abcd", "updates": 4, "seconds": 300}
  ]
}"#;

fn wrong(text: &str) -> (usize, String) {
    let mistake = Scenario::parse(text).expect_err("a mistake");
    (mistake.line, mistake.message)
}

#[test]
fn a_session_is_looked_at_when_its_triggers_fire() {
    let scenario = Scenario::parse(SESSION).expect("a session");
    let looks = looks(&scenario, &config());
    let words: Vec<_> = looks
        .iter()
        .map(|look| (look.at.iso(), serde_json::json!(look.trigger())))
        .collect();
    assert_eq!(
        words,
        [
            (
                "2026-03-02T09:00:01.000Z".to_owned(),
                "phase_started".into()
            ),
            ("2026-03-02T09:05:00.000Z".to_owned(), "file_save".into()),
            ("2026-03-02T09:10:00.000Z".to_owned(), "idle".into()),
        ]
    );
    // Typed bit by bit: it began as `two` and ends as `abcd`.
    assert_eq!(looks[1].snapshot.diff.lines, 1);
    let typed = looks[1].snapshot.recent_actions.iter();
    let typed: Vec<_> = typed.map(|action| (action.kind, action.times)).collect();
    assert!(typed.contains(&("buffer_update", 4)), "{typed:?}");
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let cases = [
        ("{", 1, "whole"),
        ("{\"version\": 1}", 1, "export SESSION --format json"),
        (
            &SESSION.replace("\"version\": 1", "\"version\": 2"),
            1,
            "version 1",
        ),
        (&SESSION.replace("09:05:00Z", "nine"), 13, "is no time"),
        (&SESSION.replace("charCount", "chars"), 13, "charCount"),
        (
            &SESSION.replace("\"replace\": \"two\"", "\"replace\": \"three\""),
            17,
            "does not stand",
        ),
        (
            &SESSION.replace("\"replace\": \"two\"", "\"replace\": \"o\""),
            17,
            "more than once",
        ),
        (
            &SESSION.replace("\"replace\": \"two\",", ""),
            17,
            "either `text` or both",
        ),
        (
            &SESSION.replace("\"updates\": 4", "\"updates\": 0"),
            17,
            "at least one update",
        ),
        (&SESSION.replace("\"updates\"", "\"update\""), 17, "update"),
        (
            &SESSION.replace("09:08:00Z", "09:03:00Z"),
            8,
            "ends after it begins",
        ),
        (&SESSION.replace("wrong_file", "banana"), 8, "banana"),
        (
            &SESSION.replace("09:00:01Z", "08:00:01Z"),
            1,
            "before the session began",
        ),
    ];
    for (text, line, part) in cases {
        let (at, message) = wrong(text);
        assert_eq!(at, line, "{message}");
        assert!(message.contains(part), "{message}");
    }
}

/// The session with these answers, by the index of the look.
fn case(answers: &[(usize, serde_json::Value)]) -> Case {
    let scenario = Scenario::parse(SESSION).expect("a session");
    let nothing = Recorded::default();
    let lines = looks(&scenario, &config())
        .iter()
        .enumerate()
        .map(|(index, look)| {
            let mut line = serde_json::to_value(nothing.line(look)).expect("a line");
            let given = answers.iter().find(|(of, _)| *of == index);
            let answer = given.map_or_else(
                || serde_json::json!({"should_nudge": false, "confidence": 0.9, "signal": "no_nudge", "reasoning": ""}),
                |(_, answer)| answer.clone(),
            );
            line["answer"] = answer;
            format!("{line}\n")
        })
        .collect::<String>();
    Case {
        file: "session.json".to_owned(),
        scenario,
        recorded: Recorded::parse(&lines).expect("looks"),
    }
}

fn nudge(signal: &str, confidence: f64) -> serde_json::Value {
    serde_json::json!({"should_nudge": true, "confidence": confidence, "signal": signal, "reasoning": ""})
}

fn evaluated(case: Case, without: Option<SuppressionReason>) -> Evaluation {
    Evaluation::of(&[case], &config(), without, 400, &|spent| {
        Some(f64::from(spent.input_tokens))
    })
}

fn counts(found: &Evaluation, strategy: Strategy) -> (u32, u32, u32) {
    let column = found.sets[0]
        .columns
        .iter()
        .find(|column| column.strategy == strategy)
        .expect("the column");
    (column.found, column.false_alarms, column.calls)
}

#[test]
fn a_nudge_is_right_within_a_label_that_accepts_it() {
    let found = evaluated(case(&[(1, nudge("wrong_file", 0.9))]), None);
    assert_eq!(counts(&found, Strategy::Always), (1, 2, 0));
    assert_eq!(counts(&found, Strategy::Never), (0, 0, 0));
    // The second reason that the rules see is that nothing is done.
    assert_eq!(counts(&found, Strategy::Rules), (1, 1, 0));
    assert_eq!(counts(&found, Strategy::Triage), (1, 0, 3));
    assert_eq!(counts(&found, Strategy::Full), (1, 0, 3));
    assert_eq!(counts(&found, Strategy::FullPrecheck), (1, 0, 2));
    let [verdict] = &found.scenarios[..] else {
        panic!("one session")
    };
    assert_eq!(verdict.faults, Vec::<String>::new());
    assert_eq!(verdict.nudges[0].signal, Signal::WrongFile);
    assert!(found.tokens_are_estimated);

    // About something else it is wrong, and the label is missed.
    let found = evaluated(case(&[(1, nudge("stuck_on_implementation", 0.9))]), None);
    assert_eq!(counts(&found, Strategy::Full), (0, 1, 3));
    assert_eq!(found.scenarios[0].faults.len(), 2);
    // So it is when it says nothing that there is.
    let found = evaluated(case(&[(1, nudge("banana", 0.9))]), None);
    assert_eq!(counts(&found, Strategy::Triage), (0, 1, 3));
    assert_eq!(counts(&found, Strategy::Full), (0, 0, 3));
}

#[test]
fn a_rule_that_is_left_out_lets_its_answers_through() {
    let unsure = || case(&[(1, nudge("wrong_file", 0.5))]);
    assert_eq!(
        counts(&evaluated(unsure(), None), Strategy::Full),
        (0, 0, 3)
    );
    let without = evaluated(unsure(), Some(SuppressionReason::LowConfidence));
    assert_eq!(counts(&without, Strategy::Full), (1, 0, 3));
}

#[test]
fn an_answer_to_another_snapshot_does_not_count() {
    let mut case = case(&[(1, nudge("wrong_file", 0.9))]);
    case.scenario =
        Scenario::parse(&SESSION.replace("Find it.", "Find where.")).expect("a session");
    let found = evaluated(case, None);
    assert_eq!(found.scenarios[0].unanswered.len(), 3);
    assert!(
        found.scenarios[0].unanswered[0].contains("`current_phase`"),
        "{:?}",
        found.scenarios[0].unanswered
    );
    // Without any answer there is nothing to say about the model.
    assert_eq!(found.sets[0].columns.len(), 3);
}

#[test]
fn looks_that_are_wrong_are_named_with_their_line() {
    for (text, line) in [("{}\n", 1), ("\n{\"at\":1}", 2)] {
        let mistake = Recorded::parse(text).expect_err("a mistake");
        assert_eq!(mistake.line, line, "{}", mistake.message);
    }
}
