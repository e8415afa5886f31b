//! The comparators that serve: the least that can be done, each in a process of its own.

mod mcp;
mod plain;

use std::{io::Write as _, path::PathBuf};

use anyhow::{Result, bail};

/// What the bare servers let in, those that ask at all.
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Serves until it is killed.
pub(crate) fn serve(kind: &str, project: PathBuf) -> Result<()> {
    // As many threads as the sidecar has.
    let threads = std::thread::available_parallelism()
        .map_or(2, usize::from)
        .clamp(2, 4);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()?;
    match kind {
        "plain" => runtime.block_on(plain::serve(project)),
        "rmcp" => runtime.block_on(mcp::serve()),
        _ => bail!("there is no bare server `{kind}`"),
    }
}

/// Tells the parent where it listens.
fn announce(port: u16) -> Result<()> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{{\"port\":{port}}}")?;
    Ok(stdout.flush()?)
}
