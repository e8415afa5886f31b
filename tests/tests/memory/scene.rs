//! The parts: a memory on a temporary record, with the model and perhaps a Chroma server.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use paige_memory::{Config, Importance, Memory, NewMemory};
use paige_tests::chroma::{PATIENCE, model_dir};
use tempfile::TempDir;

/// A folder for a record.
pub(crate) struct Scene {
    pub(crate) folder: TempDir,
    pub(crate) config: Config,
}

impl Scene {
    /// With the real model, which may take its time on a busy machine.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            folder: tempfile::Builder::new().prefix("paige-memory-").tempdir()?,
            config: Config {
                model_dir: Some(model_dir()?),
                patience: Duration::from_secs(60),
                ..Config::default()
            },
        })
    }

    /// The same with a Chroma server.
    pub(crate) fn over(url: &str) -> Result<Self> {
        let mut scene = Self::new()?;
        scene.config.chroma_url = Some(url.to_owned());
        Ok(scene)
    }

    pub(crate) async fn open(&self) -> Result<Memory> {
        let path = self.folder.path().join("memory.db");
        Ok(Memory::open(&path, self.config.clone()).await?)
    }
}

/// Waits until the memory is available, or is not.
pub(crate) async fn until_available(memory: &Memory, expected: bool) -> Result<()> {
    let start = Instant::now();
    while memory.available() != expected {
        ensure!(start.elapsed() < PATIENCE, "available() is not {expected}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// A memory with tags.
pub(crate) fn new(content: &str) -> NewMemory {
    NewMemory {
        key: None,
        content: content.to_owned(),
        kind: "reflection".to_owned(),
        tags: vec!["async".to_owned(), "java,script".to_owned()],
        importance: Importance::High,
    }
}

/// Their texts, in order.
pub(crate) fn texts(recall: &paige_memory::Recall) -> Vec<&str> {
    recall.memories.iter().map(|m| m.content.as_str()).collect()
}
