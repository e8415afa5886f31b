//! [`Pen::save`]. The crate's documentation has the order of its steps.

use std::io::{self, Write as _};

use paige_protocol::{ProjectPath, Version};

use crate::disk::{self, Rights, Temporary};
use crate::error::PenError;
use crate::walk::{Last, Parents, Place};
use crate::{Base, Pen, Receipt};

impl Pen {
    /// Makes `content` the content of the file `path`, atomically and durably, if the file on disk
    /// is still `base`. With [`Base::Absent`], missing parent folders are made.
    ///
    /// # Errors
    ///
    /// See [`PenError`]; the file is then as it was before, unless it is the last sync of the folder
    /// that failed: then it has the new content, which a crash may still undo.
    pub fn save(
        &self,
        path: &ProjectPath,
        content: &[u8],
        base: &Base,
    ) -> Result<Receipt, PenError> {
        self.save_pausing(path, content, base, || ())
    }

    /// `before_check` runs right before the last comparison, so that a test can play another process.
    pub(crate) fn save_pausing(
        &self,
        path: &ProjectPath,
        content: &[u8],
        base: &Base,
        before_check: impl FnOnce(),
    ) -> Result<Receipt, PenError> {
        let failed = PenError::at(path);
        let bytes = content.len() as u64;
        if bytes > self.0.config.max_bytes {
            return Err(PenError::TooLarge {
                path: path.clone(),
                bytes,
                limit: self.0.config.max_bytes,
            });
        }
        let _tree = self.0.tree.read();
        let place = match base {
            Base::Absent => self.walk(path, Last::Follow, Parents::Make)?,
            Base::Version(_) => match self.walk(path, Last::Follow, Parents::Demand) {
                Err(PenError::NotFound { .. }) => return Err(conflict(path, base, None)),
                place => place?,
            },
        };
        if place.found.as_ref().is_some_and(|found| !found.is_file()) {
            return Err(PenError::NotAFile { path: path.clone() });
        }
        let _file = self.lock_file(&place.real());
        self.sweep_once(&place);

        let replaced = match (base, &place.found) {
            (Base::Absent, None) => None,
            (Base::Version(_), Some(found)) => Some(Rights::of(found)),
            // A conflict already, unless somebody has just changed that too.
            _ => self.compare(&place, path, base)?,
        };
        if replaced.is_some_and(|old| disk::is_read_only(&place.dir, &place.name, old.mode)) {
            return Err(PenError::PermissionDenied { path: path.clone() });
        }
        // A new file gets its final mode at once. One that replaces a file must not be readable by who
        // may not read that, not for a moment: its group is known only once it is made, so it has its
        // final mode at once only where that allows the group no more than everybody.
        let mode = match replaced.map(|rights| rights.mode) {
            None => 0o666,
            Some(mode) if (mode >> 3) & 0o7 == mode & 0o7 => mode,
            Some(_) => 0o600,
        };
        let (temporary, mut file) = Temporary::file(&place.dir, mode).map_err(&failed)?;
        file.write_all(content).map_err(&failed)?;
        let now = Rights::of(&file.metadata().map_err(&failed)?);
        let rights = replaced.unwrap_or(now);
        rights.give(&file, now).map_err(&failed)?;
        file.sync_all().map_err(&failed)?;

        before_check();
        self.compare(&place, path, base)?;
        if replaced.is_some() {
            place
                .dir
                .rename(&temporary.name, &place.dir, &place.name)
                .map_err(&failed)?;
        } else {
            let renamed =
                disk::rename_new(&place.dir, temporary.name.as_ref(), &place.dir, &place.name);
            match renamed {
                // Somebody made it in the last microseconds; the comparison now says so.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    self.compare(&place, path, base)?;
                    return Err(failed(error));
                }
                renamed => renamed.map_err(&failed)?,
            }
        }
        temporary.keep();
        disk::sync_dir(&place.dir).map_err(&failed)?;
        Ok(Receipt {
            path: path.clone(),
            version: Version::of(content),
            mode: rights.mode,
            created: replaced.is_none(),
            bytes,
        })
    }

    /// The rights of the file at `place`, or `None` when there is no file; a conflict if it is not
    /// `base`. A file beyond the limit is no text that was opened, so that it is not read to the end.
    fn compare(
        &self,
        place: &Place,
        path: &ProjectPath,
        base: &Base,
    ) -> Result<Option<Rights>, PenError> {
        let failed = PenError::at(path);
        let limit = self.0.config.max_bytes;
        let actual = match disk::open_file(&place.dir, &place.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
            Ok(file) => {
                let metadata = file.metadata().map_err(&failed)?;
                if !metadata.is_file() {
                    return Err(PenError::NotAFile { path: path.clone() });
                }
                if metadata.len() > limit {
                    return Err(PenError::TooLarge {
                        path: path.clone(),
                        bytes: metadata.len(),
                        limit,
                    });
                }
                let version = disk::version_of(file, limit).map_err(&failed)?;
                Some((version, Rights::of(&metadata)))
            }
        };
        match (base, actual) {
            (Base::Absent, None) => Ok(None),
            (Base::Version(expected), Some((version, rights))) if *expected == version => {
                Ok(Some(rights))
            }
            (_, actual) => Err(conflict(path, base, actual.map(|(version, _)| version))),
        }
    }

    /// Removes old leftovers of a crash from the folder of `place`, the first time it is written to.
    fn sweep_once(&self, place: &Place) {
        if !self.0.swept.lock().insert(place.folder.clone()) {
            return;
        }
        if let Err(error) = disk::sweep(&place.dir) {
            tracing::debug!(folder = ?place.folder, %error, "Leftovers could not be looked for.");
        }
    }
}

