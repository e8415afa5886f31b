//! What both homes promise, in one suite that is run over each of them.

use anyhow::{Result, ensure};
use paige_memory::{Added, Filter, Forget, Memory, MemoryError, Query, RecallBy};
use paige_tests::Chroma;

use crate::scene::{Scene, new, texts};

const PROMISES: &str = "Forgot to await an asynchronous call and used the promise itself.";
const STYLES: &str = "Learned how flexbox places elements in a row.";
const LOCKS: &str = "Two threads wrote to the same variable; a mutex helped.";
const INDEXES: &str = "An index made the slow database query fast.";

/// spec: 8.1, 8.2, 8.3, 8.4
#[tokio::test]
async fn the_embedded_home_keeps_the_contract_with_the_model() -> Result<()> {
    keeps_the_contract(&Scene::new()?).await
}

/// spec: 8.1, 8.2, 8.3, 8.4
#[tokio::test]
async fn the_chroma_home_keeps_the_contract_over_chroma_with_the_model() -> Result<()> {
    let server = Chroma::start().await?;
    keeps_the_contract(&Scene::over(&server.url())?).await?;
    // Another record on the same server neither sees nor disturbs the first one.
    keeps_the_contract(&Scene::over(&server.url())?).await
}

async fn keeps_the_contract(scene: &Scene) -> Result<()> {
    let memory = scene.open().await?;
    nothing_is_found_in_nothing(&memory).await?;
    memories_are_kept_with_their_metadata(&memory).await?;
    the_nearest_comes_first(&memory).await?;
    projects_are_told_apart(&memory).await?;
    a_key_is_kept_once(&memory).await?;
    what_is_forgotten_is_found_no_more(&memory).await?;
    memory.close().await;
    let memory = scene.open().await?;
    everything_is_there_after_a_restart(&memory).await?;
    memory.close().await;
    Ok(())
}

async fn nothing_is_found_in_nothing(memory: &Memory) -> Result<()> {
    assert_eq!(
        memory.add(vec![], 1, "/web").await?,
        Added {
            added: 0,
            indexed: 0
        }
    );
    let recall = memory.query(Query::new("anything")).await?;
    assert_eq!(
        (recall.memories.len(), recall.by, recall.note),
        (0, RecallBy::Embedding, None)
    );
    ensure!(memory.available());
    Ok(())
}

async fn memories_are_kept_with_their_metadata(memory: &Memory) -> Result<()> {
    let added = memory
        .add(vec![new(PROMISES), new(STYLES)], 7, "/web")
        .await?;
    assert_eq!(
        added,
        Added {
            added: 2,
            indexed: 2
        }
    );
    let added = memory
        .add(vec![new(LOCKS), new(INDEXES)], 8, "/api")
        .await?;
    assert_eq!(
        added,
        Added {
            added: 2,
            indexed: 2
        }
    );
    let recall = memory.query(Query::new(PROMISES)).await?;
    let first = &recall.memories[0];
    assert_eq!(first.content, PROMISES);
    ensure!(first.distance < 1e-3, "{}", first.distance);
    let metadata = &first.metadata;
    assert_eq!(
        (metadata.session_id, metadata.project_dir.as_str()),
        (7, "/web")
    );
    assert_eq!(
        (metadata.kind.as_str(), metadata.tags.as_slice()),
        (
            "reflection",
            ["async".to_owned(), "javascript".to_owned()].as_slice()
        )
    );
    ensure!(paige_tests::record::is_time(&metadata.created_at));
    Ok(())
}

async fn the_nearest_comes_first(memory: &Memory) -> Result<()> {
    for (question, expected) in [
        ("asynchronous JavaScript", PROMISES),
        ("CSS layout", STYLES),
        ("concurrency and race conditions", LOCKS),
        ("SQL performance", INDEXES),
    ] {
        let recall = memory.query(Query::new(question)).await?;
        assert_eq!(
            (recall.by, &recall.note),
            (RecallBy::Embedding, &None),
            "{question}"
        );
        // Without a project, every project's are found.
        assert_eq!(recall.memories.len(), 4);
        assert_eq!(recall.memories[0].content, expected, "{question}");
        let distances: Vec<f32> = recall.memories.iter().map(|m| m.distance).collect();
        ensure!(distances.is_sorted(), "{distances:?}");
        ensure!(recall.memories.iter().all(|memory| !memory.other_project));
        let one = Query {
            limit: 1,
            ..Query::new(question)
        };
        assert_eq!(texts(&memory.query(one).await?), [expected]);
    }
    Ok(())
}

async fn projects_are_told_apart(memory: &Memory) -> Result<()> {
    let question = |only_project, limit| Query {
        project: Some("/web".to_owned()),
        only_project,
        limit,
        ..Query::new("threads that wait for a lock")
    };
    let recall = memory.query(question(true, 5)).await?;
    let mut found = texts(&recall);
    found.sort_unstable();
    assert_eq!(found, [PROMISES, STYLES]);
    // Others only fill up, however close they are.
    let recall = memory.query(question(false, 3)).await?;
    assert_eq!(recall.memories[2].content, LOCKS);
    let others: Vec<bool> = recall.memories.iter().map(|m| m.other_project).collect();
    assert_eq!(others, [false, false, true]);
    assert_eq!(memory.query(question(false, 5)).await?.memories.len(), 4);
    assert_eq!(memory.query(question(false, 2)).await?.memories.len(), 2);
    let nowhere = Query {
        project: Some("/none".to_owned()),
        only_project: true,
        ..Query::new("x")
    };
    assert_eq!(memory.query(nowhere).await?.memories, []);
    Ok(())
}

async fn a_key_is_kept_once(memory: &Memory) -> Result<()> {
    let keyed = || {
        let mut keyed = new("Paging with a cursor was understood.");
        keyed.key = Some("stream:wrap-up:9:0".to_owned());
        vec![keyed]
    };
    assert_eq!(
        memory.add(keyed(), 9, "/api").await?,
        Added {
            added: 1,
            indexed: 1
        }
    );
    assert_eq!(
        memory.add(keyed(), 9, "/api").await?,
        Added {
            added: 0,
            indexed: 0
        }
    );
    assert_eq!(memory.list(Filter::default()).await?.len(), 5);
    Ok(())
}

async fn what_is_forgotten_is_found_no_more(memory: &Memory) -> Result<()> {
    let of_session = Filter {
        session: Some(9),
        ..Filter::default()
    };
    let id = memory.list(of_session).await?[0].id.clone();
    let forgotten = memory.forget(Forget::Ids(vec![id.clone()])).await?;
    assert_eq!((forgotten.forgotten, forgotten.note), (1, None));
    let recall = memory.query(Query::new("cursors and paging")).await?;
    assert_eq!((recall.memories.len(), &recall.note), (4, &None));
    let again = memory.forget(Forget::Ids(vec![id.clone()])).await;
    assert_eq!(again, Err(MemoryError::NotFound { id }));
    assert_eq!(memory.forget(Forget::Session(99)).await?.forgotten, 0);
    Ok(())
}

async fn everything_is_there_after_a_restart(memory: &Memory) -> Result<()> {
    let recall = memory.query(Query::new("CSS layout")).await?;
    assert_eq!((recall.memories.len(), &recall.note), (4, &None));
    assert_eq!(recall.memories[0].content, STYLES);
    let export = memory.export().await?;
    assert_eq!(export.memories.len(), 4);
    assert_eq!(export.memories[0].content, PROMISES);
    Ok(())
}
