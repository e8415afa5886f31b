//! What the log tells of a request, and what it must not.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_subscriber::filter::LevelFilter;

use crate::client::{config, start, token};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic while logging").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The runtime of the test has one thread, so that everything is logged into `log`.
#[tokio::test]
async fn no_token_is_logged_at_any_level() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _until_the_end = tracing::subscriber::set_default(subscriber);

    let server = start(config()).await;
    for scope in ["ui", "mcp", "hook"] {
        let token = token(scope);
        let bearer = format!("authorization: Bearer {token}");
        let nearly = format!("authorization: Bearer {token}x");
        let protocol = format!("sec-websocket-protocol: paige.v1, bearer.{token}");
        for path in ["/ws", "/mcp", "/hook/Stop", "/timeline", "/nowhere"] {
            let query = format!("{path}?token={token}");
            for (path, lines) in [
                (path, vec![bearer.as_str()]),
                (path, vec![nearly.as_str()]),
                (path, vec![protocol.as_str()]),
                (path, vec![bearer.as_str(), "origin: https://evil.example"]),
                (query.as_str(), vec![]),
            ] {
                server
                    .send(&server.request("POST", path, &lines, "{}"))
                    .await;
            }
        }
    }
    let text =
        String::from_utf8(log.0.lock().expect("no panic while logging").clone()).expect("UTF-8");
    // The log is on: refusals are in it, with method, path and status.
    assert!(
        text.contains(r#"method=POST path="/nowhere" status=401"#),
        "{text}"
    );
    for scope in ["ui", "mcp", "hook"] {
        assert!(!text.contains(&token(scope)), "{text}");
    }
}
