//! Every limit is hit once.

use std::time::Duration;

use paige_server::guard::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{HANG, config, read, start, token};

fn authorization(scope: &str) -> String {
    format!("authorization: Bearer {}", token(scope))
}

#[tokio::test]
async fn a_body_at_the_limit_passes_and_one_byte_more_is_413() {
    let server = start(Config {
        max_body_bytes: 1000,
        ..config()
    })
    .await;
    let body = "x".repeat(1000);
    let reply = server.post_mcp(&body).await;
    assert_eq!((reply.status, reply.body), (200, body));
    let reply = server.post_mcp(&"x".repeat(1001)).await;
    assert_eq!((reply.status, reply.code()), (413, "TOO_LARGE".to_owned()));

    // In chunks the length is not announced.
    let chunks =
        |count: usize| format!("64\r\n{}\r\n", "x".repeat(100)).repeat(count) + "0\r\n\r\n";
    let head = format!(
        "POST /hook/Stop HTTP/1.1\r\nhost: localhost:{}\r\n{}\r\ntransfer-encoding: chunked\r\n\r\n",
        server.port,
        authorization("hook")
    );
    let reply = server
        .send(format!("{head}{}", chunks(10)).as_bytes())
        .await;
    assert_eq!((reply.status, reply.body.len()), (200, 1000));
    let reply = server
        .send(format!("{head}{}", chunks(11)).as_bytes())
        .await;
    assert_eq!((reply.status, reply.code()), (413, "TOO_LARGE".to_owned()));
}

#[tokio::test]
async fn the_default_limit_is_four_megabytes_and_its_refusal_reaches_a_client_that_is_still_sending()
 {
    let server = start(config()).await;
    let limit = 4 * 1024 * 1024;
    let reply = server.post_mcp(&"x".repeat(limit)).await;
    assert_eq!((reply.status, reply.body.len()), (200, limit));
    let reply = server.post_mcp(&"x".repeat(2 * limit)).await;
    assert_eq!((reply.status, reply.code()), (413, "TOO_LARGE".to_owned()));
}

#[tokio::test]
async fn a_client_that_asks_before_it_sends_too_much_is_told_at_once() {
    let server = start(config()).await;
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost:{}\r\n{}\r\nexpect: 100-continue\r\ncontent-length: 99999999\r\n\r\n",
        server.port,
        authorization("mcp")
    );
    // Nothing of the body is sent, so a server that waited for it would not answer.
    let reply = server.send(head.as_bytes()).await;
    assert_eq!((reply.status, reply.code()), (413, "TOO_LARGE".to_owned()));
}

