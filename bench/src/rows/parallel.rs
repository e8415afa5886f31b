use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde_json::json;

use super::{Row, Work};
use crate::{
    figure::{Figure, Target},
    mcp::Mcp,
    process::Server,
    samples::digits,
    scene::Scene,
};

pub(super) const ROW: Row = Row {
    name: "parallel",
    about: "calls a second of 8 MCP sessions in parallel",
    measure,
};

/// Thousands of calls a second, and what the bare server reached when the targets were set.
const CALLS: Target = Target::least(25.0, 45.0);
const BARE_THEN: f64 = 62.5;

const SESSIONS: usize = 8;

fn measure(scene: &Scene) -> Result<Vec<Figure>> {
    let house = scene.house()?;
    let (bare, rmcp) = (house.bare("plain")?, house.bare("rmcp")?);
    let work = Work::start(&house)?;
    let (mut ours, mut plain, mut empty) = (0.0, 0.0, 0.0);
    let turns = scene.times(10);
    let time = Duration::from_millis(500);
    for _ in 0..turns {
        ours += calls(&work.server, time)? / turns as f64;
        plain += calls(&bare, time)? / turns as f64;
        empty += calls(&rmcp, time)? / turns as f64;
    }
    let target = CALLS.relative_to(BARE_THEN);
    Ok(vec![Figure {
        name: "8 MCP sessions in parallel",
        must: "≥ 25 k",
        aim: "≥ 45 k",
        ours: format!("{} k calls/s", digits(ours)),
        comparator: format!("bare {} k; empty rmcp {} k", digits(plain), digits(empty)),
        ratio: format!(
            "{}× ({}); {}× the empty rmcp, itself {}",
            digits(ours / plain),
            target.text(),
            digits(ours / empty),
            target.judge(empty / plain)
        ),
        verdict: target.judge(ours / plain),
    }])
}

/// Thousands of calls a second.
fn calls(server: &Server, time: Duration) -> Result<f64> {
    let mut sessions = (0..SESSIONS)
        .map(|_| Mcp::open(server))
        .collect::<Result<Vec<_>>>()?;
    let start = Instant::now();
    let counts = thread::scope(|scope| {
        let threads: Vec<_> = sessions
            .iter_mut()
            .map(|mcp| {
                scope.spawn(move || {
                    let request = mcp.prepare("paige_get_open_files", &json!({}));
                    let mut count = 0_u32;
                    while start.elapsed() < time {
                        mcp.send(&request)?;
                        count += 1;
                    }
                    anyhow::Ok(count)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect::<Result<Vec<_>>>()
    })?;
    Ok(f64::from(counts.iter().sum::<u32>()) / start.elapsed().as_secs_f64() / 1e3)
}
