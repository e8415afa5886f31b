//! The WebSocket door: one task for each client, which reads from it and writes to it.

use std::{
    panic::AssertUnwindSafe,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{
        State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
    response::Response,
    routing::any,
};
use futures_util::{
    FutureExt, SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use paige_protocol::{
    ErrorCode,
    coach::{
        ClientMessage, ServerMessage,
        connection::{ConnectionError, ErrorContext},
    },
    envelope::{Malformed, RawMessage, RequestId},
};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    dispatch::{self, Desk},
    guard::nesting_exceeds,
    hub::Client,
    queue::Closed,
};

/// The subprotocol that the server selects; a browser sends its token as a second one.
const SUBPROTOCOL: &str = "paige.v1";
/// How long a client may take for what waits, and then to say goodbye: a supervised sidecar has 1.5 s
/// for its whole stop.
const GOODBYE: Duration = Duration::from_millis(300);

/// The codes with which the sidecar closes a socket, beside those of RFC 6455.
pub mod close {
    /// The client speaks another major version of the protocol.
    pub const PROTOCOL_MISMATCH: u16 = 4400;
    /// More waited for the client than its queue may hold; it may come back with its cursor.
    pub const TOO_SLOW: u16 = 4408;
    /// The client did not answer pings.
    pub const SILENT: u16 = 4409;
    /// The client sent more messages a second than the limit allows.
    pub const RATE_LIMITED: u16 = 4429;
}

/// What the door's handlers share.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) desk: Desk,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

pub(crate) fn router(door: Door) -> Router {
    Router::new().route("/ws", any(upgrade)).with_state(door)
}

async fn upgrade(State(door): State<Door>, upgrade: WebSocketUpgrade) -> Response {
    let limit = door.desk.hub.config().max_message_bytes;
    upgrade
        .protocols([SUBPROTOCOL])
        // Above our own limit, so that a message just over it is read to its end: a client that is
        // still sending when it is refused may never read why.
        .max_message_size(limit.saturating_mul(2))
        .max_frame_size(limit.saturating_mul(2))
        .on_upgrade(move |socket| {
            let tasks = door.tasks.clone();
            tasks.track_future(serve(door, socket))
        })
}

/// Why a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Goodbye {
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
}

const TOO_LARGE: Goodbye = Goodbye {
    code: close_code::SIZE,
    reason: "The message is larger than the limit allows.",
};

const AWAY: Goodbye = Goodbye {
    code: close_code::AWAY,
    reason: "The sidecar is stopping.",
};

async fn serve(door: Door, socket: WebSocket) {
    let client = door.desk.hub.join();
    let (sink, stream) = socket.split();
    let ping_interval = door.desk.hub.config().ping_interval;
    let mut written = None;
    // In one task, so that an answer leaves on the thread on which it was made.
    let mut writing = pin!(AssertUnwindSafe(write(&client, sink, ping_interval)).catch_unwind());
    let goodbye = {
        let mut reading = pin!(read(&door, &client, stream));
        loop {
            tokio::select! {
                biased;
                goodbye = &mut reading => break goodbye,
                sink = &mut writing, if written.is_none() => {
                    // Whatever ended it, nothing more can be sent.
                    client.queue.close();
                    written = Some(sink);
                }
            }
        }
    };
    if let Some(goodbye) = &goodbye {
        tracing::info!(client = %client.id, code = goodbye.code, "{}", goodbye.reason);
    }
    // A client that is told why it must go gets what waits for it first, unless it is too slow.
    match &goodbye {
        Some(goodbye) if goodbye.code != close::TOO_SLOW => client.queue.finish(),
        _ => client.queue.close(),
    }
    // A peer that never reads blocks the writer for ever; then the socket is dropped as it is.
    let sink = match written {
        Some(sink) => Ok(sink),
        None => timeout(GOODBYE, writing).await,
    };
    match sink {
        Ok(Ok(mut sink)) => {
            let frame = goodbye.map(|goodbye| CloseFrame {
                code: goodbye.code,
                reason: goodbye.reason.into(),
            });
            let _ = timeout(GOODBYE, async {
                let _ = sink.send(Message::Close(frame)).await;
                let _ = sink.close().await;
            })
            .await;
        }
        Ok(Err(_)) => {
            tracing::error!(client = %client.id, "Nothing more could be sent to a client: the writing has panicked.");
        }
        Err(_) => {}
    }
    door.desk.hub.leave(&client);
}

/// Sends what waits in the queue; several waiting messages share one flush.
async fn write(
    client: &Client,
    mut sink: SplitSink<WebSocket, Message>,
    ping_interval: Duration,
) -> SplitSink<WebSocket, Message> {
    let mut pings = interval(ping_interval);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.tick().await;
    loop {
        let first = tokio::select! {
            next = client.queue.next() => match next {
                Ok(text) => Message::Text(text),
                Err(_) => return sink,
            },
            _ = pings.tick() => Message::Ping(bytes::Bytes::new()),
        };
        let mut sent = sink.feed(first).await;
        while sent.is_ok()
            && let Some(Ok(text)) = client.queue.try_next()
        {
            sent = sink.feed(Message::Text(text)).await;
        }
        if sent.is_err() || sink.flush().await.is_err() {
            client.queue.close();
            return sink;
        }
    }
}

