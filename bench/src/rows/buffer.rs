use std::time::Instant;

use anyhow::Result;
use serde_json::json;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{Row, Work, edit};
use crate::{
    figure::{Figure, Target},
    samples::digits,
    scene::{Scene, text},
    ws::Ws,
};

pub(super) const ROW: Row = Row {
    name: "buffer",
    about: "buffer:update of 50 KB, messages a second",
    measure,
};

/// Thousands of messages a second, and what the bare server reached when the targets were set.
const MESSAGES: Target = Target::least(12.0, 18.0);
const BARE_THEN: f64 = 24.0;

fn measure(scene: &Scene) -> Result<Vec<Figure>> {
    let house = scene.house()?;
    let server = house.bare("plain")?;
    let mut bare = Ws::connect(&server)?;
    let mut work = Work::start(&house)?;
    work.ws.ask("file:open", &json!({"path": PATH}))?;
    // Two texts in turn: one that stays the same would not be an edit.
    let updates = [text(50 << 10), text((50 << 10) + 1)].map(|content| {
        let text = json!({"type": "buffer:update", "payload": edit(PATH, &content)});
        Utf8Bytes::from(text.to_string())
    });
    let (mut ours, mut plain) = (0.0, 0.0);
    let turns = scene.times(10);
    for turn in 0..=turns {
        let (own, other) = (flood(&mut work.ws, &updates)?, flood(&mut bare, &updates)?);
        if turn > 0 {
            ours += own / turns as f64;
            plain += other / turns as f64;
        }
    }
    let target = MESSAGES.relative_to(BARE_THEN);
    Ok(vec![Figure {
        name: "`buffer:update` 50 KB",
        must: "≥ 12 k",
        aim: "≥ 18 k",
        ours: format!("{} k msg/s", digits(ours)),
        comparator: format!("bare {} k", digits(plain)),
        ratio: format!("{}× ({})", digits(ours / plain), target.text()),
        verdict: target.judge(ours / plain),
    }])
}

const PATH: &str = "src/file0.rs";
/// So many messages are on their way before the end is waited for.
const MANY: usize = 4000;

/// Thousands of messages a second, counted when the server has handled the last: messages of one
/// client are handled in order, so that the answer to another one behind them says so.
fn flood(ws: &mut Ws, updates: &[Utf8Bytes; 2]) -> Result<f64> {
    let start = Instant::now();
    for number in 0..MANY {
        ws.send(updates[number % 2].clone())?;
    }
    ws.ask("file:open", &json!({"path": "src/file1.rs"}))?;
    Ok(MANY as f64 / start.elapsed().as_secs_f64() / 1e3)
}
