//! [`Mind`]: what the coach thinks with. Models are asked through it, memories are kept by it, and
//! [`Budgets`] say what may be spent.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use paige_claude::{Client, LedgerError, Planned, Settled};
use paige_memory::Memory;
use paige_prompts::Prompts;
use paige_protocol::coach::{ServerMessage, coaching::BudgetWarning};
use paige_store::{
    Store, Unit,
    coach::{
        api_calls::{
            NewCall, Period,
            budget::{self, Limit},
        },
        sessions,
    },
};

use crate::{CoachError, push};

/// What the coach thinks with. Cheap to clone.
#[derive(Clone)]
pub struct Mind {
    /// The models.
    pub claude: Client,
    /// What is remembered across sessions.
    pub memory: Memory,
    /// What models are asked.
    pub prompts: Arc<Prompts>,
}

impl Mind {
    /// A mind without a key: no model can be asked, nothing is fetched, and memories are found by
    /// their words. They are kept in the file `memory`.
    ///
    /// # Errors
    /// When one of the databases fails.
    pub async fn offline(store: &Store, memory: &Path) -> Result<Self, CoachError> {
        let ledger = Ledger::open(store.clone(), Budgets::default()).await?;
        let config = paige_memory::Config {
            download: false,
            ..paige_memory::Config::default()
        };
        Ok(Self {
            claude: Client::new(paige_claude::Config::default(), Arc::new(ledger))?,
            memory: Memory::open(memory, config).await?,
            prompts: Arc::new(Prompts::embedded()),
        })
    }
}

/// How much calls of models may cost, in US dollars; without a bound what is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Budgets {
    /// In one coaching session.
    pub session: Option<f64>,
    /// In one day (UTC), over all sessions.
    pub day: Option<f64>,
}

/// From this share of a budget on the user is warned.
const WARN_AT: f64 = 0.8;

/// The ledger of the calls, over the store.
pub struct Ledger {
    store: Store,
    budgets: Budgets,
}

/// One budget and what is counted against it.
struct Budget {
    name: &'static str,
    variable: &'static str,
    max: f64,
    scope: Option<u32>,
    since: Option<String>,
}

impl Budget {
    fn period(&self) -> Period<'_> {
        Period {
            scope: self.scope,
            since: self.since.as_deref(),
        }
    }
}

impl Ledger {
    /// The ledger in this store. What a crash has left set aside is given back.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open(store: Store, budgets: Budgets) -> Result<Self, CoachError> {
        let left = store
            .commit(|unit| Ok::<_, CoachError>(budget::release_all(unit)?))
            .await?;
        if left > 0 {
            tracing::info!(
                left,
                "What was set aside for calls that a crash cut off is given back."
            );
        }
        Ok(Self { store, budgets })
    }

    fn budgets(&self, scope: Option<u32>) -> Vec<Budget> {
        let mut budgets = Vec::new();
        if let (Some(max), Some(_)) = (self.budgets.session, scope) {
            budgets.push(Budget {
                name: "session",
                variable: "PAIGE_BUDGET_SESSION",
                max,
                scope,
                since: None,
            });
        }
        if let Some(max) = self.budgets.day {
            let today = paige_store::now();
            let today = today.split('T').next().unwrap_or_default();
            budgets.push(Budget {
                name: "day",
                variable: "PAIGE_BUDGET_DAY",
                max,
                scope: None,
                since: Some(format!("{today}T00:00:00.000Z")),
            });
        }
        budgets
    }
}

#[async_trait]
impl paige_claude::Ledger for Ledger {
    async fn reserve(&self, attempt: &Planned) -> Result<(), LedgerError> {
        let budgets = self.budgets(attempt.scope);
        let (id, scope) = (attempt.id.clone(), attempt.scope);
        // A model without a price cannot be counted; that it was called stays visible.
        let amount = attempt.worst_case.unwrap_or(0.0);
        let refused = self
            .store
            .commit(move |unit| {
                let limits: Vec<_> = budgets
                    .iter()
                    .map(|budget| Limit {
                        period: budget.period(),
                        max: budget.max,
                    })
                    .collect();
                let scope = known(unit, scope)?;
                let reserved = budget::reserve(unit, &id, scope, amount, &limits)?;
                Ok::<_, CoachError>(reserved.err().map(|(index, standing)| {
                    let budget = &budgets[index];
                    format!(
                        "The call would cost up to ${amount:.4}, and of the {} budget of ${:.2} ${:.4} is spent and ${:.4} set aside for calls under way. Raise {} to go on.",
                        budget.name, budget.max, standing.spent, standing.reserved, budget.variable
                    )
                }))
            })
            .await
            .map_err(failed)?;
        refused.map_or(Ok(()), |message| Err(LedgerError::Budget { message }))
    }

    async fn settle(&self, attempt: Settled) -> Result<(), LedgerError> {
        let budgets = self.budgets(attempt.scope);
        self.store
            .commit(move |unit| {
                let before = spent(unit, &budgets)?;
                let usage = attempt.usage;
                let call = NewCall {
                    scope: known(unit, attempt.scope)?,
                    call_type: attempt.call_type.to_owned(),
                    model: attempt.model,
                    input_hash: Some(attempt.input_hash),
                    latency_ms: attempt.latency_ms,
                    input_tokens: usage.input_tokens,
                    output_tokens: usage.output_tokens,
                    cache_write_tokens: usage
                        .cache_write_5m_tokens
                        .saturating_add(usage.cache_write_1h_tokens),
                    cache_read_tokens: usage.cache_read_tokens,
                    cost_estimate: attempt.cost,
                };
                if budget::settle(unit, &attempt.id, &call)?.is_none() {
                    return Ok(());
                }
                for (budget, (before, now)) in budgets
                    .iter()
                    .zip(before.into_iter().zip(spent(unit, &budgets)?))
                {
                    let mark = budget.max * WARN_AT;
                    if before < mark && now >= mark {
                        push(
                            unit,
                            &ServerMessage::BudgetWarning(BudgetWarning {
                                scope: budget.name.to_owned(),
                                spent: now,
                                limit: budget.max,
                            }),
                        )?;
                    }
                }
                Ok::<_, CoachError>(())
            })
            .await
            .map_err(failed)
    }
}

fn spent(unit: &Unit<'_>, budgets: &[Budget]) -> Result<Vec<f64>, CoachError> {
    let standing = |budget: &Budget| Ok(budget::standing(unit, &budget.period())?.spent);
    budgets.iter().map(standing).collect()
}

/// The session, unless it was forgotten meanwhile: the money stays spent.
fn known(unit: &Unit<'_>, scope: Option<u32>) -> Result<Option<u32>, CoachError> {
    Ok(match scope {
        Some(id) if sessions::by_id(unit, id)?.is_some() => Some(id),
        _ => None,
    })
}

fn failed(error: CoachError) -> LedgerError {
    LedgerError::Failed {
        message: format!(
            "What the call costs could not be written down, so it was not made: {error}."
        ),
    }
}
