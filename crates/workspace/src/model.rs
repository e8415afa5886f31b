//! [`Folder`]: the project's tree in memory, compact and always in the order in which it is shown.

use std::cmp::Ordering;
use std::sync::Arc;

use paige_protocol::tree::{NodeKind, TreeNode};
use rustix::fs::Stat;

use crate::rules::Rules;

/// Deeper folders are shown without their content. Each level nests two deep in JSON, and many
/// readers allow 128 levels.
pub(crate) const MAX_DEPTH: usize = 60;

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    inode: u64,
    size: i64,
    /// Nanoseconds since 1970; the least number when the file was only listed so far.
    modified: i64,
}

impl Stamp {
    /// Of a file that is only known by name.
    pub(crate) const UNKNOWN: Self = Self {
        inode: 0,
        size: 0,
        modified: i64::MIN,
    };

    pub(crate) fn of(stat: &Stat) -> Self {
        // The types of these fields differ from system to system.
        #[allow(
            clippy::unnecessary_cast,
            clippy::cast_possible_wrap,
            reason = "the width differs between platforms, and only equality matters"
        )]
        Self {
            inode: stat.st_ino as u64,
            size: stat.st_size as i64,
            modified: (stat.st_mtime as i64)
                .wrapping_mul(1_000_000_000)
                .wrapping_add(stat.st_mtime_nsec as i64),
        }
    }

    pub(crate) fn is_known(self) -> bool {
        self.modified != i64::MIN
    }
}

/// A file, a link, or whatever else is not a folder.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) name: Box<str>,
    pub(crate) stamp: Stamp,
}

/// A folder and all that is below it.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    pub(crate) name: Box<str>,
    /// In the order of [`compare_names`].
    pub(crate) folders: Vec<Folder>,
    /// In the order of [`compare_names`].
    pub(crate) files: Vec<File>,
    /// What is ignored in this folder.
    pub(crate) rules: Option<Arc<Rules>>,
    /// Whether changes in it are reported by the system.
    pub(crate) watched: bool,
}

/// What a folder holds on disk, in the order of [`compare_names`].
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) folders: Vec<Box<str>>,
    pub(crate) files: Vec<File>,
}

/// How a folder of the model differed from a [`Listing`]. The model has it all but the new folders,
/// which must be scanned first.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    pub(crate) added_files: Vec<(Box<str>, Stamp)>,
    pub(crate) changed_files: Vec<Box<str>>,
    pub(crate) removed_files: Vec<File>,
    pub(crate) added_folders: Vec<Box<str>>,
    pub(crate) removed_folders: Vec<Folder>,
}

/// What [`Folder::put`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// There was no such file.
    Added,
    /// It had this other stamp.
    Replaced(Stamp),
    /// It is as it was.
    Same,
}

/// Alphabetical: first as if there were no upper case, then, for names that differ in nothing else,
/// by code points. The same everywhere, whatever the locale.
pub(crate) fn compare_names(a: &str, b: &str) -> Ordering {
    let folded = if a.is_ascii() && b.is_ascii() {
        let lower = |byte: u8| byte.to_ascii_lowercase();
        a.bytes().map(lower).cmp(b.bytes().map(lower))
    } else {
        let lower = char::to_lowercase;
        a.chars().flat_map(lower).cmp(b.chars().flat_map(lower))
    };
    folded.then_with(|| a.cmp(b))
}

/// The components of a path; none for `""`, the project folder.
pub(crate) fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty())
}

/// The path of `name` in the folder `parent`.
pub(crate) fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}/{name}")
    }
}

/// The folder of an entry and its name.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

impl Folder {
    /// An empty one.
    pub(crate) fn named(name: &str) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// The folder at `path`, relative to this one.
    pub(crate) fn folder(&self, path: &str) -> Option<&Folder> {
        components(path).try_fold(self, |folder, name| {
            folder.find_folder(name).ok().map(|at| &folder.folders[at])
        })
    }

