//! `mcp` and `mcp-headers`: how Claude Code gets to the live sidecar.
//!
//! `mcp` reads JSON-RPC messages, one a line, on stdin, sends each to `/mcp` (Streamable HTTP) and writes what
//! comes back to stdout. It keeps the session that the sidecar gave it, and begins a new one by itself when
//! the sidecar does not know it any more, so that a restart is not seen from outside.

use std::io::{self, BufRead, Write as _};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use paige_protocol::process::{HttpError, Rendezvous};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::live::{find_or_start, project};
use super::loopback::{Answer, Broken, request};
use super::{holder, not_running};
use crate::cli::Settings;
use crate::config::{self, Start};
use crate::data_dir::DataDir;
use crate::exit::{Failure, print};

/// How long one message is sent again to sidecars that go away, and how long is waited in between: one that
/// was killed is there for a moment yet.
const INSIST: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);
/// How long calls under way are waited for when stdin has ended.
const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// The longest answer that is one JSON text, in bytes.
const LONGEST_ANSWER: u64 = 256 * 1024 * 1024;
/// What JSON-RPC calls a text that is no JSON.
const PARSE_ERROR: i32 = -32700;
/// A failure of a server, in the range that JSON-RPC leaves to servers.
const SERVER_ERROR: i32 = -32000;

/// Prints the headers that `/mcp` needs, as a JSON object.
///
/// # Errors
/// [`crate::exit::Exit::NotRunning`] when no sidecar runs.
pub(crate) fn mcp_headers(data: &DataDir) -> Result<(), Failure> {
    let live = holder(data)?.and_then(|holder| holder.rendezvous);
    let live = live.ok_or_else(|| not_running(data))?;
    let bearer = format!("Bearer {}", live.tokens.mcp.expose());
    print(&json!({ "Authorization": bearer }).to_string());
    Ok(())
}

/// Hands messages on until stdin ends.
///
/// # Errors
/// When the settings or the project cannot be used. What fails later is told to the client.
pub(crate) fn mcp(settings: &Settings) -> Result<(), Failure> {
    let bridge = Arc::new(Bridge {
        start: config::start(settings)?,
        project: project(settings)?,
        live: Mutex::default(),
        session: Mutex::default(),
    });
    let (under_way, all_done) = mpsc::channel::<()>();
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|error| Failure::internal("stdin cannot be read", error))?;
        if line.trim().is_empty() {
            continue;
        }
        let Ok(message) = serde_json::from_str::<Value>(&line) else {
            write(&error(&Value::Null, PARSE_ERROR, "This line is no JSON."));
            continue;
        };
        let is_call = message["id"] != Value::Null && message["method"] != "initialize";
        if !is_call {
            // In their order: what comes next relies on the session.
            bridge.forward(&message);
            continue;
        }
        let (bridge, under_way) = (Arc::clone(&bridge), under_way.clone());
        thread::Builder::new()
            .name("call".into())
            .spawn(move || {
                bridge.forward(&message);
                drop(under_way);
            })
            .map_err(|error| Failure::internal("A thread could not be started", error))?;
    }
    drop(under_way);
    // Nothing is ever sent: it ends when the last call has let go of it, or the time is over.
    let _ = all_done.recv_timeout(LAST_ANSWERS);
    bridge.leave();
    Ok(())
}

struct Bridge {
    start: Start,
    project: std::path::PathBuf,
    live: Mutex<Option<Rendezvous>>,
    session: Mutex<Session>,
}

/// The MCP session with the sidecar, in versions of the protocol that have one.
#[derive(Default)]
struct Session {
    /// What the client sent to begin it.
    initialize: Option<Value>,
    /// What the sidecar calls it.
    id: Option<String>,
    /// The version that both agreed on.
    version: Option<String>,
}

/// Why a message has no answer.
enum Trouble {
    /// It was not taken: it can be sent again, to whoever is there then.
    Gone,
    /// The sidecar does not know this session.
    NoSession(String),
    /// It was taken, and nobody knows what became of it.
    Cut,
    /// This is to be told.
    Told(String),
}

