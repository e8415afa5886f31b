use anyhow::Result;
use paige_store::{Config, Entry, Store, StoreError};

use super::Row;
use crate::{
    disk::ENTRY,
    figure::{Figure, Target},
    mcp::Mcp,
    samples::in_turns,
    scene::Scene,
};

pub(super) const ROW: Row = Row {
    name: "start",
    about: "from the start of the process to its ready line",
    measure,
};

const MILLIS: Target = Target::most(25.0, 8.0);

/// Entries of the timeline that are there when it starts.
const ENTRIES: u32 = 10_000;

fn measure(scene: &Scene) -> Result<Vec<Figure>> {
    let house = scene.house()?;
    let server = house.sidecar()?;
    drop(Mcp::open(&server)?);
    server.stop()?;
    let store = Store::open(
        &house.data.join("paige.db"),
        &house.project_text()?,
        Config::default(),
    )?;
    store.commit_blocking(|unit| {
        for _ in 0..ENTRIES {
            unit.log(None, Entry::new("file_open", ENTRY.to_owned()))?;
        }
        Ok::<_, StoreError>(())
    })?;
    store.close();

    let mut ours = || {
        let server = house.sidecar()?;
        let time = server.start;
        server.stop()?;
        Ok(time)
    };
    let mut bare = || Ok(house.bare("plain")?.start);
    let [ours, bare] = in_turns(scene.times(40), 1, [&mut ours, &mut bare])?;
    Ok(vec![Figure {
        name: "start to ready (existing data)",
        must: "≤ 25 ms",
        aim: "≤ 8 ms",
        ours: ours.text(),
        comparator: format!("bare {}", bare.text()),
        ratio: format!("{:.1}×", ours.p50() / bare.p50()),
        verdict: MILLIS.judge(ours.p50() / 1e3),
    }])
}