    /// The folder at `path`, relative to this one.
    pub(crate) fn folder_mut(&mut self, path: &str) -> Option<&mut Folder> {
        components(path).try_fold(self, |folder, name| {
            folder
                .find_folder(name)
                .ok()
                .map(|at| &mut folder.folders[at])
        })
    }

    fn find_folder(&self, name: &str) -> Result<usize, usize> {
        self.folders
            .binary_search_by(|folder| compare_names(&folder.name, name))
    }

    fn find_file(&self, name: &str) -> Result<usize, usize> {
        self.files
            .binary_search_by(|file| compare_names(&file.name, name))
    }

    /// The kind of the entry `name`.
    pub(crate) fn kind(&self, name: &str) -> Option<NodeKind> {
        if self.find_folder(name).is_ok() {
            Some(NodeKind::Directory)
        } else {
            self.find_file(name).ok().map(|_| NodeKind::File)
        }
    }

    /// Adds a folder, or replaces the one of its name.
    pub(crate) fn put_folder(&mut self, folder: Folder) {
        match self.find_folder(&folder.name) {
            Ok(at) => self.folders[at] = folder,
            Err(at) => self.folders.insert(at, folder),
        }
    }

    /// Removes the folder `name`.
    pub(crate) fn take_folder(&mut self, name: &str) -> Option<Folder> {
        self.find_folder(name)
            .ok()
            .map(|at| self.folders.remove(at))
    }

    /// Adds a file, or notes its new stamp.
    pub(crate) fn put_file(&mut self, name: &str, stamp: Stamp) -> Put {
        match self.find_file(name) {
            Ok(at) => {
                let old = std::mem::replace(&mut self.files[at].stamp, stamp);
                if old == stamp {
                    Put::Same
                } else {
                    Put::Replaced(old)
                }
            }
            Err(at) => {
                let name = name.into();
                self.files.insert(at, File { name, stamp });
                Put::Added
            }
        }
    }

    /// Removes the file `name`.
    pub(crate) fn take_file(&mut self, name: &str) -> Option<File> {
        self.find_file(name).ok().map(|at| self.files.remove(at))
    }

    /// Makes this folder, but for new subfolders, what `listing` says. A file whose stamp was not
    /// known is not reported as changed.
    pub(crate) fn merge(&mut self, listing: Listing) -> Difference {
        let mut difference = Difference::default();
        let mut old = std::mem::take(&mut self.files).into_iter().peekable();
        for file in &listing.files {
            while let Some(gone) = old.next_if(|old| compare_names(&old.name, &file.name).is_lt()) {
                difference.removed_files.push(gone);
            }
            match old.next_if(|old| old.name == file.name) {
                None => difference.added_files.push((file.name.clone(), file.stamp)),
                Some(old) if old.stamp.is_known() && old.stamp != file.stamp => {
                    difference.changed_files.push(file.name.clone());
                }
                Some(_) => {}
            }
        }
        difference.removed_files.extend(old);
        self.files = listing.files;

        let mut old = std::mem::take(&mut self.folders).into_iter().peekable();
        for name in listing.folders {
            while let Some(gone) = old.next_if(|old| compare_names(&old.name, &name).is_lt()) {
                difference.removed_folders.push(gone);
            }
            match old.next_if(|old| old.name == name) {
                None => difference.added_folders.push(name),
                Some(kept) => self.folders.push(kept),
            }
        }
        difference.removed_folders.extend(old);
        difference
    }

    /// The paths of this folder, which is at `path`, and of all folders below for which `wanted` says so.
    pub(crate) fn paths(
        &self,
        path: &str,
        wanted: &dyn Fn(&Folder) -> bool,
        out: &mut Vec<String>,
    ) {
        if wanted(self) {
            out.push(path.to_owned());
        }
        for folder in &self.folders {
            folder.paths(&join(path, &folder.name), wanted, out);
        }
    }

    /// The node of this folder, which is at `path`, with all below it.
    pub(crate) fn node(&self, path: &str) -> TreeNode {
        let folders = self
            .folders
            .iter()
            .map(|folder| folder.node(&join(path, &folder.name)));
        let files = self
            .files
            .iter()
            .map(|file| file_node(&file.name, join(path, &file.name)));
        TreeNode {
            name: self.name.as_ref().into(),
            path: shown_path(path).to_owned(),
            kind: NodeKind::Directory,
            children: Some(folders.chain(files).collect()),
        }
    }
}

