//! What holds beside the table: Claude's door, CORS, subprotocols, health, the stop.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use paige_server::guard::{Auth, Config};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::{HANG, Running, config, read, start, start_with, token};

fn authorization(scope: &str) -> String {
    format!("authorization: Bearer {}", token(scope))
}

#[tokio::test]
async fn a_good_mcp_token_is_never_refused_at_its_door() {
    let server = start(config()).await;
    let authorization = authorization("mcp");
    let bodies = [
        "",
        "{",
        "not json",
        r#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#,
        "[]",
        "\u{0}",
    ];
    let mut asked = 0;
    for method in [
        "GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND",
    ] {
        for path in ["/mcp", "/mcp/", "/mcp/x", "/mcp?token=x", "/mcp?a=%00"] {
            for (origin, body) in [None, Some("origin: tauri://localhost")]
                .into_iter()
                .flat_map(|origin| bodies.map(|body| (origin, body)))
            {
                let mut lines = vec![authorization.as_str(), "accept: application/json"];
                lines.extend(origin);
                let reply = server
                    .send(&server.request(method, path, &lines, body))
                    .await;
                assert_eq!(reply.status, 200, "{method} {path} {origin:?} {body:?}");
                assert_eq!(reply.header("x-scope").as_deref(), Some("Mcp"));
                asked += 1;
            }
        }
    }
    assert_eq!(asked, 8 * 5 * 14);
}

#[tokio::test]
async fn the_server_selects_the_protocol_and_never_the_token() {
    let server = start(config()).await;
    let check = async |lines: &[&str], selected: Option<&str>| {
        let mut all = vec![
            "connection: upgrade",
            "upgrade: websocket",
            "sec-websocket-version: 13",
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
        ];
        all.extend(lines);
        let reply = server.send(&server.request("GET", "/ws", &all, "")).await;
        assert_eq!(reply.status, 101, "{lines:?}");
        assert_eq!(
            reply.header("sec-websocket-protocol").as_deref(),
            selected,
            "{lines:?}"
        );
    };
    let bearer = format!("bearer.{}", token("ui"));
    check(
        &[&format!("sec-websocket-protocol: paige.v1, {bearer}")],
        Some("paige.v1"),
    )
    .await;
    check(
        &[&format!(
            "sec-websocket-protocol: {bearer}, other, paige.v1"
        )],
        Some("paige.v1"),
    )
    .await;
    check(&[&format!("sec-websocket-protocol: {bearer}")], None).await;
    check(&[&authorization("ui")], None).await;
    check(
        &[&authorization("ui"), "sec-websocket-protocol: paige.v1"],
        Some("paige.v1"),
    )
    .await;
}

#[tokio::test]
async fn an_allowed_page_may_read_every_answer_and_no_other_page_any() {
    let server = start(Config {
        allowed_origins: vec!["http://localhost:5173".to_owned()],
        ..config()
    })
    .await;
    let preflight = server
        .send(&server.request(
            "OPTIONS",
            "/mcp",
            &[
                "origin: http://localhost:5173",
                "access-control-request-method: POST",
                "access-control-request-headers: authorization, mcp-session-id",
            ],
            "",
        ))
        .await;
    assert_eq!(preflight.status, 204);
    let header = |name| preflight.header(name);
    assert_eq!(
        header("access-control-allow-origin").as_deref(),
        Some("http://localhost:5173")
    );
    assert_eq!(
        header("access-control-allow-methods").as_deref(),
        Some("GET, POST, DELETE, OPTIONS")
    );
    assert_eq!(
        header("access-control-allow-headers").as_deref(),
        Some(
            "authorization, content-type, mcp-session-id, mcp-protocol-version, mcp-method, mcp-name, last-event-id"
        )
    );
    assert_eq!(header("access-control-allow-credentials"), None);
    assert!(
        header("vary").is_some_and(|vary| vary.contains("origin")),
        "{preflight:?}"
    );

    let page = "origin: http://localhost:5173";
    let authorization = authorization("mcp");
    for (path, lines, status) in [
        ("/mcp", vec![page, authorization.as_str()], 200),
        ("/ws", vec![page, authorization.as_str()], 403),
        ("/mcp", vec![page], 401),
        ("/nowhere", vec![page, authorization.as_str()], 404),
    ] {
        let reply = server.send(&server.request("GET", path, &lines, "")).await;
        assert_eq!(reply.status, status, "{path}");
        assert_eq!(
            reply.header("access-control-allow-origin").as_deref(),
            Some("http://localhost:5173")
        );
        assert_eq!(
            reply.header("access-control-expose-headers").as_deref(),
            Some("mcp-session-id")
        );
        assert!(
            reply
                .header("vary")
                .is_some_and(|vary| vary.contains("origin")),
            "{reply:?}"
        );
    }
    // The default list is replaced, not added to; and without an origin nothing is said of CORS.
    for (lines, status) in [(vec!["origin: tauri://localhost"], 403), (vec![], 200)] {
        let reply = server
            .send(&server.request("GET", "/health", &lines, ""))
            .await;
        assert_eq!(reply.status, status);
        let names: Vec<_> = reply
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert!(
            !names.iter().any(|name| name.starts_with("access-control")),
            "{names:?}"
        );
    }
}

