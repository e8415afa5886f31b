//! The few system calls that cap-std does not have, and the temporary name.

use std::ffi::OsStr;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, SystemTime};

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt as _, OpenOptionsSyncExt as _};
use cap_std::fs::{Dir, File, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use paige_protocol::Version;
use rustix::fs::{Access, AtFlags, Gid, Mode, OFlags, RenameFlags, Uid};
use rustix::io::Errno;

/// A leftover is not older than this while somebody may still be writing it.
const LEFTOVER_AGE: Duration = Duration::from_secs(60 * 60);

/// Makes the entries of `dir` durable.
pub(crate) fn sync_dir(dir: &Dir) -> io::Result<()> {
    // A handle of cap-std is only a place (`O_PATH`), which cannot be synced.
    let dir: OwnedFd = rustix::fs::openat(
        dir,
        ".",
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    Ok(rustix::fs::fsync(&dir)?)
}

/// Renames without replacing anything: a taken name is `AlreadyExists`.
pub(crate) fn rename_new(from: &Dir, name: &OsStr, to: &Dir, new: &OsStr) -> io::Result<()> {
    match rustix::fs::renameat_with(from, name, to, new, RenameFlags::NOREPLACE) {
        // The file system cannot: `EINVAL`, or `ENOSYS` from an old kernel. A folder moved into
        // itself is `EINVAL` too, and the plain rename below says so again.
        Err(Errno::INVAL | Errno::NOSYS) => rename_new_plainly(from, name, to, new),
        result => Ok(result?),
    }
}

fn rename_new_plainly(from: &Dir, name: &OsStr, to: &Dir, new: &OsStr) -> io::Result<()> {
    if from.symlink_metadata(name)?.is_dir() {
        // A folder replaces at most an empty folder; the check is for that one.
        return match to.symlink_metadata(new) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => from.rename(name, to, new),
            Err(error) => Err(error),
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        };
    }
    rustix::fs::linkat(from, name, to, new, AtFlags::empty())?;
    from.remove_file(name)
}

/// Opens the regular file `name` for reading, following no link and waiting for no pipe.
pub(crate) fn open_file(dir: &Dir, name: &OsStr) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).follow(FollowSymlinks::No).nonblock(true);
    dir.open_with(name, &options)
}

/// The version of what is left to read in `file`, without holding it in memory. Of a file that grows
/// meanwhile no more than one byte beyond `limit` is read.
pub(crate) fn version_of(file: File, limit: u64) -> io::Result<Version> {
    let mut file = file.take(limit.saturating_add(1));
    let mut buffer = [0; 16 * 1024];
    let mut hasher = twox_hash::xxhash3_128::Hasher::new();
    loop {
        match file.read(&mut buffer) {
            // As `Version::of` writes it; a test keeps the two equal.
            Ok(0) => return Ok(Version::from(format!("{:032x}", hasher.finish_128()))),
            Ok(n) => hasher.write(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether a plain write to the file would be refused. The mode counts for root, too: who marks a
/// file read-only means everybody.
pub(crate) fn is_read_only(dir: &Dir, name: &OsStr, mode: u32) -> bool {
    mode & 0o222 == 0
        || matches!(
            rustix::fs::accessat(dir, name, Access::WRITE_OK, AtFlags::EACCESS),
            Err(Errno::ACCESS | Errno::PERM | Errno::ROFS)
        )
}

/// Owner, group and permission bits of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The nine bits; set-user-id and its like are dropped, as a plain write does.
    pub(crate) mode: u32,
}

impl Rights {
    pub(crate) fn of(file: &cap_std::fs::Metadata) -> Self {
        Self {
            uid: file.uid(),
            gid: file.gid(),
            mode: file.mode() & 0o777,
        }
    }

    /// Gives `file`, which has the rights `now`, these.
    pub(crate) fn give(self, file: &File, now: Self) -> io::Result<()> {
        if (self.uid, self.gid) != (now.uid, now.gid) {
            // Only root may give a file away. Who may not becomes its owner, as with any editor
            // that replaces the file.
            let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
            match rustix::fs::fchown(file, Some(uid), Some(gid)) {
                Ok(()) | Err(Errno::PERM) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if self.mode != now.mode {
            rustix::fs::fchmod(file, Mode::from_raw_mode(self.mode))?;
        }
        Ok(())
    }
}

/// A temporary file or folder; it is removed when it is dropped before it got its real name.
#[derive(Debug)]
pub(crate) struct Temporary<'dir> {
    dir: &'dir Dir,
    pub(crate) name: String,
    kept: bool,
}

impl<'dir> Temporary<'dir> {
    /// A free name in `dir`; the caller makes what it names, and never replaces anything by it.
    pub(crate) fn name(dir: &'dir Dir) -> io::Result<Self> {
        Ok(Self {
            dir,
            name: format!(".paige-{}.tmp", random()?),
            kept: false,
        })
    }

    /// An empty file with the permission bits `mode`, less the umask.
    pub(crate) fn file(dir: &'dir Dir, mode: u32) -> io::Result<(Self, File)> {
        let mut temporary = Self::name(dir)?;
        // Until it is made it is not ours to remove.
        temporary.kept = true;
        let file = new_file(dir, OsStr::new(&temporary.name), mode)?;
        temporary.kept = false;
        Ok((temporary, file))
    }

    /// It has its real name now.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.kept {
            remove(self.dir, OsStr::new(&self.name));
        }
    }
}

/// Removes what can be removed of a temporary file or folder.
fn remove(dir: &Dir, name: &OsStr) {
    let removed = match dir.remove_file(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(_) => dir.remove_dir_all(name),
        Ok(()) => Ok(()),
    };
    if let Err(error) = removed {
        tracing::warn!(?name, %error, "A temporary file could not be removed.");
    }
}

/// Eight random hexadecimal digits.
pub(crate) fn random() -> io::Result<String> {
    let number = getrandom::u32().map_err(io::Error::other)?;
    Ok(format!("{number:08x}"))
}

/// Removes the temporary files that a crash left behind in `dir` long ago.
pub(crate) fn sweep(dir: &Dir) -> io::Result<()> {
    let now = SystemTime::now();
    for entry in dir.entries()? {
        let entry = entry?;
        let name = entry.file_name();
        if !is_temporary(&name) {
            continue;
        }
        let written = entry.metadata()?.modified()?.into_std();
        if now
            .duration_since(written)
            .is_ok_and(|age| age > LEFTOVER_AGE)
        {
            tracing::info!(
                ?name,
                "Removing a temporary file that an earlier crash left behind."
            );
            remove(dir, &name);
        }
    }
    Ok(())
}

/// Whether `name` is one that [`Temporary`] gives.
fn is_temporary(name: &OsStr) -> bool {
    Path::new(name).to_str().is_some_and(|name| {
        name.strip_prefix(".paige-")
            .and_then(|rest| rest.strip_suffix(".tmp"))
            .is_some_and(|id| id.len() == 8 && id.bytes().all(|b| b.is_ascii_hexdigit()))
    })
}

/// Makes the file `name`, which must not exist, with the permission bits `mode`, less the umask.
pub(crate) fn new_file(dir: &Dir, name: &OsStr, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create_new(true)
        .follow(FollowSymlinks::No)
        .mode(mode);
    dir.open_with(name, &options)
}
