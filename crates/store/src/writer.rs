//! The writer: the only one that changes the database, one transaction for all who wait. It has a
//! thread; while that sleeps, a caller who may wait for the disk lends its own, which saves two changes
//! of thread.

use std::any::Any;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::mailbox::{Mailbox, Next};
use crate::outbox;
use crate::store::Shared;
use crate::time::Clock;
use crate::unit::Effects;
use crate::{Config, Entry, StoreError, Unit};

/// How long nothing must happen before the writer tidies up.
const QUIET: Duration = Duration::from_secs(1);

/// How long tidying up at the close waits for a lock that another process holds.
const CLOSING: Duration = Duration::from_millis(200);

/// What the writer can be asked.
pub(crate) enum Message {
    /// Run a unit.
    Work(Box<dyn Work>),
    /// Write this when there is company or it gets late.
    Observe(Observation),
    /// Run a unit when there is company or it gets late.
    Later(Box<dyn Work>),
    /// Answer when everything before it is written.
    Barrier(oneshot::Sender<()>),
}

impl Message {
    /// Whether somebody waits for it.
    pub(crate) fn is_awaited(&self) -> bool {
        matches!(self, Self::Work(_) | Self::Barrier(_))
    }
}

/// An entry of the timeline that nobody waits for.
pub(crate) struct Observation {
    pub(crate) scope: Option<u32>,
    pub(crate) entry: Entry,
    pub(crate) at: String,
}

