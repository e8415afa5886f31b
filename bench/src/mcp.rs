//! An MCP session of the versions with sessions, over [`Http`].

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::{
    http::{Answer, Http, find},
    process::Server,
};

/// The protocol version that is spoken.
const VERSION: &str = "2025-06-18";

/// One MCP session on a connection of its own.
pub(crate) struct Mcp {
    http: Http,
    head: String,
    session: String,
}

impl Mcp {
    /// Connects and initialises.
    pub(crate) fn open(server: &Server) -> Result<Self> {
        let mut http = Http::connect(server.port)?;
        let session = Self::abandon(server, &mut http)?;
        Ok(Self {
            http,
            head: head(server),
            session,
        })
    }

    /// How long an `initialize` takes on a connection that is there. The session is ended after it.
    pub(crate) fn initialize_alone(server: &Server, http: &mut Http) -> Result<Duration> {
        let head = head(server);
        let request = request(&head, "", &initialize());
        let start = Instant::now();
        let answer = http.call(&request)?;
        let time = start.elapsed();
        check(&answer)?;
        let session = session(&answer)?;
        let goodbye =
            format!("DELETE {head}mcp-session-id: {session}\r\ncontent-length: 0\r\n\r\n");
        http.call(goodbye.as_bytes())?;
        Ok(time)
    }

    /// Initialises a session and leaves it to itself; returns its name.
    pub(crate) fn abandon(server: &Server, http: &mut Http) -> Result<String> {
        let head = head(server);
        let session = {
            let answer = http.call(&request(&head, "", &initialize()))?;
            check(&answer)?;
            session(&answer)?
        };
        let told = http.call(&request(&head, &session, &initialized()))?;
        if told.status != 202 {
            bail!("notifications/initialized was answered {}", told.status);
        }
        Ok(session)
    }

    /// A tool call as it is sent; may be sent many times.
    pub(crate) fn prepare(&self, tool: &str, arguments: &Value) -> Vec<u8> {
        let body = json!({
            "jsonrpc": "2.0", "id": 7, "method": "tools/call",
            "params": {"name": tool, "arguments": arguments}
        });
        request(&self.head, &self.session, &body)
    }

    /// Sends a prepared call and says how long its answer took, to the last byte.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<Duration> {
        let start = Instant::now();
        let answer = self.http.call(request)?;
        let time = start.elapsed();
        check(&answer)?;
        Ok(time)
    }

    /// Sends a prepared call and says how many bytes its answer has.
    pub(crate) fn length(&mut self, request: &[u8]) -> Result<usize> {
        let answer = self.http.call(request)?;
        check(&answer)?;
        Ok(answer.raw().len())
    }

    /// Sends a prepared call and does not wait.
    pub(crate) fn begin(&mut self, request: &[u8]) -> Result<()> {
        self.http.send(request)
    }

    /// Waits for the answer to what was begun.
    pub(crate) fn finish(&mut self) -> Result<()> {
        check(&self.http.receive()?)
    }

    /// Calls a tool and returns its structured content.
    pub(crate) fn ask(&mut self, tool: &str, arguments: &Value) -> Result<Value> {
        let request = self.prepare(tool, arguments);
        let answer = self.http.call(&request)?;
        check(&answer)?;
        let body = String::from_utf8(answer.body()?)?;
        let json = body
            .lines()
            .map(|line| line.strip_prefix("data:").unwrap_or(line).trim())
            .find(|line| line.contains("\"result\""))
            .context("there is no result")?;
        let mut message: Value = serde_json::from_str(json)?;
        Ok(message["result"]["structuredContent"].take())
    }
}

fn initialize() -> Value {
    json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": VERSION, "capabilities": {},
            "clientInfo": {"name": "bench", "version": "1"}
        }
    })
}

fn initialized() -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/initialized"})
}

/// The request target and the headers that every request has.
fn head(server: &Server) -> String {
    let mut head = format!(
        "/mcp HTTP/1.1\r\nhost: 127.0.0.1:{}\r\naccept: application/json, text/event-stream\r\n\
         content-type: application/json\r\nmcp-protocol-version: {VERSION}\r\n",
        server.port
    );
    if let Some(token) = &server.token {
        head += &format!("authorization: Bearer {token}\r\n");
    }
    head
}

fn request(head: &str, session: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let mut text = format!("POST {head}");
    if !session.is_empty() {
        text += &format!("mcp-session-id: {session}\r\n");
    }
    text += &format!("content-length: {}\r\n\r\n{body}", body.len());
    text.into_bytes()
}

fn session(answer: &Answer<'_>) -> Result<String> {
    let session = answer.header("mcp-session-id");
    Ok(session.context("there is no MCP session")?.to_owned())
}

/// Fails unless the answer holds a result. Looks at the ends of the answer only: a long one would
/// take time to search.
fn check(answer: &Answer<'_>) -> Result<()> {
    let raw = answer.raw();
    let ends = [
        &raw[..raw.len().min(600)],
        &raw[raw.len().saturating_sub(200)..],
    ];
    let has = |needle: &[u8]| ends.iter().any(|end| find(end, 0, needle).is_some());
    if answer.status != 200 || !has(b"\"result\"") || has(b"\"isError\":true") {
        bail!(
            "the answer is no result: {} {}",
            answer.status,
            String::from_utf8_lossy(ends[0])
        );
    }
    Ok(())
}
