//! Stages, gaps, katas, materials and the wrap-up.

use super::*;

#[test]
fn an_assessment_takes_the_place_of_the_one_before() {
    let f = fixture();
    f.commit(|unit| dreyfus::upsert(unit, "Testing", Stage::Competent, 0.5, "wrote tests"));
    let novice = f.commit(|unit| {
        dreyfus::upsert(unit, "React state management", Stage::Novice, 0.4, "asked")
    });
    let better = f.commit(|unit| {
        let stage = Stage::parse_any("advanced_beginner").unwrap();
        dreyfus::upsert(unit, "React state management", stage, 0.7, "solved it")
    });
    assert_eq!(better.id, novice.id);
    assert_eq!(
        better,
        dreyfus::Assessment {
            id: novice.id,
            skill_area: "React state management".to_owned(),
            stage: Stage::AdvancedBeginner,
            confidence: 0.7,
            evidence: "solved it".to_owned(),
            assessed_at: better.assessed_at.clone(),
        }
    );
    let stored: String = f.read(|r| {
        r.value(
            "SELECT stage FROM dreyfus_assessments WHERE id = ?1",
            [better.id],
        )
    });
    assert_eq!(stored, "Advanced Beginner");
    let areas: Vec<_> = f
        .read(dreyfus::list)
        .into_iter()
        .map(|row| row.skill_area)
        .collect();
    assert_eq!(areas, ["React state management", "Testing"]);
    assert_eq!(
        f.read(|r| dreyfus::by_skill_area(r, "React state management")),
        Some(better)
    );
    let too_sure = f.refused(|unit| dreyfus::upsert(unit, "Git", Stage::Expert, 1.5, ""));
    assert!(is_constraint(&too_sure, ConstraintKind::Check));
}

fn new_gap(session_id: u32, topic: &str, severity: Severity) -> gaps::NewGap {
    gaps::NewGap {
        session_id,
        topic: topic.to_owned(),
        severity,
        evidence: format!("seen in {session_id}"),
        related_concepts: vec!["closures".to_owned()],
    }
}

#[test]
fn a_topic_met_again_raises_its_frequency_and_is_open_again() {
    let f = fixture();
    let first = f.session().id;
    let gap =
        f.commit(move |unit| gaps::record(unit, &new_gap(first, "Stale closures", Severity::High)));
    assert_eq!(
        gap,
        gaps::Gap {
            id: 1,
            session_id: first,
            topic: "Stale closures".to_owned(),
            severity: Severity::High,
            evidence: "seen in 1".to_owned(),
            related_concepts: Json(vec!["closures".to_owned()]),
            addressed: false,
            frequency: 1,
            identified_at: gap.identified_at.clone(),
            last_encountered_at: gap.identified_at.clone(),
        }
    );
    f.commit(|unit| gaps::set_addressed(unit, 1, true));
    f.commit(move |unit| sessions::end(unit, first, SessionStatus::Completed));

    let second = f.session().id;
    let again = f.commit(move |unit| {
        let mut new = new_gap(second, " stale CLOSURES ", Severity::Low);
        new.related_concepts = vec!["hooks".to_owned(), "closures".to_owned()];
        gaps::record(unit, &new)
    });
    assert_eq!(
        again,
        gaps::Gap {
            severity: Severity::High,
            evidence: "seen in 2".to_owned(),
            related_concepts: Json(vec!["closures".to_owned(), "hooks".to_owned()]),
            addressed: false,
            frequency: 2,
            last_encountered_at: again.last_encountered_at.clone(),
            ..gap
        }
    );
    for session in [first, second] {
        assert_eq!(
            f.read(|r| gaps::by_session(r, session)),
            std::slice::from_ref(&again)
        );
    }
    assert_eq!(f.read(|r| gaps::sessions_seen(r, again.id)), 2);
}

