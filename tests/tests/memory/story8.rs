//! Story 8 over a real Chroma server: at the start, going away, coming back.

use std::io::Write;
use std::sync::Arc;

use anyhow::Result;
use paige_memory::{Added, Forget, Query, RecallBy};
use paige_tests::Chroma;
use paige_tests::chroma::free_port;
use parking_lot::Mutex;
use serde_json::json;
use tracing::subscriber::DefaultGuard;

use crate::scene::{Scene, new, texts, until_available};

const FIRST: &str = "Recursion needs a base case.";
const SECOND: &str = "Branches in Git are cheap.";
const THIRD: &str = "A hash map finds keys at once.";

/// What was logged by this thread, on which all of a test's tasks run.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn listen() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn has(&self, level: &str, text: &str) -> bool {
        let log = self.0.lock();
        let log = String::from_utf8_lossy(&log);
        log.lines()
            .any(|line| line.contains(level) && line.contains(text))
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// spec: 8.1, 8.5
#[tokio::test]
async fn a_server_at_the_start_is_used_over_chroma_with_the_model() -> Result<()> {
    let (log, _guard) = Log::listen();
    let server = Chroma::start().await?;
    let memory = Scene::over(&server.url())?;
    let memory = memory.open().await?;
    until_available(&memory, true).await?;
    assert!(log.has("INFO", "is connected"));
    memory.add(vec![new(FIRST)], 7, "/web").await?;
    let contents = server.contents().await?;
    assert_eq!(contents["documents"], json!([FIRST]));
    let metadata = &contents["metadatas"][0];
    for (key, expected) in [
        ("session_id", "7"),
        ("project_dir", "/web"),
        ("type", "reflection"),
        ("importance", "high"),
        ("tags", "async,javascript"),
    ] {
        assert_eq!(metadata[key], expected, "{key}");
    }
    assert!(paige_tests::record::is_time(
        metadata["created_at"].as_str().unwrap_or_default()
    ));
    Ok(())
}

/// spec: 8.6, 8.7, 8.8
#[tokio::test]
async fn a_server_that_comes_later_is_used_then_over_chroma_with_the_model() -> Result<()> {
    let (log, _guard) = Log::listen();
    let port = free_port()?;
    let scene = Scene::over(&format!("http://127.0.0.1:{port}"))?;
    let memory = scene.open().await?;
    assert!(!memory.available());
    let added = memory.add(vec![new(FIRST), new(SECOND)], 1, "/web").await?;
    assert_eq!(
        added,
        Added {
            added: 2,
            indexed: 0
        }
    );
    assert!(log.has("WARN", "cannot be reached"));
    let recall = memory
        .query(Query::new("a function that calls itself"))
        .await?;
    assert_eq!((texts(&recall)[0], recall.by), (FIRST, RecallBy::Embedding));
    let note = recall.note.unwrap_or_default();
    assert!(
        note.contains("cannot be reached. The record itself was searched instead."),
        "{note}"
    );
    assert!(!memory.available());

    let server = Chroma::at(port).await?;
    let added = memory.add(vec![new(THIRD)], 2, "/web").await?;
    assert_eq!(
        added,
        Added {
            added: 1,
            indexed: 1
        }
    );
    assert!(memory.available());
    let mut all = [FIRST, SECOND, THIRD];
    all.sort_unstable();
    assert_eq!(server.documents().await?, all);
    let recall = memory.query(Query::new("version control")).await?;
    assert_eq!((texts(&recall)[0], &recall.note), (SECOND, &None));
    Ok(())
}

/// spec: 8.7, 8.8
#[tokio::test]
async fn kill_and_restart_in_the_middle_lose_nothing_over_chroma_with_the_model() -> Result<()> {
    let mut server = Chroma::start().await?;
    let scene = Scene::over(&server.url())?;
    let memory = scene.open().await?;
    memory.add(vec![new(FIRST)], 1, "/web").await?;
    assert_eq!(
        memory.query(Query::new("recursive functions")).await?.note,
        None
    );

    server.kill()?;
    let recall = memory.query(Query::new("recursive functions")).await?;
    assert_eq!(texts(&recall), [FIRST]);
    assert!(recall.note.is_some() && !memory.available());
    let added = memory.add(vec![new(SECOND), new(THIRD)], 2, "/web").await?;
    assert_eq!(
        added,
        Added {
            added: 2,
            indexed: 0
        }
    );
    let forgotten = memory.forget(Forget::Session(1)).await?;
    assert_eq!(forgotten.forgotten, 1);
    assert!(forgotten.note.is_some());

    // What was forgotten while it was away is not there when it comes back, what was added is.
    server.restart().await?;
    let recall = memory.query(Query::new("version control")).await?;
    assert_eq!((texts(&recall)[0], &recall.note), (SECOND, &None));
    assert!(memory.available());
    assert_eq!(server.documents().await?, [THIRD, SECOND]);

    // Its data is lost: everything comes again from the record.
    server.kill()?;
    server.restart_empty().await?;
    let recall = memory.query(Query::new("version control")).await?;
    assert_eq!((texts(&recall)[0], &recall.note), (SECOND, &None));
    assert_eq!(server.documents().await?, [THIRD, SECOND]);
    Ok(())
}

/// `paige-sidecar memory forget` may run beside a sidecar, and without knowing the server.
#[tokio::test]
async fn what_another_process_forgets_leaves_the_index_over_chroma_with_the_model() -> Result<()> {
    let server = Chroma::start().await?;
    let mut scene = Scene::over(&server.url())?;
    let memory = scene.open().await?;
    memory.add(vec![new(FIRST)], 1, "/web").await?;
    memory.add(vec![new(SECOND)], 2, "/web").await?;
    scene.config.chroma_url = None;
    let beside = scene.open().await?;
    assert_eq!(beside.forget(Forget::Session(1)).await?.forgotten, 1);
    beside.close().await;
    assert_eq!(server.documents().await?, [SECOND, FIRST]);
    let recall = memory.query(Query::new("recursive functions")).await?;
    assert_eq!((texts(&recall), &recall.note), (vec![SECOND], &None));
    assert_eq!(server.documents().await?, [SECOND]);
    Ok(())
}
