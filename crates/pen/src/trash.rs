//! [`Pen::delete`]. The crate's documentation has the layout of the trash folder.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use cap_fs_ext::DirExt as _;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata};
use chrono::{DateTime, SecondsFormat, Utc};
use paige_protocol::ProjectPath;
use rustix::io::Errno;

use crate::disk::{self, Temporary};
use crate::error::PenError;
use crate::walk::{Last, Parents, Place};
use crate::{Kind, Pen, Trashed};

/// So much of a long name is kept, in bytes: with time, number and `.json` it must stay below the
/// 255 bytes that file systems allow.
const MAX_NAME: usize = 180;

impl Pen {
    /// Moves the file or folder `path` to the trash. A link is moved itself, never its target.
    ///
    /// # Errors
    ///
    /// See [`PenError`]. The entry is then still in its place, except where it had to be copied to
    /// another file system and could only be removed in part: then the trash has all of it.
    pub fn delete(&self, path: &ProjectPath) -> Result<Trashed, PenError> {
        let failed = PenError::at(path);
        let _tree = self.0.tree.write();
        let place = self.walk(path, Last::Stay, Parents::Demand)?;
        let Some(found) = &place.found else {
            return Err(PenError::NotFound { path: path.clone() });
        };
        let trash = open_trash(&self.0.trash).map_err(|source| PenError::Trash {
            path: path.clone(),
            trash: self.0.trash.clone(),
            source,
        })?;

        let now = Utc::now();
        let record = Trashed {
            path: path.clone(),
            kind: Kind::of(found),
            project: self.0.root_path.to_string_lossy().into_owned(),
            name: trash_name(now, &disk::random().map_err(&failed)?, path.name()),
            deleted_at: now.to_rfc3339_opts(SecondsFormat::Millis, true),
        };
        let note = format!("{}.json", record.name);
        let moved = write_note(&trash, &note, &record)
            .and_then(|()| move_entry(&place, &trash, OsStr::new(&record.name)));
        if let Err(error) = moved {
            if !trash.try_exists(&record.name).unwrap_or(true) {
                // The note may not exist either; that is then the first error.
                let _ = trash.remove_file(&note);
            }
            return Err(match Errno::from_io_error(&error) {
                // The trash lies in the folder that is to be moved into it.
                Some(Errno::INVAL) => PenError::IntoItself { path: path.clone() },
                _ => failed(error),
            });
        }
        Ok(record)
    }
}

/// Opens the trash folder; makes it, for this user alone, if it is missing.
fn open_trash(trash: &Path) -> io::Result<Dir> {
    match Dir::open_ambient_dir(trash, ambient_authority()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(trash)?;
            if let Some(parent) = trash.parent() {
                std::fs::File::open(parent)?.sync_all()?;
            }
            Dir::open_ambient_dir(trash, ambient_authority())
        }
        opened => opened,
    }
}

fn trash_name(now: DateTime<Utc>, number: &str, name: &str) -> String {
    let end = name.floor_char_boundary(MAX_NAME);
    format!(
        "{}-{number}-{}",
        now.format("%Y%m%dT%H%M%S%3fZ"),
        &name[..end]
    )
}

fn write_note(trash: &Dir, note: &str, record: &Trashed) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(record)?;
    text.push(b'\n');
    let mut file = disk::new_file(trash, OsStr::new(note), 0o600)?;
    file.write_all(&text)?;
    file.sync_all()
}

fn move_entry(place: &Place, trash: &Dir, name: &OsStr) -> io::Result<()> {
    match disk::rename_new(&place.dir, &place.name, trash, name) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            return move_across(place, trash, name);
        }
        renamed => renamed?,
    }
    disk::sync_dir(trash)?;
    disk::sync_dir(&place.dir)
}

