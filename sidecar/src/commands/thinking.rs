//! `models` and `prompts`: what is asked of which model, and what that costs.

mod trial;

use std::fmt::Write as _;

use paige_claude::Tier;
use paige_coach::preview::{Sources, preview};

use self::trial::try_out;
use super::sessions::{id_of, view};
use crate::cli::PromptsCommand;
use crate::config::Mind;
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure, print, tell};
use crate::mind;

/// Lists the models and the mapping in force.
pub(crate) fn models(mind: &Mind, json: bool) {
    if json {
        let mapping: serde_json::Map<_, _> = Tier::ALL
            .into_iter()
            .map(|tier| {
                let model = mind.models.resolve(tier, &mind.model_mapping);
                (tier.name().to_owned(), model.into())
            })
            .collect();
        let all: Vec<_> = mind
            .models
            .all()
            .iter()
            .map(|model| {
                let bands = model.price.iter().flat_map(|price| &price.bands);
                serde_json::json!({
                    "id": model.id,
                    "tier": model.tier.name(),
                    "released": model.released,
                    "contextWindow": model.context_window,
                    "maxOutput": model.max_output,
                    "structuredOutput": model.structured_output,
                    "webSearch": model.web_search,
                    "priceValidFrom": model.price.as_ref().map(|price| &price.valid_from),
                    "usdPerMillionTokens": bands.map(|band| serde_json::json!({
                        "upToTokens": band.up_to_tokens,
                        "input": band.input,
                        "output": band.output,
                        "cacheWrite5m": band.cache_write_5m,
                        "cacheWrite1h": band.cache_write_1h,
                        "cacheRead": band.cache_read,
                    })).collect::<Vec<_>>(),
                })
            })
            .collect();
        print(&serde_json::json!({ "mapping": mapping, "models": all }).to_string());
        return;
    }
    print(&table(mind));
}

fn table(mind: &Mind) -> String {
    let mut text = String::from("In force:\n");
    for tier in Tier::ALL {
        let id = mind.models.resolve(tier, &mind.model_mapping);
        let note = match mind.models.get(&id) {
            None => "  (not in the table: its calls are unpriced)",
            Some(model) if model.price.is_none() => "  (unpriced)",
            Some(_) => "",
        };
        let _ = writeln!(text, "  {:<7} {id}{note}", tier.name());
    }
    text.push_str(
        "\nUS dollars for a million tokens:\n  model                        prompt up to     input    output  write 5m  write 1h      read  since\n",
    );
    for model in mind.models.all() {
        let Some(price) = &model.price else {
            let _ = writeln!(text, "  {:<28} unpriced", model.id);
            continue;
        };
        for band in &price.bands {
            let up_to = band
                .up_to_tokens
                .map_or_else(|| "any length".to_owned(), |tokens| tokens.to_string());
            let _ = writeln!(
                text,
                "  {:<28} {up_to:>12} {:>9.2} {:>9.2} {:>9.2} {:>9.2} {:>9.2}  {}",
                model.id,
                band.input,
                band.output,
                band.cache_write_5m,
                band.cache_write_1h,
                band.cache_read,
                price.valid_from
            );
        }
    }
    text.push_str(
        "\nA `models.toml` in the data directory is laid over this table; CLAUDE_MODEL_MAPPING, for instance\n\
         '{\"sonnet\": \"claude-sonnet-4-6\"}', names other models. What was spent before stays as it was written down.",
    );
    text
}

/// Lists the prompts, or shows one as it would be sent.
///
/// # Errors
/// [`Exit::Refused`] when there is no such prompt or session, or when an answer is of no use,
/// [`Exit::Database`] when the record cannot be read.
pub(crate) fn prompts(
    data: &DataDir,
    mind: &Mind,
    coach: &paige_coach::Config,
    command: &PromptsCommand,
) -> Result<(), Failure> {
    match command {
        PromptsCommand::List => {
            for name in mind.prompts.names() {
                let Some(prompt) = mind.prompts.get(name) else {
                    continue;
                };
                let fields: Vec<_> = prompt.inputs().iter().map(|input| &*input.name).collect();
                print(&format!(
                    "{name:<26} {:<7} {:>5} tokens at most  {}",
                    prompt.tier().name(),
                    prompt.max_tokens(),
                    fields.join(", ")
                ));
            }
            Ok(())
        }
        PromptsCommand::Render { name, session } => {
            let id = id_of(data, *session)?;
            let refused = |message: String| Failure::new(Exit::Refused, message);
            let view = view(data)?.ok_or_else(|| {
                refused("There is no session yet, so that nothing can be filled in.".into())
            })?;
            let runtime = runtime()?;
            let shown = runtime.block_on(async {
                let memory = mind::open_memory(data, mind).await?;
                let sources = Sources {
                    view: &view,
                    memory: &memory,
                    prompts: &mind.prompts,
                    config: coach,
                };
                let shown = preview(&sources, name, id)
                    .await
                    .map_err(|error| refused(error.to_string()));
                memory.close().await;
                shown
            })?;
            for note in shown.notes {
                tell(&note);
            }
            print(&format!(
                "--- system\n{}\n--- user\n{}",
                shown.rendered.system, shown.rendered.user
            ));
            Ok(())
        }
        PromptsCommand::Try { names } => try_out(mind, coach, names),
    }
}

/// A runtime for a command.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::internal("The command could not be begun", error))
}
