//! [`Attempt`]: a reserved attempt that is settled in any case, also when its caller goes away.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::error::Kind;
use crate::{ClaudeError, Ledger, LedgerError, Planned, Settled, Usage};

/// An attempt between its reservation and its row.
pub(crate) struct Attempt {
    ledger: Arc<dyn Ledger>,
    /// The reservation as long as it is under way.
    reserving: Option<JoinHandle<Result<(), LedgerError>>>,
    /// The row in case that nothing comes of it; `None` when it is settled or was refused.
    failed: Option<Settled>,
}

impl Attempt {
    /// Reserves the attempt. Where the price of the model is known, an attempt that fails has cost
    /// nothing; where it is not, an unknown sum.
    ///
    /// # Errors
    /// The refusal of a budget, or a ledger that failed.
    pub(crate) async fn reserve(
        ledger: &Arc<dyn Ledger>,
        planned: Planned,
        input_hash: &str,
    ) -> Result<Self, ClaudeError> {
        let failed = Settled {
            id: planned.id.clone(),
            scope: planned.scope,
            call_type: planned.call_type,
            model: planned.model.clone(),
            input_hash: input_hash.to_owned(),
            latency_ms: -1,
            usage: Usage::default(),
            cost: planned.worst_case.map(|_| 0.0),
        };
        // A task of its own: a caller that goes away now leaves no reservation that nobody knows of.
        let own = Arc::clone(ledger);
        let mut attempt = Self {
            ledger: Arc::clone(ledger),
            reserving: Some(tokio::spawn(async move { own.reserve(&planned).await })),
            failed: Some(failed),
        };
        let outcome = match &mut attempt.reserving {
            Some(reserving) => reserving.await,
            None => Ok(Ok(())),
        };
        attempt.reserving = None;
        let refused = match outcome {
            Ok(Ok(())) => return Ok(attempt),
            Ok(Err(LedgerError::Budget { message })) => ClaudeError::new(Kind::Budget, message),
            Ok(Err(LedgerError::Failed { message })) => ClaudeError::new(Kind::Ledger, message),
            Err(error) => ClaudeError::new(
                Kind::Ledger,
                format!(
                    "The ledger broke down, so that nothing was sent: {error}. Restart Paige and report this."
                ),
            ),
        };
        attempt.failed = None;
        Err(refused)
    }

    /// Writes down that there was an answer.
    pub(crate) async fn answered(mut self, latency_ms: i32, usage: Usage, cost: Option<f64>) {
        if let Some(failed) = self.failed.take() {
            let settled = Settled {
                latency_ms,
                usage,
                cost,
                ..failed
            };
            self.settle(settled).await;
        }
    }

    /// Writes down that there was none.
    pub(crate) async fn failed(mut self) {
        if let Some(failed) = self.failed.take() {
            self.settle(failed).await;
        }
    }

    /// In a task of its own, so that a caller that goes away now does not stop it half way.
    async fn settle(&self, settled: Settled) {
        let task = tokio::spawn(settle(Arc::clone(&self.ledger), settled));
        if let Err(error) = task.await {
            tracing::error!("an attempt was not written into the ledger: {error}");
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let Some(failed) = self.failed.take() else {
            return;
        };
        let (ledger, reserving) = (Arc::clone(&self.ledger), self.reserving.take());
        // Without a runtime the process ends, and the next start frees what was set aside.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let reserved = match reserving {
                    Some(reserving) => matches!(reserving.await, Ok(Ok(()))),
                    None => true,
                };
                if reserved {
                    settle(ledger, failed).await;
                }
            });
        }
    }
}

async fn settle(ledger: Arc<dyn Ledger>, settled: Settled) {
    let id = settled.id.clone();
    if let Err(error) = ledger.settle(settled).await {
        tracing::error!("the attempt {id} was not written into the ledger: {error}");
    }
}
