use std::{thread::sleep, time::Duration};

use anyhow::Result;

use super::{Row, Work};
use crate::{
    figure::{Figure, Target},
    mcp::Mcp,
    scene::{Scene, mib},
};

pub(super) const ROW: Row = Row {
    name: "idle",
    about: "memory of an idle sidecar",
    measure,
};

const BYTES: Target = Target::most(20.0 * 1_048_576.0, 12.0 * 1_048_576.0);

fn measure(scene: &Scene) -> Result<Vec<Figure>> {
    let house = scene.house()?;
    let calm = || sleep(Duration::from_secs(5));
    let (alone, bare) = {
        let (ours, bare) = (house.sidecar()?, house.bare("plain")?);
        calm();
        (ours.resident()?, bare.resident()?)
    };
    let work = Work::start(&house)?;
    let _claude = Mcp::open(&work.server)?;
    calm();
    let at_work = work.server.resident()?;
    Ok(vec![Figure {
        name: "idle memory",
        must: "≤ 20 MiB",
        aim: "≤ 12 MiB",
        ours: format!(
            "{} ({} with a window, an MCP client and a session)",
            mib(alone),
            mib(at_work)
        ),
        comparator: format!("bare {}", mib(bare)),
        ratio: format!("{:.1}×", alone / bare),
        verdict: BYTES.judge(alone),
    }])
}
