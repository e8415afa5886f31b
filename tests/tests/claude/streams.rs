//! Prose that is told piece by piece.

use std::time::Duration;

use anyhow::Result;
use paige_claude::{Answer, ClaudeError, Kind, Request, Tier};

use crate::book::{Scene, is_about};

const TEXT: &str = "A list keeps its order, and a set does not. Which of the two do you need here?";

fn explain() -> Request {
    Request::new("explain", Tier::Haiku, "You explain.", "What is a set?")
}

fn entry(more: &str) -> String {
    format!(
        "[[entry]]\ncall = \"explain\"\ntext = '{TEXT}'\nusage = {{ input_tokens = 500, output_tokens = 40 }}\n{more}\n"
    )
}

async fn told(
    scene: &Scene,
    request: Request,
) -> (Result<Answer<String>, ClaudeError>, Vec<String>) {
    let mut pieces = Vec::new();
    let outcome = scene
        .client
        .stream(request, &mut |piece| pieces.push(piece.to_owned()))
        .await;
    (outcome, pieces)
}

#[tokio::test]
async fn text_is_told_as_it_comes_and_the_usage_is_counted_once() -> Result<()> {
    let scene = Scene::new(&entry("")).await?;
    let (answer, pieces) = told(&scene, explain()).await;
    let answer = answer?;
    assert_eq!(
        (answer.value.as_str(), pieces.concat().as_str()),
        (TEXT, TEXT)
    );
    assert!(pieces.len() > 3, "{pieces:?}");
    assert_eq!(
        (answer.usage.input_tokens, answer.usage.output_tokens),
        (500, 40)
    );
    let row = scene.book.row()?;
    assert!(is_about(row.cost, (500.0 + 40.0 * 5.0) / 1e6), "{row:?}");
    let body = paige_tests::anthropic::last(&scene.fake)?;
    assert_eq!(
        (&body["stream"], body.get("output_config")),
        (&true.into(), None)
    );
    scene.fake.expect_all_valid()
}

#[tokio::test]
async fn a_stream_that_is_not_wanted_any_more_is_cancelled() -> Result<()> {
    let scene = Scene::new(&entry("fault = { slow_ms = 100 }")).await?;
    let client = scene.client.clone();
    let (pieces, mut told) = tokio::sync::mpsc::unbounded_channel();
    let call = tokio::spawn(async move {
        let mut tell = |piece: &str| drop(pieces.send(piece.to_owned()));
        client.stream(explain(), &mut tell).await
    });
    assert!(
        told.recv()
            .await
            .is_some_and(|piece| TEXT.starts_with(&piece))
    );
    call.abort();
    assert_eq!(scene.book.wait_for(1).await?[0].latency_ms, -1);
    Ok(())
}

#[tokio::test]
async fn a_slow_stream_is_waited_for_as_long_as_it_moves() -> Result<()> {
    let scene = Scene::with(
        &entry("fault = { slow_ms = 150 }"),
        crate::book::Book::default(),
        |config| {
            config.read_timeout = Duration::from_secs(1);
        },
    )
    .await?;
    let (answer, _) = told(&scene, explain()).await;
    assert_eq!(answer?.value, TEXT);
    assert!(scene.book.row()?.latency_ms > 1000);
    Ok(())
}

#[tokio::test]
async fn what_fails_before_a_piece_was_told_is_repeated() -> Result<()> {
    for fault in ["{ status = 529 }", "{ drop = \"before\" }"] {
        let scenario = entry(&format!("times = 1\nfault = {fault}")) + &entry("");
        let scene = Scene::new(&scenario).await?;
        let (answer, pieces) = told(&scene, explain()).await;
        assert_eq!(
            (answer?.value.as_str(), pieces.concat().as_str()),
            (TEXT, TEXT)
        );
        assert_eq!(scene.book.rows()?.len(), 2, "{fault}");
    }
    Ok(())
}

#[tokio::test]
async fn what_fails_after_a_piece_was_told_is_not_told_twice() -> Result<()> {
    for (fault, kind) in [
        ("{ drop = \"within\" }", Kind::Network),
        ("{ event = \"overloaded_error\" }", Kind::Overloaded),
        ("{ event = \"api_error\" }", Kind::Server),
    ] {
        let scenario = entry(&format!("times = 1\nfault = {fault}")) + &entry("");
        let scene = Scene::new(&scenario).await?;
        let (outcome, pieces) = told(&scene, explain()).await;
        assert_eq!(outcome.expect_err("it breaks").kind(), kind, "{fault}");
        let said = pieces.concat();
        assert!(!said.is_empty() && TEXT.starts_with(&said), "{said}");
        assert_eq!(scene.book.row()?.latency_ms, -1);
    }
    Ok(())
}

#[tokio::test]
async fn a_refusal_within_a_stream_is_a_typed_error() -> Result<()> {
    let scene = Scene::new(&entry("stop_reason = \"refusal\"")).await?;
    let (outcome, _) = told(&scene, explain()).await;
    assert_eq!(outcome.expect_err("it refuses").kind(), Kind::Refusal);
    assert!(scene.book.row()?.latency_ms >= 0);
    Ok(())
}

#[tokio::test]
async fn the_deadline_ends_a_stream_that_goes_on_for_ever() -> Result<()> {
    let scene = Scene::new(&entry("fault = { slow_ms = 100 }")).await?;
    let (outcome, _) = told(&scene, explain().deadline(Duration::from_millis(500))).await;
    assert_eq!(
        outcome.expect_err("it takes too long").kind(),
        Kind::Deadline
    );
    assert_eq!(scene.book.row()?.latency_ms, -1);
    Ok(())
}
