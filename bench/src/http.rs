//! A lean HTTP/1.1 client on one kept-alive connection, so that what is measured is the server.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

/// No answer takes longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

/// One connection.
pub(crate) struct Http {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

/// An answer; it lends the connection's buffer.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    /// The status code.
    pub(crate) status: u16,
    /// The status line and the header lines.
    pub(crate) head: &'a str,
    body: &'a [u8],
    chunked: bool,
}

impl Http {
    /// Connects to a port of this machine.
    pub(crate) fn connect(port: u16) -> Result<Self> {
        Ok(Self {
            stream: connect(port)?,
            buffer: vec![0; 64 * 1024],
            filled: 0,
        })
    }

    /// Sends a whole request and waits for the whole answer.
    pub(crate) fn call(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.send(request)?;
        self.receive()
    }

    /// Sends a whole request.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(request)?)
    }

    /// Waits for the whole answer to what was sent last.
    pub(crate) fn receive(&mut self) -> Result<Answer<'_>> {
        self.filled = 0;
        let head = loop {
            if let Some(end) = find(&self.buffer[..self.filled], 0, b"\r\n\r\n") {
                break end + 4;
            }
            self.fill()?;
        };
        let text = std::str::from_utf8(&self.buffer[..head])?;
        let length: Option<usize> = header(text, "content-length").map(str::parse).transpose()?;
        let chunked = header(text, "transfer-encoding").is_some();
        let end = match length {
            Some(length) => {
                self.fill_to(head + length)?;
                head + length
            }
            None if chunked => self.last_chunk(head)?,
            None => head,
        };
        let head_text = std::str::from_utf8(&self.buffer[..head])?;
        let status = head_text
            .split(' ')
            .nth(1)
            .context("there is no status")?
            .parse()?;
        Ok(Answer {
            status,
            head: head_text,
            body: &self.buffer[head..end],
            chunked,
        })
    }

    /// Reads to the end of a chunked body that starts at `at`.
    fn last_chunk(&mut self, mut at: usize) -> Result<usize> {
        loop {
            let line = loop {
                match find(&self.buffer[..self.filled], at, b"\r\n") {
                    Some(line) => break line,
                    None => self.fill()?,
                }
            };
            let size = chunk_size(&self.buffer[at..line])?;
            at = line + 2 + size + 2;
            self.fill_to(at)?;
            if size == 0 {
                return Ok(at);
            }
        }
    }

    fn fill_to(&mut self, end: usize) -> Result<()> {
        while self.filled < end {
            self.fill()?;
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<()> {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let read = self.stream.read(&mut self.buffer[self.filled..])?;
        if read == 0 {
            bail!("the server closed the connection");
        }
        self.filled += read;
        Ok(())
    }
}

impl<'a> Answer<'a> {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        header(self.head, name)
    }

    /// The body, put together.
    pub(crate) fn body(&self) -> Result<Vec<u8>> {
        if !self.chunked {
            return Ok(self.body.to_vec());
        }
        let (mut whole, mut at) = (Vec::with_capacity(self.body.len()), 0);
        while let Some(line) = find(self.body, at, b"\r\n") {
            let size = chunk_size(&self.body[at..line])?;
            whole.extend_from_slice(&self.body[line + 2..line + 2 + size]);
            at = line + 2 + size + 2;
        }
        Ok(whole)
    }

    /// The body as it came, with the sizes of its chunks in it.
    pub(crate) fn raw(&self) -> &'a [u8] {
        self.body
    }
}

/// A connection on which small messages leave at once and no read waits for ever.
pub(crate) fn connect(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Where `needle` stands in `bytes` from `from` on.
pub(crate) fn find(bytes: &[u8], from: usize, needle: &[u8]) -> Option<usize> {
    bytes
        .get(from..)?
        .windows(needle.len())
        .position(|window| window == needle)
        .map(|at| from + at)
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn chunk_size(line: &[u8]) -> Result<usize> {
    let line = std::str::from_utf8(line)?;
    let digits = line.split(';').next().unwrap_or(line).trim();
    usize::from_str_radix(digits, 16).context("a chunk has no size")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn check(answer: &'static [&'static [u8]], wanted: &[u8]) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 64];
            for _ in 0..2 {
                assert!(stream.read(&mut request).unwrap() > 0);
                for piece in answer {
                    stream.write_all(piece).unwrap();
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        });
        let mut http = Http::connect(port).unwrap();
        for _ in 0..2 {
            let answer = http.call(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            assert_eq!((answer.status, answer.header("x-a")), (200, Some("b")));
            assert_eq!(answer.body().unwrap(), wanted);
        }
        server.join().unwrap();
    }

    #[test]
    fn answers_are_read_to_their_end_and_no_further() {
        check(
            &[
                b"HTTP/1.1 200 OK\r\nX-A: b\r\ncontent-length: 5\r\n\r\nhel",
                b"lo",
            ],
            b"hello",
        );
        check(
            &[
                b"HTTP/1.1 200 OK\r\nX-A: b\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r",
                b"\nA;x=y\r\n0123456789",
                b"\r\n0\r\n",
                b"\r\n",
            ],
            b"hel0123456789",
        );
        check(&[b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n"], b"");
    }
}
