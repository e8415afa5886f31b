//! Sessions, plans, phases, hints and progress.

use super::*;

#[test]
fn a_session_is_created_active_and_read_back_whole() {
    let f = fixture();
    let session = f.session();
    let at = session.started_at.clone();
    assert_eq!(
        session,
        sessions::Session {
            id: 1,
            project_dir: "/project".to_owned(),
            issue_number: Some(42),
            issue_title: Some("Fix the race".to_owned()),
            issue_summary: None,
            issue_labels: None,
            issue_url: None,
            status: SessionStatus::Active,
            started_by: StartedBy::Mcp,
            hint_level: HintLevel::Low,
            hint_level_source: HintLevelSource::Start,
            started_at: at.clone(),
            ended_at: None,
            last_activity_at: at,
            total_duration_ms: None,
        }
    );
    assert_eq!(f.read(|r| sessions::by_id(r, 1)), Some(session.clone()));
    assert_eq!(f.read(sessions::active), Some(session));
    assert_eq!(f.read(|r| sessions::by_id(r, 2)), None);
}

#[test]
fn only_one_session_is_active_whatever_its_project() {
    let f = fixture();
    f.session();
    let error = f.refused(|unit| {
        let elsewhere = sessions::NewSession {
            project_dir: "/other".to_owned(),
            ..new_session()
        };
        sessions::create(unit, &elsewhere)
    });
    assert!(error.is_unique(), "{error:?}");
}

#[test]
fn a_session_ends_once_and_takes_its_marks_along() {
    let f = fixture();
    let id = f.session().id;
    f.commit(move |unit| {
        open_files::open(unit, id, "a.rs", OpenedBy::User)?;
        marks::add(unit, &desk::new_mark(id, "a.rs", Some((1, 2))))?;
        sessions::set_hint_level(unit, id, HintLevel::High, HintLevelSource::User)
    });
    let ended = f.commit(move |unit| sessions::end(unit, id, SessionStatus::Ending));
    assert_eq!(ended.status, SessionStatus::Ending);
    assert!(ended.ended_at.is_some() && ended.total_duration_ms.is_some());
    assert_eq!(f.read(|r| open_files::list(r, id)), []);
    assert_eq!(f.read(|r| marks::by_session(r, id)), []);
    let spans = f.read(|r| hint_level_spans::by_session(r, id));
    assert!(spans.iter().all(|span| span.ended_at.is_some()));
    assert_eq!(f.read(sessions::active), None);

    let again = f.refused(move |unit| sessions::end(unit, id, SessionStatus::Completed));
    assert_eq!(
        again,
        StoreError::NotFound {
            what: "active session",
            id: "1".to_owned()
        }
    );
    // Ending does not block a new session.
    assert_eq!(f.session().id, 2);
    let done =
        f.commit(move |unit| sessions::set_status(unit, id, SessionStatus::CompletedWithErrors));
    assert_eq!(done.status, SessionStatus::CompletedWithErrors);
    assert_eq!(done.ended_at, ended.ended_at);
}

#[test]
fn the_status_of_a_session_and_its_end_agree() {
    let f = fixture();
    let id = f.session().id;
    let active = f.refused(move |unit| sessions::set_status(unit, id, SessionStatus::Completed));
    assert!(matches!(active, StoreError::NotFound { .. }), "{active:?}");
    let active = f.refused(move |unit| sessions::end(unit, id, SessionStatus::Active));
    assert!(is_constraint(&active, ConstraintKind::Check), "{active:?}");
    f.commit(move |unit| sessions::end(unit, id, SessionStatus::Abandoned));
    let back = f.refused(move |unit| sessions::set_status(unit, id, SessionStatus::Active));
    assert!(is_constraint(&back, ConstraintKind::Check), "{back:?}");
}

