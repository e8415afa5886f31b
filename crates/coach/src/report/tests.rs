//! The report of rows that are made by hand, and of rows that the store keeps.

use paige_store::coach::{
    HintLevel, HintLevelSource, PhaseStatus, SessionStatus, StartedBy, api_calls,
    hint_level_spans::HintLevelSpan, phases, plans, progress::Progress, progress::ProgressEvent,
    sessions::Session,
};
use paige_store::{Json, TimelineEntry};
use serde_json::{Value, json};

use super::*;

const HOSTILE: &str =
    "</script><script>alert(1)</script> | `x` \u{1b}[2J \u{2028} sk-ant-api03-abcdefghijklmnop";

/// The time so many seconds after ten.
fn at(seconds: u32) -> String {
    format!(
        "2026-02-11T{:02}:{:02}:{:02}.000Z",
        10 + seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

fn entry(id: u32, seconds: u32, kind: &'static str, data: &Value) -> TimelineEntry {
    TimelineEntry {
        id,
        scope: Some(3),
        kind: kind.into(),
        data: Some(data.to_string()),
        at: at(seconds),
        call_id: None,
    }
}

fn phase(number: u32, status: PhaseStatus, from: Option<u32>, to: Option<u32>) -> phases::Phase {
    phases::Phase {
        id: number,
        plan_id: 1,
        number,
        title: format!("Phase {number}"),
        description: String::new(),
        hint_level: HintLevel::Low,
        expected_files: Json(vec!["a.rs".to_owned()]),
        status,
        started_at: from.map(at),
        completed_at: to.map(at),
        teaching: Json::default(),
    }
}

fn used(id: u32, phase_id: u32, seconds: u32, rung: u32) -> ProgressEvent {
    ProgressEvent {
        id,
        phase_id,
        progress: Progress::HintUsed {
            hint_id: 1,
            hint_level: HintLevel::High,
            path: format!("{rung}.rs"),
            rung,
        },
        created_at: at(seconds),
    }
}

fn span(level: HintLevel, from: u32, to: Option<u32>) -> HintLevelSpan {
    HintLevelSpan {
        id: from,
        session_id: 3,
        level,
        started_at: at(from),
        ended_at: to.map(at),
    }
}

/// A session of an hour with a plan of three phases, of which the second was not finished.
fn rows(status: SessionStatus, ended: Option<u32>) -> Rows {
    let totals = |calls, cost, unpriced| api_calls::Totals {
        calls,
        cost,
        unpriced,
        mean_latency_ms: Some(200.0),
        input_tokens: 100,
        ..api_calls::Totals::default()
    };
    Rows {
        session: Session {
            id: 3,
            project_dir: "/project".to_owned(),
            issue_number: Some(42),
            issue_title: Some(HOSTILE.to_owned()),
            issue_summary: None,
            issue_labels: None,
            issue_url: None,
            status,
            started_by: StartedBy::Mcp,
            hint_level: HintLevel::High,
            hint_level_source: HintLevelSource::User,
            started_at: at(0),
            ended_at: ended.map(at),
            last_activity_at: at(0),
            total_duration_ms: None,
        },
        plans: vec![(
            plans::Plan {
                id: 1,
                session_id: 3,
                title: HOSTILE.to_owned(),
                description: HOSTILE.to_owned(),
                total_phases: 3,
                raw_plan_text: None,
                is_active: true,
                created_at: at(10),
                memory_connection: None,
                estimated_difficulty: None,
            },
            vec![
                (
                    phase(1, PhaseStatus::Complete, Some(60), Some(360)),
                    2,
                    vec![used(1, 1, 100, 1), used(3, 1, 300, 3)],
                ),
                (
                    phase(2, PhaseStatus::Active, Some(400), None),
                    1,
                    vec![used(2, 2, 200, 2)],
                ),
                (phase(3, PhaseStatus::Pending, None, None), 0, vec![]),
            ],
        )],
        levels: vec![
            span(HintLevel::Low, 0, Some(600)),
            span(HintLevel::High, 600, ended),
        ],
        gaps: vec![],
        errors: vec![],
        calls: vec![
            ("explain".to_owned(), "large".to_owned(), totals(2, 0.5, 0)),
            (HOSTILE.to_owned(), "local".to_owned(), totals(1, 0.0, 1)),
        ],
        total: totals(3, 0.5, 1),
        entries: vec![
            entry(
                1,
                0,
                "session_started",
                &json!({"issueNumber": 42, "issueTitle": "T", "startedBy": "mcp"}),
            ),
            entry(
                4,
                90,
                "coaching_message",
                &json!({"messageId": "m", "message": HOSTILE, "type": "hint", "rung": 1}),
            ),
            entry(
                5,
                90,
                "nudge_suppressed",
                &json!({"trigger": "idle", "signal": "long_idle", "confidence": 0.5, "reason": "low_confidence", "times": 1, "error": HOSTILE}),
            ),
            entry(
                9,
                91,
                "from_a_later_version",
                &json!({"x": [{"y": HOSTILE}]}),
            ),
        ],
    }
}

fn report(status: SessionStatus, ended: Option<u32>) -> Report {
    Report::of(&rows(status, ended), &at(7200))
}

#[test]
fn what_did_not_end_lasts_until_the_session_ended_or_the_report_was_made() {
    for (status, ended, whole, second, high) in [
        (SessionStatus::Completed, Some(3600), 3600, 3200, 3000),
        (SessionStatus::Abandoned, Some(1000), 1000, 600, 400),
        (SessionStatus::Active, None, 7200, 6800, 6600),
    ] {
        let report = report(status, ended);
        assert_eq!(report.session.duration_ms, whole * 1000, "{status}");
        let phases: Vec<_> = report.plans[0]
            .phases
            .iter()
            .map(|phase| phase.duration_ms)
            .collect();
        assert_eq!(
            phases,
            [Some(300_000), Some(second * 1000), None],
            "{status}"
        );
        let levels: Vec<_> = report
            .hint_levels
            .iter()
            .map(|span| (span.level, span.duration_ms))
            .collect();
        assert_eq!(
            levels,
            [(HintLevel::Low, 600_000), (HintLevel::High, high * 1000)],
            "{status}"
        );
        let until = &report.hint_levels[1].until;
        assert_eq!(until, &ended.map_or_else(|| at(7200), at), "{status}");
    }
}

#[test]
fn events_and_uses_of_hints_are_in_order_and_counted() {
    let report = report(SessionStatus::Completed, Some(3600));
    let events: Vec<_> = report
        .events
        .iter()
        .map(|event| (event.id, event.offset_ms, event.lane))
        .collect();
    assert_eq!(
        events,
        [
            (1, 0, Lane::Session),
            (4, 90_000, Lane::Claude),
            (5, 90_000, Lane::Observer),
            (9, 91_000, Lane::Other),
        ]
    );
    assert_eq!(report.events[0].text, "The session started on issue #42: T");
    assert_eq!(report.events[3].text, "from a later version");
    let uses: Vec<_> = report
        .hints_used
        .iter()
        .map(|hint| (hint.phase_number, hint.rung))
        .collect();
    assert_eq!(uses, [(1, 1), (2, 2), (1, 3)]);
    let first = &report.plans[0].phases[0];
    assert_eq!(
        (first.hints, first.hints_used, first.highest_rung),
        (2, 2, Some(3))
    );
    assert_eq!(report.looks, Looks::default());
    let nudge = &report.nudges[0];
    assert_eq!(
        (nudge.sent, nudge.signal.as_deref(), nudge.confidence),
        (false, Some("long_idle"), Some(0.5))
    );
}

#[test]
fn looks_of_the_observer_are_counted_with_the_calls_that_the_precheck_saves() {
    let suppressed = |reason: &str, times: u32| json!({"trigger": "buffer_updates", "reason": reason, "times": times});
    let triage = |precheck: bool| json!({"trigger": "idle", "shouldNudge": false, "confidence": 0.9, "signal": null, "reasoning": null, "precheck": precheck});
    let mut rows = rows(SessionStatus::Completed, Some(3600));
    rows.entries = vec![
        entry(1, 0, "nudge_suppressed", &suppressed("flow_state", 12)),
        entry(2, 0, "nudge_suppressed", &suppressed("precheck", 3)),
        entry(3, 0, "nudge_suppressed", &suppressed("failed", 1)),
        entry(4, 0, "observer_triage", &triage(true)),
        entry(5, 0, "observer_triage", &triage(false)),
    ];
    let report = Report::of(&rows, &at(7200));
    let expected = Looks {
        kept_back: 15,
        saved: 3,
        asked: 3,
        would_be_saved: 1,
    };
    assert_eq!(report.looks, expected);
    assert_eq!(report.nudges, []);
    let text = markdown(&report);
    let told = "The Observer looked 18 times and asked a model about 3 of them. The pre-check saved 3 calls, and would have saved 1 more.";
    assert!(text.contains(told), "{text}");
}

#[test]
fn costs_tell_what_has_no_price() {
    let report = report(SessionStatus::Completed, Some(3600));
    let value: Value = serde_json::from_str(&json(&report).unwrap()).unwrap();
    assert_eq!(value["format"], FORMAT);
    assert_eq!(value["version"], VERSION);
    let costs = &value["costs"];
    assert_eq!(costs["total"]["costUsd"], 0.5);
    assert_eq!(costs["total"]["unpriced"], 1);
    assert_eq!(costs["calls"][0]["callType"], "explain");
    assert_eq!(costs["calls"][0]["calls"], 2);
    assert_eq!(costs["calls"][1]["model"], "local");
    let text = markdown(&report);
    assert!(
        text.contains("| `explain` | `large` | 2 | 0 | 100 |"),
        "{text}"
    );
    assert!(text.contains("$0.5000 and 1 without a price"), "{text}");
}

#[test]
fn no_text_tells_a_secret() {
    let report = report(SessionStatus::Completed, Some(3600));
    for text in [
        json(&report).unwrap(),
        markdown(&report),
        html(&report).unwrap(),
    ] {
        assert!(text.contains("[secret]") || text.contains("\\[secret\\]"));
        assert!(!text.contains("abcdefghijklmnop"), "{text}");
    }
}

#[test]
fn nothing_of_others_is_markup() {
    let report = report(SessionStatus::Completed, Some(3600));
    let text = markdown(&report);
    assert!(!text.contains("<script"), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{2028}']), "{text}");
    for line in text.lines().filter(|line| line.starts_with('|')) {
        assert!(line.ends_with('|'), "{line}");
    }
    let of_events: Vec<usize> = text
        .lines()
        .skip_while(|line| *line != "## What happened")
        .filter(|line| line.starts_with('|'))
        .map(|line| line.replace("\\|", "").matches('|').count())
        .collect();
    assert_eq!(of_events, [4; 6], "{text}");

    let page = html(&report).unwrap();
    // The data, the page's own script, and the policy that lets no other run.
    assert_eq!(page.matches("<script").count(), 2, "{page}");
    assert_eq!(page.matches("</script").count(), 2, "{page}");
    assert!(!page.contains('\u{2028}'));
    assert!(page.contains("default-src 'none'"));
    assert!(page.contains("data-events=\"4\""));
    for outside in [
        "http:",
        "https:",
        "src=",
        "url(",
        "@import",
        "innerHTML",
        "insertAdjacent",
    ] {
        let found = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!found.contains(outside), "{outside}");
    }
}

#[test]
fn an_empty_session_is_told_in_words() {
    let mut rows = rows(SessionStatus::Abandoned, Some(60));
    rows.plans.clear();
    rows.levels.clear();
    rows.calls.clear();
    rows.entries.clear();
    rows.total = api_calls::Totals::default();
    let text = markdown(&Report::of(&rows, &at(60)));
    for sentence in [
        "The session has no plan.",
        "No hint level is known.",
        "No hint was used in this session.",
        "No nudge was sent or kept back in this session.",
        "No call was made in this session.",
        "Nothing happened in this session.",
    ] {
        assert!(text.contains(sentence), "{sentence}");
    }
}

#[test]
fn durations_are_told_in_two_units() {
    for (millis, expected) in [
        (12, "12 ms"),
        (59_900, "59 s"),
        (61_000, "1 min 1 s"),
        (7_290_000, "2 h 1 min"),
        (180_000_000, "2 d 2 h"),
    ] {
        assert_eq!(duration(millis), expected);
    }
    assert_eq!(moment(&at(61)), "2026-02-11 10:01:01 UTC");
    assert_eq!(plain(" a\n\tb\u{7}\u{202e} "), "a b\u{fffd}\u{fffd}");
}

/// What every action says is its own, and no variant of a group is told by another's words.
#[test]
fn every_kind_is_told_in_words_of_its_own() {
    let told = [
        ("file_open", json!({"path": "a"}), "a was opened"),
        (
            "buffer_summary",
            json!({"path": "a", "charCount": 1, "dirty": true, "editCount": 2, "charDelta": -3}),
            "Edited a (2 edits, -3 characters)",
        ),
        (
            "editor_selection",
            json!({"path": "a", "range": {"startLine": 2, "endLine": 2}, "textLength": 1}),
            "Selected line 2 of a",
        ),
        (
            "phase_completed",
            json!({"phaseId": 1, "phaseNumber": 2, "title": "T"}),
            "Phase 2 is complete: T",
        ),
        (
            "hints_level_change",
            json!({"phaseId": null, "from": "low", "to": "off", "source": "user"}),
            "The hint level went from low to off (by user)",
        ),
        (
            "nudge_sent",
            json!({"signal": "long_idle", "confidence": 0.5, "step": "ask"}),
            "A nudge was sent: long idle",
        ),
        (
            "file_hints_cleared",
            json!({}),
            "Claude's marks of files were taken away",
        ),
        (
            "learning_material_completed",
            json!({"materialId": 1}),
            "A material was completed",
        ),
    ];
    let mut rows = rows(SessionStatus::Completed, Some(3600));
    rows.entries = told
        .iter()
        .zip(1..)
        .map(|((kind, data, _), id)| entry(id, 0, kind, data))
        .collect();
    rows.entries.push(TimelineEntry {
        call_id: Some("c".into()),
        ..rows.entries[0].clone()
    });
    let report = Report::of(&rows, &at(7200));
    let lane = |at: usize| report.events[at].lane;
    assert_eq!((lane(0), lane(told.len())), (Lane::You, Lane::Claude));
    for (event, (kind, _, expected)) in report.events.iter().zip(&told) {
        assert_eq!(event.text, *expected, "{kind}");
        assert_ne!(event.lane, Lane::Other, "{kind}");
    }
}
