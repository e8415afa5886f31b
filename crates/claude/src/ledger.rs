//! [`Ledger`]: who is told what every attempt may cost and did cost.

use async_trait::async_trait;

use crate::Usage;

/// An attempt that is about to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// A UUID of its own for every attempt, repeated ones included.
    pub id: String,
    /// What it is for: the session, where there is one.
    pub scope: Option<u32>,
    /// The kind of call, for instance `coach_agent`.
    pub call_type: &'static str,
    /// The id of the model.
    pub model: String,
    /// The most that it can cost, in US dollars; `None` for a model without a price.
    pub worst_case: Option<f64>,
}

/// An attempt that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// The id under which it was planned.
    pub id: String,
    /// What it was for: the session, where there is one.
    pub scope: Option<u32>,
    /// The kind of call.
    pub call_type: &'static str,
    /// The id of the model.
    pub model: String,
    /// The first 16 hex digits of the SHA-256 of the user message.
    pub input_hash: String,
    /// Milliseconds from sending to the whole answer; −1 when there was none (spec: 7.7). An answer
    /// that is of no use (a refusal, cut short, not what was asked) was answered and paid all the same:
    /// it has its latency, tokens and cost.
    pub latency_ms: i32,
    /// The tokens used; none when there was no answer.
    pub usage: Usage,
    /// The cost in US dollars, searches of the web included; `None` for a model without a price.
    pub cost: Option<f64>,
}

/// Why an attempt may not be sent, or was not written down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// A budget refuses it.
    #[error("{message}")]
    Budget {
        /// Which one, and what to do, in whole sentences.
        message: String,
    },
    /// The ledger itself failed.
    #[error("{message}")]
    Failed {
        /// What went wrong, in whole sentences.
        message: String,
    },
}

/// Keeps account of attempts. Both methods run to their end, also when whoever asked has gone away.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Sets the worst case of an attempt aside before it is sent, or refuses it.
    ///
    /// # Errors
    /// [`LedgerError::Budget`] when it does not fit into a budget. After any error the attempt is neither
    /// sent nor settled.
    async fn reserve(&self, attempt: &Planned) -> Result<(), LedgerError>;

    /// Writes an attempt down and frees what was set aside for it: one row for each id, however often
    /// it is called.
    ///
    /// # Errors
    /// [`LedgerError::Failed`]; the answer is given to the caller all the same, since it is paid.
    async fn settle(&self, attempt: Settled) -> Result<(), LedgerError>;
}
