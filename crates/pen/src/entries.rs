//! [`Pen::create`] and [`Pen::rename`].

use std::io;

use cap_std::fs::MetadataExt as _;
use paige_protocol::{ProjectPath, Version};

use crate::disk;
use crate::error::PenError;
use crate::walk::{Last, Parents, Place};
use crate::{Created, Kind, Pen, Renamed};

impl Pen {
    /// Makes the empty file or folder `path`, and its missing parent folders.
    ///
    /// # Errors
    ///
    /// [`PenError::AlreadyExists`] when the name is taken, be it by a link that leads nowhere.
    pub fn create(&self, path: &ProjectPath, kind: Kind) -> Result<Created, PenError> {
        let failed = PenError::at(path);
        let _tree = self.0.tree.read();
        let place = self.walk(path, Last::Stay, Parents::Make)?;
        let version = match kind {
            Kind::File => {
                let file = disk::new_file(&place.dir, &place.name, 0o666).map_err(&failed)?;
                file.sync_all().map_err(&failed)?;
                Some(Version::of(b""))
            }
            Kind::Directory => {
                place.dir.create_dir(&place.name).map_err(&failed)?;
                None
            }
        };
        disk::sync_dir(&place.dir).map_err(&failed)?;
        Ok(Created {
            path: path.clone(),
            kind,
            version,
        })
    }

    /// Gives the file or folder `from` the path `to`; missing parent folders of `to` are made. A link
    /// is renamed itself.
    ///
    /// # Errors
    ///
    /// [`PenError::AlreadyExists`] when `to` is taken: nothing is ever replaced.
    pub fn rename(&self, from: &ProjectPath, to: &ProjectPath) -> Result<Renamed, PenError> {
        // Before a folder is made for nothing.
        Self::check_name(to)?;
        let _tree = self.0.tree.write();
        let source = self.walk(from, Last::Stay, Parents::Demand)?;
        let Some(found) = &source.found else {
            return Err(PenError::NotFound { path: from.clone() });
        };
        let into_itself = || PenError::IntoItself { path: from.clone() };
        if found.is_dir() && from != to && to.is_below(from) {
            return Err(into_itself());
        }
        let target = self.walk(to, Last::Stay, Parents::Make)?;
        if found.is_dir() && target.folder.starts_with(source.real()) {
            return Err(into_itself());
        }
        match disk::rename_new(&source.dir, &source.name, &target.dir, &target.name) {
            // On a file system that ignores case, `a` is in the way of its own new name `A`.
            Err(error)
                if error.kind() == io::ErrorKind::AlreadyExists
                    && is_other_case(&source, &target) =>
            {
                source
                    .dir
                    .rename(&source.name, &target.dir, &target.name)
                    .map_err(PenError::at(to))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(PenError::NotFound { path: from.clone() });
            }
            renamed => renamed.map_err(PenError::at(to))?,
        }
        disk::sync_dir(&target.dir).map_err(PenError::at(to))?;
        if source.folder != target.folder {
            disk::sync_dir(&source.dir).map_err(PenError::at(from))?;
        }
        Ok(Renamed {
            from: from.clone(),
            to: to.clone(),
            kind: Kind::of(found),
        })
    }
}

impl Kind {
    pub(crate) fn of(found: &cap_std::fs::Metadata) -> Self {
        if found.is_dir() {
            Self::Directory
        } else {
            Self::File
        }
    }
}

/// Whether both names are one entry that differs in case alone. Two hard links of a file are not.
fn is_other_case(source: &Place, target: &Place) -> bool {
    let [old, new] = [source, target].map(|place| place.real().to_string_lossy().to_lowercase());
    let [Ok(a), Ok(b)] = [source, target].map(|place| place.dir.symlink_metadata(&place.name))
    else {
        return false;
    };
    old == new
        && source.real() != target.real()
        && (a.dev(), a.ino()) == (b.dev(), b.ino())
        && (a.is_dir() || a.nlink() == 1)
}

#[cfg(test)]
mod tests {
    use paige_protocol::ErrorCode;

    use super::*;
    use crate::testing::{World, at, code, entries};

