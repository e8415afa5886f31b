//! What is known of the learner: skills, gaps and katas.

use anyhow::{Context as _, Result, ensure};
use paige_store::coach::{KataKind, Severity, Stage, dreyfus, gaps, katas};
use paige_store::{StoreError, Unit};
use paige_tests::mcp::Era;
use paige_tests::record::is_time;
use paige_tests::{Claude, Record, Sidecar, Socket};
use serde_json::{Value, json};

use super::{add, state, with_rows};

pub(super) fn gap(
    unit: &mut Unit<'_>,
    session_id: u32,
    topic: &str,
    severity: Severity,
) -> Result<u32, StoreError> {
    let gap = gaps::record(
        unit,
        &gaps::NewGap {
            session_id,
            topic: topic.to_owned(),
            severity,
            evidence: format!("{topic}, seen"),
            related_concepts: vec!["ownership".to_owned(), "lifetimes".to_owned()],
        },
    )?;
    Ok(gap.id)
}

/// spec: 2.6
#[tokio::test]
async fn a_second_assessment_of_a_skill_area_replaces_the_first() -> Result<()> {
    const AREA: &str = "React state management";
    let (project, sidecar, claude, _) = with_rows(|unit| {
        dreyfus::upsert(unit, AREA, Stage::AdvancedBeginner, 0.6, "lifts state up")?;
        dreyfus::upsert(unit, "CSS", Stage::Novice, 0.9, "floats")
    })
    .await?;
    let record = Record::of(&project)?;
    let row = |record: &Record| {
        record.row(
            "SELECT id, stage, confidence, evidence, assessed_at FROM dreyfus_assessments WHERE skill_area = ?1",
            [AREA],
        )
    };
    let first = row(&record)?;
    assert!(
        is_time(first["assessed_at"].as_str().unwrap_or_default()),
        "{first}"
    );
    assert_eq!(
        first,
        json!({
            "id": 1, "stage": "Advanced Beginner", "confidence": 0.6, "evidence": "lifts state up",
            "assessed_at": first["assessed_at"],
        })
    );
    let stages = async |claude: &Claude| -> Result<Vec<Value>> {
        let mut stages = state(claude, &["dreyfus"]).await?["dreyfus"]
            .as_array()
            .context("stages")?
            .clone();
        stages.sort_by_key(|stage| stage["skillArea"] != AREA);
        Ok(stages)
    };
    let css = json!({"skillArea": "CSS", "stage": "Novice", "confidence": 0.9});
    let area = |stage: &str, confidence: f64| json!({"skillArea": AREA, "stage": stage, "confidence": confidence});
    assert_eq!(
        stages(&claude).await?,
        [area("Advanced Beginner", 0.6), css.clone()]
    );
    claude.close().await?;
    sidecar.stop()?;

    add(&project, |unit| {
        dreyfus::upsert(unit, AREA, Stage::Competent, 0.75, "splits contexts")
    })?;
    let sidecar = Sidecar::start(&project)?;
    let claude = Claude::connect(&sidecar, Era::Stateless).await?;
    assert_eq!(stages(&claude).await?, [area("Competent", 0.75), css]);
    let second = row(&Record::of(&project)?)?;
    assert_eq!(
        (
            &second["id"],
            &second["evidence"],
            second["assessed_at"].as_str() > first["assessed_at"].as_str()
        ),
        (&json!(1), &json!("splits contexts"), true)
    );
    claude.close().await
}

