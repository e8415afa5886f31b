//! Story 7: structured answers, models, costs, repetitions and typed errors.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use paige_claude::{Kind, Tier, Usage};

use crate::book::{Book, GOOD, HAIKU, Scene, Verdict, is_about, review, verdict};

/// spec: 7.1
#[tokio::test]
async fn a_structured_answer_is_parsed_validated_and_logged() -> Result<()> {
    let scene = Scene::new(GOOD).await?;
    let answer = scene.client.ask::<Verdict>(review()).await?;
    assert_eq!(answer.value, verdict());
    assert_eq!(answer.model, HAIKU);
    let row = scene.book.row()?;
    assert_eq!(
        (row.call_type, row.scope, row.model.as_str()),
        ("review", Some(3), HAIKU)
    );
    // The first 16 hex digits of the SHA-256 of the user message.
    assert_eq!(row.input_hash, "796386ee9489a435");
    let planned = scene.book.state.lock().planned.clone();
    assert_eq!(planned[0].id, row.id);
    uuid::Uuid::parse_str(&row.id)?;
    // It was held to the schema, and its bounds were told in words.
    let body = paige_tests::anthropic::last(&scene.fake)?;
    let level = &body["output_config"]["format"]["schema"]["properties"]["level"];
    assert_eq!(
        level["description"],
        "From 1 to 10. (at least 1, at most 10)"
    );
    assert_eq!(body["system"][0]["cache_control"]["type"], "ephemeral");
    scene.fake.expect_all_valid()
}

/// spec: 7.2
#[tokio::test]
async fn tiers_resolve_to_models_and_can_be_mapped() -> Result<()> {
    let scene = Scene::new(GOOD).await?;
    for tier in [Tier::Haiku, Tier::Sonnet, Tier::Opus] {
        let mut request = review();
        request.tier = tier;
        scene.client.ask::<Verdict>(request).await?;
    }
    let asked: Vec<_> = scene
        .fake
        .messages()
        .iter()
        .map(|body| body["model"].clone())
        .collect();
    assert_eq!(asked, [HAIKU, "claude-opus-4-6", "claude-opus-4-6"]);

    let mapped = Scene::with(GOOD, Book::default(), |config| {
        config.mapping = BTreeMap::from([("haiku".to_owned(), "claude-sonnet-4-6".to_owned())]);
    })
    .await?;
    assert_eq!(
        mapped.client.ask::<Verdict>(review()).await?.model,
        "claude-sonnet-4-6"
    );
    assert_eq!(mapped.client.resolve(Tier::Haiku), "claude-sonnet-4-6");
    Ok(())
}

/// spec: 7.3
#[tokio::test]
async fn cost_and_latency_are_logged_and_the_cache_counts() -> Result<()> {
    let scene = Scene::new(
        r#"
        [[entry]]
        call = "review"
        answer = { passed = true, level = 7 }
        usage = { input_tokens = 1000, output_tokens = 200, cache_write_5m_tokens = 300, cache_write_1h_tokens = 40, cache_read_tokens = 5000 }
        fault = { slow_ms = 30 }
        "#,
    )
    .await?;
    let answer = scene.client.ask::<Verdict>(review()).await?;
    let usage = Usage {
        input_tokens: 1000,
        output_tokens: 200,
        cache_write_5m_tokens: 300,
        cache_write_1h_tokens: 40,
        cache_read_tokens: 5000,
    };
    let row = scene.book.row()?;
    assert_eq!((answer.usage, row.usage), (usage, usage));
    let cost = (1000.0 * 1.0 + 200.0 * 5.0 + 300.0 * 1.25 + 40.0 * 2.0 + 5000.0 * 0.1) / 1e6;
    assert!(is_about(row.cost, cost), "{:?}", row.cost);
    assert!((60..5000).contains(&row.latency_ms), "{}", row.latency_ms);
    Ok(())
}

