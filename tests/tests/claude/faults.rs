//! What goes wrong on the way: errors, silence, broken connections, callers that go away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use paige_claude::{ClaudeError, Client, Kind, Ledger, Secret, Tier};
use tokio::io::AsyncReadExt as _;

use crate::book::{Book, GOOD, Scene, Verdict, review, verdict};

async fn failing(fault: &str) -> Result<(Scene, ClaudeError)> {
    let scene = Scene::new(&format!("[[entry]]\ncall = \"review\"\nfault = {fault}")).await?;
    let error = scene
        .client
        .ask::<Verdict>(review())
        .await
        .expect_err("it fails");
    Ok((scene, error))
}

#[tokio::test]
async fn every_failure_has_its_kind_and_only_what_may_pass_is_repeated() -> Result<()> {
    for (fault, kind, attempts) in [
        ("{ status = 429 }", Kind::RateLimit, 4),
        (
            "{ status = 429, message = \"You have reached your spend limit\" }",
            Kind::Billing,
            1,
        ),
        ("{ status = 402 }", Kind::Billing, 1),
        (
            "{ status = 400, message = \"Your credit balance is too low\" }",
            Kind::Billing,
            1,
        ),
        ("{ status = 529 }", Kind::Overloaded, 4),
        ("{ status = 503, message = \"\" }", Kind::Server, 4),
        ("{ status = 401 }", Kind::Authentication, 1),
        ("{ status = 403 }", Kind::Authentication, 1),
        ("{ status = 400 }", Kind::InvalidRequest, 1),
        ("{ status = 404 }", Kind::InvalidRequest, 1),
        ("{ status = 413 }", Kind::ContextWindow, 1),
        (
            "{ status = 400, message = \"prompt is too long: 9 tokens > 8 maximum\" }",
            Kind::ContextWindow,
            1,
        ),
        ("{ drop = \"before\" }", Kind::Network, 4),
        ("{ drop = \"within\" }", Kind::Network, 4),
        ("{ body = \"<html>\" }", Kind::Server, 4),
    ] {
        let (scene, error) = failing(fault).await?;
        assert_eq!(
            (error.kind(), scene.asked()),
            (kind, attempts),
            "{fault}: {error}"
        );
        assert_eq!(error.retryable(), attempts == 4, "{fault}");
        let rows = scene.book.rows()?;
        assert_eq!(rows.len(), attempts, "{fault}");
        assert!(
            rows.iter()
                .all(|row| row.latency_ms == -1 && row.cost == Some(0.0)),
            "{fault}"
        );
        let told = error.to_string();
        assert!(told.contains(". ") || told.ends_with('.'), "{told}");
        assert!(!told.contains(paige_tests::anthropic::KEY), "{told}");
        assert!(!told.contains("127.0.0.1"), "{told}");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_network_error() -> Result<()> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    drop(listener);
    let scene = Scene::with(GOOD, Book::default(), |config| {
        config.base_url = format!("http://{address}")
    })
    .await?;
    let error = scene
        .client
        .ask::<Verdict>(review())
        .await
        .expect_err("nobody is there");
    assert_eq!(error.kind(), Kind::Network);
    assert_eq!(scene.book.rows()?.len(), 4);
    Ok(())
}

#[tokio::test]
async fn the_key_goes_out_over_tls_alone_where_the_address_says_so() -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut hello = vec![0; 4096];
        let read = stream.read(&mut hello).await?;
        hello.truncate(read);
        std::io::Result::Ok(hello)
    });
    let scene = Scene::with(GOOD, Book::default(), |config| {
        config.base_url = format!("https://{address}");
        config.retry_delays.clear();
    })
    .await?;
    let error = scene
        .client
        .ask::<Verdict>(review())
        .await
        .expect_err("it speaks no TLS");
    assert_eq!(error.kind(), Kind::Network);
    // 22 begins a TLS handshake.
    let hello = server.await??;
    assert_eq!(hello.first(), Some(&22), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_longer_retry_after_is_honoured() -> Result<()> {
    let scene = Scene::new(&format!(
        "[[entry]]\ncall = \"review\"\ntimes = 1\nfault = {{ status = 429, retry_after = 1 }}\n{GOOD}"
    ))
    .await?;
    let begun = Instant::now();
    assert_eq!(
        scene.client.ask::<Verdict>(review()).await?.value,
        verdict()
    );
    assert!(
        begun.elapsed() >= Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    Ok(())
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_not_begun() -> Result<()> {
    let scene = Scene::new(
        "[[entry]]\ncall = \"review\"\nfault = { status = 429, retry_after = 9223372036854775807 }",
    )
    .await?;
    let begun = Instant::now();
    let request = review().deadline(Duration::from_secs(10));
    let error = scene
        .client
        .ask::<Verdict>(request)
        .await
        .expect_err("it has to wait too long");
    assert_eq!(error.kind(), Kind::RateLimit);
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(scene.asked(), 1);
    Ok(())
}

#[tokio::test]
async fn a_hanging_server_costs_no_more_than_the_deadline() -> Result<()> {
    let scene = Scene::new("[[entry]]\ncall = \"review\"\nfault = { hang = true }").await?;
    let begun = Instant::now();
    let request = review().deadline(Duration::from_millis(400));
    let error = scene
        .client
        .ask::<Verdict>(request)
        .await
        .expect_err("it hangs");
    assert_eq!((error.kind(), error.retryable()), (Kind::Deadline, false));
    let took = begun.elapsed();
    assert!(
        (Duration::from_millis(400)..Duration::from_secs(3)).contains(&took),
        "{took:?}"
    );
    assert_eq!(scene.book.row()?.latency_ms, -1);
    Ok(())
}

#[tokio::test]
async fn counting_that_hangs_costs_a_quarter_of_the_time_and_no_answer() -> Result<()> {
    let scene = Scene::new(GOOD).await?;
    scene.fake.with_silent_counting();
    let begun = Instant::now();
    let request = review().deadline(Duration::from_secs(2));
    let answer = scene.client.ask::<Verdict>(request).await?;
    assert_eq!(answer.value, verdict());
    assert!(begun.elapsed() >= Duration::from_millis(490));
    // What was not counted is estimated: the answer alone costs 0.02, and a prompt costs something.
    let worst = scene.book.state.lock().planned[0].worst_case;
    assert!(worst.is_some_and(|worst| worst > 0.0205), "{worst:?}");
    Ok(())
}

#[tokio::test]
async fn a_silent_server_is_a_network_error() -> Result<()> {
    let scene = Scene::with(
        "[[entry]]\ncall = \"review\"\nfault = { hang = true }",
        Book::default(),
        |config| {
            config.read_timeout = Duration::from_millis(100);
            config.retry_delays.truncate(1);
        },
    )
    .await?;
    let error = scene
        .client
        .ask::<Verdict>(review())
        .await
        .expect_err("it is silent");
    assert_eq!(error.kind(), Kind::Network);
    assert_eq!(scene.book.rows()?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_one_failed_row_and_nothing_reserved() -> Result<()> {
    let scene = Scene::new("[[entry]]\ncall = \"review\"\nfault = { hang = true }").await?;
    let client = scene.client.clone();
    let call = tokio::spawn(async move { client.ask::<Verdict>(review()).await });
    while scene.asked() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    call.abort();
    let rows = scene.book.wait_for(1).await?;
    assert_eq!((rows[0].latency_ms, rows[0].cost), (-1, Some(0.0)));
    Ok(())
}

#[tokio::test]
async fn a_caller_that_goes_away_while_it_reserves_leaves_nothing_reserved() -> Result<()> {
    let scene = Scene::with(GOOD, Book::slow(Duration::from_millis(1500)), |_| ()).await?;
    let call = tokio::time::timeout(
        Duration::from_millis(500),
        scene.client.ask::<Verdict>(review()),
    );
    assert!(call.await.is_err());
    scene.book.wait_for(1).await?;
    assert_eq!(scene.asked(), 0, "it was never sent");
    Ok(())
}

#[tokio::test]
async fn requests_of_a_tier_wait_for_each_other() -> Result<()> {
    let scene = Scene::with(
        "[[entry]]\ncall = \"review\"\nanswer = { passed = true, level = 7 }\nfault = { slow_ms = 100 }",
        Book::default(),
        |config| config.concurrency.haiku = 1,
    )
    .await?;
    let begun = Instant::now();
    let ask = || scene.client.ask::<Verdict>(review());
    let mut large = review();
    large.tier = Tier::Opus;
    let (first, second, third, other) =
        tokio::join!(ask(), ask(), ask(), scene.client.ask::<Verdict>(large));
    for answer in [first, second, third, other] {
        assert_eq!(answer?.value, verdict());
    }
    // Each takes 200 ms; the other tier has a place of its own.
    assert!(
        begun.elapsed() >= Duration::from_millis(600),
        "{:?}",
        begun.elapsed()
    );
    Ok(())
}

#[tokio::test]
async fn waiting_for_a_place_ends_at_the_deadline() -> Result<()> {
    let scene = Scene::with(
        "[[entry]]\ncall = \"review\"\nfault = { hang = true }",
        Book::default(),
        |config| {
            config.concurrency.haiku = 1;
        },
    )
    .await?;
    let client = scene.client.clone();
    let first = tokio::spawn(async move { client.ask::<Verdict>(review()).await });
    while scene.asked() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let second = review().deadline(Duration::from_millis(300));
    let error = scene
        .client
        .ask::<Verdict>(second)
        .await
        .expect_err("there is no place");
    assert_eq!(error.kind(), Kind::Deadline);
    first.abort();
    scene.book.wait_for(1).await?;
    // The second one never got so far as to reserve anything.
    assert_eq!(scene.book.state.lock().planned.len(), 1);
    Ok(())
}

#[tokio::test]
async fn without_a_key_nothing_is_asked() -> Result<()> {
    let scene = Scene::with(GOOD, Book::default(), |config| config.api_key = None).await?;
    let error = scene
        .client
        .ask::<Verdict>(review())
        .await
        .expect_err("it is offline");
    assert_eq!(error.kind(), Kind::NoKey);
    assert!(error.to_string().contains("ANTHROPIC_API_KEY"));
    assert!(scene.fake.requests().is_empty() && scene.book.rows()?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_never_shown() -> Result<()> {
    let scene = Scene::with(GOOD, Book::default(), |config| {
        config.api_key = Some(Secret::new("sk-wrong"))
    })
    .await?;
    let error = scene
        .client
        .ask::<Verdict>(review())
        .await
        .expect_err("the key is wrong");
    assert_eq!(
        (error.kind(), error.status()),
        (Kind::Authentication, Some(401))
    );
    assert!(!format!("{error} {error:?}").contains("sk-wrong"));
    Ok(())
}

#[tokio::test]
async fn questions_that_cannot_be_sent_are_refused_at_once() -> Result<()> {
    let scene = Scene::new(GOOD).await?;
    let mut named = review();
    named.call_type = "Re view";
    let mut empty = review();
    empty.user = " ".to_owned();
    for request in [named, empty, review().max_tokens(0)] {
        let error = scene
            .client
            .ask::<Verdict>(request)
            .await
            .expect_err("it makes no sense");
        assert_eq!(error.kind(), Kind::InvalidRequest);
    }
    assert!(scene.fake.requests().is_empty());
    let mut config = scene.fake.config();
    config.base_url = "nowhere".to_owned();
    let refused = Client::new(config, Arc::clone(&scene.book) as Arc<dyn Ledger>);
    assert!(
        refused
            .err()
            .is_some_and(|error| error.to_string().contains("base_url"))
    );
    Ok(())
}
