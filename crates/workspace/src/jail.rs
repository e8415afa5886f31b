//! [`Jail`]: the only way from a path to a file. It hands out files, never a directory handle.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use cap_fs_ext::{DirExt, OpenOptionsSyncExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use paige_protocol::ProjectPath;
use rustix::fs::{Mode, OFlags, openat};

use crate::error::{FileError, OpenError, is_escape};

/// How a folder is opened for listing. `NOFOLLOW`: the tree does not follow links.
pub(crate) const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// The project folder as a handle. The kernel (`openat2` with `RESOLVE_BENEATH`; elsewhere cap-std,
/// component by component) refuses every path that leaves it, so no check can be outrun by a link
/// that is swapped (blueprint §5).
pub(crate) struct Jail {
    root: PathBuf,
    dir: Dir,
}

impl Jail {
    pub(crate) fn open(root: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::at(root.to_owned(), source);
        let canonical = root.canonicalize().map_err(failed)?;
        if canonical.to_str().is_none() {
            return Err(OpenError::NotUtf8 {
                root: root.to_owned(),
            });
        }
        let dir = Dir::open_ambient_dir(&canonical, ambient_authority()).map_err(failed)?;
        // The handle alone may not allow to list (`O_PATH`), so ask now rather than at the first tree.
        openat(&dir, ".", FOLDER, Mode::empty()).map_err(|errno| failed(errno.into()))?;
        Ok(Self {
            root: canonical,
            dir,
        })
    }

    /// The canonical path of the project folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Opens a regular file for reading; links that stay in the project are followed. It never
    /// blocks: a pipe or device is opened without waiting and refused.
    pub(crate) fn open_file(&self, path: &ProjectPath) -> Result<(File, Metadata), FileError> {
        let failed = |source| FileError::at(path, source);
        let mut options = OpenOptions::new();
        options.read(true).nonblock(true);
        // A terminal must not become the one that controls us.
        options.custom_flags(OFlags::NOCTTY.bits().cast_signed());
        let file = match self.dir.open_with(path, &options) {
            Err(error) if is_escape(&error) => match self.within(path) {
                Some(inside) => self.dir.open_with(inside, &options),
                None => Err(error),
            },
            opened => opened,
        };
        let file = file.map_err(failed)?.into_std();
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_file() {
            Ok((file, metadata))
        } else {
            Err(FileError::NotAFile { path: path.clone() })
        }
    }

    /// The path without links, if it is there and in the project.
    pub(crate) fn real(&self, path: &ProjectPath) -> Option<ProjectPath> {
        ProjectPath::parse(self.within(path)?.to_str()?).ok()
    }

    /// Where `path` really is, if that is in the project: the kernel refuses an absolute link even
    /// then. What is found here is only another path to try, again through the handle.
    fn within(&self, path: &ProjectPath) -> Option<PathBuf> {
        let real = self.root.join(path).canonicalize().ok()?;
        real.strip_prefix(&self.root).ok().map(Path::to_owned)
    }

    /// Opens a folder (`""` for the project folder) for listing. The last component is not followed
    /// if it is a link.
    pub(crate) fn open_folder(&self, path: &str) -> io::Result<OwnedFd> {
        if path.is_empty() {
            return Ok(openat(&self.dir, ".", FOLDER, Mode::empty())?);
        }
        let dir = self.dir.open_dir_nofollow(path)?;
        Ok(openat(&dir, ".", FOLDER, Mode::empty())?)
    }
}
