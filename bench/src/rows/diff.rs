use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use paige_protocol::ProjectPath;
use paige_workspace::diff::{DiffConfig, unified};
use serde_json::json;

use super::{Row, Work, edit};
use crate::{
    figure::{Figure, Target},
    mcp::Mcp,
    process::Server,
    samples::{Samples, digits, in_turns},
    scene::Scene,
    ws::Ws,
};

pub(super) const ROW: Row = Row {
    name: "diff",
    about: "paige_get_diff of 20,000 lines, and other calls meanwhile",
    measure,
};

const LINES: usize = 20_000;
/// Every so manieth line is edited: 500 of them.
const EVERY: usize = LINES / 500;
const PATH: &str = "src/long.rs";

/// Times what `git diff --no-index` takes.
const EDITS: Target = Target::most(3.0, 1.2);
const REWRITTEN: Target = Target::most(5.0, 1.5);
/// Times the 99th percentile of an idle sidecar; "unchanged" allows for the noise of two runs.
const OTHERS: Target = Target::most(2.0, 1.1);

fn measure(scene: &Scene) -> Result<Vec<Figure>> {
    let house = scene.house()?;
    let old = lines(|_| false);
    let edited = lines(|line| line % EVERY == 0);
    let rewritten = lines(|_| true);
    fs::write(house.project.join(PATH), &old)?;
    let mut work = Work::start(&house)?;
    work.ws.ask("file:open", &json!({"path": PATH}))?;
    let mut claude = Mcp::open(&work.server)?;

    let edits = compare(
        scene,
        &mut work.ws,
        &mut claude,
        (&old, &edited),
        &house.data,
    )?;
    let whole = compare(
        scene,
        &mut work.ws,
        &mut claude,
        (&old, &rewritten),
        &house.data,
    )?;
    let (before, after) = write(&house.data, &old, &rewritten)?;
    let mut compare_by_git = || git(&before, &after).map(drop);
    let others = others(scene, &work.server, claude, &mut compare_by_git)?;
    let figure = |name, must, aim, target: Target, [ours, git, part]: [Samples; 3]| Figure {
        name,
        must,
        aim,
        ours: format!("{} over MCP; {} the part alone", ours.text(), part.text()),
        comparator: format!("git diff --no-index {}", git.text()),
        ratio: format!(
            "{}×; {}× alone",
            digits(ours.p50() / git.p50()),
            digits(part.p50() / git.p50())
        ),
        verdict: target.judge(ours.p50() / git.p50()),
    };
    Ok(vec![
        figure(
            "diff, 20 k lines, 500 edits",
            "≤ 3× git",
            "≤ 1.2× git",
            EDITS,
            edits,
        ),
        figure(
            "diff, 20 k lines, all rewritten",
            "≤ 5× git",
            "≤ 1.5× git",
            REWRITTEN,
            whole,
        ),
        others,
    ])
}

fn lines(is_edited: impl Fn(usize) -> bool) -> String {
    (0..LINES)
        .map(|line| {
            let word = if is_edited(line) { "changed" } else { "value" };
            format!("    let {word}_{line} = {line};\n")
        })
        .collect()
}

/// Ours over the wire, git, and the part of ours that compares.
fn compare(
    scene: &Scene,
    ws: &mut Ws,
    claude: &mut Mcp,
    (old, new): (&str, &str),
    folder: &Path,
) -> Result<[Samples; 3]> {
    let (before, after) = write(folder, old, new)?;
    let path = ProjectPath::parse(PATH)?;
    let config = DiffConfig::default();
    let asked = json!({"path": PATH});
    let call = claude.prepare("paige_get_diff", &asked);
    ws.tell("buffer:update", &edit(PATH, new))?;
    ws.ask("file:open", &json!({"path": "src/file1.rs"}))?;
    let answer = claude.ask("paige_get_diff", &asked)?;
    let patch = unified(&path, Some(old), Some(new), &config);
    if answer["diffs"][0]["diff"] != *patch {
        bail!("the diff over MCP is not that of the part");
    }
    let mut number = 0;
    in_turns(
        scene.times(30),
        1,
        [
            &mut || {
                // Another text each time, so that an answer that was kept would be a wrong one.
                number += 1;
                let text = format!("{new}// {number}\n");
                ws.tell("buffer:update", &edit(PATH, &text))?;
                ws.ask("file:open", &json!({"path": "src/file1.rs"}))?;
                claude.send(&call)
            },
            &mut || git(&before, &after),
            &mut || {
                let start = Instant::now();
                let patch = unified(&path, Some(old), Some(new), &config);
                let time = start.elapsed();
                if patch.is_empty() {
                    bail!("there is no difference");
                }
                Ok(time)
            },
        ],
    )
}

