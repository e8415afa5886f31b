use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use serde_json::json;

use super::Row;
use crate::{
    figure::{Figure, Target},
    mcp::Mcp,
    samples::{Samples, digits},
    scene::Scene,
    ws::Ws,
};

pub(super) const ROW: Row = Row {
    name: "hanging",
    about: "small calls while 50 calls of models hang",
    measure,
};

const CALLS: usize = 50;
/// Times the 99th percentile of an idle sidecar.
const OTHERS: Target = Target::most(2.0, 1.1);

/// An API that takes every connection and never answers.
struct Silent {
    port: u16,
    taken: Arc<Mutex<Vec<TcpStream>>>,
}

impl Silent {
    fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let taken: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let kept = taken.clone();
        // Ends with the process: it waits for connections for ever.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                kept.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(stream);
            }
        });
        Ok(Self { port, taken })
    }

    fn taken(&self) -> usize {
        self.taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}

fn measure(scene: &Scene) -> Result<Vec<Figure>> {
    let house = scene.house()?;
    let api = Silent::start()?;
    let server = house.thinking(&format!("http://127.0.0.1:{}", api.port))?;
    let mut ws = Ws::open(&server)?;
    ws.ask("session:start", &json!({}))?;
    let mut mcp = Mcp::open(&server)?;
    let call = mcp.prepare("paige_get_open_files", &json!({}));
    let mut calls = |time: Duration| {
        let (start, mut samples) = (Instant::now(), Samples::default());
        while start.elapsed() < time {
            samples.push(mcp.send(&call)?);
        }
        anyhow::Ok(samples)
    };
    let time = Duration::from_millis(250) * u32::try_from(scene.times(10))?;
    calls(time / 4)?;
    let idle = calls(time)?;

    let mut hanging = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let mut claude = Mcp::open(&server)?;
        let plan = json!({"plan_text": "Count together.", "issue_summary": "Too dear."});
        let plan = claude.prepare("paige_run_coaching_pipeline", &plan);
        claude.begin(&plan)?;
        hanging.push(claude);
    }
    let begun = Instant::now();
    while api.taken() == 0 {
        if begun.elapsed() > Duration::from_secs(10) {
            bail!("no call has reached the API");
        }
        thread::sleep(Duration::from_millis(1));
    }
    let busy = calls(time)?;
    let ratio = busy.p99() / idle.p99();
    Ok(vec![Figure {
        name: "MCP reads while 50 calls of models hang",
        must: "p99 ≤ 2× idle",
        aim: "unchanged",
        ours: busy.text(),
        comparator: format!("idle {}", idle.text()),
        ratio: format!("p99 {}× idle", digits(ratio)),
        verdict: OTHERS.judge(ratio),
    }])
}
