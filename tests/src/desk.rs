//! [`Desk`]: what a terminal meets of a sidecar, played: it holds a data directory, lets a client in that
//! has the `ui` token, and pushes the nudges that a test wants.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use paige_protocol::process::{Rendezvous, RendezvousTokens, Secret};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::Project;
use crate::sidecar::PATIENCE;

const TOKEN: &str = "the-ui-token-of-the-desk-0123456789-abcdefghij";

/// A played sidecar on a project; it is gone when it is dropped.
pub struct Desk {
    _lock: File,
    server: JoinHandle<()>,
    inside: Arc<Inside>,
}

struct Inside {
    pushes: broadcast::Sender<String>,
    received: Mutex<Vec<Value>>,
    hellos: watch::Sender<usize>,
}

impl Desk {
    /// Takes the data directory of a project.
    ///
    /// # Errors
    /// When it is held already.
    pub async fn open(project: &Project) -> Result<Self> {
        std::fs::create_dir_all(&project.data)?;
        let mut lock = File::create(project.data.join("sidecar.lock"))?;
        lock.try_lock().context("the data directory is held")?;
        let pid = std::process::id();
        write!(lock, "{pid}")?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let rendezvous = Rendezvous {
            protocol: paige_protocol::PROTOCOL_VERSION.to_owned(),
            version: "0.1.0".to_owned(),
            pid,
            port: listener.local_addr()?.port(),
            instance: "played".to_owned(),
            project_dir: project.root.to_str().context("a path in UTF-8")?.to_owned(),
            tokens: RendezvousTokens {
                mcp: Secret::new("mcp"),
                hook: Secret::new("hook"),
            },
        };
        std::fs::write(project.data.join("ui.token"), TOKEN)?;
        publish(&project.data, &rendezvous)?;
        let inside = Arc::new(Inside {
            pushes: broadcast::channel(64).0,
            received: Mutex::default(),
            hellos: watch::channel(0).0,
        });
        let router = Router::new()
            .route("/ws", get(let_in))
            .with_state(Arc::clone(&inside));
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            _lock: lock,
            server,
            inside,
        })
    }

    /// Waits until so many terminals have said hello, and says what the last one said.
    ///
    /// # Errors
    /// None does, or it owns no terminal.
    pub async fn hello(&self, count: usize) -> Result<Value> {
        let mut hellos = self.inside.hellos.subscribe();
        timeout(PATIENCE, hellos.wait_for(|seen| *seen >= count)).await??;
        let received = self.inside.received.lock();
        let hello = received
            .iter()
            .rev()
            .find(|message| message["type"] == "connection:hello");
        let hello = hello.context("a hello")?["payload"].clone();
        ensure!(hello["terminal"] == true, "it owns no terminal: {hello}");
        Ok(hello)
    }

    /// How many terminals have said hello.
    pub fn hello_count(&self) -> usize {
        *self.inside.hellos.borrow()
    }

    /// Pushes a nudge that expires after so many seconds; `more` is laid over its payload.
    ///
    /// # Errors
    /// Nobody is there.
    pub fn nudge(&self, line: &str, seconds: f64, more: &Value) -> Result<()> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let expires = now.as_secs_f64() + seconds;
        let expires = paige_store::from_millis((expires * 1000.0) as i64);
        let mut payload = json!({
            "signal": "wrong_file", "confidence": 0.9, "context": {"step": "ask"}, "message": line,
            "expiresAt": expires, "deliver": true,
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            payload[key] = value.clone();
        }
        let message = json!({
            "type": "observer:nudge", "payload": payload, "seq": 1, "timestamp": expires,
        });
        self.inside.pushes.send(message.to_string())?;
        Ok(())
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // Its connections end with it.
        self.server.abort();
        let _ = self.inside.pushes.send(String::new());
    }
}

fn publish(data: &Path, rendezvous: &Rendezvous) -> Result<()> {
    let (file, new) = (data.join("sidecar.json"), data.join("sidecar.json.new"));
    std::fs::write(&new, serde_json::to_string(rendezvous)?)?;
    Ok(std::fs::rename(new, file)?)
}

async fn let_in(
    State(inside): State<Arc<Inside>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let bearer = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    if bearer != Some(&format!("Bearer {TOKEN}")) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    upgrade.on_upgrade(move |socket| serve(socket, inside))
}

async fn serve(mut socket: WebSocket, inside: Arc<Inside>) {
    let mut pushes = inside.pushes.subscribe();
    loop {
        tokio::select! {
            push = pushes.recv() => match push {
                // The empty one says that the desk is gone.
                Ok(text) if text.is_empty() => return,
                Ok(text) => {
                    if socket.send(Message::text(text)).await.is_err() {
                        return;
                    }
                }
                Err(_) => return,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => {
                    let message: Value = serde_json::from_str(&text).unwrap_or_default();
                    let is_hello = message["type"] == "connection:hello";
                    inside.received.lock().push(message);
                    if is_hello {
                        inside.hellos.send_modify(|seen| *seen += 1);
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
        }
    }
}
