//! [`Memory`]: the one interface over the record, the model and the Chroma server.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::{AbortHandle, spawn_blocking};
use tokio::time::{Duration, Instant, timeout, timeout_at};

use crate::chroma::Client;
use crate::config::{Config, Problem};
use crate::embedder::{Model, ModelState, Source};
use crate::error::MemoryError;
use crate::fetch::Fetch;
use crate::index::Index;
use crate::model::{
    Added, Entry, Export, Filter, Forget, Forgotten, NewMemory, Query, Recall, RecallBy, Recalled,
};
use crate::record::Record;

/// How many texts are embedded at once.
const BATCH: usize = 16;
/// How long work in the background may take for one batch.
const BATCH_PATIENCE: Duration = Duration::from_secs(60);
/// How long the model is waited for at the end.
const LAST_PATIENCE: Duration = Duration::from_millis(200);

/// What is remembered across sessions. Cheap to clone; all clones are one memory.
#[derive(Clone)]
pub struct Memory {
    inner: Arc<Inner>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("records", &self.inner.records)
            .field("index", &self.inner.index)
            .finish_non_exhaustive()
    }
}

struct Inner {
    records: Records,
    model: Model,
    index: Option<Index>,
    patience: Duration,
    /// Held by whoever embeds and indexes what is waiting for it.
    catching_up: Arc<tokio::sync::Mutex<()>>,
    background: Mutex<Vec<AbortHandle>>,
}

/// The record, off the reactor.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    record: Arc<Mutex<Option<Record>>>,
    id: Arc<str>,
}

/// What kept memories from being found by meaning.
#[derive(Debug, Default)]
struct Troubles {
    model: Option<String>,
    index: Option<String>,
}

impl Records {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    fn is_open(&self) -> bool {
        self.record.lock().is_some()
    }

    /// Does something with the record where blocking does no harm.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Record) -> Result<T, MemoryError> + Send + 'static,
    ) -> Result<T, MemoryError> {
        let record = Arc::clone(&self.record);
        let done = spawn_blocking(move || match &mut *record.lock() {
            Some(record) => work(record),
            None => Err(MemoryError::Closed),
        });
        done.await
            .unwrap_or_else(|panic| Err(MemoryError::Sql(panic.to_string())))
    }
}

impl Memory {
    /// Opens the record at `path`, and makes it if there is none. Loads no model; a Chroma server, if
    /// one is configured, is looked for in the background (spec: story 8, AC 5 and 6).
    ///
    /// # Errors
    /// When the settings are wrong, or the file cannot be opened, is damaged, of another program, or
    /// of a newer Paige.
    pub async fn open(path: &Path, config: Config) -> Result<Self, MemoryError> {
        let beside = path.parent().unwrap_or(Path::new("."));
        let (source, fetch) = local(beside, &config);
        Self::start(path, config, source, fetch).await
    }

