//! Measures the store on this machine: `cargo run --release -p paige-store --example measure -- [FOLDER]`.
//!
//! Figures of shared machines move; compare only those of one run.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use paige_store::timeline::{self, Filter};
use paige_store::{Config, Entry, Store, StoreError};

const ROW: &str = r#"{"path":"src/components/editor.rs","charCount":1234}"#;
const SPELL: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() {
    if let Err(error) = measure().await {
        println!("{error}");
    }
}

async fn measure() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from)
        .join(format!("paige-measure-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("paige.db");
    let open = || Store::open(&path, "/project", Config::default());

    let started = Instant::now();
    let store = open()?;
    report("open, new file", started.elapsed());
    alone(&store, "commit of one row, alone", |_| Ok(())).await?;
    alone(
        &store,
        "commit of one row and a push of 200 bytes, alone",
        |unit| unit.push("a", "x".repeat(200), None).map(drop),
    )
    .await?;
    for committers in [8, 64, 512, 4096] {
        flood(&store, committers).await?;
    }
    let rows = store.read(|reader| timeline::count(reader, &Filter::default()))?;
    println!("{:56} {rows}", "rows on the timeline");
    reads(&store)?;

    let started = Instant::now();
    store.close();
    report("close", started.elapsed());
    let mut opened = Vec::new();
    for _ in 0..50 {
        let started = Instant::now();
        let store = open()?;
        opened.push(started.elapsed());
        store.close();
    }
    percentiles("open, existing file", opened);
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

async fn alone(
    store: &Store,
    what: &str,
    more: fn(&mut paige_store::Unit<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut took = Vec::new();
    for _ in 0..1000 {
        let started = Instant::now();
        store
            .commit(move |unit| {
                unit.log(None, Entry::new("file_save", ROW.to_owned()))?;
                more(unit)
            })
            .await?;
        took.push(started.elapsed());
    }
    percentiles(what, took);
    Ok(())
}

async fn flood(store: &Store, committers: usize) -> Result<(), StoreError> {
    let started = Instant::now();
    let tasks: Vec<_> = (0..committers)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut rows = 0_u32;
                while started.elapsed() < SPELL {
                    store
                        .commit(|unit| unit.log(None, Entry::new("file_save", ROW.to_owned())))
                        .await?;
                    rows += 1;
                }
                Ok::<_, StoreError>(rows)
            })
        })
        .collect();
    let mut rows = 0;
    for task in tasks {
        rows += task.await.map_err(|_| StoreError::Closed)??;
    }
    let a_second = f64::from(rows) / started.elapsed().as_secs_f64();
    println!(
        "{:56} {a_second:>9.0} rows/s",
        format!("acknowledged rows, {committers} committers")
    );
    Ok(())
}

fn reads(store: &Store) -> Result<(), StoreError> {
    let last = Filter {
        scope: Some(None),
        ..Filter::default()
    };
    let mut took = Vec::new();
    for _ in 0..10_000 {
        let started = Instant::now();
        let seen = store.read(paige_store::coach::sessions::active)?;
        took.push(started.elapsed());
        assert!(seen.is_none());
    }
    percentiles("read of the active session", took);
    let mut took = Vec::new();
    for _ in 0..2000 {
        let started = Instant::now();
        let seen = store.read(|reader| timeline::recent(reader, &last, 20))?;
        took.push(started.elapsed());
        assert_eq!(seen.len(), 20);
    }
    percentiles("read of the last 20 entries", took);
    Ok(())
}

fn percentiles(what: &str, mut took: Vec<Duration>) {
    took.sort();
    let at = |percent: usize| {
        took.get(took.len() * percent / 100)
            .copied()
            .unwrap_or_default()
    };
    println!("{what:56} p50 {:>10.1?}  p99 {:>10.1?}", at(50), at(99));
}

fn report(what: &str, took: Duration) {
    println!("{what:56} {took:>14.1?}");
}