/// Reads a client until it goes, breaks a limit, falls silent or the sidecar stops.
///
/// A message that was begun is handled to its end, whatever becomes of the connection: half a save
/// would leave the disk and the record apart.
async fn read(
    door: &Door,
    client: &Arc<Client>,
    mut stream: SplitStream<WebSocket>,
) -> Option<Goodbye> {
    let desk = &door.desk;
    let config = desk.hub.config();
    let mut rate = Rate::new(config.max_messages_per_second);
    loop {
        let next = tokio::select! {
            biased;
            // Before the queue, which a stop ends as well: the client is to hear why.
            () = door.stop.cancelled() => return Some(AWAY),
            closed = client.queue.closed() => return too_slow(closed),
            next = timeout(config.ping_interval * 3, stream.next()) => next,
        };
        let message = match next {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => {
                tracing::debug!(client = %client.id, %error, "A connection broke.");
                let error = error.into_inner();
                let cause = error.downcast_ref::<tungstenite::Error>();
                return matches!(cause, Some(tungstenite::Error::Capacity(_))).then_some(TOO_LARGE);
            }
            Ok(None) => return None,
            Err(_) => {
                return Some(Goodbye {
                    code: close::SILENT,
                    reason: "The client did not answer pings.",
                });
            }
        };
        if !rate.admits() {
            return Some(Goodbye {
                code: close::RATE_LIMITED,
                reason: "The client sent too many messages a second.",
            });
        }
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(_) => {
                refuse(
                    client,
                    None,
                    ErrorCode::InvalidMessage,
                    None,
                    "Messages are JSON in text frames; this one is binary.".into(),
                );
                continue;
            }
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => return None,
        };
        if text.len() > config.max_message_bytes {
            return Some(TOO_LARGE);
        }
        // A client that asks faster than it reads waits here, and is not cut off.
        if let Err(closed) = client.queue.room().await {
            return if door.stop.is_cancelled() {
                Some(AWAY)
            } else {
                too_slow(closed)
            };
        }
        // A fault of one message is no fault of the connection.
        let handled = AssertUnwindSafe(handle(desk, client, &text)).catch_unwind();
        match handled.await {
            Ok(None) => {}
            Ok(goodbye) => return goodbye,
            Err(_) => {
                tracing::error!(client = %client.id, "A message could not be handled: its handler has panicked.");
                refuse(
                    client,
                    None,
                    ErrorCode::InternalError,
                    None,
                    "Something failed inside the sidecar; its log says what.".into(),
                );
            }
        }
    }
}

fn too_slow(closed: Closed) -> Option<Goodbye> {
    match closed {
        Closed::Overflow => Some(Goodbye {
            code: close::TOO_SLOW,
            reason: "The client did not keep up; come back with your cursor.",
        }),
        Closed::Gone => None,
    }
}

/// Handles one message; a goodbye when the connection is to end.
async fn handle(desk: &Desk, client: &Arc<Client>, text: &str) -> Option<Goodbye> {
    if nesting_exceeds(text.as_bytes(), desk.hub.config().max_nesting) {
        let limit = desk.hub.config().max_nesting;
        refuse(
            client,
            None,
            ErrorCode::TooLarge,
            None,
            format!("The message is nested deeper than {limit} levels; send a flatter one."),
        );
        return None;
    }
    let raw = match RawMessage::read(text) {
        Ok(raw) => raw,
        Err(error) => {
            tracing::warn!(client = %client.id, "A client sent a message that cannot be read.");
            refuse(
                client,
                None,
                ErrorCode::InvalidMessage,
                None,
                error.to_string(),
            );
            return None;
        }
    };
    let message = match ClientMessage::read(&raw.kind, raw.payload()) {
        Some(Ok(message)) => message,
        Some(Err(error)) => {
            invalid(client, &raw, &error);
            return None;
        }
        None => {
            // The type is a client's text: cut it before it reaches a log.
            let kind: String = raw.kind.chars().take(64).collect();
            tracing::warn!(client = %client.id, kind, "A message of an unknown type is ignored.");
            return None;
        }
    };
    dispatch::dispatch(desk, client, message, raw.id).await
}

fn invalid(client: &Client, raw: &RawMessage<'_>, error: &Malformed) {
    tracing::warn!(client = %client.id, kind = %raw.kind, field = error.field, "A client sent a message with a wrong field.");
    let context = ErrorContext {
        message_type: Some(raw.kind.clone().into_owned()),
        field: error.field.clone(),
        ..ErrorContext::default()
    };
    refuse(
        client,
        raw.id.as_ref(),
        ErrorCode::InvalidMessage,
        Some(context),
        error.to_string(),
    );
}

pub(crate) fn refuse(
    client: &Client,
    id: Option<&RequestId>,
    code: ErrorCode,
    context: Option<ErrorContext>,
    message: String,
) {
    client.answer(
        &ServerMessage::ConnectionError(ConnectionError {
            code,
            message,
            context,
        }),
        id,
    );
}

/// At most so many messages in any window of a second that starts with a message.
struct Rate {
    limit: u32,
    window: Instant,
    count: u32,
}

impl Rate {
    fn new(limit: u32) -> Self {
        Self {
            limit,
            window: Instant::now(),
            count: 0,
        }
    }

    fn admits(&mut self) -> bool {
        let now = Instant::now();
        if now.duration_since(self.window) >= Duration::from_secs(1) {
            self.window = now;
            self.count = 0;
        }
        self.count += 1;
        self.count <= self.limit
    }
}
