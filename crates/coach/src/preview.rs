//! What would be sent to a model, without sending it: for people who want to see.

use std::path::Path;

use paige_memory::Memory;
use paige_prompts::{Prompts, Rendered};
use paige_store::{Reader, View, coach::plans};
use paige_workspace::Workspace;

use crate::{
    CoachError, Config, pipeline,
    wrap_up::inputs::{self, Inputs},
};

/// Where the fields of a prompt come from.
pub struct Sources<'a> {
    /// The record.
    pub view: &'a View,
    /// What is remembered.
    pub memory: &'a Memory,
    /// What models are asked.
    pub prompts: &'a Prompts,
    /// The numbers of coaching.
    pub config: &'a Config,
}

impl Sources<'_> {
    fn look<T>(
        &self,
        look: impl FnOnce(&Reader<'_>) -> Result<T, CoachError>,
    ) -> Result<T, CoachError> {
        self.view.snapshot(|reader| Ok(look(reader)))?
    }
}

/// A filled-in prompt, and what to know of it.
pub struct Preview {
    /// What would be sent.
    pub rendered: Rendered,
    /// What is different from a real call, as sentences.
    pub notes: Vec<String>,
}

/// Fills in the prompt of that name as for this session.
///
/// # Errors
/// When there is no such prompt or session, when the session has no plan and the prompt needs one,
/// or when the record cannot be read.
pub async fn preview(
    sources: &Sources<'_>,
    name: &str,
    session: u32,
) -> Result<Preview, CoachError> {
    let prompt = sources.prompts.get(name).ok_or_else(|| {
        let names: Vec<_> = sources.prompts.names().collect();
        CoachError::InvalidArgument(format!(
            "There is no prompt {name:?}; there are {}.",
            names.join(", ")
        ))
    })?;
    let mut notes = Vec::new();
    let fields = match name {
        "knowledge_gap_agent" => sources
            .look(|reader| inputs::knowledge_gaps(reader, &inputs::session(reader, session)?))?,
        "dreyfus_agent" => {
            sources.look(|reader| inputs::stages(reader, &inputs::session(reader, session)?))?
        }
        "reflection_agent" => {
            notes.push(
                "The transcript of a hook is not kept; this one is told from the timeline."
                    .to_owned(),
            );
            sources.look(|reader| {
                inputs::reflection(reader, &inputs::session(reader, session)?, None)
            })?
        }
        "memory_retrieval_filter" => {
            let (subject, project) = of_plan(sources, session)?;
            let recall = sources
                .memory
                .query(pipeline::query(&subject, &project))
                .await?;
            notes.extend(recall.note);
            pipeline::filter_fields(&subject, &recall.memories)
        }
        "coach_agent" => {
            notes.push(
                "Memories are chosen by memory_retrieval_filter first; here there are none."
                    .to_owned(),
            );
            let (subject, project) = of_plan(sources, session)?;
            let workspace = Workspace::open(
                Path::new(&project),
                paige_workspace::Config {
                    watch: false,
                    ..paige_workspace::Config::default()
                },
            )
            .map_err(|error| CoachError::InvalidArgument(error.to_string()))?;
            let files = pipeline::project_files(&workspace);
            let (stage, known) = sources.look(|reader| {
                Ok::<_, CoachError>((
                    pipeline::stage_for(reader, &sources.config.teach, &subject)?,
                    inputs::assessments(reader)?,
                ))
            })?;
            pipeline::coach_fields(&subject, stage, known, &[], &files)
        }
        _ => Inputs::new(),
    };
    Ok(Preview {
        rendered: prompt.render(&sources.config.prompt_rules(), &fields)?,
        notes,
    })
}

/// What the session's plan is about, and the project.
fn of_plan(sources: &Sources<'_>, session: u32) -> Result<(pipeline::Subject, String), CoachError> {
    sources.look(|reader| {
        let row = inputs::session(reader, session)?;
        let plan = plans::by_session(reader, session)?
            .into_iter()
            .rfind(|plan| plan.raw_plan_text.is_some())
            .ok_or(CoachError::NoActivePlan)?;
        Ok((
            pipeline::Subject {
                number: row.issue_number,
                title: row.issue_title,
                summary: plan.description,
                plan_text: plan.raw_plan_text.unwrap_or_default(),
            },
            row.project_dir,
        ))
    })
}