#[tokio::test]
async fn a_body_nested_too_deep_is_400() {
    let server = start(Config {
        max_nesting: 3,
        ..config()
    })
    .await;
    assert_eq!(server.post_mcp(r#"{"a":[[1,"[[[["]]}"#).await.status, 200);
    let reply = server.post_mcp(r#"{"a":[[{}]]}"#).await;
    assert_eq!((reply.status, reply.code()), (400, "TOO_LARGE".to_owned()));

    let server = start(config()).await;
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(server.post_mcp(&nested(64)).await.status, 200);
    assert_eq!(server.post_mcp(&nested(65)).await.status, 400);
}

#[tokio::test]
async fn a_body_that_does_not_end_is_408() {
    let server = start(Config {
        body_timeout: Duration::from_millis(50),
        ..config()
    })
    .await;
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost:{}\r\n{}\r\ncontent-length: 100\r\n\r\nonly this",
        server.port,
        authorization("mcp")
    );
    let reply = server.send(head.as_bytes()).await;
    assert_eq!(
        (reply.status, reply.code()),
        (408, "INVALID_MESSAGE".to_owned())
    );
}

#[tokio::test]
async fn each_door_takes_so_many_requests_a_second_and_no_more() {
    let server = start(Config {
        max_requests_per_second: 3,
        ..config()
    })
    .await;
    let mcp = server.request("POST", "/mcp", &[&authorization("mcp")], "{}");
    // Two seconds may begin while these are sent, so up to 6 pass, never 9.
    let mut statuses = Vec::new();
    let mut refused = None;
    for _ in 0..9 {
        let reply = server.send(&mcp).await;
        statuses.push(reply.status);
        if reply.status == 429 {
            refused = Some(reply);
        }
    }
    assert_eq!(statuses[..3], [200; 3]);
    let refused = refused.expect("a limit that is never hit");
    assert_eq!(refused.code(), "RATE_LIMITED");
    assert_eq!(refused.header("retry-after").as_deref(), Some("1"));
    // Another door has its own count.
    let ui = server.request("GET", "/timeline", &[&authorization("ui")], "");
    assert_eq!(server.send(&ui).await.status, 200);
    // A stranger spends nothing of it.
    for _ in 0..5 {
        let stranger = server.request("GET", "/timeline", &[], "");
        assert_eq!(server.send(&stranger).await.status, 401);
    }
    assert_eq!(server.send(&ui).await.status, 200);
}

#[tokio::test]
async fn one_connection_too_many_is_503_and_a_closed_one_makes_room() {
    let server = start(Config {
        max_connections: 2,
        ..config()
    })
    .await;
    let health = server.request("GET", "/health", &[], "");
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut stream = server.connect().await;
        stream.write_all(&health).await.expect("the server reads");
        assert_eq!(read(&mut stream).await.map(|reply| reply.status), Some(200));
        kept.push(stream);
    }
    let reply = server.send(&health).await;
    assert_eq!(
        (reply.status, reply.code()),
        (503, "RATE_LIMITED".to_owned())
    );
    kept.pop();
    until_answered(&server, &health, 200).await;
}

/// The server sees the end of a connection a moment after the client made it.
async fn until_answered(server: &crate::client::Running, request: &[u8], status: u16) {
    let asking = async {
        while server.send(request).await.status != status {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(HANG, asking)
        .await
        .expect("room for one more");
}

#[tokio::test]
async fn an_upgraded_socket_counts_until_it_is_closed() {
    let server = start(Config {
        max_connections: 1,
        header_timeout: Duration::from_millis(50),
        ..config()
    })
    .await;
    let upgrade = server.request(
        "GET",
        "/ws",
        &[
            &authorization("ui"),
            "connection: upgrade",
            "upgrade: websocket",
            "sec-websocket-version: 13",
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
        ],
        "",
    );
    let mut socket = server.connect().await;
    socket.write_all(&upgrade).await.expect("the server reads");
    assert_eq!(read(&mut socket).await.map(|reply| reply.status), Some(101));
    // Well past the time that strangers have.
    tokio::time::sleep(Duration::from_millis(150)).await;
    let health = server.request("GET", "/health", &[], "");
    assert_eq!(server.send(&health).await.status, 503);
    // It still lives: an empty text, masked, comes back, unmasked.
    socket
        .write_all(&[0x81, 0x80, 1, 2, 3, 4])
        .await
        .expect("the server reads");
    let mut echo = [0; 2];
    tokio::time::timeout(HANG, socket.read_exact(&mut echo))
        .await
        .expect("no hang")
        .expect("an echo");
    assert_eq!(echo, [0x81, 0x00]);
    drop(socket);
    until_answered(&server, &health, 200).await;
}

/// Waits for the server to close, and tells what it sent before.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end as well.
    let _ = tokio::time::timeout(HANG, stream.read_to_end(&mut bytes))
        .await
        .expect("the server closes");
    String::from_utf8(bytes).expect("UTF-8")
}

#[tokio::test]
async fn a_connection_that_never_says_anything_useful_is_closed() {
    let server = start(Config {
        header_timeout: Duration::from_millis(100),
        ..config()
    })
    .await;
    let mut silent = server.connect().await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /mcp HTTP/1.1\r\nx-a: ")
        .await
        .expect("the server reads");
    let mut stranger = server.connect().await;
    let health = server.request("GET", "/health", &[], "");
    stranger.write_all(&health).await.expect("the server reads");
    // A caller with a token may keep its connection, and be slow.
    let mut known = server.connect().await;
    let call = server.request("POST", "/mcp", &[&authorization("mcp")], "{}");
    known.write_all(&call).await.expect("the server reads");
    assert_eq!(read(&mut known).await.map(|reply| reply.status), Some(200));

    assert_eq!(until_closed(&mut silent).await, "");
    assert_eq!(until_closed(&mut slow).await, "");
    assert!(
        until_closed(&mut stranger)
            .await
            .starts_with("HTTP/1.1 200")
    );

    let (first, rest) = call.split_at(20);
    known.write_all(first).await.expect("the server reads");
    tokio::time::sleep(Duration::from_millis(200)).await;
    known.write_all(rest).await.expect("the server reads");
    assert_eq!(read(&mut known).await.map(|reply| reply.status), Some(200));
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_the_end() {
    let server = start(Config {
        idle_timeout: Duration::from_millis(100),
        ..config()
    })
    .await;
    let mut known = server.connect().await;
    let call = server.request("POST", "/mcp", &[&authorization("mcp")], "{}");
    known.write_all(&call).await.expect("the server reads");
    assert_eq!(read(&mut known).await.map(|reply| reply.status), Some(200));
    assert_eq!(until_closed(&mut known).await, "");
}

#[tokio::test]
async fn a_head_without_end_is_431() {
    let server = start(config()).await;
    let lines = format!("x-a: {}", "x".repeat(70_000));
    let request = server.request("GET", "/health", &[&lines], "");
    let mut stream = server.connect().await;
    // The answer may come, and the connection go, before all is sent.
    let _ = stream.write_all(&request).await;
    let reply = read(&mut stream).await;
    assert!(reply.is_none_or(|reply| reply.status == 431));
}
