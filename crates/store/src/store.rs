//! [`Store`]: the handle that everybody holds.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use parking_lot::{Mutex, RwLock};
use rusqlite_migration::Migrations;
use tokio::sync::{broadcast, oneshot};

use crate::mailbox::{Mailbox, Patience};
use crate::outbox::{self, Cursor, Push, Stream};
use crate::pool::Pool;
use crate::timeline::{Entry, TimelineEntry};
use crate::writer::{Job, Message, Observation, Seat, Writer};
use crate::{Config, OpenError, Reader, StoreError, Synchronous, Unit, open, room, schema, time};

/// Told of pushes once they are committed; see [`Store::on_push`].
pub type PushListener = Box<dyn Fn(&[Arc<Push>]) + Send + Sync>;

/// The database of one data directory, seen from one project. Cheap to clone; the last clone that
/// goes closes it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    pool: Pool,
    seat: Arc<Seat>,
    thread: Mutex<Option<JoinHandle<()>>>,
    synchronous: Synchronous,
}

/// What the writer and the handles share.
pub(crate) struct Shared {
    pub(crate) stream: String,
    pub(crate) stream_id: i64,
    /// The number of the last committed push.
    pub(crate) head: AtomicU64,
    /// The oldest number that can be replayed.
    pub(crate) oldest: AtomicU64,
    pub(crate) listeners: RwLock<Vec<PushListener>>,
    pub(crate) timeline: broadcast::Sender<Arc<TimelineEntry>>,
}

impl Store {
    /// Opens the database file at `path` for the project `project_dir` (the canonical path of its
    /// folder), or makes it. The folder must exist. Nothing is changed if it fails.
    pub fn open(path: &Path, project_dir: &str, config: Config) -> Result<Self, OpenError> {
        Self::open_with(path, project_dir, config, &schema::migrations())
    }

    pub(crate) fn open_with(
        path: &Path,
        project_dir: &str,
        config: Config,
        migrations: &Migrations<'_>,
    ) -> Result<Self, OpenError> {
        let failed = |error: StoreError| OpenError::from_store(path, config.busy_timeout, error);
        let conn = open::open(path, &config, migrations)?;
        let stream = outbox::stream(&conn, project_dir).map_err(|error| failed(error.into()))?;
        let Stream {
            id,
            stream,
            head,
            bytes,
            oldest,
        } = stream;
        let shared = Arc::new(Shared {
            stream,
            stream_id: id,
            head: AtomicU64::new(head),
            oldest: AtomicU64::new(oldest),
            listeners: RwLock::default(),
            timeline: broadcast::Sender::new(config.timeline_capacity),
        });
        let pool = Pool::new(
            path.to_owned(),
            config.read_connections,
            config.busy_timeout,
        );
        let mailbox = Mailbox::new(Patience {
            group_max: config.group_max,
            delay: config.observation_delay,
        });
        let writer = Writer::new(conn, shared.clone(), config.clone(), head, bytes);
        let seat = Arc::new(Seat::new(writer, mailbox));
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn({
                let seat = seat.clone();
                move || seat.run()
            })
            .map_err(|error| {
                failed(StoreError::Io {
                    detail: error.to_string(),
                })
            })?;
        Ok(Self(Arc::new(Inner {
            shared,
            pool,
            seat,
            thread: Mutex::new(Some(thread)),
            synchronous: config.synchronous,
        })))
    }

