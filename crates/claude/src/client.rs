//! [`Client`]: one for the whole process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use crate::call::Call;
use crate::error::Kind;
use crate::transport::Transport;
use crate::{Answer, ClaudeError, Config, Ledger, Models, Request, Tier, adapted};

/// Asks models. Cheap to clone; clones share the limits and what was learned of the server.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

/// What all calls share.
pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) transport: Transport,
    permits: [Semaphore; Tier::ALL.len()],
    /// The server was found unable to hold an answer to a schema.
    without_schema: AtomicBool,
    /// The server was found unable to count tokens.
    without_counting: AtomicBool,
}

impl Inner {
    pub(crate) fn permits(&self, tier: Tier) -> &Semaphore {
        match tier {
            Tier::Haiku => &self.permits[0],
            Tier::Sonnet => &self.permits[1],
            Tier::Opus => &self.permits[2],
        }
    }

    /// Whether this model of this server can be held to a schema, as far as is known.
    pub(crate) fn holds_to_schema(&self, model: &str) -> bool {
        let known = || {
            self.config
                .models
                .get(model)
                .is_none_or(|model| model.structured_output)
        };
        match self.config.structured_output {
            Some(told) => told,
            None => !self.without_schema.load(Ordering::Relaxed) && known(),
        }
    }

    /// Whether a refused schema may mean that the server knows none: not if it was said that it does.
    pub(crate) fn may_lack_schema(&self) -> bool {
        self.config.structured_output.is_none()
    }

    /// Remembers that the server cannot hold an answer to a schema.
    pub(crate) fn forget_schema(&self) {
        if !self.without_schema.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the server knows no structured output; answers are asked for in words and checked"
            );
        }
    }

    pub(crate) fn counts_tokens(&self) -> bool {
        !self.without_counting.load(Ordering::Relaxed)
    }

    /// Remembers that the server cannot count tokens.
    pub(crate) fn forget_counting(&self) {
        if !self.without_counting.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the server counts no tokens; what a call may cost is estimated from its length"
            );
        }
    }
}

impl Client {
    /// A client whose attempts are told to `ledger`. It opens no connection yet.
    ///
    /// # Errors
    /// Settings that make no sense, all of them in one message.
    pub fn new(config: Config, ledger: Arc<dyn Ledger>) -> Result<Self, ClaudeError> {
        let problems = config.validate();
        if !problems.is_empty() {
            let told: Vec<String> = problems
                .into_iter()
                .map(|problem| format!("{}: {}", problem.name, problem.message))
                .collect();
            return Err(ClaudeError::new(Kind::InvalidRequest, told.join(" ")));
        }
        let inner = Inner {
            transport: Transport::new(&config),
            permits: Tier::ALL.map(|tier| Semaphore::new(config.concurrency.of(tier))),
            without_schema: AtomicBool::new(false),
            without_counting: AtomicBool::new(false),
            config,
            ledger,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Asks for one structured answer (spec: 7.1). The model is held to the schema of `T`
    /// ([`adapted`]), and the answer is read again in Rust and shown to [`Request::check`]. An answer
    /// that does not fit is sent back once, with the reason.
    ///
    /// The call ends when the future is dropped: the request is cancelled, and its attempt is written
    /// into the ledger as failed.
    ///
    /// # Errors
    /// See [`Kind`]; what may pass has been repeated already (spec: 7.4).
    pub async fn ask<T: DeserializeOwned + JsonSchema + Send>(
        &self,
        request: Request,
    ) -> Result<Answer<T>, ClaudeError> {
        let schema = adapted::<T>()
            .map_err(|error| ClaudeError::new(Kind::InvalidRequest, error.to_string()))?;
        Call::new(&self.inner, request)?.ask(&schema).await
    }

    /// Asks for prose in one piece: what the model says last, after its tools and searches.
    ///
    /// # Errors
    /// See [`Kind`].
    pub async fn prose(&self, request: Request) -> Result<Answer<String>, ClaudeError> {
        Call::new(&self.inner, request)?.prose().await
    }

    /// Asks for prose and tells it piece by piece. Once a piece has been told, a failure is not
    /// repeated, since the reader would see the beginning twice. The answer holds the whole text.
    ///
    /// # Errors
    /// See [`Kind`].
    pub async fn stream(
        &self,
        request: Request,
        on_text: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Answer<String>, ClaudeError> {
        Call::new(&self.inner, request)?.stream(on_text).await
    }

    /// Whether there is no key, so that nothing can be asked.
    pub fn is_offline(&self) -> bool {
        self.inner.config.api_key.is_none()
    }

    /// The models and prices in force.
    pub fn models(&self) -> &Models {
        &self.inner.config.models
    }

    /// The id of the model that a tier stands for, overrides included.
    pub fn resolve(&self, tier: Tier) -> String {
        self.inner
            .config
            .models
            .resolve(tier, &self.inner.config.mapping)
    }
}
