//! Asking a model: a prompt out of its file, filled in, sent, and its answer typed.

use paige_claude::{Client, Request, Tier};
use paige_prompts::Rendered;
use paige_protocol::coach::{ServerMessage, coaching::CoachingProgress};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use tokio::sync::broadcast;

use crate::{Coach, CoachError, wrap_up::inputs::Inputs};

impl Coach {
    /// Asks what the prompt of that name asks, with these fields.
    pub(crate) async fn ask<T>(
        &self,
        name: &'static str,
        session: Option<u32>,
        fields: &Inputs,
    ) -> Result<T, CoachError>
    where
        T: DeserializeOwned + JsonSchema + Send,
    {
        self.ask_with(name, session, fields, |request| request)
            .await
    }

    /// The same with a request that is changed before it is sent.
    pub(crate) async fn ask_with<T>(
        &self,
        name: &'static str,
        session: Option<u32>,
        fields: &Inputs,
        change: impl FnOnce(Request) -> Request + Send,
    ) -> Result<T, CoachError>
    where
        T: DeserializeOwned + JsonSchema + Send,
    {
        let prompt = self
            .0
            .mind
            .prompts
            .get(name)
            .ok_or(CoachError::NoPrompt(name))?;
        let Rendered { system, user } = prompt.render(&self.0.config.prompt_rules(), fields)?;
        let tier = match prompt.tier() {
            paige_prompts::Tier::Haiku => Tier::Haiku,
            paige_prompts::Tier::Sonnet => Tier::Sonnet,
            paige_prompts::Tier::Opus => Tier::Opus,
        };
        let request = Request::new(name, tier, system, user)
            .max_tokens(prompt.max_tokens())
            .scope(session);
        Ok(self.0.mind.claude.ask::<T>(change(request)).await?.value)
    }

    /// Refuses what needs a model when there is none.
    pub(crate) fn can_think(&self) -> Result<(), CoachError> {
        if self.0.mind.claude.is_offline() {
            return Err(CoachError::Offline);
        }
        Ok(())
    }

    /// The models.
    pub fn claude(&self) -> &Client {
        &self.0.mind.claude
    }

    /// Messages that pass by: how far something is that somebody waits for. They are written nowhere
    /// (blueprint §2).
    pub fn passing(&self) -> broadcast::Receiver<ServerMessage> {
        self.0.passing.subscribe()
    }

    pub(crate) fn tell_progress(&self, message: &str, step: u32, of: u32) {
        // Nobody may be listening.
        let _ = self
            .0
            .passing
            .send(ServerMessage::CoachingProgress(CoachingProgress {
                message: message.to_owned(),
                step,
                of,
            }));
    }
}
