//! The ledger of the sidecar, over a real database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use paige_claude::{Client, Config, Kind};
use paige_coach::{Budgets, Ledger};
use paige_tests::sidecar::PATIENCE;
use paige_tests::{Fake, Project, Record};
use serde_json::json;

use crate::book::{GOOD, Verdict, review};

/// A client of a fake that never answers, with a ledger of these budgets and a place for each of twenty.
async fn client(project: &Project, fake: &Fake, budgets: Budgets) -> Result<Client> {
    let store = project.store(paige_store::Config::default())?;
    let mut config: Config = fake.config();
    config.concurrency.haiku = 20;
    Ok(Client::new(
        config,
        Arc::new(Ledger::open(store, budgets).await?),
    )?)
}

/// What is set aside for a call while it is under way: the most that it can cost.
async fn worst_case() -> Result<f64> {
    let project = Project::empty()?;
    let fake = silent().await?;
    let client = client(&project, &fake, Budgets::default()).await?;
    let record = Record::of(&project)?;
    tokio::select! {
        _ = client.ask::<Verdict>(review()) => bail!("it never answers"),
        sent = until_sent(&fake, 1) => sent?,
    }
    // Dropped, it leaves its row to a task, which this one thread has not run yet.
    let row = record.row("SELECT amount FROM reservations", [])?;
    row["amount"].as_f64().context("an amount")
}

async fn until_sent(fake: &Fake, count: usize) -> Result<()> {
    let start = Instant::now();
    while fake.messages().len() < count {
        ensure!(start.elapsed() < PATIENCE, "{count} are not sent");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

async fn silent() -> Result<Fake> {
    Fake::start(&format!("{}\nfault = {{ hang = true }}", GOOD.trim_end())).await
}

/// Issue 4. The doors of the binary let fewer through at once; here all twenty are at the ledger.
#[tokio::test]
async fn twenty_calls_at_once_on_a_budget_for_three_send_three_with_the_real_ledger() -> Result<()>
{
    let worst = worst_case().await?;
    let (project, fake) = (Project::empty()?, silent().await?);
    let budgets = Budgets {
        day: Some(worst * 3.5),
        session: None,
    };
    let client = client(&project, &fake, budgets).await?;
    let record = Record::of(&project)?;
    let mut calls: FuturesUnordered<_> = (0..20).map(|_| client.ask::<Verdict>(review())).collect();
    for _ in 0..17 {
        let refused = calls.next().await.context("a call")?;
        let error = refused.err().context("nothing is answered")?;
        assert_eq!(error.kind(), Kind::Budget, "{error}");
        assert!(error.to_string().contains("PAIGE_BUDGET_DAY"), "{error}");
    }
    // The three others are under way: set aside, and not written down yet.
    tokio::select! {
        _ = calls.next() => bail!("nothing is answered"),
        sent = until_sent(&fake, 3) => sent?,
    }
    let all = "SELECT (SELECT count(*) FROM reservations) AS open,
         (SELECT count(*) FROM api_call_log) AS written";
    assert_eq!(record.row(all, [])?, json!({"open": 3, "written": 0}));
    drop(calls);
    record
        .expect_rows(all, &[json!({"open": 0, "written": 3})])
        .await?;
    assert_eq!(fake.messages().len(), 3);
    Ok(())
}
