//! [`Call`]: one question, with its repetitions, continuations and its one correction.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use uuid::Uuid;

use crate::attempt::Attempt;
use crate::client::Inner;
use crate::error::{Kind, shortened};
use crate::structured::{correction, read, with_schema};
use crate::transport::OnText;
use crate::wire::{Body, Message, assistant, user};
use crate::{Answer, Citation, ClaudeError, Planned, Request, SearchResult, Tool, Usage, tools};

/// How often a turn that the API paused is continued.
const CONTINUATIONS: usize = 5;

/// How long counting the tokens of a prompt may hold up a call.
const COUNTING: Duration = Duration::from_secs(5);

/// Tokens that the API adds of itself: the roles, and the description of tools.
const OVERHEAD_TOKENS: u32 = 1000;

/// What one search of the web may bring into the prompt, in tokens. Nobody promises a bound; searches
/// were seen to bring some thousands.
const SEARCH_TOKENS: u32 = 15_000;

/// One question.
pub(crate) struct Call<'a> {
    inner: &'a Inner,
    request: Request,
    model: String,
    /// What was said so far, with all that tools gave.
    messages: Vec<Value>,
    /// How often tools have answered.
    rounds: u32,
    deadline: Instant,
    input_hash: String,
    usage: Usage,
    searches: Vec<SearchResult>,
    citations: Vec<Citation>,
}

impl<'a> Call<'a> {
    /// Looks at the question before anything is sent.
    ///
    /// # Errors
    /// No key, or a question that cannot be sent.
    pub(crate) fn new(inner: &'a Inner, mut request: Request) -> Result<Self, ClaudeError> {
        if inner.config.api_key.is_none() {
            return Err(ClaudeError::no_key());
        }
        let named = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let wrong = if request.call_type.is_empty() || !request.call_type.bytes().all(named) {
            Some("The call's type is not of lower-case letters, digits and `_`. Name it so.")
        } else if request.user.trim().is_empty() {
            Some("The question is empty. Ask something.")
        } else if request.max_tokens == 0 {
            Some("The answer may have no tokens. Allow at least one.")
        } else {
            None
        };
        let wrong = wrong
            .map(str::to_owned)
            .or_else(|| tools::problem(&request.tools, request.web_search.is_some()));
        if let Some(wrong) = wrong {
            return Err(ClaudeError::new(Kind::InvalidRequest, wrong));
        }
        let model = inner
            .config
            .models
            .resolve(request.tier, &inner.config.mapping);
        if let Some(known) = inner.config.models.get(&model) {
            request.max_tokens = request.max_tokens.min(known.max_output);
            if request.web_search.is_some() && !known.web_search {
                tracing::warn!(
                    "{model} cannot search the web; {} goes without",
                    request.call_type
                );
                request.web_search = None;
            }
        }
        Ok(Self {
            inner,
            model,
            deadline: after(request.deadline),
            input_hash: hash(&request.user),
            messages: vec![user(request.user.as_str())],
            rounds: 0,
            request,
            usage: Usage::default(),
            searches: Vec::new(),
            citations: Vec::new(),
        })
    }

