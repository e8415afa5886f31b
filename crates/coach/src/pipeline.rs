//! From an issue and a plan to coaching in phases (spec: story 9, AC 1 to 3; decisions, "Pipeline").

use std::collections::BTreeSet;

use paige_memory::{Query, Recalled};
use paige_protocol::{
    ProjectPath,
    coach::{
        Action, ServerMessage,
        coaching::PlanReady,
        tools::{RunPipelineArgs, RunPipelineResult},
    },
    tree::TreeNode,
};
use paige_store::{
    Reader, StoreError, Unit,
    coach::{
        HintLevel, Stage, dreyfus,
        hints::{self, NewHint},
        phases::{self, NewPhase, Teaching},
        plans::{self, NewPlan},
        sessions,
    },
};
use paige_workspace::Workspace;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Coach, CoachError, convert, log,
    phases::withdraw,
    push,
    session::{refuse_other_issue, still_active},
    teach::{PhaseDraft, PlanDraft, Project, Rules},
    wrap_up::inputs::{self, Inputs},
};

/// Steps that a person sees while they wait.
const STEPS: u32 = 4;
/// Memories that are looked for.
const MEMORIES: usize = 5;
/// Paths of the project that the coach is told, at most.
const MOST_FILES: usize = 2_000;
/// Of the plan the filter of memories is told this much, in characters.
const PLAN_SUMMARY: usize = 4_000;
/// Longer plans and summaries are refused: no model would read them to their end.
const LONGEST_TEXT: usize = 200_000;