#[test]
fn what_is_known_of_the_issue_is_added_to_what_was_known() {
    let f = fixture();
    let id = f.session().id;
    f.commit(move |unit| {
        let first = sessions::Issue {
            summary: Some("Two logins race".to_owned()),
            labels: Some(vec!["bug".to_owned()]),
            ..sessions::Issue::default()
        };
        sessions::set_issue(unit, id, &first)
    });
    let session = f.commit(move |unit| {
        let second = sessions::Issue {
            number: Some(43),
            url: Some("https://example.org/43".to_owned()),
            ..sessions::Issue::default()
        };
        sessions::set_issue(unit, id, &second)
    });
    assert_eq!(session.issue_number, Some(43));
    assert_eq!(session.issue_title.as_deref(), Some("Fix the race"));
    assert_eq!(session.issue_summary.as_deref(), Some("Two logins race"));
    assert_eq!(session.issue_labels, Some(Json(vec!["bug".to_owned()])));
    assert_eq!(session.issue_url.as_deref(), Some("https://example.org/43"));
    let nobody = f.refused(|unit| sessions::set_issue(unit, 9, &sessions::Issue::default()));
    assert_eq!(nobody.to_string(), "There is no session 9.");
}

#[test]
fn sessions_are_listed_newest_first() {
    let f = fixture();
    for _ in 0..3 {
        let id = f.session().id;
        f.commit(move |unit| sessions::end(unit, id, SessionStatus::Completed));
    }
    let ids = |sessions: Vec<sessions::Session>| -> Vec<u32> {
        sessions.into_iter().map(|session| session.id).collect()
    };
    assert_eq!(ids(f.read(|r| sessions::recent(r, None, 2))), [3, 2]);
    assert_eq!(
        ids(f.read(|r| sessions::recent(r, Some("/project"), 9))),
        [3, 2, 1]
    );
    assert!(f.read(|r| sessions::recent(r, Some("/x"), 9)).is_empty());
    assert_eq!(
        ids(f.read(|r| sessions::by_issue(r, "/project", 42))),
        [3, 2, 1]
    );
    assert_eq!(
        ids(f.read(|r| sessions::by_status(r, SessionStatus::Completed))),
        [1, 2, 3]
    );
}

#[test]
fn touching_a_session_notes_the_time() {
    let f = fixture();
    let id = f.session().id;
    std::thread::sleep(std::time::Duration::from_millis(2));
    f.commit(move |unit| sessions::touch(unit, id));
    let session = f.read(|r| sessions::by_id(r, id)).unwrap();
    assert!(session.last_activity_at > session.started_at);
    let nobody = f.refused(|unit| sessions::touch(unit, 9));
    assert!(matches!(nobody, StoreError::NotFound { .. }));
}

#[test]
fn claude_sessions_come_and_go() {
    let f = fixture();
    let id = f.session().id;
    let left = f.commit(move |unit| {
        sessions::attach_claude(unit, id, "one")?;
        sessions::attach_claude(unit, id, "two")?;
        sessions::attach_claude(unit, id, "two")?;
        sessions::detach_claude(unit, id, "one")
    });
    assert_eq!(left, 1);
    let unknown = f.commit(move |unit| sessions::detach_claude(unit, id, "three"));
    assert_eq!(unknown, 1);
    let attached = |f: &Fixture| -> Vec<(String, bool)> {
        f.read(|r| sessions::claude_ids(r, id))
            .into_iter()
            .map(|row| (row.claude_id, row.detached_at.is_none()))
            .collect()
    };
    assert_eq!(
        attached(&f),
        [("one".to_owned(), false), ("two".to_owned(), true)]
    );
    f.commit(move |unit| sessions::attach_claude(unit, id, "one"));
    assert!(attached(&f).iter().all(|(_, attached)| *attached));
}

#[test]
fn a_new_plan_makes_the_one_before_history() {
    let f = fixture();
    let session = f.session().id;
    let first = f.plan(session, "First");
    assert!(first.is_active);
    let second = f.plan(session, "Second");
    assert_eq!(f.read(|r| plans::active(r, session)), Some(second.clone()));
    let all = f.read(|r| plans::by_session(r, session));
    let first = plans::Plan {
        is_active: false,
        ..first
    };
    assert_eq!(all, [first.clone(), second]);
    assert_eq!(f.read(|r| plans::by_id(r, first.id)), Some(first));
    let orphan = f.refused(|unit| plans::create(unit, &new_plan(9, "Nobody's")));
    assert!(is_constraint(&orphan, ConstraintKind::ForeignKey));
}

#[test]
fn a_plan_that_fails_leaves_the_one_before_active() {
    let f = fixture();
    let session = f.session().id;
    let kept = f.plan(session, "Kept");
    let error = f.refused(move |unit| {
        let plan = plans::create(unit, &new_plan(session, "Lost"))?;
        phases::create(unit, &new_phase(plan.id, 1))?;
        phases::create(unit, &new_phase(plan.id, 1))
    });
    assert!(error.is_unique(), "{error:?}");
    assert_eq!(f.read(|r| plans::by_session(r, session)), [kept]);
}

