//! What lies under the interface: catching up, and asking the record or the index.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tokio::time::{Duration, Instant, timeout, timeout_at};

use crate::embedder::Model;
use crate::error::MemoryError;
use crate::index::Index;
use crate::model::{Query, Recall, RecallBy, Recalled};
use crate::records::Records;

/// How many texts are embedded at once.
const BATCH: usize = 16;
/// How long work in the background may take for one batch.
const BATCH_PATIENCE: Duration = Duration::from_secs(60);
/// How long the model is waited for at the end.
const LAST_PATIENCE: Duration = Duration::from_millis(200);
/// What is said while vectors of older memories are being made.
pub(super) const BEHIND: &str = "Older memories are still being prepared for the Chroma server.";

pub(super) struct Inner {
    pub(super) records: Records,
    pub(super) model: Model,
    pub(super) index: Option<Index>,
    pub(super) patience: Duration,
    /// Held by whoever embeds and indexes what is waiting for it.
    pub(super) catching_up: Arc<tokio::sync::Mutex<()>>,
    /// Whether that is about the index just now, and not about vectors.
    pub(super) indexing: AtomicBool,
    pub(super) background: Mutex<Vec<AbortHandle>>,
}

impl Inner {
    /// Ends what goes on in the background and closes the record.
    pub(super) async fn close(&self) {
        for task in self.background.lock().drain(..) {
            task.abort();
        }
        // A model that is being loaded just now goes when the process does.
        let _ = timeout(LAST_PATIENCE, self.model.close()).await;
        self.records.close().await;
    }

    /// When the model's files have come, what waited for them gets its vectors.
    pub(super) fn watch_model(self: &Arc<Self>) {
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
    pub(super) async fn begin(self: &Arc<Self>, embedding: bool) {
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

    /// Catches up, and waits for it until `deadline`; what is not done by then goes on. Returns what is
    /// wrong with the index, if there is one.
    pub(super) async fn settle(self: &Arc<Self>, deadline: Instant) -> Option<String> {
        let late = || {
            let index = self.index.as_ref()?;
            // A server is not to blame for vectors that take their time.
            let waits_for_index = self.indexing.load(Ordering::Relaxed);
            Some(if waits_for_index {
                index.late()
            } else {
                BEHIND.to_owned()
            })
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
            Ok(Ok(trouble)) => trouble,
            Ok(Err(_)) | Err(_) => late(),
        }
    }

    /// Embeds what has no vector, where that may be done now, and indexes what is not in the index.
    async fn catch_up(&self, embedding: bool) -> Option<String> {
        if embedding && let Err(why) = self.embed_waiting().await {
            tracing::debug!("Memories wait for their vectors. {why}");
        }
        let index = self.index.as_ref()?;
        let model = self.model.name();
        self.indexing.store(true, Ordering::Relaxed);
        let trouble = index.catch_up(&self.records, &model).await.err();
        self.indexing.store(false, Ordering::Relaxed);
        trouble
    }

    /// Makes the vectors that are lacking, batch by batch.
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

    /// Answers by the index where there is one that can, else by the record's own vectors.
    pub(super) async fn by_meaning(
        self: &Arc<Self>,
        query: Query,
        vector: Vec<f32>,
        deadline: Instant,
    ) -> Result<Recall, MemoryError> {
        let mut notes = [None, None];
        let mut found = None;
        let trouble = self.settle(deadline).await;
        if let Some(index) = &self.index {
            let asked = match trouble {
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
            if let Some(why) = self.settle(deadline).await {
                return Ok(Err(why));
            }
        }
    }
}

/// The notes there are, as one text.
pub(super) fn joined<const N: usize>(notes: [Option<String>; N]) -> Option<String> {
    let notes: Vec<String> = notes.into_iter().flatten().collect();
    (!notes.is_empty()).then(|| notes.join(" "))
}
