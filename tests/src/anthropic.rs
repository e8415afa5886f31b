//! A fake of the Anthropic API: the sidecar's player, which adds what can go wrong, writes every
//! request down and refuses what the API would refuse.
//!
//! A scenario is that of the player (`[[entry]]` tables), whose entries may also have a `fault`:
//!
//! ```toml
//! [[entry]]
//! call = "coach_agent"
//! times = 2
//! fault = { status = 529 }                 # also: type, message, retry_after (seconds)
//! # or { drop = "before" }, { drop = "within" }, { hang = true }, { slow_ms = 50 },
//! # { body = "no JSON" }, { event = "overloaded_error" } (an error within a stream)
//! ```

mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use axum::body::Body;
use futures_util::{StreamExt as _, stream};
use paige_claude::{Config, Models, Secret, Tier};
use paige_sidecar::player::{
    Behaviour, Dropped, Player, Received, Response, Script, counted, error, events, json, message,
    streamed,
};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;

/// The key that the fake accepts.
pub const KEY: &str = "sk-ant-of-the-fake";

/// A running fake.
pub struct Fake {
    player: Player,
    state: Arc<State>,
}

struct State {
    script: Script,
    models: Models,
    calls: Mutex<BTreeMap<String, Call>>,
    structured_output: AtomicBool,
    counting: AtomicBool,
    silent_counting: AtomicBool,
    any_model: AtomicBool,
    requests: Mutex<Vec<Recorded>>,
}

/// What is expected of a kind of call.
#[derive(Debug, Clone)]
pub struct Call {
    /// The tier whose model it uses.
    pub tier: Tier,
    /// The input fields that stand in the user text as `<field>…</field>`.
    pub fields: Vec<String>,
}

/// A request that the fake got.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The request.
    pub request: Received,
    /// Why it was refused, where it was.
    pub refused: Option<String>,
}

/// What goes wrong with an answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Fault {
    /// An error status with a body as the API has it.
    status: Option<u16>,
    /// The type of the error; that of the status when it is not set.
    r#type: Option<String>,
    /// What the error says.
    message: Option<String>,
    /// Seconds.
    retry_after: Option<u64>,
    /// `before` the answer, or `within` it.
    drop: Option<String>,
    /// No answer ever.
    hang: bool,
    /// A pause before each piece of the answer.
    slow_ms: Option<u64>,
    /// A body of status 200 that is no message.
    body: Option<String>,
    /// The type of an error in the middle of a stream.
    event: Option<String>,
}