impl Bridge {
    /// Sends a message and writes what comes back, an error at least.
    fn forward(&self, message: &Value) {
        if message["method"] == "initialize" {
            *self.session.lock() = Session {
                initialize: Some(message.clone()),
                ..Session::default()
            };
        }
        if let Err(what) = self.try_forward(message)
            && message["method"] != Value::Null
            && message["id"] != Value::Null
        {
            write(&error(&message["id"], SERVER_ERROR, &what));
        }
    }

    fn try_forward(&self, message: &Value) -> Result<(), String> {
        let deadline = Instant::now() + INSIST;
        loop {
            let live = self.live()?;
            match self.exchange(&live, message) {
                Ok(()) => return Ok(()),
                Err(Trouble::NoSession(id)) => self.begin_anew(&live, &id)?,
                Err(Trouble::Told(what)) => return Err(what),
                Err(Trouble::Cut) if !only_asks(message) => {
                    self.forget(&live);
                    return Err("The sidecar went away while it was at this, so that nobody knows whether it was done. Look with paige_get_session_state, then call again if it was not.".to_owned());
                }
                Err(Trouble::Gone | Trouble::Cut) => {
                    self.forget(&live);
                    thread::sleep(PAUSE);
                }
            }
            if Instant::now() > deadline {
                return Err("The sidecar goes away each time that it is asked. Look at its log with `paige-sidecar logs`.".to_owned());
            }
        }
    }

    /// The sidecar, found or started at the first call and after it was [forgotten](Self::forget).
    fn live(&self) -> Result<Rendezvous, String> {
        let mut live = self.live.lock();
        if let Some(live) = &*live {
            return Ok(live.clone());
        }
        let found = find_or_start(&self.start, &self.project).map_err(|failure| failure.message)?;
        Ok(live.insert(found).clone())
    }

    /// Looks for a sidecar anew, unless somebody has found another one meanwhile.
    fn forget(&self, gone: &Rendezvous) {
        let mut live = self.live.lock();
        if live
            .as_ref()
            .is_some_and(|live| live.instance == gone.instance)
        {
            *live = None;
        }
    }

    /// Begins the session anew that the sidecar does not know, unless somebody has done so meanwhile.
    fn begin_anew(&self, live: &Rendezvous, unknown: &str) -> Result<(), String> {
        let mut session = self.session.lock();
        if session.id.as_deref() != Some(unknown) {
            return Ok(());
        }
        let Some(initialize) = session.initialize.clone() else {
            return Err("The session is not known any more. Connect again.".to_owned());
        };
        session.id = None;
        let trouble = || {
            "The sidecar did not begin a new session. Look at its log with `paige-sidecar logs`."
                .to_owned()
        };
        let answer = post(live, &Session::default(), &initialize).map_err(|_| trouble())?;
        session.id = answer.header("mcp-session-id").map(str::to_owned);
        each_message(answer, |_| ()).map_err(|_| trouble())?;
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        post(live, &session, &ready).map_err(|_| trouble())?;
        Ok(())
    }

    fn exchange(&self, live: &Rendezvous, message: &Value) -> Result<(), Trouble> {
        let (answer, used) = {
            let session = self.session.lock();
            let used = Session {
                initialize: None,
                id: session.id.clone(),
                version: session.version.clone(),
            };
            drop(session);
            (post(live, &used, message).map_err(trouble_of)?, used)
        };
        match answer.status {
            200..=299 => {}
            401 => return Err(Trouble::Gone),
            404 if used.id.is_some() => {
                return Err(Trouble::NoSession(used.id.unwrap_or_default()));
            }
            status => return refused(status, answer),
        }
        let begins = message["method"] == "initialize";
        if begins {
            self.session.lock().id = answer.header("mcp-session-id").map(str::to_owned);
        }
        let mut answered = message["id"] == Value::Null;
        each_message(answer, |text| {
            let Ok(told) = serde_json::from_str::<Value>(text) else {
                return;
            };
            if begins && let Some(version) = told["result"]["protocolVersion"].as_str() {
                self.session.lock().version = Some(version.to_owned());
            }
            answered |= told["id"] == message["id"] && told["method"] == Value::Null;
            write(&told);
        })
        // What comes, or breaks, behind the answer is of no matter.
        .unwrap_or_default();
        if answered { Ok(()) } else { Err(Trouble::Cut) }
    }

