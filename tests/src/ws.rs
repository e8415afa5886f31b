//! [`Socket`]: a WebSocket client that speaks the wire and checks that it does.

use std::collections::VecDeque;

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderName};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::sidecar::{PATIENCE, Sidecar};

/// A connected client. Every frame it receives is read as a
/// [`ServerFrame`](paige_protocol::coach::ServerFrame), so that an answer that breaks the contract
/// fails the test that sees it.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What was received and not asked for yet.
    waiting: VecDeque<Value>,
    /// The pushes received so far.
    pub pushes: Vec<Value>,
    next_id: u32,
}

/// Where a client stands in the stream of pushes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The stream.
    pub stream: String,
    /// The last push it has seen.
    pub seq: u64,
}

impl Cursor {
    /// Where a client stands that has received this `connection:init`.
    pub fn of(init: &Value) -> Result<Self> {
        Ok(Self {
            stream: init["stream"].as_str().context("a stream")?.to_owned(),
            seq: init["seq"].as_u64().context("a seq")?,
        })
    }
}

impl Socket {
    /// Connects with the `ui` token and says nothing yet.
    pub async fn connect(sidecar: &Sidecar) -> Result<Self> {
        Self::connect_at(sidecar.ready.port, &sidecar.tokens[0]).await
    }

    /// Connects to a port with a token.
    pub async fn connect_at(port: u16, token: &str) -> Result<Self> {
        let authorization = format!("Bearer {token}");
        let (socket, _) = Self::connect_as(port, &[("authorization", &authorization)]).await?;
        Ok(socket)
    }

