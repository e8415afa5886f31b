//! The three steps: what is asked, what of the answer is kept, and by which rule.

use std::collections::BTreeMap;

use paige_memory::{Importance, NewMemory};
use paige_store::{
    StoreError, Unit,
    coach::{
        Agent, KataKind, Severity, Stage, dreyfus,
        gaps::{self, NewGap},
        katas::{self, Constraint, NewKata},
        sessions::Session,
        stage_decisions::{self, NewStageDecision},
        wrap_up::{self, Job},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::inputs;
use crate::{
    Coach, CoachError,
    redact::redact,
    teach::{self, Evidence, Held, Rules},
};

/// What came of the steps: kept as the result of each, and summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Stored {
    pub(super) memories: u32,
    pub(super) gaps: u32,
    pub(super) katas: u32,
    pub(super) assessments: u32,
}

impl Stored {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            memories: self.memories + other.memories,
            gaps: self.gaps + other.gaps,
            katas: self.katas + other.katas,
            assessments: self.assessments + other.assessments,
        }
    }
}

/// What `knowledge_gap_agent` answers.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct GapsFound {
    knowledge_gaps: Vec<GapFound>,
    kata_specs: Vec<KataSpec>,
}

impl GapsFound {
    /// What of the answer would not be kept, as sentences.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let has = |topic: &str| {
            let topic = topic.trim().to_lowercase();
            let mut gaps = self.knowledge_gaps.iter();
            gaps.any(|gap| gap.topic.trim().to_lowercase() == topic)
        };
        let stray = self.kata_specs.iter().filter(|kata| !has(&kata.gap_topic));
        stray
            .map(|kata| format!("The kata {:?} names no gap of the answer.", kata.title))
            .collect()
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
struct GapFound {
    topic: String,
    evidence: String,
    severity: Level,
    related_concepts: Vec<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Level {
    Low,
    Medium,
    High,
}

#[derive(Debug, Deserialize, JsonSchema)]
struct KataSpec {
    /// The topic of the gap that it is to close.
    gap_topic: String,
    kind: Kind,
    title: String,
    description: String,
    scaffolding_code: String,
    instructor_notes: String,
    constraints: Vec<ConstraintSpec>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Code,
    Debug,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ConstraintSpec {
    id: String,
    description: String,
    min_level: u32,
}

/// What `dreyfus_agent` answers.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Assessed {
    assessments: Vec<Proposal>,
}

impl Assessed {
    /// What of the answer would not be kept, as sentences.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let proposals = self.assessments.iter();
        proposals
            .filter(|proposal| Stage::parse_any(&proposal.stage).is_none())
            .map(|proposal| format!("{:?} is no stage.", proposal.stage))
            .collect()
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Proposal {
    skill_area: String,
    /// Novice, Advanced Beginner, Competent, Proficient or Expert.
    stage: String,
    /// 0 to 1.
    confidence: f64,
    evidence: String,
    /// In how many sessions that was seen, this one included.
    #[allow(
        dead_code,
        reason = "asked for so that the model looks at earlier sessions; the record counts"
    )]
    sessions_of_evidence: u32,
    /// Phases of this area that were completed without help.
    independent_completions: u32,
}

/// What `reflection_agent` answers.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Remembered {
    memories: Vec<MemoryFound>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct MemoryFound {
    content: String,
    tags: Vec<String>,
    importance: Level,
    #[serde(rename = "type")]
    kind: String,
}

/// Longer or more than this is not kept: an answer is no place to hide a book in.
const MOST_GAPS: usize = 10;
const MOST_KATAS: usize = 6;
const MOST_MEMORIES: usize = 10;

impl Coach {
    /// Does one step, and notes that it is done in the unit that stores what came of it.
    pub(super) async fn step(&self, job: &Job) -> Result<(), CoachError> {
        let session = self.look(|reader| inputs::session(reader, job.session_id))?;
        match job.step {
            Agent::KnowledgeGap => self.find_gaps(job.id, &session).await,
            Agent::Dreyfus => self.assess(job.id, &session).await,
            Agent::Reflection => self.reflect(job, &session).await,
        }
    }

    async fn find_gaps(&self, job: u32, session: &Session) -> Result<(), CoachError> {
        let fields = self.look(|reader| inputs::knowledge_gaps(reader, session))?;
        let found: GapsFound = self
            .ask("knowledge_gap_agent", Some(session.id), &fields)
            .await?;
        let session = session.id;
        self.commit(move |unit| {
            let stored = store_gaps(unit, session, found)?;
            done(unit, job, stored)
        })
        .await
    }

