//! [`Stored`]: the MCP sessions on disk, so that a client keeps its id over a restart.
//!
//! A call costs nothing here: a row is written when a session begins and forgotten when its client
//! ends it; when it was last used is written when it leaves memory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use paige_store::{Store, StoreError, coach::mcp_sessions};
use rmcp::transport::streamable_http_server::session::{
    SessionId, SessionState, SessionStore, SessionStoreError,
};

use crate::sessions::go_on;

/// The MCP sessions on disk.
#[derive(Clone)]
pub(crate) struct Stored {
    store: Store,
    /// Whether rows were added since [`tidy`](Self::tidy).
    added: Arc<AtomicBool>,
}

impl Stored {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            added: Arc::new(AtomicBool::new(true)),
        }
    }

    /// Whether there is a row of that id.
    pub(crate) fn has(&self, id: &str) -> Result<bool, StoreError> {
        let row = self.store.read(|reader| mcp_sessions::load(reader, id))?;
        Ok(row.is_some())
    }

    /// Notes that sessions were used until now.
    pub(crate) async fn touch(&self, ids: Vec<SessionId>) {
        if ids.is_empty() {
            return;
        }
        let touched: Result<(), StoreError> = self
            .store
            .commit(move |unit| {
                for id in ids {
                    mcp_sessions::touch(unit, &id)?;
                }
                Ok(())
            })
            .await;
        if let Err(error) = touched {
            tracing::warn!(%error, "It could not be written down when MCP sessions were last used.");
        }
    }

    /// Forgets the sessions that were not used for `unused`, and the longest unused ones beyond
    /// `most`; `live` are in use.
    pub(crate) async fn tidy(&self, live: Vec<SessionId>, unused: Duration, most: u32) {
        if !self.added.swap(false, Ordering::Relaxed) {
            return;
        }
        let unused = u64::try_from(unused.as_millis()).unwrap_or(u64::MAX);
        let tidied: Result<usize, StoreError> = self
            .store
            .commit(move |unit| {
                for id in live {
                    mcp_sessions::touch(unit, &id)?;
                }
                let now = unit.now().to_owned();
                let mut gone = mcp_sessions::evict(unit, most)?.len();
                // The longest unused come first.
                for row in mcp_sessions::list(unit)? {
                    let age = paige_store::millis_between(&row.last_used_at, &now);
                    if age.is_some_and(|age| age < unused) {
                        break;
                    }
                    mcp_sessions::delete(unit, &row.id)?;
                    gone += 1;
                }
                Ok(gone)
            })
            .await;
        match tidied {
            Ok(0) => {}
            Ok(gone) => tracing::debug!(gone, "Old MCP sessions were forgotten."),
            Err(error) => tracing::warn!(%error, "Old MCP sessions could not be forgotten."),
        }
    }
}

#[async_trait]
impl SessionStore for Stored {
    async fn load(&self, session_id: &str) -> Result<Option<SessionState>, SessionStoreError> {
        let row = self
            .store
            .read(|reader| mcp_sessions::load(reader, session_id))?;
        let Some(row) = row else {
            return Ok(None);
        };
        match serde_json::from_str(&row.state) {
            Ok(state) => {
                let stored = self.clone();
                go_on(async move { stored.touch(vec![row.id.into()]).await }).await;
                Ok(Some(state))
            }
            Err(error) => {
                // The client is told that its session is gone, and begins a new one.
                tracing::warn!(%error, "A stored MCP session cannot be read.");
                Ok(None)
            }
        }
    }

    /// Written behind: `initialize` is answered without waiting for the disk. A client whose row is
    /// lost to a kill meanwhile is answered 404 later on, and begins a new session.
    async fn store(&self, session_id: &str, state: &SessionState) -> Result<(), SessionStoreError> {
        let id = session_id.to_owned();
        let state = serde_json::to_string(state)?;
        let store = self.store.clone();
        self.added.store(true, Ordering::Relaxed);
        go_on(async move {
            let written: Result<(), StoreError> = store
                .commit(move |unit| mcp_sessions::store(unit, &id, &state))
                .await;
            if let Err(error) = written {
                tracing::warn!(%error, "An MCP session could not be stored; it will not survive a restart.");
            }
        })
        .await;
        Ok(())
    }

    async fn delete(&self, session_id: &str) -> Result<(), SessionStoreError> {
        let id = session_id.to_owned();
        self.store
            .commit(move |unit| mcp_sessions::delete(unit, &id))
            .await
            .map(|_: bool| ())
            .map_err(|error: StoreError| error.into())
    }
}