/// spec: 7.4
#[tokio::test]
async fn a_passing_failure_is_repeated_with_growing_delays_and_each_attempt_is_logged() -> Result<()>
{
    for fault in [
        "{ status = 500 }",
        "{ status = 529 }",
        "{ status = 429 }",
        "{ drop = \"before\" }",
    ] {
        let scenario = format!("[[entry]]\ncall = \"review\"\ntimes = 3\nfault = {fault}\n{GOOD}");
        let scene = Scene::with(&scenario, Book::default(), |config| {
            config.retry_delays = [100, 200, 400].map(Duration::from_millis).to_vec();
        })
        .await?;
        let begun = Instant::now();
        let answer = scene.client.ask::<Verdict>(review()).await?;
        let took = begun.elapsed();
        assert_eq!(answer.value, verdict(), "{fault}");
        // 100 + 200 + 400 ms, a tenth less at most.
        assert!(took >= Duration::from_millis(630), "{fault}: {took:?}");
        let rows = scene.book.rows()?;
        let latencies: Vec<bool> = rows.iter().map(|row| row.latency_ms == -1).collect();
        assert_eq!(latencies, [true, true, true, false], "{fault}");
        let ids: std::collections::BTreeSet<_> = rows.iter().map(|row| &row.id).collect();
        assert_eq!(ids.len(), 4, "every attempt has an id of its own");
    }
    Ok(())
}

/// The delays of the specification are the defaults.
#[test]
fn the_delays_are_one_two_and_four_seconds() {
    let delays = paige_claude::Config::default().retry_delays;
    assert_eq!(delays, [1, 2, 4].map(Duration::from_secs));
}

/// spec: 7.5
#[tokio::test]
async fn a_refusal_is_a_typed_error_with_its_words_and_was_paid() -> Result<()> {
    let scene = Scene::new(
        "[[entry]]\ncall = \"review\"\ntext = \"I cannot help with that.\"\nstop_reason = \"refusal\"\n\
         usage = { input_tokens = 1000, output_tokens = 10 }",
    )
    .await?;
    let error = scene
        .client
        .ask::<Verdict>(review())
        .await
        .expect_err("it refused");
    assert_eq!(error.kind(), Kind::Refusal);
    assert!(!error.retryable());
    assert!(
        error.to_string().contains("I cannot help with that."),
        "{error}"
    );
    assert_eq!(scene.asked(), 1);
    let row = scene.book.row()?;
    assert!(
        row.latency_ms >= 0 && is_about(row.cost, (1000.0 + 50.0) / 1e6),
        "{row:?}"
    );
    Ok(())
}

/// spec: 7.6
#[tokio::test]
async fn a_cut_answer_is_a_typed_error() -> Result<()> {
    for (reason, kind) in [
        ("max_tokens", Kind::MaxTokens),
        ("content_filter", Kind::ContentFilter),
        ("model_context_window_exceeded", Kind::ContextWindow),
    ] {
        let scenario = format!(
            "[[entry]]\ncall = \"review\"\ntext = '{{\"passed\": tr'\nstop_reason = \"{reason}\""
        );
        let scene = Scene::new(&scenario).await?;
        let error = scene
            .client
            .ask::<Verdict>(review())
            .await
            .expect_err("it was cut");
        assert_eq!((error.kind(), error.retryable()), (kind, false));
        assert_eq!(scene.asked(), 1);
        assert!(scene.book.row()?.usage.output_tokens > 0);
    }
    Ok(())
}

/// spec: 7.7
#[tokio::test]
async fn a_final_failure_is_logged_without_tokens_and_cost() -> Result<()> {
    let scene = Scene::new("[[entry]]\ncall = \"review\"\nfault = { status = 500 }").await?;
    let error = scene
        .client
        .ask::<Verdict>(review())
        .await
        .expect_err("the API fails");
    assert_eq!((error.kind(), error.status()), (Kind::Server, Some(500)));
    let rows = scene.book.rows()?;
    assert_eq!(
        (rows.len(), scene.asked()),
        (4, 4),
        "the first attempt and three more"
    );
    for row in rows {
        assert_eq!(
            (row.latency_ms, row.usage, row.cost),
            (-1, Usage::default(), Some(0.0))
        );
        assert_eq!((row.scope, row.input_hash.len()), (Some(3), 16));
    }
    Ok(())
}