fn conflict(path: &ProjectPath, base: &Base, actual: Option<Version>) -> PenError {
    PenError::Conflict {
        path: path.clone(),
        expected: match base {
            Base::Absent => None,
            Base::Version(version) => Some(version.clone()),
        },
        actual,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use paige_protocol::ErrorCode;

    use super::*;
    use crate::Receipt;
    use crate::testing::{World, at, code, entries};

    fn version(text: &str) -> Version {
        Version::of(text.as_bytes())
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn spec_3_2_a_save_replaces_the_file_and_says_what_is_there_now() {
        let world = World::new();
        world.put("src/a.txt", "one");
        let receipt = world
            .pen
            .save(&at("src/a.txt"), b"two", &Base::Version(version("one")))
            .unwrap();
        assert_eq!(
            receipt,
            Receipt {
                path: at("src/a.txt"),
                version: version("two"),
                mode: mode(&world.root.join("src/a.txt")),
                created: false,
                bytes: 3,
            }
        );
        assert_eq!(
            world.project(),
            entries([("src", "/"), ("src/a.txt", "two")])
        );
    }

    #[test]
    fn a_new_file_gets_its_parents_and_the_mode_of_any_new_file() {
        let world = World::new();
        let receipt = world
            .pen
            .save(&at("x/y/z.txt"), b"new", &Base::Absent)
            .unwrap();
        std::fs::write(world.root.join("plain"), "").unwrap();
        let expected = mode(&world.root.join("plain"));
        assert_eq!(
            receipt,
            Receipt {
                path: at("x/y/z.txt"),
                version: version("new"),
                mode: expected,
                created: true,
                bytes: 3,
            }
        );
        assert_eq!(mode(&world.root.join("x/y/z.txt")), expected);
        assert_eq!(
            world.project(),
            entries([
                ("plain", ""),
                ("x", "/"),
                ("x/y", "/"),
                ("x/y/z.txt", "new")
            ])
        );
    }

    #[test]
    fn the_mode_is_kept_but_for_set_user_id() {
        let world = World::new();
        for (before, after) in [
            (0o600, 0o600),
            (0o755, 0o755),
            (0o664, 0o664),
            (0o4755, 0o755),
        ] {
            world.put("run.sh", "one");
            set_mode(&world.root.join("run.sh"), before);
            assert_eq!(world.save("run.sh", "two").unwrap().mode, after);
            assert_eq!(mode(&world.root.join("run.sh")), after, "{before:o}");
        }
    }

    #[test]
    fn the_owner_is_kept_where_the_system_lets_us() {
        let world = World::new();
        world.put("a", "one");
        let path = world.root.join("a");
        // Only root can set this up.
        let given = std::os::unix::fs::chown(&path, Some(12345), Some(54321)).is_ok();
        world.save("a", "two").unwrap();
        let metadata = path.metadata().unwrap();
        if given {
            assert_eq!((metadata.uid(), metadata.gid()), (12345, 54321));
        } else {
            assert_eq!(metadata.uid(), world.root.metadata().unwrap().uid());
        }
    }

    #[test]
    fn a_read_only_file_is_refused_and_left() {
        let world = World::new();
        world.put("a", "one");
        set_mode(&world.root.join("a"), 0o444);
        assert_eq!(
            code(&world.save("a", "two")),
            Some(ErrorCode::PermissionDenied)
        );
        assert_eq!(world.project(), entries([("a", "one")]));
    }

    #[test]
    fn a_folder_that_may_not_be_written_is_left() {
        let world = World::new();
        world.put("folder/a", "one");
        set_mode(&world.root.join("folder"), 0o555);
        // Root may write everywhere.
        let may = std::fs::write(world.root.join("folder/probe"), "").is_ok();
        let refused = (!may).then_some(ErrorCode::PermissionDenied);
        assert_eq!(code(&world.save("folder/a", "two")), refused);
        assert_eq!(code(&world.save("folder/b", "new")), refused);
        assert_eq!(world.read("folder/a"), if may { "two" } else { "one" });
        set_mode(&world.root.join("folder"), 0o755);
    }

    #[test]
    fn a_conflict_names_both_versions_and_changes_nothing() {
        let world = World::new();
        world.put("a", "disk");
        let table = [
            ("a", Base::Absent, None, Some(version("disk"))),
            (
                "a",
                Base::Version(version("old")),
                Some(version("old")),
                Some(version("disk")),
            ),
            (
                "b",
                Base::Version(version("old")),
                Some(version("old")),
                None,
            ),
            (
                "c/d/e",
                Base::Version(version("old")),
                Some(version("old")),
                None,
            ),
        ];
        for (path, base, wanted, found) in table {
            match world.pen.save(&at(path), b"mine", &base) {
                Err(PenError::Conflict {
                    path: named,
                    expected,
                    actual,
                }) => {
                    assert_eq!((named, expected, actual), (at(path), wanted, found));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(world.project(), entries([("a", "disk")]));
    }

    #[test]
    fn a_change_during_the_save_is_seen_before_the_rename() {
        let check = |before: Option<&str>, during: &dyn Fn(&Path), actual: Option<Version>| {
            let world = World::new();
            let base = match before {
                None => Base::Absent,
                Some(text) => {
                    world.put("a", text);
                    Base::Version(version(text))
                }
            };
            let path = world.root.join("a");
            let result = world
                .pen
                .save_pausing(&at("a"), b"mine", &base, || during(&path));
            match result {
                Err(PenError::Conflict { actual: found, .. }) => assert_eq!(found, actual),
                other => panic!("{other:?}"),
            }
            // Nothing temporary is left.
            assert_eq!(world.project().len(), usize::from(actual.is_some()));
        };
        // The same size and, on a coarse clock, the same time.
        check(
            Some("one"),
            &|path| std::fs::write(path, "two").unwrap(),
            Some(version("two")),
        );
        check(
            Some("one"),
            &|path| std::fs::remove_file(path).unwrap(),
            None,
        );
        check(
            None,
            &|path| std::fs::write(path, "new").unwrap(),
            Some(version("new")),
        );
    }

    #[test]
    fn what_is_not_a_file_is_refused_without_waiting() {
        let world = World::new();
        std::fs::create_dir(world.root.join("folder")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, world.root.join("pipe"), 0o600.into()).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(world.root.join("socket")).unwrap();
        world.link("to-folder", "folder");
        world.link("to-root", ".");
        world.put("file", "");
        let table = [
            ("folder", ErrorCode::NotAFile),
            ("pipe", ErrorCode::NotAFile),
            ("socket", ErrorCode::NotAFile),
            ("to-folder", ErrorCode::NotAFile),
            ("to-root", ErrorCode::NotAFile),
            ("file/below", ErrorCode::NotAFolder),
            ("pipe/below", ErrorCode::NotAFolder),
        ];
        for (path, expected) in table {
            for base in [Base::Absent, Base::Version(version(""))] {
                let result = world.pen.save(&at(path), b"x", &base);
                assert_eq!(code(&result), Some(expected), "{path}");
            }
        }
    }

    #[test]
    fn content_beyond_the_limit_is_refused() {
        let world = World::new();
        let result = world
            .pen
            .save(&at("a"), &vec![b'x'; 100_001], &Base::Absent);
        assert_eq!(code(&result), Some(ErrorCode::FileTooLarge));
        world
            .pen
            .save(&at("b"), &vec![b'x'; 100_000], &Base::Absent)
            .unwrap();
        assert_eq!(world.project().len(), 1);
    }

    #[test]
    fn bytes_that_are_not_text_survive() {
        let world = World::new();
        world
            .pen
            .save(&at("a"), b"\xff\x00\r\n", &Base::Absent)
            .unwrap();
        let base = Base::Version(Version::of(b"\xff\x00\r\n"));
        world.pen.save(&at("a"), b"\xfe\xff", &base).unwrap();
        assert_eq!(std::fs::read(world.root.join("a")).unwrap(), b"\xfe\xff");
    }

    #[test]
    fn the_version_of_a_large_file_is_that_of_its_content() {
        let world = World::new();
        for size in [0, 1, 16 * 1024, 16 * 1024 + 1, 100_000] {
            let old: String = (0..size)
                .map(|i| char::from(b'a' + (i % 23) as u8))
                .collect();
            world.put("a", &old);
            world.save("a", "x").unwrap();
        }
    }

    #[test]
    fn a_name_too_long_is_refused() {
        let world = World::new();
        let result = world.pen.save(&at(&"x".repeat(300)), b"", &Base::Absent);
        assert_eq!(code(&result), Some(ErrorCode::InvalidArgument));
        assert_eq!(world.project(), entries([]));
    }

    #[test]
    fn saves_of_one_file_wait_for_each_other() {
        let world = World::new();
        world.put("n", "0");
        let (threads, rounds) = (4, 25);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for _ in 0..rounds {
                        // A compare-and-swap loop loses no count only if compare and rename are one.
                        loop {
                            let text = world.read("n");
                            let next = text.parse::<u32>().unwrap() + 1;
                            let base = Base::Version(version(&text));
                            match world.pen.save(&at("n"), next.to_string().as_bytes(), &base) {
                                Ok(_) => break,
                                Err(PenError::Conflict { .. }) => {}
                                Err(other) => panic!("{other}"),
                            }
                        }
                    }
                });
            }
        });
        assert_eq!(
            world.project(),
            entries([("n", &(threads * rounds).to_string())])
        );
    }

    #[test]
    fn an_old_leftover_is_removed_and_a_young_one_is_not() {
        let world = World::new();
        for (name, hours) in [
            (".paige-00000001.tmp", 2),
            (".paige-00000002.tmp", 0),
            (".paige-notes.tmp", 2),
        ] {
            world.put(name, "half");
            let time = SystemTime::now() - Duration::from_secs(hours * 60 * 60);
            std::fs::File::options()
                .append(true)
                .open(world.root.join(name))
                .unwrap()
                .set_modified(time)
                .unwrap();
        }
        world.save("a", "").unwrap();
        assert_eq!(
            world.project(),
            entries([
                (".paige-00000002.tmp", "half"),
                (".paige-notes.tmp", "half"),
                ("a", "")
            ])
        );
    }
}