    /// The stream of this database and project, and the number of its last committed push.
    ///
    /// It is never behind what a listener of [`on_push`](Self::on_push) was told: who first listens
    /// and then asks for the cursor misses nothing, and may be told once more of what the cursor
    /// counts already.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            stream: self.0.shared.stream.clone(),
            seq: self.0.shared.head.load(Ordering::Acquire),
        }
    }

    /// Runs a unit of work on the writer thread and answers after its transaction was committed.
    ///
    /// An `Err` of `work` undoes the unit's changes and comes back as it is. A panic undoes them and
    /// comes back as [`StoreError::Panicked`]. If the commit fails, every unit of its group is told.
    /// A unit that was handed over runs even if the future is dropped.
    pub async fn commit<T, E>(
        &self,
        work: impl FnOnce(&mut Unit<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.send(Message::Work(Job::boxed(work, |result| {
            // Who no longer waits needs no answer.
            let _ = answer.send(result);
        })))?;
        match answered.await {
            Ok(result) => result,
            Err(_) => Err(StoreError::Closed.into()),
        }
    }

    /// The same for a thread that may wait for the disk, on which the unit runs when nothing else is
    /// being written: that is the fastest. Never call it from async code, from a unit or from a
    /// listener.
    pub fn commit_blocking<T, E>(
        &self,
        work: impl FnOnce(&mut Unit<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = mpsc::sync_channel(1);
        let message = Message::Work(Job::boxed(work, move |result| {
            let _ = answer.send(result);
        }));
        if !self.0.seat.write_here(message) {
            return Err(StoreError::Closed.into());
        }
        match answered.recv() {
            Ok(result) => result,
            Err(_) => Err(StoreError::Closed.into()),
        }
    }

    /// Puts an observation on the timeline, written behind: within
    /// [`Config::observation_delay`] or with the next commit, whichever is first. Never waits for
    /// the disk. One that cannot be written is reported in the log.
    pub fn observe(&self, scope: Option<u32>, entry: Entry) {
        let observation = Observation {
            scope,
            entry,
            at: time::now(),
        };
        if let Err(error) = self.send(Message::Observe(observation)) {
            tracing::debug!(%error, "An observation came after the store was closed.");
        }
    }

    /// Runs a unit that nobody waits for: it is handed over before this returns, so that every later
    /// unit sees what it did, and written behind like an observation. A failure goes to the log,
    /// where `what` says what could not be written.
    pub fn write_behind<E>(
        &self,
        what: &'static str,
        work: impl FnOnce(&mut Unit<'_>) -> Result<(), E> + Send + 'static,
    ) where
        E: From<StoreError> + std::fmt::Display + Send + 'static,
    {
        let told = move |result: Result<(), E>| {
            if let Err(error) = result {
                tracing::warn!(%error, what, "Something could not be written down.");
            }
        };
        if let Err(error) = self.send(Message::Later(Job::boxed(work, told))) {
            tracing::debug!(%error, what, "Something came after the store was closed.");
        }
    }

    /// Returns when everything that was to be written behind has been written.
    pub async fn observed(&self) {
        let (answer, answered) = oneshot::channel();
        if self.send(Message::Barrier(answer)).is_ok() {
            let _ = answered.await;
        }
    }

    /// Lends a connection to `look`; each statement sees what was last committed. It runs in place
    /// and is quick for small reads, so that async code may call it directly; long ones belong on a
    /// blocking thread.
    pub fn read<T>(
        &self,
        look: impl FnOnce(&Reader<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.0.pool.read(look)
    }

    /// The same, and all that `look` sees is of one moment.
    pub fn snapshot<T>(
        &self,
        look: impl FnOnce(&Reader<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.0.pool.snapshot(look)
    }

    /// The timeline from now on, each entry after its commit, in order. Who lags behind by more than
    /// [`Config::timeline_capacity`] is told how many it missed.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<TimelineEntry>> {
        self.0.shared.timeline.subscribe()
    }

    /// Calls `listener` with the pushes of every transaction from now on: on the thread that wrote
    /// them, after the commit, in the order of `seq`, and **before** the callers of
    /// [`commit`](Self::commit) are answered. It must be quick and must not wait for anything; all
    /// that it delays is the next commit.
    pub fn on_push(&self, listener: PushListener) {
        self.0.shared.listeners.write().push(listener);
    }

    /// The pushes with `after < seq <= up_to`, at most `limit`, in order; the expired ones too, so
    /// that the numbers have no gap. Starts later than asked if the beginning was pruned: compare
    /// with [`outbox_oldest`](Self::outbox_oldest).
    pub fn outbox(
        &self,
        after: u64,
        up_to: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Push>>, StoreError> {
        let stream_id = self.0.shared.stream_id;
        self.read(|reader| outbox::replay(reader, stream_id, after, up_to, limit))
    }

    /// Where the pushes of a time are: the number before the first that is kept, and that of the last;
    /// twice the same when there is none. Without an end it goes on to the cursor.
    pub fn outbox_between(&self, from: &str, to: Option<&str>) -> Result<(u64, u64), StoreError> {
        let stream_id = self.0.shared.stream_id;
        self.read(|reader| outbox::between(reader, stream_id, from, to))
    }

    /// The oldest number that is kept; one more than the cursor's when none is. A client whose last
    /// number is smaller than this minus one is too far behind to be replayed to.
    pub fn outbox_oldest(&self) -> u64 {
        self.0.shared.oldest.load(Ordering::Acquire)
    }

    /// Makes commits faster, by some megabytes of disk that they can write over. Takes milliseconds of
    /// waiting for the disk, in which others can read and commit. Does nothing where commits do not
    /// wait for the disk.
    pub fn make_room(&self) {
        if self.0.synchronous == Synchronous::Off {
            return;
        }
        if let Err(error) = room::make(self.0.pool.path()) {
            tracing::warn!(%error, "The log of the database could not be lengthened, so that commits take longer.");
        }
    }

    /// Writes what was handed over, tidies up and closes the file. Blocks until that is done; a
    /// second call does nothing. Whatever comes later gets [`StoreError::Closed`].
    pub fn close(&self) {
        self.0.close();
    }

    fn send(&self, message: Message) -> Result<(), StoreError> {
        let taken = self.0.seat.mailbox.push(message);
        taken.then_some(()).ok_or(StoreError::Closed)
    }
}

impl Inner {
    fn close(&self) {
        // The readers first: the last connection to go can then empty the log.
        self.pool.close();
        self.seat.mailbox.close();
        let thread = self.thread.lock().take();
        if let Some(thread) = thread
            // The last handle may have been owned by a unit or a listener.
            && thread.thread().id() != thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("The writer thread of the store had ended with a panic.");
        }
        self.shared.listeners.write().clear();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("cursor", &self.cursor())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