#[tokio::test]
async fn without_authentication_host_and_origin_are_still_checked() {
    let server = start(Config {
        auth: Auth::None,
        ..config()
    })
    .await;
    for (method, path) in [
        ("POST", "/mcp"),
        ("POST", "/hook/Stop"),
        ("GET", "/timeline"),
        ("POST", "/replay"),
    ] {
        assert_eq!(
            server
                .send(&server.request(method, path, &[], "{}"))
                .await
                .status,
            200,
            "{path}"
        );
        let stranger = server.request(method, path, &["origin: https://evil.example"], "{}");
        assert_eq!(server.send(&stranger).await.status, 403, "{path}");
        let rebound = format!(
            "{method} {path} HTTP/1.1\r\nhost: evil.example:{}\r\n\r\n",
            server.port
        );
        assert_eq!(server.send(rebound.as_bytes()).await.status, 403, "{path}");
    }
    let reply = server
        .send(&server.request("POST", "/mcp", &[], "{}"))
        .await;
    assert_eq!(reply.header("x-scope").as_deref(), Some("Any"));
}

#[tokio::test]
async fn other_spellings_of_a_request_meet_the_same_guard() {
    let server = start(config()).await;
    let port = server.port;
    let ui = authorization("ui");
    let check = async |head: String, expected: u16| {
        let reply = server.send(format!("{head}\r\n\r\n").as_bytes()).await;
        assert_eq!(reply.status, expected, "{head}");
    };
    check(
        format!("GET /health HTTP/1.0\r\nhost: localhost:{port}"),
        200,
    )
    .await;
    check("GET /health HTTP/1.0".to_owned(), 403).await;
    check("GET /health HTTP/1.1".to_owned(), 403).await;
    check(
        format!("GET http://localhost:{port}/health HTTP/1.1\r\nhost: localhost:{port}"),
        200,
    )
    .await;
    check(
        format!("GET http://evil.example/health HTTP/1.1\r\nhost: localhost:{port}"),
        403,
    )
    .await;
    check(
        format!("GET http://localhost:{port}/health HTTP/1.1\r\nhost: evil.example"),
        403,
    )
    .await;
    check(
        format!("OPTIONS * HTTP/1.1\r\nhost: localhost:{port}\r\n{ui}"),
        404,
    )
    .await;
    check(
        format!("CONNECT localhost:{port} HTTP/1.1\r\nhost: localhost:{port}\r\n{ui}"),
        404,
    )
    .await;
    // A path that only a careless router would take for a door, and a door the guard was not told of.
    for path in [
        "//mcp",
        "/%6dcp",
        "/ws/",
        "/hook/a/b",
        "/mcp%2f..%2fws",
        "/forgotten",
    ] {
        check(
            format!("GET {path} HTTP/1.1\r\nhost: localhost:{port}\r\n{ui}"),
            404,
        )
        .await;
        check(
            format!("GET {path} HTTP/1.1\r\nhost: localhost:{port}"),
            401,
        )
        .await;
    }
}

