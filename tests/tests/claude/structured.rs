//! Answers that do not fit, and servers that cannot be held to a schema.

use std::collections::BTreeMap;

use anyhow::Result;
use paige_claude::Kind;

use crate::book::{Book, GOOD, Scene, Verdict, review, verdict};

/// A good answer to a corrected request, and a bad one before.
fn corrected(first: &str) -> String {
    format!(
        "[[entry]]\ncall = \"review\"\ncontains = [\"cannot be used\"]\nanswer = {{ passed = true, level = 7 }}\n\
         [[entry]]\ncall = \"review\"\n{first}\n"
    )
}

#[tokio::test]
async fn a_malformed_answer_is_asked_for_again_once() -> Result<()> {
    for (first, reason) in [
        ("text = 'Sorry, I'", "It holds no JSON object."),
        ("text = '{\"passed\": true'", "It holds no JSON object."),
        ("answer = { passed = true, level = 700 }", "At `level`"),
        ("answer = { passed = true }", "missing field `level`"),
    ] {
        let scene = Scene::new(&corrected(first)).await?;
        assert_eq!(
            scene.client.ask::<Verdict>(review()).await?.value,
            verdict(),
            "{first}"
        );
        let body = paige_tests::anthropic::last(&scene.fake)?;
        let roles: Vec<_> = body["messages"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|message| message["role"].clone())
            .collect();
        assert_eq!(roles, ["user", "assistant", "user"]);
        let said = body["messages"][2]["content"].as_str().unwrap_or_default();
        assert!(
            said.contains(reason) && said.contains("additionalProperties"),
            "{said}"
        );
        assert_eq!(scene.book.rows()?.len(), 2);
        scene.fake.expect_all_valid()?;
    }
    Ok(())
}

#[tokio::test]
async fn a_second_bad_answer_is_a_typed_error_and_both_were_paid() -> Result<()> {
    let scene =
        Scene::new("[[entry]]\ncall = \"review\"\ntext = 'no'\nusage = { output_tokens = 9 }")
            .await?;
    let error = scene
        .client
        .ask::<Verdict>(review())
        .await
        .expect_err("it is no JSON");
    assert_eq!((error.kind(), error.retryable()), (Kind::Validation, false));
    let rows = scene.book.rows()?;
    assert_eq!(rows.len(), 2);
    assert!(
        rows.iter()
            .all(|row| row.usage.output_tokens == 9 && row.latency_ms >= 0)
    );
    Ok(())
}

#[tokio::test]
async fn the_check_of_the_caller_is_told_to_the_model() -> Result<()> {
    let scene = Scene::new(&corrected("answer = { passed = true, level = 11 }")).await?;
    let request = review().check(|value| match value["level"].as_u64() {
        Some(1..=10) => Ok(()),
        level => Err(format!("The level is 1 to 10, not {level:?}.")),
    });
    let answer = scene.client.ask::<Verdict>(request).await?;
    assert_eq!(answer.value.level, 7);
    let body = paige_tests::anthropic::last(&scene.fake)?;
    assert!(
        body["messages"][2]["content"]
            .to_string()
            .contains("The level is 1 to 10, not Some(11).")
    );
    // Both attempts were paid.
    let sum: u32 = scene
        .book
        .rows()?
        .iter()
        .map(|row| row.usage.input_tokens)
        .sum();
    assert_eq!(answer.usage.input_tokens, sum);
    Ok(())
}

#[tokio::test]
async fn a_server_without_structured_output_is_asked_in_words() -> Result<()> {
    let scene = Scene::new(
        "[[entry]]\ncall = \"review\"\ncontains = [\"JSON Schema\"]\ntext = '''Here:\n```json\n{\"passed\": true, \"level\": 7}\n```'''",
    )
    .await?;
    scene.fake.without_structured_output();
    for _ in 0..2 {
        assert_eq!(
            scene.client.ask::<Verdict>(review()).await?.value,
            verdict()
        );
    }
    let with_schema: Vec<bool> = scene
        .fake
        .messages()
        .iter()
        .map(|body| body.get("output_config").is_some())
        .collect();
    assert_eq!(
        with_schema,
        [true, false, false],
        "it is found out once and remembered"
    );
    let system = paige_tests::anthropic::last(&scene.fake)?["system"][0]["text"].to_string();
    assert!(
        system.starts_with("\"You review.") && system.contains("additionalProperties"),
        "{system}"
    );
    // The refused attempt cost nothing.
    assert_eq!(
        scene
            .book
            .rows()?
            .iter()
            .map(|row| row.latency_ms == -1)
            .collect::<Vec<_>>(),
        [true, false, false]
    );
    Ok(())
}

#[tokio::test]
async fn what_is_known_of_a_server_is_not_tried() -> Result<()> {
    let scene = Scene::with(GOOD, Book::default(), |config| {
        config.structured_output = Some(false)
    })
    .await?;
    scene.fake.without_structured_output();
    assert_eq!(
        scene.client.ask::<Verdict>(review()).await?.value,
        verdict()
    );
    assert_eq!(scene.asked(), 1);
    scene.fake.expect_all_valid()?;

    let told = Scene::with(GOOD, Book::default(), |config| {
        config.structured_output = Some(true)
    })
    .await?;
    told.fake.without_structured_output();
    let error = told
        .client
        .ask::<Verdict>(review())
        .await
        .expect_err("it was said to be there");
    assert_eq!(error.kind(), Kind::InvalidRequest);
    Ok(())
}

#[tokio::test]
async fn a_local_server_without_counting_and_prices_works() -> Result<()> {
    let scene = Scene::with(GOOD, Book::default(), |config| {
        config.mapping = BTreeMap::from([("haiku".to_owned(), "llama-4".to_owned())]);
    })
    .await?;
    scene.fake.with_any_model();
    scene.fake.without_counting();
    scene.fake.without_structured_output();
    let answer = scene.client.ask::<Verdict>(review()).await?;
    assert_eq!(answer.model, "llama-4");
    // Unpriced, not free: neither the failed nor the good attempt.
    assert!(scene.book.rows()?.iter().all(|row| row.cost.is_none()));
    assert!(
        scene
            .book
            .state
            .lock()
            .planned
            .iter()
            .all(|planned| planned.worst_case.is_none())
    );
    Ok(())
}

#[tokio::test]
async fn without_counting_the_worst_case_is_never_too_low() -> Result<()> {
    let worst = |scene: &Scene| scene.book.state.lock().planned[0].worst_case.unwrap_or(0.0);
    let counted = Scene::new(GOOD).await?;
    counted.client.ask::<Verdict>(review()).await?;
    let estimated = Scene::new(GOOD).await?;
    estimated.fake.without_counting();
    for _ in 0..2 {
        estimated.client.ask::<Verdict>(review()).await?;
    }
    assert!(
        worst(&estimated) > worst(&counted),
        "{} {}",
        worst(&estimated),
        worst(&counted)
    );
    let spent = counted.book.row()?.cost.unwrap_or(1.0);
    assert!(worst(&counted) > spent);
    let asked = |scene: &Scene| {
        scene
            .fake
            .requests()
            .iter()
            .filter(|recorded| recorded.request.counts())
            .count()
    };
    assert_eq!(
        (asked(&counted), asked(&estimated)),
        (1, 1),
        "it is remembered that there is no counting"
    );
    Ok(())
}
