//! [`Caller`]: Claude, who calls tools as fast as it can until the sidecar is killed, and comes back to the
//! next one.

use std::sync::atomic::Ordering;

use anyhow::{Context as _, Error, Result, bail, ensure};
use futures_util::future::join_all;
use paige_tests::Claude;
use paige_tests::mcp::Era;
use rmcp::ServiceError;
use rmcp::service::ClientInitializeError;
use serde_json::{Value, json};

use super::clients::{Received, Signals};

/// The file whose lines are highlighted. Nobody changes it, so that they stay where they are.
pub(super) const LIT: &str = "lit.txt";
/// It has so many lines.
pub(super) const LIT_LINES: usize = 50;

/// How many calls are on their way at once.
const WINDOW: usize = 4;

/// An MCP client over all kills.
#[derive(Default)]
pub(super) struct Caller {
    /// Calls over all rounds, so that each says something else.
    calls: usize,
    received: Received,
}

/// A call, and what is pushed to all when it is carried out.
struct Call {
    tool: &'static str,
    args: Value,
    push: Value,
}

impl Caller {
    /// What was received since the last time.
    pub(super) fn take_received(&mut self) -> Received {
        std::mem::take(&mut self.received)
    }

    /// Works until the sidecar is killed. An error is what has nothing to do with the kill.
    pub(super) async fn flood(&mut self, signals: &Signals) -> Result<()> {
        match self.live(signals).await {
            Err(error) if signals.killed.load(Ordering::Relaxed) != 0 && is_cut(&error) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => bail!("it stopped working"),
        }
    }

    async fn live(&mut self, signals: &Signals) -> Result<()> {
        // In the other era a client waits for the next sidecar to go on with the stream of answers; here
        // a cut ends a call.
        let era = Era::Stateless;
        let claude = Claude::connect_at(signals.port, &signals.mcp_token, era).await?;
        loop {
            let calls: Vec<Call> = (0..WINDOW).map(|_| self.next()).collect();
            let results = join_all(
                calls
                    .iter()
                    .map(|call| claude.call_raw(call.tool, call.args.clone())),
            )
            .await;
            // What was answered before the kill still counts.
            let mut cut = None;
            for (call, result) in calls.into_iter().zip(results) {
                match result {
                    Err(error) => cut = Some(error),
                    Ok(result) if result.is_error == Some(true) => {
                        let refused = result.structured_content.context("structured content")?;
                        // Sessions start and end all the time.
                        ensure!(refused["code"] == "NO_ACTIVE_SESSION", "{refused}");
                        self.received.refused.push(call.push);
                    }
                    Ok(_) => {
                        signals.answers.fetch_add(1, Ordering::Relaxed);
                        self.received.answers.push(call.push);
                    }
                }
            }
            if let Some(error) = cut {
                return Err(error);
            }
        }
    }

    fn next(&mut self) -> Call {
        self.calls += 1;
        let text = format!("Call {} of the flood", self.calls);
        if self.calls.is_multiple_of(2) {
            Call {
                tool: "paige_show_message",
                args: json!({"message": text, "type": "hint", "rung": 1}),
                push: json!({"type": "coaching:message", "payload": {
                    "message": text, "type": "hint", "source": "coaching", "rung": 1,
                }}),
            }
        } else {
            let start = 1 + self.calls % LIT_LINES;
            let end = LIT_LINES.min(start + 2);
            let range = json!({"start": start, "end": end, "style": "info", "hover_text": text});
            let pushed = json!({
                "start": start, "end": end, "style": "info", "hoverText": text, "rung": 2,
            });
            Call {
                tool: "paige_highlight_lines",
                args: json!({"path": LIT, "ranges": [range]}),
                push: json!({"type": "editor:highlight_lines", "payload": {
                    "path": LIT, "ranges": [pushed],
                }}),
            }
        }
    }
}

/// Whether an error is the end of the connection and nothing else.
fn is_cut(error: &Error) -> bool {
    error.chain().any(|cause| {
        let call = cause.downcast_ref();
        let start = cause.downcast_ref();
        matches!(
            call,
            Some(ServiceError::TransportSend(_) | ServiceError::TransportClosed)
        ) || matches!(
            start,
            Some(
                ClientInitializeError::ConnectionClosed(_)
                    | ClientInitializeError::TransportError { .. }
            )
        )
    })
}