    /// The same with a model of one's own, for tests and other models.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_with(
        path: &Path,
        config: Config,
        source: Arc<dyn Source>,
    ) -> Result<Self, MemoryError> {
        Self::start(path, config, source, None).await
    }

    async fn start(
        path: &Path,
        config: Config,
        source: Arc<dyn Source>,
        fetch: Option<Fetch>,
    ) -> Result<Self, MemoryError> {
        let problems = config.validate();
        if !problems.is_empty() {
            return Err(MemoryError::Config(problems));
        }
        let index = match &config.chroma_url {
            Some(url) => Some(Index::new(client(url, config.patience)?)),
            None => None,
        };
        let path = path.to_owned();
        let record = spawn_blocking(move || Record::open(&path))
            .await
            .unwrap_or_else(|panic| Err(MemoryError::Sql(panic.to_string())))?;
        let inner = Arc::new(Inner {
            records: Records {
                id: record.id.as_str().into(),
                record: Arc::new(Mutex::new(Some(record))),
            },
            model: Model::new(source, fetch, config.idle, config.retry_after),
            index,
            patience: config.patience,
            catching_up: Arc::default(),
            background: Mutex::default(),
        });
        inner.watch_model();
        if inner.index.is_some() {
            inner.begin(false).await;
        }
        Ok(Self { inner })
    }

    /// Keeps memories of a session. What is answered for is on the disk; vectors and a search index
    /// follow at once if they can, otherwise later and by themselves (spec: story 8, AC 1 and 7).
    ///
    /// # Errors
    /// When one of them is blank, in which case none is kept, or the record cannot be written.
    pub async fn add(
        &self,
        memories: Vec<NewMemory>,
        session_id: u32,
        project_dir: &str,
    ) -> Result<Added, MemoryError> {
        if memories.is_empty() {
            return Ok(Added {
                added: 0,
                indexed: 0,
            });
        }
        if memories
            .iter()
            .any(|memory| memory.content.trim().is_empty())
        {
            return Err(MemoryError::Invalid(
                "A memory without text cannot be kept. Say in a sentence what is to be remembered."
                    .to_owned(),
            ));
        }
        let deadline = Instant::now() + self.inner.patience;
        let project_dir = project_dir.to_owned();
        let records = &self.inner.records;
        let numbers = records
            .with(move |record| record.add(&memories, session_id, &project_dir))
            .await?;
        let added = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        let _ = self.inner.settle(deadline).await;
        let (model, indexed) = (self.inner.model.name(), self.inner.index.is_some());
        let indexed = records
            .with(move |record| record.count_ready(&numbers, &model, indexed))
            .await?;
        Ok(Added { added, indexed })
    }

    /// Recalls what is closest to the question (spec: story 8, AC 2 to 4, 7 and 8).
    ///
    /// # Errors
    /// When the question is blank, or the record cannot be read.
    pub async fn query(&self, query: Query) -> Result<Recall, MemoryError> {
        if query.text.trim().is_empty() {
            return Err(MemoryError::Invalid(
                "A question without words finds no memories. Say what they should be about."
                    .to_owned(),
            ));
        }
        if query.limit == 0 {
            return Err(MemoryError::Invalid(
                "A query for no memories finds none. Ask for one at least.".to_owned(),
            ));
        }
        let inner = &self.inner;
        let deadline = Instant::now() + inner.patience;
        let vector = inner.model.embed(vec![query.text.clone()], deadline).await;
        match vector.map(|mut vectors| vectors.pop().unwrap_or_default()) {
            Ok(vector) => inner.by_meaning(query, vector, deadline).await,
            Err(trouble) => {
                // The server is looked for all the same, so that what has vectors gets there.
                let troubles = inner.settle(deadline).await;
                let memories = inner
                    .records
                    .with(move |record| record.by_words(&query))
                    .await?;
                let words = "Until it is there, memories are found by their words only.".to_owned();
                let notes = [Some(trouble), Some(words), troubles.index];
                Ok(Recall {
                    memories,
                    by: RecallBy::FullText,
                    note: joined(notes),
                })
            }
        }
    }

    /// Whether memories are at hand where they are looked for: with a Chroma server, whether that
    /// answered the last time; else whether the record is open. Waits for nothing.
    pub fn available(&self) -> bool {
        self.inner.records.is_open() && self.inner.index.as_ref().is_none_or(Index::is_up)
    }

    /// How the embedding model is, now and later: a download is told as it goes on.
    pub fn model(&self) -> watch::Receiver<ModelState> {
        self.inner.model.state()
    }

    /// The memories meant by `filter`, newest first.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn list(&self, filter: Filter) -> Result<Vec<Entry>, MemoryError> {
        self.inner
            .records
            .with(move |record| record.list(&filter))
            .await
    }

    /// The memories meant by `filter` that have a word of `text` in one of its forms, best first. Needs
    /// neither model nor server; for meaning there is [`query`](Self::query).
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn search(&self, text: &str, filter: Filter) -> Result<Vec<Entry>, MemoryError> {
        let text = text.to_owned();
        let records = &self.inner.records;
        records
            .with(move |record| record.search(&text, &filter))
            .await
    }

    /// Forgets for good: the text is overwritten in the file, and deleted from the Chroma server, now
    /// or when that is next reached.
    ///
    /// # Errors
    /// When an id is unknown, in which case nothing is forgotten, or the record cannot be written.
    pub async fn forget(&self, what: Forget) -> Result<Forgotten, MemoryError> {
        let inner = &self.inner;
        let deadline = Instant::now() + inner.patience;
        // Nobody may bring into the index what is being forgotten.
        let guard = timeout_at(deadline, inner.catching_up.clone().lock_owned()).await;
        let ids = inner
            .records
            .with(move |record| record.forget(&what))
            .await?;
        let forgotten = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        let mut note = None;
        if let Some(index) = inner.index.as_ref().filter(|_| forgotten > 0) {
            let was_up = index.is_up();
            let told = match &guard {
                Ok(_) => timeout_at(deadline, index.delete(&ids)).await,
                Err(_) => Ok(Err(index.late())),
            };
            drop(guard);
            let trouble = match told {
                // What it still has is found by comparing, when it is next connected.
                Ok(Ok(())) if was_up => None,
                Ok(Ok(())) => inner.settle(deadline).await.index,
                Ok(Err(why)) => {
                    index.lose(&why);
                    Some(why)
                }
                Err(_) => Some(index.late()),
            };
            note = trouble.map(|why| {
                format!("{why} What was forgotten here is deleted there when it is next reached.")
            });
        }
        Ok(Forgotten { forgotten, note })
    }

    /// The whole record in a form for other programs.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn export(&self) -> Result<Export, MemoryError> {
        let mut memories = self.list(Filter::default()).await?;
        memories.reverse();
        Ok(Export {
            format: "paige.memories",
            version: 1,
            memories,
        })
    }

    /// Ends what goes on in the background and closes the record. Every later call, also of clones,
    /// fails with [`MemoryError::Closed`].
    pub async fn close(self) {
        let inner = &self.inner;
        for task in inner.background.lock().drain(..) {
            task.abort();
        }
        // A model that is being loaded just now goes when the process does.
        let _ = timeout(LAST_PATIENCE, inner.model.close()).await;
        let record = Arc::clone(&inner.records.record);
        let closed = spawn_blocking(move || drop(record.lock().take()));
        if let Err(panic) = closed.await {
            tracing::warn!(%panic, "The memory was not closed in order.");
        }
    }
}

