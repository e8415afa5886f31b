//! Servers as processes of their own: the sidecar as it ships, and the bare comparators.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to end once it is asked to.
const STOP: Duration = Duration::from_secs(5);

/// A running server; it is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    /// Kept open: a server that writes to a closed pipe would end.
    _stdout: BufReader<ChildStdout>,
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
    /// What it wants to see.
    pub(crate) token: Option<String>,
    /// From its start to its ready line.
    pub(crate) start: Duration,
}

impl Server {
    /// Starts the sidecar on a project and a data directory, with its built-in settings, offline.
    pub(crate) fn sidecar(program: &Path, project: &Path, data: &Path) -> Result<Self> {
        Self::serve(program, &["--offline"], project, data)
    }

    /// The same with models at this address, and none that finds memories.
    pub(crate) fn thinking(program: &Path, url: &str, project: &Path, data: &Path) -> Result<Self> {
        let settings = [
            "--anthropic-api-key",
            "none",
            "--anthropic-base-url",
            url,
            "--embedding-model",
            "none",
        ];
        Self::serve(program, &settings, project, data)
    }

    fn serve(program: &Path, settings: &[&str], project: &Path, data: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        command
            .args(settings)
            .args(["--port", "0", "--project-dir"])
            .arg(project)
            .arg("--data-dir")
            .arg(data);
        let mut server = Self::launch(&mut command)?;
        let token = fs::read_to_string(data.join("ui.token")).context("there is no ui.token")?;
        server.token = Some(token.trim().to_owned());
        Ok(server)
    }

    /// Starts a bare server: this program again, told to serve.
    pub(crate) fn bare(kind: &str, project: &Path) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve-bare", kind]).arg(project);
        let mut server = Self::launch(&mut command)?;
        server.token = Some(crate::bare::TOKEN.to_owned());
        Ok(server)
    }

    fn launch(command: &mut Command) -> Result<Self> {
        // Settings of the person who runs the benchmark would be measured too.
        let path = std::env::var_os("PATH").unwrap_or_default();
        command
            .env_clear()
            .env("PATH", path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let begin = Instant::now();
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let stdout = child.stdout.take().context("there is no stdout")?;
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let start = begin.elapsed();
        if line.is_empty() {
            bail!("{command:?} ended before it was ready: {}", child.wait()?);
        }
        #[derive(serde::Deserialize)]
        struct Ready {
            port: u16,
        }
        let Ready { port } = serde_json::from_str(&line)?;
        Ok(Self {
            child,
            _stdout: stdout,
            port,
            token: None,
            start,
        })
    }

    /// What it has in memory now, in bytes.
    pub(crate) fn resident(&self) -> Result<f64> {
        self.status("VmRSS:")
    }

    /// The most it has had in memory since [`forget_peak`](Self::forget_peak), in bytes.
    pub(crate) fn peak(&self) -> Result<f64> {
        self.status("VmHWM:")
    }

    /// Lets the peak start from what is in memory now.
    pub(crate) fn forget_peak(&self) -> Result<()> {
        Ok(fs::write(
            format!("/proc/{}/clear_refs", self.child.id()),
            "5",
        )?)
    }

    fn status(&self, field: &str) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kibibytes: f64 = status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .and_then(|rest| rest.split_whitespace().next())
            .context("the system does not tell the memory of a process")?
            .parse()?;
        Ok(kibibytes * 1024.0)
    }

    /// Asks it to end and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM)?;
        let begin = Instant::now();
        while begin.elapsed() < STOP {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        bail!("a server did not end within {STOP:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
