//! HTTP as bytes: requests that no honest client would send, and answers whose end is not awaited.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, Result};

use crate::sidecar::PATIENCE;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers in the order in which they came, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body of an answer with a length; of any other, nothing.
    pub body: String,
}

impl Answer {
    /// The value of a header, the first if there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Sends bytes on a connection of their own and reads one answer.
pub fn exchange(port: u16, request: &[u8]) -> Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut head = Vec::new();
    let mut byte = [0];
    // Byte by byte, so that nothing of a body is read that belongs to somebody else.
    while !head.ends_with(b"\r\n\r\n") {
        stream
            .read_exact(&mut byte)
            .with_context(|| format!("after {:?}", String::from_utf8_lossy(&head)))?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head)?;
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .context("a status line")?
        .parse()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut answer = Answer {
        status,
        headers,
        body: String::new(),
    };
    // The length of an answer to HEAD is that of a body that does not come.
    if let Some(length) = answer.header("content-length")
        && !request.starts_with(b"HEAD ")
    {
        let mut body = vec![0; length.parse()?];
        stream.read_exact(&mut body)?;
        answer.body = String::from_utf8(body)?;
    }
    Ok(answer)
}
