//! [`Queue`]: what waits to be sent to one client, bounded in bytes.

use std::{collections::VecDeque, sync::Arc};

use axum::extract::ws::Utf8Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Messages of which only the latest matters: a newer one takes the place of one that still waits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Latest {
    /// The whole tree.
    Tree,
    /// The unsaved text of a file.
    Buffer(String),
}

/// Why a queue takes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// More waited than its bound allows: the client does not keep up.
    Overflow,
    /// The connection has ended.
    Gone,
}

/// What waits to be sent to one client.
///
/// Everything that waits is bounded by `max_bytes`, but the size of one message alone never closes a
/// socket: the message in flight is not counted, of the unasked tree at most one waits and is not
/// counted either, and of the messages larger than a quarter of the bound one counts as a quarter.
/// So at most the bound, one large message and one tree wait.
#[derive(Debug)]
pub(crate) struct Queue {
    max_bytes: usize,
    waiting: Mutex<Waiting>,
    filled: Notify,
    drained: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<Item>,
    bytes: usize,
    /// No more is taken, and it closes once it is empty.
    finishing: bool,
    closed: Option<Closed>,
}

#[derive(Debug)]
struct Item {
    text: Utf8Bytes,
    latest: Option<Latest>,
    /// What it counts towards the bound, in bytes.
    counted: usize,
}

impl Item {
    /// Whether it is the one message that may be larger than it counts.
    fn is_forgiven(&self) -> bool {
        self.latest != Some(Latest::Tree) && self.counted < self.text.len()
    }
}