impl Inner {
    /// When the model's files have come, what waited for them gets its vectors.
    fn watch_model(self: &Arc<Self>) {
        let (weak, model) = (Arc::downgrade(self), self.model.clone());
        let task = tokio::spawn(async move {
            loop {
                model.arrival().await;
                let Some(inner) = weak.upgrade() else { return };
                inner.begin(true).await;
            }
        });
        self.background.lock().push(task.abort_handle());
    }

    /// Catches up in the background, embedding only when it may.
    async fn begin(self: &Arc<Self>, embedding: bool) {
        let guard = self.catching_up.clone().lock_owned().await;
        let inner = Arc::clone(self);
        let task = tokio::spawn(async move {
            let _guard = guard;
            inner.catch_up(embedding).await
        });
        let mut background = self.background.lock();
        background.retain(|task| !task.is_finished());
        background.push(task.abort_handle());
    }

    /// Catches up, and waits for it until `deadline`; what is not done by then goes on.
    async fn settle(self: &Arc<Self>, deadline: Instant) -> Troubles {
        let late = || Troubles {
            model: None,
            index: self.index.as_ref().map(Index::late),
        };
        let Ok(guard) = timeout_at(deadline, self.catching_up.clone().lock_owned()).await else {
            return late();
        };
        let inner = Arc::clone(self);
        let task = tokio::spawn(async move {
            let _guard = guard;
            inner.catch_up(true).await
        });
        match timeout_at(deadline, task).await {
            Ok(Ok(troubles)) => troubles,
            Ok(Err(_)) | Err(_) => late(),
        }
    }

    /// Embeds what has no vector and indexes what is not in the index.
    async fn catch_up(&self, embedding: bool) -> Troubles {
        let mut troubles = Troubles::default();
        if embedding {
            troubles.model = self.embed_waiting().await.err();
        }
        if let Some(index) = &self.index {
            let model = self.model.name();
            troubles.index = index.catch_up(&self.records, &model).await.err();
        }
        troubles
    }

    async fn embed_waiting(&self) -> Result<(), String> {
        loop {
            let name = self.model.name();
            let waiting = self
                .records
                .with(move |record| record.not_embedded(&name, BATCH))
                .await
                .map_err(|error| error.to_string())?;
            if waiting.is_empty() {
                return Ok(());
            }
            let (numbers, texts): (Vec<i64>, Vec<String>) = waiting.into_iter().unzip();
            let deadline = Instant::now() + BATCH_PATIENCE;
            let vectors = self.model.embed(texts, deadline).await?;
            let vectors: Vec<_> = numbers.into_iter().zip(vectors).collect();
            let name = self.model.name();
            self.records
                .with(move |record| record.set_vectors(&name, &vectors))
                .await
                .map_err(|error| error.to_string())?;
        }
    }

