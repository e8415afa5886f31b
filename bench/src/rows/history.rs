use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use paige_store::{Config, Entry, Store, StoreError};
use serde_json::{Value, json};

use super::Row;
use crate::{
    disk::ENTRY,
    figure::{Figure, Target, worst},
    http::Http,
    mcp::Mcp,
    process::Server,
    samples::Samples,
    scene::{House, Scene},
    ws::Ws,
};

pub(super) const ROW: Row = Row {
    name: "history",
    about: "what is asked of a timeline of a million entries",
    measure,
};

/// Milliseconds at the 99th percentile.
const MILLIS: Target = Target::most(20.0, 5.0);

const SESSIONS: u32 = 20;
/// Of each session; together with those of no session a million.
const ENTRIES: u32 = 48_000;
const BESIDE: u32 = 2_000;
/// As many entries are written in one unit.
const BATCH: u32 = 4_000;
/// Every so manieth entry of a session is of the rare type.
const RARE: u32 = 1_000;

fn measure(scene: &Scene) -> Result<Vec<Figure>> {
    let house = scene.house()?;
    let (middle, last) = fill(&house)?;
    let server = house.sidecar()?;
    let mut claude = Mcp::open(&server)?;
    let state = claude.prepare("paige_get_session_state", &json!({}));
    let mut line = Http::connect(server.port)?;
    let asked = [
        ("recent", format!("session={last}&limit=100")),
        ("by type", format!("session={last}&type=review_passed")),
        ("period", format!("since={middle}&limit=1000")),
        (
            "period by type",
            format!("since={middle}&type=review_passed&limit=1000"),
        ),
    ];
    let mut figures = vec![("state", Samples::default())];
    for _ in 0..scene.times(300) {
        figures[0].1.push(claude.send(&state)?);
    }
    for (name, query) in asked {
        let request = get(&server, &query)?;
        let mut samples = Samples::default();
        for _ in 0..scene.times(300) {
            samples.push(page(&mut line, &request)?);
        }
        figures.push((name, samples));
    }
    let texts: Vec<String> = figures
        .iter()
        .map(|(name, samples)| format!("{name} {}", samples.text()))
        .collect();
    Ok(vec![Figure {
        name: "timeline of 1 M entries: state, recent, period",
        must: "p99 ≤ 20 ms each",
        aim: "–",
        ours: texts.join("; "),
        comparator: "–".to_owned(),
        ratio: "–".to_owned(),
        verdict: worst(
            figures
                .iter()
                .map(|(_, samples)| MILLIS.judge(samples.p99() / 1e3)),
        ),
    }])
}

/// Fills the timeline; says when its middle was, and which session is the last, which goes on.
fn fill(house: &House) -> Result<(String, u32)> {
    let server = house.sidecar()?;
    let mut ws = Ws::open(&server)?;
    let mut sessions = Vec::new();
    for number in 1..=SESSIONS {
        let (started, _) = ws.ask("session:start", &json!({}))?;
        let started: Value = serde_json::from_str(&started)?;
        let id = started["payload"]["sessionId"].as_u64();
        sessions.push(u32::try_from(id.context("a session has an id")?)?);
        if number < SESSIONS {
            ws.ask("session:end", &json!({}))?;
        }
    }
    server.stop()?;
    let store = Store::open(
        &house.data.join("paige.db"),
        &house.project_text()?,
        Config::default(),
    )?;
    let mut middle = String::new();
    for (at, session) in sessions.iter().enumerate() {
        if at == sessions.len() / 2 {
            middle = paige_store::now();
        }
        write(&store, Some(*session), ENTRIES)?;
        write(&store, None, BESIDE)?;
    }
    store.close();
    Ok((middle, *sessions.last().context("there are sessions")?))
}

fn write(store: &Store, session: Option<u32>, entries: u32) -> Result<()> {
    for batch in 0..entries.div_ceil(BATCH) {
        store.commit_blocking(move |unit| {
            for entry in 0..BATCH.min(entries - batch * BATCH) {
                let kind = match entry % RARE {
                    0 => "review_passed",
                    rest if rest % 3 == 0 => "file_save",
                    _ => "mcp_tool_call",
                };
                unit.log(session, Entry::new(kind, ENTRY.to_owned()))?;
            }
            Ok::<_, StoreError>(())
        })?;
    }
    Ok(())
}

fn get(server: &Server, query: &str) -> Result<Vec<u8>> {
    let token = server.token.as_deref().context("the sidecar has a token")?;
    Ok(format!(
        "GET /timeline?{query} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nauthorization: Bearer {token}\r\n\r\n",
        server.port
    )
    .into_bytes())
}

/// How long a page takes, which must hold something.
fn page(line: &mut Http, request: &[u8]) -> Result<Duration> {
    let start = Instant::now();
    let answer = line.call(request)?;
    let time = start.elapsed();
    ensure!(
        answer.status == 200,
        "a page was answered {}",
        answer.status
    );
    ensure!(answer.raw().len() > 1000, "a page is empty");
    Ok(time)
}
