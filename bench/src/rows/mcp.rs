use anyhow::Result;
use serde_json::json;

use super::{Row, Work, edit};
use crate::{
    figure::{CallTarget, Figure, Target},
    http::Http,
    mcp::Mcp,
    samples::{Samples, in_turns},
    scene::{Scene, text},
};

pub(super) const ROW: Row = Row {
    name: "mcp",
    about: "initialize, paige_get_open_files, paige_get_session_state",
    measure,
};

const INITIALIZE: CallTarget = CallTarget {
    p50: (Target::most(300.0, 100.0), 26.0),
    p99: None,
};
const OPEN_FILES: CallTarget = CallTarget {
    p50: (Target::most(60.0, 28.0), 14.0),
    p99: Some((Target::most(150.0, 45.0), 21.0)),
};
const SESSION_STATE: CallTarget = CallTarget {
    p50: (Target::most(100.0, 40.0), 13.0),
    p99: Some((Target::most(250.0, 80.0), 19.0)),
};

/// What is open in the editor.
const FILES: [&str; 3] = ["src/file0.rs", "src/file1.rs", "src/file2.rs"];

fn measure(scene: &Scene) -> Result<Vec<Figure>> {
    let house = scene.house()?;
    let (bare, rmcp) = (house.bare("plain")?, house.bare("rmcp")?);
    let mut work = Work::start(&house)?;
    for path in FILES {
        work.ws.ask("file:open", &json!({"path": path}))?;
    }
    let figure = |name, must, aim, target: &CallTarget, [ours, bare, rmcp]: [Samples; 3]| {
        let (ratio, verdict) = target.judge(&ours, &bare, Some(&rmcp));
        Figure {
            name,
            must,
            aim,
            ours: ours.text(),
            comparator: format!("bare {}; empty rmcp {}", bare.text(), rmcp.text()),
            ratio,
            verdict,
        }
    };

    let mut lines = [
        Http::connect(work.server.port)?,
        Http::connect(bare.port)?,
        Http::connect(rmcp.port)?,
    ];
    let [line_ours, line_bare, line_rmcp] = &mut lines;
    let initialize = in_turns(
        scene.times(50),
        20,
        [
            &mut || Mcp::initialize_alone(&work.server, line_ours),
            &mut || Mcp::initialize_alone(&bare, line_bare),
            &mut || Mcp::initialize_alone(&rmcp, line_rmcp),
        ],
    )?;
    let mut claude = Mcp::open(&work.server)?;
    let (mut at_bare, mut at_rmcp) = (Mcp::open(&bare)?, Mcp::open(&rmcp)?);
    let mut call = |tool| {
        let arguments = json!({});
        let (ours, empty) = (
            claude.prepare(tool, &arguments),
            at_rmcp.prepare(tool, &arguments),
        );
        let plain = at_bare.prepare(tool, &arguments);
        in_turns(
            scene.times(50),
            200,
            [
                &mut || claude.send(&ours),
                &mut || at_bare.send(&plain),
                &mut || at_rmcp.send(&empty),
            ],
        )
    };
    let open_files = call("paige_get_open_files")?;
    let state = call("paige_get_session_state")?;
    work.ws
        .tell("buffer:update", &edit(FILES[0], &text(2100)))?;
    work.ws.ask("file:open", &json!({"path": FILES[1]}))?;
    let [unsaved, _, _] = call("paige_get_session_state")?;
    let mut state = figure(
        "`paige_get_session_state`",
        "≤ 100 / 250 µs",
        "≤ 40 / 80 µs",
        &SESSION_STATE,
        state,
    );
    state.ours += &format!("; with an unsaved file and its diff {}", unsaved.text());
    Ok(vec![
        figure(
            "MCP `initialize`",
            "≤ 300 µs",
            "≤ 100 µs",
            &INITIALIZE,
            initialize,
        ),
        figure(
            "`paige_get_open_files` call",
            "≤ 60 / 150 µs",
            "≤ 28 / 45 µs",
            &OPEN_FILES,
            open_files,
        ),
        state,
    ])
}