    #[test]
    fn files_and_folders_are_made_with_their_parents() {
        let world = World::new();
        let file = world.pen.create(&at("a/b/c.txt"), Kind::File).unwrap();
        let folder = world.pen.create(&at("a/d"), Kind::Directory).unwrap();
        assert_eq!(
            [file, folder],
            [
                Created {
                    path: at("a/b/c.txt"),
                    kind: Kind::File,
                    version: Some(Version::of(b""))
                },
                Created {
                    path: at("a/d"),
                    kind: Kind::Directory,
                    version: None
                },
            ]
        );
        assert_eq!(
            world.project(),
            entries([("a", "/"), ("a/b", "/"), ("a/b/c.txt", ""), ("a/d", "/")])
        );
    }

    #[test]
    fn nothing_is_made_where_something_is() {
        let world = World::new();
        world.put("file", "text");
        std::fs::create_dir(world.root.join("folder")).unwrap();
        world.link("dangling", "nowhere");
        let before = world.project();
        for path in ["file", "folder", "dangling"] {
            for kind in [Kind::File, Kind::Directory] {
                let result = world.pen.create(&at(path), kind);
                assert_eq!(code(&result), Some(ErrorCode::AlreadyExists), "{path}");
            }
        }
        let below = world.pen.create(&at("file/x"), Kind::File);
        assert_eq!(code(&below), Some(ErrorCode::NotAFolder));
        assert_eq!(world.project(), before);
    }

    #[test]
    fn files_folders_and_links_are_renamed() {
        let world = World::new();
        world.put("a.txt", "a");
        world.put("old/b.txt", "b");
        world.link("link", "a.txt");
        let rename = |from, to| world.pen.rename(&at(from), &at(to)).unwrap().kind;
        let kinds = [
            rename("a.txt", "A.txt"),
            rename("old", "x/y/new"),
            rename("link", "x/link"),
            rename("x/y/new/b.txt", "b.txt"),
        ];
        assert_eq!(kinds, [Kind::File, Kind::Directory, Kind::File, Kind::File]);
        assert_eq!(
            world.project(),
            entries([
                ("A.txt", "a"),
                ("b.txt", "b"),
                ("x", "/"),
                ("x/link", "-> a.txt"),
                ("x/y", "/"),
                ("x/y/new", "/"),
            ])
        );
    }

    #[test]
    fn a_rename_replaces_nothing() {
        let world = World::new();
        world.put("a", "a");
        world.put("b", "b");
        world.put("full/c", "c");
        std::fs::create_dir(world.root.join("empty")).unwrap();
        std::fs::hard_link(world.root.join("a"), world.root.join("A")).unwrap();
        world.link("dangling", "nowhere");
        let before = world.project();
        let table = [
            ("a", "b", ErrorCode::AlreadyExists),
            ("a", "a", ErrorCode::AlreadyExists),
            ("a", "A", ErrorCode::AlreadyExists),
            ("a", "dangling", ErrorCode::AlreadyExists),
            ("a", "empty", ErrorCode::AlreadyExists),
            ("full", "empty", ErrorCode::AlreadyExists),
            ("full", "full", ErrorCode::AlreadyExists),
            ("full", "full/c/d", ErrorCode::InvalidArgument),
            ("full", "full/sub/new", ErrorCode::InvalidArgument),
            ("a", "b/c", ErrorCode::NotAFolder),
            ("missing", "new/x", ErrorCode::FileNotFound),
            ("missing/x", "new/x", ErrorCode::FileNotFound),
        ];
        for (from, to, expected) in table {
            let result = world.pen.rename(&at(from), &at(to));
            assert_eq!(code(&result), Some(expected), "{from} -> {to}");
        }
        assert_eq!(world.project(), before);
    }

    #[test]
    fn a_folder_is_not_moved_into_itself_through_a_link() {
        let world = World::new();
        world.put("folder/a", "a");
        world.link("link", "folder");
        let result = world.pen.rename(&at("folder"), &at("link/inner"));
        assert_eq!(code(&result), Some(ErrorCode::InvalidArgument));
        assert_eq!(world.read("folder/a"), "a");
    }
}
