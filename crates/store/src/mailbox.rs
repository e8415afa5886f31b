//! [`Mailbox`]: what waits for the writer thread, in the order in which it came.
//!
//! A channel would wake the thread for every observation. Here it is woken by what somebody waits
//! for; what is written behind only sets the time at which the thread looks.

use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::writer::Message;

/// How the writer waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// The most messages of one batch.
    pub(crate) group_max: usize,
    /// How long an observation waits for company.
    pub(crate) delay: Duration,
}

/// What the writer is to do next.
pub(crate) enum Next {
    /// Write these.
    Write(Vec<Message>),
    /// Nothing came for as long as was asked.
    Quiet,
    /// Write these, and end.
    End(Vec<Message>),
}

/// What waits for the writer thread.
pub(crate) struct Mailbox {
    patience: Patience,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Message>,
    /// How many of them somebody waits for.
    urgent: usize,
    /// When the oldest of the others must be written.
    due: Option<Instant>,
    sleep: Sleep,
    closed: bool,
}

/// What it takes to wake the writer.
#[derive(Default, PartialEq, Eq)]
enum Sleep {
    /// It is at work and looks by itself.
    #[default]
    Awake,
    /// Something that somebody waits for: it has set its alarm for the rest.
    Light,
    /// Anything.
    Deep,
}

impl Mailbox {
    pub(crate) fn new(patience: Patience) -> Self {
        Self {
            patience,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Adds a message; says whether it was taken, which it is until the mailbox is closed.
    pub(crate) fn push(&self, message: Message) -> bool {
        let mut state = self.state.lock();
        if state.closed {
            return false;
        }
        let urgent = message.is_awaited();
        if urgent {
            state.urgent += 1;
        } else {
            let delay = self.patience.delay;
            state.due.get_or_insert_with(|| Instant::now() + delay);
        }
        state.waiting.push_back(message);
        let full = state.waiting.len() >= self.patience.group_max;
        let wake = match state.sleep {
            Sleep::Awake => false,
            Sleep::Light => urgent || full,
            Sleep::Deep => true,
        };
        if wake {
            state.sleep = Sleep::Awake;
            drop(state);
            self.changed.notify_one();
        }
        true
    }

    /// Takes no more; what waits is the writer's last batch.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_one();
    }

    /// The writer is gone: who waits is told so by the loss of what would have answered.
    pub(crate) fn hang_up(&self) {
        let left = {
            let mut state = self.state.lock();
            state.closed = true;
            mem::take(&mut state.waiting)
        };
        drop(left);
    }

    /// Waits for what is to be written next; with `quiet` also for that much time in which nothing
    /// comes.
    pub(crate) fn next(&self, quiet: Option<Duration>) -> Next {
        let until_quiet = quiet.map(|quiet| Instant::now() + quiet);
        let mut state = self.state.lock();
        loop {
            if state.closed {
                return Next::End(mem::take(&mut state.waiting).into());
            }
            let late = state.due.is_some_and(|due| due <= Instant::now());
            if state.urgent > 0 || late || state.waiting.len() >= self.patience.group_max {
                return Next::Write(state.take(self.patience.group_max));
            }
            state.sleep = match state.due {
                Some(_) => Sleep::Light,
                None => Sleep::Deep,
            };
            let timed_out = match state.due.or(until_quiet) {
                Some(end) => self.changed.wait_until(&mut state, end).timed_out(),
                None => {
                    self.changed.wait(&mut state);
                    false
                }
            };
            state.sleep = Sleep::Awake;
            if timed_out && state.waiting.is_empty() && !state.closed {
                return Next::Quiet;
            }
        }
    }
}

impl State {
    /// At most so many messages; what is left is due at once.
    fn take(&mut self, most: usize) -> Vec<Message> {
        let count = self.waiting.len().min(most);
        let batch: Vec<_> = self.waiting.drain(..count).collect();
        self.urgent -= batch.iter().filter(|message| message.is_awaited()).count();
        self.due = (!self.waiting.is_empty()).then(Instant::now);
        batch
    }
}