    /// Asks for a value that follows the schema.
    pub(crate) async fn ask<T: DeserializeOwned>(
        mut self,
        schema: &Value,
    ) -> Result<Answer<T>, ClaudeError> {
        let mut corrected = false;
        let mut native = self.inner.holds_to_schema(&self.model);
        loop {
            let mut body = self.body();
            if native {
                body.schema = Some(schema.clone());
            } else {
                body.system = with_schema(&body.system, schema);
            }
            let message = match self.turn(body, None).await {
                Err(error) if native && lacks_schema(&error) && self.inner.may_lack_schema() => {
                    // With searches it may be their quotations that a schema does not go with, so that
                    // other calls still try.
                    if self.request.web_search.is_none() {
                        self.inner.forget_schema();
                    }
                    native = false;
                    continue;
                }
                outcome => outcome?,
            };
            match read(&message, self.request.check.as_ref()) {
                Ok(value) => return Ok(self.answer(value, message.model)),
                Err(reason) if !corrected => {
                    tracing::debug!(
                        "{}: the answer is asked for again: {reason}",
                        self.request.call_type
                    );
                    corrected = true;
                    // The API refuses empty messages, and two of the user in a row are read as one.
                    let answer = message.closing_text();
                    if !answer.trim().is_empty() {
                        self.messages.push(assistant(answer.trim_end()));
                    }
                    self.messages.push(user(correction(&reason, schema)));
                }
                Err(reason) => {
                    return Err(ClaudeError::new(
                        Kind::Validation,
                        format!(
                            "The model's answer cannot be used, also after it was asked again: {} Try again, or use \
                             another model for this tier.",
                            shortened(&reason)
                        ),
                    ));
                }
            }
        }
    }

    /// Asks for prose in one piece.
    pub(crate) async fn prose(mut self) -> Result<Answer<String>, ClaudeError> {
        let message = self.turn(self.body(), None).await?;
        Ok(self.answer(message.closing_text(), message.model))
    }

    /// Asks for prose that is told as it comes.
    pub(crate) async fn stream(
        mut self,
        on_text: OnText<'_>,
    ) -> Result<Answer<String>, ClaudeError> {
        let mut whole = String::new();
        let mut tell = |piece: &str| {
            whole.push_str(piece);
            on_text(piece);
        };
        let message = self.turn(self.body(), Some(&mut tell)).await?;
        Ok(self.answer(whole, message.model))
    }

    fn answer<T>(self, value: T, model: String) -> Answer<T> {
        Answer {
            value,
            model: if model.is_empty() { self.model } else { model },
            usage: self.usage,
            searches: self.searches,
            citations: self.citations,
        }
    }

    /// How much time the call still has.
    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn body(&self) -> Body {
        Body {
            model: self.model.clone(),
            max_tokens: self.request.max_tokens,
            system: self.request.system.clone(),
            messages: self.messages.clone(),
            schema: None,
            web_search: self.request.web_search,
            tools: self.request.tools.iter().map(Tool::json).collect(),
        }
    }

    /// A whole turn of the model: what the API paused is continued, and the tools that it calls are run.
    async fn turn(
        &mut self,
        mut body: Body,
        mut on_text: Option<OnText<'_>>,
    ) -> Result<Message, ClaudeError> {
        let mut pauses = 0;
        loop {
            let message = self.exchange(&body, again(&mut on_text)).await?;
            message.gather(&mut self.searches, &mut self.citations);
            if message.stop_reason.as_deref() == Some("pause_turn") {
                if pauses == CONTINUATIONS {
                    return Err(paused(pauses + 1));
                }
                pauses += 1;
                body.messages.push(assistant(message.content));
                continue;
            }
            if let Some(error) = stopped(&message) {
                return Err(error);
            }
            let calls = message.tool_uses();
            if calls.is_empty() || self.request.tools.is_empty() {
                return Ok(message);
            }
            let results = self.run(calls).await?;
            body.messages.push(assistant(message.content));
            body.messages.push(user(results));
            // An answer that has to be asked for again does not begin anew.
            self.messages.clone_from(&body.messages);
            pauses = 0;
        }
    }

    /// One round of tools, within the deadline; no place among the calls of the tier is held meanwhile, so
    /// that a tool may ask a model itself.
    async fn run(&mut self, calls: Vec<&Value>) -> Result<Vec<Value>, ClaudeError> {
        let most = self.request.rounds;
        if self.rounds == most {
            return Err(ClaudeError::new(
                Kind::Rounds,
                format!(
                    "The model wanted to call tools more than {most} times in a row and gave no answer. Ask for \
                     less at once, or allow more rounds."
                ),
            ));
        }
        self.rounds += 1;
        timeout_at(self.deadline, tools::run(&self.request.tools, calls))
            .await
            .map_err(|_| ClaudeError::late_tools(self.request.deadline))
    }

