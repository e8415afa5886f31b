//! What a ledger may refuse.

use anyhow::Result;
use futures_util::future::join_all;
use paige_claude::Kind;

use crate::book::{Book, GOOD, Scene, Verdict, review};

/// The worst case of one request of the tests.
async fn worst_case() -> Result<f64> {
    let scene = Scene::new(GOOD).await?;
    scene.client.ask::<Verdict>(review()).await?;
    let planned = scene.book.state.lock().planned.clone();
    Ok(planned[0].worst_case.unwrap_or(0.0))
}

#[tokio::test]
async fn twenty_calls_at_once_on_a_budget_for_three_send_three() -> Result<()> {
    let budget = worst_case().await? * 3.5;
    // They cost their worst case, so that the budget is not refilled by what was not needed.
    let scenario = format!("{}\nfault = {{ hang = true }}", GOOD.trim_end());
    let scene = Scene::with(&scenario, Book::with_budget(budget), |config| {
        config.concurrency.haiku = 20
    })
    .await?;
    let calls = (0..20).map(|_| {
        scene
            .client
            .ask::<Verdict>(review().deadline(std::time::Duration::from_secs(2)))
    });
    let kinds: Vec<Kind> = join_all(calls)
        .await
        .into_iter()
        .map(|outcome| outcome.expect_err("all fail").kind())
        .collect();
    let count = |kind| kinds.iter().filter(|known| **known == kind).count();
    assert_eq!((count(Kind::Budget), count(Kind::Deadline)), (17, 3));
    assert_eq!(scene.asked(), 3);
    assert_eq!(scene.book.rows()?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn a_refusal_of_the_budget_is_told_in_its_own_words_and_not_repeated() -> Result<()> {
    let scene = Scene::with(GOOD, Book::with_budget(0.0), |_| ()).await?;
    let error = scene
        .client
        .ask::<Verdict>(review())
        .await
        .expect_err("there is no money");
    assert_eq!((error.kind(), error.retryable()), (Kind::Budget, false));
    assert_eq!(
        error.to_string(),
        "The budget of the day is used up. Raise it or wait until tomorrow."
    );
    assert_eq!(scene.asked(), 0);
    assert!(scene.book.rows()?.is_empty());
    Ok(())
}
