//! `replay`: the live sidecar shows the pushes of a session once more to the windows connected to it.

use std::io::{self, Read as _};
use std::time::Duration;

use paige_protocol::ErrorCode;
use paige_protocol::coach::replay::{ReplayEvent, ReplayRequest};
use paige_protocol::process::HttpError;

use super::loopback::{Broken, request};
use super::sessions::id_of;
use super::{holder, not_running};
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
    let body = serde_json::to_string(&ReplayRequest { session_id, speed })
        .map_err(|error| Failure::internal("The request could not be written", error))?;
    let bearer = format!("Bearer {}", token.trim());
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    let silence = Some(SILENCE_LIMIT);
    let answer = match request(live.port, "POST", "/replay", &headers, &body, silence) {
        Ok(answer) => answer,
        Err(Broken::NotSent(error)) => {
            return Err(Failure::new(
                Exit::NotRunning,
                format!(
                    "The sidecar on port {} does not answer ({error}). Look at its log with `paige-sidecar logs`.",
                    live.port
                ),
            ));
        }
        Err(Broken::Unanswered(error)) => return Err(broken(error)),
    };
    if answer.status != 200 {
        return Err(refused(answer.status, answer.body));
    }
    show(session_id, answer.body)
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
