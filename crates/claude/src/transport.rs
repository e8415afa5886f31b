//! [`Transport`]: one request over HTTP, and what its outcome means.

use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sse_stream::SseStream;

use crate::assembly::Assembly;
use crate::error::{Kind, shortened};
use crate::wire::{Body, ErrorBody, Message};
use crate::{ClaudeError, Config, Secret};

/// The version of the API.
const VERSION: &str = "2023-06-01";

/// Our own header, by which a proxy or a player of scripted answers can tell calls apart.
const CALL_TYPE: &str = "x-paige-call-type";

/// Takes a piece of text.
pub(crate) type OnText<'a> = &'a mut (dyn FnMut(&str) + Send);

/// The way to the API.
pub(crate) struct Transport {
    /// Made at the first call: reading the certificates of the system takes longer than the whole start.
    http: OnceLock<reqwest::Client>,
    base: String,
    key: Option<Secret>,
    connect_timeout: Duration,
    read_timeout: Duration,
}

impl Transport {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            http: OnceLock::new(),
            base: config.base_url.trim_end_matches('/').to_owned(),
            key: config.api_key.clone(),
            connect_timeout: config.connect_timeout,
            read_timeout: config.read_timeout,
        }
    }

    /// Asks for a message in one piece.
    ///
    /// # Errors
    /// What the API or the network says.
    pub(crate) async fn message(
        &self,
        call_type: &str,
        body: &Body,
    ) -> Result<Message, ClaudeError> {
        let response = self.post("messages", call_type, &body.json(false)).await?;
        self.read(response).await
    }

    /// Asks for a message that is told as it comes.
    ///
    /// # Errors
    /// What the API or the network says, also in the middle of the message.
    pub(crate) async fn stream(
        &self,
        call_type: &str,
        body: &Body,
        on_text: OnText<'_>,
    ) -> Result<Message, ClaudeError> {
        let response = self.post("messages", call_type, &body.json(true)).await?;
        let mut events = pin!(SseStream::from_bytes_stream(response.bytes_stream()));
        let mut assembly = Assembly::default();
        while let Some(event) = events.next().await {
            let event = event.map_err(|_| {
                ClaudeError::network("the connection broke in the middle of the answer")
            })?;
            let Some(data) = event.data else { continue };
            let event: Value = serde_json::from_str(&data)
                .map_err(|_| ClaudeError::network("the answer came damaged"))?;
            assembly
                .take(&event, on_text)
                .map_err(|error| self.hide(error))?;
            if assembly.is_done() {
                return Ok(assembly.finish());
            }
        }
        Err(ClaudeError::network(
            "the connection ended in the middle of the answer",
        ))
    }

    /// Asks how many tokens a prompt has.
    ///
    /// # Errors
    /// What the API or the network says.
    pub(crate) async fn count(&self, call_type: &str, body: &Body) -> Result<u32, ClaudeError> {
        #[derive(Deserialize)]
        struct Count {
            input_tokens: u32,
        }
        let response = self
            .post("messages/count_tokens", call_type, &body.counted())
            .await?;
        let count: Count = self.read(response).await?;
        Ok(count.input_tokens)
    }

    async fn post(
        &self,
        path: &str,
        call_type: &str,
        body: &Value,
    ) -> Result<Response, ClaudeError> {
        let key = self.key.as_ref().ok_or_else(ClaudeError::no_key)?;
        let response = self
            .http()?
            .post(format!("{}/v1/{path}", self.base))
            .header("x-api-key", key.expose())
            .header("anthropic-version", VERSION)
            .header(CALL_TYPE, call_type)
            .json(body)
            .send()
            .await
            .map_err(broken)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let wait = retry_after(response.headers());
        let text = response.text().await.unwrap_or_default();
        let error = match serde_json::from_str::<ErrorBody>(&text) {
            Ok(ErrorBody { error }) if !error.kind.is_empty() || !error.message.is_empty() => error,
            // A proxy on the way has its own words.
            _ => crate::wire::ApiError {
                kind: String::new(),
                message: if text.trim().is_empty() {
                    format!("HTTP status {status}")
                } else {
                    shortened(&text)
                },
            },
        };
        Err(self.hide(ClaudeError::of_api(
            Some(status.as_u16()),
            &error.kind,
            &error.message,
            wait,
        )))
    }

    async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T, ClaudeError> {
        let bytes = response.bytes().await.map_err(broken)?;
        serde_json::from_slice(&bytes).map_err(|error| {
            ClaudeError::new(
                Kind::Server,
                format!("The server's answer is not one of the Messages API: {error}. Check ANTHROPIC_BASE_URL, then try again."),
            )
        })
    }

    fn hide(&self, error: ClaudeError) -> ClaudeError {
        error.without(self.key.as_ref().map(Secret::expose))
    }

    fn http(&self) -> Result<&reqwest::Client, ClaudeError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let mut builder = reqwest::Client::builder()
            .connect_timeout(self.connect_timeout)
            .read_timeout(self.read_timeout)
            // The key goes to the address that was configured and nowhere else.
            .redirect(redirect::Policy::none());
        if !self.base.starts_with("https:") {
            // A server nearby, without TLS: no certificates are needed, and no proxy shall see the key.
            builder = builder.no_proxy().tls_certs_only([]);
        }
        let http = builder.build().map_err(|error| {
            ClaudeError::new(
                Kind::Network,
                format!("The connection could not be prepared: {}. Install the certificates of your system (ca-certificates).", causes(&error)),
            )
        })?;
        Ok(self.http.get_or_init(|| http))
    }
}

/// What a failure below HTTP means.
fn broken(error: reqwest::Error) -> ClaudeError {
    let error = error.without_url();
    let what = if error.is_connect() {
        format!("no connection ({})", causes(&error))
    } else if error.is_timeout() {
        "it was silent for too long".to_owned()
    } else {
        format!("the connection broke ({})", causes(&error))
    };
    ClaudeError::network(&what)
}

/// The innermost cause says what happened.
fn causes(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    shortened(&innermost.to_string())
}

/// How long the server asks to wait; only whole seconds are understood, as the API sends them.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}
