//! [`Records`]: the record, off the reactor.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::task::spawn_blocking;

use crate::error::MemoryError;
use crate::record::Record;

/// The record where blocking does no harm, until it is closed. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    record: Arc<Mutex<Option<Record>>>,
    id: Arc<str>,
}

impl Records {
    pub(crate) fn new(record: Record) -> Self {
        Self {
            id: record.id.as_str().into(),
            record: Arc::new(Mutex::new(Some(record))),
        }
    }

    /// Names the record.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Whether it was not closed.
    pub(crate) fn is_open(&self) -> bool {
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

    /// Closes it, once what is being done with it is done.
    pub(crate) async fn close(&self) {
        let record = Arc::clone(&self.record);
        let closed = spawn_blocking(move || drop(record.lock().take()));
        if let Err(panic) = closed.await {
            tracing::warn!(%panic, "The memory was not closed in order.");
        }
    }
}
