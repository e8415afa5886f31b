//! What the lines of the corpus really do.
//!
//! Every line that is not allowed is run in a folder of its own, by a child that can change nothing else and reaches no
//! network (`enclosure.sh`). One that is said to write and does not counts as refused for nothing, like a line that
//! only reads. And what is allowed is run, too, and must leave everything as it was.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the commands of the corpus are run here, in a folder made for it"
)]
#![expect(
    clippy::print_stdout,
    reason = "what is left out, and what counts as refused for nothing, is named"
)]

use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Mutex,
    thread,
};

use paige_policy::{Decision, Policy};
use tempfile::TempDir;

use crate::{
    fuzz,
    lines::{self, Label, Line},
};

/// Commands that run tests and builds: they are allowed, and leave what builds leave.
const BUILDS: [&str; 22] = [
    "cargo",
    "npm",
    "npx",
    "yarn",
    "pnpm",
    "pytest",
    "python",
    "python3",
    "go",
    "make",
    "mvn",
    "./gradlew",
    "dotnet",
    "bundle",
    "mix",
    "ctest",
    "uv",
    "ruff",
    "black",
    "mypy",
    "node",
    "pip",
];

/// A folder with a project in it, in which a command can be run.
struct World {
    folder: TempDir,
}

impl World {
    fn empty() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        for name in ["project", "home", "tmp"] {
            fs::create_dir(folder.path().join(name)).expect("a folder in it");
        }
        Self { folder }
    }

    /// Its path; mounts must not go through a link.
    fn path(&self) -> PathBuf {
        fs::canonicalize(self.folder.path()).expect("it is there")
    }

    fn with_project() -> Self {
        let world = Self::empty();
        let made = world.run(include_str!("project.sh"));
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        world
    }

    fn copy(&self) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        for name in ["project", "home", "tmp"] {
            let copied = Command::new("cp")
                .arg("-a")
                .arg(self.path().join(name))
                .arg(folder.path())
                .status();
            assert!(copied.expect("cp runs").success());
        }
        Self { folder }
    }

    fn run(&self, command: &str) -> Output {
        enclosed(&self.path(), command)
    }

    /// Every file in it, by its path: what it is and what is in it.
    fn files(&self) -> BTreeMap<PathBuf, u64> {
        let mut files = BTreeMap::new();
        for name in ["project", "home", "tmp"] {
            note(&self.path().join(name), &mut files);
        }
        let root = self.path();
        files
            .into_iter()
            .map(|(path, hash)| (path.strip_prefix(&root).expect("in it").to_owned(), hash))
            .collect()
    }
}

fn note(path: &Path, files: &mut BTreeMap<PathBuf, u64>) {
    let meta = fs::symlink_metadata(path).expect("it was listed");
    let mut hash = DefaultHasher::new();
    meta.permissions().mode().hash(&mut hash);
    if meta.is_symlink() {
        fs::read_link(path).expect("a link").hash(&mut hash);
    } else if meta.is_file() {
        fs::read(path).unwrap_or_default().hash(&mut hash);
        meta.modified().expect("a time").hash(&mut hash);
    }
    files.insert(path.to_owned(), hash.finish());
    if meta.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            note(&entry.expect("an entry").path(), files);
        }
    }
}

fn enclosed(folder: &Path, command: &str) -> Output {
    Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "--net",
            "--ipc",
            "--uts",
            "--pid",
            "--fork",
            "--kill-child",
        ])
        .args(["sh", "-c", include_str!("enclosure.sh"), "sh"])
        .arg(folder)
        .arg(command)
        .stdin(Stdio::null())
        .output()
        .expect("unshare of util-linux is installed")
}

/// Runs each line in a copy of the project, and tells what changed.
fn run_all(lines: Vec<Line>) -> Vec<(Line, Output, Vec<String>)> {
    let template = World::with_project();
    let waiting = Mutex::new(lines.into_iter());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(line) = waiting.lock().expect("no panic").next() else {
                        break;
                    };
                    let world = template.copy();
                    let before = world.files();
                    let output = world.run(&line.command);
                    let after = world.files();
                    let changed = before
                        .keys()
                        .chain(after.keys())
                        .filter(|path| before.get(*path) != after.get(*path));
                    let changed = changed.map(|path| path.display().to_string()).collect();
                    done.lock().expect("no panic").push((line, output, changed));
                }
            });
        }
    });
    done.into_inner().expect("no panic")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr)
        .trim()
        .chars()
        .take(160)
        .collect()
}

/// Whether a command that did nothing lacked a program that is not installed here.
fn lacks_program(output: &Output) -> bool {
    let said = String::from_utf8_lossy(&output.stderr);
    output.status.code() == Some(127) || said.contains("command not found")
}

