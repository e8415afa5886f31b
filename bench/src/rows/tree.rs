use std::{thread::sleep, time::Duration};

use anyhow::Result;
use serde_json::json;

use super::Row;
use crate::{
    figure::{Figure, Target, worst},
    samples::{Samples, in_turns},
    scene::{Scene, mib},
    ws::Ws,
};

pub(super) const ROW: Row = Row {
    name: "tree",
    about: "the tree of 100,000 files, and the memory it takes",
    measure,
};

const FIRST_MILLIS: Target = Target::most(250.0, 110.0);
const LATER_MILLIS: Target = Target::most(80.0, 20.0);
const BYTES: Target = Target::most(80.0 * 1_048_576.0, 40.0 * 1_048_576.0);

fn measure(scene: &Scene) -> Result<Vec<Figure>> {
    let house = scene.large_house()?;
    let ask = |ws: &mut Ws| Ok(ws.ask("fs:request_tree", &json!({}))?.1);

    let (mut first, mut bare_first) = (Samples::default(), Samples::default());
    for _ in 0..scene.times(10) {
        // The hello comes at once after the ready line, so that the first look at the disk counts.
        let server = house.sidecar()?;
        first.push(Ws::connect(&server)?.hello()?.1);
        server.stop()?;
        let server = house.bare("plain")?;
        bare_first.push(ask(&mut Ws::connect(&server)?)?);
    }

    let bare = house.bare("plain")?;
    let server = house.sidecar()?;
    let (mut plain, mut ws) = (Ws::connect(&bare)?, Ws::open(&server)?);
    // Watches are placed meanwhile.
    sleep(Duration::from_secs(3));
    let [later, bare_later] = in_turns(
        scene.times(20),
        1,
        [&mut || ask(&mut ws), &mut || ask(&mut plain)],
    )?;
    let peak = server.peak()?;
    drop(ws);
    sleep(Duration::from_secs(5));
    let idle = server.resident()?;

    Ok(vec![
        Figure {
            name: "tree of 100 k files, first / later",
            must: "≤ 250 / 80 ms",
            aim: "≤ 110 / 20 ms (kept up to date by the watcher)",
            ours: format!("first {}; later {}", first.text(), later.text()),
            comparator: format!(
                "bare scan, first {}; later {}",
                bare_first.text(),
                bare_later.text()
            ),
            ratio: format!(
                "{:.2}×; {:.2}×",
                first.p50() / bare_first.p50(),
                later.p50() / bare_later.p50()
            ),
            verdict: worst([
                FIRST_MILLIS.judge(first.p50() / 1e3),
                LATER_MILLIS.judge(later.p50() / 1e3),
            ]),
        },
        Figure {
            name: "memory with 100 k files watched",
            must: "≤ 80 MiB",
            aim: "≤ 40 MiB",
            ours: format!("{} (peak {} while it is sent)", mib(idle), mib(peak)),
            comparator: "–".to_owned(),
            ratio: "–".to_owned(),
            verdict: BYTES.judge(idle),
        },
    ])
}
