//! The guard's own table, run against the built binary: its rows are data of the server's tests, but
//! the doors behind the guard are the real ones here.

use anyhow::{Context as _, Result};
use paige_tests::http::{Answer, exchange};
use paige_tests::{Project, Sidecar};

const TABLE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../crates/server/tests/guard_table.tsv"
));
const ROUTES: [&str; 7] = [
    "/health",
    "/ws",
    "/mcp",
    "/hook/x",
    "/timeline",
    "/replay",
    "/nowhere",
];
const UPGRADE: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[test]
fn every_row_of_the_guards_table_holds_on_the_built_binary() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let port = sidecar.ready.port;
    let [ui, mcp, hook] = &sidecar.tokens;
    let fill = |text: &str| {
        text.replace("{port}", &port.to_string())
            .replace("{ui}", ui)
            .replace("{mcp}", mcp)
            .replace("{hook}", hook)
    };
    let mut wrong = Vec::new();
    let mut combinations = 0;
    for line in TABLE
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let fields: Vec<&str> = line.split('\t').collect();
        let [method, host, origin, others, expected @ ..] = fields.as_slice() else {
            anyhow::bail!("a row with too few columns: {line}");
        };
        assert_eq!(expected.len(), ROUTES.len(), "{line}");
        let mut headers = String::new();
        for (name, values) in [("host: ", host), ("origin: ", origin), ("", others)] {
            for value in values.split(" | ").filter(|value| *value != "-") {
                headers.push_str(&format!("{name}{}\r\n", fill(value)));
            }
        }
        for (route, expected) in ROUTES.into_iter().zip(expected) {
            let mut request = format!("{method} {route} HTTP/1.1\r\n{headers}");
            let body = match (*method, route) {
                ("GET", "/ws") => {
                    request.push_str(UPGRADE);
                    ""
                }
                ("POST", _) => {
                    request.push_str("content-type: application/json\r\ncontent-length: 2\r\n");
                    "{}"
                }
                _ => "",
            };
            let request = format!("{request}\r\n{body}");
            let answer = exchange(port, request.as_bytes())
                .with_context(|| format!("{method} {route}: {line}"))?;
            let fits = match *expected {
                // What the door behind says is the door's own matter; one that is not built yet is
                // not there.
                "pass" => !matches!(answer.status, 401 | 403 | 408 | 413 | 429 | 500..),
                status => status.parse() == Ok(answer.status),
            };
            if !fits {
                wrong.push(format!(
                    "{route}: {} instead of {expected}: {line}",
                    answer.status
                ));
            }
            check_the_rest(&answer, &sidecar.tokens, line);
            combinations += 1;
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {combinations} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(combinations >= 30 * ROUTES.len(), "{combinations}");
    Ok(())
}

/// What holds for every answer, whatever its status.
fn check_the_rest(answer: &Answer, tokens: &[String; 3], line: &str) {
    let allowed = answer.header("access-control-allow-origin");
    assert_ne!(allowed, Some("*"), "a CORS wildcard: {line}");
    if answer.status == 403 && !line.contains("tauri") {
        assert_eq!(allowed, None, "a refused page may not read: {line}");
    }
    if answer.status == 401 {
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{line}");
    }
    let shown = format!("{answer:?}");
    for token in tokens {
        assert!(
            !shown.contains(token.as_str()),
            "a token in an answer: {line}"
        );
    }
}
