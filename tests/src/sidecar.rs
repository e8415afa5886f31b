//! [`Sidecar`]: the built binary, running.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use paige_protocol::process::ReadyLine;
use rustix::process::{Pid, Signal, kill_process};

use crate::anthropic::KEY;
use crate::{Fake, Project};

/// How long anything may take before a test gives up. It is no measurement: a loaded machine is slow.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The binary under test, built once if nobody has built it.
///
/// `cargo xtask test` has built it by then, so that cargo has nothing left to do. `PAIGE_SIDECAR` names
/// another one, for instance a release build.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(named) = std::env::var_os("PAIGE_SIDECAR") {
            return named.into();
        }
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "paige-sidecar"])
            .current_dir(crate::project::workspace_root())
            .status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "paige-sidecar does not build"
        );
        // Test binaries lie in `target/debug/deps`.
        let tests = std::env::current_exe().unwrap_or_default();
        let folder = tests
            .ancestors()
            .nth(2)
            .unwrap_or(Path::new("target/debug"));
        folder.join(format!("paige-sidecar{}", std::env::consts::EXE_SUFFIX))
    })
}

/// A running sidecar; it is killed when it is dropped.
#[derive(Debug)]
pub struct Sidecar {
    child: Child,
    /// What it said when it could serve.
    pub ready: ReadyLine,
    /// The tokens of the three scopes, in this order: ui, mcp, hook.
    pub tokens: [String; 3],
}

impl Sidecar {
    /// Starts the binary on a project, offline and on a free port.
    pub fn start(project: &Project) -> Result<Self> {
        Self::start_with(project, &[])
    }

    /// The same with more arguments.
    pub fn start_with(project: &Project, args: &[&str]) -> Result<Self> {
        Self::spawn(Self::command(project, args), project)
    }

    /// The command that `start_with` runs, for tests that wrap it.
    pub fn command(project: &Project, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("PROJECT_DIR", &project.root)
            .env("DATA_DIR", &project.data)
            .args(["--offline", "--port", "0"])
            .args(args);
        command
    }

    /// Starts the binary on a project and a free port, with a fake behind the API. The model that
    /// finds memories is never fetched.
    pub fn thinking(project: &Project, fake: &Fake, args: &[&str]) -> Result<Self> {
        Self::spawn(Self::thinking_command(project, fake, args), project)
    }

    /// The command that `thinking` runs.
    pub fn thinking_command(project: &Project, fake: &Fake, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("PROJECT_DIR", &project.root)
            .env("DATA_DIR", &project.data)
            .env("ANTHROPIC_API_KEY", KEY)
            .env("ANTHROPIC_BASE_URL", fake.url())
            .env("PAIGE_EMBEDDING_MODEL", "none")
            .args(["--port", "0"])
            .args(args);
        command
    }

    /// Runs a command and waits for the ready line.
    pub fn spawn(mut command: Command, project: &Project) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("starting the binary")?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        if line.is_empty() {
            let status = child.wait()?;
            let log = Self::log(project).unwrap_or_default();
            bail!("the binary ended before it was ready: {status}\n{log}");
        }
        let ready = serde_json::from_str(&line).context("the ready line")?;
        let tokens = tokens(&project.data)?;
        Ok(Self {
            child,
            ready,
            tokens,
        })
    }

    /// The process id of what was started.
    pub fn pid(&self) -> u32 {
        self.ready.pid
    }

    /// A URL of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ready.port)
    }

    /// Kills it as `kill -9` does, and waits until it is gone.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Stops it as a person does, with SIGTERM, and returns how it ended.
    pub fn stop(self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.ended()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.pid())?).context("no process has the id 0")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Waits until it has ended, and returns how.
    pub fn ended(mut self) -> Result<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(Instant::now() < deadline, "it does not stop");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until its log file holds a line with all of these parts, and returns the line.
    pub async fn logged(project: &Project, parts: &[&str]) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = Self::log(project)?;
            let found = log
                .lines()
                .find(|line| parts.iter().all(|part| line.contains(part)));
            if let Some(line) = found {
                return Ok(line.to_owned());
            }
            ensure!(
                Instant::now() < deadline,
                "no line with {parts:?} in the log:\n{log}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What its log file holds by now.
    pub fn log(project: &Project) -> Result<String> {
        Ok(std::fs::read_to_string(
            project.data.join("logs/sidecar.log"),
        )?)
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tokens(data: &Path) -> Result<[String; 3]> {
    let read = |name: &str| -> Result<String> {
        Ok(std::fs::read_to_string(data.join(name))
            .with_context(|| format!("reading {name}"))?
            .trim()
            .to_owned())
    };
    let rendezvous: paige_protocol::process::Rendezvous =
        serde_json::from_str(&read("sidecar.json")?)?;
    Ok([
        read("ui.token")?,
        rendezvous.tokens.mcp.expose().to_owned(),
        rendezvous.tokens.hook.expose().to_owned(),
    ])
}
