//! `replay`: the live sidecar shows the pushes of a session once more to the windows connected to it.

use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use paige_protocol::ErrorCode;
use paige_protocol::coach::replay::{ReplayEvent, ReplayRequest};
use paige_protocol::process::{HttpError, Rendezvous};

use super::sessions::id_of;
use super::{ANSWER_LIMIT, HOSTS, holder, not_running};
use crate::cli::Which;
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure, print, tell};

/// How long nothing may come: longer than the longest wait between two pushes.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);

/// Replays a session, and tells what is shown until it ends. Ctrl-C ends this process and with it the
/// connection, which stops the replay.
///
/// # Errors
/// [`Exit::NotRunning`] when no sidecar runs, [`Exit::Refused`] when it knows no such session or
/// keeps nothing of it, [`Exit::Tokens`] when the token in the data directory is not its own.
pub(crate) fn replay(data: &DataDir, session: Which, speed: f64) -> Result<(), Failure> {
    let Some(live) = holder(data)?.and_then(|holder| holder.rendezvous) else {
        return Err(not_running(data));
    };
    let session_id = id_of(data, session)?;
    let token = std::fs::read_to_string(data.ui_token()).map_err(|error| {
        Failure::new(
            Exit::Tokens,
            format!(
                "The ui token cannot be read from {}: {error}. A sidecar that got its tokens from a shell can only be asked by that shell.",
                data.ui_token().display()
            ),
        )
    })?;
    let request = ReplayRequest { session_id, speed };
    let mut answer = BufReader::new(ask(&live, token.trim(), &request)?);
    let status = read_head(&mut answer).map_err(broken)?;
    if status != 200 {
        return Err(refused(status, answer));
    }
    show(session_id, answer)
}

/// Sends the request. HTTP/1.0, so that the answer comes as it is and ends with the connection.
fn ask(live: &Rendezvous, token: &str, request: &ReplayRequest) -> Result<TcpStream, Failure> {
    let body = serde_json::to_string(request)
        .map_err(|error| Failure::internal("The request could not be written", error))?;
    let mut last = None;
    for host in HOSTS {
        let address = SocketAddr::new(host, live.port);
        match TcpStream::connect_timeout(&address, ANSWER_LIMIT) {
            Ok(mut stream) => {
                stream
                    .set_read_timeout(Some(SILENCE_LIMIT))
                    .and_then(|()| {
                        write!(
                            stream,
                            "POST /replay HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
                             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                            body.len()
                        )
                    })
                    .map_err(broken)?;
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(Failure::new(
        Exit::NotRunning,
        format!(
            "The sidecar on port {} does not answer ({}). Look at its log with `paige-sidecar logs`.",
            live.port,
            last.map_or_else(String::new, |error| error.to_string())
        ),
    ))
}

/// The status of an answer, of which the head is then read.
fn read_head(answer: &mut impl io::BufRead) -> io::Result<u16> {
    let mut first = String::new();
    answer.read_line(&mut first)?;
    let mut line = String::new();
    while answer.read_line(&mut line)? > 0 && line.trim_end() != "" {
        line.clear();
    }
    first
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn refused(status: u16, answer: impl io::Read) -> Failure {
    let mut body = String::new();
    let told = answer
        .take(64 * 1024)
        .read_to_string(&mut body)
        .ok()
        .and_then(|_| serde_json::from_str::<HttpError>(&body).ok());
    let Some(HttpError { error, code }) = told else {
        return Failure::new(
            Exit::Internal,
            format!(
                "The sidecar answered {status} and nothing that can be understood. Is it another version of Paige?"
            ),
        );
    };
    match code {
        ErrorCode::Unauthorized => Failure::new(
            Exit::Tokens,
            "The sidecar does not know the ui token of the data directory: it got its tokens from a shell, which alone can ask it.",
        ),
        ErrorCode::UnknownId | ErrorCode::Unavailable | ErrorCode::ProjectMismatch => {
            Failure::new(Exit::Refused, error)
        }
        ErrorCode::InvalidArgument => Failure::new(Exit::Usage, error),
        _ => Failure::new(Exit::Internal, error),
    }
}

fn show(session_id: u32, answer: impl io::BufRead) -> Result<(), Failure> {
    let mut windows = 0;
    let mut total = 0;
    for line in answer.lines() {
        let line = line.map_err(broken)?;
        let event = serde_json::from_str(&line).map_err(|error| broken(error.into()))?;
        match event {
            ReplayEvent::Started {
                messages,
                clients,
                is_cut,
            } => {
                (windows, total) = (clients, messages);
                if is_cut {
                    tell(
                        "The beginning of the session is not kept any more; what is left of it is shown. \
                         --outbox-keep-hours and --outbox-max-bytes keep more of what comes from now on.",
                    );
                }
                if clients == 0 {
                    tell("No window is connected to the sidecar, so that nobody sees this yet.");
                }
            }
            ReplayEvent::Shown {
                number,
                message_type,
                at,
            } => print(&format!("{number}/{total}  {at}  {message_type}")),
            ReplayEvent::Finished { shown } => {
                print(&format!(
                    "Session {session_id} has been replayed: {shown} of {total} messages, to {windows} {}.",
                    if windows == 1 { "window" } else { "windows" }
                ));
                return Ok(());
            }
            ReplayEvent::Failed { error } => return Err(Failure::new(Exit::Internal, error)),
        }
    }
    Err(broken(io::ErrorKind::UnexpectedEof.into()))
}

fn broken(error: io::Error) -> Failure {
    Failure::new(
        Exit::Internal,
        format!(
            "The sidecar ended the replay before its end ({error}). Look at its log with `paige-sidecar logs`, and try again."
        ),
    )
}