/// What `memory_retrieval_filter` answers.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Filtered {
    relevant_memories: Vec<Relevant>,
    /// What was left out, and why.
    #[allow(dead_code, reason = "asked for so that the model weighs each one")]
    discarded: Vec<Discarded>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Relevant {
    content: String,
    relevance: Relevance,
    connection: String,
    use_in_coaching: String,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Relevance {
    Direct,
    Related,
    Contextual,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[allow(dead_code, reason = "asked for so that the model weighs each one")]
struct Discarded {
    content: String,
    reason: String,
}

/// What is to be planned.
pub(crate) struct Subject {
    pub(crate) number: Option<u32>,
    pub(crate) title: Option<String>,
    pub(crate) summary: String,
    pub(crate) plan_text: String,
}

impl Coach {
    /// Makes a coaching plan of a plan, and makes it the session's.
    ///
    /// # Errors
    /// Without an active session, when another issue's plan has progress, or when the coach's model
    /// fails; then nothing is stored.
    pub async fn run_pipeline(
        &self,
        args: RunPipelineArgs,
    ) -> Result<RunPipelineResult, CoachError> {
        check(&args)?;
        self.can_think()?;
        let session = self.active()?.id;
        let (asked, force) = (args.issue_number, args.force.unwrap_or(false));
        let subject = self.look(|reader| {
            let row = still_active(reader, session)?;
            refuse_other_issue(reader, &row, asked, force)?;
            Ok::<_, CoachError>(Subject {
                number: asked.or(row.issue_number),
                title: args.issue_title.or(row.issue_title),
                summary: args.issue_summary,
                plan_text: args.plan_text,
            })
        })?;
        let mut notes = Vec::new();

        self.tell_progress("Remembering what is like it", 1, STEPS);
        let memories = self.recall(&subject, &mut notes).await;
        self.tell_progress("Choosing what of it helps", 2, STEPS);
        let relevant = self.choose(session, &subject, &memories, &mut notes).await;

        self.tell_progress("Planning the phases", 3, STEPS);
        let draft = self.plan(session, &subject, &relevant, &mut notes).await?;

        self.tell_progress("Writing the plan down", 4, STEPS);
        self.store_plan(session, subject, draft, (asked, force), notes)
            .await
    }

    /// What is remembered of the like. Nothing that fails here stands in the way of coaching.
    async fn recall(&self, subject: &Subject, notes: &mut Vec<String>) -> Vec<Recalled> {
        let query = query(subject, &self.0.project_dir);
        match self.0.mind.memory.query(query).await {
            Ok(recall) => {
                notes.extend(recall.note);
                recall.memories
            }
            Err(error) => {
                tracing::warn!(%error, "Memories could not be looked for.");
                notes.push("Memories could not be looked for; the plan is made without.".into());
                Vec::new()
            }
        }
    }

    async fn choose(
        &self,
        session: u32,
        subject: &Subject,
        memories: &[Recalled],
        notes: &mut Vec<String>,
    ) -> Vec<Relevant> {
        if memories.is_empty() {
            return Vec::new();
        }
        let fields = filter_fields(subject, memories);
        let chosen = self
            .ask::<Filtered>("memory_retrieval_filter", Some(session), &fields)
            .await;
        match chosen {
            Ok(filtered) => filtered.relevant_memories,
            Err(error) => {
                tracing::warn!(%error, "Memories could not be chosen.");
                notes.push(format!(
                    "The plan is made without memories: {}",
                    error.message()
                ));
                Vec::new()
            }
        }
    }

    /// Asks the coach. A plan that breaks the rules of teaching is asked for once more with the
    /// reasons, and then mended (coaching.md §1).
    async fn plan(
        &self,
        session: u32,
        subject: &Subject,
        relevant: &[Relevant],
        notes: &mut Vec<String>,
    ) -> Result<PlanDraft, CoachError> {
        let workspace = self.0.workspace.clone();
        let files = tokio::task::spawn_blocking(move || project_files(&workspace))
            .await
            .map_err(|_| CoachError::Cut)?;
        let rules = &self.0.config.teach;
        let (stage, known) = self.look(|reader| {
            Ok::<_, CoachError>((
                stage_for(reader, rules, subject)?,
                inputs::assessments(reader)?,
            ))
        })?;
        let mut fields = coach_fields(subject, stage, known, relevant, &files);
        let exists = |path: &str| files.contains(path);
        let check = async |draft: &PlanDraft| {
            let project = self.quotable_in_plan(draft).await;
            let wrong = rules.check_plan(draft, stage, &exists, &project);
            (project, wrong)
        };
        let draft: PlanDraft = self.ask("coach_agent", Some(session), &fields).await?;
        let (_, wrong) = check(&draft).await;
        if wrong.is_empty() {
            return Ok(draft);
        }
        let reasons: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        tracing::info!(session, ?reasons, "The coach is asked once more.");
        fields.insert("rejected".into(), json!(reasons));
        let draft: PlanDraft = self.ask("coach_agent", Some(session), &fields).await?;
        let (project, wrong) = check(&draft).await;
        if wrong.is_empty() {
            return Ok(draft);
        }
        let (mended, left) = rules.repair_plan(draft, stage, &exists, &project);
        if let Some(violation) = left.first() {
            return Err(CoachError::Answer(violation.to_string()));
        }
        notes.extend(
            wrong
                .iter()
                .map(|violation| format!("Mended in the plan: {violation}")),
        );
        Ok(mended)
    }

    /// What of the project a plan may quote: the files that it names.
    async fn quotable_in_plan(&self, draft: &PlanDraft) -> Project {
        let named: Vec<ProjectPath> = draft
            .phases
            .iter()
            .flat_map(|phase| {
                let lines = phase.hints.line_hints.iter().map(|hint| &hint.path);
                let files = phase.hints.file_hints.iter().map(|hint| &hint.path);
                let expected = phase.expected_files.iter().map(|file| &file.path);
                lines.chain(files).chain(expected)
            })
            .filter_map(|path| ProjectPath::parse(path).ok())
            .collect();
        let coach = self.clone();
        let read = tokio::task::spawn_blocking(move || coach.quotable(named));
        read.await.unwrap_or_default()
    }

    /// Stores the plan as one unit: the old one is no longer active, its hints are withdrawn, the
    /// issue is the session's, and everyone is told.
    async fn store_plan(
        &self,
        session: u32,
        subject: Subject,
        draft: PlanDraft,
        (asked, force): (Option<u32>, bool),
        notes: Vec<String>,
    ) -> Result<RunPipelineResult, CoachError> {
        let _rules = self.0.rules.lock().await;
        let (row, result) = self
            .commit(move |unit| {
                let row = still_active(unit, session)?;
                refuse_other_issue(unit, &row, asked, force)?;
                let row = sessions::set_issue(
                    unit,
                    row.id,
                    &sessions::Issue {
                        number: subject.number,
                        title: subject.title.clone(),
                        summary: Some(subject.summary.clone()),
                        labels: None,
                        url: None,
                    },
                )?;
                withdraw(unit, session)?;
                let plan = plans::create(
                    unit,
                    &NewPlan {
                        session_id: session,
                        title: subject.title.unwrap_or_else(|| heading(&subject.summary)),
                        description: subject.summary,
                        total_phases: u32::try_from(draft.phases.len()).unwrap_or(u32::MAX),
                        raw_plan_text: Some(subject.plan_text),
                    },
                )?;
                let difficulty = word(&draft.estimated_difficulty);
                let plan = plans::set_outlook(
                    unit,
                    plan.id,
                    draft.memory_connection.as_deref(),
                    Some(&difficulty),
                )?;
                let mut stored = Vec::with_capacity(draft.phases.len());
                for phase in &draft.phases {
                    stored.push(convert::phase(&store_phase(unit, plan.id, phase)?));
                }
                log(
                    unit,
                    Some(session),
                    &Action::CoachingPipelineRun { plan_id: plan.id },
                )?;
                let plan_wire = convert::plan(&plan);
                push(
                    unit,
                    &ServerMessage::PlanReady(PlanReady {
                        plan: plan_wire.clone(),
                        phases: stored.clone(),
                        memory_connection: plan.memory_connection.clone(),
                        estimated_difficulty: plan.estimated_difficulty.clone(),
                    }),
                )?;
                let result = RunPipelineResult {
                    success: true,
                    plan: plan_wire,
                    phases: stored,
                    memory_connection: plan.memory_connection,
                    estimated_difficulty: plan.estimated_difficulty,
                    notes,
                };
                Ok((row, result))
            })
            .await?;
        *self.0.active.lock() = Some(row);
        self.0.previous.lock().in_phase(None);
        self.reload_marks()?;
        Ok(result)
    }
}

/// The stage that counts for a plan: that of the skill areas that its issue touches (coaching.md §2).
pub(crate) fn stage_for(
    reader: &Reader<'_>,
    rules: &Rules,
    subject: &Subject,
) -> Result<Stage, StoreError> {
    let known: Vec<_> = dreyfus::list(reader)?
        .into_iter()
        .map(|known| (known.skill_area, known.stage))
        .collect();
    let title = subject.title.as_deref().unwrap_or_default();
    let text = [title, &subject.summary, &subject.plan_text].join("\n");
    Ok(rules.stage_for(&known, &text))
}

/// What is looked for in the memories (spec: story 9, "ChromaDB Memory Query Strategy").
pub(crate) fn query(subject: &Subject, project: &str) -> Query {
    let title = subject.title.as_deref().unwrap_or_default();
    Query {
        text: format!("{title} {}", subject.summary).trim().to_owned(),
        project: Some(project.to_owned()),
        only_project: false,
        limit: MEMORIES,
    }
}

/// The fields of `memory_retrieval_filter`.
pub(crate) fn filter_fields(subject: &Subject, memories: &[Recalled]) -> Inputs {
    let plan_summary: String = subject.plan_text.chars().take(PLAN_SUMMARY).collect();
    let candidates = memories.iter().map(|memory| {
        let mut metadata = json!({
            "session_id": memory.metadata.session_id,
            "created_at": memory.metadata.created_at,
            "type": memory.metadata.kind,
            "importance": memory.metadata.importance,
            "tags": memory.metadata.tags,
        });
        if memory.other_project {
            metadata["project_dir"] = json!(memory.metadata.project_dir);
        }
        json!({"content": memory.content, "metadata": metadata})
    });
    Inputs::from([
        ("issue_summary".to_owned(), json!(subject.summary)),
        ("plan_summary".to_owned(), json!(plan_summary)),
        ("candidate_memories".to_owned(), candidates.collect()),
    ])
}

/// The fields of `coach_agent`.
pub(crate) fn coach_fields(
    subject: &Subject,
    stage: Stage,
    assessments: Value,
    relevant: &[Relevant],
    files: &BTreeSet<String>,
) -> Inputs {
    let listed: Vec<&String> = files.iter().take(MOST_FILES).collect();
    Inputs::from([
        (
            "issue".to_owned(),
            json!({"number": subject.number, "title": subject.title, "summary": subject.summary}),
        ),
        ("plan_text".to_owned(), json!(subject.plan_text)),
        ("stage".to_owned(), json!(stage.as_str())),
        ("dreyfus_assessments".to_owned(), assessments),
        ("relevant_memories".to_owned(), json!(relevant)),
        ("project_files".to_owned(), json!(listed)),
    ])
}

/// Every file of the project that a model may know of.
pub(crate) fn project_files(workspace: &Workspace) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    collect(&workspace.tree(), &mut files);
    files.retain(|path| ProjectPath::parse(path).is_ok_and(|path| !workspace.is_secret(&path)));
    files
}

fn collect(node: &TreeNode, files: &mut BTreeSet<String>) {
    match &node.children {
        Some(children) => children.iter().for_each(|child| collect(child, files)),
        None => {
            files.insert(node.path.clone());
        }
    }
}

fn check(args: &RunPipelineArgs) -> Result<(), CoachError> {
    for (name, text) in [
        ("plan_text", &args.plan_text),
        ("issue_summary", &args.issue_summary),
    ] {
        if text.trim().is_empty() {
            return Err(CoachError::InvalidArgument(format!(
                "`{name}` is empty. Explore the issue and write it down first; the coach plans from it."
            )));
        }
        if text.len() > LONGEST_TEXT {
            return Err(CoachError::InvalidArgument(format!(
                "`{name}` has {} bytes, and {LONGEST_TEXT} are the most. Give the essence.",
                text.len()
            )));
        }
    }
    Ok(())
}

/// A title for a plan whose issue has none: the beginning of its summary.
fn heading(summary: &str) -> String {
    let line = summary.trim().lines().next().unwrap_or_default();
    let mut title: String = line.chars().take(100).collect();
    if title.len() < line.len() {
        title.push('…');
    }
    title
}

fn store_phase(
    unit: &mut Unit<'_>,
    plan_id: u32,
    draft: &PhaseDraft,
) -> Result<phases::Phase, CoachError> {
    let expected = draft.expected_files.iter().map(|file| file.path.clone());
    let phase = phases::create(
        unit,
        &NewPhase {
            plan_id,
            number: draft.number,
            title: draft.title.clone(),
            description: draft.description.clone(),
            hint_level: convert::level_to(draft.hint_level),
            expected_files: expected.collect(),
        },
    )?;
    let phase = phases::set_teaching(
        unit,
        phase.id,
        &Teaching {
            goal: Some(draft.goal.clone()),
            done_when: Some(draft.done_when.clone()),
            teaches: Some(draft.teaches.clone()),
            memory_connection: draft.memory_connection.clone(),
            kind: Some(word(&draft.kind)),
        },
    )?;
    for hint in &draft.hints.file_hints {
        hints::create(
            unit,
            &NewHint {
                phase_id: phase.id,
                path: hint.path.clone(),
                lines: None,
                style: convert::file_style(hint.style),
                hover_text: None,
                required_level: HintLevel::Low,
                rung: 1,
            },
        )?;
    }
    for hint in &draft.hints.line_hints {
        hints::create(
            unit,
            &NewHint {
                phase_id: phase.id,
                path: hint.path.clone(),
                lines: Some((hint.start, hint.end)),
                style: convert::tone_style(hint.style),
                hover_text: Some(hint.hover_text.clone()),
                required_level: HintLevel::Medium,
                rung: hint.rung.into(),
            },
        )?;
    }
    Ok(phase)
}

/// The word of an enum without data, as it stands in JSON.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}
