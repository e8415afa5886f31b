//! The data directory: what lies where in it, and the lock that lets one sidecar use it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::exit::{Exit, Failure};
use crate::rendezvous;

/// Where each file of the data directory is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DataDir {
    root: PathBuf,
}

impl DataDir {
    /// The directory at `root`, an absolute path. Nothing is made.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The directory itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The one database.
    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("paige.db")
    }

    /// Where deleted project files go.
    pub(crate) fn trash(&self) -> PathBuf {
        self.root.join("trash")
    }

    /// Settings of the user.
    pub(crate) fn env_file(&self) -> PathBuf {
        self.root.join(".env")
    }

    /// The numbers of coaching, as the user wants them.
    pub(crate) fn models_file(&self) -> PathBuf {
        self.root.join("models.toml")
    }

    /// What is remembered across sessions.
    pub(crate) fn memory(&self) -> PathBuf {
        self.root.join("memory.db")
    }

    /// The numbers of coaching.
    pub(crate) fn coaching_file(&self) -> PathBuf {
        self.root.join("coaching.toml")
    }

    /// The newest log file; older ones have `.1`, `.2`, … behind the name.
    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("logs").join("sidecar.log")
    }

    /// The pen's key, alone in a file, for a person.
    pub(crate) fn ui_token(&self) -> PathBuf {
        self.root.join("ui.token")
    }

    /// The tokens that tools may have.
    pub(crate) fn tool_tokens(&self) -> PathBuf {
        self.root.join("tokens.json")
    }

    /// Where the live sidecar is.
    pub(crate) fn rendezvous(&self) -> PathBuf {
        self.root.join("sidecar.json")
    }

    /// Which port each project had last.
    pub(crate) fn ports(&self) -> PathBuf {
        self.root.join("ports.json")
    }

    /// What `install-plugin` has put into the settings of which project.
    pub(crate) fn plugins(&self) -> PathBuf {
        self.root.join("plugins.json")
    }

    /// There while a sidecar runs, and left behind by one that crashed.
    pub(crate) fn crash_marker(&self) -> PathBuf {
        self.root.join("running.json")
    }

    fn lock_file(&self) -> PathBuf {
        self.root.join("sidecar.lock")
    }

    /// Makes the directory with its parents, for this user only (spec: 1.7).
    ///
    /// # Errors
    /// [`Exit::Configuration`] naming `DATA_DIR`.
    pub(crate) fn create(&self) -> Result<(), Failure> {
        let unusable = |what: &str, error: std::io::Error| {
            let root = self.root.display();
            Failure::new(
                Exit::Configuration,
                format!(
                    "DATA_DIR (--data-dir): {root} {what}: {error}. Name a folder that you may write to."
                ),
            )
        };
        // Parents get the usual mode: they may be shared folders.
        if let Some(parent) = self.root.parent() {
            fs::create_dir_all(parent).map_err(|error| unusable("cannot be made", error))?;
        }
        match DirBuilder::new().mode(0o700).create(&self.root) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let meta =
                    fs::metadata(&self.root).map_err(|error| unusable("cannot be read", error))?;
                if !meta.is_dir() {
                    return Err(unusable(
                        "cannot be used",
                        std::io::ErrorKind::NotADirectory.into(),
                    ));
                }
                // A folder that people share is none to keep keys in, nor one to close to the others.
                if meta.permissions().mode() & 0o1000 != 0
                    || meta.uid() != rustix::process::geteuid().as_raw()
                {
                    return Err(unusable(
                        "belongs to somebody else or is shared",
                        std::io::ErrorKind::PermissionDenied.into(),
                    ));
                }
                // It holds keys: a folder that others can look into is closed, not complained about.
                if meta.permissions().mode() & 0o077 != 0 {
                    fs::set_permissions(&self.root, fs::Permissions::from_mode(0o700))
                        .map_err(|error| unusable("cannot be closed to other users", error))?;
                }
                Ok(())
            }
            Err(error) => Err(unusable("cannot be made", error)),
        }
    }

    /// Makes the directory and takes its lock.
    ///
    /// # Errors
    /// [`Exit::DataDirHeld`] naming who holds it; [`Exit::Configuration`] when it cannot be used.
    pub(crate) fn lock(&self) -> Result<Lock, Failure> {
        self.create()?;
        let path = self.lock_file();
        let trouble = |error: std::io::Error| {
            let path = path.display();
            Failure::new(
                Exit::Configuration,
                format!(
                    "DATA_DIR (--data-dir): {path} cannot be locked: {error}. Name a folder on a local disk that you may write to."
                ),
            )
        };
        let mut file = open_lock(&path).map_err(trouble)?;
        // `status` and `stop` look by taking the lock for a moment, so one refusal is no proof.
        let mut tries = 20;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tries > 0 => {
                    tries -= 1;
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Err(self.held()),
                Err(TryLockError::Error(error)) => return Err(trouble(error)),
            }
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .map_err(trouble)?;
        write!(file, "{}", std::process::id()).map_err(trouble)?;
        Ok(Lock { _file: file })
    }

    /// Who holds the lock now, if anybody does.
    ///
    /// # Errors
    /// When the lock file is there but cannot be opened.
    pub(crate) fn holder(&self) -> std::io::Result<Option<Holder>> {
        let mut file = match File::open(self.lock_file()) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                let pid = text.trim().parse().ok();
                let rendezvous =
                    rendezvous::read(&self.rendezvous()).filter(|found| Some(found.pid) == pid);
                Ok(Some(Holder { pid, rendezvous }))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn held(&self) -> Failure {
        let root = self.root.display();
        let who = match self.holder() {
            Ok(Some(holder)) => holder.to_string(),
            Ok(None) | Err(_) => "another paige-sidecar".to_owned(),
        };
        Failure::new(
            Exit::DataDirHeld,
            format!(
                "The data directory {root} is in use by {who}.\n\
                 Stop that one with `paige-sidecar stop --data-dir {root}`, or give this one a \
                 folder of its own with --data-dir."
            ),
        )
    }
}

