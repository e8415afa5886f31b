//! The live sidecar, asked by a hook: one request over loopback, within the time that the caller sets.

use std::io;
use std::time::Duration;

use paige_protocol::coach::hooks::{HookEvent, HookInput, HookOutput};

use crate::commands::loopback::request;
use crate::data_dir::DataDir;
use crate::rendezvous;

/// The longest answer, in bytes.
const LONGEST: u64 = 256 * 1024;

/// What the sidecar of a data directory answers. Each step may take `limit`; that all of it takes no longer is the
/// caller's matter.
///
/// # Errors
/// When there is none, or it does not answer with what a hook may say.
pub(super) fn ask(
    data: &DataDir,
    event: HookEvent,
    input: &HookInput,
    limit: Duration,
) -> io::Result<HookOutput> {
    let live = rendezvous::read(&data.rendezvous()).ok_or(io::ErrorKind::NotFound)?;
    let token = format!("Bearer {}", live.tokens.hook.expose());
    let headers = [
        ("Authorization", token.as_str()),
        ("Content-Type", "application/json"),
    ];
    let path = format!("/hook/{}", event.name());
    let body = serde_json::to_string(input)?;
    let answer = request(live.port, "POST", &path, &headers, &body, Some(limit))?;
    if answer.status != 200 {
        return Err(io::ErrorKind::Other.into());
    }
    Ok(serde_json::from_str(&answer.text(LONGEST)?)?)
}
