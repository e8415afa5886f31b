use std::fs;

use anyhow::Result;
use serde_json::json;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{Row, Work, edit};
use crate::{
    figure::{Figure, Target},
    scene::{Scene, mib, text},
    ws::Ws,
};

pub(super) const ROW: Row = Row {
    name: "deaf",
    about: "memory while 1 GiB is pushed to a client that never reads",
    measure,
};

/// Messages of 256 KiB, each of another file than the one before, so that they do not replace each
/// other in the queue.
const MESSAGE: usize = 256 << 10;
const FILES: usize = 64;
const TOTAL: usize = 1 << 30;
/// Runs without and with such a client.
const PAIRS: usize = 7;
/// A client whose socket the server has closed would no longer be pushed to: another one comes after
/// so many messages, which are more than a queue may hold.
const EACH: usize = 40;

/// What may wait for one client: the built-in limit of the server.
const BOUND: usize = 8 << 20;
/// One message as JSON, with the eighth that the server keeps ready for escapes.
const FRAME: usize = MESSAGE + MESSAGE / 8;
/// Where a message is beside the queue, which counts none of them.
const COPIES: [&str; 4] = [
    "the text, taken from its buffer",
    "the frame made of it, before it waits",
    "the frame with the writer, while the socket takes no more",
    "the frame before it, in the buffer of the socket",
];
/// The aim is the bound itself; the must allows for the message in flight.
const BYTES: Target = Target::most((BOUND + COPIES.len() * FRAME) as f64, BOUND as f64);

fn measure(scene: &Scene) -> Result<Vec<Figure>> {
    let house = scene.house()?;
    for file in 0..FILES {
        fs::write(house.project.join(path(file)), text(100))?;
    }
    let mut work = Work::start(&house)?;
    let updates: Vec<[Utf8Bytes; 2]> = (0..FILES)
        .map(|file| {
            [MESSAGE, MESSAGE + 1].map(|bytes| {
                let payload = edit(&path(file), &text(bytes));
                let text = json!({"type": "buffer:update", "payload": payload});
                Utf8Bytes::from(text.to_string())
            })
        })
        .collect();
    let total = scene.times(TOTAL / MESSAGE);
    let mut flood = |count: usize, before_each: &mut dyn FnMut(usize) -> Result<()>| {
        for number in 0..count {
            before_each(number)?;
            let update = &updates[number % FILES][number / FILES % 2];
            work.ws.send(update.clone())?;
        }
        work.ws.ask("file:open", &json!({"path": "src/file1.rs"}))?;
        anyhow::Ok(())
    };

    // What the texts themselves and their handling take is there before it counts.
    flood(total, &mut |_| Ok(()))?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..scene.times(PAIRS) {
        work.server.forget_peak()?;
        flood(total, &mut |_| Ok(()))?;
        without.push(work.server.peak()?);

        let mut deaf = None;
        work.server.forget_peak()?;
        flood(total, &mut |number| {
            if number % EACH == 0 {
                // The one before is gone before the next one comes.
                drop(deaf.take());
                deaf = Some(Ws::open(&work.server)?);
            }
            Ok(())
        })?;
        with.push(work.server.peak()?);
    }
    let (without, with) = (median(without), median(with));
    let grown = with - without;
    Ok(vec![Figure {
        name: "a client that never reads, 1 GiB pushed",
        must: "≤ its queue's bound",
        aim: "the same",
        ours: format!(
            "+{} (peak {} without it, {} with it)",
            mib(grown.max(0.0)),
            mib(without),
            mib(with)
        ),
        comparator: format!(
            "the bound is {}; with a message in flight, {} copies of it, {}",
            mib(BOUND as f64),
            COPIES.len(),
            mib((BOUND + COPIES.len() * FRAME) as f64)
        ),
        ratio: "–".to_owned(),
        verdict: BYTES.judge(grown),
    }])
}

/// The peak of one run depends on where the allocator happened to find room.
fn median(mut peaks: Vec<f64>) -> f64 {
    peaks.sort_by(f64::total_cmp);
    peaks[peaks.len() / 2]
}

fn path(file: usize) -> String {
    format!("src/edited{file}.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_the_one_that_ships() {
        let built_in = paige_server::Config::default().max_queue_bytes;
        assert_eq!(built_in, BOUND);
    }
}
