//! `serve`: from a configuration to a live sidecar and back to nothing (blueprint §3).

use std::time::{Duration, Instant};

use paige_protocol::PROTOCOL_VERSION;
use paige_protocol::process::{ReadyLine, Rendezvous, RendezvousTokens, Tokens};
use paige_server::http::{BindError, Listeners};
use tokio::sync::oneshot;

use crate::compose::{self, Parts};
use crate::config::Config;
use crate::crash::{self, Marker, Run};
use crate::exit::{Exit, Failure, print, tell};
use crate::lifecycle::{self, Stop};
use crate::logging::Logging;
use crate::rendezvous::{self, Published};
use crate::tokens;

/// How long the line with the tokens may take (blueprint §3).
const TOKENS_LIMIT: Duration = Duration::from_secs(2);
/// How long work on blocking threads may go on after the stop.
const LEFTOVERS: Duration = Duration::from_millis(100);

/// Serves until it is asked to stop. `announce` is called once, when clients can come.
///
/// # Errors
/// Why it could not start. With an empty message when the log, which goes to stderr, has it already.
pub(crate) fn run(config: Config, announce: impl FnOnce(&ReadyLine)) -> Result<(), Failure> {
    let started = Instant::now();
    // First of all, so that not even the log is shared with another sidecar.
    let lock = config.data.lock()?;
    let log = Logging::start(&config.log, &config.data.log())?;
    crash::log_panics();

    let result = start(&config, &log, started, announce);
    let result = match result {
        Err(Failure { exit, message }) => {
            tracing::error!(exit = exit as u8, "{message}");
            let silent = !tracing::enabled!(tracing::Level::ERROR);
            Err(Failure::new(
                exit,
                if silent { message } else { String::new() },
            ))
        }
        Ok(()) => {
            tracing::info!("Stopped.");
            Ok(())
        }
    };
    log.flush();
    drop(lock);
    result
}

/// The ready line: all that `serve` ever writes to stdout.
pub(crate) fn announce(line: &ReadyLine) {
    match serde_json::to_string(line) {
        Ok(line) => print(&line),
        Err(error) => tell(&format!("The ready line could not be written: {error}.")),
    }
}

fn start(
    config: &Config,
    log: &Logging,
    started: Instant,
    announce: impl FnOnce(&ReadyLine),
) -> Result<(), Failure> {
    if let Some(api_key) = &config.mind.api_key {
        log.hide(api_key);
    }
    let stop = Stop::new();
    lifecycle::watch_signals(stop.clone())?;
    if config.supervised {
        lifecycle::watch_parent(stop.clone())?;
    }
    let line = lifecycle::read_stdin(config.tokens_stdin, config.supervised.then(|| stop.clone()))?;
    // Two cores are enough for one person; more threads only cost memory.
    let threads = std::thread::available_parallelism()
        .map_or(2, usize::from)
        .clamp(2, 4);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("paige")
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::internal("The threads of the server could not be started", error)
        })?;
    let result = runtime.block_on(live(config, log, &stop, line, started, announce));
    runtime.shutdown_timeout(LEFTOVERS);
    result
}

