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

/// The queue's bound, what is in flight beside it (one message, and the library's buffer for it),
/// and the noise of an allocator.
const BYTES: Target = Target::most(16.0 * 1_048_576.0, 12.0 * 1_048_576.0);

/// Messages of 256 KiB, each of another file than the one before, so that they do not replace each
/// other in the queue.
const MESSAGE: usize = 256 << 10;
const FILES: usize = 64;
const TOTAL: usize = 1 << 30;
/// A client whose socket the server has closed would no longer be pushed to: another one comes after
/// so many messages, which are more than a queue may hold.
const EACH: usize = 40;

fn measure(scene: &Scene) -> Result<Vec<Figure>> {
    let house = scene.house()?;
    for file in 0..FILES {
        fs::write(house.project.join(path(file)), text(100))?;
    }
    let mut work = Work::start(&house)?;
    let mut reader = Ws::open(&work.server)?;
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
    let mut flood = |count: usize, open: &mut dyn FnMut(usize) -> Result<()>| {
        for number in 0..count {
            open(number)?;
            work.ws
                .send(updates[number % FILES][number / FILES % 2].clone())?;
        }
        work.ws.ask("file:open", &json!({"path": "src/file1.rs"}))?;
        anyhow::Ok(())
    };

    // All buffers are there, and a client that reads has had its share, before it counts.
    let reading =
        std::thread::spawn(move || while reader.read().is_ok_and(|text| text.is_some()) {});
    flood(2 * FILES, &mut |_| Ok(()))?;
    work.server.forget_peak()?;
    flood(total / 4, &mut |_| Ok(()))?;
    let before = work.server.peak()?;

    let mut deaf = Vec::new();
    work.server.forget_peak()?;
    flood(total, &mut |number| {
        if number % EACH == 0 {
            deaf.clear();
            deaf.push(Ws::open(&work.server)?);
        }
        Ok(())
    })?;
    let during = work.server.peak()?;
    drop(deaf);
    drop(work);
    let _ = reading.join();
    let grown = during - before;
    Ok(vec![Figure {
        name: "a client that never reads, 1 GiB pushed",
        must: "≤ its queue's bound",
        aim: "the same",
        ours: format!(
            "+{} at most ({} with one that reads, {} beside one that does not)",
            mib(grown.max(0.0)),
            mib(before),
            mib(during)
        ),
        comparator: "the bound is 8 MiB".to_owned(),
        ratio: "–".to_owned(),
        verdict: BYTES.judge(grown),
    }])
}

fn path(file: usize) -> String {
    format!("src/edited{file}.rs")
}
