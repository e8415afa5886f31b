use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::Ordering::SeqCst;

use tempfile::TempDir;

use super::*;
use crate::embedder::{EmbedError, Embedder};
use crate::model::Importance;

/// A model whose texts are close when they share words. It can be made to be missing.
#[derive(Default)]
struct Hashing {
    missing: AtomicBool,
}

struct Words;

impl Source for Hashing {
    fn name(&self) -> &str {
        "hashing"
    }

    fn load(&self) -> Result<Box<dyn Embedder>, EmbedError> {
        if self.missing.load(SeqCst) {
            return Err(EmbedError::Missing("The model is missing.".to_owned()));
        }
        Ok(Box::new(Words))
    }
}

impl Embedder for Words {
    fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, String> {
        let embed = |text: &String| {
            let mut vector = vec![0.0; 64];
            for word in text.split_whitespace() {
                let mut hasher = DefaultHasher::new();
                word.to_lowercase().hash(&mut hasher);
                vector[usize::try_from(hasher.finish() % 64).unwrap()] += 1.0;
            }
            vector
        };
        Ok(texts.iter().map(embed).collect())
    }
}

struct Scene {
    folder: TempDir,
    source: Arc<Hashing>,
    config: Config,
}

impl Scene {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            source: Arc::default(),
            config: Config {
                retry_after: Duration::from_millis(1),
                ..Config::default()
            },
        }
    }

    async fn open(&self) -> Memory {
        let path = self.folder.path().join("memory.db");
        Memory::open_with(&path, self.config.clone(), self.source.clone())
            .await
            .unwrap()
    }
}

fn new(content: &str) -> NewMemory {
    NewMemory {
        key: None,
        content: content.to_owned(),
        kind: "reflection".to_owned(),
        tags: Vec::new(),
        importance: Importance::Medium,
    }
}

#[tokio::test]
async fn memories_are_found_by_their_vectors() {
    let scene = Scene::new();
    let memory = scene.open().await;
    assert!(memory.available());
    let added = memory
        .add(vec![new("red apple"), new("blue sky")], 1, "/p")
        .await
        .unwrap();
    assert_eq!(
        added,
        Added {
            added: 2,
            indexed: 2
        }
    );
    let recall = memory.query(Query::new("apple red")).await.unwrap();
    assert_eq!((recall.by, &recall.note), (RecallBy::Embedding, &None));
    assert_eq!(recall.memories[0].content, "red apple");
    assert!(recall.memories[0].distance < 1e-5 && recall.memories[1].distance > 0.5);
}

#[tokio::test]
async fn without_a_model_words_are_searched_and_it_is_said() {
    let scene = Scene::new();
    scene.source.missing.store(true, SeqCst);
    let memory = scene.open().await;
    let added = memory
        .add(vec![new("red apple"), new("blue sky")], 1, "/p")
        .await
        .unwrap();
    assert_eq!(
        added,
        Added {
            added: 2,
            indexed: 0
        }
    );
    let recall = memory.query(Query::new("which apples?")).await.unwrap();
    assert_eq!(recall.by, RecallBy::FullText);
    assert_eq!(recall.memories.len(), 1);
    let note = recall.note.unwrap();
    assert_eq!(
        note,
        "The model is missing. Until it is there, memories are found by their words only."
    );
    // It comes: what was stored meanwhile is found by meaning, too.
    scene.source.missing.store(false, SeqCst);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let recall = memory.query(Query::new("sky")).await.unwrap();
    assert_eq!((recall.by, recall.note), (RecallBy::Embedding, None));
    assert_eq!(recall.memories[0].content, "blue sky");
}

#[tokio::test]
async fn a_resumed_wrap_up_stores_once() {
    let scene = Scene::new();
    let memory = scene.open().await;
    let keyed = || {
        vec![NewMemory {
            key: Some("s:wrap-up:1:0".to_owned()),
            ..new("once")
        }]
    };
    assert_eq!(
        memory.add(keyed(), 1, "/p").await.unwrap(),
        Added {
            added: 1,
            indexed: 1
        }
    );
    memory.close().await;
    let memory = scene.open().await;
    assert_eq!(
        memory.add(keyed(), 1, "/p").await.unwrap(),
        Added {
            added: 0,
            indexed: 0
        }
    );
    assert_eq!(memory.export().await.unwrap().memories.len(), 1);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let scene = Scene::new();
    let memory = scene.open().await;
    let blank = memory.add(vec![new("fine"), new(" ")], 1, "/p").await;
    assert!(matches!(blank, Err(MemoryError::Invalid(_))));
    assert_eq!(memory.list(Filter::default()).await.unwrap(), []);
    assert_eq!(
        memory.add(vec![], 1, "/p").await.unwrap(),
        Added {
            added: 0,
            indexed: 0
        }
    );
    for query in [
        Query::new("\n"),
        Query {
            limit: 0,
            ..Query::new("x")
        },
    ] {
        assert!(matches!(
            memory.query(query).await,
            Err(MemoryError::Invalid(_))
        ));
    }
    let config = Config {
        patience: Duration::ZERO,
        ..Config::default()
    };
    let path = scene.folder.path().join("other.db");
    let refused = Memory::open(&path, config).await;
    assert!(matches!(refused, Err(MemoryError::Config(problems)) if problems.len() == 1));
}

#[tokio::test]
async fn a_closed_memory_says_so_to_every_clone() {
    let scene = Scene::new();
    let memory = scene.open().await;
    let clone = memory.clone();
    memory.close().await;
    assert!(!clone.available());
    assert_eq!(
        clone.list(Filter::default()).await,
        Err(MemoryError::Closed)
    );
    assert_eq!(clone.query(Query::new("x")).await, Err(MemoryError::Closed));
}

/// Neither the model nor a network is touched by opening and looking through the record.
#[cfg(feature = "embed-local")]
#[tokio::test]
async fn opening_and_listing_need_neither_model_nor_network() {
    use tokio::{net::TcpListener, time::timeout};
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = Config {
        download_url: format!("http://{}/", listener.local_addr().unwrap()),
        ..Config::default()
    };
    let memory = Memory::open(&folder.path().join("memory.db"), config)
        .await
        .unwrap();
    assert_eq!(memory.search("x", Filter::default()).await.unwrap(), []);
    let quiet = timeout(Duration::from_millis(200), listener.accept()).await;
    assert!(quiet.is_err());
    assert_eq!(*memory.model().borrow(), ModelState::Resting);
    // The first question asks for the files, and does not wait for them.
    let recall = memory.query(Query::new("x")).await.unwrap();
    assert_eq!(recall.by, RecallBy::FullText);
    assert!(
        recall
            .note
            .unwrap()
            .starts_with("The embedding model is being downloaded (0 of 91 MB).")
    );
    timeout(Duration::from_secs(10), listener.accept())
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn many_at_once_lose_nothing() {
    let scene = Scene::new();
    let memory = scene.open().await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40 {
        let memory = memory.clone();
        tasks.spawn(async move {
            memory
                .add(vec![new(&format!("memory number{n}"))], n, "/p")
                .await
                .unwrap();
            memory
                .query(Query::new(format!("number{n}")))
                .await
                .unwrap();
        });
    }
    tasks.join_all().await;
    let recall = memory
        .query(Query {
            limit: 100,
            ..Query::new("memory")
        })
        .await
        .unwrap();
    assert_eq!((recall.memories.len(), recall.note), (40, None));
}