    /// Connects with these headers; the answer's headers are returned as well.
    pub async fn connect_as(port: u16, headers: &[(&str, &str)]) -> Result<(Self, HeaderMap)> {
        let mut request = format!("ws://127.0.0.1:{port}/ws").into_client_request()?;
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes())?;
            request.headers_mut().insert(name, value.parse()?);
        }
        let (stream, answer) =
            timeout(PATIENCE, tokio_tungstenite::connect_async(request)).await??;
        let socket = Self {
            stream,
            waiting: VecDeque::new(),
            pushes: Vec::new(),
            next_id: 0,
        };
        Ok((socket, answer.headers().clone()))
    }

    /// Connects, says hello and waits for `connection:init` and the tree; the answer's payload is
    /// returned.
    pub async fn hello(sidecar: &Sidecar) -> Result<(Self, Value)> {
        let mut socket = Self::connect(sidecar).await?;
        let init = socket.say_hello(None).await?;
        socket.expect("fs:tree").await?;
        Ok((socket, init))
    }

    /// Connects and resumes from a cursor.
    pub async fn resume(sidecar: &Sidecar, cursor: &Cursor) -> Result<(Self, Value)> {
        let mut socket = Self::connect(sidecar).await?;
        let init = socket.say_hello(Some(cursor)).await?;
        Ok((socket, init))
    }

    /// Says hello and returns the payload of `connection:init`.
    pub async fn say_hello(&mut self, cursor: Option<&Cursor>) -> Result<Value> {
        let mut hello = json!({
            "version": "0.0.0-test",
            "platform": "test",
            "windowSize": {"width": 800, "height": 600},
            "protocolVersion": paige_protocol::PROTOCOL_VERSION,
        });
        if let Some(cursor) = cursor {
            hello["stream"] = json!(cursor.stream);
            hello["lastSeq"] = json!(cursor.seq);
        }
        self.request("connection:hello", hello).await
    }

    /// Sends a message that is not answered.
    pub async fn send(&mut self, kind: &str, payload: Value) -> Result<()> {
        let frame =
            json!({"type": kind, "payload": payload, "timestamp": "2026-01-01T00:00:00.000Z"});
        self.send_text(&frame.to_string()).await
    }

    /// Sends a text as it is.
    pub async fn send_text(&mut self, text: &str) -> Result<()> {
        self.stream
            .send(Message::text(text))
            .await
            .context("sending")
    }

    /// Sends a request and returns the frame of its direct answer.
    pub async fn ask(&mut self, kind: &str, payload: Value) -> Result<Value> {
        self.next_id += 1;
        let id = format!("r{}", self.next_id);
        let frame = json!({"type": kind, "payload": payload, "id": id, "timestamp": "2026-01-01T00:00:00.000Z"});
        self.send_text(&frame.to_string()).await?;
        self.expect_where(&format!("the answer to {kind}"), |frame| {
            frame["id"] == id.as_str()
        })
        .await
    }

    /// Sends a request and returns the payload of its direct answer, which must not be an error.
    pub async fn request(&mut self, kind: &str, payload: Value) -> Result<Value> {
        let answer = self.ask(kind, payload).await?;
        let answered = answer["type"].as_str().unwrap_or_default();
        ensure!(
            !answered.ends_with("error"),
            "{kind} was answered by {answer}"
        );
        Ok(answer["payload"].clone())
    }

    /// The payload of the next message of this type, whatever comes before it.
    pub async fn expect(&mut self, kind: &str) -> Result<Value> {
        let frame = self
            .expect_where(kind, |frame| frame["type"] == kind && frame["id"].is_null())
            .await?;
        Ok(frame["payload"].clone())
    }

    /// The next push of this type, as a whole frame.
    pub async fn expect_push(&mut self, kind: &str) -> Result<Value> {
        self.expect_where(kind, |frame| frame["type"] == kind && frame["seq"].is_u64())
            .await
    }

    /// The next frame for which this holds; others wait for their turn.
    pub async fn expect_where(
        &mut self,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        if let Some(at) = self.waiting.iter().position(&wanted) {
            return self.waiting.remove(at).context("it is there");
        }
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let frame = tokio::time::timeout_at(deadline, self.receive())
                .await
                .with_context(|| {
                    format!("waiting for {what}; received: {:?}", kinds(&self.waiting))
                })??;
            if wanted(&frame) {
                return Ok(frame);
            }
            self.waiting.push_back(frame);
        }
    }

    /// Asserts that nothing for which this holds arrives before the answer to a later request.
    pub async fn expect_none(&mut self, unwanted: impl Fn(&Value) -> bool) -> Result<()> {
        // Messages of one client are answered in order, so that this answer comes after all that
        // the earlier ones caused.
        self.ask("session:summary", json!({"sessionId": 4_000_000_000_u32}))
            .await?;
        if let Some(frame) = self.waiting.iter().find(|frame| unwanted(frame)) {
            bail!("this should not have come: {frame}");
        }
        Ok(())
    }

    /// The next frame as it comes; those that [`expect_where`](Self::expect_where) has put aside are
    /// none of them.
    pub async fn receive(&mut self) -> Result<Value> {
        loop {
            match self.stream.next().await.context("the socket has ended")?? {
                Message::Text(text) => {
                    let frame: Value = serde_json::from_str(&text)?;
                    serde_json::from_str::<paige_protocol::coach::ServerFrame>(&text)
                        .with_context(|| format!("a frame breaks the contract: {text:.300}"))?;
                    if frame["seq"].is_u64() {
                        self.pushes.push(frame.clone());
                    }
                    return Ok(frame);
                }
                Message::Close(close) => bail!("the socket was closed: {close:?}"),
                _ => {}
            }
        }
    }

    /// Sends a close frame and waits until the other side has gone.
    pub async fn close(mut self) -> Result<()> {
        self.stream.close(None).await?;
        while let Ok(Some(Ok(_))) = timeout(PATIENCE, self.stream.next()).await {}
        Ok(())
    }

    /// Waits until the socket is closed and returns the code.
    pub async fn closed(&mut self) -> Result<u16> {
        let close = timeout(PATIENCE, async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Close(close))) => {
                        return Ok(close.map(|close| u16::from(close.code)));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error.into()),
                    None => bail!("the socket has ended without a close frame"),
                }
            }
        })
        .await??;
        close.context("the close frame has no code")
    }

    /// The `seq` of every push received so far, in the order of arrival.
    pub fn seqs(&self) -> Vec<u64> {
        self.pushes
            .iter()
            .filter_map(|frame| frame["seq"].as_u64())
            .collect()
    }
}

fn kinds(frames: &VecDeque<Value>) -> Vec<&str> {
    frames
        .iter()
        .filter_map(|frame| frame["type"].as_str())
        .collect()
}
