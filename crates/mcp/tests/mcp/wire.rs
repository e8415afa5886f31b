//! Requests as they stand on the wire, for what no client library would do.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

/// A caller; with a session once it has one.
#[derive(Clone)]
pub(crate) struct Wire {
    url: String,
    http: reqwest::Client,
    headers: BTreeMap<&'static str, String>,
}

/// An event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) data: String,
}

impl Event {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).expect("JSON")
    }
}

impl Wire {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            url: format!("http://{address}/mcp"),
            http: reqwest::Client::builder()
                .timeout(Duration::from_secs(20))
                .build()
                .expect("a client"),
            headers: BTreeMap::new(),
        }
    }

    pub(crate) fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.headers.insert(header, value.into());
        self
    }

    /// The same caller to a server at another address.
    pub(crate) fn at(mut self, address: SocketAddr) -> Self {
        self.url = format!("http://{address}/mcp");
        self
    }

    pub(crate) fn session(&self) -> &str {
        &self.headers["mcp-session-id"]
    }

    fn request(&self, method: Method) -> RequestBuilder {
        let mut request = self
            .http
            .request(method, &self.url)
            .header("accept", "application/json, text/event-stream");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request
    }

    pub(crate) async fn post(&self, body: &Value) -> Response {
        self.request(Method::POST)
            .json(body)
            .send()
            .await
            .expect("an answer")
    }

    pub(crate) async fn get(&self) -> Response {
        self.request(Method::GET).send().await.expect("an answer")
    }

    pub(crate) async fn delete(&self) -> StatusCode {
        let answer = self.request(Method::DELETE).send().await;
        answer.expect("an answer").status()
    }

    /// Begins a session of a protocol version.
    pub(crate) async fn initialize(self, version: &str) -> Self {
        let answer = self
            .post(
                &json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
                    "protocolVersion": version,
                    "capabilities": {},
                    "clientInfo": {"name": "test", "version": "1"},
                }}),
            )
            .await;
        assert_eq!(answer.status(), StatusCode::OK);
        let id = answer.headers()["mcp-session-id"].to_str().expect("text");
        let id = id.to_owned();
        let told = events(answer).await;
        let version = told[0].json()["result"]["protocolVersion"].clone();
        let version = version.as_str().expect("a version").to_owned();
        let wire = self
            .with("mcp-session-id", id)
            .with("mcp-protocol-version", version);
        let answer = wire
            .post(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            .await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        wire
    }

    /// Calls a tool.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Response {
        self.post(&call(tool, arguments)).await
    }

    /// Whether a call in this session is answered.
    pub(crate) async fn works(&self) -> bool {
        let answer = self.call("paige_get_active_session", json!({})).await;
        if answer.status() == StatusCode::NOT_FOUND {
            return false;
        }
        assert_eq!(answer.status(), StatusCode::OK);
        let told = events(answer).await;
        let told = told.last().expect("an event").json();
        assert_eq!(told["result"]["isError"], false, "{told}");
        true
    }
}

pub(crate) fn call(tool: &str, arguments: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {
        "name": tool,
        "arguments": arguments,
    }})
}

/// The events of a stream that ends.
pub(crate) async fn events(answer: Response) -> Vec<Event> {
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    parse(&answer.text().await.expect("a stream"))
}

/// The first event of a stream; the rest is not read.
pub(crate) async fn first_event(answer: &mut Response) -> Event {
    let mut text = String::new();
    while !text.contains("\n\n") {
        let chunk = answer.chunk().await.expect("a stream").expect("an event");
        text += std::str::from_utf8(&chunk).expect("text");
    }
    parse(&text).remove(0)
}

fn parse(text: &str) -> Vec<Event> {
    let field = |block: &str, name: &str| {
        let mut lines = block.lines();
        let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.trim_start().to_owned())
    };
    text.split("\n\n")
        .filter_map(|block| {
            Some(Event {
                id: field(block, "id"),
                data: field(block, "data")?,
            })
        })
        .collect()
}