/// Moves an entry to another file system: there it is whole and durable before it is removed here.
fn move_across(place: &Place, trash: &Dir, name: &OsStr) -> io::Result<()> {
    let copy = Temporary::name(trash)?;
    copy_entry(&place.dir, &place.name, trash, OsStr::new(&copy.name))?;
    disk::rename_new(trash, OsStr::new(&copy.name), trash, name)?;
    copy.keep();
    disk::sync_dir(trash)?;
    if place.found.as_ref().is_some_and(Metadata::is_dir) {
        place.dir.remove_dir_all(&place.name)?;
    } else {
        place.dir.remove_file(&place.name)?;
    }
    disk::sync_dir(&place.dir)
}

/// Copies a file, folder or link with its permission bits, and syncs all but the entry in `to` itself.
fn copy_entry(from: &Dir, name: &OsStr, to: &Dir, copy: &OsStr) -> io::Result<()> {
    let metadata = from.symlink_metadata(name)?;
    if metadata.is_symlink() {
        return to.symlink_contents(from.read_link_contents(name)?, copy);
    }
    if metadata.is_dir() {
        let source = from.open_dir_nofollow(name)?;
        to.create_dir(copy)?;
        let target = to.open_dir_nofollow(copy)?;
        for entry in source.entries()? {
            let name = entry?.file_name();
            copy_entry(&source, &name, &target, &name)?;
        }
        disk::sync_dir(&target)?;
        return to.set_permissions(copy, metadata.permissions());
    }
    if metadata.is_file() {
        // As files of std the kernel copies them.
        let mut source = disk::open_file(from, name)?.into_std();
        let mut target = disk::new_file(to, copy, 0o600)?.into_std();
        io::copy(&mut source, &mut target)?;
        target.set_permissions(source.metadata()?.permissions())?;
        return target.sync_all();
    }
    tracing::debug!(
        ?name,
        "A socket, pipe or device is not copied to the trash."
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use paige_protocol::ErrorCode;

    use super::*;
    use crate::testing::{World, at, code, entries, list};

    /// The note beside what lies in the trash.
    fn note(world: &World, record: &Trashed) -> Trashed {
        let text = std::fs::read(world.trash.join(format!("{}.json", record.name))).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    #[test]
    fn a_deleted_file_can_be_found_again() {
        let world = World::new();
        world.put("src/main.rs", "fn main() {}");
        let record = world.pen.delete(&at("src/main.rs")).unwrap();
        assert_eq!(
            record,
            Trashed {
                path: at("src/main.rs"),
                kind: Kind::File,
                project: world.root.canonicalize().unwrap().display().to_string(),
                ..record.clone()
            }
        );
        let time = DateTime::parse_from_rfc3339(&record.deleted_at)
            .unwrap()
            .to_utc();
        let number = record.name.split('-').nth(1).unwrap();
        assert_eq!(record.name, trash_name(time, number, "main.rs"));
        assert_eq!(note(&world, &record), record);
        assert_eq!(world.project(), entries([("src", "/")]));
        let mut trash = list(&world.trash);
        trash.remove(&format!("{}.json", record.name));
        assert_eq!(trash, entries([(&record.name, "fn main() {}")]));
        let mode = world.trash.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn folders_and_links_are_moved_whole_and_their_targets_stay() {
        let world = World::new();
        world.put("folder/deep/a", "a");
        world.put("target", "t");
        world.link("link", "target");
        world.link("folder/out", &world.outside);
        world.link("dangling", "nowhere");
        let outside = list(&world.outside);
        let folder = world.pen.delete(&at("folder")).unwrap();
        let link = world.pen.delete(&at("link")).unwrap();
        world.pen.delete(&at("dangling")).unwrap();
        assert_eq!([folder.kind, link.kind], [Kind::Directory, Kind::File]);
        assert_eq!(world.project(), entries([("target", "t")]));
        assert_eq!(
            list(&world.trash.join(&folder.name)),
            entries([
                ("deep", "/"),
                ("deep/a", "a"),
                ("out", &format!("-> {}", world.outside.display())),
            ])
        );
        assert_eq!(list(&world.outside), outside);
    }

    #[test]
    fn one_name_is_deleted_many_times() {
        let world = World::new();
        for i in 0..20 {
            world.put("a", &i.to_string());
            world.pen.delete(&at("a")).unwrap();
        }
        assert_eq!(list(&world.trash).len(), 40);
    }

    #[test]
    fn a_long_name_fits() {
        let world = World::new();
        let name = "ü".repeat(127);
        world.put(&name, "text");
        let record = world.pen.delete(&at(&name)).unwrap();
        assert_eq!(
            std::fs::read_to_string(world.trash.join(&record.name)).unwrap(),
            "text"
        );
        assert_eq!(note(&world, &record).path, at(&name));
    }

    #[test]
    fn what_is_not_there_is_not_deleted() {
        let world = World::new();
        for path in ["a", "a/b"] {
            assert_eq!(
                code(&world.pen.delete(&at(path))),
                Some(ErrorCode::FileNotFound)
            );
        }
        assert!(!world.trash.exists());
    }

    #[test]
    fn without_a_trash_nothing_is_deleted() {
        let world = World::new();
        world.put("a", "a");
        std::fs::write(world.folder().join("data"), "in the way").unwrap();
        let error = world.pen.delete(&at("a")).unwrap_err();
        assert!(matches!(error, PenError::Trash { .. }), "{error}");
        assert_eq!(world.read("a"), "a");
    }

    #[test]
    fn a_folder_with_the_trash_in_it_stays() {
        let world = World::new();
        world.put("data/a", "a");
        let pen = Pen::open(
            &world.root,
            &world.root.join("data/trash"),
            crate::Config::default(),
        )
        .unwrap();
        assert_eq!(
            code(&pen.delete(&at("data"))),
            Some(ErrorCode::InvalidArgument)
        );
        assert_eq!(
            world.project(),
            entries([("data", "/"), ("data/a", "a"), ("data/trash", "/")])
        );
    }

    /// Where the trash is on another file system. The copy is called directly, since a test cannot
    /// count on a second file system.
    #[test]
    fn across_file_systems_everything_is_copied_and_then_removed() {
        let world = World::new();
        world.put("folder/run.sh", "run");
        world.put("folder/deep/a", "a");
        world.link("folder/out", &world.outside);
        world.put("file", "f");
        let modes = [
            ("folder", 0o750),
            ("folder/run.sh", 0o755),
            ("folder/deep/a", 0o400),
        ];
        for (path, mode) in modes {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(world.root.join(path), permissions).unwrap();
        }
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            world.root.join("folder/pipe"),
            0o600.into(),
        )
        .unwrap();
        let before = list(&world.outside);
        let trash = open_trash(&world.trash).unwrap();
        for name in ["folder", "file"] {
            let place = world
                .pen
                .walk(&at(name), Last::Stay, Parents::Demand)
                .unwrap();
            move_across(&place, &trash, OsStr::new(name)).unwrap();
        }
        assert_eq!(world.project(), entries([]));
        assert_eq!(
            list(&world.trash),
            entries([
                ("file", "f"),
                ("folder", "/"),
                ("folder/deep", "/"),
                ("folder/deep/a", "a"),
                ("folder/out", &format!("-> {}", world.outside.display())),
                ("folder/run.sh", "run"),
            ])
        );
        for (path, mode) in modes {
            let found = world
                .trash
                .join(path)
                .metadata()
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(found & 0o777, mode, "{path}");
        }
        assert_eq!(list(&world.outside), before);
    }

    #[test]
    fn a_copy_that_fails_leaves_the_project_as_it_was() {
        let world = World::new();
        world.put("folder/a", "a");
        let trash = open_trash(&world.trash).unwrap();
        std::fs::create_dir(world.trash.join("taken")).unwrap();
        let place = world
            .pen
            .walk(&at("folder"), Last::Stay, Parents::Demand)
            .unwrap();
        let error = move_across(&place, &trash, OsStr::new("taken")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(
            world.project(),
            entries([("folder", "/"), ("folder/a", "a")])
        );
        assert_eq!(list(&world.trash), entries([("taken", "/")]));
    }
}
