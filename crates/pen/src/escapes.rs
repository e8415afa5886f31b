//! Nothing outside the project and nothing of git is ever written: the attacks.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use paige_protocol::{ErrorCode, PathProblem, ProjectPath, Version};

use crate::testing::{World, at, code, entries, list};
use crate::{Base, Kind, PenError};

/// Tries every operation on `path`, and none may come through.
#[track_caller]
fn refused(world: &World, path: &str, expected: ErrorCode) {
    let (inside, outside) = (world.project(), list(&world.outside));
    let pen = &world.pen;
    let path = at(path);
    let secret = Base::Version(Version::of(b"secret"));
    let results = [
        code(&pen.save(&path, b"x", &Base::Absent)),
        code(&pen.save(&path, b"x", &secret)),
        code(&pen.create(&path, Kind::File)),
        code(&pen.create(&path, Kind::Directory)),
        code(&pen.rename(&at("plain"), &path)),
        code(&pen.rename(&path, &at("stolen"))),
        code(&pen.delete(&path)),
    ];
    assert_eq!(results, [Some(expected); 7], "{path}");
    assert_eq!(world.project(), inside, "{path}");
    assert_eq!(list(&world.outside), outside, "{path}");
}

#[test]
fn a_path_that_names_another_place_does_not_exist() {
    for text in [
        "../outside/secret.txt",
        "a/../../x",
        "/etc/passwd",
        "a\0b",
        "",
        "..",
    ] {
        assert!(ProjectPath::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn a_link_to_a_folder_outside_is_not_entered() {
    let world = World::new();
    world.put("plain", "");
    world.link("absolute", &world.outside);
    world.link("relative", "../outside");
    world.link("chain1", "chain2");
    world.link("chain2", "sub/chain3");
    std::fs::create_dir(world.root.join("sub")).unwrap();
    world.link("sub/chain3", "../../outside");
    world.link("up", "..");
    world.link("sub/twice", "../..");
    world.link("etc", "/etc");
    for path in [
        "absolute/secret.txt",
        "absolute/new.txt",
        "absolute/new/deep.txt",
        "relative/secret.txt",
        "relative/new.txt",
        "chain1/secret.txt",
        "chain1/new.txt",
        "up/outside/new.txt",
        "sub/twice/outside/new.txt",
        "etc/paige-was-here",
    ] {
        refused(&world, path, ErrorCode::PathRefused);
    }
}

#[test]
fn a_link_to_a_file_outside_is_not_followed() {
    let world = World::new();
    world.link("absolute", world.outside.join("secret.txt"));
    world.link("relative", "../outside/secret.txt");
    world.link("chain", "relative");
    world.link("dangling-out", world.outside.join("new.txt"));
    world.link("dangling-up", "../outside/new/deep.txt");
    let (inside, outside) = (world.project(), list(&world.outside));
    for path in [
        "absolute",
        "relative",
        "chain",
        "dangling-out",
        "dangling-up",
    ] {
        for base in [Base::Absent, Base::Version(Version::of(b"secret"))] {
            match world.pen.save(&at(path), b"x", &base) {
                Err(PenError::Refused(refused)) => assert_eq!(refused.reason, PathProblem::Escapes),
                other => panic!("{path}: {other:?}"),
            }
        }
    }
    assert_eq!(world.project(), inside);
    assert_eq!(list(&world.outside), outside);
}

#[test]
fn a_link_itself_is_renamed_and_deleted() {
    let world = World::new();
    world.link("one", world.outside.join("secret.txt"));
    world.link("two", &world.outside);
    let outside = list(&world.outside);
    world.pen.rename(&at("one"), &at("three")).unwrap();
    world.pen.delete(&at("two")).unwrap();
    assert_eq!(
        world.project(),
        entries([(
            "three",
            &format!("-> {}", world.outside.join("secret.txt").display())
        )])
    );
    assert_eq!(list(&world.outside), outside);
}

#[test]
fn a_link_that_leads_nowhere_is_refused() {
    let world = World::new();
    world.put("plain", "");
    world.link("dangling", "nowhere");
    world.link("deep", "no/where");
    world.link("loop", "loop");
    world.link("ping", "pong");
    world.link("pong", "ping");
    let before = world.project();
    for path in [
        "dangling",
        "dangling/x",
        "deep",
        "deep/x",
        "loop",
        "loop/x",
        "ping",
        "pong/x",
    ] {
        for base in [Base::Absent, Base::Version(Version::of(b""))] {
            let result = world.pen.save(&at(path), b"x", &base);
            // Without the file, a base on it is a conflict or a broken link: both change nothing.
            assert_eq!(code(&result), Some(ErrorCode::PathRefused), "{path}");
        }
    }
    assert_eq!(world.project(), before);
}

#[test]
fn links_that_stay_inside_are_followed_and_stay_links() {
    let world = World::new();
    world.put("packages/core/a.txt", "one");
    world.link("core", "packages/core");
    world.link("packages/up", "..");
    world.link(
        "absolute",
        world.root.canonicalize().unwrap().join("packages/core"),
    );
    world.link("file", "core/a.txt");
    let target = world.root.join("packages/core/a.txt");
    for (text, path) in [
        ("two", "core/a.txt"),
        ("three", "packages/up/core/a.txt"),
        ("four", "absolute/a.txt"),
        ("five", "file"),
    ] {
        world.save(path, text).unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), text);
    }
    world.save("core/new/b.txt", "b").unwrap();
    assert_eq!(world.read("packages/core/new/b.txt"), "b");
    assert!(world.root.join("file").is_symlink() && world.root.join("core").is_symlink());
}

#[test]
fn a_hard_link_to_a_file_outside_is_broken() {
    let world = World::new();
    std::fs::hard_link(world.outside.join("secret.txt"), world.root.join("hard")).unwrap();
    let outside = list(&world.outside);
    world.save("hard", "mine").unwrap();
    assert_eq!(world.project(), entries([("hard", "mine")]));
    assert_eq!(list(&world.outside), outside);
}

#[test]
fn git_is_read_only_under_every_name() {
    let world = World::new();
    world.put("plain", "");
    world.put(".git/config", "secret");
    world.put("vendor/lib/.git/config", "secret");
    world.put("worktree/.git", "secret");
    world.link("git", ".git");
    world.link("hooks", ".git/hooks");
    world.link("absolute", world.root.canonicalize().unwrap().join(".git"));
    world.link("chain", "git");
    std::fs::create_dir(world.root.join(".git/hooks")).unwrap();
    for path in [
        ".git",
        ".git/config",
        ".git/hooks/pre-commit",
        ".GIT/config",
        ".Git/new/deep",
        ".git./config",
        ".git /config",
        "git~1/config",
        "GIT~1",
        ".g\u{200c}it/config",
        ".git::$INDEX_ALLOCATION/config",
        "sub/.git/config",
        "vendor/lib/.git/config",
        "worktree/.git",
        "git/config",
        "git/new",
        "hooks/pre-commit",
        "absolute/config",
        "chain/config",
        "chain/new/deep",
    ] {
        refused(&world, path, ErrorCode::ReadOnly);
    }
    // A link to a file of git.
    world.link("config", ".git/config");
    let result = world.save("config", "x");
    assert_eq!(code(&result), Some(ErrorCode::ReadOnly));
    assert_eq!(world.read(".git/config"), "secret");
    // What only looks alike is the developer's own.
    world.save(".gitignore", "target\n").unwrap();
    world
        .save(".github/workflows/ci.yml", "on: push\n")
        .unwrap();
}

#[test]
fn another_case_of_a_name_is_no_way_around_a_link() {
    let world = World::new();
    world.put("plain", "");
    world.link("Docs", &world.outside);
    // On a file system that tells case apart this is a new folder, elsewhere it is refused.
    let _ = world.pen.save(&at("docs/new.txt"), b"x", &Base::Absent);
    assert_eq!(list(&world.outside), entries([("secret.txt", "secret")]));
}

/// Swaps `path` with `other` at least 10⁴ times, each time in one atomic step, while `write` is tried
/// at least 10⁴ times. Counts how often it came through and how often it was refused as an escape.
fn race(path: &Path, other: &Path, mut write: impl FnMut() -> Result<(), PenError>) -> [usize; 2] {
    /// Ends the swapping thread also when the test fails.
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (stop, swaps) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut counts = [0, 0];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let (here, flags) = (rustix::fs::CWD, rustix::fs::RenameFlags::EXCHANGE);
                // It fails in the moment in which a test puts a link back into its place.
                if rustix::fs::renameat_with(here, path, here, other, flags).is_ok() {
                    swaps.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let _done = Done(&stop);
        let mut tries = 0;
        while tries < 10_000 || swaps.load(Ordering::Relaxed) < 10_000 {
            tries += 1;
            assert!(tries < 1_000_000, "the other thread does not get on");
            match write() {
                Ok(()) => counts[0] += 1,
                Err(PenError::Refused(refused)) => {
                    assert_eq!(refused.reason, PathProblem::Escapes);
                    counts[1] += 1;
                }
                // What an earlier round could not remove.
                Err(PenError::Conflict { .. } | PenError::AlreadyExists { .. }) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
    });
    counts
}

/// A world with `name` in the project and, to swap it with, a link beside the project to `target`.
fn racers(world: &World, name: &str, target: PathBuf) -> (PathBuf, PathBuf) {
    let link = world.folder().join("link");
    std::os::unix::fs::symlink(target, &link).unwrap();
    (world.root.join(name), link)
}

#[test]
fn a_folder_swapped_for_a_link_in_a_race_never_leads_out() {
    let world = World::in_memory();
    world.put("folder/deep/secret.txt", "0");
    std::fs::create_dir(world.outside.join("deep")).unwrap();
    std::fs::write(world.outside.join("deep/secret.txt"), "0").unwrap();
    let (folder, link) = racers(&world, "folder", world.outside.clone());
    let outside = list(&world.outside);
    let mut last = "0".to_owned();
    let mut n = 0;
    let [saved, refused] = race(&folder, &link, || {
        n += 1;
        let next = n.to_string();
        let base = Base::Version(Version::of(last.as_bytes()));
        world
            .pen
            .save(&at("folder/deep/secret.txt"), next.as_bytes(), &base)?;
        last = next;
        // A new file and a new folder each time, too.
        world
            .pen
            .save(&at(&format!("folder/{}/new", n % 50)), b"x", &Base::Absent)?;
        Ok(())
    });
    assert_eq!(list(&world.outside), outside);
    assert!(
        saved + refused > 0 && refused > 0,
        "{saved} saved, {refused} refused"
    );
}

#[test]
fn a_file_swapped_for_a_link_in_a_race_is_never_followed() {
    let world = World::in_memory();
    world.put("file", "secret");
    let (file, link) = racers(&world, "file", world.outside.join("secret.txt"));
    let outside = list(&world.outside);
    let base = Base::Version(Version::of(b"secret"));
    let [saved, refused] = race(&file, &link, || {
        world.pen.save(&at("file"), b"secret", &base)?;
        // The save may have replaced the link, so that both are files: make the link anew.
        for name in [&file, &link] {
            if !file.is_symlink() && !link.is_symlink() && name == &link {
                let _ = std::fs::remove_file(name);
                let _ = std::os::unix::fs::symlink(world.outside.join("secret.txt"), name);
            }
        }
        Ok(())
    });
    assert_eq!(list(&world.outside), outside);
    assert!(saved > 0 && refused > 0, "{saved} saved, {refused} refused");
}

#[test]
fn renames_and_deletes_in_a_race_never_lead_out() {
    let world = World::in_memory();
    world.put("folder/a", "a");
    let (folder, link) = racers(&world, "folder", world.outside.clone());
    let outside = list(&world.outside);
    let mut n = 0;
    let [_, refused] = race(&folder, &link, || {
        n += 1;
        let name = format!("plain{n}");
        std::fs::write(world.root.join(&name), "x").unwrap();
        let moved = world.pen.rename(&at(&name), &at("folder/moved"));
        let created = world.pen.create(&at("folder/created"), Kind::File);
        let deleted = world.pen.delete(&at("folder/secret.txt"));
        let _ = std::fs::remove_file(world.root.join(&name));
        // The file `secret.txt` is only outside.
        assert!(deleted.is_err());
        for result in [moved.map(drop), created.map(drop), deleted.map(drop)] {
            match result {
                Err(PenError::NotFound { .. }) => {}
                other => other?,
            }
        }
        for name in ["moved", "created"] {
            let _ = world.pen.delete(&at(&format!("folder/{name}")));
        }
        Ok(())
    });
    assert_eq!(list(&world.outside), outside);
    assert!(refused > 0);
}
