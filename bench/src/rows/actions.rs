use std::{
    sync::Arc,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::Result;
use paige_store::{Config, Entry, Store, StoreError};
use tempfile::TempDir;

use super::Row;
use crate::{
    disk::{ENTRY, Rows},
    figure::{Figure, Target},
    samples::digits,
    scene::Scene,
};

pub(super) const ROW: Row = Row {
    name: "actions",
    about: "timeline rows a second, acknowledged and durable",
    measure,
};

/// Thousands of rows a second, and what the bare database reached in batches when they were set.
const ROWS: Target = Target::least(25.0, 100.0);
const BATCHES_THEN: f64 = 350.0;

/// Callers who wait for their row at the same time.
const CALLERS: usize = 256;
/// Rows in a transaction of the comparator.
const BATCH: usize = 100;

fn measure(scene: &Scene) -> Result<Vec<Figure>> {
    let folder = TempDir::new()?;
    let store = Store::open(
        &folder.path().join("paige.db"),
        &folder.path().to_string_lossy(),
        Config::default(),
    )?;
    let mut rows = Rows::create(folder.path())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let time = Duration::from_millis(500);
    let turns = scene.times(8);
    let (mut flood, mut alone, mut batches, mut single) = (0.0, 0.0, 0.0, 0.0);
    for turn in 0..=turns {
        let measured = [
            runtime.block_on(rows_of(&store, CALLERS, time))?,
            runtime.block_on(rows_of(&store, 1, time))?,
            bare(&mut rows, BATCH, time)?,
            bare(&mut rows, 1, time)?,
        ];
        if turn > 0 {
            for (sum, thousands) in [&mut flood, &mut alone, &mut batches, &mut single]
                .into_iter()
                .zip(measured)
            {
                *sum += thousands / turns as f64;
            }
        }
    }
    store.close();
    let target = ROWS.relative_to(BATCHES_THEN);
    Ok(vec![Figure {
        name: "action rows per second, acknowledged and durable",
        must: "≥ 25 k",
        aim: "≥ 100 k under flood",
        ours: format!(
            "{} k by {CALLERS} callers; {} k alone",
            digits(flood),
            digits(alone)
        ),
        comparator: format!(
            "bare {} k in batches of {BATCH}; {} k alone",
            digits(batches),
            digits(single)
        ),
        ratio: format!(
            "{}× ({}); {}× alone",
            digits(flood / batches),
            target.text(),
            digits(alone / single)
        ),
        verdict: target.judge(flood / batches),
    }])
}

/// Thousands of rows a second by so many callers, each of whom waits for its row.
async fn rows_of(store: &Store, callers: usize, time: Duration) -> Result<f64> {
    let written = Arc::new(AtomicU32::new(0));
    let start = Instant::now();
    let callers: Vec<_> = (0..callers)
        .map(|_| {
            let (store, written) = (store.clone(), written.clone());
            tokio::spawn(async move {
                while start.elapsed() < time {
                    store
                        .commit(|unit| unit.log(None, Entry::new("file_open", ENTRY.to_owned())))
                        .await?;
                    written.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, StoreError>(())
            })
        })
        .collect();
    for caller in callers {
        caller.await??;
    }
    Ok(f64::from(written.load(Ordering::Relaxed)) / start.elapsed().as_secs_f64() / 1e3)
}

/// Thousands of rows a second without anything of ours.
fn bare(rows: &mut Rows, batch: usize, time: Duration) -> Result<f64> {
    let (start, mut written) = (Instant::now(), 0);
    while start.elapsed() < time {
        rows.commit(batch)?;
        written += batch;
    }
    Ok(written as f64 / start.elapsed().as_secs_f64() / 1e3)
}