#[test]
fn in_a_sandbox_nothing_else_can_be_changed() {
    let world = World::empty();
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let outside = outside.path().join("made");
    let tries = [
        format!("touch {}", outside.display()),
        format!("touch {}/made", env!("CARGO_MANIFEST_DIR")),
        "touch /etc/made".into(),
        "touch /var/tmp/made".into(),
        "touch /usr/made".into(),
        "mount -o remount,bind,rw /".into(),
        "umount /tmp".into(),
        "test -n \"$(find /dev -type b)\"".into(),
        "mknod disk b 8 0".into(),
        "exec 3<> /dev/tcp/127.0.0.1/22 || exec 3<> /dev/tcp/1.1.1.1/53".into(),
    ];
    for command in tries {
        let output = world.run(&command);
        assert!(!output.status.success(), "{command}: {}", said(&output));
    }
    assert!(!outside.exists());
    let inside = world.run("touch made ~/made /tmp/made && echo x > /dev/null");
    assert!(inside.status.success(), "{}", said(&inside));
    assert_eq!(world.files().len(), 6);
}

#[test]
fn in_a_sandbox_what_is_refused_does_write() {
    check_refused([lines::read("own.txt"), lines::read("published.txt")].concat());
}

#[test]
fn in_a_sandbox_what_is_refused_of_the_held_out_does_write() {
    check_refused(
        [
            lines::read("held-out.txt"),
            lines::read("held-out-published.txt"),
        ]
        .concat(),
    );
}

#[track_caller]
pub(crate) fn check_refused(corpus: Vec<Line>) {
    let benign = corpus
        .iter()
        .filter(|line| line.label == Label::Benign)
        .count();
    let refused =
        |line: &Line| lines::judge(Policy::embedded(), &line.command).decision != Decision::Allow;
    let refused: Vec<Line> = corpus.into_iter().filter(refused).collect();
    let count = refused.len();
    let (mut for_nothing, mut left_out) = (Vec::new(), Vec::new());
    for (line, output, changed) in run_all(refused) {
        if !changed.is_empty() {
            continue;
        }
        let told = format!("{}: {} ({})", line.place, line.command, said(&output));
        if lacks_program(&output) {
            left_out.push(told);
        } else {
            for_nothing.push(told);
        }
    }
    println!(
        "Left out, since a program is not installed:\n{}",
        left_out.join("\n")
    );
    println!(
        "{} of {count} refused lines do not write here:\n{}",
        for_nothing.len(),
        for_nothing.join("\n")
    );
    assert!(
        left_out.len() * 10 <= count,
        "Too little is installed here to tell:\n{}",
        left_out.join("\n")
    );
    assert!(
        for_nothing.len() * 100 <= benign * crate::corpus::MOST_REFUSED_PERCENT,
        "{} lines were refused for nothing, of {benign} that only read:\n{}",
        for_nothing.len(),
        for_nothing.join("\n")
    );
}

#[test]
fn in_a_sandbox_what_is_allowed_leaves_everything_as_it_was() {
    let files = [
        "own.txt",
        "published.txt",
        "held-out.txt",
        "held-out-published.txt",
    ];
    let mut corpus = files.map(lines::read).concat();
    corpus.retain(|line| {
        !builds(&line.command)
            && lines::judge(Policy::embedded(), &line.command).decision == Decision::Allow
    });
    check_allowed(&corpus);
}

#[test]
fn in_a_sandbox_what_is_allowed_by_chance_leaves_everything_as_it_was() {
    let seconds = fuzz::number("PAIGE_FUZZ_SECONDS").unwrap_or(2);
    // So many can be made and run in about as many seconds.
    let count = usize::try_from(seconds).expect("small") * 40;
    let commands = fuzz::allowed(count, |command| !builds(command));
    let line = |(at, command): (usize, String)| Line {
        label: Label::Benign,
        command,
        place: format!("chance:{at}"),
    };
    let lines: Vec<Line> = commands.into_iter().enumerate().map(line).collect();
    check_allowed(&lines);
}

fn builds(command: &str) -> bool {
    let separates = |c: char| !(c.is_alphanumeric() || "./_".contains(c));
    command.split(separates).any(|word| BUILDS.contains(&word))
}

#[track_caller]
fn check_allowed(corpus: &[Line]) {
    // As long as nothing is changed, one can run after the other; when something was, each is run alone.
    const TOGETHER: usize = 25;
    let batches = corpus.chunks(TOGETHER).map(|batch| {
        let quoted = batch.iter().map(|line| line.command.replace('\'', r"'\''"));
        let command = quoted
            .map(|command| format!("timeout 2 bash -c '{command}' < /dev/null\n"))
            .collect();
        let place = format!("{} and the next {TOGETHER}", batch[0].place);
        Line {
            label: Label::Benign,
            command,
            place,
        }
    });
    let changes = |lines: Vec<Line>| -> Vec<String> {
        // Git writes down what it has looked at, when it may, also where it only reads.
        let counts = |path: &String| path != "project/.git/index";
        run_all(lines)
            .into_iter()
            .filter(|(_, _, changed)| changed.iter().any(counts))
            .map(|(line, _, changed)| {
                format!("{}: {} ({})", line.place, line.command, changed.join(", "))
            })
            .collect()
    };
    if changes(batches.collect()).is_empty() {
        return;
    }
    let written = changes(corpus.to_vec());
    assert!(
        written.is_empty(),
        "These are allowed and write:\n{}",
        written.join("\n")
    );
    panic!("Some of what is allowed writes when it runs after others; look for the pair of them.");
}