/// The path of the project folder is `.` on the wire.
pub(crate) fn shown_path(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

/// The node of a file.
pub(crate) fn file_node(name: &str, path: String) -> TreeNode {
    TreeNode {
        name: name.to_owned(),
        path,
        kind: NodeKind::File,
        children: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_as_people_expect() {
        let mut names = [
            "b", "B", "a", "C", "ä", "Ä", "a1", "a10", "a2", "_x", ".env", "z",
        ];
        names.sort_by(|a, b| compare_names(a, b));
        assert_eq!(
            names,
            [
                ".env", "_x", "a", "a1", "a10", "a2", "B", "b", "C", "z", "Ä", "ä"
            ]
        );
    }

    fn stamp(number: i64) -> Stamp {
        Stamp {
            inode: 1,
            size: 1,
            modified: number,
        }
    }

    fn folder(folders: &[&str], files: &[(&str, Stamp)]) -> Folder {
        let mut folder = Folder::default();
        folders
            .iter()
            .for_each(|name| folder.put_folder(Folder::named(name)));
        for (name, stamp) in files {
            folder.put_file(name, *stamp);
        }
        folder
    }

    #[test]
    fn merging_tells_what_differed_and_leaves_what_is() {
        let mut model = folder(
            &["a", "gone", "Kept"],
            &[
                ("new-stamp", stamp(1)),
                ("same", stamp(2)),
                ("unknown", Stamp::UNKNOWN),
                ("x", stamp(3)),
            ],
        );
        let disk = folder(
            &["b", "Kept"],
            &[
                ("a", stamp(4)),
                ("new-stamp", stamp(5)),
                ("same", stamp(2)),
                ("unknown", stamp(6)),
            ],
        );
        let listing = Listing {
            folders: disk.folders.into_iter().map(|folder| folder.name).collect(),
            files: disk.files,
        };
        let difference = model.merge(listing);
        assert_eq!(difference.added_files, [("a".into(), stamp(4))]);
        assert_eq!(difference.changed_files, ["new-stamp".into()]);
        let removed: Vec<_> = difference
            .removed_files
            .iter()
            .map(|file| &*file.name)
            .collect();
        assert_eq!(removed, ["x"]);
        assert_eq!(difference.added_folders, ["b".into()]);
        let removed: Vec<_> = difference
            .removed_folders
            .iter()
            .map(|folder| &*folder.name)
            .collect();
        assert_eq!(removed, ["a", "gone"]);
        let files: Vec<_> = model
            .files
            .iter()
            .map(|file| (&*file.name, file.stamp))
            .collect();
        assert_eq!(
            files,
            [
                ("a", stamp(4)),
                ("new-stamp", stamp(5)),
                ("same", stamp(2)),
                ("unknown", stamp(6))
            ]
        );
        assert_eq!(model.folders.len(), 1);
    }

    #[test]
    fn entries_are_found_put_and_taken_by_name() {
        let mut root = folder(&["src"], &[("B", stamp(1))]);
        let src = root.folder_mut("src").expect("it is there");
        src.put_folder(Folder::named("deep"));
        assert_eq!(src.put_file("x", stamp(1)), Put::Added);
        assert_eq!(src.put_file("x", stamp(2)), Put::Replaced(stamp(1)));
        assert_eq!(src.put_file("x", stamp(2)), Put::Same);
        assert!(root.folder("src/deep").is_some());
        assert!(root.folder("src/x").is_none());
        assert!(root.folder("").is_some());
        assert_eq!(root.kind("src"), Some(NodeKind::Directory));
        assert_eq!(root.kind("B"), Some(NodeKind::File));
        assert_eq!(root.kind("b"), None);
        assert!(root.take_file("B").is_some() && root.take_file("B").is_none());
        assert!(root.take_folder("src").is_some() && root.take_folder("src").is_none());
    }
}