/// A unit of work whose types are forgotten.
pub(crate) trait Work: Send {
    /// Runs it and says whether its changes are to be kept.
    fn run(&mut self, unit: &mut Unit<'_>) -> bool;
    /// Tells the caller how it went. `failure` is what happened to changes that were to be kept, or
    /// to a unit that did not run to its end.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

/// The one kind of [`Work`].
pub(crate) struct Job<T, E, W, A> {
    work: Option<W>,
    result: Option<Result<T, E>>,
    answer: A,
}

impl<T, E, W, A> Job<T, E, W, A>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    W: FnOnce(&mut Unit<'_>) -> Result<T, E> + Send + 'static,
    A: FnOnce(Result<T, E>) + Send + 'static,
{
    pub(crate) fn boxed(work: W, answer: A) -> Box<dyn Work> {
        Box::new(Self {
            work: Some(work),
            result: None,
            answer,
        })
    }
}

impl<T, E, W, A> Work for Job<T, E, W, A>
where
    T: Send,
    E: From<StoreError> + Send,
    W: FnOnce(&mut Unit<'_>) -> Result<T, E> + Send,
    A: FnOnce(Result<T, E>) + Send,
{
    fn run(&mut self, unit: &mut Unit<'_>) -> bool {
        self.result = self.work.take().map(|work| work(unit));
        matches!(self.result, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, failure: Option<StoreError>) {
        let result = match (self.result, failure) {
            (Some(Err(own)), _) => Err(own),
            (_, Some(failure)) => Err(failure.into()),
            (Some(Ok(value)), None) => Ok(value),
            // Every unit runs before it is answered without a failure.
            (None, None) => Err(StoreError::Closed.into()),
        };
        (self.answer)(result);
    }
}

pub(crate) struct Writer {
    conn: Connection,
    shared: Arc<Shared>,
    config: Config,
    clock: Clock,
    effects: Effects,
    /// Whether the outbox was not looked at since something was pushed.
    untidy: bool,
}

impl Writer {
    pub(crate) fn new(
        conn: Connection,
        shared: Arc<Shared>,
        config: Config,
        head: u64,
        bytes: u64,
    ) -> Self {
        let effects = Effects {
            head,
            bytes,
            ..Effects::default()
        };
        Self {
            conn,
            shared,
            config,
            clock: Clock::default(),
            effects,
            untidy: true,
        }
    }

    /// Writes a batch. One transaction, unless SQLite throws one away in its midst.
    fn write(&mut self, batch: Vec<Message>, mailbox: &Mailbox) {
        let mut waiting = batch.into_iter();
        while waiting.len() > 0 {
            self.transaction(&mut waiting);
        }
        // A flood leaves no quiet second, so the outbox's size is also looked at here.
        if self.effects.bytes > self.config.outbox_max_bytes.saturating_mul(5) / 4 {
            self.tidy();
            while self.untidy && self.effects.bytes > self.config.outbox_max_bytes {
                self.tidy();
            }
        }
        if self.untidy {
            mailbox.untidy();
        }
    }

    fn transaction(&mut self, waiting: &mut std::vec::IntoIter<Message>) {
        let before = self.effects.mark();
        let alone = waiting.len() == 1;
        let mut done = Vec::with_capacity(waiting.len());
        let outcome = match self.statement("BEGIN IMMEDIATE") {
            Ok(()) => self.run_all(waiting, alone, &mut done).and_then(|()| {
                match self.conn.is_autocommit() {
                    // The only unit was not to be kept.
                    true => Ok(()),
                    false => self.statement("COMMIT"),
                }
            }),
            Err(error) => {
                done.extend(waiting.map(Done::unrun));
                Err(error)
            }
        };
        match outcome {
            Ok(()) => self.publish(),
            Err(error) => {
                // The transaction is gone, or has to go.
                if !self.conn.is_autocommit()
                    && let Err(error) = self.conn.execute_batch("ROLLBACK")
                {
                    tracing::error!(%error, "A transaction could not be rolled back.");
                }
                self.effects.back_to(before);
                let lost = done
                    .iter()
                    .filter(|done| matches!(done, Done::Observation))
                    .count();
                tracing::error!(%error, observations_lost = lost, "A transaction failed.");
                for done in done {
                    done.answer(Some(error.clone()));
                }
                return;
            }
        }
        for done in done {
            done.answer(None);
        }
    }

    /// Runs all that waits, each in a savepoint but for one that is `alone`. An error means that the transaction is lost; what
    /// was not reached still waits.
    fn run_all(
        &mut self,
        waiting: &mut std::vec::IntoIter<Message>,
        alone: bool,
        done: &mut Vec<Done>,
    ) -> Result<(), StoreError> {
        for message in waiting {
            match message {
                Message::Work(work) | Message::Later(work) => self.run_unit(work, alone, done)?,
                Message::Observe(observation) => {
                    done.push(Done::Observation);
                    self.write_observation(observation)?;
                }
                Message::Barrier(answer) => done.push(Done::Barrier(answer)),
            }
        }
        Ok(())
    }

    fn run_unit(
        &mut self,
        mut work: Box<dyn Work>,
        alone: bool,
        done: &mut Vec<Done>,
    ) -> Result<(), StoreError> {
        let mark = self.effects.mark();
        self.effects.trouble = None;
        if !alone && let Err(error) = self.statement("SAVEPOINT unit") {
            done.push(Done::Work(work, None));
            return Err(error);
        }
        let now = self.clock.now();
        let mut unit = Unit::new(&self.conn, self.shared.stream_id, now, &mut self.effects);
        let ran = catch_unwind(AssertUnwindSafe(|| work.run(&mut unit)));
        let (keep, failure) = match ran {
            Ok(keep) => (keep, None),
            Err(panic) => {
                let message = panic_message(&*panic);
                tracing::error!(message, "A unit of work panicked and was undone.");
                (false, Some(StoreError::Panicked { message }))
            }
        };
        done.push(Done::Work(work, failure));
        if self.conn.is_autocommit() {
            // Some errors, such as a full disk, end the whole transaction and not only a statement.
            return Err(self.effects.trouble.take().unwrap_or_else(|| {
                StoreError::Sql("the transaction ended while a unit ran".to_owned())
            }));
        }
        if !keep {
            self.effects.back_to(mark);
        }
        match (keep, alone) {
            (true, true) => Ok(()),
            (false, true) => self.statement("ROLLBACK"),
            (true, false) => self.statement("RELEASE unit"),
            (false, false) => {
                self.statement("ROLLBACK TO unit")?;
                self.statement("RELEASE unit")
            }
        }
    }

    /// A statement that fails is undone by itself, so an observation needs no savepoint.
    fn write_observation(&mut self, observation: Observation) -> Result<(), StoreError> {
        let Observation { scope, entry, at } = observation;
        let kind = entry.kind.clone();
        let at = if at.as_str() < self.clock.last() {
            self.clock.last().to_owned()
        } else {
            at
        };
        let mut unit = Unit::new(&self.conn, self.shared.stream_id, "", &mut self.effects);
        match unit.log_at(scope, entry, at) {
            Err(error) if self.conn.is_autocommit() => Err(error),
            Err(error) => {
                tracing::error!(%error, %kind, scope, "An observation could not be written.");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    /// Tells everybody who listens what has become true.
    fn publish(&mut self) {
        let pushes = mem::take(&mut self.effects.pushes);
        if !pushes.is_empty() {
            self.untidy = true;
            self.shared.head.store(self.effects.head, Ordering::Release);
            for listener in self.shared.listeners.read().iter() {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| listener(&pushes))) {
                    let message = panic_message(&*panic);
                    tracing::error!(message, "A listener of the outbox panicked.");
                }
            }
        }
        for entry in self.effects.entries.drain(..) {
            // Without subscribers nobody needs to be told.
            let _ = self.shared.timeline.send(entry);
        }
    }

    fn statement(&self, sql: &str) -> Result<(), StoreError> {
        self.conn.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// Takes from the outbox what is too old or too much. The streams of other projects are looked
    /// at as well: they have no writer now, and grow old all the same.
    fn tidy(&mut self) {
        self.untidy = false;
        if let Err(error) = self.prune() {
            tracing::warn!(%error, "The outbox could not be pruned.");
        }
    }

    fn prune(&mut self) -> rusqlite::Result<()> {
        for stream_id in outbox::streams(&self.conn)? {
            let pruned = outbox::prune(
                &self.conn,
                stream_id,
                self.config.outbox_keep,
                self.config.outbox_max_bytes,
                chrono::Utc::now().timestamp_millis(),
            )?;
            self.untidy |= pruned.more;
            if stream_id == self.shared.stream_id {
                self.effects.bytes = pruned.bytes;
                self.shared.oldest.store(pruned.oldest, Ordering::Release);
            }
        }
        Ok(())
    }

    fn end(self) {
        // Whoever else reads the file must not hold the stop up: what stays in the log is read anew.
        if let Err(error) = self.conn.busy_timeout(CLOSING) {
            tracing::debug!(%error, "The time to wait for a lock stays as it is.");
        }
        for sql in ["PRAGMA optimize", "PRAGMA wal_checkpoint(TRUNCATE)"] {
            if let Err(error) = self.conn.execute_batch(sql) {
                tracing::warn!(%error, sql, "The database could not be tidied up at its close.");
            }
        }
        if let Err((_, error)) = self.conn.close() {
            tracing::warn!(%error, "The database could not be closed.");
        }
    }
}

/// The writer, for whoever is to write next; none any more once the store is closed.
pub(crate) struct Seat {
    writer: Mutex<Option<Writer>>,
    pub(crate) mailbox: Mailbox,
}

impl Seat {
    pub(crate) fn new(writer: Writer, mailbox: Mailbox) -> Self {
        mailbox.untidy();
        Self {
            writer: Mutex::new(Some(writer)),
            mailbox,
        }
    }

    /// What the writer's thread does, until the mailbox is closed.
    pub(crate) fn run(&self) {
        loop {
            match self.mailbox.next(QUIET) {
                Next::Write(batch) => self.write(&mut self.writer.lock(), batch),
                Next::Quiet => {
                    if let Some(writer) = &mut *self.writer.lock() {
                        writer.tidy();
                        if writer.untidy {
                            self.mailbox.untidy();
                        }
                    }
                }
                Next::End(batch) => {
                    let mut writer = self.writer.lock();
                    self.write(&mut writer, batch);
                    if let Some(writer) = writer.take() {
                        writer.end();
                    }
                    self.mailbox.hang_up();
                    return;
                }
            }
        }
    }

    /// Writes `message` on the caller's thread if nobody else is at it, or has it written.
    pub(crate) fn write_here(&self, message: Message) -> bool {
        let mut message = message;
        if let Some(mut writer) = self.writer.try_lock() {
            match self.mailbox.take_with(message) {
                Ok(batch) => {
                    self.write(&mut writer, batch);
                    return true;
                }
                Err(back) => message = back,
            }
        }
        self.mailbox.push(message)
    }

    /// Writes a batch. If that panics, which is a mistake of ours and not of a unit, nobody may write
    /// any more, and nobody waits for it.
    fn write(&self, writer: &mut Option<Writer>, batch: Vec<Message>) {
        let hang_up = HangUp(&self.mailbox);
        if let Some(mut writing) = writer.take() {
            writing.write(batch, &self.mailbox);
            *writer = Some(writing);
        }
        mem::forget(hang_up);
    }
}

/// Lets nobody wait for a writer that is gone.
struct HangUp<'a>(&'a Mailbox);

impl Drop for HangUp<'_> {
    fn drop(&mut self) {
        self.0.hang_up();
    }
}

/// What was run in a transaction that is not yet committed.
enum Done {
    /// A unit, and what went wrong in it if it did not run to its end.
    Work(Box<dyn Work>, Option<StoreError>),
    Observation,
    Barrier(oneshot::Sender<()>),
}

impl Done {
    fn unrun(message: Message) -> Self {
        match message {
            Message::Work(work) | Message::Later(work) => Self::Work(work, None),
            Message::Observe(_) => Self::Observation,
            Message::Barrier(answer) => Self::Barrier(answer),
        }
    }

    fn answer(self, failure: Option<StoreError>) {
        match self {
            Self::Work(work, own) => work.answer(own.or(failure)),
            Self::Barrier(answer) => {
                let _ = answer.send(());
            }
            Self::Observation => {}
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
