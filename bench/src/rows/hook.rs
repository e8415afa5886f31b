use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::Row;
use crate::{
    figure::{Figure, Target},
    samples::in_turns,
    scene::{House, Scene},
};

pub(super) const ROW: Row = Row {
    name: "hook",
    about: "a hook of Claude Code, from the start of its process to its end",
    measure,
};

/// The 99th percentile with a live sidecar, in milliseconds.
const LIVE: Target = Target::most(30.0, 10.0);
/// The same where the sidecar is of no use.
const USELESS: Target = Target::most(300.0, 260.0);

fn measure(scene: &Scene) -> Result<Vec<Figure>> {
    let house = scene.house()?;
    let server = house.sidecar()?;
    let rendezvous = house.data.join("sidecar.json");
    let live: Value = serde_json::from_slice(&fs::read(&rendezvous)?)?;
    let prompt = json!({"session_id": "c", "cwd": house.project, "prompt": "why?"}).to_string();
    let tool = json!({
        "session_id": "c", "cwd": house.project, "tool_name": "Bash",
        "tool_input": {"command": "git log --oneline | head -5 && cargo test 2>&1 | tail -20"},
    })
    .to_string();
    let mut told = || run(&house, &house.data, "UserPromptSubmit", &prompt);
    let mut judged = || run(&house, &house.data, "PreToolUse", &tool);
    let mut nothing = || time(Command::new("true"), "");
    let turns = scene.times(300);
    let [told, judged, nothing] = in_turns(turns, 1, [&mut told, &mut judged, &mut nothing])?;
    server.stop()?;

    let hanging = TcpListener::bind(("127.0.0.1", 0))?;
    let failing = failing()?;
    // Nobody listens there any more.
    let dead = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let mut figures = vec![
        figure(
            "hook UserPromptSubmit, live",
            "≤ 30 ms p99",
            "≤ 10 ms",
            &told,
            &nothing,
            LIVE,
        ),
        figure(
            "hook PreToolUse",
            "≤ 30 ms p99",
            "≤ 10 ms",
            &judged,
            &nothing,
            LIVE,
        ),
    ];
    for (name, port) in [
        ("hook UserPromptSubmit, dead", dead),
        (
            "hook UserPromptSubmit, hanging",
            hanging.local_addr()?.port(),
        ),
        ("hook UserPromptSubmit, failing", failing),
    ] {
        let mut there = live.clone();
        there["port"] = json!(port);
        fs::write(&rendezvous, there.to_string())?;
        let mut told = || run(&house, &house.data, "UserPromptSubmit", &prompt);
        let [told] = in_turns(scene.times(100), 1, [&mut told])?;
        figures.push(figure(
            name,
            "≤ 300 ms p99",
            "≤ 260 ms",
            &told,
            &nothing,
            USELESS,
        ));
    }
    Ok(figures)
}

fn figure(
    name: &'static str,
    must: &'static str,
    aim: &'static str,
    ours: &crate::samples::Samples,
    nothing: &crate::samples::Samples,
    target: Target,
) -> Figure {
    Figure {
        name,
        must,
        aim,
        ours: ours.text(),
        comparator: format!("a program that does nothing {}", nothing.text()),
        ratio: format!("{:.1}×", ours.p50() / nothing.p50()),
        verdict: target.judge(ours.p99() / 1e3),
    }
}

fn run(house: &House, data: &Path, event: &str, input: &str) -> Result<Duration> {
    let mut command = Command::new(house.program());
    command
        .args(["hook", event])
        .env_clear()
        .env("HOME", data)
        .env("DATA_DIR", data)
        .env("CLAUDE_PROJECT_DIR", &house.project);
    time(command, input)
}

fn time(mut command: Command, input: &str) -> Result<Duration> {
    let begin = Instant::now();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut stdin = child.stdin.take().context("stdin is piped")?;
    // One that reads nothing may have ended already.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output()?;
    let took = begin.elapsed();
    ensure!(output.status.success(), "a hook failed: {}", output.status);
    Ok(took)
}

/// A server that answers 500, until the benchmark ends.
fn failing() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            // Who hangs up is of no matter here.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.0 500 Internal Server Error\r\n\r\n{}");
        }
    });
    Ok(port)
}
