//! Long answers are written as JSON aside, and leave in pieces.
//!
//! rmcp writes an answer as JSON in one go while its response's body is polled, on a thread that also
//! answers small calls: an answer of some megabytes would keep it for milliseconds. So the stream of
//! answers, which is polled within that body, hands a long one over to [`LongBody`] around it instead.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    response::Response,
};
use futures_util::future::BoxFuture;
use http_body::Frame;
use paige_coach::{Giving, aside};
use rmcp::transport::streamable_http_server::session::ServerSseMessage;

/// An answer with more text than this is long.
pub(crate) const LONG: usize = 64 * 1024;

/// As much as is handed to the socket at once, so that other answers leave in between.
const PIECE: usize = 32 * 1024;

thread_local! {
    /// The events handed over in this poll of a body; none can be outside of one.
    static HANDED_OVER: RefCell<Option<Vec<ServerSseMessage>>> = const { RefCell::new(None) };
}

/// Hands a long event to the body that is being polled. It comes back when there is none.
pub(crate) fn hand_over(event: ServerSseMessage) -> Option<ServerSseMessage> {
    HANDED_OVER.with_borrow_mut(|handed| match handed {
        Some(handed) => {
            handed.push(event);
            None
        }
        None => Some(event),
    })
}

/// Lets long events be handed over to a response's body.
pub(crate) async fn take_long(response: Response) -> Response {
    response.map(|body| {
        Body::new(LongBody {
            body,
            has_ended: false,
            writing: None,
            pieces: VecDeque::new(),
            may_hand_out: true,
            after: None,
        })
    })
}

/// A body, and the long events that were handed over by the stream within it.
struct LongBody {
    /// Kept until all is handed out, for its stream holds what a stop waits for.
    body: Body,
    has_ended: bool,
    writing: Option<BoxFuture<'static, Option<io::Result<VecDeque<Bytes>>>>>,
    pieces: VecDeque<Bytes>,
    /// False after a piece, so that the one before is sent, and others get their turn.
    may_hand_out: bool,
    /// What the body gave when it had handed events over: they come first.
    after: Option<Result<Frame<Bytes>, axum::Error>>,
}

impl HttpBody for LongBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        loop {
            if !this.pieces.is_empty() {
                if std::mem::replace(&mut this.may_hand_out, false) {
                    return Poll::Ready(
                        this.pieces.pop_front().map(|piece| Ok(Frame::data(piece))),
                    );
                }
                this.may_hand_out = true;
                // Not only other tasks wait for this thread, but other threads for its core.
                std::thread::yield_now();
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if let Some(writing) = &mut this.writing {
                let written = ready!(writing.as_mut().poll(context));
                this.writing = None;
                match written {
                    Some(Ok(pieces)) => this.pieces = pieces,
                    // A panic is in the log; the client sees an answer that was cut off.
                    Some(Err(_)) | None => this.has_ended = true,
                }
                continue;
            }
            if let Some(frame) = this.after.take() {
                return Poll::Ready(Some(frame));
            }
            if this.has_ended {
                return Poll::Ready(None);
            }
            HANDED_OVER.set(Some(Vec::new()));
            let polled = Pin::new(&mut this.body).poll_frame(context);
            let events = HANDED_OVER.take().unwrap_or_default();
            this.has_ended = matches!(polled, Poll::Ready(None));
            if events.is_empty() {
                return polled;
            }
            if let Poll::Ready(frame) = polled {
                this.after = frame;
            }
            this.writing = Some(Box::pin(aside(move || {
                let mut pieces = Giving::new(Pieces::default());
                for event in &events {
                    write(event, &mut pieces)?;
                }
                Ok(pieces.into_inner().ended())
            })));
        }
    }
}

/// Writes an event as server-sent events have it. JSON has no line breaks.
fn write(event: &ServerSseMessage, to: &mut impl io::Write) -> io::Result<()> {
    if let Some(id) = &event.event_id {
        writeln!(to, "id: {id}")?;
    }
    if let Some(retry) = event.retry {
        writeln!(to, "retry: {}", retry.as_millis())?;
    }
    to.write_all(b"data: ")?;
    if let Some(message) = &event.message {
        serde_json::to_writer(&mut *to, message.as_ref())?;
    }
    to.write_all(b"\n\n")
}

/// Text in pieces, which need no one large stretch of memory.
#[derive(Default)]
struct Pieces {
    full: VecDeque<Bytes>,
    last: Vec<u8>,
}

impl Pieces {
    fn ended(mut self) -> VecDeque<Bytes> {
        self.full.push_back(self.last.into());
        self.full
    }
}

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.last.len() == PIECE {
            let full = std::mem::replace(&mut self.last, Vec::with_capacity(PIECE));
            self.full.push_back(full.into());
        }
        let taken = bytes.len().min(PIECE - self.last.len());
        self.last.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, sync::Arc};

    use futures_util::{StreamExt, future, stream};
    use rmcp::model::{RequestId, ServerJsonRpcMessage, ServerResult};
    use serde_json::{Value, json};

    use super::*;

    fn event(number: i64, text: &str) -> ServerSseMessage {
        let result = ServerResult::CustomResult(rmcp::model::CustomResult(json!({"text": text})));
        let message = ServerJsonRpcMessage::response(result, RequestId::Number(number));
        let mut event = ServerSseMessage::default();
        event.event_id = Some(format!("event-{number}"));
        event.message = Some(Arc::new(message));
        event
    }

    /// The frames of a body whose stream holds these texts; an empty one is a frame of rmcp's own.
    async fn frames(texts: Vec<String>) -> Vec<Bytes> {
        let events = stream::iter(texts)
            .enumerate()
            .filter_map(|(number, text)| {
                let number = i64::try_from(number).expect("a small number");
                future::ready(if text.is_empty() {
                    Some(Ok::<_, Infallible>(Bytes::from_static(b": own\n\n")))
                } else {
                    assert!(hand_over(event(number, &text)).is_none());
                    None
                })
            });
        let body = take_long(Response::new(Body::from_stream(events))).await;
        let mut frames = body.into_body().into_data_stream();
        let mut all = Vec::new();
        while let Some(frame) = frames.next().await {
            all.push(frame.expect("no error"));
        }
        all
    }

    #[tokio::test]
    async fn a_long_event_leaves_whole_in_pieces_and_in_its_place() {
        let long = "line\n".repeat(60_000);
        let sent = frames(vec![
            String::new(),
            long.clone(),
            String::new(),
            "short".into(),
        ])
        .await;
        assert!(sent.iter().all(|frame| frame.len() <= PIECE));
        assert!(sent.len() > 8);
        let sent = String::from_utf8(sent.concat()).expect("text");
        let events: Vec<&str> = sent.split_terminator("\n\n").collect();
        let [own, first, again, last] = events[..] else {
            panic!("{} events", events.len());
        };
        assert_eq!((own, again), (": own", ": own"));
        for (event, number, text) in [(first, 1, long.as_str()), (last, 3, "short")] {
            let (id, data) = event.split_once('\n').expect("two fields");
            assert_eq!(id, format!("id: event-{number}"));
            let json = data.strip_prefix("data: ").expect("data");
            assert_eq!(
                serde_json::from_str::<Value>(json).expect("JSON"),
                json!({"jsonrpc": "2.0", "id": number, "result": {"text": text}})
            );
        }
        assert!(frames(Vec::new()).await.is_empty());
    }

    #[test]
    fn an_event_that_nobody_takes_comes_back() {
        assert!(hand_over(event(1, "text")).is_some());
    }
}
