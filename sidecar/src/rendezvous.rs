//! The rendezvous file, which tells tools where the live sidecar is, and the ports that projects had.

use std::collections::BTreeMap;
use std::path::Path;

use paige_protocol::process::Rendezvous;

use crate::data_dir::write_private;

/// What the file says; `None` when there is none or it cannot be understood.
///
/// Whether it is true, only the lock of the data directory tells.
pub(crate) fn read(path: &Path) -> Option<Rendezvous> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// The file of a live sidecar, while it lives.
#[derive(Debug)]
pub(crate) struct Published<'a> {
    path: &'a Path,
    instance: String,
}

impl<'a> Published<'a> {
    /// Replaces the file at `path`, whoever wrote it.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn new(path: &'a Path, rendezvous: &Rendezvous) -> std::io::Result<Self> {
        write_private(path, &serde_json::to_string(rendezvous)?)?;
        Ok(Self {
            path,
            instance: rendezvous.instance.clone(),
        })
    }

    /// Removes the file if it is still ours.
    pub(crate) fn withdraw(self) {
        if read(self.path).is_some_and(|found| found.instance == self.instance)
            && let Err(error) = std::fs::remove_file(self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "The rendezvous file could not be removed.");
        }
    }
}

/// Removes what an earlier sidecar left behind. Only for who holds the lock.
pub(crate) fn remove_stale(path: &Path) {
    match std::fs::remove_file(path) {
        Ok(()) => {
            tracing::warn!(path = %path.display(), "Removed the rendezvous file of a sidecar that is gone.")
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "The old rendezvous file could not be removed.")
        }
    }
}

/// The port that this project had last. Claude Code keeps the URL, so `--port 0` tries it first.
pub(crate) fn last_port(path: &Path, project_dir: &str) -> Option<u16> {
    read_ports(path).remove(project_dir)
}

/// Keeps the port of this project, and forgets projects whose folder is gone.
///
/// # Errors
/// Those of the file system.
pub(crate) fn remember_port(path: &Path, project_dir: &str, port: u16) -> std::io::Result<()> {
    let mut ports = read_ports(path);
    if ports.insert(project_dir.to_owned(), port) == Some(port) {
        return Ok(());
    }
    ports.retain(|folder, _| folder == project_dir || Path::new(folder).is_dir());
    write_private(path, &serde_json::to_string(&ports)?)
}

/// Forgets the port of this project.
///
/// # Errors
/// Those of the file system.
pub(crate) fn forget_port(path: &Path, project_dir: &str) -> std::io::Result<()> {
    let mut ports = read_ports(path);
    if ports.remove(project_dir).is_none() {
        return Ok(());
    }
    write_private(path, &serde_json::to_string(&ports)?)
}

fn read_ports(path: &Path) -> BTreeMap<String, u16> {
    std::fs::read(path)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use paige_protocol::process::{RendezvousTokens, Secret};

    use super::*;

    fn rendezvous(instance: &str) -> Rendezvous {
        Rendezvous {
            protocol: "1.0".into(),
            version: "0.1.0".into(),
            pid: 7,
            port: 3000,
            instance: instance.into(),
            project_dir: "/p".into(),
            tokens: RendezvousTokens {
                mcp: Secret::new("m"),
                hook: Secret::new("h"),
            },
        }
    }

    #[test]
    fn is_withdrawn_only_by_its_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sidecar.json");
        std::fs::write(&path, "left behind").unwrap();
        let first = Published::new(&path, &rendezvous("one")).unwrap();
        let second = Published::new(&path, &rendezvous("two")).unwrap();
        first.withdraw();
        assert_eq!(read(&path), Some(rendezvous("two")));
        second.withdraw();
        assert_eq!(read(&path), None);
    }

    #[test]
    fn ports_are_kept_per_project_and_of_gone_projects_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ports.json");
        let (here, gone) = (folder.path().to_str().unwrap(), "/no/such/project");
        assert_eq!(last_port(&path, here), None);
        remember_port(&path, gone, 4000).unwrap();
        assert_eq!(last_port(&path, gone), Some(4000));
        remember_port(&path, here, 3001).unwrap();
        assert_eq!(
            (last_port(&path, here), last_port(&path, gone)),
            (Some(3001), None)
        );
        forget_port(&path, here).unwrap();
        forget_port(&path, here).unwrap();
        assert_eq!(last_port(&path, here), None);
    }
}