async fn live(
    config: &Config,
    log: &Logging,
    stop: &Stop,
    line: Option<oneshot::Receiver<std::io::Result<String>>>,
    started: Instant,
    announce: impl FnOnce(&ReadyLine),
) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!(
        version,
        pid = std::process::id(),
        project = config.project_text,
        data_dir = %config.data.root().display(),
        "Starting."
    );
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let tokens = tokio::select! {
        biased;
        _ = stop.requested() => return Ok(()),
        tokens = find_tokens(config, line) => tokens?,
    };
    for token in [&tokens.ui, &tokens.mcp, &tokens.hook] {
        log.hide(token);
    }
    let instance = tokens::random_hex::<16>()?;

    // Nothing of the data is touched before the port is ours.
    let listeners = bind(config).await?;
    let port = listeners.port();
    let crashed = report_last_run(config);
    rendezvous::remove_stale(&config.data.rendezvous());
    let marker = mark(config, &instance)?;
    let end_before_ready = |marker: Marker| {
        // A check of the database that did not come to an end is made again.
        if !crashed {
            marker.clear();
        }
    };

    let parts = Parts {
        config,
        tokens: tokens.clone(),
        listeners,
        crashed,
        started,
    };
    let running = tokio::select! {
        biased;
        _ = stop.requested() => {
            end_before_ready(marker);
            return Ok(());
        }
        running = compose::start(parts) => match running {
            Ok(running) => running,
            Err(failure) => {
                end_before_ready(marker);
                return Err(failure);
            }
        },
    };

    let path = config.data.rendezvous();
    let rendezvous = Rendezvous {
        protocol: PROTOCOL_VERSION.to_owned(),
        version: version.to_owned(),
        pid: std::process::id(),
        port,
        instance: instance.clone(),
        project_dir: config.project_text.clone(),
        tokens: RendezvousTokens {
            mcp: tokens.mcp,
            hook: tokens.hook,
        },
    };
    // Without it clients still work; only tools that look for a live sidecar do not find this one.
    let published = Published::new(&path, &rendezvous).inspect_err(
        |error| tracing::warn!(%error, path = %path.display(), "The rendezvous file could not be written, so that tools will not find this sidecar."),
    );
    if let Err(error) = rendezvous::remember_port(&config.data.ports(), &config.project_text, port)
    {
        tracing::warn!(%error, "The port could not be kept, so that `--port 0` will take another one.");
    }
    tracing::info!(
        port,
        project = config.project_text,
        ms = started.elapsed().as_millis(),
        "Ready."
    );
    announce(&ReadyLine {
        protocol: rendezvous.protocol,
        version: rendezvous.version,
        pid: rendezvous.pid,
        port,
        project_dir: rendezvous.project_dir,
        instance,
    });
    running.warm_up();

    stop.requested().await;
    if let Ok(published) = published {
        published.withdraw();
    }
    running.stop().await;
    marker.clear();
    Ok(())
}

async fn find_tokens(
    config: &Config,
    line: Option<oneshot::Receiver<std::io::Result<String>>>,
) -> Result<Tokens, Failure> {
    let Some(line) = line else {
        return tokens::load_or_create(&config.data);
    };
    let missing = |what: &str| {
        Failure::new(
            Exit::Tokens,
            format!(
                "--tokens-stdin: {what}. Write the line with the tokens to stdin at once, with a line feed at its end."
            ),
        )
    };
    match tokio::time::timeout(TOKENS_LIMIT, line).await {
        Ok(Ok(Ok(line))) => tokens::parse_line(&line),
        Ok(Ok(Err(_)) | Err(_)) => Err(missing(
            "stdin ended before a whole line came, or the line is too long",
        )),
        Err(_) => Err(missing("no line came within 2 s")),
    }
}

async fn bind(config: &Config) -> Result<Listeners, Failure> {
    let last = rendezvous::last_port(&config.data.ports(), &config.project_text);
    paige_server::http::bind(config.guard.host, config.port, last)
        .await
        .map_err(|error| {
            let exit = match error {
                BindError::Taken { .. } => Exit::PortTaken,
                BindError::Refused { .. } => Exit::Configuration,
            };
            Failure::new(exit, error.to_string())
        })
}

/// Says so if the last run ended badly. Its database is then checked.
fn report_last_run(config: &Config) -> bool {
    match crash::last_run(&config.data.crash_marker()) {
        None => false,
        Some(Ok(run)) => {
            tracing::warn!(
                pid = run.pid,
                started_at = run.started_at,
                log = %run.log.display(),
                "The last run ended badly: it did not come to its own stop. Its log is {}; the database is checked now.",
                run.log.display()
            );
            true
        }
        Some(Err(error)) => {
            tracing::warn!(
                error,
                "The last run ended badly, and its marker cannot be read. The log is {}; the database is checked now.",
                config.data.log().display()
            );
            true
        }
    }
}

fn mark(config: &Config, instance: &str) -> Result<Marker, Failure> {
    let run = Run {
        pid: std::process::id(),
        instance: instance.to_owned(),
        started_at: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        log: config.data.log(),
    };
    Marker::set(config.data.crash_marker(), &run).map_err(|error| {
        let root = config.data.root().display();
        Failure::new(
            Exit::Configuration,
            format!("DATA_DIR (--data-dir): {root} cannot be written: {error}. Make room there, or name another folder."),
        )
    })
}
