//! [`Client`]: works as fast as it can until its sidecar is killed, and comes back to the next one.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Error, Result, bail, ensure};
use paige_tests::ws::Cursor;
use paige_tests::{Sidecar, Socket};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite;

use super::work::Work;

/// How many requests of one client are on their way at once.
const WINDOW: usize = 8;

/// Where to work, and what clients and killer tell each other.
pub(super) struct Signals {
    pub(super) port: u16,
    pub(super) token: String,
    pub(super) mcp_token: String,
    /// How many requests were answered.
    pub(super) answers: AtomicUsize,
    /// Not 0 once the sidecar may be dead.
    pub(super) killed: AtomicUsize,
}

/// A client over all kills.
pub(super) struct Client {
    pub(super) work: Box<dyn Work>,
    cursor: Option<Cursor>,
    received: Received,
}

/// What a client received in one round.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// Whole frames.
    pub(super) pushes: Vec<Value>,
    /// Direct answers to its work, as whole frames; of a tool, the push that its success promises.
    pub(super) answers: Vec<Value>,
    /// The pushes that tools refused to make.
    pub(super) refused: Vec<Value>,
}

impl Client {
    pub(super) fn new(work: impl Work + 'static) -> Self {
        Self {
            work: Box::new(work),
            cursor: None,
            received: Received::default(),
        }
    }

    /// What was received since the last time.
    pub(super) fn take_received(&mut self) -> Received {
        std::mem::take(&mut self.received)
    }

    /// Works until the sidecar is killed. An error is what has nothing to do with the kill.
    pub(super) async fn flood(&mut self, signals: &Signals) -> Result<()> {
        let ended = match Socket::connect_at(signals.port, &signals.token).await {
            Ok(mut socket) => {
                let ended = self.live(&mut socket, signals).await;
                self.follow(socket.pushes)?;
                ended
            }
            Err(error) => Err(error),
        };
        match ended {
            Err(error) if signals.killed.load(Ordering::Relaxed) != 0 && is_cut(&error) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => bail!("it stopped working"),
        }
    }

    /// Comes back a last time and receives all that it has missed, up to this push.
    pub(super) async fn catch_up(&mut self, sidecar: &Sidecar, last: i64) -> Result<()> {
        let cursor = self.cursor.as_ref().context("it was never greeted")?;
        let (mut socket, _) = Socket::resume(sidecar, cursor).await?;
        if i64::try_from(cursor.seq)? < last {
            socket
                .expect_where("the last push", |frame| frame["seq"] == last)
                .await?;
        }
        self.follow(socket.pushes)?;
        ensure!(self.cursor.as_ref().map(|cursor| cursor.seq) == u64::try_from(last).ok());
        Ok(())
    }

    /// Nothing missed and nothing twice, whatever was cut and resumed.
    fn follow(&mut self, pushes: Vec<Value>) -> Result<()> {
        for push in pushes {
            let cursor = self.cursor.as_mut().context("a push before the greeting")?;
            ensure!(
                push["seq"] == cursor.seq + 1,
                "after {}: {push}",
                cursor.seq
            );
            cursor.seq += 1;
            self.received.pushes.push(push);
        }
        Ok(())
    }

    async fn live(&mut self, socket: &mut Socket, signals: &Signals) -> Result<()> {
        let init = socket.say_hello(self.cursor.as_ref()).await?;
        let told = Cursor::of(&init)?;
        match &self.cursor {
            Some(cursor) => ensure!(cursor.stream == told.stream, "{init}"),
            None => self.cursor = Some(told),
        }
        self.work.begin(socket, &init).await?;
        let (mut sent, mut outstanding) = (0, 0);
        loop {
            while outstanding < WINDOW
                && let Some(request) = self.work.next()
            {
                sent += 1;
                let mut frame = json!({"type": request.kind, "payload": request.payload});
                if request.is_answered {
                    outstanding += 1;
                    frame["id"] = json!(format!("w{sent}"));
                }
                if let Err(error) = socket.send_text(&frame.to_string()).await {
                    // What was answered before the kill still counts.
                    while let Ok(frame) = socket.receive().await {
                        self.take(frame, signals)?;
                    }
                    return Err(error);
                }
            }
            let frame = socket.receive().await?;
            outstanding -= usize::from(self.take(frame, signals)?);
        }
    }

    /// Takes what was received; whether it was an answer.
    fn take(&mut self, frame: Value, signals: &Signals) -> Result<bool> {
        let kind = frame["type"].as_str().unwrap_or_default();
        ensure!(kind != "connection:resync_required", "{frame}");
        let is_answer = frame["id"].as_str().is_some_and(|id| id.starts_with('w'));
        if is_answer {
            ensure!(!kind.ends_with("error"), "a request was refused: {frame}");
            signals.answers.fetch_add(1, Ordering::Relaxed);
            self.work.answered(&frame)?;
            self.received.answers.push(frame);
        }
        Ok(is_answer)
    }
}

/// Whether an error is the end of the connection and nothing else.
fn is_cut(error: &Error) -> bool {
    let ended = error.to_string() == "the socket has ended";
    ended || error.chain().any(|cause| cause.is::<tungstenite::Error>())
}