#[test]
fn phases_belong_to_their_plan_and_are_read_in_order() {
    let f = fixture();
    let plan = f.plan(f.session().id, "Plan").id;
    let second = f.phase(plan, 2);
    let first = f.phase(plan, 1);
    assert_eq!(
        first,
        phases::Phase {
            id: 2,
            plan_id: plan,
            number: 1,
            title: "Phase 1".to_owned(),
            description: "Understand it".to_owned(),
            hint_level: HintLevel::Medium,
            expected_files: Json(vec!["src/auth.rs".to_owned()]),
            status: PhaseStatus::Pending,
            started_at: None,
            completed_at: None,
            teaching: Json(phases::Teaching::default()),
        }
    );
    assert_eq!(
        f.read(|r| phases::by_plan(r, plan)),
        [first.clone(), second.clone()]
    );
    assert_eq!(f.read(|r| phases::by_id(r, first.id)), Some(first));
    assert_eq!(f.read(|r| phases::by_number(r, plan, 2)), Some(second));
    let orphan = f.refused(|unit| phases::create(unit, &new_phase(9, 1)));
    assert!(is_constraint(&orphan, ConstraintKind::ForeignKey));
}

#[test]
fn a_phase_goes_one_step_forward_and_never_back() {
    let f = fixture();
    let plan = f.plan(f.session().id, "Plan").id;
    let (first, second) = (f.phase(plan, 1).id, f.phase(plan, 2).id);
    let set = |id: u32, status: PhaseStatus| {
        f.store
            .commit_blocking(move |unit| phases::set_status(unit, id, status))
    };
    let sentence = |result: Result<phases::Phase, StoreError>| result.unwrap_err().to_string();
    assert_eq!(
        sentence(set(first, PhaseStatus::Complete)),
        "The change was refused: phase 1 is pending and cannot become complete."
    );
    let active = set(first, PhaseStatus::Active).unwrap();
    assert!(active.started_at.is_some() && active.completed_at.is_none());
    assert_eq!(f.read(|r| phases::active(r, plan)), Some(active.clone()));
    assert!(
        set(second, PhaseStatus::Active).unwrap_err().is_unique(),
        "one is active"
    );
    let complete = set(first, PhaseStatus::Complete).unwrap();
    assert_eq!(complete.started_at, active.started_at);
    assert!(complete.completed_at.is_some());
    for back in [PhaseStatus::Pending, PhaseStatus::Active] {
        assert!(matches!(set(first, back), Err(StoreError::Invalid(_))));
    }
    set(second, PhaseStatus::Active).unwrap();
    assert_eq!(
        sentence(set(99, PhaseStatus::Active)),
        "There is no phase 99."
    );
}

fn new_hint(phase_id: u32, lines: Option<(u32, u32)>, style: Style) -> hints::NewHint {
    hints::NewHint {
        phase_id,
        path: "src/auth.rs".to_owned(),
        lines,
        style,
        hover_text: lines.map(|_| "What happens twice here?".to_owned()),
        required_level: HintLevel::Medium,
        rung: 2,
    }
}

#[test]
fn hints_are_stored_in_every_style_and_filtered_by_type() {
    let f = fixture();
    let phase = f.phase(f.plan(f.session().id, "Plan").id, 1).id;
    let written = f.commit(move |unit| {
        let mut written = Vec::new();
        for style in Style::ALL {
            written.push(hints::create(unit, &new_hint(phase, None, *style))?);
            written.push(hints::create(unit, &new_hint(phase, Some((3, 7)), *style))?);
        }
        Ok(written)
    });
    assert_eq!(
        written[1],
        hints::Hint {
            id: 2,
            phase_id: phase,
            hint_type: HintType::Line,
            path: "src/auth.rs".to_owned(),
            line_start: Some(3),
            line_end: Some(7),
            style: Style::Suggested,
            hover_text: Some("What happens twice here?".to_owned()),
            required_level: HintLevel::Medium,
            rung: 2,
        }
    );
    assert_eq!(f.read(|r| hints::by_phase(r, phase, None)), written);
    for hint_type in [HintType::File, HintType::Line] {
        let some: Vec<_> = written
            .iter()
            .filter(|hint| hint.hint_type == hint_type)
            .cloned()
            .collect();
        assert_eq!(f.read(|r| hints::by_phase(r, phase, Some(hint_type))), some);
    }
    assert_eq!(f.read(|r| hints::by_id(r, 2)), Some(written[1].clone()));
}

