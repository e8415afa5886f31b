//! `observer eval`: recorded sessions go through the Observer once more.

mod table;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use paige_claude::{Tier, Usage};
use paige_coach::observer::eval::{
    Asker, Case, Evaluation, Mistake, Recorded, RecordedLook, Scenario, Spent, looks, prompt_bytes,
};
use paige_protocol::coach::coaching::SuppressionReason;

use super::thinking::runtime;
use crate::config::Mind;
use crate::exit::{Exit, Failure, print, tell};

/// What to do about the Observer.
#[derive(Subcommand)]
pub(crate) enum ObserverCommand {
    /// Play recorded sessions through the Observer, and compare what it says with their labels.
    ///
    /// A file is what `paige-sidecar export SESSION --format json` writes; the README says how to add
    /// labels. Beside session.json stands session.looks.jsonl, with what a model has answered.
    Eval(Eval),
}

impl ObserverCommand {
    /// Whether a model is asked, so that a key is needed.
    pub(crate) fn asks(&self) -> bool {
        let Self::Eval(eval) = self;
        eval.record
    }
}

/// What to evaluate.
#[derive(Args)]
pub(crate) struct Eval {
    /// Exported sessions.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Leave this rule out, to see what it is good for: a `reason` of the timeline, such as cooldown.
    #[arg(long, value_name = "RULE", value_parser = rule)]
    without: Option<SuppressionReason>,
    /// Write what the model would be given into the .looks.jsonl files first. Answers stay where nothing
    /// has changed, and go where something has.
    #[arg(long, conflicts_with = "without")]
    snapshots: bool,
    /// Ask the model about every look first, and write its answers into the .looks.jsonl files. Answers that
    /// are wrong on purpose stay. This costs as much as the calls.
    #[arg(long, conflicts_with_all = ["without", "snapshots"])]
    record: bool,
}

fn rule(text: &str) -> Result<SuppressionReason, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

/// Evaluates the Observer.
///
/// # Errors
/// [`Exit::Refused`] when a file cannot be read, is no export, or cannot be written, and when
/// the model cannot be asked.
pub(crate) fn observer(
    mind: &Mind,
    coach: &paige_coach::Config,
    command: ObserverCommand,
) -> Result<(), Failure> {
    let ObserverCommand::Eval(eval) = command;
    let mut cases = Vec::new();
    for file in &eval.files {
        let mut case = read(file)?;
        if eval.snapshots || eval.record {
            let lines = if eval.record {
                record(mind, coach, &case)?
            } else {
                let looks = looks(&case.scenario, &coach.observer);
                looks.iter().map(|look| case.recorded.line(look)).collect()
            };
            let lines = lines
                .iter()
                .map(serde_json::to_string)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| Failure::internal("A snapshot cannot be written", error))?;
            let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
            write(&looks_of(file), &text)?;
            case = read(file)?;
        }
        cases.push(case);
    }
    let model = mind.models.resolve(Tier::Haiku, &mind.model_mapping);
    let price = |spent: &Spent| {
        let usage = Usage {
            input_tokens: spent.input_tokens,
            output_tokens: spent.output_tokens,
            cache_write_5m_tokens: spent.cache_write_tokens,
            cache_read_tokens: spent.cache_read_tokens,
            ..Usage::default()
        };
        mind.models.cost(&model, &usage)
    };
    let prompt_bytes = prompt_bytes(&mind.prompts, coach)
        .map_err(|error| Failure::internal("The prompt cannot be filled in", error))?;
    let found = Evaluation::of(&cases, &coach.observer, eval.without, prompt_bytes, &price);
    if eval.json {
        let text = serde_json::to_string(&found)
            .map_err(|error| Failure::internal("The figures cannot be written", error))?;
        print(&text);
    } else {
        print(&table::text(&found, &model));
    }
    Ok(())
}

/// Puts every look to the model, but those that are wrong on purpose.
fn record(
    mind: &Mind,
    coach: &paige_coach::Config,
    case: &Case,
) -> Result<Vec<RecordedLook>, Failure> {
    let refused = |message: String| Failure::new(Exit::Refused, message);
    let usual = paige_claude::Config::default();
    let client = paige_claude::Config {
        api_key: mind.api_key.clone(),
        base_url: mind.base_url.clone().unwrap_or(usual.base_url),
        models: mind.models.clone(),
        mapping: mind.model_mapping.clone(),
        ..paige_claude::Config::default()
    };
    let asker = Asker::new(client, &mind.prompts, coach)
        .map_err(|message| Failure::new(Exit::Configuration, message))?;
    runtime()?.block_on(async {
        let mut lines = Vec::new();
        for look in looks(&case.scenario, &coach.observer) {
            let known = case.recorded.line(&look);
            lines.push(if known.wrong_on_purpose.is_some() {
                known
            } else {
                let asked = asker.ask(&look).await;
                asked.map_err(|error| refused(error.message()))?
            });
        }
        Ok(lines)
    })
}

/// The file of looks that stands beside a session.
fn looks_of(file: &Path) -> PathBuf {
    file.with_extension("looks.jsonl")
}

fn read(file: &Path) -> Result<Case, Failure> {
    let scenario = Scenario::parse(&text(file)?).map_err(|mistake| wrong(file, &mistake))?;
    let looks = looks_of(file);
    let recorded = if looks.exists() {
        Recorded::parse(&text(&looks)?).map_err(|mistake| wrong(&looks, &mistake))?
    } else {
        Recorded::default()
    };
    Ok(Case {
        file: file.display().to_string(),
        scenario,
        recorded,
    })
}

fn text(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| {
        Failure::new(
            Exit::Refused,
            format!(
                "{} cannot be read: {error}. Name a file that `paige-sidecar export SESSION --format json` has written.",
                file.display()
            ),
        )
    })
}

fn wrong(file: &Path, mistake: &Mistake) -> Failure {
    Failure::new(
        Exit::Refused,
        format!("{}:{}: {}", file.display(), mistake.line, mistake.message),
    )
}

/// Replaces a file; what a person did is for that person alone.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            Exit::Refused,
            format!(
                "{} cannot be written: {error}. Make its folder writable, or copy the session elsewhere.",
                file.display()
            ),
        )
    };
    let part = file.with_extension("jsonl.part");
    let mut out = std::fs::File::create(&part).map_err(failed)?;
    out.write_all(text.as_bytes())
        .and_then(|()| out.sync_all())
        .and_then(|()| std::fs::rename(&part, file))
        .map_err(failed)?;
    tell(&format!("{} is written.", file.display()));
    Ok(())
}