#[test]
fn gaps_are_listed_by_weight_and_filtered() {
    let f = fixture();
    let session = f.session().id;
    f.commit(move |unit| {
        gaps::record(unit, &new_gap(session, "mild", Severity::Low))?;
        gaps::record(unit, &new_gap(session, "often", Severity::Medium))?;
        gaps::record(unit, &new_gap(session, "once", Severity::Medium))?;
        gaps::record(unit, &new_gap(session, "often", Severity::Medium))?;
        gaps::record(unit, &new_gap(session, "bad", Severity::High))?;
        gaps::set_addressed(unit, 3, true)
    });
    let check = |filter: gaps::Filter<'_>, limit, expected: &[&str]| {
        let topics: Vec<_> = f
            .read(|r| gaps::list(r, &filter, limit))
            .into_iter()
            .map(|gap| gap.topic)
            .collect();
        assert_eq!(topics, expected, "{filter:?}");
    };
    let all = gaps::Filter::default();
    check(all.clone(), 9, &["bad", "often", "once", "mild"]);
    check(all.clone(), 2, &["bad", "often"]);
    let open = gaps::Filter {
        addressed: Some(false),
        ..all.clone()
    };
    check(open, 9, &["bad", "often", "mild"]);
    let medium = gaps::Filter {
        severity: Some(Severity::Medium),
        ..all.clone()
    };
    check(medium, 9, &["often", "once"]);
    let future = gaps::Filter {
        since: Some("2999-01-01T00:00:00.000Z"),
        ..all
    };
    check(future, 9, &[]);
}

fn new_kata(gap_id: u32) -> katas::NewKata {
    katas::NewKata {
        gap_id,
        kind: KataKind::Debug,
        title: "Find the stale value".to_owned(),
        description: "A counter counts to one.".to_owned(),
        scaffolding_code: "function counter() {}".to_owned(),
        instructor_notes: "The closure is made once.".to_owned(),
        constraints: vec![katas::Constraint {
            id: "no-ref".to_owned(),
            title: None,
            description: "Without a ref".to_owned(),
            min_level: 3,
        }],
    }
}

#[test]
fn attempts_at_a_kata_are_appended_and_none_is_lost() {
    let f = fixture();
    let session = f.session().id;
    let gap = f.commit(move |unit| gaps::record(unit, &new_gap(session, "x", Severity::Low)));
    let kata = f.commit(move |unit| katas::create(unit, &new_kata(gap.id)));
    assert_eq!(
        kata,
        katas::Kata {
            id: 1,
            gap_id: gap.id,
            kind: Some(KataKind::Debug),
            title: "Find the stale value".to_owned(),
            description: "A counter counts to one.".to_owned(),
            scaffolding_code: "function counter() {}".to_owned(),
            instructor_notes: "The closure is made once.".to_owned(),
            constraints: Json(new_kata(gap.id).constraints),
            user_attempts: Json(vec![]),
            created_at: kata.created_at.clone(),
            proof: KataProof::Unproven,
        }
    );
    let attempt = |level: u32| katas::Attempt {
        code: format!("let s = \"{level}\\n\";"),
        review: "Nearly.".to_owned(),
        level,
        passed: level > 2,
        constraints: vec!["no-ref".to_owned()],
        submitted_at: "2026-02-11T10:00:00.000Z".to_owned(),
    };
    for level in 1..=3 {
        f.commit(move |unit| katas::append_attempt(unit, 1, &attempt(level)));
    }
    let kata = f.read(|r| katas::by_id(r, 1)).unwrap();
    assert_eq!(kata.user_attempts.0, [attempt(1), attempt(2), attempt(3)]);
    let stored: String = f.read(|r| r.value("SELECT constraints FROM kata_specs", []));
    assert_eq!(
        stored,
        r#"[{"id":"no-ref","description":"Without a ref","minLevel":3}]"#
    );
    assert_eq!(f.read(katas::list), std::slice::from_ref(&kata));
    assert_eq!(f.read(|r| katas::by_gap(r, gap.id)), [kata]);
    let nobody = f.refused(move |unit| katas::append_attempt(unit, 9, &attempt(1)));
    assert_eq!(nobody.to_string(), "There is no kata 9.");
}

#[test]
fn a_material_is_viewed_completed_or_dismissed() {
    let f = fixture();
    let session_id = f.session().id;
    let new = move |title: &str| materials::NewMaterial {
        session_id,
        phase_id: None,
        gap_id: None,
        material_type: MaterialType::Article,
        url: "https://example.org".to_owned(),
        title: title.to_owned(),
        description: "About closures".to_owned(),
        thumbnail_url: None,
        question: "What does it capture?".to_owned(),
        unverified: true,
    };
    f.commit(move |unit| {
        materials::create(unit, &new("one"))?;
        materials::create(unit, &new("two"))?;
        materials::create(unit, &new("three"))
    });
    let viewed = f.commit(|unit| materials::viewed(unit, 1));
    assert_eq!((viewed.view_count, viewed.unverified), (1, true));
    let completed = f.commit(|unit| materials::set_status(unit, 1, MaterialStatus::Completed));
    assert!(completed.completed_at.is_some());
    f.commit(|unit| materials::set_status(unit, 2, MaterialStatus::Dismissed));
    let titles = |status| -> Vec<String> {
        f.read(|r| materials::by_status(r, status))
            .into_iter()
            .map(|material| material.title)
            .collect()
    };
    assert_eq!(titles(MaterialStatus::Pending), ["three"]);
    assert_eq!(titles(MaterialStatus::Completed), ["one"]);
    assert_eq!(titles(MaterialStatus::Dismissed), ["two"]);
    assert_eq!(f.read(|r| materials::by_id(r, 1)), Some(completed));
}