    /// Tells the sidecar that the session is over, as a client does that has finished.
    fn leave(&self) {
        let live = self.live.lock().clone();
        let session = self.session.lock();
        if let (Some(live), Some(id)) = (live, &session.id) {
            let bearer = format!("Bearer {}", live.tokens.mcp.expose());
            let headers = [("Authorization", &*bearer), ("Mcp-Session-Id", id)];
            // A session that nobody ends is forgotten in time.
            let _ = request(live.port, "DELETE", "/mcp", &headers, "", None);
        }
    }
}

/// Whether a message can be sent twice: what a tool may have done is not done again.
fn only_asks(message: &Value) -> bool {
    message["method"] != "tools/call"
        || message["params"]["name"]
            .as_str()
            .is_some_and(|tool| tool.starts_with("paige_get_"))
}

fn trouble_of(broken: Broken) -> Trouble {
    match broken {
        Broken::NotSent(_) => Trouble::Gone,
        Broken::Unanswered(_) => Trouble::Cut,
    }
}

fn post(live: &Rendezvous, session: &Session, message: &Value) -> Result<Answer, Broken> {
    let bearer = format!("Bearer {}", live.tokens.mcp.expose());
    let mut headers = vec![
        ("Authorization", &*bearer),
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
    ];
    // Versions without sessions say theirs in each message.
    let own = message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"].as_str();
    if let Some(version) = own.or(session.version.as_deref()) {
        headers.push(("MCP-Protocol-Version", version));
    }
    if own.is_some() {
        if let Some(method) = message["method"].as_str() {
            headers.push(("Mcp-Method", method));
        }
        let params = &message["params"];
        if let Some(name) = params["name"].as_str().or(params["uri"].as_str()) {
            headers.push(("Mcp-Name", name));
        }
    } else if let Some(id) = &session.id {
        headers.push(("Mcp-Session-Id", id));
    }
    request(
        live.port,
        "POST",
        "/mcp",
        &headers,
        &message.to_string(),
        None,
    )
}

/// Every JSON text of an answer: the events of a stream, or the body itself.
fn each_message(answer: Answer, mut tell: impl FnMut(&str)) -> io::Result<()> {
    let streams = answer
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("text/event-stream"));
    if !streams {
        let text = answer.text(LONGEST_ANSWER)?;
        if !text.trim().is_empty() {
            tell(&text);
        }
        return Ok(());
    }
    let mut data = String::new();
    for line in answer.body.lines() {
        let line = line?;
        if let Some(text) = line.strip_prefix("data:") {
            data.push_str(text.strip_prefix(' ').unwrap_or(text));
            data.push('\n');
        } else if line.is_empty() && !data.is_empty() {
            if !data.trim().is_empty() {
                tell(&data);
            }
            data.clear();
        }
    }
    Ok(())
}

/// An answer of the sidecar that is no success: a JSON-RPC error is handed on, all else is told.
fn refused(status: u16, answer: Answer) -> Result<(), Trouble> {
    let text = answer.text(LONGEST_ANSWER).unwrap_or_default();
    if let Ok(told) = serde_json::from_str::<Value>(&text)
        && told["jsonrpc"] == "2.0"
    {
        write(&told);
        return Ok(());
    }
    Err(Trouble::Told(
        match serde_json::from_str::<HttpError>(&text) {
            Ok(told) => told.error,
            Err(_) => format!("The sidecar answered {status}. {}", text.trim()),
        },
    ))
}

fn error(id: &Value, code: i32, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

/// One message on stdout, in one piece. A client that left is no reason to fail: stdin ends then.
fn write(message: &Value) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{message}");
    let _ = out.flush();
}
