//! The commands beside `serve`: they work on the data directory, with or without a live sidecar.

mod bridge;
mod doctor;
mod forget;
mod live;
mod logs;
pub(crate) mod loopback;
mod memory;
mod observer;
mod plugin;
mod replay;
mod run;
mod sessions;
mod thinking;

use std::time::{Duration, Instant};

use paige_protocol::process::{Health, Rendezvous};
use rustix::process::{Pid, Signal};
use serde::Serialize;

pub(crate) use self::bridge::{mcp, mcp_headers};
pub(crate) use self::doctor::doctor;
pub(crate) use self::forget::{Forget, forget};
pub(crate) use self::logs::logs;
pub(crate) use self::memory::memory;
pub(crate) use self::observer::{ObserverCommand, observer};
pub(crate) use self::plugin::{install, uninstall};
pub(crate) use self::replay::replay;
pub(crate) use self::run::run;
pub(crate) use self::sessions::{export, sessions};
pub(crate) use self::thinking::{models, prompts};
use crate::data_dir::{DataDir, Holder};
use crate::exit::{Exit, Failure, print, tell};
use crate::{rendezvous, tokens as keys};

/// How long `stop` waits: longer than a sidecar may take.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// How long `status` waits for an answer of the live sidecar.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// What `status --json` prints. Never a token.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    /// Whether a process holds the data directory.
    running: bool,
    /// Whether it answers `GET /health`.
    answers: bool,
    /// Seconds since its start, as it says.
    uptime: Option<f64>,
    pid: Option<u32>,
    port: Option<u16>,
    project_dir: Option<&'a str>,
    instance: Option<&'a str>,
    version: Option<&'a str>,
    protocol: Option<&'a str>,
    data_dir: &'a str,
}

/// Says whether a sidecar runs on this data directory, and where.
///
/// # Errors
/// [`Exit::NotRunning`] when none does; `--json` has said it on stdout then.
pub(crate) fn status(data: &DataDir, json: bool) -> Result<(), Failure> {
    let holder = holder(data)?;
    let live = holder
        .as_ref()
        .and_then(|holder| holder.rendezvous.as_ref());
    let uptime = live.and_then(|live| uptime(live.port));
    if json {
        let status = Status {
            running: holder.is_some(),
            answers: uptime.is_some(),
            uptime,
            pid: holder.as_ref().and_then(|holder| holder.pid),
            port: live.map(|live| live.port),
            project_dir: live.map(|live| &*live.project_dir),
            instance: live.map(|live| &*live.instance),
            version: live.map(|live| &*live.version),
            protocol: live.map(|live| &*live.protocol),
            data_dir: &data.root().to_string_lossy(),
        };
        print(
            &serde_json::to_string(&status)
                .map_err(|error| Failure::internal("The status could not be written", error))?,
        );
        return if holder.is_some() {
            Ok(())
        } else {
            Err(Failure::new(Exit::NotRunning, ""))
        };
    }
    let Some(holder) = &holder else {
        return Err(not_running(data));
    };
    match live {
        Some(live) => print(&describe(live, uptime, data)),
        None => print(&format!(
            "There is {holder}.\nIts log is {}.",
            data.log().display()
        )),
    }
    Ok(())
}

fn describe(live: &Rendezvous, uptime: Option<f64>, data: &DataDir) -> String {
    let health = match uptime {
        Some(seconds) => format!("yes, up for {}", duration(seconds)),
        None => "no; look at its log, or stop it with `paige-sidecar stop`".to_owned(),
    };
    format!(
        "Paige is running.\n  project   {}\n  address   http://127.0.0.1:{}\n  answers   {health}\n  process   {}\n  version   {} (protocol {})\n  data      {}\n  log       {}",
        live.project_dir,
        live.port,
        live.pid,
        live.version,
        live.protocol,
        data.root().display(),
        data.log().display()
    )
}

