//! A ledger in memory, and what the tests ask for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use async_trait::async_trait;
use paige_claude::{Client, Config, Ledger, LedgerError, Planned, Request, Settled, Tier};
use paige_tests::Fake;
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::Deserialize;

/// A ledger in memory, which may have a budget.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) state: Mutex<State>,
    /// US dollars that may be spent in all.
    budget: Option<f64>,
    /// How long a reservation takes.
    slow: Duration,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) planned: Vec<Planned>,
    pub(crate) open: BTreeMap<String, f64>,
    pub(crate) rows: Vec<Settled>,
    /// Settled without a reservation, or twice.
    pub(crate) strays: Vec<String>,
}

#[async_trait]
impl Ledger for Book {
    async fn reserve(&self, attempt: &Planned) -> Result<(), LedgerError> {
        tokio::time::sleep(self.slow).await;
        let mut state = self.state.lock();
        let worst = attempt.worst_case.unwrap_or(0.0);
        let spent: f64 = state.rows.iter().filter_map(|row| row.cost).sum();
        let open: f64 = state.open.values().sum();
        if self
            .budget
            .is_some_and(|budget| spent + open + worst > budget)
        {
            let message =
                "The budget of the day is used up. Raise it or wait until tomorrow.".to_owned();
            return Err(LedgerError::Budget { message });
        }
        state.planned.push(attempt.clone());
        state.open.insert(attempt.id.clone(), worst);
        Ok(())
    }

    async fn settle(&self, attempt: Settled) -> Result<(), LedgerError> {
        let mut state = self.state.lock();
        if state.open.remove(&attempt.id).is_none() {
            state.strays.push(attempt.id.clone());
        }
        state.rows.push(attempt);
        Ok(())
    }
}

impl Book {
    pub(crate) fn with_budget(budget: f64) -> Self {
        Self {
            budget: Some(budget),
            ..Self::default()
        }
    }

    pub(crate) fn slow(slow: Duration) -> Self {
        Self {
            slow,
            ..Self::default()
        }
    }

    /// The rows, when nothing is open and nothing was settled that was not reserved.
    pub(crate) fn rows(&self) -> Result<Vec<Settled>> {
        let state = self.state.lock();
        ensure!(state.open.is_empty(), "still reserved: {:?}", state.open);
        ensure!(
            state.strays.is_empty(),
            "settled without a reservation: {:?}",
            state.strays
        );
        Ok(state.rows.clone())
    }

    /// The only row.
    pub(crate) fn row(&self) -> Result<Settled> {
        let mut rows = self.rows()?;
        ensure!(rows.len() == 1, "there is not one row: {rows:?}");
        Ok(rows.remove(0))
    }

    /// The rows, once there are so many; a caller that went away leaves them to a task.
    pub(crate) async fn wait_for(&self, count: usize) -> Result<Vec<Settled>> {
        for _ in 0..400 {
            if self.state.lock().rows.len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let rows = self.rows()?;
        ensure!(rows.len() == count, "there are not {count} rows: {rows:?}");
        Ok(rows)
    }
}

/// A client of a fake, and the book that it writes into.
pub(crate) struct Scene {
    pub(crate) fake: Fake,
    pub(crate) book: Arc<Book>,
    pub(crate) client: Client,
}

impl Scene {
    pub(crate) async fn new(scenario: &str) -> Result<Self> {
        Self::with(scenario, Book::default(), |_| ()).await
    }

    pub(crate) async fn with(
        scenario: &str,
        book: Book,
        change: impl FnOnce(&mut Config),
    ) -> Result<Self> {
        let fake = Fake::start(scenario).await?;
        let book = Arc::new(book);
        let mut config = fake.config();
        change(&mut config);
        let client = Client::new(config, Arc::clone(&book) as Arc<dyn Ledger>)?;
        Ok(Self { fake, book, client })
    }

    /// How many messages were asked for.
    pub(crate) fn asked(&self) -> usize {
        self.fake.messages().len()
    }
}

/// What the tests ask for.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub(crate) struct Verdict {
    pub(crate) passed: bool,
    /// From 1 to 10.
    #[schemars(range(min = 1, max = 10))]
    pub(crate) level: u8,
}

/// A scenario with one good answer.
pub(crate) const GOOD: &str = r#"
[[entry]]
call = "review"
answer = { passed = true, level = 7 }
usage = { input_tokens = 1000, output_tokens = 200 }
"#;

pub(crate) fn verdict() -> Verdict {
    Verdict {
        passed: true,
        level: 7,
    }
}

/// A request of a small model.
pub(crate) fn review() -> Request {
    Request::new(
        "review",
        Tier::Haiku,
        "You review.",
        "Is <code>1 + 1</code> right?",
    )
    .scope(Some(3))
}

/// The id of the small model.
pub(crate) const HAIKU: &str = "claude-haiku-4-5-20251001";

/// Whether two sums of money are the same.
pub(crate) fn is_about(cost: Option<f64>, expected: f64) -> bool {
    cost.is_some_and(|cost| (cost - expected).abs() < 1e-12)
}
