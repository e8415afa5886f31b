//! The looks of a scenario are put to the live model.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use paige_claude::{Client, Ledger, LedgerError, Planned, Request, Settled, Tier};
use paige_prompts::{Prompts, Rendered};
use serde_json::Value;

use super::{Look, RecordedLook, Spent};
use crate::{CoachError, Config, observer::Triage, wrap_up::inputs::Inputs};

const PROMPT: &str = "observer_triage";

/// Puts looks to a model, one after another.
pub struct Asker<'a> {
    client: Client,
    prompts: &'a Prompts,
    config: &'a Config,
}

/// Recordings belong to no session, so that what they cost stands in their own file.
struct Unwritten;

#[async_trait]
impl Ledger for Unwritten {
    async fn reserve(&self, _: &Planned) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn settle(&self, _: Settled) -> Result<(), LedgerError> {
        Ok(())
    }
}

impl<'a> Asker<'a> {
    /// Gets ready to ask. Nothing is sent yet.
    ///
    /// # Errors
    /// When the settings of the client are wrong, as a sentence.
    pub fn new(
        client: paige_claude::Config,
        prompts: &'a Prompts,
        config: &'a Config,
    ) -> Result<Self, String> {
        let client = Client::new(client, Arc::new(Unwritten)).map_err(|error| error.to_string())?;
        Ok(Self {
            client,
            prompts,
            config,
        })
    }

    /// The look with what the model says to it, or with what failed.
    ///
    /// # Errors
    /// When it cannot be asked at all: offline, or without a prompt.
    pub async fn ask(&self, look: &Look) -> Result<RecordedLook, CoachError> {
        if self.client.is_offline() {
            return Err(CoachError::Offline);
        }
        let (prompt, tier) = rendered(self.prompts, self.config, look.given())?;
        let begun = Instant::now();
        let limit = self.config.observer.triage_limit();
        let request = Request::new(PROMPT, tier, prompt.system, prompt.user)
            .max_tokens(max_tokens(self.prompts)?)
            .deadline(limit);
        let answer = self.client.ask::<Triage>(request).await;
        let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut recorded = RecordedLook {
            at: super::At(look.at),
            trigger: look.trigger(),
            answer: None,
            failure: None,
            after_ms: Some(millis),
            spent: None,
            wrong_on_purpose: None,
            snapshot: look.given(),
        };
        match answer {
            Ok(answer) => {
                recorded.answer = Some(answer.value);
                recorded.spent = Some(Spent {
                    input_tokens: answer.usage.input_tokens,
                    output_tokens: answer.usage.output_tokens,
                    cache_write_tokens: answer.usage.cache_write_5m_tokens,
                    cache_read_tokens: answer.usage.cache_read_tokens,
                });
            }
            Err(error) => recorded.failure = Some(error.to_string()),
        }
        Ok(recorded)
    }
}

/// How many bytes a model is given beside the snapshot.
///
/// # Errors
/// When there is no such prompt, or it cannot be filled in.
pub fn prompt_bytes(prompts: &Prompts, config: &Config) -> Result<usize, CoachError> {
    let (prompt, _) = rendered(prompts, config, Value::Null)?;
    Ok(prompt.system.len() + prompt.user.len())
}

fn rendered(
    prompts: &Prompts,
    config: &Config,
    snapshot: Value,
) -> Result<(Rendered, Tier), CoachError> {
    let prompt = prompts.get(PROMPT).ok_or(CoachError::NoPrompt(PROMPT))?;
    let fields = Inputs::from([("snapshot".to_owned(), snapshot)]);
    let rendered = prompt.render(&config.prompt_rules(), &fields)?;
    let tier = match prompt.tier() {
        paige_prompts::Tier::Haiku => Tier::Haiku,
        paige_prompts::Tier::Sonnet => Tier::Sonnet,
        paige_prompts::Tier::Opus => Tier::Opus,
    };
    Ok((rendered, tier))
}

fn max_tokens(prompts: &Prompts) -> Result<u32, CoachError> {
    let prompt = prompts.get(PROMPT).ok_or(CoachError::NoPrompt(PROMPT))?;
    Ok(prompt.max_tokens())
}