/// Both texts as files, for git.
fn write(folder: &Path, old: &str, new: &str) -> Result<(PathBuf, PathBuf)> {
    let (before, after) = (folder.join("before.rs"), folder.join("after.rs"));
    fs::write(&before, old)?;
    fs::write(&after, new)?;
    Ok((before, after))
}

fn git(before: &Path, after: &Path) -> Result<Duration> {
    let mut command = Command::new("git");
    command
        .args(["diff", "--no-index", "--"])
        .args([before, after])
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let start = Instant::now();
    let output = command.output()?;
    let time = start.elapsed();
    if output.stdout.is_empty() {
        bail!("git found no difference");
    }
    Ok(time)
}

/// How long `paige_get_open_files` takes while another session asks for one long diff after another,
/// and how long the bare server takes while `git diff` and answers of that length take turns: what the
/// machine allows. A small machine has no core left for the small calls then, so that they are held
/// against both: themselves on an idle sidecar, and the bare server beside the same load.
fn others(scene: &Scene, server: &Server, mut claude: Mcp, git: &mut Turn<'_>) -> Result<Figure> {
    let bare = Server::bare("plain", Path::new("."))?;
    let diff = claude.prepare("paige_get_diff", &json!({"path": PATH}));
    let bytes = claude.length(&diff)?;
    let time = Duration::from_millis(250) * u32::try_from(scene.times(10))?;
    let (idle, busy, diffs) = beside(server, time, &mut || claude.send(&diff).map(drop))?;
    // The machine has to do the same beside the bare server: compare the texts, and send and read an
    // answer of that length.
    let mut reader = Mcp::open(&bare)?;
    let long = reader.prepare("long", &json!({"bytes": bytes}));
    let (bare_idle, bare_busy, _) = beside(&bare, time, &mut || {
        git()?;
        reader.send(&long).map(drop)
    })?;
    let allowed = (busy.p99() / idle.p99()).min(busy.p99() / bare_busy.p99());
    Ok(Figure {
        name: "other calls during such a diff",
        must: "p99 ≤ 2× idle",
        aim: "unchanged",
        ours: format!("{} during {diffs} diffs; idle {}", busy.text(), idle.text()),
        comparator: format!(
            "bare beside git and answers as long {}; idle {}",
            bare_busy.text(),
            bare_idle.text()
        ),
        ratio: format!(
            "p99 {}× idle; {}× the bare one beside the same",
            digits(busy.p99() / idle.p99()),
            digits(busy.p99() / bare_busy.p99()),
        ),
        verdict: OTHERS.judge(allowed),
    })
}

/// Something that keeps the machine busy, once.
type Turn<'a> = dyn FnMut() -> Result<()> + Send + 'a;

/// How long small calls take alone, and while `work` is done over and over; and how often it was.
fn beside(server: &Server, time: Duration, work: &mut Turn<'_>) -> Result<(Samples, Samples, u32)> {
    let mut mcp = Mcp::open(server)?;
    let call = mcp.prepare("paige_get_open_files", &json!({}));
    let mut calls = |time: Duration| {
        let (start, mut samples) = (Instant::now(), Samples::default());
        while start.elapsed() < time {
            samples.push(mcp.send(&call)?);
        }
        anyhow::Ok(samples)
    };
    calls(time / 10)?;
    let (mut idle, mut busy, mut count) = (Samples::default(), Samples::default(), 0);
    // In turns, so that a busy moment of the machine meets both.
    for _ in 0..4 {
        idle.extend(calls(time / 4)?);
        let stop = AtomicBool::new(false);
        let (with, times) = thread::scope(|scope| {
            let worker = scope.spawn(|| {
                let mut times = 0_u32;
                while !stop.load(Ordering::Relaxed) {
                    work()?;
                    times += 1;
                }
                anyhow::Ok(times)
            });
            let with = calls(time / 4);
            stop.store(true, Ordering::Relaxed);
            let times = worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            anyhow::Ok((with?, times))
        })?;
        busy.extend(with);
        count += times;
    }
    Ok((idle, busy, count))
}