    async fn assess(&self, job: u32, session: &Session) -> Result<(), CoachError> {
        let (fields, facts) = self.look(|reader| {
            Ok::<_, CoachError>((
                inputs::stages(reader, session)?,
                inputs::facts(reader, session)?,
            ))
        })?;
        let assessed: Assessed = self.ask("dreyfus_agent", Some(session.id), &fields).await?;
        let session = session.id;
        let rules = self.0.config.teach.clone();
        self.commit(move |unit| {
            let mut moved = BTreeMap::new();
            for proposal in assessed.assessments {
                decide(
                    unit,
                    &rules,
                    session,
                    facts.independent_completions,
                    proposal,
                    &mut moved,
                )?;
            }
            let stored = Stored {
                assessments: u32::try_from(moved.values().filter(|moved| **moved).count())
                    .unwrap_or(u32::MAX),
                ..Stored::default()
            };
            done(unit, job, stored)
        })
        .await
    }

    /// Memories are kept in a file of their own. So that a kill between the two cannot store other
    /// memories a second time, the answer is kept first, and each memory has a key.
    async fn reflect(&self, job: &Job, session: &Session) -> Result<(), CoachError> {
        let (id, session_id) = (job.id, job.session_id);
        let remembered: Remembered = match &job.result {
            Some(kept) => serde_json::from_str(kept).map_err(|_| CoachError::Cut)?,
            None => {
                let fields =
                    self.look(|reader| inputs::reflection(reader, session, job.input.as_deref()))?;
                let remembered = self
                    .ask("reflection_agent", Some(session_id), &fields)
                    .await?;
                let kept = serde_json::to_string(&remembered).map_err(|_| CoachError::Cut)?;
                self.commit(move |unit| Ok(wrap_up::answered(unit, id, &kept)?))
                    .await?;
                remembered
            }
        };
        let memories: Vec<NewMemory> = (0..)
            .zip(remembered.memories)
            .filter(|(_, memory)| !memory.content.trim().is_empty())
            .take(MOST_MEMORIES)
            .map(|(index, memory): (u32, _)| NewMemory {
                // The record of memories may outlive this database, whose numbers begin at 1 again.
                key: Some(format!(
                    "wrap-up:{}:{session_id}:{index}",
                    session.started_at
                )),
                content: redact(memory.content.trim()).into_owned(),
                kind: memory.kind,
                tags: memory.tags,
                importance: match memory.importance {
                    Level::Low => Importance::Low,
                    Level::Medium => Importance::Medium,
                    Level::High => Importance::High,
                },
            })
            .collect();
        let stored = Stored {
            memories: u32::try_from(memories.len()).unwrap_or(u32::MAX),
            ..Stored::default()
        };
        self.0
            .mind
            .memory
            .add(memories, session_id, &session.project_dir)
            .await?;
        self.commit(move |unit| done(unit, id, stored)).await
    }
}

fn done(unit: &mut Unit<'_>, job: u32, stored: Stored) -> Result<(), CoachError> {
    let result = serde_json::to_string(&stored).unwrap_or_default();
    wrap_up::done(unit, job, Some(&result))?;
    Ok(())
}

fn store_gaps(unit: &mut Unit<'_>, session: u32, found: GapsFound) -> Result<Stored, CoachError> {
    let mut stored = Stored::default();
    let mut topics = BTreeMap::new();
    for gap in found.knowledge_gaps.into_iter().take(MOST_GAPS) {
        if gap.topic.trim().is_empty() {
            continue;
        }
        let row = gaps::record(
            unit,
            &NewGap {
                session_id: session,
                topic: gap.topic,
                severity: match gap.severity {
                    Level::Low => Severity::Low,
                    Level::Medium => Severity::Medium,
                    Level::High => Severity::High,
                },
                evidence: gap.evidence,
                related_concepts: gap.related_concepts,
            },
        )?;
        stored.gaps += 1;
        topics.insert(row.topic.to_lowercase(), row.id);
    }
    for kata in found.kata_specs.into_iter().take(MOST_KATAS) {
        // A kata comes from one gap (coaching.md §5); one that names no gap of this answer is for
        // one that is known already, or for none, and then it is dropped.
        let topic = kata.gap_topic.trim().to_lowercase();
        let gap = match topics.get(&topic) {
            Some(id) => Some(*id),
            None => gaps::by_topic(unit, &topic)?.map(|gap| gap.id),
        };
        let Some(gap_id) = gap else {
            tracing::warn!(session, title = %kata.title, "A kata names no gap and is dropped.");
            continue;
        };
        katas::create(
            unit,
            &NewKata {
                gap_id,
                kind: match kata.kind {
                    Kind::Code => KataKind::Code,
                    Kind::Debug => KataKind::Debug,
                },
                title: kata.title,
                description: kata.description,
                scaffolding_code: kata.scaffolding_code,
                instructor_notes: kata.instructor_notes,
                constraints: kata
                    .constraints
                    .into_iter()
                    .map(|constraint| Constraint {
                        id: constraint.id,
                        title: None,
                        description: constraint.description,
                        min_level: constraint.min_level.clamp(1, 10),
                    })
                    .collect(),
            },
        )?;
        stored.katas += 1;
    }
    Ok(stored)
}

