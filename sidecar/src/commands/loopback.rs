//! One HTTP request to the live sidecar, over loopback and nowhere else.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use super::{ANSWER_LIMIT, HOSTS};

/// The longest head of an answer, in bytes.
const LONGEST_HEAD: u64 = 64 * 1024;

/// What was sent, as far as it got.
#[derive(Debug)]
pub(crate) enum Broken {
    /// Nobody took the request: it can be sent again.
    NotSent,
    /// It was sent and the answer did not come, or not whole: nobody knows whether it was done.
    Unanswered,
}

/// The head of an answer, and its body, which ends with the connection.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    /// What follows.
    pub(crate) body: BufReader<TcpStream>,
}

impl Answer {
    /// The first header of this name, given in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The whole body as text, at most `limit` bytes.
    ///
    /// # Errors
    /// Those of the connection, and a body that is no UTF-8.
    pub(crate) fn text(self, limit: u64) -> io::Result<String> {
        let mut text = String::new();
        self.body.take(limit).read_to_string(&mut text)?;
        Ok(text)
    }
}

/// Sends a request to `port`. It is HTTP/1.0, so that the answer comes as it is and ends with the connection.
/// There is no limit of time once it is sent: a plan or a wrap-up takes minutes.
///
/// # Errors
/// [`Broken`], which says whether the request can be sent again.
pub(crate) fn request(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Answer, Broken> {
    for host in HOSTS {
        let address = SocketAddr::new(host, port);
        if let Ok(mut stream) = TcpStream::connect_timeout(&address, ANSWER_LIMIT) {
            let mut head = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\n");
            for (name, value) in headers {
                // A line break in a value would begin a header of its own.
                let value = value.replace(['\r', '\n'], " ");
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
            // A body that did not leave whole is never acted on.
            stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(body.as_bytes()))
                .map_err(|_| Broken::NotSent)?;
            return read_head(BufReader::new(stream)).map_err(|_| Broken::Unanswered);
        }
    }
    Err(Broken::NotSent)
}

fn read_head(mut body: BufReader<TcpStream>) -> io::Result<Answer> {
    let mut lines = Vec::new();
    let mut head = (&mut body).take(LONGEST_HEAD);
    loop {
        let mut line = String::new();
        if head.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let status = lines
        .first()
        .and_then(|first| first.split(' ').nth(1))
        .and_then(|status| status.parse().ok())
        .ok_or(io::ErrorKind::InvalidData)?;
    let headers = lines
        .iter()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Ok(Answer {
        status,
        headers,
        body,
    })
}
