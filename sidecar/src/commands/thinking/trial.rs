//! `prompts try`: each prompt once against the API.

use std::sync::Arc;

use async_trait::async_trait;
use paige_claude::{Client, Ledger, LedgerError, Planned, Settled};
use paige_coach::trial::{self, Tried};

use super::runtime;
use crate::config::Mind;
use crate::exit::{Exit, Failure, print};
use crate::mind;

/// Writes nothing down: the record may belong to a running sidecar. What was spent is printed.
struct Unkept;

#[async_trait]
impl Ledger for Unkept {
    async fn reserve(&self, _: &Planned) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn settle(&self, _: Settled) -> Result<(), LedgerError> {
        Ok(())
    }
}

/// Tries these prompts, or all when none is named, and prints a line for each.
///
/// # Errors
/// [`Exit::Configuration`] without a key, [`Exit::Refused`] when one has failed.
pub(super) fn try_out(
    mind: &Mind,
    coach: &paige_coach::Config,
    names: &[String],
) -> Result<(), Failure> {
    if mind.api_key.is_none() {
        return Err(Failure::new(
            Exit::Configuration,
            "Nothing can be asked offline. Set ANTHROPIC_API_KEY and leave --offline (PAIGE_OFFLINE) out.",
        ));
    }
    let claude = mind::client(mind, Arc::new(Unkept))?;
    let names: Vec<&str> = if names.is_empty() {
        mind.prompts.names().collect()
    } else {
        names.iter().map(String::as_str).collect()
    };
    let failed = runtime()?.block_on(try_all(&claude, mind, coach, &names));
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Refused,
        format!(
            "{failed} of {} prompts failed. Look at the reasons above; `paige-sidecar models` tells which models \
             are in force.",
            names.len()
        ),
    ))
}

async fn try_all(
    claude: &Client,
    mind: &Mind,
    coach: &paige_coach::Config,
    names: &[&str],
) -> usize {
    let (mut failed, mut spent) = (0, 0.0);
    for name in names {
        match trial::attempt(claude, &mind.prompts, coach, name).await {
            Ok(tried) => {
                print(&line(name, &tried));
                for reason in &tried.wrong {
                    print(&format!("  {reason}"));
                }
                failed += usize::from(!tried.wrong.is_empty());
                spent += tried.cost.unwrap_or_default();
            }
            Err(error) => {
                failed += 1;
                print(&format!("{name:<26} FAILED\n  {error}"));
            }
        }
    }
    print(&format!("{spent:.4} USD in all."));
    failed
}

fn line(name: &str, tried: &Tried) -> String {
    let outcome = if tried.wrong.is_empty() {
        "ok"
    } else {
        "FAILED"
    };
    let usage = &tried.usage;
    let cost = tried
        .cost
        .map_or_else(|| "unpriced".to_owned(), |cost| format!("{cost:.4} USD"));
    format!(
        "{name:<26} {outcome:<7} {:>6} tokens in {:>6} out {cost:>12} {:>7.1} s  {}",
        usage.prompt_tokens(),
        usage.output_tokens,
        tried.took.as_secs_f64(),
        tried.model
    )
}
