//! `guard_table.tsv`, row by row.

use std::collections::BTreeMap;

use tokio::io::AsyncWriteExt;

use crate::client::{Reply, config, read, start, token};

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

struct Row<'a> {
    line: &'a str,
    method: &'a str,
    headers: String,
    expected: Vec<&'a str>,
}

/// The rows of the table, with the placeholders filled in.
fn rows(text: &str, port: u16) -> Vec<Row<'_>> {
    let fill = |text: &str| {
        text.replace("{port}", &port.to_string())
            .replace("{ui}", &token("ui"))
            .replace("{mcp}", &token("mcp"))
            .replace("{hook}", &token("hook"))
    };
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [method, host, origin, others, expected @ ..] = fields.as_slice() else {
                panic!("a row with too few columns: {line}");
            };
            let mut headers = String::new();
            for (name, values) in [("host: ", host), ("origin: ", origin), ("", others)] {
                for value in values.split(" | ").filter(|value| *value != "-") {
                    headers.push_str(&format!("{name}{}\r\n", fill(value)));
                }
            }
            Row {
                line,
                method,
                headers,
                expected: expected.to_vec(),
            }
        })
        .collect()
}

#[tokio::test]
async fn every_row_of_the_table_holds_on_every_route() {
    let server = start(config()).await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guard_table.tsv");
    let text = std::fs::read_to_string(path).expect("the table");
    let mut combinations: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in rows(&text, server.port) {
        assert_eq!(row.expected.len(), ROUTES.len(), "{}", row.line);
        for (route, expected) in ROUTES.into_iter().zip(row.expected) {
            let mut request = format!("{} {route} HTTP/1.1\r\n{}", row.method, row.headers);
            match (row.method, route) {
                ("GET", "/ws") => request.push_str(UPGRADE),
                ("POST", _) => {
                    request.push_str("content-type: application/json\r\ncontent-length: 2\r\n")
                }
                _ => {}
            }
            request.push_str("\r\n");
            if row.method == "POST" {
                request.push_str("{}");
            }
            let mut stream = server.connect().await;
            stream
                .write_all(request.as_bytes())
                .await
                .expect("the server reads");
            let reply = read(&mut stream).await.expect("an answer");
            if !fits(&reply, expected) {
                wrong.push(format!(
                    "{route}: {} instead of {expected}: {}",
                    reply.status, row.line
                ));
            }
            check_the_rest(&reply, row.line);
            *combinations.entry(route).or_default() += 1;
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    for route in ROUTES {
        assert!(
            combinations[route] >= 30,
            "too few combinations for {route}"
        );
    }
}

fn fits(reply: &Reply, expected: &str) -> bool {
    match expected {
        "pass" => !matches!(reply.status, 401 | 403 | 408 | 413 | 429 | 500..),
        status => status.parse() == Ok(reply.status),
    }
}

/// What holds for every answer, whatever its status.
fn check_the_rest(reply: &Reply, line: &str) {
    let allowed = reply.header("access-control-allow-origin");
    assert_ne!(allowed.as_deref(), Some("*"), "a CORS wildcard: {line}");
    if reply.status == 403 && !line.contains("tauri") {
        assert_eq!(allowed, None, "a refused page may not read: {line}");
    }
    if matches!(reply.status, 401 | 403 | 404) {
        let code = reply.code();
        let expected = match reply.status {
            401 => "UNAUTHORIZED",
            403 => "FORBIDDEN",
            _ => "NOT_FOUND",
        };
        assert_eq!(code, expected, "{line}");
    }
    if reply.status == 401 {
        assert_eq!(
            reply.header("www-authenticate").as_deref(),
            Some("Bearer"),
            "{line}"
        );
    }
    for scope in ["ui", "mcp", "hook"] {
        let shown = format!("{reply:?}");
        assert!(
            !shown.contains(&token(scope)),
            "a token in an answer: {line}"
        );
    }
}