/// spec: 2.7
#[tokio::test]
async fn gaps_are_stored_whole_and_found_by_session_or_globally() -> Result<()> {
    let (project, sidecar, claude, _) =
        with_rows(|unit| gap(unit, 1, "Borrowing", Severity::High)).await?;
    let stored = |id: u32, session: u32, topic: &str, severity: &str, addressed: bool| {
        json!({
            "id": id, "sessionId": session, "topic": topic, "severity": severity,
            "evidence": format!("{topic}, seen"), "relatedConcepts": ["ownership", "lifetimes"],
            "addressed": addressed, "frequency": 1,
        })
    };
    let borrowing = |addressed| stored(1, 1, "Borrowing", "high", addressed);
    assert_eq!(
        state(&claude, &["gaps"]).await?,
        json!({"gaps": [borrowing(false)]})
    );
    let row = Record::of(&project)?.row("SELECT related_concepts FROM knowledge_gaps", [])?;
    assert_eq!(
        row,
        json!({"related_concepts": r#"["ownership","lifetimes"]"#})
    );
    let (mut human, _) = Socket::hello(&sidecar).await?;
    human.request("session:end", json!({})).await?;
    human.request("session:start", json!({})).await?;
    claude.close().await?;
    sidecar.stop()?;

    add(&project, |unit| {
        gap(unit, 2, "Async", Severity::Low)?;
        gap(unit, 2, "Traits", Severity::High)?;
        gaps::set_addressed(unit, 1, true)
    })?;
    let sidecar = Sidecar::start(&project)?;
    let claude = Claude::connect(&sidecar, Era::Stateless).await?;
    let (mut human, _) = Socket::hello(&sidecar).await?;
    // By session: what a session's summary names.
    for (session, topics) in [(1, vec!["Borrowing"]), (2, vec!["Async", "Traits"])] {
        let summary = human
            .request("session:summary", json!({"sessionId": session}))
            .await?;
        let mut found: Vec<&str> = summary["summary"]["gaps"]
            .as_array()
            .context("gaps")?
            .iter()
            .filter_map(Value::as_str)
            .collect();
        found.sort_unstable();
        assert_eq!(found, topics);
    }
    // Globally: the session's own first.
    let all = state(&claude, &["gaps"]).await?;
    let all = all["gaps"].as_array().context("gaps")?;
    assert_eq!(all.len(), 3, "{all:?}");
    for gap in [
        stored(2, 2, "Async", "low", false),
        stored(3, 2, "Traits", "high", false),
    ] {
        assert!(all[..2].contains(&gap), "{gap} in {all:?}");
    }
    assert_eq!(all[2], borrowing(true));
    claude.close().await?;
    sidecar.stop()?;
    // With filters.
    let store = project.store(paige_store::Config::default())?;
    let topics = |filter: gaps::Filter<'static>| -> Result<Vec<String>, StoreError> {
        let found = store.read(|reader| gaps::list(reader, &filter, 10))?;
        Ok(found.into_iter().map(|gap| gap.topic).collect())
    };
    let filter = gaps::Filter::default;
    assert_eq!(
        topics(gaps::Filter {
            addressed: Some(true),
            ..filter()
        })?,
        ["Borrowing"]
    );
    let severe = gaps::Filter {
        addressed: Some(false),
        severity: Some(Severity::High),
        ..filter()
    };
    assert_eq!(topics(severe)?, ["Traits"]);
    Ok(())
}

pub(super) fn kata(gap_id: u32) -> katas::NewKata {
    katas::NewKata {
        gap_id,
        kind: KataKind::Code,
        title: "Borrow checker".to_owned(),
        description: "Make it compile.".to_owned(),
        scaffolding_code: "fn main() {\n    \"quoted\"\n}\n".to_owned(),
        instructor_notes: "They clone.".to_owned(),
        constraints: vec![katas::Constraint {
            id: "no-clone".to_owned(),
            title: Some("No clone".to_owned()),
            description: "Without clone.".to_owned(),
            min_level: 3,
        }],
    }
}

/// spec: 2.8
#[tokio::test]
async fn a_kata_is_stored_whole_and_without_attempts() -> Result<()> {
    let (project, _sidecar, claude, _) = with_rows(|unit| {
        let gap = gap(unit, 1, "Borrowing", Severity::High)?;
        katas::create(unit, &kata(gap))
    })
    .await?;
    assert_eq!(
        state(&claude, &["katas"]).await?,
        json!({"katas": [{"id": 1, "title": "Borrow checker", "gap": "Borrowing", "attempts": 0, "maxLevel": 0}]})
    );
    let row = Record::of(&project)?.row("SELECT * FROM kata_specs", [])?;
    let constraints: Value = serde_json::from_str(row["constraints"].as_str().context("JSON")?)?;
    assert_eq!(
        constraints,
        json!([{"id": "no-clone", "title": "No clone", "description": "Without clone.", "minLevel": 3}])
    );
    assert_eq!(
        row,
        json!({
            "id": 1, "gap_id": 1, "kind": "code",
            "proof": "unproven", "title": "Borrow checker", "description": "Make it compile.",
            "scaffolding_code": "fn main() {\n    \"quoted\"\n}\n", "instructor_notes": "They clone.",
            "constraints": row["constraints"], "user_attempts": "[]", "created_at": row["created_at"],
        })
    );
    // What is for the reviewer alone does not leave through this door.
    let whole = claude.call("paige_get_session_state", json!({})).await?;
    ensure!(!whole.to_string().contains("They clone."), "{whole}");
    claude.close().await
}

/// spec: 2.9
#[tokio::test]
async fn a_new_attempt_is_appended_and_the_earlier_ones_are_kept() -> Result<()> {
    let attempt = |level: u32, passed: bool| katas::Attempt {
        code: format!("// attempt \"{level}\"\n"),
        review: "Good.".to_owned(),
        level,
        passed,
        constraints: vec!["no-clone".to_owned()],
        submitted_at: "2026-01-02T03:04:05.678Z".to_owned(),
    };
    let stored = |level: u32, passed: bool| {
        json!({
            "code": format!("// attempt \"{level}\"\n"), "review": "Good.", "level": level, "passed": passed,
            "constraints": ["no-clone"], "submitted_at": "2026-01-02T03:04:05.678Z",
        })
    };
    let (project, sidecar, claude, _) = with_rows(move |unit| {
        let gap = gap(unit, 1, "Borrowing", Severity::High)?;
        katas::create(unit, &kata(gap))?;
        katas::append_attempt(unit, 1, &attempt(2, false))?;
        katas::append_attempt(unit, 1, &attempt(7, true))
    })
    .await?;
    let told = |attempts: u32, level: u32| {
        json!({"katas": [{
            "id": 1, "title": "Borrow checker", "gap": "Borrowing", "attempts": attempts, "maxLevel": level,
        }]})
    };
    assert_eq!(state(&claude, &["katas"]).await?, told(2, 7));
    claude.close().await?;
    sidecar.stop()?;
    add(&project, move |unit| {
        katas::append_attempt(unit, 1, &attempt(5, false))
    })?;

    let sidecar = Sidecar::start(&project)?;
    let claude = Claude::connect(&sidecar, Era::Stateless).await?;
    assert_eq!(state(&claude, &["katas"]).await?, told(3, 7));
    let row = Record::of(&project)?.row("SELECT user_attempts FROM kata_specs", [])?;
    let attempts: Value = serde_json::from_str(row["user_attempts"].as_str().context("JSON")?)?;
    assert_eq!(
        attempts,
        json!([stored(2, false), stored(7, true), stored(5, false)])
    );
    claude.close().await
}
