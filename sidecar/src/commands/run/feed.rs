//! What comes from outside while a command runs: nudges of the live sidecar, and signals.

use std::path::{Path, PathBuf};
use std::sync::mpsc as std_mpsc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::{SinkExt as _, StreamExt as _};
use paige_protocol::PROTOCOL_VERSION;
use paige_protocol::coach::coaching::{CommandRun, Nudge};
use paige_protocol::coach::connection::{Hello, WindowSize};
use paige_protocol::coach::{ClientFrame, ClientMessage};
use paige_protocol::envelope::{ClientEnvelope, read_payload};
use paige_protocol::process::Rendezvous;
use paige_pty::Teller;
use rustix::process::Signal;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::super::loopback::HOSTS;
use crate::data_dir::DataDir;

/// How long a sidecar may take to let this process in.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Between two looks for a sidecar: after one that was there, and at most.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Signals that are for the command.
const PASSED_ON: [Signal; 6] = [
    Signal::HUP,
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::USR1,
    Signal::USR2,
];

/// What is told to the one who runs the command.
#[derive(Debug)]
pub(super) enum Told {
    /// A signal for the command.
    Signal(Signal),
    /// The window has perhaps another size.
    Resized,
    /// A line to type, with the name of its signal and its last moment.
    Nudge {
        signal: String,
        line: String,
        expires: Instant,
    },
}

/// Where this process stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Where the live sidecar is found.
    pub(super) data: DataDir,
    /// The folder that the command runs in, canonical.
    pub(super) folder: PathBuf,
    /// Whether a person sits here, so that nudges may be typed.
    pub(super) attended: bool,
}

impl Place {
    /// The live sidecar, if there is one and this folder is of its project.
    pub(super) fn sidecar(&self) -> Found {
        match self.data.holder() {
            Ok(Some(holder)) => match holder.rendezvous {
                Some(live) if self.folder.starts_with(Path::new(&live.project_dir)) => {
                    Found::Here(live)
                }
                Some(live) => Found::Elsewhere(live.project_dir),
                None => Found::None,
            },
            Ok(None) | Err(_) => Found::None,
        }
    }
}

/// Which sidecar runs.
pub(super) enum Found {
    None,
    /// It serves a project that this folder is not in.
    Elsewhere(String),
    Here(Rendezvous),
}

/// The thread that listens.
pub(super) struct Feed {
    finish: oneshot::Sender<Option<CommandRun>>,
    finished: std_mpsc::Receiver<()>,
}

impl Feed {
    /// Begins to listen; signals are passed on from now.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn start(place: Place, teller: Teller<Told>) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (finish, asked) = oneshot::channel();
        let (done, finished) = std_mpsc::channel();
        {
            let _inside = runtime.enter();
            for passed in PASSED_ON {
                pass_on(SignalKind::from_raw(passed.as_raw()), &teller, move || {
                    Told::Signal(passed)
                })?;
            }
            pass_on(SignalKind::window_change(), &teller, || Told::Resized)?;
        }
        std::thread::Builder::new()
            .name("terminal-feed".to_owned())
            .spawn(move || {
                runtime.block_on(follow(&place, &teller, asked));
                let _ = done.send(());
            })?;
        Ok(Self { finish, finished })
    }

    /// Tells the sidecar what ran, if there is anything to tell, and takes leave; not for longer than `limit`.
    pub(super) fn finish(self, run: Option<CommandRun>, limit: Duration) {
        if self.finish.send(run).is_ok() {
            let _ = self.finished.recv_timeout(limit);
        }
    }
}

fn pass_on(
    kind: SignalKind,
    teller: &Teller<Told>,
    told: impl Fn() -> Told + Send + 'static,
) -> std::io::Result<()> {
    let mut signals = signal(kind)?;
    let teller = teller.clone();
    tokio::spawn(async move { while signals.recv().await.is_some() && teller.tell(told()) {} });
    Ok(())
}

type Socket = WebSocketStream<TcpStream>;

/// Stays connected to whichever sidecar lives, until asked to finish.
async fn follow(
    place: &Place,
    teller: &Teller<Told>,
    mut asked: oneshot::Receiver<Option<CommandRun>>,
) {
    let mut wait = FIRST_WAIT;
    loop {
        if place.attended
            && let Some(mut socket) = connect(place).await
        {
            wait = FIRST_WAIT;
            loop {
                tokio::select! {
                    run = &mut asked => return take_leave(socket, run.ok().flatten()).await,
                    message = socket.next() => match message {
                        Some(Ok(Message::Text(text))) => {
                            if let Some(nudge) = nudge(&text, Utc::now()) {
                                teller.tell(nudge);
                            }
                        }
                        Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                        Some(Ok(_)) => {}
                    },
                }
            }
        }
        tokio::select! {
            run = &mut asked => {
                if let Ok(Some(run)) = run && let Some(socket) = connect(place).await {
                    take_leave(socket, Some(run)).await;
                }
                return;
            }
            () = sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
        }
    }
}

