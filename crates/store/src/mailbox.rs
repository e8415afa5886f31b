//! [`Mailbox`]: what waits for the writer, in the order in which it came.
//!
//! A channel would wake the writer's thread for every observation. Here it is woken by what somebody
//! waits for; what is written behind only sets the time at which the thread looks. While it sleeps, a
//! thread that may wait for the disk can take what there is and write it itself.

use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

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

/// What waits for the writer.
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
    /// Something was written after which there may be something to tidy up.
    untidy: bool,
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
        state.add(message, self.patience.delay);
        let full = state.waiting.len() >= self.patience.group_max;
        let wake = match state.sleep {
            Sleep::Awake => false,
            Sleep::Light => urgent || full,
            Sleep::Deep => true,
        };
        if wake {
            self.wake(state);
        }
        true
    }

    /// Lets a caller who holds the writer write `message` and all that waited before it, while the
    /// thread sleeps. The message comes back when the thread is awake, for what it has taken comes
    /// first, or when the mailbox is closed.
    pub(crate) fn take_with(&self, message: Message) -> Result<Vec<Message>, Message> {
        let mut state = self.state.lock();
        if state.closed || state.sleep == Sleep::Awake {
            return Err(message);
        }
        state.add(message, self.patience.delay);
        Ok(state.take(usize::MAX))
    }

    /// Has the thread tidy up when nothing comes for a while.
    pub(crate) fn untidy(&self) {
        let mut state = self.state.lock();
        if !mem::replace(&mut state.untidy, true) && state.sleep != Sleep::Awake {
            self.wake(state);
        }
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        state.sleep = Sleep::Awake;
        drop(state);
        self.changed.notify_one();
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

    /// Waits for what is to be written next or, when there is something to tidy up, for a time
    /// `quiet` in which nothing comes.
    pub(crate) fn next(&self, quiet: Duration) -> Next {
        let mut state = self.state.lock();
        let mut until_quiet = None;
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
            if state.untidy {
                until_quiet.get_or_insert_with(|| Instant::now() + quiet);
            }
            match state.due.or(until_quiet) {
                Some(end) => {
                    self.changed.wait_until(&mut state, end);
                }
                None => self.changed.wait(&mut state),
            }
            state.sleep = Sleep::Awake;
            let is_quiet = until_quiet.is_some_and(|end| end <= Instant::now());
            if is_quiet && state.waiting.is_empty() && !state.closed {
                state.untidy = false;
                return Next::Quiet;
            }
        }
    }
}

impl State {
    fn add(&mut self, message: Message, delay: Duration) {
        if message.is_awaited() {
            self.urgent += 1;
        } else {
            self.due.get_or_insert_with(|| Instant::now() + delay);
        }
        self.waiting.push_back(message);
    }

    /// At most so many messages; what is left is due at once.
    fn take(&mut self, most: usize) -> Vec<Message> {
        let count = self.waiting.len().min(most);
        let batch: Vec<_> = self.waiting.drain(..count).collect();
        self.urgent -= batch.iter().filter(|message| message.is_awaited()).count();
        self.due = (!self.waiting.is_empty()).then(Instant::now);
        batch
    }
}