#[test]
fn the_steps_of_a_wrap_up_outlive_whoever_began_them() {
    let f = fixture();
    let session = f.session().id;
    f.commit(move |unit| {
        sessions::end(unit, session, SessionStatus::Ending)?;
        for step in Agent::ALL {
            let input = (*step == Agent::Reflection).then_some("the transcript");
            wrap_up::schedule(unit, session, *step, input)?;
        }
        Ok(())
    });
    let steps = |jobs: Vec<wrap_up::Job>| -> Vec<(Agent, JobStatus, u32)> {
        jobs.into_iter()
            .map(|job| (job.step, job.status, job.attempts))
            .collect()
    };
    assert_eq!(
        steps(f.read(wrap_up::pending)),
        [
            (Agent::KnowledgeGap, JobStatus::Pending, 0),
            (Agent::Dreyfus, JobStatus::Pending, 0),
            (Agent::Reflection, JobStatus::Pending, 0),
        ]
    );
    f.commit(|unit| {
        wrap_up::begin(unit, 1)?;
        wrap_up::done(unit, 1, Some(r#"{"gaps":2}"#))?;
        wrap_up::begin(unit, 2)?;
        wrap_up::failed(unit, 2, "the model refused")?;
        wrap_up::begin(unit, 3)
    });
    assert_eq!(
        steps(f.read(|r| wrap_up::by_session(r, session))),
        [
            (Agent::KnowledgeGap, JobStatus::Done, 1),
            (Agent::Dreyfus, JobStatus::Failed, 1),
            (Agent::Reflection, JobStatus::Pending, 1),
        ]
    );
    let pending = f.read(wrap_up::pending);
    assert_eq!(pending[0].input.as_deref(), Some("the transcript"));
    let errors = f.read(|r| wrap_up::errors(r, session));
    assert_eq!(
        errors,
        [wrap_up::WrapUpError {
            id: 1,
            session_id: session,
            agent_name: Agent::Dreyfus,
            error_message: "the model refused".to_owned(),
            created_at: errors[0].created_at.clone(),
        }]
    );
    // A failed step may be tried again; a finished one is not begun by mistake.
    let again = f.commit(move |unit| wrap_up::schedule(unit, session, Agent::Dreyfus, None));
    assert_eq!(
        (again.id, again.status, again.attempts),
        (2, JobStatus::Pending, 1)
    );
    let done = f.refused(|unit| wrap_up::begin(unit, 1));
    assert!(matches!(done, StoreError::NotFound { .. }));
}

#[test]
fn what_was_proposed_about_a_stage_is_kept_with_what_the_rule_made_of_it() {
    let f = fixture();
    let session = f.session().id;
    let new = stage_decisions::NewStageDecision {
        session_id: Some(session),
        skill_area: "testing".to_owned(),
        proposed: Stage::Proficient,
        proposed_confidence: 0.5,
        evidence: "Wrote a test first.".to_owned(),
        independent_completions: 1,
        accepted: false,
        decided: Stage::Novice,
        reason: "One session is not enough.".to_owned(),
    };
    let written = f.commit({
        let new = new.clone();
        move |unit| stage_decisions::record(unit, &new)
    });
    assert_eq!(
        (written.proposed, written.accepted),
        (Stage::Proficient, false)
    );
    let other = f.commit(move |unit| {
        stage_decisions::record(
            unit,
            &stage_decisions::NewStageDecision {
                accepted: true,
                ..new
            },
        )
    });
    let of_session = f.read(|r| stage_decisions::by_session(r, session));
    assert_eq!(of_session, [written.clone(), other.clone()]);
    let newest_first = f.read(|r| stage_decisions::by_skill_area(r, "testing", 9));
    assert_eq!(newest_first, [other, written]);
}
