//! The rows of the table, in its order. A row measures one or more figures on servers of its own.

mod abandoned;
mod actions;
mod buffer;
mod dashboard;
mod deaf;
mod diff;
mod hanging;
mod history;
mod hook;
mod idle;
mod mcp;
mod observer;
mod open;
mod parallel;
mod push;
mod save;
mod start;
mod tree;
mod watch;

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    figure::Figure,
    process::Server,
    scene::{House, Scene},
    ws::Ws,
};

/// A row of the table.
pub(crate) struct Row {
    /// How it is asked for.
    pub(crate) name: &'static str,
    /// What it measures.
    pub(crate) about: &'static str,
    /// Measures it.
    pub(crate) measure: fn(&Scene) -> Result<Vec<Figure>>,
}

/// All of them.
pub(crate) const ROWS: [Row; 19] = [
    start::ROW,
    idle::ROW,
    mcp::ROW,
    parallel::ROW,
    open::ROW,
    buffer::ROW,
    save::ROW,
    push::ROW,
    tree::ROW,
    watch::ROW,
    diff::ROW,
    hanging::ROW,
    actions::ROW,
    history::ROW,
    dashboard::ROW,
    abandoned::ROW,
    deaf::ROW,
    observer::ROW,
    hook::ROW,
];

/// A sidecar with a coaching session and a window, as at work.
struct Work {
    server: Server,
    ws: Ws,
}

impl Work {
    fn start(house: &House) -> Result<Self> {
        let server = house.sidecar()?;
        let mut ws = Ws::open(&server)?;
        ws.ask("session:start", &json!({}))?;
        Ok(Self { server, ws })
    }
}

/// An edit as an editor sends it.
fn edit(path: &str, content: &str) -> Value {
    json!({"path": path, "content": content, "cursorPosition": {"line": 1, "column": 1}})
}
