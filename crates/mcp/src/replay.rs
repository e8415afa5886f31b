//! [`Replay`]: what a client was answered, for one whose connection dropped (decisions, "MCP").

use std::{collections::VecDeque, time::Duration};

use rmcp::{
    model::{ContentBlock, JsonRpcMessage, ServerJsonRpcMessage, ServerResult},
    transport::streamable_http_server::session::ServerSseMessage,
};
use tokio::sync::watch;

/// Told to a client as the time after which it may come back for an answer.
const RETRY: Duration = Duration::from_secs(1);
/// What an answer weighs beside its text, in bytes.
const FRAME: usize = 512;
/// Answers under way are kept as well; so many entries are kept at most.
const MOST_ENTRIES: usize = 64;

/// An answer that comes, or has come.
pub(crate) type Coming = watch::Receiver<Option<ServerSseMessage>>;

/// The last answers of one MCP session, bounded.
///
/// An event's id is `TAG-STREAM-INDEX`: the streams of a session are numbered, each has a priming
/// event (index 0) and the answer (index 1). The tag is of this life of the session, so that an id
/// from before a restart means nothing after it.
#[derive(Debug)]
pub(crate) struct Replay {
    tag: String,
    most_bytes: usize,
    bytes: usize,
    next: u64,
    entries: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    stream: u64,
    weight: usize,
    answer: Coming,
}

impl Replay {
    pub(crate) fn new(most_bytes: usize) -> Self {
        let mut tag = uuid::Uuid::new_v4().simple().to_string();
        tag.truncate(8);
        Self {
            tag,
            most_bytes,
            bytes: 0,
            next: 0,
            entries: VecDeque::new(),
        }
    }

    /// Begins the stream of a request, whose answer is yet to come.
    pub(crate) fn begin(&mut self, answer: Coming) -> u64 {
        let stream = self.next;
        self.next += 1;
        self.entries.push_back(Entry {
            stream,
            weight: 0,
            answer,
        });
        self.shrink();
        stream
    }

    /// The event that tells a client what to ask for should it lose the connection.
    pub(crate) fn priming(&self, stream: u64) -> ServerSseMessage {
        ServerSseMessage::priming(format!("{}-{stream}-0", self.tag), RETRY)
    }

    /// The answer as an event; it has come.
    pub(crate) fn answered(
        &mut self,
        stream: u64,
        message: ServerJsonRpcMessage,
    ) -> ServerSseMessage {
        let weight = FRAME + weight(&message);
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.stream == stream) {
            entry.weight = weight;
            self.bytes += weight;
            self.shrink();
        }
        ServerSseMessage::new(format!("{}-{stream}-1", self.tag), message)
    }

    /// What a client has missed that saw `last_event_id` last: an answer, or nothing because it has
    /// seen it all; `None` if it is not known.
    pub(crate) fn after(&self, last_event_id: &str) -> Option<Option<Coming>> {
        let rest = last_event_id.strip_prefix(&self.tag)?.strip_prefix('-')?;
        let (stream, index) = rest.split_once('-')?;
        let stream: u64 = stream.parse().ok()?;
        let entry = self.entries.iter().find(|entry| entry.stream == stream)?;
        match index {
            "0" => Some(Some(entry.answer.clone())),
            "1" => Some(None),
            _ => None,
        }
    }

    fn shrink(&mut self) {
        while self.entries.len() > 1
            && (self.bytes > self.most_bytes || self.entries.len() > MOST_ENTRIES)
        {
            if let Some(entry) = self.entries.pop_front() {
                self.bytes -= entry.weight;
            }
        }
    }
}

/// How much memory an answer takes, nearly: what is large is the text of a tool's answer, which
/// stands there twice.
pub(crate) fn weight(message: &ServerJsonRpcMessage) -> usize {
    let JsonRpcMessage::Response(response) = message else {
        return 0;
    };
    let ServerResult::CallToolResult(result) = &response.result else {
        return 0;
    };
    let text = |block: &ContentBlock| block.as_text().map_or(0, |text| text.text.len());
    2 * result.content.iter().map(text).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use rmcp::model::{CallToolResult, NumberOrString};

    use super::*;

    fn message(text: &str) -> ServerJsonRpcMessage {
        let result = CallToolResult::success(vec![ContentBlock::text(text)]);
        ServerJsonRpcMessage::response(
            ServerResult::CallToolResult(result),
            NumberOrString::Number(1),
        )
    }

    /// Answers a request with a text of so many bytes; the id of its priming event.
    fn answer(replay: &mut Replay, bytes: usize) -> String {
        let (tell, coming) = watch::channel(None);
        let stream = replay.begin(coming);
        let priming = replay.priming(stream).event_id.expect("an id");
        let event = replay.answered(stream, message(&"x".repeat(bytes)));
        tell.send_replace(Some(event));
        priming
    }

    #[test]
    fn an_answer_is_found_by_the_event_before_it() {
        let mut replay = Replay::new(10_000);
        let first = answer(&mut replay, 1);
        let (_tell, coming) = watch::channel(None);
        let running = replay.begin(coming);
        let running = replay.priming(running).event_id.expect("an id");

        let found = replay.after(&first).flatten().expect("an answer");
        let event = found.borrow().clone().expect("it has come");
        let id = event.event_id.expect("an id");
        assert_eq!(id, first.replace("-0-0", "-0-1"));
        assert!(replay.after(&id).expect("known").is_none(), "seen");
        let found = replay.after(&running).flatten().expect("an answer to come");
        assert!(found.borrow().is_none());

        let other = Replay::new(10_000);
        for unknown in [first.as_str(), "", "0", "0/0", "x-0-0"] {
            assert!(other.after(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn the_oldest_answers_make_room_and_the_last_always_stays() {
        let mut replay = Replay::new(3 * (FRAME + 2000));
        let ids: Vec<_> = (0..5).map(|_| answer(&mut replay, 1000)).collect();
        let known: Vec<_> = ids.iter().map(|id| replay.after(id).is_some()).collect();
        assert_eq!(known, [false, false, true, true, true]);
        let large = answer(&mut replay, 100_000);
        assert!(replay.after(&large).is_some());
        assert_eq!(replay.entries.len(), 1);
        let small = answer(&mut replay, 1);
        assert!(replay.after(&small).is_some());
        assert_eq!((replay.entries.len(), replay.bytes), (1, FRAME + 2));
    }

    #[test]
    fn requests_under_way_are_bounded_too() {
        let mut replay = Replay::new(10);
        for _ in 0..1000 {
            let (_tell, coming) = watch::channel(None);
            replay.begin(coming);
        }
        assert_eq!(replay.entries.len(), MOST_ENTRIES);
    }
}
