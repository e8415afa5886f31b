//! What can be read, and that nothing else can (blueprint §5; spec: story 3, AC 1 and 9).

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests make the files that the workspace reads"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use paige_protocol::{ErrorCode, ProjectPath, Version};
use paige_workspace::{Config, FileError, FileText, OpenError, Workspace};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;

const SECRET: &str = "what lies outside";

/// A project beside a folder that must not be reached.
struct Fixture {
    temp: TempDir,
    workspace: Workspace,
}

impl Fixture {
    fn new() -> Self {
        let temp = TempDir::new().expect("a folder");
        fs::create_dir_all(temp.path().join("project/src")).expect("a folder");
        fs::create_dir(temp.path().join("outside")).expect("a folder");
        fs::write(temp.path().join("outside/secret"), SECRET).expect("a file");
        fs::write(temp.path().join("project/src/main.rs"), "fn main() {}\n").expect("a file");
        let config = Config {
            watch: false,
            max_file_bytes: 1000,
            ..Config::default()
        };
        let workspace = Workspace::open(&temp.path().join("project"), config).expect("a project");
        Self { temp, workspace }
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.temp.path().join("project").join(path)
    }

    fn link(&self, target: impl AsRef<Path>, path: &str) {
        symlink(target, self.at(path)).expect("a link");
    }

    fn read(&self, path: &str) -> Result<FileText, FileError> {
        self.workspace
            .read(&ProjectPath::parse(path).expect("a good path"))
    }

    /// Reading `path`, and asking for its version, ends in `code`, without a word of what is outside.
    fn refuses(&self, path: &str, code: ErrorCode) {
        let error = self.read(path).expect_err(path);
        assert_eq!(error.code(), code, "{path}: {error}");
        assert!(!error.to_string().contains(SECRET));
        let version = self
            .workspace
            .version(&ProjectPath::parse(path).expect("a good path"));
        match version {
            Ok(None) => assert_eq!(code, ErrorCode::FileNotFound, "{path}"),
            Ok(Some(version)) => {
                assert_ne!(version, Version::of(SECRET.as_bytes()));
                assert_eq!(code, ErrorCode::NotText, "{path}");
            }
            Err(error) => assert_eq!(error.code(), code, "{path}"),
        }
    }
}

#[test]
fn a_file_is_read_with_its_language_lines_and_version() {
    let fixture = Fixture::new();
    assert_eq!(
        fixture.read("./src//main.rs").expect("a text"),
        FileText {
            text: "fn main() {}\n".to_owned(),
            version: Version::of(b"fn main() {}\n"),
            language: "rust",
            line_count: 2,
        }
    );
    let odd = "\u{feff}a\r\nb\u{2028}\r\n";
    fs::write(fixture.at("odd"), odd).expect("a file");
    assert_eq!(fixture.read("odd").expect("a text").text, odd);
    fs::create_dir(fixture.at(".git")).expect("a folder");
    fs::write(fixture.at(".git/HEAD"), "ref: x").expect("a file");
    assert_eq!(fixture.read(".git/HEAD").expect("a text").text, "ref: x");
}

#[test]
fn links_out_of_the_project_are_refused() {
    let fixture = Fixture::new();
    let outside = fixture.temp.path().join("outside");
    fixture.link(outside.join("secret"), "file");
    fixture.link("../outside/secret", "relative");
    fixture.link(&outside, "folder");
    fixture.link("../outside", "relative-folder");
    fixture.link("relative", "chain");
    fixture.link("chain", "src/chain2");
    fixture.link("../chain", "src/chain3");
    fixture.link("../outside/nothing", "dangling");
    fixture.link(outside.join("nothing"), "dangling-absolute");
    fixture.link("/proc/self/root/etc/passwd", "magic");
    fixture.link("..", "up");
    for path in [
        "file",
        "relative",
        "folder/secret",
        "relative-folder/secret",
        "chain",
        "src/chain3",
        "dangling",
        "dangling-absolute",
        "magic",
        "up/outside/secret",
        "folder",
        "folder/new",
    ] {
        fixture.refuses(path, ErrorCode::PathRefused);
    }
    fixture.refuses("src/chain2", ErrorCode::FileNotFound);
}

#[test]
fn links_inside_the_project_are_followed() {
    let fixture = Fixture::new();
    fixture.link("src/main.rs", "file");
    fixture.link("src", "folder");
    fixture.link("../src/main.rs", "src/up-and-down");
    fixture.link(fixture.at("src/main.rs"), "absolute");
    fixture.link(fixture.at("src"), "absolute-folder");
    fixture.link("..", "out-and-in");
    for path in [
        "file",
        "folder/main.rs",
        "src/up-and-down",
        "absolute",
        "absolute-folder/main.rs",
        "out-and-in/project/src/main.rs",
    ] {
        assert_eq!(
            fixture.read(path).expect(path).text,
            "fn main() {}\n",
            "{path}"
        );
    }
    fixture.link("nothing", "dangling");
    fixture.refuses("dangling", ErrorCode::FileNotFound);
    fixture.link("loop-b", "loop-a");
    fixture.link("loop-a", "loop-b");
    fixture.refuses("loop-a", ErrorCode::PathRefused);
}