    /// One exchange: the same request, repeated while that may help and there is time (spec: 7.4).
    async fn exchange(
        &mut self,
        body: &Body,
        mut on_text: Option<OnText<'_>>,
    ) -> Result<Message, ClaudeError> {
        let worst_case = self.worst_case(body).await;
        let mut told = false;
        let mut delays = self.inner.config.retry_delays.iter();
        loop {
            let outcome = match &mut on_text {
                None => self.attempt(body, worst_case, None).await,
                Some(on_text) => {
                    let mut tell = |piece: &str| {
                        told = true;
                        on_text(piece);
                    };
                    self.attempt(body, worst_case, Some(&mut tell)).await
                }
            };
            let error = match outcome {
                Ok(message) => return Ok(message),
                Err(error) => error,
            };
            let Some(delay) = delays.next().filter(|_| error.retryable() && !told) else {
                return Err(error);
            };
            let delay = jittered(*delay).max(error.retry_after().unwrap_or_default());
            if delay >= self.left() {
                return Err(error);
            }
            tracing::debug!("{}: repeated in {delay:?}: {error}", self.request.call_type);
            sleep(delay).await;
        }
    }

    /// One attempt: reserved, sent, written down.
    async fn attempt(
        &mut self,
        body: &Body,
        worst_case: Option<f64>,
        on_text: Option<OnText<'_>>,
    ) -> Result<Message, ClaudeError> {
        let late = |_| ClaudeError::deadline(self.request.deadline);
        let _permit = timeout_at(
            self.deadline,
            self.inner.permits(self.request.tier).acquire(),
        )
        .await
        .map_err(late)?;
        let planned = Planned {
            id: Uuid::new_v4().to_string(),
            scope: self.request.scope,
            call_type: self.request.call_type,
            model: self.model.clone(),
            worst_case,
        };
        let attempt = Attempt::reserve(&self.inner.ledger, planned, &self.input_hash).await?;
        let begun = Instant::now();
        let call_type = self.request.call_type;
        let sending = async {
            match on_text {
                None => self.inner.transport.message(call_type, body).await,
                Some(on_text) => self.inner.transport.stream(call_type, body, on_text).await,
            }
        };
        let outcome = timeout_at(self.deadline, sending)
            .await
            .map_err(late)
            .flatten();
        match outcome {
            Ok(message) => {
                let latency = i32::try_from(begun.elapsed().as_millis()).unwrap_or(i32::MAX);
                let (usage, searches) = (message.usage.usage(), message.usage.web_searches());
                let models = &self.inner.config.models;
                let cost = models
                    .cost(&self.model, &usage)
                    .map(|cost| cost + models.search_cost(searches));
                attempt.answered(latency, usage, cost).await;
                self.usage = self.usage.plus(usage);
                Ok(message)
            }
            Err(error) => {
                attempt.failed().await;
                Err(error)
            }
        }
    }

    /// The most that an exchange can cost; `None` for a model without a price, which is not counted
    /// for nothing.
    async fn worst_case(&self, body: &Body) -> Option<f64> {
        let models = &self.inner.config.models;
        models.cost(&self.model, &Usage::default())?;
        let searches = body.web_search.unwrap_or(0);
        let input = self
            .input_tokens(body)
            .await
            .saturating_add(OVERHEAD_TOKENS)
            .saturating_add(searches.saturating_mul(SEARCH_TOKENS));
        models.worst_case(&self.model, input, body.max_tokens, searches)
    }

