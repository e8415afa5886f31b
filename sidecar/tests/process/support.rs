//! A place with a project and a data directory, and a sidecar that runs there.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use paige_protocol::process::{ReadyLine, Rendezvous};
use rustix::process::{Pid, Signal};

/// Long enough for a busy machine; only a test that fails waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A key that must not be seen anywhere.
pub(crate) const KEY: &str = "sk-ant-test-0123456789-abcdefghijklmnop";

/// A temporary folder with a project and the path of a data directory that is not made yet.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("project")).unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        Self { folder }
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("project")
    }

    /// Two folders deep, so that parents have to be made.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("deep/data")
    }

    pub(crate) fn data_file(&self, name: &str) -> PathBuf {
        self.data().join(name)
    }

    /// The binary with nothing of this machine's environment but what a process needs.
    pub(crate) fn bare(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paige-sidecar"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path().join("home"))
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// The binary as `serve` needs it: a project, a data directory, a key, any free port.
    pub(crate) fn serve(&self) -> Command {
        let mut command = self.bare();
        command
            .env("PROJECT_DIR", self.project())
            .env("DATA_DIR", self.data())
            .env("ANTHROPIC_API_KEY", KEY)
            .env("PORT", "0");
        command
    }

    /// A subcommand on the data directory, run to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.bare()
            .args(args)
            .env("DATA_DIR", self.data())
            .output()
            .unwrap()
    }

    /// A live sidecar with the usual settings.
    pub(crate) fn start(&self) -> Sidecar {
        let mut sidecar = Sidecar::spawn(&mut self.serve());
        sidecar.ready();
        sidecar
    }

    pub(crate) fn rendezvous(&self) -> Rendezvous {
        serde_json::from_slice(&fs::read(self.data_file("sidecar.json")).unwrap()).unwrap()
    }

    pub(crate) fn ui_token(&self) -> String {
        fs::read_to_string(self.data_file("ui.token"))
            .unwrap()
            .trim()
            .to_owned()
    }
}

/// A started process of ours. Dropping it kills it.
pub(crate) struct Sidecar {
    child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    ready: Option<ReadyLine>,
}

impl Sidecar {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let stderr = Arc::new(Mutex::new(String::new()));
        let collected = stderr.clone();
        let readers = vec![
            thread::spawn(move || {
                for line in stdout.lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            }),
            thread::spawn(move || {
                let mut line = String::new();
                while errors.read_line(&mut line).is_ok_and(|read| read > 0) {
                    collected.lock().unwrap().push_str(&line);
                    line.clear();
                }
            }),
        ];
        let stdin = child.stdin.take();
        Self {
            child,
            stdin,
            lines,
            stderr,
            readers,
            ready: None,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The ready line, which must be the first on stdout.
    pub(crate) fn ready(&mut self) -> ReadyLine {
        if self.ready.is_none() {
            let line = self
                .next_line()
                .unwrap_or_else(|| panic!("it ended without a ready line:\n{}", self.stderr()));
            self.ready =
                Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")));
        }
        self.ready.clone().unwrap()
    }

    pub(crate) fn port(&mut self) -> u16 {
        self.ready().port
    }

    /// The next line on stdout; `None` at its end.
    pub(crate) fn next_line(&self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                panic!("nothing on stdout, and no end:\n{}", self.stderr())
            }
        }
    }

    /// What stands on stderr so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Waits until stderr holds this text.
    pub(crate) fn wait_for_log(&self, text: &str) {
        wait_until(&format!("{text:?} on stderr"), || {
            self.stderr().contains(text)
        });
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(self.id(), signal);
    }

    /// Asks it to stop and waits for its end.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Kills it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.wait();
    }

    /// Waits for its end, and until all it wrote has been read.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                begin.elapsed() < PATIENCE,
                "it does not end:\n{}",
                self.stderr()
            );
            thread::sleep(Duration::from_millis(5));
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        status
    }

    /// What is left on stdout; for after its end.
    pub(crate) fn rest_of_stdout(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// One HTTP/1.1 exchange on a connection of its own: the status and the body.
pub(crate) fn request(port: u16, head: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "{head} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("{answer}"));
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// Like [`request`] with more headers, each ending in CRLF.
pub(crate) fn request_with(port: u16, line: &str, headers: &str) -> u16 {
    let head =
        format!("{line} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{headers}\r\n");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    answer
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or_else(|| panic!("{answer}"))
}

/// The first line of an answer's stderr or stdout, for whole comparisons.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Every file below `folder`, with its bytes.
pub(crate) fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found
}
