//! The player: an HTTP server on loopback that speaks the wire format of the Messages API and answers
//! from a scenario, so that the demo coaches without a key and tests know what a model says.
//!
//! It plays what a [`Script`] says and nothing else. What else may happen to a request (faults, checks) is a
//! [`Behaviour`] that tests bring along; none of it is in here.

mod reply;
mod script;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::{Body, to_bytes};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

pub use reply::{counted, error, events, json, message, streamed};
pub use script::{Entry, Script, ScriptError, UsageOf};

/// A response of the player.
pub type Response = http::Response<Body>;

/// The largest request that is read, as the API has it.
const LARGEST: usize = 32 << 20;

/// A request as the player got it.
#[derive(Debug, Clone)]
pub struct Received {
    /// The path, for instance `/v1/messages`.
    pub path: String,
    /// All headers.
    pub headers: http::HeaderMap,
    /// The kind of call, from the header `x-paige-call-type`; empty when there is none.
    pub call: String,
    /// The JSON of the body.
    pub body: Value,
}

impl Received {
    /// Whether it asks for the number of tokens alone.
    pub fn counts(&self) -> bool {
        self.path == "/v1/messages/count_tokens"
    }

    /// Whether the answer is to be streamed.
    pub fn streams(&self) -> bool {
        self.body["stream"] == true
    }

    /// All texts of the prompt: those of the system, and of every message.
    pub fn text(&self) -> String {
        texts(std::iter::once(&self.body["system"]).chain(self.contents(|_| true)))
    }

    /// The texts of the user's messages.
    pub fn user_text(&self) -> String {
        texts(self.contents(|role| role == "user"))
    }

    fn contents(&self, of: fn(&Value) -> bool) -> impl Iterator<Item = &Value> {
        let messages = self.body["messages"].as_array().into_iter().flatten();
        messages
            .filter(move |message| of(&message["role"]))
            .map(|message| &message["content"])
    }
}

/// A content is a text, or a list of blocks of which some have one; what a tool gave is a content itself.
fn texts<'a>(contents: impl Iterator<Item = &'a Value>) -> String {
    let mut whole = String::new();
    for content in contents {
        if let Some(text) = content.as_str() {
            whole.push_str(text);
            whole.push('\n');
        }
        for block in content.as_array().into_iter().flatten() {
            if block["type"] == "tool_result" {
                whole.push_str(&texts(std::iter::once(&block["content"])));
            } else {
                whole.push_str(&texts(std::iter::once(&block["text"])));
            }
        }
    }
    whole
}

/// The connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped")]
pub struct Dropped;

/// What is done with a request.
#[async_trait]
pub trait Behaviour: Send + Sync + 'static {
    /// Answers a `POST` of JSON to the Messages API.
    ///
    /// # Errors
    /// [`Dropped`] closes the connection instead.
    async fn answer(&self, received: Received) -> Result<Response, Dropped>;
}

/// Plays the script, and nothing else happens.
#[async_trait]
impl Behaviour for Script {
    async fn answer(&self, received: Received) -> Result<Response, Dropped> {
        if received.counts() {
            return Ok(json(200, &counted(&received)));
        }
        Ok(match self.find(&received) {
            Ok(entry) => {
                let message = message(&entry, &received);
                if received.streams() {
                    streamed(events(&message))
                } else {
                    json(200, &message)
                }
            }
            Err(missing) => error(400, "invalid_request_error", &missing),
        })
    }
}

/// A running player. It stops when it is dropped, with every connection.
#[derive(Debug)]
pub struct Player {
    address: SocketAddr,
    task: AbortHandle,
}

impl Player {
    /// Starts a player on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port could be had.
    pub async fn start(behaviour: Arc<dyn Behaviour>) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(serve(listener, behaviour)).abort_handle();
        Ok(Self { address, task })
    }

    /// The base URL to configure a client with.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, behaviour: Arc<dyn Behaviour>) {
    // Dropped with this task, and the connections with it.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            tokio::task::yield_now().await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let behaviour = Arc::clone(&behaviour);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let behaviour = Arc::clone(&behaviour);
                async move { handle(behaviour.as_ref(), request).await }
            });
            // A connection that ends badly is the client's concern.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn handle(
    behaviour: &dyn Behaviour,
    request: http::Request<Incoming>,
) -> Result<Response, Dropped> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    if !["/v1/messages", "/v1/messages/count_tokens"].contains(&path.as_str()) {
        return Ok(error(404, "not_found_error", "Not found"));
    }
    if parts.method != http::Method::POST {
        return Ok(error(405, "invalid_request_error", "Method Not Allowed"));
    }
    let Ok(bytes) = to_bytes(Body::new(body), LARGEST).await else {
        return Ok(error(
            413,
            "request_too_large",
            "Request exceeds the maximum size",
        ));
    };
    let Ok(body) = serde_json::from_slice(&bytes) else {
        return Ok(error(
            400,
            "invalid_request_error",
            "The request body is not valid JSON",
        ));
    };
    let call = parts
        .headers
        .get("x-paige-call-type")
        .and_then(|value| value.to_str().ok());
    let received = Received {
        path,
        call: call.unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
    };
    behaviour.answer(received).await
}

/// A body of pieces that cannot fail.
fn pieces(pieces: Vec<String>) -> Body {
    Body::from_stream(futures_util::stream::iter(
        pieces.into_iter().map(Ok::<_, Infallible>),
    ))
}
