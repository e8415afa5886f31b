//! What ends the process: signals, a parent that is gone, and a clock that cuts a stop off which hangs.
//!
//! All of it runs on plain threads of its own, so that it works when the server is stuck.

use std::fmt;
use std::io::{self, BufRead, Read as _};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};

use crate::exit::{Exit, Failure};

/// How long a stop may take. A little less than the 3 s of the contract, for the exit itself.
const STOP: Duration = Duration::from_millis(2900);
/// The same when the parent is gone: 1.5 s in the contract.
const STOP_SUPERVISED: Duration = Duration::from_millis(1400);
/// How often the parent is looked for. With [`STOP_SUPERVISED`] it stays below 2 s.
const PARENT_LOOK: Duration = Duration::from_millis(200);
/// The longest first line of stdin, in bytes.
const LONGEST_LINE: usize = 64 * 1024;

/// Why the process is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A signal of this name came.
    Signal(&'static str),
    /// `--supervised`: stdin has ended.
    StdinEnded,
    /// `--supervised`: the process has another parent now.
    ParentGone,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(name) => write!(f, "{name} came"),
            Self::StdinEnded => f.write_str("stdin has ended"),
            Self::ParentGone => f.write_str("the parent process is gone"),
        }
    }
}

/// The wish to stop; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    reason: Arc<watch::Sender<Option<Reason>>>,
}

impl Stop {
    /// Nobody wishes it yet.
    pub(crate) fn new() -> Self {
        Self {
            reason: Arc::new(watch::Sender::new(None)),
        }
    }

    /// Wishes it. From now on the process ends in time, by itself or cut off.
    pub(crate) fn request(&self, reason: Reason) {
        let limit = match reason {
            Reason::Signal(_) => STOP,
            Reason::StdinEnded | Reason::ParentGone => STOP_SUPERVISED,
        };
        // A later request may have the shorter limit, so each has its own clock. It runs before a
        // word is said: the disk of the log may hang.
        let clock = thread::Builder::new()
            .name("stop-clock".into())
            .spawn(move || {
                thread::sleep(limit);
                cut_off(limit);
            });
        if clock.is_err() {
            cut_off(limit);
        }
        // Said before it is acted on, so that the log has the reason first.
        if self.reason.borrow().is_none() {
            tracing::info!("Stopping: {reason}.");
        } else {
            tracing::info!("Stopping already when {reason}.");
        }
        self.reason.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert(reason);
            first
        });
    }

    /// Waits until somebody wishes it.
    pub(crate) async fn requested(&self) -> Reason {
        let mut reason = self.reason.subscribe();
        match reason.wait_for(Option::is_some).await.map(|found| *found) {
            Ok(Some(reason)) => reason,
            // The sender lives in `self`, so this does not happen.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}

fn cut_off(limit: Duration) {
    // In a thread of its own: whoever waits for the disk of the log must not be waited for.
    let _ = thread::Builder::new()
        .name("last-words".into())
        .spawn(move || {
            tracing::error!(
                "The stop took longer than {} ms and is cut off.",
                limit.as_millis()
            );
        });
    thread::sleep(Duration::from_millis(50));
    std::process::exit(Exit::StopTooSlow as i32);
}

/// Turns SIGINT, SIGTERM and SIGHUP into wishes to stop, from now on.
///
/// # Errors
/// [`Exit::Internal`] when the operating system refuses the handlers or the thread.
pub(crate) fn watch_signals(stop: Stop) -> Result<(), Failure> {
    let trouble = |error: io::Error| Failure::internal("The signals cannot be watched", error);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(trouble)?;
    let (mut interrupt, mut terminate, mut hangup) = {
        let _inside = runtime.enter();
        (
            signal(SignalKind::interrupt()).map_err(trouble)?,
            signal(SignalKind::terminate()).map_err(trouble)?,
            signal(SignalKind::hangup()).map_err(trouble)?,
        )
    };
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            runtime.block_on(async {
                loop {
                    let name = tokio::select! {
                        _ = interrupt.recv() => "SIGINT",
                        _ = terminate.recv() => "SIGTERM",
                        _ = hangup.recv() => "SIGHUP",
                    };
                    stop.request(Reason::Signal(name));
                }
            });
        })
        .map(drop)
        .map_err(trouble)
}

/// `--supervised`: wishes to stop when this process gets another parent.
///
/// # Errors
/// [`Exit::Internal`] when no thread can be started.
pub(crate) fn watch_parent(stop: Stop) -> Result<(), Failure> {
    let parent = rustix::process::getppid();
    thread::Builder::new()
        .name("parent".into())
        .spawn(move || {
            while rustix::process::getppid() == parent {
                thread::sleep(PARENT_LOOK);
            }
            stop.request(Reason::ParentGone);
        })
        .map(drop)
        .map_err(|error| Failure::internal("The parent process cannot be watched", error))
}

/// Reads stdin: its first line if `tokens` are expected there, and its end if `supervised`.
///
/// # Errors
/// [`Exit::Internal`] when no thread can be started.
pub(crate) fn read_stdin(
    tokens: bool,
    supervised: Option<Stop>,
) -> Result<Option<oneshot::Receiver<io::Result<String>>>, Failure> {
    if !tokens && supervised.is_none() {
        return Ok(None);
    }
    let (sender, receiver) = oneshot::channel();
    thread::Builder::new()
        .name("stdin".into())
        .spawn(move || {
            let mut stdin = io::stdin().lock();
            if tokens {
                // Who waits may have given up; the end of stdin still matters.
                let _ = sender.send(first_line(&mut stdin));
            }
            if let Some(stop) = supervised {
                // What else a shell writes has no meaning; an error means as much as the end.
                let _ = io::copy(&mut stdin, &mut io::sink());
                stop.request(Reason::StdinEnded);
            }
        })
        .map_err(|error| Failure::internal("Stdin cannot be read", error))?;
    Ok(tokens.then_some(receiver))
}

fn first_line(input: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    input.take(LONGEST_LINE as u64).read_line(&mut line)?;
    if !line.ends_with('\n') {
        // Cut short by the limit, or by an end that may have lost a part of a token.
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_must_be_whole_and_short() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(
                first_line(&mut io::Cursor::new(text)).ok().as_deref(),
                expected,
                "{} bytes",
                text.len()
            );
        };
        check("{}\nmore\n", Some("{}\n"));
        check("\n", Some("\n"));
        check("", None);
        check("{}", None);
        check(&format!("{}\n", "x".repeat(LONGEST_LINE)), None);
    }

    /// The test runs itself as a process that hears of its parent's end and then hangs.
    #[test]
    fn a_stop_that_hangs_is_cut_off() {
        const CHILD: &str = "PAIGE_TEST_HANGS";
        if std::env::var_os(CHILD).is_some() {
            let stop = Stop::new();
            stop.request(Reason::Signal("SIGTERM"));
            // The shorter clock of the parent's end counts, though it was asked for later.
            stop.request(Reason::ParentGone);
            loop {
                thread::park();
            }
        }
        let begin = std::time::Instant::now();
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "lifecycle::tests::a_stop_that_hangs_is_cut_off"])
            .env(CHILD, "1")
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(Exit::StopTooSlow as i32));
        assert!(
            begin.elapsed() >= STOP_SUPERVISED && begin.elapsed() < STOP,
            "{:?}",
            begin.elapsed()
        );
    }
}
