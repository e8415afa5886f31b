//! One HTTP request to the live sidecar, over loopback and nowhere else.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// Where a sidecar can be reached: where a host is missing the other serves alone.
pub(crate) const HOSTS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];
/// How long a connection may take at most.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// The longest head of an answer, in bytes.
const LONGEST_HEAD: u64 = 64 * 1024;

/// What was sent, as far as it got.
#[derive(Debug)]
pub(crate) enum Broken {
    /// Nobody took the request: it can be sent again.
    NotSent(io::Error),
    /// It was sent and the answer did not come, or not whole: nobody knows whether it was done.
    Unanswered(io::Error),
}

impl From<Broken> for io::Error {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::NotSent(error) | Broken::Unanswered(error) => error,
        }
    }
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
///
/// `silence` is how long nothing may come of it; without one there is no limit once it is sent: a plan or
/// a wrap-up takes minutes.
///
/// # Errors
/// [`Broken`], which says whether the request can be sent again.
pub(crate) fn request(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
    silence: Option<Duration>,
) -> Result<Answer, Broken> {
    let limit = silence.map_or(CONNECT_LIMIT, |silence| silence.min(CONNECT_LIMIT));
    let mut last = io::ErrorKind::NotConnected.into();
    for host in HOSTS {
        let address = SocketAddr::new(host, port);
        let mut stream = match TcpStream::connect_timeout(&address, limit) {
            Ok(stream) => stream,
            Err(error) => {
                last = error;
                continue;
            }
        };
        let mut message = format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\n");
        for (name, value) in headers {
            // A line break in a value would begin a header of its own.
            let value = value.replace(['\r', '\n'], " ");
            message.push_str(&format!("{name}: {value}\r\n"));
        }
        message.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        // In one piece, so that it leaves in one; a body that did not leave whole is never acted on.
        stream
            .set_read_timeout(silence)
            .and_then(|()| stream.set_write_timeout(silence))
            .and_then(|()| stream.write_all(message.as_bytes()))
            .map_err(Broken::NotSent)?;
        return read_head(BufReader::new(stream)).map_err(Broken::Unanswered);
    }
    Err(Broken::NotSent(last))
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
