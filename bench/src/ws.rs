//! A WebSocket client that blocks: one thread and one socket, so that what is measured is the server.

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Message, Utf8Bytes, WebSocket,
    client::{IntoClientRequest as _, client_with_config},
    protocol::WebSocketConfig,
};

use crate::{
    http::{connect, find},
    process::Server,
};

/// One window, as far as the server can tell.
pub(crate) struct Ws {
    socket: WebSocket<TcpStream>,
    last_id: u64,
}

impl Ws {
    /// Connects.
    pub(crate) fn connect(server: &Server) -> Result<Self> {
        let mut request = format!("ws://127.0.0.1:{}/ws", server.port).into_client_request()?;
        if let Some(token) = &server.token {
            let value = format!("Bearer {token}").parse()?;
            request.headers_mut().insert("authorization", value);
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(64 * 1024)
            .max_message_size(None)
            .max_frame_size(None);
        let (socket, _) = client_with_config(request, connect(server.port)?, Some(config))
            .map_err(|error| anyhow::anyhow!("the WebSocket was refused: {error}"))?;
        Ok(Self { socket, last_id: 0 })
    }

    /// Connects and says hello. Returns when the tree has come.
    pub(crate) fn open(server: &Server) -> Result<Self> {
        let mut ws = Self::connect(server)?;
        ws.hello()?;
        Ok(ws)
    }

    /// Says hello and returns the tree that follows, with the time that this took.
    pub(crate) fn hello(&mut self) -> Result<(Utf8Bytes, Duration)> {
        let start = Instant::now();
        self.tell(
            "connection:hello",
            &json!({"version": "1", "platform": "bench", "windowSize": {"width": 1, "height": 1}}),
        )?;
        self.until(|text| is_of(text, "connection:init"))?;
        let tree = self.until(|text| is_of(text, "fs:tree"))?;
        Ok((tree, start.elapsed()))
    }

    /// Sends a message that is not answered.
    pub(crate) fn tell(&mut self, kind: &str, payload: &Value) -> Result<()> {
        let text = json!({"type": kind, "payload": payload}).to_string();
        self.send(text.into())
    }

    /// Sends a message that was made before.
    pub(crate) fn send(&mut self, text: Utf8Bytes) -> Result<()> {
        Ok(self.socket.send(Message::Text(text))?)
    }

    /// Asks and waits for the direct answer; what comes before it is dropped.
    pub(crate) fn ask(&mut self, kind: &str, payload: &Value) -> Result<(Utf8Bytes, Duration)> {
        self.last_id += 1;
        let id = self.last_id;
        let text = json!({"type": kind, "payload": payload, "id": id}).to_string();
        let start = Instant::now();
        self.send(text.into())?;
        let answer = self.until(|text| is_answer(text, id))?;
        let time = start.elapsed();
        if ["connection:error", "fs:save_error"]
            .iter()
            .any(|kind| is_of(&answer, kind))
        {
            bail!("{kind} was answered {answer}");
        }
        Ok((answer, time))
    }

    /// The next message that is wanted; the others are dropped.
    pub(crate) fn until(&mut self, wanted: impl Fn(&str) -> bool) -> Result<Utf8Bytes> {
        loop {
            let text = self.read()?.context("nothing came in time")?;
            if wanted(&text) {
                return Ok(text);
            }
        }
    }

    /// The next message; `None` when nothing came in time.
    pub(crate) fn read(&mut self) -> Result<Option<Utf8Bytes>> {
        use tokio_tungstenite::tungstenite::Error;
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => return Ok(Some(text)),
                Ok(Message::Close(frame)) => bail!("the server closed the socket: {frame:?}"),
                Ok(_) => {}
                Err(Error::Io(error))
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// How long [`read`](Self::read) waits.
    pub(crate) fn wait_at_most(&mut self, time: Duration) -> Result<()> {
        Ok(self.socket.get_ref().set_read_timeout(Some(time))?)
    }
}

/// Whether a frame is of this type; the sidecar and the bare server both write it first.
pub(crate) fn is_of(text: &str, kind: &str) -> bool {
    text.strip_prefix("{\"type\":\"")
        .and_then(|rest| rest.strip_prefix(kind))
        .is_some_and(|rest| rest.starts_with('"'))
}

/// Whether a frame is the direct answer to the request `id`, which stands behind the payload.
fn is_answer(text: &str, id: u64) -> bool {
    let bytes = text.as_bytes();
    let end = &bytes[bytes.len().saturating_sub(100)..];
    find(end, 0, format!(",\"id\":{id},").as_bytes()).is_some()
}
