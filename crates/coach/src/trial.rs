//! Trying a prompt: it is asked once with its sample, and the answer is read and checked as a real one
//! would be, so that a person sees whether their models and their prompts go together.

use std::time::{Duration, Instant};

use paige_claude::{Client, Usage};
use paige_prompts::Prompts;
use paige_store::coach::Stage;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    CoachError, Config, ask,
    observer::Triage,
    pipeline::Filtered,
    teach::{PlanDraft, Project},
    wrap_up::{
        inputs::Inputs,
        steps::{Assessed, GapsFound, Remembered},
    },
};

/// What came of it.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The model that answered.
    pub model: String,
    /// What it used.
    pub usage: Usage,
    /// What that cost, in US dollars; `None` when the price is not known.
    pub cost: Option<f64>,
    /// How long it took.
    pub took: Duration,
    /// What the rules have against the answer, as sentences.
    pub wrong: Vec<String>,
}

/// What a prompt is tried with.
struct Trial<'a> {
    claude: &'a Client,
    prompts: &'a Prompts,
    config: &'a Config,
    fields: Inputs,
}

/// Asks what the prompt of that name asks, with its sample. Nothing is stored.
///
/// # Errors
/// When there is no such prompt or no sample of it, or when the call fails; an answer that does not fit
/// its type is [`paige_claude::Kind::Validation`].
pub async fn attempt(
    claude: &Client,
    prompts: &Prompts,
    config: &Config,
    name: &str,
) -> Result<Tried, CoachError> {
    let fields = paige_prompts::sample(name).ok_or_else(|| {
        CoachError::InvalidArgument(format!(
            "The prompt {name:?} has no sample, so that it cannot be tried."
        ))
    })?;
    let trial = Trial {
        claude,
        prompts,
        config,
        fields,
    };
    let nothing = Vec::new;
    match name {
        "memory_retrieval_filter" => {
            let name = "memory_retrieval_filter";
            trial.ask(name, |_: &Filtered| nothing()).await
        }
        "coach_agent" => trial.ask("coach_agent", |plan| trial.plan(plan)).await,
        "knowledge_gap_agent" => trial.ask("knowledge_gap_agent", GapsFound::wrong).await,
        "dreyfus_agent" => trial.ask("dreyfus_agent", Assessed::wrong).await,
        "observer_triage" => {
            let wrong = |triage: &Triage| triage.check().err().into_iter().collect();
            trial.ask("observer_triage", wrong).await
        }
        "reflection_agent" => {
            let name = "reflection_agent";
            trial.ask(name, |_: &Remembered| nothing()).await
        }
        _ => Err(CoachError::InvalidArgument(format!(
            "What the prompt {name:?} is answered with is not known, so that it cannot be tried."
        ))),
    }
}

impl Trial<'_> {
    async fn ask<T: DeserializeOwned + JsonSchema + Send>(
        &self,
        name: &'static str,
        wrong: impl FnOnce(&T) -> Vec<String>,
    ) -> Result<Tried, CoachError> {
        let prompt = self.prompts.get(name).ok_or(CoachError::NoPrompt(name))?;
        let request = ask::request(name, prompt, self.config, &self.fields)?;
        let begun = Instant::now();
        let answer = self.claude.ask::<T>(request).await?;
        Ok(Tried {
            cost: self.claude.models().cost(&answer.model, &answer.usage),
            took: begun.elapsed(),
            wrong: wrong(&answer.value),
            model: answer.model,
            usage: answer.usage,
        })
    }

    /// The rules of plans, as if the files of the sample were the project.
    fn plan(&self, plan: &PlanDraft) -> Vec<String> {
        let stage = self.fields.get("stage").and_then(Value::as_str);
        let stage = stage.and_then(Stage::parse_any).unwrap_or(Stage::Novice);
        let files = self.fields.get("project_files").and_then(Value::as_array);
        let exists = |path: &str| files.is_some_and(|files| files.iter().any(|file| file == path));
        let found = self
            .config
            .teach
            .check_plan(plan, stage, &exists, &Project::empty());
        found.iter().map(ToString::to_string).collect()
    }
}
