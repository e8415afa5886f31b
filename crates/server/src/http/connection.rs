//! Accepting connections and serving them, until it is time to stop.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use paige_protocol::ErrorCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Layer, Service};

use super::Listeners;
use crate::guard::{self, Admission, Guard, Guarded};

/// The largest head of a request, in bytes; it comes before any token.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// How many connections at a time are told that there is no room; the rest are only closed.
const MAX_TURNED_AWAY: usize = 32;

/// How long to wait after a failed accept: the usual reason, no free file descriptor, lasts.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` behind `guard` on all `listeners` until `shutdown` is cancelled.
///
/// HTTP/1.1 only: no client of ours speaks HTTP/2 without TLS. A connection beyond
/// `max_connections` is answered 503 and closed; an upgraded socket counts until it is closed. A
/// connection of which no request is let in within `header_timeout` is closed.
///
/// At the stop the ports are closed at once and idle connections with them; requests under way have
/// `stop_grace` to end. Upgraded sockets are their owner's to close. Returns when no connection is
/// left that is not upgraded.
pub async fn serve(
    listeners: Listeners,
    guard: Guard,
    router: Router,
    shutdown: CancellationToken,
) {
    let config = guard.config();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        // hyper counts from the end of the last request, so to hyper this is the idle time.
        .header_read_timeout(config.idle_timeout)
        .max_header_size(MAX_HEAD_BYTES);
    let server = Arc::new(Server {
        http,
        header_timeout: config.header_timeout,
        room: Arc::new(Semaphore::new(
            config.max_connections.min(Semaphore::MAX_PERMITS),
        )),
        turned_away: Arc::new(Semaphore::new(MAX_TURNED_AWAY)),
        connections: TaskTracker::new(),
        shutdown,
        grace_over: CancellationToken::new(),
        app: guard.layer(router),
    });
    let accepting = TaskTracker::new();
    for socket in listeners.sockets {
        accepting.spawn(server.clone().accept(socket));
    }
    accepting.close();
    accepting.wait().await;

    server.connections.close();
    let ended = tokio::time::timeout(guard.config().stop_grace, server.connections.wait()).await;
    if ended.is_err() {
        tracing::info!(
            connections = server.connections.len(),
            "Some requests did not end in time; their connections are cut."
        );
        server.grace_over.cancel();
        server.connections.wait().await;
    }
}

struct Server {
    http: http1::Builder,
    header_timeout: Duration,
    room: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
    connections: TaskTracker,
    shutdown: CancellationToken,
    grace_over: CancellationToken,
    app: Guarded<Router>,
}

impl Server {
    async fn accept(self: Arc<Self>, socket: TcpListener) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return,
                accepted = accept(&socket) => accepted,
            };
            match accepted {
                Ok(stream) => self.greet(stream),
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "A connection could not be accepted; trying again.");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn greet(self: &Arc<Self>, stream: TcpStream) {
        match self.room.clone().try_acquire_owned() {
            Ok(permit) => {
                let io = Counted {
                    stream,
                    _permit: permit,
                };
                self.connections.spawn(self.clone().serve(io));
            }
            Err(_full) => {
                tracing::warn!(
                    "There are as many connections as the limit allows; one more was turned away."
                );
                if let Ok(permit) = self.turned_away.clone().try_acquire_owned() {
                    self.connections.spawn(turn_away(stream, permit));
                }
            }
        }
    }

    async fn serve(self: Arc<Self>, io: Counted) {
        let admission = Admission::default();
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(admission.clone());
            // A clone shares everything; a call needs one of its own.
            self.app.clone().call(request)
        });
        let connection = self.http.serve_connection(TokioIo::new(io), service);
        let mut connection = pin!(connection.with_upgrades());
        let mut strangers_time = pin!(tokio::time::sleep(self.header_timeout));
        let mut known = false;
        let mut stopping = false;
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "A connection ended badly.");
                    }
                    return;
                }
                () = strangers_time.as_mut(), if !known => {
                    known = admission.given();
                    if !known {
                        return;
                    }
                }
                () = self.shutdown.cancelled(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = self.grace_over.cancelled() => return,
            }
        }
    }
}

/// The next connection, which sends what is written at once: otherwise an answer in two writes waits
/// 40 ms for the client's delayed acknowledgement.
async fn accept(socket: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _) = socket.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Errors that the peer caused by going away again; some systems then call the option invalid.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::InvalidInput
    )
}

/// Says that there is no room, and waits a moment so that closing does not destroy the answer.
async fn turn_away(mut stream: TcpStream, _permit: OwnedSemaphorePermit) {
    let body = guard::error_json(
        ErrorCode::RateLimited,
        "There are as many connections as the limit allows; close some and try again.",
    );
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {}\r\nretry-after: 1\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let farewell = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        let mut nothing = [0; 4096];
        while stream.read(&mut nothing).await? > 0 {}
        io::Result::Ok(())
    };
    // Whether the peer heard it is the peer's concern.
    let _ = tokio::time::timeout(Duration::from_millis(500), farewell).await;
}

/// A connection that has its place among `max_connections` as long as it is open, also after an
/// upgrade, when hyper has let go of it.
struct Counted {
    stream: TcpStream,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_accepted_socket_sends_at_once() {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("a bound socket");
        let client = TcpStream::connect(address).await.expect("it listens");
        assert!(
            !client.nodelay().expect("an option"),
            "it is not the system's default"
        );
        let accepted = accept(&socket).await.expect("a connection");
        assert!(accepted.nodelay().expect("an option"));
    }
}
