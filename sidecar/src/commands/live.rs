//! The live sidecar of a project: found, or started and left running.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use paige_protocol::process::Rendezvous;

use super::holder;
use crate::cli::Settings;
use crate::config::Start;
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure};

/// How long a start may take, a check of the database included.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How often is looked whether it is ready.
const LOOK: Duration = Duration::from_millis(50);
/// How much of what a start says is kept, in bytes.
const SAID: u64 = 64 * 1024;

/// The project that is meant: what Claude Code says, what the settings say, or the folder that this was
/// started in.
///
/// # Errors
/// [`Exit::Configuration`] when that folder is not there.
pub(crate) fn project(settings: &Settings) -> Result<PathBuf, Failure> {
    let folder = std::env::var_os("CLAUDE_PROJECT_DIR")
        .or_else(|| settings.project_dir.clone())
        .filter(|folder| !folder.is_empty())
        .unwrap_or_else(|| ".".into());
    Path::new(&folder).canonicalize().map_err(|error| {
        Failure::new(
            Exit::Configuration,
            format!(
                "The project folder {} cannot be used: {error}. Run this in the project, or name it with --project-dir.",
                Path::new(&folder).display()
            ),
        )
    })
}

/// The sidecar that runs on this data directory, if it serves `project`.
///
/// # Errors
/// [`Exit::Refused`] when it serves another project, [`Exit::Configuration`] when nothing can be read.
pub(crate) fn find(data: &DataDir, project: &Path) -> Result<Option<Rendezvous>, Failure> {
    let live = holder(data)?.and_then(|holder| holder.rendezvous);
    if let Some(live) = &live
        && !project.starts_with(&live.project_dir)
    {
        return Err(Failure::new(
            Exit::Refused,
            format!(
                "The sidecar that runs (process {}) serves {}, and this is {}. Stop it with `paige-sidecar stop`, or give this project a data directory of its own with DATA_DIR.",
                live.pid,
                live.project_dir,
                project.display()
            ),
        ));
    }
    Ok(live)
}

/// The sidecar that runs on this data directory; one is started when there is none. When several ask at
/// once the lock of the data directory lets one start, and all of them find that one.
///
/// # Errors
/// Those of [`find`], and why it could not be started.
pub(crate) fn find_or_start(start: &Start, project: &Path) -> Result<Rendezvous, Failure> {
    let deadline = Instant::now() + START_LIMIT;
    let mut started: Option<mpsc::Receiver<Ended>> = None;
    loop {
        if let Some(live) = find(&start.data, project)? {
            return Ok(live);
        }
        match &started {
            None if holder(&start.data)?.is_none() => started = Some(spawn(start, project)?),
            None => {}
            Some(child) => match child.try_recv() {
                // Another one was faster, or one that was there is just stopping.
                Ok(ended) if ended.code == Some(Exit::DataDirHeld as i32) => started = None,
                Ok(ended) => return Err(ended.failure()),
                Err(_) => {}
            },
        }
        if Instant::now() > deadline {
            return Err(Failure::new(
                Exit::NotRunning,
                format!(
                    "The sidecar was not ready after {} s. Look at {}.",
                    START_LIMIT.as_secs(),
                    start.data.log().display()
                ),
            ));
        }
        thread::sleep(LOOK);
    }
}

/// How a sidecar that we started ended.
struct Ended {
    code: Option<i32>,
    said: String,
}

impl Ended {
    fn failure(self) -> Failure {
        let said = self.said.trim();
        let why = match self.code {
            Some(code) => format!("it ended with code {code}"),
            None => "it was killed".to_owned(),
        };
        Failure::new(
            Exit::NotRunning,
            if said.is_empty() {
                format!(
                    "The sidecar could not be started: {why}. Its log says more: `paige-sidecar logs`."
                )
            } else {
                format!("The sidecar could not be started: {why}.\n{said}")
            },
        )
    }
}

/// Starts this program again as a server that outlives this process: in a session of its own, with nothing
/// of our streams but stderr, which is read until we end. Its log is in its file.
fn spawn(start: &Start, project: &Path) -> Result<mpsc::Receiver<Ended>, Failure> {
    let trouble = |error| Failure::internal("The sidecar could not be started", error);
    let program = std::env::current_exe().map_err(trouble)?;
    let mut command = Command::new(program);
    command
        .args(std::env::args_os().skip(1))
        .arg("--serve")
        .env("PROJECT_DIR", project)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.envs(start.variables.iter().copied());
    let mut child = command.spawn().map_err(trouble)?;
    let (tell, ended) = mpsc::channel();
    thread::Builder::new()
        .name("started".into())
        .spawn(move || {
            let mut said = Vec::new();
            if let Some(mut stderr) = child.stderr.take() {
                let _ = (&mut stderr).take(SAID).read_to_end(&mut said);
                let _ = std::io::copy(&mut stderr, &mut std::io::sink());
            }
            let code = child.wait().ok().and_then(|status| status.code());
            let said = String::from_utf8_lossy(&said).into_owned();
            // Nobody waits any more once it is ready.
            let _ = tell.send(Ended { code, said });
        })
        .map_err(trouble)?;
    Ok(ended)
}
