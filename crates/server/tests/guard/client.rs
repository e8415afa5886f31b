//! A server with stand-ins for the doors, and a client that sends bytes as they are written.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::{any, get, post};
use http_body_util::BodyExt;
use paige_protocol::process::{Secret, Tokens};
use paige_server::guard::{Auth, Config, Guard, SUBPROTOCOL, Scope};
use paige_server::http::{bind, router, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Longer than anything here may take: who waits so long, hangs.
pub(crate) const HANG: Duration = Duration::from_secs(20);

/// A server that ends when it is dropped.
pub(crate) struct Running {
    pub(crate) port: u16,
    pub(crate) shutdown: CancellationToken,
    pub(crate) serving: JoinHandle<()>,
    _stop: DropGuard,
}

/// The token of a scope in [`config`].
pub(crate) fn token(scope: &str) -> String {
    scope.repeat(64 / scope.len())
}

/// The default configuration with tokens.
pub(crate) fn config() -> Config {
    Config {
        auth: Auth::Tokens(Tokens {
            ui: Secret::new(token("ui")),
            mcp: Secret::new(token("mcp")),
            hook: Secret::new(token("hook")),
        }),
        ..Config::default()
    }
}

/// Stand-ins: `/ws` upgrades, `/mcp` and `/hook/{event}` repeat the body, `/timeline` and `/replay` are texts.
fn doors() -> Vec<Router> {
    let ws = get(|upgrade: WebSocketUpgrade| async move {
        upgrade
            .protocols([SUBPROTOCOL])
            .on_upgrade(|mut socket| async move {
                while let Some(Ok(message)) = socket.recv().await {
                    if socket.send(message).await.is_err() {
                        break;
                    }
                }
            })
    });
    let mcp = tower::service_fn(|request: Request| async move {
        let scope = request.extensions().get::<Scope>().copied();
        assert!(
            !request.headers().contains_key("authorization"),
            "the token came through"
        );
        if request.uri().path() == "/panic" {
            panic!("a door that fails");
        }
        if request.uri().path() == "/slow" {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        if request.uri().path() == "/never" {
            std::future::pending::<()>().await;
        }
        let body = request
            .into_body()
            .collect()
            .await
            .map(|body| body.to_bytes());
        let mut response: Response = Response::new(body.unwrap_or_default().into());
        if let Some(scope) = scope {
            let text = format!("{scope:?}").parse().expect("a header value");
            response.headers_mut().insert("x-scope", text);
        }
        Ok::<_, std::convert::Infallible>(response)
    });
    vec![
        Router::new().route("/ws", ws),
        Router::new().nest_service("/mcp", mcp),
        Router::new().route("/hook/{event}", post(|body: Bytes| async { body })),
        Router::new().route("/timeline", get(|| async { "timeline" })),
        Router::new().route("/replay", post(|| async { "replay" })),
        // A door that the guard does not know of.
        Router::new().route("/forgotten", any(|| async { "reached" })),
    ]
}

/// A server with all stand-ins.
pub(crate) async fn start(config: Config) -> Running {
    start_with(config, doors()).await
}

/// A server with the doors given.
pub(crate) async fn start_with(config: Config, doors: Vec<Router>) -> Running {
    let listeners = bind(IpAddr::V4(Ipv4Addr::LOCALHOST), 0, None)
        .await
        .expect("a free port");
    let port = listeners.port();
    let guard = Guard::new(config, port);
    let shutdown = CancellationToken::new();
    let app = router(Instant::now(), doors);
    let serving = tokio::spawn(serve(listeners, guard, app, shutdown.clone()));
    Running {
        port,
        _stop: shutdown.clone().drop_guard(),
        shutdown,
        serving,
    }
}

impl Running {
    pub(crate) async fn connect(&self) -> TcpStream {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        TcpStream::connect(address)
            .await
            .expect("the server listens")
    }

    /// The bytes of a request with a good `Host`; `lines` are further header lines.
    pub(crate) fn request(&self, method: &str, path: &str, lines: &[&str], body: &str) -> Vec<u8> {
        let mut text = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n",
            self.port
        );
        for line in lines {
            text.push_str(line);
            text.push_str("\r\n");
        }
        text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        text.into_bytes()
    }

    /// Sends `bytes` on a connection of their own and reads the answer.
    pub(crate) async fn send(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.expect("the server reads");
        read(&mut stream).await.expect("an answer")
    }

    /// A POST to `/mcp` with the `mcp` token.
    pub(crate) async fn post_mcp(&self, body: &str) -> Reply {
        let authorization = format!("authorization: Bearer {}", token("mcp"));
        self.send(&self.request("POST", "/mcp", &[&authorization], body))
            .await
    }
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    /// All values of a header, joined by `, `; `None` when there is none.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self
            .headers
            .iter()
            .filter(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The code in the body of an error, whose sentence must be one.
    pub(crate) fn code(&self) -> String {
        assert_eq!(
            self.header("content-type").as_deref(),
            Some("application/json"),
            "{self:?}"
        );
        let error: paige_protocol::process::HttpError =
            serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"));
        assert!(error.error.ends_with('.'), "{error:?}");
        error.code.as_str().to_owned()
    }
}

/// Reads one answer with a length, or the head alone of one without; `None` when the connection
/// ends before the head does.
pub(crate) async fn read(stream: &mut TcpStream) -> Option<Reply> {
    tokio::time::timeout(HANG, read_patiently(stream))
        .await
        .expect("an answer, not a hang")
}

async fn read_patiently(stream: &mut TcpStream) -> Option<Reply> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).expect("a head in ASCII");
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0);
    let mut body = bytes.split_off(head_end);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            break;
        }
    }
    Some(Reply {
        status,
        headers,
        body: String::from_utf8(body).expect("a body in UTF-8"),
    })
}