    async fn by_meaning(
        self: &Arc<Self>,
        query: Query,
        vector: Vec<f32>,
        deadline: Instant,
    ) -> Result<Recall, MemoryError> {
        let mut notes = [None, None];
        let mut found = None;
        let troubles = self.settle(deadline).await;
        if let Some(index) = &self.index {
            let asked = match troubles.index {
                Some(why) => Err(why),
                None => self.by_index(index, &query, &vector, deadline).await?,
            };
            match asked {
                Ok(memories) => found = Some(memories),
                Err(why) => {
                    notes[0] = Some(format!("{why} The record itself was searched instead."))
                }
            }
        }
        let model = self.model.name();
        let (memories, waiting) = self
            .records
            .with(move |record| {
                let memories = match found {
                    Some(memories) => memories,
                    None => record.nearest(&query, &model, &vector)?,
                };
                Ok((memories, record.count_not_embedded(&model)?))
            })
            .await?;
        if waiting > 0 {
            notes[1] = Some(format!(
                "Memories that still wait for the embedding model are not found by meaning yet: {waiting} of them."
            ));
        }
        Ok(Recall {
            memories,
            by: RecallBy::Embedding,
            note: joined(notes),
        })
    }

    /// Asks the index. When it and the record do not agree, or the connection broke, once more after
    /// they were compared.
    async fn by_index(
        self: &Arc<Self>,
        index: &Index,
        query: &Query,
        vector: &[f32],
        deadline: Instant,
    ) -> Result<Result<Vec<Recalled>, String>, MemoryError> {
        let mut again = true;
        loop {
            let ids = timeout_at(deadline, index.find(&self.records, query, vector)).await;
            let why = match ids {
                Ok(Ok(ids)) => {
                    let (query, vector) = (query.clone(), vector.to_vec());
                    let model = self.model.name();
                    let found = self
                        .records
                        .with(move |record| record.nearest_of(&query, &model, &vector, &ids))
                        .await?;
                    match found {
                        Some(memories) => return Ok(Ok(memories)),
                        None => {
                            "The Chroma server has memories that the record has not.".to_owned()
                        }
                    }
                }
                Ok(Err(why)) => why,
                Err(_) => return Ok(Err(index.late())),
            };
            index.lose(&why);
            if !again {
                return Ok(Err(why));
            }
            again = false;
            if let Some(why) = self.settle(deadline).await.index {
                return Ok(Err(why));
            }
        }
    }
}

/// The notes there are, as one text.
fn joined<const N: usize>(notes: [Option<String>; N]) -> Option<String> {
    let notes: Vec<String> = notes.into_iter().flatten().collect();
    (!notes.is_empty()).then(|| notes.join(" "))
}

fn client(url: &str, patience: Duration) -> Result<Client, MemoryError> {
    Client::new(url, patience).map_err(|error| {
        MemoryError::Config(vec![Problem {
            setting: "chroma_url",
            message: format!("The Chroma server at {url} cannot be spoken to ({error})."),
        }])
    })
}

/// The model in the configured folder, or the one beside the record with the way to get it.
#[cfg(feature = "embed-local")]
fn local(beside: &Path, config: &Config) -> (Arc<dyn Source>, Option<Fetch>) {
    use crate::minilm::{FILES, MiniLm, NAME};
    if let Some(folder) = &config.model_dir {
        let folder = folder.clone();
        return (Arc::new(MiniLm { folder }), None);
    }
    let folder = beside.join("models").join(NAME);
    let fetch = config.download.then(|| Fetch {
        from: config.download_url.clone(),
        folder: folder.clone(),
        files: FILES,
    });
    (Arc::new(MiniLm { folder }), fetch)
}

/// There is no model in this build.
#[cfg(not(feature = "embed-local"))]
fn local(_: &Path, _: &Config) -> (Arc<dyn Source>, Option<Fetch>) {
    use crate::embedder::{EmbedError, Embedder};
    struct NoModel;
    impl Source for NoModel {
        fn name(&self) -> &str {
            "none"
        }
        fn load(&self) -> Result<Box<dyn Embedder>, EmbedError> {
            Err(EmbedError::Missing(
                "This Paige was built without an embedding model.".to_owned(),
            ))
        }
    }
    (Arc::new(NoModel), None)
}

#[cfg(test)]
mod tests;