#[test]
fn a_hint_that_makes_no_sense_is_refused() {
    let f = fixture();
    let phase = f.phase(f.plan(f.session().id, "Plan").id, 1).id;
    let check = |change: fn(&mut hints::NewHint)| {
        let mut hint = new_hint(phase, Some((3, 7)), Style::Info);
        change(&mut hint);
        let error = f.refused(move |unit| hints::create(unit, &hint));
        assert!(is_constraint(&error, ConstraintKind::Check), "{error:?}");
    };
    check(|hint| hint.lines = Some((7, 3)));
    check(|hint| hint.lines = Some((0, 3)));
    check(|hint| hint.rung = 0);
    check(|hint| hint.rung = 5);
    check(|hint| hint.required_level = HintLevel::Off);
}

#[test]
fn progress_is_read_in_the_order_in_which_it_was_made() {
    let f = fixture();
    let phase = f.phase(f.plan(f.session().id, "Plan").id, 1).id;
    let made = vec![
        progress::Progress::HintUsed {
            hint_id: 7,
            hint_level: HintLevel::Medium,
            path: "src/auth.rs".to_owned(),
            rung: 2,
        },
        progress::Progress::HintEscalated {
            from_level: HintLevel::Low,
            to_level: HintLevel::High,
            phase_id: phase,
        },
        progress::Progress::ReviewRequested {
            context: "phase 1".to_owned(),
            phase_id: phase,
        },
        progress::Progress::ReviewFailed {
            feedback: "One case is missing.".to_owned(),
            issues_count: 1,
        },
        progress::Progress::ReviewPassed {
            review_score: Some(8.5),
            feedback_summary: "Well tested.".to_owned(),
        },
    ];
    let to_make = made.clone();
    let recorded = f.commit(move |unit| {
        to_make
            .into_iter()
            .map(|progress| progress::record(unit, phase, progress))
            .collect::<Result<Vec<_>, _>>()
    });
    let events = f.read(|r| progress::by_phase(r, phase));
    assert_eq!(events, recorded);
    let progress: Vec<_> = events.into_iter().map(|event| event.progress).collect();
    assert_eq!(progress, made);
    let raw: (String, String) = f.read(|r| {
        let mut rows = r.map(
            "SELECT event_type, data FROM progress_events WHERE id = 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(rows.remove(0))
    });
    assert_eq!(
        raw,
        (
            "hint_used".to_owned(),
            r#"{"hint_id":7,"hint_level":"medium","path":"src/auth.rs","rung":2}"#.to_owned()
        )
    );
    assert!(f.read(|r| progress::hint_was_used(r, phase, 7, 2)));
    assert!(!f.read(|r| progress::hint_was_used(r, phase, 7, 3)));
    assert!(!f.read(|r| progress::hint_was_used(r, phase, 8, 2)));
    assert_eq!(f.read(|r| progress::hints_used(r, phase)), 1);
}

#[test]
fn details_that_do_not_belong_to_their_kind_are_refused() {
    let f = fixture();
    let phase = f.phase(f.plan(f.session().id, "Plan").id, 1).id;
    let check = |event_type, data, fits| {
        let parsed = progress::Progress::parse(event_type, data);
        assert_eq!(parsed.is_ok(), fits, "{event_type} {data}: {parsed:?}");
    };
    check("review_requested", r#"{"context":"x","phase_id":1}"#, true);
    check("review_requested", r#"{"context":"x"}"#, false);
    check("review_requested", "null", false);
    check("review_requested", "{", false);
    check("review_forgotten", r#"{"context":"x","phase_id":1}"#, false);
    let out_of_range = f.refused(move |unit| {
        let progress = progress::Progress::ReviewPassed {
            review_score: Some(11.0),
            feedback_summary: String::new(),
        };
        progress::record(unit, phase, progress)
    });
    assert!(matches!(out_of_range, StoreError::Invalid(_)));
}