/// The script of the demo, for a fake that answers as the demo does.
///
/// # Errors
/// When it is not there.
pub fn demo_script() -> Result<String> {
    let path = crate::project::workspace_root().join("sidecar/demo/coach.toml");
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

impl Fake {
    /// Starts a fake that plays this scenario.
    ///
    /// # Errors
    /// A scenario that cannot be played.
    pub async fn start(scenario: &str) -> Result<Self> {
        let state = Arc::new(State {
            script: Script::parse_with(scenario, &["fault"])?,
            models: Models::default(),
            calls: Mutex::new(rules::calls()),
            structured_output: AtomicBool::new(true),
            counting: AtomicBool::new(true),
            silent_counting: AtomicBool::new(false),
            any_model: AtomicBool::new(false),
            requests: Mutex::default(),
        });
        let behaviour: Arc<dyn Behaviour> = Arc::clone(&state) as Arc<dyn Behaviour>;
        let player = Player::start(behaviour).await?;
        Ok(Self { player, state })
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        self.player.url()
    }

    /// The settings of a client of this fake, which repeats without long waits.
    pub fn config(&self) -> Config {
        Config {
            base_url: self.url(),
            api_key: Some(Secret::new(KEY)),
            retry_delays: [10, 20, 40].map(Duration::from_millis).to_vec(),
            ..Config::default()
        }
    }

    /// Adds entries that are looked at before those that are there.
    ///
    /// # Errors
    /// A scenario that cannot be played.
    pub fn first(&self, scenario: &str) -> Result<()> {
        Ok(self.state.script.prepend(scenario, &["fault"])?)
    }

    /// Makes it a server that knows no structured output: it refuses `output_config` by name.
    pub fn without_structured_output(&self) {
        self.state.structured_output.store(false, Ordering::Relaxed);
    }

    /// Makes it a server that counts no tokens.
    pub fn without_counting(&self) {
        self.state.counting.store(false, Ordering::Relaxed);
    }

    /// Makes it a server that never answers how many tokens there are.
    pub fn with_silent_counting(&self) {
        self.state.silent_counting.store(true, Ordering::Relaxed);
    }

    /// Makes it a server that has every model, as local ones do.
    pub fn with_any_model(&self) {
        self.state.any_model.store(true, Ordering::Relaxed);
    }

    /// Says what is expected of a kind of call.
    pub fn expect(&self, call: &str, tier: Tier, fields: &[&str]) {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        self.state
            .calls
            .lock()
            .insert(call.to_owned(), Call { tier, fields });
    }

    /// Everything that was asked so far, also for the number of tokens.
    pub fn requests(&self) -> Vec<Recorded> {
        self.state.requests.lock().clone()
    }

    /// The bodies of the messages that were asked for, in their order.
    pub fn messages(&self) -> Vec<Value> {
        let requests = self.state.requests.lock();
        let asked = requests
            .iter()
            .filter(|recorded| !recorded.request.counts());
        asked
            .map(|recorded| recorded.request.body.clone())
            .collect()
    }

    /// Fails when a request was refused as the API would.
    ///
    /// # Errors
    /// The first refusal.
    pub fn expect_all_valid(&self) -> Result<()> {
        let requests = self.state.requests.lock();
        match requests
            .iter()
            .find_map(|recorded| recorded.refused.as_ref())
        {
            Some(refused) => anyhow::bail!("a request was refused: {refused}"),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Behaviour for State {
    async fn answer(&self, received: Received) -> Result<Response, Dropped> {
        let problem = self.problem(&received);
        self.requests.lock().push(Recorded {
            request: received.clone(),
            refused: problem.as_ref().map(|(_, _, message)| message.clone()),
        });
        if received.counts() && self.silent_counting.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if received.counts() && !self.counting.load(Ordering::Relaxed) {
            return Ok(error(404, "not_found_error", "Not found"));
        }
        if let Some((status, kind, message)) = problem {
            return Ok(error(status, kind, &message));
        }
        if received.counts() {
            return Ok(json(200, &counted(&received)));
        }
        let entry = match self.script.find(&received) {
            Ok(entry) => entry,
            Err(missing) => return Ok(error(400, "invalid_request_error", &missing)),
        };
        let fault = match entry
            .more
            .get("fault")
            .cloned()
            .map(Fault::deserialize)
            .transpose()
        {
            Ok(fault) => fault.unwrap_or_default(),
            Err(wrong) => {
                return Ok(error(
                    400,
                    "invalid_request_error",
                    &format!("The fault is not known: {wrong}"),
                ));
            }
        };
        fault
            .answer(&message(&entry, &received), received.streams())
            .await
    }
}

impl State {
    /// Why the API would refuse a request: the status, the type, and the words.
    fn problem(&self, received: &Received) -> Option<(u16, &'static str, String)> {
        let header = |name: &str| {
            received
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        if header("x-api-key") != Some(KEY) {
            return Some((401, "authentication_error", "invalid x-api-key".to_owned()));
        }
        let invalid = |message: String| Some((400, "invalid_request_error", message));
        if header("anthropic-version") != Some("2023-06-01") {
            return invalid("anthropic-version: header is required".to_owned());
        }
        if received.call.is_empty() {
            return invalid("x-paige-call-type: header is required".to_owned());
        }
        if !self.structured_output.load(Ordering::Relaxed)
            && received.body.get("output_config").is_some()
        {
            return invalid("output_config: Extra inputs are not permitted".to_owned());
        }
        let call = self.calls.lock().get(&received.call).cloned();
        let models = (!self.any_model.load(Ordering::Relaxed)).then_some(&self.models);
        rules::problem(received, call.as_ref(), models).and_then(invalid)
    }
}

impl Fault {
    async fn answer(self, message: &Value, streams: bool) -> Result<Response, Dropped> {
        if self.hang {
            std::future::pending::<()>().await;
        }
        if let Some(status) = self.status {
            return Ok(self.error(status));
        }
        if let Some(body) = self.body {
            return Ok(Response::new(Body::from(body)));
        }
        let mut parts = if streams {
            events(message)
        } else {
            halves(&message.to_string())
        };
        match self.drop.as_deref() {
            Some("before") => return Err(Dropped),
            Some(_) => parts.truncate(parts.len() / 2),
            None => {}
        }
        if let Some(kind) = self.event {
            parts.truncate(parts.len() / 2);
            parts.push(format!(
                "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":\"In the middle\"}}}}\n\n"
            ));
        }
        if self.drop.is_none() && self.slow_ms.is_none() {
            return Ok(if streams {
                streamed(parts)
            } else {
                json(200, message)
            });
        }
        // A pause lets what was sent so far leave before the connection breaks.
        let pause = Duration::from_millis(self.slow_ms.unwrap_or(5));
        let broken = self.drop.map(|_| Err(Dropped));
        let pieces =
            stream::iter(parts.into_iter().map(Ok).chain(broken)).then(move |piece| async move {
                tokio::time::sleep(pause).await;
                piece
            });
        Ok(Response::new(Body::from_stream(pieces)))
    }

    fn error(&self, status: u16) -> Response {
        let (usual, says) = match status {
            400 => ("invalid_request_error", "The request is invalid"),
            401 => ("authentication_error", "invalid x-api-key"),
            402 => ("billing_error", "There is an issue with your billing"),
            403 => ("permission_error", "Your key may not do this"),
            404 => ("not_found_error", "Not found"),
            413 => ("request_too_large", "Request exceeds the maximum size"),
            429 => (
                "rate_limit_error",
                "This request would exceed your rate limit",
            ),
            529 => ("overloaded_error", "Overloaded"),
            _ => ("api_error", "Internal server error"),
        };
        let kind = self.r#type.as_deref().unwrap_or(usual);
        let mut response = error(status, kind, self.message.as_deref().unwrap_or(says));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert("retry-after", seconds.into());
        }
        response
    }
}

fn halves(text: &str) -> Vec<String> {
    let middle = (0..=text.len() / 2)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    vec![text[..middle].to_owned(), text[middle..].to_owned()]
}

/// The value of a field of the JSON body that was asked for last.
///
/// # Errors
/// Nothing was asked.
pub fn last(fake: &Fake) -> Result<Value> {
    fake.messages().pop().context("nothing was asked")
}
