//! A Chroma server that hangs delays nobody for long.

use std::time::{Duration, Instant};

use anyhow::Result;
use paige_memory::{Added, Config, Forget, Query};
use paige_tests::Chroma;
use tokio::net::TcpListener;

use crate::scene::{Scene, new, texts};

/// The promise is two seconds; more would mean that something hangs.
const BOUND: Duration = Duration::from_secs(4);

/// The defaults of a person's machine, but a model that is loaded before the clock runs.
fn usual(scene: &mut Scene) {
    scene.config.patience = Config::default().patience;
}

#[tokio::test]
async fn a_server_that_never_answers_delays_nobody_with_the_model() -> Result<()> {
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let mut scene = Scene::over(&format!("http://{}", silent.local_addr()?))?;
    usual(&mut scene);
    let held = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((socket, _)) = silent.accept().await {
            held.push(socket);
        }
    });
    let start = Instant::now();
    let memory = scene.open().await?;
    assert!(start.elapsed() < BOUND, "open: {:?}", start.elapsed());
    for round in 0..3 {
        let start = Instant::now();
        let added = memory
            .add(vec![new("Loops need an end.")], round, "/p")
            .await?;
        assert_eq!(
            added,
            Added {
                added: 1,
                indexed: 0
            }
        );
        assert!(start.elapsed() < BOUND, "add: {:?}", start.elapsed());
        let start = Instant::now();
        let recall = memory.query(Query::new("loops")).await?;
        assert!(!recall.memories.is_empty() && recall.note.is_some());
        assert!(start.elapsed() < BOUND, "query: {:?}", start.elapsed());
        let start = Instant::now();
        let forgotten = memory.forget(Forget::Session(round)).await?;
        assert!(forgotten.forgotten == 1 && forgotten.note.is_some());
        assert!(start.elapsed() < BOUND, "forget: {:?}", start.elapsed());
    }
    // Many at once are not queued one behind the other.
    memory.add(vec![new("Loops need an end.")], 9, "/p").await?;
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let memory = memory.clone();
        tasks.spawn(async move { memory.query(Query::new("loops")).await });
    }
    for recall in tasks.join_all().await {
        assert!(!recall?.memories.is_empty());
    }
    assert!(
        start.elapsed() < BOUND,
        "twenty queries: {:?}",
        start.elapsed()
    );
    held.abort();
    Ok(())
}

#[tokio::test]
async fn a_server_that_freezes_and_thaws_over_chroma_with_the_model() -> Result<()> {
    let server = Chroma::start().await?;
    let mut scene = Scene::over(&server.url())?;
    // The model is loaded, and the collection filled, without haste.
    let memory = scene.open().await?;
    memory.add(vec![new("Loops need an end.")], 1, "/p").await?;
    memory.close().await;
    usual(&mut scene);
    let memory = scene.open().await?;
    while memory.query(Query::new("loops")).await?.note.is_some() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.freeze(true)?;
    let start = Instant::now();
    let recall = memory.query(Query::new("loops")).await?;
    assert!(start.elapsed() < BOUND, "query: {:?}", start.elapsed());
    assert_eq!(texts(&recall), ["Loops need an end."]);
    assert!(recall.note.is_some() && !memory.available());
    server.freeze(false)?;
    let start = Instant::now();
    while memory.query(Query::new("loops")).await?.note.is_some() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "it is used again"
        );
    }
    assert!(memory.available());
    Ok(())
}
