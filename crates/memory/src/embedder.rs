//! [`Model`]: the embedding model, loaded at its first use and dropped when nobody needs it.
//!
//! Where a model comes from is a [`Source`]; the real one reads three files from a folder. When they
//! are missing they are fetched in the background, and whoever asked does without meanwhile.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify, OwnedMutexGuard, watch};
use tokio::task::{AbortHandle, spawn_blocking};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::fetch::Fetch;
use crate::vector;

/// The longest pause between two attempts to get the model.
const MAX_PAUSE: Duration = Duration::from_secs(60 * 60);

/// Turns texts into vectors, such that texts of similar meaning have vectors of similar direction.
pub trait Embedder: Send {
    /// One vector for each text, all of one length, in the order of the texts. Blocks.
    ///
    /// # Errors
    /// A sentence; the model is then dropped and loaded anew at its next use.
    fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, String>;
}

/// Where an [`Embedder`] comes from.
pub trait Source: Send + Sync + 'static {
    /// Names the model and what is done with it: vectors of the same name can be compared.
    fn name(&self) -> &str;

    /// Loads the model. Blocks.
    ///
    /// # Errors
    /// See [`EmbedError`].
    fn load(&self) -> Result<Box<dyn Embedder>, EmbedError>;
}

/// Why there is no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    /// Its files are not there.
    #[error("{0}")]
    Missing(String),
    /// They are there and cannot be used.
    #[error("{0}")]
    Broken(String),
}

/// How the embedding model is, for people to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelState {
    /// Nobody has needed it yet, or nobody has for so long that it was dropped.
    Resting,
    /// Its files are being downloaded.
    Downloading {
        /// Bytes of all files that are here.
        received: u64,
        /// Bytes of all files.
        total: u64,
    },
    /// It is in use.
    Ready,
    /// It could not be got or used; it is tried again later.
    Failed {
        /// Why, and what helps, in whole sentences.
        message: String,
    },
}

/// The model with everything about its life. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Model {
    source: Arc<dyn Source>,
    slot: Arc<Mutex<Slot>>,
    fetch: Option<Arc<Fetch>>,
    /// Rung when the files of the model have come.
    arrived: Arc<Notify>,
    state: watch::Sender<ModelState>,
    idle: Duration,
    retry_after: Duration,
}

#[derive(Default)]
struct Slot {
    embedder: Option<Box<dyn Embedder>>,
    last_use: Option<Instant>,
    /// Drops the embedder when nobody has used it for long.
    dropper: Option<AbortHandle>,
    /// Failures in a row, and until when the model is not tried again.
    failures: u32,
    rests_until: Option<Instant>,
    trouble: String,
    /// Fetches the model's files.
    fetcher: Option<AbortHandle>,
    /// Whether the files were seen to be the right ones, so that fetching them again is no help.
    verified: bool,
}

