use std::{
    collections::HashSet,
    fs,
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Result;
use rustix::fs::inotify;
use serde_json::{Value, json};

use super::Row;
use crate::{
    figure::{Figure, Target, Verdict},
    samples::Samples,
    scene::{Scene, millis},
    ws::{Ws, is_of},
};

pub(super) const ROW: Row = Row {
    name: "watch",
    about: "a new file, and a burst of 2000 new files, until the window knows",
    measure,
};

const MILLIS: Target = Target::most(40.0, 10.0);

/// Files of a burst.
const BURST: usize = 2000;
/// Nothing more comes when nothing came for so long.
const QUIET: Duration = Duration::from_secs(2);

fn measure(scene: &Scene) -> Result<Vec<Figure>> {
    let house = scene.house()?;
    let server = house.sidecar()?;
    let mut ws = Ws::open(&server)?;
    sleep(Duration::from_millis(500));

    let folder = house.project.join("src");
    let (mut ours, mut bare) = (Samples::default(), Samples::default());
    for number in 0..scene.times(100) {
        let name = format!("new{number}.rs");
        let start = Instant::now();
        fs::write(folder.join(&name), "x\n")?;
        ws.until(|text| is_of(text, "fs:tree_update") && text.contains(&name))?;
        ours.push(start.elapsed());
        // The path falls quiet again: what is measured is the first event, not those that follow.
        sleep(Duration::from_millis(60));
        bare.push(noticed(&folder, &format!("bare{number}.rs"))?);
        sleep(Duration::from_millis(60));
    }

    let mut rounds = Vec::new();
    for round in 0..scene.times(10) {
        // Into one folder that is there, and into many that are new with them.
        for folders in [1, 100] {
            let names: HashSet<String> = (0..BURST)
                .map(|file| format!("burst{round}_{folders}/{}/{file}.rs", file % folders))
                .collect();
            if folders == 1 {
                fs::create_dir_all(house.project.join(format!("burst{round}_1/0")))?;
                sleep(Duration::from_millis(300));
            }
            for name in &names {
                let file = house.project.join(name);
                if let Some(parent) = file.parent() {
                    fs::create_dir_all(parent)?;
                }
                fs::write(file, "x\n")?;
            }
            rounds.push(missing(&mut ws, names)?);
        }
    }
    let (missing, frames, took) =
        rounds
            .iter()
            .fold((0, 0, Duration::ZERO), |(missing, frames, took), round| {
                (
                    missing + round.missing,
                    frames + round.frames,
                    took.max(round.took),
                )
            });
    Ok(vec![
        Figure {
            name: "file created → `fs:tree_update`",
            must: "≤ 40 ms",
            aim: "≤ 10 ms, bursts coalesced",
            ours: ours.text(),
            comparator: format!("inotify {}", bare.text()),
            ratio: format!("{:.1}×", ours.p50() / bare.p50()),
            verdict: MILLIS.judge(ours.p50() / 1e3),
        },
        Figure {
            name: "burst of 2000 new files",
            must: "0 missing",
            aim: "0 missing",
            ours: format!(
                "{missing} missing in {} bursts; {:.0} messages a burst, the last after {:.0} ms",
                rounds.len(),
                f64::from(frames) / rounds.len() as f64,
                millis(took)
            ),
            comparator: "–".to_owned(),
            ratio: "–".to_owned(),
            verdict: if missing == 0 {
                Verdict::AimMet
            } else {
                Verdict::Missed
            },
        },
    ])
}

/// From the creation of a file to its event, straight from the system.
fn noticed(folder: &Path, name: &str) -> Result<Duration> {
    let watch = inotify::init(inotify::CreateFlags::CLOEXEC)?;
    inotify::add_watch(&watch, folder, inotify::WatchFlags::CREATE)?;
    let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
    let start = Instant::now();
    fs::write(folder.join(name), "x\n")?;
    inotify::Reader::new(&watch, &mut buffer).next()?;
    Ok(start.elapsed())
}

struct Round {
    missing: usize,
    frames: u32,
    took: Duration,
}

/// Which of `names` the window has not heard of when it falls quiet, by updates and whole trees.
fn missing(ws: &mut Ws, mut names: HashSet<String>) -> Result<Round> {
    let start = Instant::now();
    let (mut frames, mut took) = (0, Duration::ZERO);
    ws.wait_at_most(QUIET)?;
    while let Some(text) = ws.read()? {
        frames += 1;
        let message: Value = serde_json::from_str(&text)?;
        let payload = &message["payload"];
        let before = names.len();
        match message["type"].as_str() {
            Some("fs:tree_update") => {
                forget(&mut names, &json!({"path": payload["path"]}));
                forget(&mut names, &payload["node"]);
            }
            Some("fs:tree") => forget(&mut names, &payload["root"]),
            _ => {}
        }
        if names.len() < before {
            took = start.elapsed();
        }
    }
    ws.wait_at_most(Duration::from_secs(60))?;
    Ok(Round {
        missing: names.len(),
        frames,
        took,
    })
}

/// Takes a node and all that is in it out of `names`.
fn forget(names: &mut HashSet<String>, node: &Value) {
    if let Some(path) = node["path"].as_str() {
        names.remove(path);
    }
    for child in node["children"].as_array().into_iter().flatten() {
        forget(names, child);
    }
}