    /// The tokens of a prompt, counted by the server, or else as many as it has bytes: a token is never
    /// less than a byte.
    async fn input_tokens(&self, body: &Body) -> u32 {
        let tokens = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        if self.inner.counts_tokens() {
            let counting = self.inner.transport.count(self.request.call_type, body);
            let limit = COUNTING.min(self.left() / 4);
            match timeout(limit, counting).await {
                Ok(Ok(counted)) => return counted.saturating_add(tokens(body.schema_bytes())),
                Ok(Err(error)) if matches!(error.status(), Some(404 | 405 | 501)) => {
                    self.inner.forget_counting();
                }
                // The call itself will tell what is the matter.
                Ok(Err(_)) | Err(_) => {}
            }
        }
        tokens(body.json(false).to_string().len())
    }
}

/// The same listener, for a shorter time. (`as_deref_mut` would keep the longer one.)
fn again<'b>(on_text: &'b mut Option<OnText<'_>>) -> Option<OnText<'b>> {
    match on_text {
        Some(on_text) => Some(&mut **on_text),
        None => None,
    }
}

/// The error of a turn that pauses again and again.
fn paused(times: usize) -> ClaudeError {
    ClaudeError::new(
        Kind::Validation,
        format!(
            "The model paused {times} times and gave no answer. Allow fewer searches and try again."
        ),
    )
}

/// The error that a reason to stop stands for.
fn stopped(message: &Message) -> Option<ClaudeError> {
    let reason = message.stop_reason.as_deref()?;
    let said = shortened(&message.text());
    let (kind, told) = match reason {
        "refusal" if said.is_empty() => (Kind::Refusal, "The model refused to answer. Ask in other words.".to_owned()),
        "refusal" => (Kind::Refusal, format!("The model refused to answer. Ask in other words. It said: {said}")),
        "max_tokens" => (
            Kind::MaxTokens,
            "The answer was cut off because it was too long. Ask for less at once, or allow more tokens.".to_owned(),
        ),
        "content_filter" => (
            Kind::ContentFilter,
            "The answer was stopped by a content policy. Ask in other words.".to_owned(),
        ),
        "model_context_window_exceeded" => (
            Kind::ContextWindow,
            "Prompt and answer together are longer than the model can read. Ask about less at once.".to_owned(),
        ),
        _ => return None,
    };
    Some(ClaudeError::new(kind, told))
}

/// Whether the server does not know `output_config`, rather than refusing this schema.
fn lacks_schema(error: &ClaudeError) -> bool {
    let told = error.to_string().to_lowercase();
    let names = [
        "output_config",
        "output_format",
        "output format",
        "structured output",
        "json_schema",
    ];
    matches!(error.status(), Some(400 | 404 | 422))
        && names.iter().any(|name| told.contains(name))
        && !told.contains("format.schema")
}

/// The moment after some time; a day is as good as for ever, and no clock overflows.
fn after(time: Duration) -> Instant {
    Instant::now() + time.min(Duration::from_secs(86_400))
}

/// A tenth more or less.
fn jittered(delay: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    delay.mul_f64(0.9 + 0.2 * f64::from(random) / f64::from(u32::MAX))
}

/// The first 16 hex digits of the SHA-256 of a text.
fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_a_tenth_more_or_less() {
        let second = Duration::from_secs(1);
        let range = Duration::from_millis(900)..=Duration::from_millis(1100);
        assert!((0..200).all(|_| range.contains(&jittered(second))));
    }

    #[test]
    fn the_hash_is_the_beginning_of_sha_256() {
        assert_eq!(hash("abc"), "ba7816bf8f01cfea");
    }

    #[test]
    fn a_refused_schema_is_no_missing_ability() {
        let says = |message: &str| {
            lacks_schema(&ClaudeError::of_api(
                Some(400),
                "invalid_request_error",
                message,
                None,
            ))
        };
        assert!(says("output_config: Extra inputs are not permitted"));
        assert!(says("This model does not support output format"));
        assert!(!says(
            "output_config.format.schema: recursion is not supported"
        ));
        assert!(!says("max_tokens: too large"));
    }
}