#[tokio::test]
async fn health_tells_the_uptime_and_wrong_methods_are_told_the_right_ones() {
    let server = start(config()).await;
    let reply = server
        .send(&server.request("GET", "/health", &[], ""))
        .await;
    let health: paige_protocol::process::Health =
        serde_json::from_str(&reply.body).expect("health");
    assert_eq!(health.status, "ok");
    assert!((0.0..60.0).contains(&health.uptime), "{health:?}");
    assert_eq!(
        reply.header("content-type").as_deref(),
        Some("application/json")
    );
    assert_eq!(reply.header("cache-control").as_deref(), Some("no-store"));

    let reply = server
        .send(&server.request("POST", "/health", &[], ""))
        .await;
    assert_eq!((reply.status, reply.code()), (405, "NOT_FOUND".to_owned()));
    assert_eq!(reply.header("allow").as_deref(), Some("GET,HEAD"));
}

#[tokio::test]
async fn a_door_that_is_not_built_is_404_after_a_good_token() {
    let server = start_with(config(), Vec::new()).await;
    let check = async |method: &str, path: &str, lines: &[&str], status: u16, code: &str| {
        let reply = server
            .send(&server.request(method, path, lines, "{}"))
            .await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (status, code),
            "{method} {path}"
        );
    };
    for (scope, method, path) in [
        ("hook", "POST", "/hook/Stop"),
        ("ui", "GET", "/timeline"),
        ("ui", "POST", "/replay"),
        ("mcp", "POST", "/mcp"),
    ] {
        check(method, path, &[&authorization(scope)], 404, "NOT_FOUND").await;
        check(method, path, &[], 401, "UNAUTHORIZED").await;
    }
}

#[tokio::test]
async fn one_request_that_panics_is_one_failed_request() {
    let server = start(config()).await;
    let mut stream = server.connect().await;
    for (path, status) in [("/mcp/panic", 500), ("/mcp", 200)] {
        let request = server.request("GET", path, &[&authorization("mcp")], "");
        stream.write_all(&request).await.expect("the server reads");
        let reply = read(&mut stream)
            .await
            .expect("an answer on the same connection");
        assert_eq!(reply.status, status, "{path}");
        if status == 500 {
            assert_eq!(reply.code(), "INTERNAL_ERROR");
        }
    }
}

#[tokio::test]
async fn ipv6_is_served_where_there_is_one() {
    let server = start(config()).await;
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return; // Nothing to serve; the test of `bind` covers the rest.
    }
    let address = SocketAddr::from((Ipv6Addr::LOCALHOST, server.port));
    let mut stream = TcpStream::connect(address)
        .await
        .expect("the server listens");
    let request = format!(
        "GET /health HTTP/1.1\r\nhost: [::1]:{}\r\n\r\n",
        server.port
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the server reads");
    assert_eq!(read(&mut stream).await.map(|reply| reply.status), Some(200));
}

async fn stopped(server: &mut Running) {
    server.shutdown.cancel();
    tokio::time::timeout(HANG, &mut server.serving)
        .await
        .expect("the server stops")
        .expect("without a panic");
}

#[tokio::test]
async fn a_stop_ends_idle_connections_at_once_and_lets_a_request_finish() {
    let mut server = start(Config {
        stop_grace: HANG,
        ..config()
    })
    .await;
    let silent = server.connect().await;
    let mut idle = server.connect().await;
    let health = server.request("GET", "/health", &[], "");
    idle.write_all(&health).await.expect("the server reads");
    assert_eq!(read(&mut idle).await.map(|reply| reply.status), Some(200));
    let mut busy = server.connect().await;
    let slow = server.request("POST", "/mcp/slow", &[&authorization("mcp")], "{}");
    busy.write_all(&slow).await.expect("the server reads");
    tokio::time::sleep(Duration::from_millis(50)).await;

    stopped(&mut server).await;
    assert_eq!(read(&mut busy).await.map(|reply| reply.status), Some(200));
    assert_eq!(read(&mut idle).await, None);
    drop(silent);
    // The port is free again.
    let error = TcpStream::connect(("127.0.0.1", server.port))
        .await
        .expect_err("nobody listens");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let mut server = start(Config {
        stop_grace: Duration::from_millis(100),
        ..config()
    })
    .await;
    let mut busy = server.connect().await;
    let never = server.request("POST", "/mcp/never", &[&authorization("mcp")], "{}");
    busy.write_all(&never).await.expect("the server reads");
    tokio::time::sleep(Duration::from_millis(50)).await;
    stopped(&mut server).await;
    assert_eq!(read(&mut busy).await, None);
}