#[test]
fn a_link_that_is_swapped_in_never_leads_out() {
    const SWAPS: usize = 10_000;
    let fixture = Fixture::new();
    fs::write(fixture.temp.path().join("outside/main.rs"), SECRET).expect("a file");
    // The folder on the way, and the file itself, lead in and out in turn.
    let pairs = [
        ("swap", "src", "../outside"),
        ("src/swap", "main.rs", "../../outside/secret"),
    ];
    for (name, inside, outside) in pairs {
        fixture.link(inside, name);
        fixture.link(outside, &format!("{name}-other"));
    }
    let done = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = [0_usize; 2];
            while !done.load(Ordering::Relaxed) {
                for path in ["swap/main.rs", "src/swap"] {
                    match fixture.read(path) {
                        Ok(text) => {
                            assert_eq!(text.text, "fn main() {}\n");
                            seen[0] += 1;
                        }
                        Err(FileError::Refused(_)) => seen[1] += 1,
                        Err(other) => panic!("{other}"),
                    }
                }
            }
            seen
        });
        for _ in 0..SWAPS {
            for (name, ..) in pairs {
                let (one, other) = (fixture.at(name), fixture.at(&format!("{name}-other")));
                renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).expect("a swap");
            }
        }
        done.store(true, Ordering::Relaxed);
        reader.join().expect("nothing from outside")
    });
    assert!(
        seen.iter().all(|count| *count > 100),
        "read and refused: {seen:?}"
    );
}

#[test]
fn what_is_not_a_file_is_refused_without_waiting() {
    let fixture = Fixture::new();
    let made = std::process::Command::new("mkfifo")
        .arg(fixture.at("pipe"))
        .status();
    assert!(made.expect("mkfifo").success());
    let _socket = UnixListener::bind(fixture.at("socket")).expect("a socket");
    for path in ["pipe", "socket", "src"] {
        fixture.refuses(path, ErrorCode::NotAFile);
    }
    fixture.link("/dev/zero", "device");
    fixture.refuses("device", ErrorCode::PathRefused);
    fixture.refuses("src/main.rs/x", ErrorCode::NotAFolder);
    fixture.refuses("nothing/x", ErrorCode::FileNotFound);
    fixture.refuses(&"x".repeat(300), ErrorCode::FileNotFound);
}

#[test]
fn large_binary_and_foreign_files_get_an_answer_of_their_own() {
    let fixture = Fixture::new();
    fs::write(fixture.at("exact"), "a".repeat(1000)).expect("a file");
    assert_eq!(fixture.read("exact").expect("a text").text.len(), 1000);
    fs::write(fixture.at("large"), "a".repeat(1001)).expect("a file");
    fixture.refuses("large", ErrorCode::FileTooLarge);
    assert_eq!(
        fixture.read("large").expect_err("too large").to_string(),
        "\"large\" has 1001 bytes, but at most 1000 bytes are opened. Use another program for it, or raise the limit."
    );
    fs::write(fixture.at("binary"), b"a\0b").expect("a file");
    fs::write(fixture.at("latin"), b"caf\xe9").expect("a file");
    for path in ["binary", "latin"] {
        fixture.refuses(path, ErrorCode::NotText);
    }
    let version = fixture
        .workspace
        .version(&ProjectPath::parse("latin").expect("a good path"));
    assert_eq!(version.expect("a file"), Some(Version::of(b"caf\xe9")));
}

#[test]
fn a_hard_link_is_a_file_and_case_is_told_apart() {
    let fixture = Fixture::new();
    fs::hard_link(fixture.at("src/main.rs"), fixture.at("hard")).expect("a link");
    assert_eq!(fixture.read("hard").expect("a text").text, "fn main() {}\n");
    if !fixture.at("SRC").exists() {
        fixture.refuses("SRC/main.rs", ErrorCode::FileNotFound);
        fixture.refuses("src/MAIN.RS", ErrorCode::FileNotFound);
    }
}

/// A file with a second name outside is read as the project's own: nothing tells which of the names was
/// there first, and whoever made the one in the project could read the file anyway. That a save leaves
/// the other name alone is the pen's to see to.
#[test]
fn a_hard_link_to_a_file_outside_is_read_as_the_projects_own() {
    let fixture = Fixture::new();
    fs::hard_link(
        fixture.temp.path().join("outside/secret"),
        fixture.at("hard"),
    )
    .expect("a link");
    assert_eq!(
        fixture.read("hard").expect("a text"),
        FileText {
            text: SECRET.to_owned(),
            version: Version::of(SECRET.as_bytes()),
            language: "plaintext",
            line_count: 1,
        }
    );
    // The one name is no way to the other.
    fixture.link("../outside/secret", "soft");
    fixture.refuses("soft", ErrorCode::PathRefused);
}

#[test]
fn a_folder_that_cannot_be_a_project_is_named() {
    let fixture = Fixture::new();
    let open = |path: &str| {
        Workspace::open(&fixture.temp.path().join(path), Config::default()).expect_err(path)
    };
    assert!(matches!(open("nothing"), OpenError::NotFound { .. }));
    assert!(matches!(
        open("outside/secret"),
        OpenError::NotAFolder { .. }
    ));
    assert!(open("nothing").to_string().contains("does not exist"));
}

#[test]
fn what_may_not_be_read_says_so() {
    let fixture = Fixture::new();
    fs::set_permissions(fixture.at("src/main.rs"), fs::Permissions::from_mode(0o000))
        .expect("a mode");
    if fs::read(fixture.at("src/main.rs")).is_ok() {
        return; // The superuser may read everything.
    }
    fixture.refuses("src/main.rs", ErrorCode::PermissionDenied);
}