fn duration(seconds: f64) -> String {
    let seconds = seconds as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// Stops the sidecar that runs on this data directory, and waits until it is gone.
///
/// # Errors
/// [`Exit::NotRunning`] when none runs, [`Exit::StopTooSlow`] when it does not end in time.
pub(crate) fn stop(data: &DataDir) -> Result<(), Failure> {
    let Some(holder) = holder(data)? else {
        return Err(not_running(data));
    };
    // The lock is held, and its holder wrote the id into it: this is no stranger's process.
    let pid = holder
        .pid
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(Pid::from_raw);
    let Some(pid) = pid else {
        return Err(Failure::new(
            Exit::Internal,
            "A paige-sidecar is just starting. Try again in a moment.",
        ));
    };
    match rustix::process::kill_process(pid, Signal::TERM) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => {
            return Err(Failure::internal(
                &format!("Process {pid} cannot be stopped"),
                error,
            ));
        }
    }
    let asked = Instant::now();
    while asked.elapsed() < STOP_LIMIT {
        match self::holder(data)? {
            None => {
                print(&format!("Stopped {holder}."));
                return Ok(());
            }
            Some(now) if now.pid != holder.pid => {
                print(&format!("Stopped {holder}. Another one has started since."));
                return Ok(());
            }
            Some(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    Err(Failure::new(
        Exit::StopTooSlow,
        format!(
            "Process {pid} was asked to stop and is still there after {} s. Look at {}; `kill -9 {pid}` ends it.",
            STOP_LIMIT.as_secs(),
            data.log().display()
        ),
    ))
}

/// Shows the tokens, making those that are missing, or makes all of them new.
///
/// # Errors
/// [`Exit::DataDirHeld`] when new ones are to be made while a sidecar runs.
pub(crate) fn tokens(data: &DataDir, rotate: bool, json: bool) -> Result<(), Failure> {
    let live = holder(data)?.and_then(|holder| holder.rendezvous);
    let tokens = if rotate {
        let _lock = data.lock().map_err(|failure| Failure {
            message: format!("{}\nTokens are made new only while no sidecar runs, since it would go on with the old ones.", failure.message),
            ..failure
        })?;
        keys::rotate(data)?
    } else if live.is_some() {
        keys::load_or_create(data)?
    } else {
        let _lock = data.lock()?;
        keys::load_or_create(data)?
    };
    if live.is_some_and(|live| live.tokens.mcp != tokens.mcp) {
        tell(
            "The sidecar that runs now got other tokens from its shell; these are for one that is started without --tokens-stdin.",
        );
    }
    let (ui, mcp, hook) = (
        tokens.ui.expose(),
        tokens.mcp.expose(),
        tokens.hook.expose(),
    );
    if json {
        print(&serde_json::json!({ "ui": ui, "mcp": mcp, "hook": hook }).to_string());
    } else {
        print(&format!("ui    {ui}\nmcp   {mcp}\nhook  {hook}"));
    }
    if rotate {
        tell("These tokens are new. Give every client its own again, and start the sidecar.");
    }
    Ok(())
}

fn holder(data: &DataDir) -> Result<Option<Holder>, Failure> {
    data.holder().map_err(|error| {
        Failure::new(
            Exit::Configuration,
            format!("DATA_DIR (--data-dir): {} cannot be read: {error}. Run this as the user who runs the sidecar.", data.root().display()),
        )
    })
}

fn not_running(data: &DataDir) -> Failure {
    let left = match rendezvous::read(&data.rendezvous()) {
        Some(stale) => format!(
            " Process {} did before, and ended badly; its log is {}.",
            stale.pid,
            data.log().display()
        ),
        None => String::new(),
    };
    Failure::new(
        Exit::NotRunning,
        format!(
            "No sidecar runs on {}.{left} Start one with `paige-sidecar --project-dir FOLDER`, or name another --data-dir.",
            data.root().display()
        ),
    )
}

/// What the sidecar on this port says of its uptime; `None` when it does not answer.
fn uptime(port: u16) -> Option<f64> {
    let answer = loopback::request(port, "GET", "/health", &[], "", Some(ANSWER_LIMIT)).ok()?;
    let is_well = answer.status == 200;
    let health: Health = serde_json::from_str(&answer.text(64 * 1024).ok()?).ok()?;
    is_well.then_some(health.uptime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_two_units() {
        for (seconds, expected) in [
            (0.9, "0 s"),
            (59.0, "59 s"),
            (61.0, "1 min 1 s"),
            (7290.0, "2 h 1 min"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
    }
}
