use std::fs;

use anyhow::Result;
use serde_json::json;

use super::{Row, Work};
use crate::{
    figure::{Figure, Target, worst},
    samples::{digits, in_turns},
    scene::{Scene, text},
    ws::Ws,
};

pub(super) const ROW: Row = Row {
    name: "open",
    about: "file:open of 2 KB, 100 KB and 1 MB",
    measure,
};

/// File, bytes, rounds of 20, and how many times what the bare server takes.
const FILES: [(&str, usize, usize, Target); 3] = [
    ("src/small.rs", 2 << 10, 100, Target::most(4.0, 2.0)),
    ("src/middle.rs", 100 << 10, 50, Target::most(4.0, 1.3)),
    ("src/large.rs", 1 << 20, 15, Target::most(4.0, 1.3)),
];

fn measure(scene: &Scene) -> Result<Vec<Figure>> {
    let house = scene.house()?;
    for (path, bytes, ..) in FILES {
        fs::write(house.project.join(path), text(bytes))?;
    }
    let server = house.bare("plain")?;
    let mut bare = Ws::connect(&server)?;
    let mut work = Work::start(&house)?;
    let (mut ours, mut theirs, mut ratios, mut verdicts) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (path, _, rounds, target) in FILES {
        let payload = json!({"path": path});
        let [own, plain] = in_turns(
            scene.times(rounds),
            20,
            [
                &mut || Ok(work.ws.ask("file:open", &payload)?.1),
                &mut || Ok(bare.ask("file:open", &payload)?.1),
            ],
        )?;
        let ratio = own.p50() / plain.p50();
        ours.push(own.text());
        theirs.push(plain.text());
        ratios.push(format!("{}×", digits(ratio)));
        verdicts.push(target.judge(ratio));
    }
    Ok(vec![Figure {
        name: "`file:open` 2 KB / 100 KB / 1 MB",
        must: "≤ 4× bare",
        aim: "≤ 2× / 1.3× / 1.3× bare",
        ours: ours.join("; "),
        comparator: format!("bare {}", theirs.join("; ")),
        ratio: ratios.join(", "),
        verdict: worst(verdicts),
    }])
}
