//! What the models of the wrap-up are told, field by field, out of the record.

use std::collections::BTreeMap;

use paige_protocol::coach::action::ReviewIssue;
use paige_store::{
    Reader,
    coach::{
        PhaseStatus, actions, dreyfus, gaps,
        phases::Phase,
        progress,
        sessions::{self, Session},
        stage_decisions,
    },
    millis_between,
};
use serde_json::{Value, json};

use super::transcript;
use crate::{CoachError, redact::redact, session::active_phases};

/// The fields of a prompt.
pub(crate) type Inputs = BTreeMap<String, Value>;

/// So many entries of the timeline are told, the last ones.
const MOST_ACTIONS: u32 = 300;
/// And no more bytes than this of them.
const MOST_BYTES: usize = 60_000;
/// So many known gaps are told.
const MOST_GAPS: u32 = 50;
/// So many earlier decisions on each area.
const MOST_DECISIONS: u32 = 10;

/// From this rung on help counts as such (coaching.md §6, "independence").
const HELP: u32 = 2;

/// The facts of a session that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Phases that were completed.
    pub(crate) phases_completed: u32,
    /// Hints that were used.
    pub(crate) hints_used: u32,
    /// Phases that were completed without a hint of rung 2 or more.
    pub(crate) independent_completions: u32,
    /// How long the session was.
    pub(crate) minutes: u64,
}

/// Counts the facts of a session.
pub(crate) fn facts(reader: &Reader<'_>, session: &Session) -> Result<Facts, CoachError> {
    let until = session.ended_at.clone().unwrap_or_else(paige_store::now);
    let mut facts = Facts {
        phases_completed: 0,
        hints_used: 0,
        independent_completions: 0,
        minutes: millis_between(&session.started_at, &until).unwrap_or(0) / 60_000,
    };
    for phase in active_phases(reader, session.id)? {
        facts.hints_used += progress::hints_used(reader, phase.id)?;
        if phase.status == PhaseStatus::Complete {
            facts.phases_completed += 1;
            if progress::highest_rung(reader, phase.id)?.is_none_or(|rung| rung < HELP) {
                facts.independent_completions += 1;
            }
        }
    }
    Ok(facts)
}

/// For `knowledge_gap_agent`.
pub(crate) fn knowledge_gaps(reader: &Reader<'_>, session: &Session) -> Result<Inputs, CoachError> {
    let facts = facts(reader, session)?;
    let known = gaps::list(reader, &gaps::Filter::default(), MOST_GAPS)?;
    Ok(fields([
        (
            "session",
            json!({
                "issue_title": session.issue_title,
                "issue_summary": session.issue_summary,
                "minutes": facts.minutes,
                "phases_completed": facts.phases_completed,
                "hints_used": facts.hints_used,
                "independent_completions": facts.independent_completions,
            }),
        ),
        ("action_log", action_log(reader, session.id)?),
        ("phases", phases(reader, session.id, |_| true)?),
        (
            "existing_gaps",
            known
                .iter()
                .map(|gap| {
                    json!({
                        "topic": gap.topic,
                        "severity": gap.severity.as_str(),
                        "frequency": gap.frequency,
                        "addressed": gap.addressed,
                    })
                })
                .collect(),
        ),
        ("review_findings", review_findings(reader, session.id)?),
    ]))
}

/// For `dreyfus_agent`.
pub(crate) fn stages(reader: &Reader<'_>, session: &Session) -> Result<Inputs, CoachError> {
    let facts = facts(reader, session)?;
    let mut evidence = Vec::new();
    for known in dreyfus::list(reader)? {
        let decisions = stage_decisions::by_skill_area(reader, &known.skill_area, MOST_DECISIONS)?;
        evidence.push(json!({
            "skill_area": known.skill_area,
            "earlier": decisions
                .iter()
                .map(|decision| json!({
                    "proposed": decision.proposed.as_str(),
                    "accepted": decision.accepted,
                    "evidence": decision.evidence,
                    "at": decision.decided_at,
                }))
                .collect::<Value>(),
        }));
    }
    let session_gaps = gaps::by_session(reader, session.id)?;
    Ok(fields([
        ("current_assessments", assessments(reader)?),
        (
            "recent_session",
            json!({
                "issue_title": session.issue_title,
                "phases": phases(reader, session.id, |_| true)?,
                "phases_completed": facts.phases_completed,
                "hints_used": facts.hints_used,
                "independent_completions": facts.independent_completions,
                "knowledge_gaps": session_gaps.iter().map(|gap| &gap.topic).collect::<Vec<_>>(),
            }),
        ),
        ("accumulated_evidence", evidence.into()),
    ]))
}