impl Slot {
    fn stop(&mut self) {
        self.embedder = None;
        let tasks = [self.dropper.take(), self.fetcher.take()];
        tasks.into_iter().flatten().for_each(|task| task.abort());
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Model {
    pub(crate) fn new(
        source: Arc<dyn Source>,
        fetch: Option<Fetch>,
        idle: Duration,
        retry_after: Duration,
    ) -> Self {
        Self {
            source,
            slot: Arc::default(),
            fetch: fetch.map(Arc::new),
            arrived: Arc::default(),
            state: watch::Sender::new(ModelState::Resting),
            idle,
            retry_after,
        }
    }

    /// The name that vectors of this model are kept under.
    pub(crate) fn name(&self) -> String {
        self.source.name().to_owned()
    }

    /// How it is, now and later.
    pub(crate) fn state(&self) -> watch::Receiver<ModelState> {
        self.state.subscribe()
    }

    /// Waits until the files of the model have come, or until that has failed.
    pub(crate) async fn arrival(&self) {
        self.arrived.notified().await;
    }

    /// Unit vectors of the texts, or a sentence that says why there are none before `deadline`. What
    /// was begun then goes on, so that the next one finds the model loaded.
    pub(crate) async fn embed(
        &self,
        texts: Vec<String>,
        deadline: Instant,
    ) -> Result<Vec<Vec<f32>>, String> {
        const BUSY: &str = "The embedding model is still being loaded or busy.";
        let slot = timeout_at(deadline, self.slot.clone().lock_owned()).await;
        let slot = slot.map_err(|_| BUSY.to_owned())?;
        if slot.embedder.is_none() {
            if slot.fetcher.is_some() {
                return Err(self.downloading());
            }
            if slot.rests_until.is_some_and(|until| until > Instant::now()) {
                return Err(slot.trouble.clone());
            }
        }
        let model = self.clone();
        let work = spawn_blocking(move || model.work(slot, &texts));
        match timeout_at(deadline, work).await {
            Err(_) => Err(BUSY.to_owned()),
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(format!("The embedding model failed ({panic}).")),
        }
    }

    /// Loads the model where it is not and embeds.
    fn work(
        &self,
        mut slot: OwnedMutexGuard<Slot>,
        texts: &[String],
    ) -> Result<Vec<Vec<f32>>, String> {
        // Taken out, so that a panic does not leave a broken one behind.
        let embedder = match slot.embedder.take() {
            Some(embedder) => embedder,
            None => match self.source.load() {
                Ok(embedder) => embedder,
                Err(error) => return Err(self.lacking(&mut slot, &error)),
            },
        };
        let vectors = embedder.embed(texts).and_then(|vectors| {
            let units: Vec<_> = vectors.into_iter().filter_map(vector::unit).collect();
            if units.len() == texts.len() {
                Ok(units)
            } else {
                Err("The embedding model gave no usable vector.".to_owned())
            }
        });
        match vectors {
            Ok(units) => {
                slot.embedder = Some(embedder);
                slot.failures = 0;
                slot.last_use = Some(Instant::now());
                self.say(ModelState::Ready);
                self.drop_when_idle(&mut slot);
                Ok(units)
            }
            Err(message) => Err(self.fail(&mut slot, message)),
        }
    }

    /// There is no model: it is fetched if it may be.
    fn lacking(&self, slot: &mut Slot, error: &EmbedError) -> String {
        let no_help = slot.verified && matches!(error, EmbedError::Broken(_));
        let Some(fetch) = self.fetch.clone().filter(|_| !no_help) else {
            return self.fail(slot, error.to_string());
        };
        let total = fetch.total();
        self.say(ModelState::Downloading { received: 0, total });
        tracing::info!(
            megabytes = total >> 20,
            "The embedding model is being downloaded."
        );
        let model = self.clone();
        let task = tokio::spawn(async move {
            let told = |received| model.say(ModelState::Downloading { received, total });
            let result = fetch.run(told).await;
            let mut slot = model.slot.lock().await;
            slot.fetcher = None;
            match result {
                Ok(()) => {
                    slot.verified = true;
                    slot.rests_until = None;
                    model.say(ModelState::Resting);
                    tracing::info!("The embedding model was downloaded.");
                }
                Err(message) => _ = model.fail(&mut slot, message),
            }
            drop(slot);
            model.arrived.notify_one();
        });
        slot.fetcher = Some(task.abort_handle());
        self.downloading()
    }

    /// Notes a failure: the next attempts fail at once until the pause is over.
    fn fail(&self, slot: &mut Slot, message: String) -> String {
        let pause = self
            .retry_after
            .saturating_mul(2_u32.saturating_pow(slot.failures))
            .min(MAX_PAUSE);
        slot.failures += 1;
        slot.rests_until = Some(Instant::now() + pause);
        slot.trouble.clone_from(&message);
        tracing::warn!(
            seconds = pause.as_secs(),
            "The embedding model cannot be used and is tried again later. {message}"
        );
        self.say(ModelState::Failed {
            message: message.clone(),
        });
        message
    }

    fn downloading(&self) -> String {
        match &*self.state.borrow() {
            ModelState::Downloading { received, total } => format!(
                "The embedding model is being downloaded ({} of {} MB).",
                received / 1_000_000,
                total / 1_000_000
            ),
            _ => "The embedding model is being downloaded.".to_owned(),
        }
    }

    fn say(&self, state: ModelState) {
        self.state.send_if_modified(|old| {
            let new = *old != state;
            *old = state;
            new
        });
    }

    fn drop_when_idle(&self, slot: &mut Slot) {
        if slot
            .dropper
            .as_ref()
            .is_some_and(|task| !task.is_finished())
        {
            return;
        }
        let (weak, idle, state) = (Arc::downgrade(&self.slot), self.idle, self.state.clone());
        let task = tokio::spawn(async move {
            let mut until = Instant::now() + idle;
            loop {
                sleep_until(until).await;
                let Some(slot) = weak.upgrade() else { return };
                let mut slot = slot.lock().await;
                match slot.last_use.map(|last| last + idle) {
                    Some(later) if later > Instant::now() => until = later,
                    _ => {
                        slot.embedder = None;
                        slot.dropper = None;
                        _ = state.send_replace(ModelState::Resting);
                        return;
                    }
                }
            }
        });
        slot.dropper = Some(task.abort_handle());
    }

    /// Stops what goes on in the background.
    pub(crate) async fn close(&self) {
        self.slot.lock().await.stop();
    }
}

#[cfg(test)]
mod tests;