impl Queue {
    pub(crate) fn new(max_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            max_bytes,
            waiting: Mutex::default(),
            filled: Notify::new(),
            drained: Notify::new(),
        })
    }

    /// Adds a message, or closes the queue when it does not fit.
    ///
    /// A message that is alone always fits: the bound is about a client that does not keep up, not
    /// about the size of one message.
    pub(crate) fn push(&self, text: Utf8Bytes, latest: Option<Latest>) {
        let mut waiting = self.waiting.lock();
        if waiting.closed.is_some() || waiting.finishing {
            return;
        }
        if latest.is_some() {
            // The newer text goes to the end, not to the old one's place: what was said in between
            // must not be overtaken.
            if let Some(at) = waiting.items.iter().position(|item| item.latest == latest)
                && let Some(old) = waiting.items.remove(at)
            {
                waiting.bytes -= old.counted;
            }
        }
        let counted = match latest {
            Some(Latest::Tree) => 0,
            _ if waiting.items.iter().any(Item::is_forgiven) => text.len(),
            _ => text.len().min(self.max_bytes / 4),
        };
        if waiting.bytes > 0 && waiting.bytes + counted > self.max_bytes {
            waiting.items = VecDeque::new();
            waiting.bytes = 0;
            waiting.closed = Some(Closed::Overflow);
        } else {
            waiting.bytes += counted;
            waiting.items.push_back(Item {
                text,
                latest,
                counted,
            });
        }
        let closed = waiting.closed.is_some();
        drop(waiting);
        self.filled.notify_one();
        if closed {
            self.drained.notify_waiters();
        }
    }

    /// Ends the queue once what waits has been taken.
    pub(crate) fn finish(&self) {
        self.waiting.lock().finishing = true;
        self.filled.notify_one();
        self.drained.notify_waiters();
    }

    /// Ends the queue; what waits is dropped.
    pub(crate) fn close(&self) {
        let mut waiting = self.waiting.lock();
        waiting.items = VecDeque::new();
        waiting.bytes = 0;
        waiting.closed.get_or_insert(Closed::Gone);
        drop(waiting);
        self.filled.notify_one();
        self.drained.notify_waiters();
    }

    /// The next message, as soon as there is one.
    pub(crate) async fn next(&self) -> Result<Utf8Bytes, Closed> {
        loop {
            if let Some(next) = self.try_next() {
                return next;
            }
            self.filled.notified().await;
        }
    }

    /// The next message, if there is one.
    pub(crate) fn try_next(&self) -> Option<Result<Utf8Bytes, Closed>> {
        let mut waiting = self.waiting.lock();
        if let Some(closed) = waiting.closed {
            return Some(Err(closed));
        }
        let Some(item) = waiting.items.pop_front() else {
            return waiting.finishing.then_some(Err(Closed::Gone));
        };
        waiting.bytes -= item.counted;
        let room = waiting.bytes <= self.max_bytes / 2;
        drop(waiting);
        if room {
            self.drained.notify_waiters();
        }
        Some(Ok(item.text))
    }

    /// Waits until the queue is closed, whatever waits in it.
    pub(crate) async fn closed(&self) -> Closed {
        loop {
            let changed = self.drained.notified();
            if let Some(closed) = self.waiting.lock().closed {
                return closed;
            }
            changed.await;
        }
    }

    /// Waits until at most half of the bound is used, or the queue takes no more.
    ///
    /// Requests and replays wait here, so that a client that asks faster than it reads slows itself
    /// down and is not cut off.
    pub(crate) async fn room(&self) -> Result<(), Closed> {
        loop {
            let changed = self.drained.notified();
            {
                let waiting = self.waiting.lock();
                if let Some(closed) = waiting.closed {
                    return Err(closed);
                }
                if waiting.finishing {
                    return Err(Closed::Gone);
                }
                if waiting.bytes <= self.max_bytes / 2 {
                    return Ok(());
                }
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(queue: &Queue) -> Vec<String> {
        std::iter::from_fn(|| queue.try_next()?.ok())
            .map(|text| text.to_string())
            .collect()
    }

    #[test]
    fn the_latest_wins_and_goes_to_the_end() {
        let queue = Queue::new(100);
        let buffer = |path: &str| Some(Latest::Buffer(path.to_owned()));
        queue.push("a1".into(), buffer("a"));
        queue.push("push".into(), None);
        queue.push("b1".into(), buffer("b"));
        queue.push("a2".into(), buffer("a"));
        assert_eq!(texts(&queue), ["push", "b1", "a2"]);
        assert_eq!(queue.waiting.lock().bytes, 0);
    }

    #[test]
    fn it_closes_when_more_waits_than_its_bound() {
        let queue = Queue::new(8);
        for text in ["12", "34", "56", "78"] {
            queue.push(text.into(), None);
        }
        assert_eq!(queue.waiting.lock().bytes, 8);
        queue.push("9".into(), None);
        assert_eq!(queue.try_next(), Some(Err(Closed::Overflow)));
        assert_eq!(queue.waiting.lock().items.len(), 0, "nothing is kept");
    }

    #[test]
    fn neither_a_tree_nor_a_large_message_closes_it() {
        let queue = Queue::new(8);
        queue.push("a tree of many bytes".into(), Some(Latest::Tree));
        queue.push("another tree of many bytes".into(), Some(Latest::Tree));
        queue.push("a large message".into(), None);
        queue.push("1".into(), None);
        assert_eq!(queue.waiting.lock().bytes, 3);
        let expected = ["another tree of many bytes", "a large message", "1"];
        assert_eq!(texts(&queue), expected);
    }

    #[test]
    fn a_second_large_message_counts_whole() {
        let queue = Queue::new(8);
        queue.push("a large message".into(), None);
        queue.push("a tree that was asked for".into(), None);
        assert_eq!(queue.try_next(), Some(Err(Closed::Overflow)));

        let queue = Queue::new(8);
        queue.push("a large message".into(), None);
        assert!(queue.try_next().is_some());
        queue.push("the next large message".into(), None);
        assert_eq!(texts(&queue), ["the next large message"]);
    }

    #[test]
    fn finishing_lets_what_waits_be_taken() {
        let queue = Queue::new(10);
        queue.push("a".into(), None);
        queue.finish();
        queue.push("b".into(), None);
        assert_eq!(queue.try_next(), Some(Ok("a".into())));
        assert_eq!(queue.try_next(), Some(Err(Closed::Gone)));
    }

    #[tokio::test]
    async fn waiting_for_room_ends_when_half_is_free_or_the_queue_closes() {
        let queue = Queue::new(8);
        let fill = || {
            for text in ["12", "34", "56"] {
                queue.push(text.into(), None);
            }
        };
        fill();
        let waiter = tokio::spawn({
            let queue = queue.clone();
            async move { queue.room().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        assert!(queue.try_next().is_some());
        assert_eq!(waiter.await.expect("it ends"), Ok(()));
        texts(&queue);
        fill();
        queue.close();
        assert_eq!(queue.room().await, Err(Closed::Gone));
    }
}
