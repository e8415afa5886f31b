use std::time::Instant;

use anyhow::Result;
use serde_json::json;

use super::{Row, Work};
use crate::{
    disk::Rows,
    figure::{Figure, Target, worst},
    mcp::Mcp,
    samples::{digits, in_turns},
    scene::Scene,
    ws::{Ws, is_of},
};

pub(super) const ROW: Row = Row {
    name: "push",
    about: "a message of Claude's at the last of 50 clients",
    measure,
};

/// Times what the bare push takes, the durable commit taken off.
const TIMES: Target = Target::most(1.5, 1.1);

const CLIENTS: usize = 50;

fn measure(scene: &Scene) -> Result<Vec<Figure>> {
    let house = scene.house()?;
    let server = house.bare("plain")?;
    let work = Work::start(&house)?;
    let mut claude = Mcp::open(&work.server)?;
    let mut ours = open(CLIENTS, || Ws::open(&work.server))?;
    let mut plain = open(CLIENTS, || Ws::connect(&server))?;
    let mut at_bare = Mcp::open(&server)?;
    let mut rows = Rows::create(&house.data)?;

    let message = json!({"message": "Look at the first line.", "type": "hint"});
    let say = claude.prepare("paige_show_message", &message);
    let push = at_bare.prepare("push", &message);
    let [ours, bare, commit] = in_turns(
        scene.times(100),
        5,
        [
            &mut || told(&mut claude, &say, &mut ours),
            &mut || told(&mut at_bare, &push, &mut plain),
            &mut || rows.commit(1),
        ],
    )?;
    let pairs = [
        (ours.p50(), bare.p50(), commit.p50()),
        (ours.p99(), bare.p99(), commit.p99()),
    ];
    let ratios = pairs.map(|(ours, bare, commit)| (ours - commit) / bare);
    Ok(vec![Figure {
        name: "push to 50 clients, last one (durable before it leaves)",
        must: "≤ 1.5× bare + one durable commit of the same run",
        aim: "≤ 1.1× + the commit",
        ours: ours.text(),
        comparator: format!("bare {}; one durable commit {}", bare.text(), commit.text()),
        ratio: format!(
            "{}× / {}× bare and commit",
            digits(pairs[0].0 / (pairs[0].1 + pairs[0].2)),
            digits(pairs[1].0 / (pairs[1].1 + pairs[1].2))
        ),
        verdict: worst(ratios.map(|ratio| TIMES.judge(ratio))),
    }])
}

fn open(count: usize, open: impl Fn() -> Result<Ws>) -> Result<Vec<Ws>> {
    (0..count).map(|_| open()).collect()
}

/// From the call to its arrival at the last client. The clients are read one after the other; the
/// last is there when all have been read.
fn told(mcp: &mut Mcp, call: &[u8], clients: &mut [Ws]) -> Result<std::time::Duration> {
    let start = Instant::now();
    mcp.begin(call)?;
    for client in clients {
        client.until(|text| is_of(text, "coaching:message"))?;
    }
    let time = start.elapsed();
    mcp.finish()?;
    Ok(time)
}
