//! The crash marker and the panic hook: how the next start knows that the last run ended badly.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data_dir::write_private;

/// `{DATA_DIR}/running.json`: there while a sidecar runs. Found by who holds the lock, it means a crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    /// The process id.
    pub(crate) pid: u32,
    /// The random id of the run.
    pub(crate) instance: String,
    /// ISO 8601, UTC, with milliseconds.
    pub(crate) started_at: String,
    /// Where its log is.
    pub(crate) log: PathBuf,
}

/// The run that ended badly, if the last one did. A marker that cannot be read counts as one.
pub(crate) fn last_run(path: &Path) -> Option<Result<Run, String>> {
    match std::fs::read(path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).map_err(|error| error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => Some(Err(error.to_string())),
    }
}

/// Our own marker, while we run.
#[derive(Debug)]
pub(crate) struct Marker {
    path: PathBuf,
}

impl Marker {
    /// Writes the marker, replacing that of a crashed run.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn set(path: PathBuf, run: &Run) -> std::io::Result<Self> {
        write_private(&path, &serde_json::to_string(run)?)?;
        Ok(Self { path })
    }

    /// Removes the marker: this run ends well.
    pub(crate) fn clear(self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "The crash marker could not be removed; the next start will report a crash that was none.");
        }
    }
}

/// Logs every panic with its place. What panicked unwinds; the rest of the process goes on.
pub(crate) fn log_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        let message = info.payload_as_str().unwrap_or("no message");
        tracing::error!(
            place,
            thread = thread.name().unwrap_or("unnamed"),
            "A part of Paige failed: {message}"
        );
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_did_not_clear_its_marker_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("running.json");
        let run = Run {
            pid: 7,
            instance: "i".into(),
            started_at: "2026-01-01T00:00:00.000Z".into(),
            log: "/l".into(),
        };
        assert_eq!(last_run(&path), None);
        let marker = Marker::set(path.clone(), &run).unwrap();
        assert_eq!(last_run(&path), Some(Ok(run)));
        marker.clear();
        assert_eq!(last_run(&path), None);
        std::fs::write(&path, "{").unwrap();
        assert!(matches!(last_run(&path), Some(Err(_))));
    }
}