/// Connects and says hello, as the owner of a terminal where a person sits.
async fn connect(place: &Place) -> Option<Socket> {
    let Found::Here(live) = place.sidecar() else {
        return None;
    };
    // A sidecar that got its tokens from a shell lets nobody else in, and keeps no token here.
    let token = std::fs::read_to_string(place.data.ui_token()).ok()?;
    let connecting = async {
        for host in HOSTS {
            let Ok(stream) = TcpStream::connect((host, live.port)).await else {
                continue;
            };
            let address = std::net::SocketAddr::new(host, live.port);
            let mut request = format!("ws://{address}/ws").into_client_request().ok()?;
            let bearer = format!("Bearer {}", token.trim()).parse().ok()?;
            request.headers_mut().insert("authorization", bearer);
            // The tree of a large project is one message.
            let config = WebSocketConfig::default()
                .max_message_size(None)
                .max_frame_size(None);
            let (mut socket, _) = client_async_with_config(request, stream, Some(config))
                .await
                .ok()?;
            if place.attended {
                send(&mut socket, ClientMessage::Hello(hello())).await?;
            }
            return Some(socket);
        }
        None
    };
    timeout(CONNECT_LIMIT, connecting).await.ok()?
}

fn hello() -> Hello {
    let size = super::tty::size();
    Hello {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        platform: std::env::consts::OS.to_owned(),
        window_size: WindowSize {
            width: size.width.into(),
            height: size.height.into(),
        },
        protocol_version: Some(PROTOCOL_VERSION.to_owned()),
        stream: None,
        last_seq: None,
        terminal: Some(true),
    }
}

async fn send(socket: &mut Socket, message: ClientMessage) -> Option<()> {
    let frame: ClientFrame = ClientEnvelope {
        message,
        id: None,
        timestamp: None,
    };
    let text = serde_json::to_string(&frame).ok()?;
    socket.send(Message::text(text)).await.ok()
}

/// Says what ran, and goes once the sidecar has read it: it answers a close after what came before it.
async fn take_leave(mut socket: Socket, run: Option<CommandRun>) {
    if let Some(run) = run
        && send(&mut socket, ClientMessage::CommandRun(run))
            .await
            .is_none()
    {
        return;
    }
    if socket.close(None).await.is_ok() {
        while let Some(Ok(_)) = socket.next().await {}
    }
}

/// The nudge of a message that is one for this terminal, now.
fn nudge(text: &str, now: DateTime<Utc>) -> Option<Told> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        r#type: String,
        #[serde(default)]
        replay: Option<bool>,
        #[serde(borrow)]
        payload: &'a RawValue,
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).ok()?;
    if envelope.r#type != "observer:nudge" {
        return None;
    }
    let nudge: Nudge = read_payload(envelope.payload.get()).ok()?;
    let replayed = envelope.replay == Some(true) || nudge.replay == Some(true);
    if replayed || !nudge.deliver {
        return None;
    }
    let expires = DateTime::parse_from_rfc3339(&nudge.expires_at).ok()?;
    // Nothing is left of one that has expired.
    let left = expires.signed_duration_since(now).to_std().ok()?;
    let signal = serde_json::to_string(&nudge.signal).ok()?;
    Some(Told::Nudge {
        signal,
        line: nudge.message,
        expires: Instant::now().checked_add(left)?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_nudge_for_this_terminal_is_typed() {
        let now = DateTime::parse_from_rfc3339("2026-01-31T12:00:00.000Z")
            .unwrap()
            .to_utc();
        let payload = json!({
            "signal": "wrong_file", "confidence": 0.8, "context": {"step": "ask"}, "message": "[PAIGE_OBSERVER] {}",
            "expiresAt": "2026-01-31T12:00:30.000Z", "deliver": true,
        });
        let with = |key: &str, value: serde_json::Value| {
            let mut changed = payload.clone();
            changed[key] = value;
            changed
        };
        let message = |kind: &str, payload: &serde_json::Value| {
            json!({"type": kind, "payload": payload, "timestamp": "2026-01-31T12:00:00.000Z", "seq": 4}).to_string()
        };
        let check = |text: &str, expected: bool| {
            assert_eq!(nudge(text, now).is_some(), expected, "{text}");
        };
        check(&message("observer:nudge", &payload), true);
        check(&message("coaching:message", &payload), false);
        check(
            &message("observer:nudge", &with("deliver", false.into())),
            false,
        );
        check(
            &message("observer:nudge", &with("replay", true.into())),
            false,
        );
        check(
            &message(
                "observer:nudge",
                &with("expiresAt", "2026-01-31T11:59:59.999Z".into()),
            ),
            false,
        );
        check(
            &message("observer:nudge", &with("expiresAt", "soon".into())),
            false,
        );
        check(&message("observer:nudge", &json!({})), false);
        check("no message", false);
        let replayed =
            json!({"type": "observer:nudge", "payload": payload, "replay": true, "timestamp": ""});
        check(&replayed.to_string(), false);
    }
}
