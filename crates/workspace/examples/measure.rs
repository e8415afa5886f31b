//! Measures the tree and the watcher: `cargo run --release -p paige-workspace --example measure`.
//!
//! It makes a project of 100,000 files in a temporary folder, so it takes some seconds.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for people who work on the crate"
)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use paige_protocol::ProjectPath;
use paige_workspace::{Config, FileEvent, FileEvents, Workspace};
use tokio::runtime::Runtime;

const FILES: usize = 100_000;
const PER_FOLDER: usize = 20;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let temp = tempfile::TempDir::new().unwrap();
    let big = temp.path().join("big");
    make_big(&big);
    // First, while the allocator has nothing to keep.
    memory(&big);
    reads(temp.path());
    big_tree(&big);
    latency(&runtime, &temp.path().join("small"));
    burst(&runtime, &temp.path().join("burst"));
}

fn show(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    println!(
        "{what:<44} p50 {:>10.1?}  p99 {:>10.1?}  n {}",
        at(50),
        at(99),
        times.len()
    );
}

fn time<T>(act: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let result = act();
    (began.elapsed(), result)
}

/// Resident memory in MiB.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap_or_default();
    let kib: String = line.chars().filter(char::is_ascii_digit).collect();
    kib.parse::<f64>().unwrap_or_default() / 1024.0
}

fn reads(root: &Path) {
    let root = root.join("reads");
    fs::create_dir(&root).unwrap();
    let workspace = Workspace::open(&root, Config::default()).unwrap();
    for (name, size) in [("2 KB", 2 << 10), ("100 KB", 100 << 10), ("1 MB", 1 << 20)] {
        let text = "let answer = compute(41) + 1; // a line of code\n".repeat(size / 48);
        fs::write(root.join(name), &text).unwrap();
        let path = ProjectPath::parse(name).unwrap();
        let mut own = Vec::new();
        let mut bare = Vec::new();
        for _ in 0..300 {
            own.push(time(|| workspace.read(&path).unwrap()).0);
            bare.push(time(|| fs::read(root.join(name)).unwrap()).0);
        }
        show(&format!("read {name}"), own);
        show(&format!("  std::fs::read {name}"), bare);
    }
}

fn make_big(root: &Path) {
    for number in 0..FILES {
        let folder = number / PER_FOLDER;
        let folder = root.join(format!("package-{}/module-{}", folder / 50, folder % 50));
        if number % PER_FOLDER == 0 {
            fs::create_dir_all(&folder).unwrap();
        }
        fs::write(folder.join(format!("component-{number}.tsx")), "").unwrap();
    }
}

fn memory(root: &Path) {
    let before = resident();
    let workspace = Workspace::open(root, Config::default()).unwrap();
    assert!(workspace.wait_until_watching(Duration::from_secs(60)));
    println!(
        "memory: {before:.1} MiB before, {:.1} MiB with 100k files watched",
        resident()
    );
    let bytes = workspace.tree_json().as_str().len();
    println!(
        "memory with a tree of {bytes} bytes as JSON: {:.1} MiB",
        resident()
    );
    for round in 0..5 {
        fs::write(root.join("package-7/probe"), format!("{round}")).unwrap();
        std::thread::sleep(Duration::from_millis(60));
        workspace.tree_json();
    }
    println!("memory after five more: {:.1} MiB", resident());
    fs::remove_file(root.join("package-7/probe")).unwrap();
}

