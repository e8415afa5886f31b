//! A project, a trash and an outside for the unit tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use paige_protocol::{ErrorCode, ProjectPath, Version};

use crate::{Base, Config, Pen, PenError};

pub(crate) struct World {
    folder: tempfile::TempDir,
    pub(crate) root: PathBuf,
    pub(crate) outside: PathBuf,
    pub(crate) trash: PathBuf,
    pub(crate) pen: Pen,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(tempfile::tempdir().unwrap())
    }

    /// In memory where there is such a file system, so that thousands of syncs cost little.
    pub(crate) fn in_memory() -> Self {
        Self::with(
            tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap()),
        )
    }

    fn with(folder: tempfile::TempDir) -> Self {
        let [root, outside, trash] =
            ["project", "outside", "data/trash"].map(|name| folder.path().join(name));
        std::fs::create_dir(&root).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("secret.txt"), "secret").unwrap();
        let config = Config { max_bytes: 100_000 };
        let pen = Pen::open(&root, &trash, config).unwrap();
        Self {
            folder,
            root,
            outside,
            trash,
            pen,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the project past the pen.
    pub(crate) fn put(&self, path: &str, content: &str) {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn link(&self, path: &str, target: impl AsRef<Path>) {
        std::os::unix::fs::symlink(target, self.root.join(path)).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root.join(path)).unwrap()
    }

    /// Saves over what is on disk.
    pub(crate) fn save(&self, path: &str, content: &str) -> Result<crate::Receipt, PenError> {
        let base = match std::fs::read(self.root.join(path)) {
            Ok(old) => Base::Version(Version::of(&old)),
            Err(_) => Base::Absent,
        };
        self.pen.save(&at(path), content.as_bytes(), &base)
    }

    /// Every entry of the project with its content, target or `/`.
    pub(crate) fn project(&self) -> BTreeMap<String, String> {
        list(&self.root)
    }
}

pub(crate) fn at(path: &str) -> ProjectPath {
    ProjectPath::parse(path).unwrap()
}

pub(crate) fn code<T>(result: &Result<T, PenError>) -> Option<ErrorCode> {
    result.as_ref().err().map(PenError::code)
}

/// Every entry below `folder`: a file's content, a link's target after `->`, or `/` for a folder.
pub(crate) fn list(folder: &Path) -> BTreeMap<String, String> {
    fn visit(root: &Path, folder: &Path, all: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let metadata = path.symlink_metadata().unwrap();
            let what = if metadata.is_symlink() {
                format!("-> {}", path.read_link().unwrap().display())
            } else if metadata.is_dir() {
                visit(root, &path, all);
                "/".to_owned()
            } else if metadata.is_file() {
                String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned()
            } else {
                "special".to_owned()
            };
            all.insert(name, what);
        }
    }
    let mut all = BTreeMap::new();
    visit(folder, folder, &mut all);
    all
}

/// What [`list`] gives, written down.
pub(crate) fn entries<const N: usize>(entries: [(&str, &str); N]) -> BTreeMap<String, String> {
    entries
        .map(|(name, what)| (name.to_owned(), what.to_owned()))
        .into()
}