/// For `reflection_agent`; without a transcript the timeline is told.
pub(crate) fn reflection(
    reader: &Reader<'_>,
    session: &Session,
    transcript: Option<&str>,
) -> Result<Inputs, CoachError> {
    let (source, text) = match transcript {
        Some(text) => ("hook", text.to_owned()),
        None => ("timeline", transcript::told(reader, session.id)?),
    };
    let session_gaps = gaps::by_session(reader, session.id)?;
    Ok(fields([
        ("issue_title", json!(session.issue_title)),
        ("session_transcript", text.into()),
        ("transcript_source", source.into()),
        (
            "phases_completed",
            phases(reader, session.id, |phase| {
                phase.status == PhaseStatus::Complete
            })?,
        ),
        (
            "knowledge_gaps",
            session_gaps
                .iter()
                .map(|gap| json!({"topic": gap.topic, "severity": gap.severity.as_str()}))
                .collect(),
        ),
    ]))
}

/// All that is known of the learner's stages (spec: story 9, "Dreyfus Stages Input Schema").
pub(crate) fn assessments(reader: &Reader<'_>) -> Result<Value, CoachError> {
    let all = dreyfus::list(reader)?;
    Ok(all
        .iter()
        .map(|known| {
            json!({
                "skill_area": known.skill_area,
                "stage": known.stage.as_str(),
                "confidence": known.confidence,
            })
        })
        .collect())
}

/// The session that a prompt is about.
pub(crate) fn session(reader: &Reader<'_>, id: u32) -> Result<Session, CoachError> {
    sessions::by_id(reader, id)?.ok_or(CoachError::UnknownId {
        what: "session",
        id,
    })
}

fn phases(
    reader: &Reader<'_>,
    session: u32,
    wanted: impl Fn(&Phase) -> bool,
) -> Result<Value, CoachError> {
    let phases = active_phases(reader, session)?;
    Ok(phases
        .iter()
        .filter(|phase| wanted(phase))
        .map(|phase| {
            json!({
                "title": phase.title,
                "description": phase.description,
                "status": phase.status.as_str(),
                "hint_level": phase.hint_level.as_str(),
                "teaches": phase.teaching.teaches,
            })
        })
        .collect())
}

/// The last entries of the session's timeline, oldest first, without secrets.
fn action_log(reader: &Reader<'_>, session: u32) -> Result<Value, CoachError> {
    let mut bytes = 0;
    let mut told = Vec::new();
    for entry in actions::recent(reader, Some(session), MOST_ACTIONS)? {
        let data = redact(entry.data.as_deref().unwrap_or("null")).into_owned();
        bytes += data.len() + entry.kind.len();
        if bytes > MOST_BYTES {
            break;
        }
        let data = serde_json::from_str::<Value>(&data).unwrap_or(Value::String(data));
        told.push(json!({"action_type": entry.kind, "data": data, "created_at": entry.at}));
    }
    told.reverse();
    Ok(told.into())
}

/// What reviews of the session have found, topic by topic with how often.
fn review_findings(reader: &Reader<'_>, session: u32) -> Result<Value, CoachError> {
    #[derive(serde::Deserialize)]
    struct Review {
        issues: Vec<ReviewIssue>,
    }
    let mut topics: BTreeMap<String, u32> = BTreeMap::new();
    for kind in ["review_passed", "review_failed"] {
        for entry in actions::by_type(reader, session, kind)? {
            let review = entry.data.as_deref().map(serde_json::from_str::<Review>);
            for issue in review
                .into_iter()
                .flatten()
                .flat_map(|review| review.issues)
            {
                *topics.entry(issue.topic).or_default() += 1;
            }
        }
    }
    Ok(topics
        .into_iter()
        .map(|(topic, times)| json!({"topic": topic, "times": times}))
        .collect())
}

fn fields<const N: usize>(fields: [(&str, Value); N]) -> Inputs {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
