use std::{thread::sleep, time::Duration};

use anyhow::Result;

use super::{Row, Work};
use crate::{
    figure::{Figure, Verdict},
    http::Http,
    mcp::Mcp,
    scene::{Scene, mib},
};

pub(super) const ROW: Row = Row {
    name: "abandoned",
    about: "memory after 1000 abandoned MCP sessions",
    measure,
};

const SESSIONS: usize = 1000;
/// What a session may leave behind.
const AIM_BYTES: f64 = 10.0 * 1024.0;

fn measure(scene: &Scene) -> Result<Vec<Figure>> {
    let house = scene.house()?;
    let work = Work::start(&house)?;
    let mut http = Http::connect(work.server.port)?;
    let mut abandon = |count| {
        for _ in 0..count {
            Mcp::abandon(&work.server, &mut http)?;
        }
        sleep(Duration::from_secs(2));
        work.server.resident()
    };
    // The first fill what is kept at most.
    let start = work.server.resident()?;
    let first = abandon(SESSIONS)?;
    let second = abandon(SESSIONS)?;
    let (grown, later) = (first - start, second - first);
    let verdict = if grown <= AIM_BYTES * SESSIONS as f64 && later <= grown.max(1_048_576.0) / 2.0 {
        Verdict::AimMet
    } else if later <= grown.max(1_048_576.0) / 2.0 {
        Verdict::MustMet
    } else {
        Verdict::Missed
    };
    Ok(vec![Figure {
        name: "memory after 1000 abandoned MCP sessions",
        must: "bounded (idle end, cap)",
        aim: "+≤ 10 KiB each",
        ours: format!(
            "+{:.1} KiB each ({} → {}); {:+.1} KiB each of 1000 more",
            grown / 1024.0 / SESSIONS as f64,
            mib(start),
            mib(first),
            later / 1024.0 / SESSIONS as f64,
        ),
        comparator: "–".to_owned(),
        ratio: "–".to_owned(),
        verdict,
    }])
}
