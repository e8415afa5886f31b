//! The watcher: every change is told, in time, and the tree is what the disk is (spec: story 3, AC 7
//! and 8; story 5, AC 6).

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests make the changes that the workspace must notice"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use paige_protocol::ProjectPath;
use paige_protocol::tree::{NodeKind, TreeNode};
use paige_workspace::{Config, FileEvent, FileEvents, Workspace};
use tempfile::TempDir;
use tokio::time::timeout;

/// A thing that must happen is waited for this long, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(30);

struct Fixture {
    root: PathBuf,
    workspace: Workspace,
    events: FileEvents,
    temp: TempDir,
    markers: usize,
    last: Option<String>,
}

impl Fixture {
    /// A project with these files, watched with `config`.
    fn new(files: &[&str], config: Config) -> Self {
        let temp = TempDir::new().expect("a folder");
        let root = temp
            .path()
            .canonicalize()
            .expect("a folder")
            .join("project");
        fs::create_dir(&root).expect("a folder");
        for path in files {
            write(&root.join(path), "before");
        }
        let workspace = Workspace::open(&root, config).expect("a project");
        let events = workspace.watch();
        assert!(workspace.wait_until_watching(PATIENCE));
        Self {
            root,
            workspace,
            events,
            temp,
            markers: 0,
            last: None,
        }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    async fn next(&mut self) -> FileEvent {
        timeout(PATIENCE, self.events.recv())
            .await
            .expect("an event in time")
            .expect("the workspace is open")
    }

    /// The next event, in short. A write is two steps (cut off, fill), so on a slow machine one more
    /// change of the path told last may come before it.
    async fn next_line(&mut self) -> String {
        loop {
            let event = self.next().await;
            let line = line(&event);
            let path = event.paths().first().map(ToString::to_string);
            let again = matches!(event, FileEvent::Change { .. }) && path == self.last;
            self.last = path;
            if !again {
                return line;
            }
        }
    }

    /// Waits for the tree to be what a fresh scan finds.
    async fn agrees(&self) {
        let end = Instant::now() + PATIENCE;
        loop {
            let (kept, fresh) = (self.workspace.tree(), scan(&self.root));
            if kept == fresh {
                let json: TreeNode =
                    serde_json::from_str(self.workspace.tree_json().as_str()).expect("JSON");
                assert_eq!(json, fresh);
                return;
            }
            assert!(
                Instant::now() < end,
                "{:#?}\nis not\n{:#?}",
                paths(&kept),
                paths(&fresh)
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Reads events until a file that is made now is told of, so that all earlier ones are there.
    async fn until_marker(&mut self) -> Vec<FileEvent> {
        // Not earlier, or the marker may be told before a path that is still settling.
        tokio::time::sleep(Duration::from_millis(150)).await;
        self.markers += 1;
        let marker = format!("zz-marker-{}", self.markers);
        let marker = ProjectPath::parse(&marker).expect("a good path");
        fs::write(self.at(marker.as_str()), "").expect("a file");
        let mut found = Vec::new();
        loop {
            let event = self.next().await;
            let is_marker = event.paths().contains(&&marker);
            found.push(event);
            if is_marker {
                return found;
            }
        }
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn scan(root: &Path) -> TreeNode {
    let config = Config {
        watch: false,
        ..Config::default()
    };
    Workspace::open(root, config).expect("a project").tree()
}

fn paths(node: &TreeNode) -> Vec<&str> {
    let below = node.children.iter().flatten().flat_map(paths);
    std::iter::once(node.path.as_str()).chain(below).collect()
}

fn line(event: &FileEvent) -> String {
    match event {
        FileEvent::Add { path, node } => {
            assert_eq!(
                (node.path.as_str(), node.kind),
                (path.as_str(), NodeKind::File)
            );
            format!("add {path}")
        }
        FileEvent::Change { path } => format!("change {path}"),
        FileEvent::Unlink { path } => format!("unlink {path}"),
        FileEvent::AddDir { path, node } => {
            assert_eq!(
                (node.path.as_str(), node.kind),
                (path.as_str(), NodeKind::Directory)
            );
            format!("addDir {path} {:?}", &paths(node)[1..])
        }
        FileEvent::UnlinkDir { path } => format!("unlinkDir {path}"),
        FileEvent::Rename { from, to, node } => {
            assert_eq!(node.path, to.as_str());
            format!("rename {from} {to} {:?}", &paths(node)[1..])
        }
        FileEvent::Flood { .. } => "flood".to_owned(),
        FileEvent::Trouble { .. } => "trouble".to_owned(),
    }
}

fn git(root: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .current_dir(root)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t",
            "-c",
            "gc.auto=0",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .output()
        .expect("git");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn each_kind_of_change_is_told() {
    // Time for the two halves of a rename to arrive on however slow a machine.
    let config = Config {
        settle: Duration::from_millis(500),
        ..Config::default()
    };
    let mut fixture = Fixture::new(&["src/old.rs", "kept"], config);
    fs::write(fixture.at("new"), "").expect("a file");
    assert_eq!(fixture.next_line().await, "add new");
    fs::write(fixture.at("kept"), "after").expect("a file");
    assert_eq!(fixture.next_line().await, "change kept");
    fs::remove_file(fixture.at("kept")).expect("it was there");
    assert_eq!(fixture.next_line().await, "unlink kept");
    fs::create_dir(fixture.at("folder")).expect("a folder");
    assert_eq!(fixture.next_line().await, "addDir folder []");
    fs::write(fixture.at("folder/x"), "").expect("a file");
    assert_eq!(fixture.next_line().await, "add folder/x");
    fs::rename(fixture.at("src/old.rs"), fixture.at("folder/new.rs")).expect("a rename");
    assert_eq!(
        fixture.next_line().await,
        "rename src/old.rs folder/new.rs []"
    );
    fs::rename(fixture.at("folder"), fixture.at("src/moved")).expect("a rename");
    assert_eq!(
        fixture.next_line().await,
        r#"rename folder src/moved ["src/moved/new.rs", "src/moved/x"]"#
    );
    fs::write(fixture.at("src/moved/y"), "").expect("a file");
    assert_eq!(fixture.next_line().await, "add src/moved/y");
    fs::remove_dir_all(fixture.at("src/moved")).expect("it was there");
    // The files went first, and may be told on their own.
    while fixture.next_line().await != "unlinkDir src/moved" {}
    fixture.agrees().await;
}

#[tokio::test]
async fn a_folder_that_comes_with_all_its_content_is_complete() {
    let mut fixture = Fixture::new(&[], Config::default());
    write(&fixture.temp.path().join("elsewhere/a/b/c.rs"), "");
    fs::rename(fixture.temp.path().join("elsewhere"), fixture.at("here")).expect("a rename");
    assert_eq!(
        fixture.next_line().await,
        r#"addDir here ["here/a", "here/a/b", "here/a/b/c.rs"]"#
    );
    fs::write(fixture.at("here/a/b/d.rs"), "").expect("a file");
    assert_eq!(fixture.next_line().await, "add here/a/b/d.rs");
    fs::rename(fixture.at("here"), fixture.temp.path().join("away")).expect("a rename");
    assert_eq!(fixture.next_line().await, "unlinkDir here");
    // What is gone is not watched any more.
    fs::write(fixture.temp.path().join("away/a/x"), "").expect("a file");
    let lines: Vec<_> = fixture.until_marker().await.iter().map(line).collect();
    assert_eq!(lines, ["add zz-marker-1"]);
    fixture.agrees().await;
}

#[tokio::test]
async fn an_atomic_save_is_a_change() {
    let mut fixture = Fixture::new(&["a.rs"], Config::default());
    fs::write(fixture.at(".paige-0123abcd.tmp"), "after").expect("a file");
    fs::rename(fixture.at(".paige-0123abcd.tmp"), fixture.at("a.rs")).expect("a rename");
    let lines: Vec<_> = fixture.until_marker().await.iter().map(line).collect();
    assert_eq!(lines, ["change a.rs", "add zz-marker-1"]);
}

#[tokio::test]
async fn reading_and_noise_are_not_told() {
    let mut fixture = Fixture::new(
        &["src/a.rs", "node_modules/m/x", ".git/HEAD"],
        Config::default(),
    );
    let _ = fs::read(fixture.at("src/a.rs")).expect("a file");
    write(&fixture.at("node_modules/m/y"), "");
    write(&fixture.at(".git/index"), "");
    write(&fixture.at("src/node_modules/z"), "");
    let lines: Vec<_> = fixture.until_marker().await.iter().map(line).collect();
    assert_eq!(lines, ["add zz-marker-1"]);
}

#[tokio::test]
async fn a_gitignore_that_changes_hides_and_shows_folders() {
    let mut fixture = Fixture::new(&["out/x", "src/out/y", "z"], Config::default());
    fs::write(fixture.at(".gitignore"), "out\n").expect("a file");
    let lines: BTreeSet<_> = fixture.until_marker().await.iter().map(line).collect();
    for expected in ["add .gitignore", "unlinkDir out", "unlinkDir src/out"] {
        assert!(lines.contains(expected), "{lines:?}");
    }
    write(&fixture.at("out/hidden"), "");
    fixture.agrees().await;
    fs::remove_file(fixture.at(".gitignore")).expect("it was there");
    let lines: BTreeSet<_> = fixture.until_marker().await.iter().map(line).collect();
    for expected in [
        "unlink .gitignore",
        r#"addDir out ["out/hidden", "out/x"]"#,
        r#"addDir src/out ["src/out/y"]"#,
    ] {
        assert!(lines.contains(expected), "{lines:?}");
    }
    write(&fixture.at("src/out/later"), "");
    fixture.agrees().await;
}

#[tokio::test]
async fn no_file_of_a_burst_is_missing() {
    const FILES: usize = 2000;
    for folder in ["", "new/deep/"] {
        let config = Config::default();
        let mut fixture = Fixture::new(&[], config.clone());
        let began = Instant::now();
        for number in 0..FILES {
            write(&fixture.at(&format!("{folder}{number}")), "x");
        }
        let expected: BTreeSet<String> = (0..FILES)
            .map(|number| format!("{folder}{number}"))
            .collect();
        let mut told = BTreeSet::new();
        let mut single = 0;
        while !told.is_superset(&expected) {
            match fixture.next().await {
                FileEvent::Add { path, .. } => {
                    single += 1;
                    told.insert(path.to_string());
                }
                FileEvent::AddDir { node, .. } => {
                    told.extend(paths(&node).into_iter().map(str::to_owned))
                }
                FileEvent::Flood { paths } => told.extend(paths.iter().map(ToString::to_string)),
                FileEvent::Change { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        // At a slow pace each may be told; at any pace no more than the threshold in each window.
        let windows = began.elapsed().as_secs_f32() / config.flood_window.as_secs_f32();
        let most = config.flood_threshold * (2 + windows.ceil() as usize);
        assert!(
            single <= most,
            "{single} were told one by one, {most} may be"
        );
        fixture.agrees().await;
    }
}

#[tokio::test]
async fn a_checkout_of_thousands_of_files_is_a_flood() {
    const FILES: usize = 3000;
    // However slow the machine is, so many files change within one window.
    let config = Config {
        flood_threshold: 20,
        flood_window: Duration::from_secs(2),
        ..Config::default()
    };
    let mut fixture = Fixture::new(&["README"], config);
    // The folders stay, so that no folder stands for its files in what is told.
    for folder in 0..50 {
        write(&fixture.at(&format!("d{}/e{folder}/stays", folder % 7)), "");
    }
    git(&fixture.root, &["init", "-q"]);
    git(&fixture.root, &["add", "."]);
    git(&fixture.root, &["commit", "-qm", "one"]);
    for number in 0..FILES {
        write(
            &fixture.at(&format!(
                "d{}/e{}/{number}.rs",
                number % 50 % 7,
                number % 50
            )),
            "x",
        );
    }
    write(&fixture.at("README"), "two");
    git(&fixture.root, &["add", "."]);
    git(&fixture.root, &["commit", "-qm", "two"]);
    let count = |tree: &TreeNode| {
        paths(tree)
            .iter()
            .filter(|path| path.ends_with(".rs"))
            .count()
    };
    for (revision, expected) in [("HEAD~1", 0), ("main", FILES), ("HEAD~1", 0)] {
        fixture.agrees().await;
        fixture.until_marker().await;
        git(&fixture.root, &["checkout", "-q", revision]);
        let events = fixture.until_marker().await;
        let readme = ProjectPath::parse("README").expect("a good path");
        assert!(events.iter().any(|event| event.paths().contains(&&readme)));
        let is_flood = |event: &&FileEvent| matches!(event, FileEvent::Flood { .. });
        assert!(events.iter().filter(is_flood).count() > 0);
        fixture.agrees().await;
        assert_eq!(count(&fixture.workspace.tree()), expected);
        assert!(events.len() < FILES / 4, "{} events", events.len());
    }
}

#[tokio::test]
async fn a_file_that_is_written_all_the_time_is_no_flood() {
    let config = Config {
        settle: Duration::from_millis(1),
        grace: Duration::ZERO,
        flood_threshold: 3,
        ..Config::default()
    };
    let mut fixture = Fixture::new(&["log"], config);
    for round in 0..40 {
        fs::write(fixture.at("log"), format!("{round}")).expect("a file");
        assert_eq!(line(&fixture.next().await), "change log");
        while timeout(Duration::from_millis(3), fixture.events.recv())
            .await
            .is_ok()
        {}
    }
}

#[tokio::test]
async fn without_enough_watches_the_rest_is_polled() {
    for max_watches in [0, 2] {
        let config = Config {
            max_watches,
            poll_interval: Duration::from_millis(30),
            ..Config::default()
        };
        let mut fixture = Fixture::new(&["a/b/c/x", "d/e/y", "f/z"], config);
        let FileEvent::Trouble { message } = fixture.next().await else {
            panic!("the limit is told first");
        };
        assert!(message.contains("max_user_watches"), "{message}");
        write(&fixture.at("a/b/c/new"), "");
        write(&fixture.at("d/e/y"), "after");
        fs::remove_file(fixture.at("f/z")).expect("it was there");
        let mut lines = BTreeSet::new();
        while lines.len() < 3 {
            lines.insert(fixture.next_line().await);
        }
        let expected = ["add a/b/c/new", "change d/e/y", "unlink f/z"].map(str::to_owned);
        assert_eq!(lines, BTreeSet::from(expected));
        write(&fixture.at("new/deep/x"), "");
        fs::remove_dir_all(fixture.at("a")).expect("it was there");
        fixture.agrees().await;
    }
}

#[tokio::test]
async fn a_file_that_changed_before_it_was_watched_is_told() {
    // Many folders, so that watching takes a while after the file is read.
    let temp = TempDir::new().expect("a folder");
    for number in 0..300 {
        write(&temp.path().join(format!("{number}/x")), "");
    }
    write(&temp.path().join("zz/file"), "before");
    let path = ProjectPath::parse("zz/file").expect("a good path");
    for round in 0..5 {
        let workspace = Workspace::open(temp.path(), Config::default()).expect("a project");
        let mut events = workspace.watch();
        let before = workspace.read(&path).expect("a text");
        write(&temp.path().join("zz/file"), &format!("after {round}"));
        let told = timeout(PATIENCE, async {
            while let Some(event) = events.recv().await {
                if event.paths().contains(&&path) {
                    return true;
                }
            }
            false
        });
        assert!(told.await.expect("an event in time"));
        assert_ne!(workspace.read(&path).expect("a text"), before);
    }
}

#[tokio::test]
async fn a_project_folder_that_leaves_is_told_and_the_end_is_the_end() {
    let mut fixture = Fixture::new(&["a/b"], Config::default());
    fs::rename(&fixture.root, fixture.temp.path().join("elsewhere")).expect("a rename");
    let FileEvent::Trouble { message } = fixture.next().await else {
        panic!("it is told");
    };
    assert!(message.contains("moved or deleted"), "{message}");
    let Fixture {
        workspace,
        mut events,
        ..
    } = fixture;
    let clone = workspace.clone();
    drop(workspace);
    assert!(clone.root().ends_with("project"));
    drop(clone);
    assert_eq!(
        timeout(PATIENCE, events.recv()).await.expect("in time"),
        None
    );
}

/// Pseudo-random numbers, the same at each run for one seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn path(&mut self) -> String {
        let names = ["a", "b", "c", "D", "build", "e"];
        let depth = 1 + self.roll(4);
        let parts: Vec<_> = (0..depth).map(|_| names[self.roll(6) as usize]).collect();
        parts.join("/")
    }
}

#[tokio::test]
async fn after_any_changes_the_tree_is_what_the_disk_is() {
    for seed in 1..=12 {
        let config = Config {
            flood_threshold: if seed % 2 == 0 { 20 } else { 100_000 },
            max_watches: if seed % 4 == 3 { 5 } else { usize::MAX },
            poll_interval: Duration::from_millis(20),
            ..Config::default()
        };
        let mut fixture = Fixture::new(&["a/b/c", "e/e"], config);
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ seed);
        // What a client knows that applies each event and asks anew after a flood.
        let mut client: BTreeSet<String> = known(&fixture.workspace.tree());
        for step in 0..400 {
            let (path, other) = (fixture.at(&dice.path()), fixture.at(&dice.path()));
            // Many of these fail, as they do in life.
            let _ = match dice.roll(10) {
                0..3 => fs::create_dir_all(&path),
                3..6 => fs::write(&path, format!("{step}")),
                6 => fs::rename(&path, &other),
                7 => fs::remove_file(&path),
                8 => fs::remove_dir_all(&path),
                _ => fs::write(
                    path.join(".gitignore"),
                    ["b\n", "", "/c/\n!a\n"][dice.roll(3) as usize],
                ),
            };
            if dice.roll(20) == 0 {
                tokio::time::sleep(Duration::from_millis(dice.roll(40))).await;
            }
        }
        fixture.agrees().await;
        fixture
            .until_marker()
            .await
            .iter()
            .for_each(|event| apply(event, &mut client, &fixture.workspace));
        fixture.agrees().await;
        assert_eq!(client, known(&fixture.workspace.tree()), "seed {seed}");
    }
}

fn known(tree: &TreeNode) -> BTreeSet<String> {
    paths(tree).into_iter().map(str::to_owned).collect()
}

fn apply(event: &FileEvent, client: &mut BTreeSet<String>, workspace: &Workspace) {
    let drop_below = |client: &mut BTreeSet<String>, path: &ProjectPath| {
        client
            .retain(|known| ProjectPath::parse(known).map_or(true, |known| !known.is_below(path)));
    };
    match event {
        FileEvent::Add { node, .. } | FileEvent::AddDir { node, .. } => client.extend(known(node)),
        FileEvent::Unlink { path } | FileEvent::UnlinkDir { path } => drop_below(client, path),
        FileEvent::Rename { from, node, .. } => {
            drop_below(client, from);
            client.extend(known(node));
        }
        FileEvent::Flood { .. } => *client = known(&workspace.tree()),
        FileEvent::Change { .. } | FileEvent::Trouble { .. } => {}
    }
}