fn big_tree(root: &Path) {
    let unwatched = Config {
        watch: false,
        ..Config::default()
    };
    let workspace = Workspace::open(root, unwatched).unwrap();
    show(
        "scan of 100k files, nothing else",
        (0..11).map(|_| time(|| workspace.tree_json()).0).collect(),
    );
    drop(workspace);

    let (mut open, mut first, mut watching) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..5 {
        let began = Instant::now();
        let (took, workspace) = time(|| Workspace::open(root, Config::default()).unwrap());
        open.push(took);
        workspace.tree_json();
        first.push(began.elapsed());
        assert!(workspace.wait_until_watching(Duration::from_secs(60)));
        watching.push(began.elapsed());
    }
    show("open", open);
    show("open to first tree as JSON, 100k files", first);
    show("open to all folders watched", watching);

    let workspace = Workspace::open(root, Config::default()).unwrap();
    assert!(workspace.wait_until_watching(Duration::from_secs(60)));
    show("tree as JSON, made", vec![time(|| workspace.tree_json()).0]);
    show("tree as JSON, kept", vec![time(|| workspace.tree_json()).0]);
    show("typed tree", vec![time(|| workspace.tree()).0]);
    let mut times = Vec::new();
    let probe = root.join("package-7/probe");
    for round in 0..20 {
        fs::write(&probe, format!("{round}")).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        times.push(time(|| workspace.tree_json()).0);
        fs::remove_file(&probe).unwrap();
        std::thread::sleep(Duration::from_millis(60));
    }
    show("tree as JSON after a change", times);
    let before = switches();
    std::thread::sleep(Duration::from_secs(2));
    println!(
        "idle for 2 s: the other threads woke {} times",
        switches() - before
    );
}

/// How often the threads of this process, but for the first, have woken up.
fn switches() -> u64 {
    let tasks = fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let others = tasks.filter(|task| *task.file_name() != *std::process::id().to_string());
    let counts = others.map(|task| {
        let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|count| count.trim().parse::<u64>().ok())
            .unwrap_or_default()
    });
    counts.sum()
}

fn wait_for(
    runtime: &Runtime,
    events: &mut FileEvents,
    wanted: impl Fn(&FileEvent) -> bool,
) -> FileEvent {
    runtime.block_on(async {
        loop {
            let event = events.recv().await.unwrap();
            if wanted(&event) {
                return event;
            }
        }
    })
}

fn latency(runtime: &Runtime, root: &Path) {
    fs::create_dir(root).unwrap();
    let workspace = Workspace::open(root, Config::default()).unwrap();
    let mut events = workspace.watch();
    assert!(workspace.wait_until_watching(Duration::from_secs(60)));
    for (what, pause) in [
        ("file created to event, quiet", 40),
        ("file created to event, one after the other", 0),
    ] {
        let mut times = Vec::new();
        for number in 0..150 {
            std::thread::sleep(Duration::from_millis(pause));
            let path = ProjectPath::parse(&format!("{pause}-{number}")).unwrap();
            let began = Instant::now();
            fs::write(root.join(&path), "x").unwrap();
            wait_for(runtime, &mut events, |event| event.paths().contains(&&path));
            times.push(began.elapsed());
        }
        show(what, times);
        std::thread::sleep(Duration::from_millis(1100));
    }
    let path = ProjectPath::parse("again").unwrap();
    let mut times = Vec::new();
    for _ in 0..50 {
        let began = Instant::now();
        fs::write(root.join(&path), "x").unwrap();
        wait_for(runtime, &mut events, |event| {
            matches!(event, FileEvent::Add { .. })
        });
        times.push(began.elapsed());
        fs::remove_file(root.join(&path)).unwrap();
        wait_for(runtime, &mut events, |event| {
            matches!(event, FileEvent::Unlink { .. })
        });
    }
    show("the same file created and deleted", times);
}

fn burst(runtime: &Runtime, root: &Path) {
    fs::create_dir(root).unwrap();
    let workspace = Workspace::open(root, Config::default()).unwrap();
    let mut events = workspace.watch();
    assert!(workspace.wait_until_watching(Duration::from_secs(60)));
    let began = Instant::now();
    for number in 0..2000 {
        fs::write(root.join(number.to_string()), "x").unwrap();
    }
    println!("burst of 2000 files written in {:.1?}", began.elapsed());
    let mut told = std::collections::BTreeSet::new();
    let mut count = 0;
    while told.len() < 2000 {
        let event = wait_for(runtime, &mut events, |_| true);
        told.extend(event.paths().into_iter().cloned());
        count += 1;
    }
    println!("all told after {:.1?} in {count} events", began.elapsed());
}
