//! The live sidecar, asked by a hook: one request over loopback, within the time that the caller sets.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use paige_protocol::coach::hooks::{HookEvent, HookInput, HookOutput};
use paige_protocol::process::Rendezvous;

use crate::commands::HOSTS;
use crate::data_dir::DataDir;
use crate::rendezvous;

/// The longest answer, in bytes.
const LONGEST: u64 = 256 * 1024;

/// What the sidecar of a data directory answers. Each step may take `limit`; that all of it takes no longer is the
/// caller's matter.
///
/// # Errors
/// When there is none, or it does not answer with what a hook may say.
pub(super) fn ask(
    data: &DataDir,
    event: HookEvent,
    input: &HookInput,
    limit: Duration,
) -> io::Result<HookOutput> {
    let live = rendezvous::read(&data.rendezvous()).ok_or(io::ErrorKind::NotFound)?;
    let body = serde_json::to_string(input)?;
    let mut answer = Vec::new();
    send(&live, event, &body, limit)?
        .take(LONGEST)
        .read_to_end(&mut answer)?;
    let (head, body) = split(&answer).ok_or(io::ErrorKind::InvalidData)?;
    if status(head) != Some("200") {
        return Err(io::ErrorKind::Other.into());
    }
    Ok(serde_json::from_slice(body)?)
}

/// Sends the request. HTTP/1.0, so that the answer comes as it is and ends with the connection.
fn send(live: &Rendezvous, event: HookEvent, body: &str, limit: Duration) -> io::Result<TcpStream> {
    let mut last = io::ErrorKind::NotConnected.into();
    for host in HOSTS {
        let address = SocketAddr::new(host, live.port);
        match TcpStream::connect_timeout(&address, limit) {
            Ok(mut stream) => {
                stream.set_read_timeout(Some(limit))?;
                stream.set_write_timeout(Some(limit))?;
                let head = format!(
                    "POST /hook/{} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
                     Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                    event.name(),
                    live.tokens.hook.expose(),
                    body.len()
                );
                // In one piece, so that it leaves in one.
                stream.write_all(format!("{head}{body}").as_bytes())?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn split(answer: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((&answer[..end], &answer[end + 4..]))
}

fn status(head: &[u8]) -> Option<&str> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    std::str::from_utf8(line).ok()?.split(' ').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_an_answer_is_told_from_its_body() {
        let answer = b"HTTP/1.0 200 OK\r\ncontent-type: x\r\n\r\n{}\r\n\r\n";
        let (head, body) = split(answer).unwrap();
        assert_eq!(status(head), Some("200"));
        assert_eq!(body, b"{}\r\n\r\n");
        assert_eq!(split(b"HTTP/1.0 200 OK\r\n"), None);
        assert_eq!(status(b"garbage"), None);
        assert_eq!(status(b"\xff 200"), None);
    }
}