fn open_lock(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

/// The proof that this process alone uses the data directory. The kernel ends it with the process.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// The process that holds the lock.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Holder {
    /// Its process id; `None` in the instant between taking the lock and writing the id.
    pub(crate) pid: Option<u32>,
    /// What it published; `None` while it starts or stops.
    pub(crate) rendezvous: Option<paige_protocol::process::Rendezvous>,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.rendezvous, self.pid) {
            (Some(live), _) => write!(
                f,
                "a paige-sidecar that serves {} on port {} (process {})",
                live.project_dir, live.port, live.pid
            ),
            (None, Some(pid)) => write!(
                f,
                "a paige-sidecar that is starting or stopping (process {pid})"
            ),
            (None, None) => f.write_str("a paige-sidecar that is starting"),
        }
    }
}

/// Writes a small private file so that a reader sees the old or the new text, never half of it.
///
/// # Errors
/// Those of the file system.
pub(crate) fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let temporary = path.with_extension(format!("new-{}", std::process::id()));
    let result = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data_dir() -> (tempfile::TempDir, DataDir) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("a/b/data");
        (folder, DataDir::new(root))
    }

    #[test]
    fn is_made_with_parents_for_this_user_only() {
        let (_folder, data) = data_dir();
        data.create().unwrap();
        assert_eq!(
            fs::metadata(data.root()).unwrap().permissions().mode() & 0o777,
            0o700
        );
        fs::set_permissions(data.root(), fs::Permissions::from_mode(0o755)).unwrap();
        data.create().unwrap();
        assert_eq!(
            fs::metadata(data.root()).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }

    #[test]
    fn a_shared_folder_is_refused_and_left_as_it_is() {
        let (_folder, data) = data_dir();
        fs::create_dir_all(data.root()).unwrap();
        fs::set_permissions(data.root(), fs::Permissions::from_mode(0o1777)).unwrap();
        let failure = data.create().unwrap_err();
        assert_eq!(failure.exit, Exit::Configuration);
        assert!(failure.message.contains("is shared"), "{failure}");
        let mode = fs::metadata(data.root()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o1777);
    }

    #[test]
    fn a_file_in_its_place_is_a_configuration_error() {
        let (_folder, data) = data_dir();
        fs::create_dir_all(data.root().parent().unwrap()).unwrap();
        fs::write(data.root(), "").unwrap();
        let failure = data.create().unwrap_err();
        assert_eq!(failure.exit, Exit::Configuration);
        assert!(
            failure.message.starts_with("DATA_DIR (--data-dir): "),
            "{failure}"
        );
    }

    #[test]
    fn is_locked_by_one_at_a_time() {
        let (_folder, data) = data_dir();
        let lock = data.lock().unwrap();
        let holder = data.holder().unwrap().unwrap();
        assert_eq!(
            holder,
            Holder {
                pid: Some(std::process::id()),
                rendezvous: None
            }
        );
        let failure = data.lock().unwrap_err();
        assert_eq!(failure.exit, Exit::DataDirHeld);
        assert!(
            failure
                .message
                .contains(&format!("(process {})", std::process::id())),
            "{failure}"
        );
        drop(lock);
        assert_eq!(data.holder().unwrap(), None);
        data.lock().unwrap();
    }

    #[test]
    fn a_private_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        for text in ["a longer text", "short"] {
            write_private(&path, text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