/// Applies the rule to a proposal and stores both (coaching.md §4).
fn decide(
    unit: &mut Unit<'_>,
    rules: &Rules,
    session: u32,
    independent: u32,
    proposal: Proposal,
    moved: &mut BTreeMap<String, bool>,
) -> Result<(), CoachError> {
    let area = proposal.skill_area.trim().to_owned();
    if area.is_empty() {
        return Ok(());
    }
    let Some(proposed) = Stage::parse_any(&proposal.stage) else {
        return Err(CoachError::Answer(format!(
            "{:?} is no stage.",
            proposal.stage
        )));
    };
    let known = dreyfus::by_skill_area(unit, &area)?;
    let held = known.as_ref().map(|known| Held {
        stage: known.stage,
        confidence: known.confidence,
        assessed_at: known.assessed_at.parse().unwrap_or_default(),
    });
    let present = held.map_or(Stage::Novice, |held| held.stage);
    // What the model says counts as far as the record bears it out.
    let independent = proposal.independent_completions.min(independent);
    let evidence = evidence(unit, session, &area, present, proposed, independent)?;
    let already = moved.get(&area).copied().unwrap_or(false);
    let decision = rules.decide(
        held.as_ref(),
        teach::Proposal {
            stage: proposed,
            confidence: proposal.confidence,
        },
        evidence,
        already,
        unit.now().parse().unwrap_or_default(),
    );
    stage_decisions::record(
        unit,
        &NewStageDecision {
            session_id: Some(session),
            skill_area: area.clone(),
            proposed,
            proposed_confidence: proposal.confidence.clamp(0.0, 1.0),
            evidence: proposal.evidence.clone(),
            independent_completions: independent,
            accepted: decision.accepted,
            decided: decision.stage,
            reason: decision.reason,
        },
    )?;
    let changed = known.is_none_or(|known| known.stage != decision.stage);
    dreyfus::upsert(
        unit,
        &area,
        decision.stage,
        decision.confidence,
        &proposal.evidence,
    )?;
    *moved.entry(area).or_insert(false) |= changed;
    Ok(())
}

/// What speaks for a change since the stage last moved, this session included.
fn evidence(
    unit: &Unit<'_>,
    session: u32,
    area: &str,
    present: Stage,
    proposed: Stage,
    independent: u32,
) -> Result<Evidence, StoreError> {
    let decisions = stage_decisions::by_skill_area(unit, area, u32::MAX)?;
    let mut told = vec![(Some(session), proposed, independent)];
    for (index, earlier) in decisions.iter().enumerate() {
        let moved = match decisions.get(index + 1) {
            Some(before) => before.decided != earlier.decided,
            // The first of all: who is not known counts as a novice.
            None => earlier.decided != Stage::Novice,
        };
        if earlier.decided != present || moved {
            break;
        }
        told.push((
            earlier.session_id,
            earlier.proposed,
            earlier.independent_completions,
        ));
    }
    let sessions = |wanted: fn(Stage, Stage) -> bool| {
        let mut sessions: Vec<_> = told
            .iter()
            .filter(|(_, proposed, _)| wanted(*proposed, present))
            .map(|(session, _, _)| *session)
            .collect();
        sessions.sort_unstable();
        sessions.dedup();
        u32::try_from(sessions.len()).unwrap_or(u32::MAX)
    };
    Ok(Evidence {
        sessions: sessions(|proposed, present| proposed > present),
        independent_completions: told.iter().map(|(_, _, count)| count).sum(),
        sessions_of_need: sessions(|proposed, present| proposed < present),
    })
}
