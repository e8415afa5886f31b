//! [`Index`]: the Chroma collection as a search index of the record.
//!
//! The record notes what the index has. At every connection the two are compared, so that it does
//! not matter what happened meanwhile: memories added, forgotten, or the server's data lost.

use parking_lot::Mutex;

use crate::chroma::{Client, Scope};
use crate::model::Query;
use crate::records::Records;

/// How many memories go to the server at once.
const BATCH: usize = 100;
/// How many ids are deleted at once.
const DELETIONS: usize = 500;

/// A Chroma server, connected or not.
#[derive(Debug)]
pub(crate) struct Index {
    client: Client,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Nobody has tried yet.
    Unknown,
    Up {
        collection: String,
    },
    Down,
}

impl Index {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            state: Mutex::new(State::Unknown),
        }
    }

    /// Whether the server answered the last time.
    pub(crate) fn is_up(&self) -> bool {
        self.collection().is_some()
    }

    fn collection(&self) -> Option<String> {
        match &*self.state.lock() {
            State::Up { collection } => Some(collection.clone()),
            State::Unknown | State::Down => None,
        }
    }

    /// Notes that the server did not do as it should: the next operation connects anew.
    pub(crate) fn lose(&self, why: &str) {
        let before = std::mem::replace(&mut *self.state.lock(), State::Down);
        if !matches!(before, State::Down) {
            tracing::warn!(
                "{why} Memories are kept and found in the record alone until it is reached again."
            );
        }
    }

    /// Says what was waited for in vain, and notes it.
    pub(crate) fn late(&self) -> String {
        let why = format!(
            "The Chroma server at {} does not answer in time.",
            self.client.url()
        );
        self.lose(&why);
        why
    }

    /// Connects where that is needed, and brings everything with a vector into the collection.
    ///
    /// # Errors
    /// A sentence. A connection that breaks is made anew once; a server that was down is asked once
    /// (spec: story 8, AC 8).
    pub(crate) async fn catch_up(&self, records: &Records, model: &str) -> Result<(), String> {
        let was_up = self.is_up();
        match self.fill(records, model).await {
            Err(why) => {
                self.lose(&why);
                if was_up {
                    self.fill(records, model)
                        .await
                        .inspect_err(|why| self.lose(why))
                } else {
                    Err(why)
                }
            }
            done => done,
        }
    }

    async fn fill(&self, records: &Records, model: &str) -> Result<(), String> {
        let collection = match self.collection() {
            Some(collection) => collection,
            None => self.connect(records).await?,
        };
        let record = records.id();
        loop {
            let name = model.to_owned();
            let batch = records
                .with(move |record| record.not_indexed(&name, BATCH))
                .await
                .map_err(|error| error.to_string())?;
            if batch.is_empty() {
                return Ok(());
            }
            self.client.upsert(&collection, record, &batch).await?;
            let numbers: Vec<i64> = batch.iter().map(|memory| memory.number).collect();
            records
                .with(move |record| record.set_indexed(&numbers))
                .await
                .map_err(|error| error.to_string())?;
        }
    }

    async fn connect(&self, records: &Records) -> Result<String, String> {
        self.client.heartbeat().await?;
        let collection = self.client.collection().await?;
        let there = self.client.ids(&collection, records.id()).await?;
        let gone = records
            .with(move |record| record.reconcile(there))
            .await
            .map_err(|error| error.to_string())?;
        self.delete_from(&collection, &gone).await?;
        *self.state.lock() = State::Up {
            collection: collection.clone(),
        };
        tracing::info!(
            "The Chroma server at {} is connected and searches the memories.",
            self.client.url()
        );
        Ok(collection)
    }

    /// The ids of what may answer the query: of this project first, of others to fill up.
    pub(crate) async fn find(
        &self,
        records: &Records,
        query: &Query,
        vector: &[f32],
    ) -> Result<Vec<String>, String> {
        let Some(collection) = self.collection() else {
            return Err(format!(
                "The Chroma server at {} cannot be reached.",
                self.client.url()
            ));
        };
        let record = records.id();
        let ask = async |scope, limit| {
            self.client
                .query(&collection, record, scope, vector, limit)
                .await
        };
        let Some(project) = &query.project else {
            return ask(Scope::All, query.limit).await;
        };
        let mut ids = ask(Scope::Project(project), query.limit).await?;
        let room = query.limit.saturating_sub(ids.len());
        if !query.only_project && room > 0 {
            ids.extend(ask(Scope::OtherThan(project), room).await?);
        }
        Ok(ids)
    }

    /// Takes memories out, when it is connected.
    pub(crate) async fn delete(&self, ids: &[String]) -> Result<(), String> {
        match self.collection() {
            Some(collection) => self.delete_from(&collection, ids).await,
            None => Ok(()),
        }
    }

    async fn delete_from(&self, collection: &str, ids: &[String]) -> Result<(), String> {
        for part in ids.chunks(DELETIONS) {
            self.client.delete(collection, part).await?;
        }
        Ok(())
    }
}
