//! [`Memory`]: the one interface over the record, the model and the Chroma server.

mod inner;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Duration, Instant, timeout_at};

use crate::chroma::Client;
use crate::config::{Config, Problem};
use crate::embedder::{Model, ModelState, Source};
use crate::error::MemoryError;
use crate::fetch::Fetch;
use crate::index::Index;
use crate::model::{
    Added, Entry, Export, Filter, Forget, Forgotten, NewMemory, Query, Recall, RecallBy,
};
use crate::record::Record;
use crate::records::Records;
use inner::{BEHIND, Inner, joined};

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
            records: Records::new(record),
            model: Model::new(source, fetch, config.idle, config.retry_after),
            index,
            patience: config.patience,
            catching_up: Arc::default(),
            indexing: AtomicBool::new(false),
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
                let trouble_there = inner.settle(deadline).await;
                let memories = inner
                    .records
                    .with(move |record| record.by_words(&query))
                    .await?;
                let words = "Until it is there, memories are found by their words only.".to_owned();
                let notes = [Some(trouble), Some(words), trouble_there];
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
                Err(_) => Ok(Err(BEHIND.to_owned())),
            };
            drop(guard);
            let trouble = match told {
                // What it still has is found by comparing, when it is next connected.
                Ok(Ok(())) if was_up => None,
                Ok(Ok(())) => inner.settle(deadline).await,
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
        self.inner.close().await;
    }
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
