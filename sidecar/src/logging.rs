//! Where log lines go: to stderr and to a rotating file, both without secrets.

mod redact;
mod rotate;

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use paige_protocol::process::Secret;
use parking_lot::Mutex;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use self::redact::Redactor;
use self::rotate::Rotating;
pub(crate) use self::rotate::older;
use crate::config::{Log, LogFormat};
use crate::exit::Failure;

/// How large one log file may grow, in bytes.
const FILE_BYTES: u64 = 5 * 1024 * 1024;
/// How many log files are kept, the current one included.
pub(crate) const FILES: usize = 5;
/// How many lines wait for a stderr that nobody reads, before further ones go to the file only.
const WAITING_LINES: usize = 4096;

/// The log while the process runs.
pub(crate) struct Logging {
    redactor: Arc<Redactor>,
    stderr: mpsc::SyncSender<ToStderr>,
}

impl Logging {
    /// Starts logging to stderr and to the file at `path`, whose folder is made.
    ///
    /// A file that cannot be written is reported on stderr; the log then goes there alone.
    ///
    /// # Errors
    /// When the process logs already or no thread can be started.
    pub(crate) fn start(log: &Log, path: &Path) -> Result<Self, Failure> {
        let (file, file_error) = match Rotating::open(path, FILE_BYTES, FILES) {
            Ok(file) => (Some(file), None),
            Err(error) => (None, Some(error)),
        };
        let stderr = stderr_thread()
            .map_err(|error| Failure::internal("The log could not be started", error))?;
        let redactor = Arc::new(Redactor::default());
        let output = Output {
            redactor: redactor.clone(),
            file: Arc::new(Mutex::new(file)),
            stderr: stderr.clone(),
        };
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(output);
        let registry = tracing_subscriber::registry().with(log.filter.clone());
        match log.format {
            LogFormat::Text => registry.with(layer).try_init(),
            LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
        }
        .map_err(|error| Failure::internal("The log could not be started", error))?;
        if let Some(error) = file_error {
            tracing::warn!(%error, path = %path.display(), "The log file cannot be written; the log goes to stderr only.");
        }
        Ok(Self { redactor, stderr })
    }

    /// From now on this text is replaced wherever it would be logged.
    pub(crate) fn hide(&self, secret: &Secret) {
        self.redactor.add(secret.expose());
    }

    /// Waits until stderr has what was logged so far, at most 200 ms: a reader may be gone.
    pub(crate) fn flush(&self) {
        let (done, flushed) = mpsc::channel();
        if self.stderr.try_send(ToStderr::Flush(done)).is_ok() {
            let _ = flushed.recv_timeout(Duration::from_millis(200));
        }
    }
}

enum ToStderr {
    Line(Vec<u8>),
    Flush(mpsc::Sender<()>),
}

/// Writes to stderr on a thread of its own: a pipe that nobody empties must not stop the server.
fn stderr_thread() -> io::Result<mpsc::SyncSender<ToStderr>> {
    let (sender, receiver) = mpsc::sync_channel(WAITING_LINES);
    std::thread::Builder::new()
        .name("log".into())
        .stack_size(128 * 1024)
        .spawn(move || {
            for message in receiver {
                match message {
                    // An error has nowhere to be reported; the file has the line.
                    ToStderr::Line(line) => drop(io::stderr().write_all(&line)),
                    ToStderr::Flush(done) => drop(done.send(())),
                }
            }
        })?;
    Ok(sender)
}

#[derive(Clone)]
struct Output {
    redactor: Arc<Redactor>,
    file: Arc<Mutex<Option<Rotating>>>,
    stderr: mpsc::SyncSender<ToStderr>,
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = &'a Output;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Output {
    /// tracing-subscriber hands over one whole event at a time, so a secret is never cut in two.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let clean = self.redactor.clean(line);
        if let Some(file) = self.file.lock().as_mut() {
            // A full disk costs log lines, nothing else.
            let _ = file.write_line(&clean);
        }
        let _ = self.stderr.try_send(ToStderr::Line(clean.into_owned()));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::crash;

    /// A subscriber and a panic hook are global, so the test runs itself as a process of its own.
    #[test]
    fn panics_are_logged_and_secrets_are_not() {
        const CHILD: &str = "PAIGE_TEST_LOG";
        if let Some(path) = std::env::var_os(CHILD).map(PathBuf::from) {
            return talk(&path);
        }
        for format in ["text", "json"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("logs").join(format);
            let output = std::process::Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "--nocapture",
                    "logging::tests::panics_are_logged_and_secrets_are_not",
                ])
                .env(CHILD, &path)
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            let file = std::fs::read_to_string(&path).unwrap();
            let stderr = String::from_utf8(output.stderr).unwrap();
            for log in [&file, &stderr] {
                assert!(!log.contains("hidden-from-all"), "{log}");
                assert_eq!(log.matches("[secret]").count(), 3, "{log}");
                assert!(
                    log.contains("A part of Paige failed: it was [secret]"),
                    "{log}"
                );
                assert!(log.contains("src/logging.rs:"), "{log}");
                assert!(log.contains("still here"), "{log}");
            }
        }
    }

    fn talk(path: &Path) {
        let format = if path.ends_with("json") {
            LogFormat::Json
        } else {
            LogFormat::Text
        };
        let filter = tracing_subscriber::filter::Targets::new()
            .with_default(tracing_subscriber::filter::LevelFilter::INFO);
        let log = Logging::start(&Log { format, filter }, path).unwrap();
        crash::log_panics();
        log.hide(&Secret::new("hidden-from-all"));
        let part = std::thread::spawn(|| panic!("it was {}", "hidden-from-all"));
        assert!(part.join().is_err());
        tracing::info!(field = "hidden-from-all", "in the text: hidden-from-all");
        tracing::info!("still here");
        log.flush();
    }
}
