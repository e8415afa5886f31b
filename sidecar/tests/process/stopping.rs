//! From the wish to stop to the exit code.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::sockets::Socket;
use crate::support::{Place, Sidecar};

/// Each signal ends it in order and in time, also with connections open, one of them in a request.
#[test]
fn every_signal_stops_it_in_order_within_three_seconds() {
    for (signal, name) in [
        (Signal::INT, "SIGINT"),
        (Signal::TERM, "SIGTERM"),
        (Signal::HUP, "SIGHUP"),
    ] {
        let place = Place::new();
        let mut sidecar = place.start();
        let port = sidecar.port();
        let idle = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut busy = TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(
            busy,
            "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {}\r\nContent-Length: 100\r\n\r\nhalf",
            place.ui_token()
        )
        .unwrap();

        let mut socket = Socket::connect(port, &place.ui_token());

        let asked = Instant::now();
        sidecar.signal(signal);
        // A second one changes nothing.
        sidecar.signal(signal);
        assert_eq!(socket.close_code(), 1001);
        let status = sidecar.wait();
        let took = asked.elapsed();
        let log = sidecar.stderr();
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(took < Duration::from_secs(3), "{took:?}\n{log}");
        let mut rest = log.as_str();
        for step in [
            &format!("Stopping: {name} came."),
            "no new connections are accepted",
            "MCP sessions are closed",
            "WebSockets are closed with 1001, and timers are stopped",
            "unsaved text is backed up",
            "the database is flushed and closed",
            "Stopped.",
        ] {
            let at = rest
                .find(step)
                .unwrap_or_else(|| panic!("{step:?} in its order in:\n{log}"));
            rest = &rest[at + step.len()..];
        }
        assert!(
            !place.data_file("sidecar.json").exists() && !place.data_file("running.json").exists()
        );
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        drop(idle);
    }
}

/// Many, since who is about to look at its queue in that moment must be told too.
#[test]
fn every_client_hears_that_it_stops() {
    let place = Place::new();
    let mut sidecar = place.start();
    let port = sidecar.port();
    let mut sockets: Vec<Socket> = (0..48)
        .map(|_| Socket::connect(port, &place.ui_token()))
        .collect();
    sidecar.signal(Signal::TERM);
    let codes: Vec<u16> = sockets.iter_mut().map(Socket::close_code).collect();
    assert_eq!(codes, vec![1001; sockets.len()]);
}

#[test]
fn a_signal_while_it_starts_ends_it_too() {
    let place = Place::new();
    let mut sidecar = Sidecar::spawn(place.serve().arg("--tokens-stdin").stdin(Stdio::piped()));
    sidecar.wait_for_log("Starting.");
    let status = sidecar.stop();
    assert_eq!(status.code(), Some(0), "{}", sidecar.stderr());
    assert_eq!(sidecar.rest_of_stdout(), Vec::<String>::new());
    assert!(!place.data_file("running.json").exists());
}

#[test]
fn a_stderr_that_nobody_reads_does_not_hold_it_up() {
    let place = Place::new();
    let mut child = place
        .serve()
        .args(["--log-level", "trace"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    crate::support::wait_until("the rendezvous file", || {
        place.data_file("sidecar.json").exists()
    });
    let port = place.rendezvous().port;
    // Far more log than a pipe holds.
    let log = place.data_file("logs/sidecar.log");
    while fs::metadata(&log).unwrap().len() < 512 * 1024 {
        assert_eq!(crate::support::request(port, "GET /health", "").0, 200);
    }
    crate::support::send(child.id(), Signal::TERM);
    crate::support::wait_until("its end", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A client that is connected but does not read: its socket is cut, and the data is closed in order.
#[test]
fn a_client_that_does_not_answer_does_not_hold_it_up() {
    for supervised in [false, true] {
        let place = Place::new();
        let mut command = place.serve();
        if supervised {
            command.arg("--supervised").stdin(Stdio::piped());
        }
        let mut sidecar = Sidecar::spawn(&mut command);
        let port = sidecar.port();
        let mut silent = Socket::connect_narrow(port, &place.ui_token());
        fs::write(place.project().join("large.txt"), "x".repeat(4 << 20)).unwrap();
        silent.send(&json!({"type": "file:open", "payload": {"path": "large.txt"}}));
        // When this one has its answer, the silent one's answer is stuck on its way.
        let mut reading = Socket::connect(port, &place.ui_token());
        reading.send(&json!({"type": "file:open", "payload": {"path": "large.txt"}}));
        reading.next_of("fs:content");
        let mut busy = TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(
            busy,
            "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {}\r\nContent-Length: 100\r\n\r\nhalf",
            place.ui_token()
        )
        .unwrap();

        let asked = Instant::now();
        let limit = if supervised {
            drop(sidecar.stdin.take());
            Duration::from_secs(2)
        } else {
            sidecar.signal(Signal::TERM);
            Duration::from_secs(3)
        };
        let status = sidecar.wait();
        let took = asked.elapsed();
        assert_eq!(status.code(), Some(0), "{}", sidecar.stderr());
        assert!(took < limit, "{took:?}\n{}", sidecar.stderr());
        assert!(
            sidecar.stderr().contains("Stopped."),
            "{}",
            sidecar.stderr()
        );
        assert!(!place.data_file("running.json").exists());
        drop(silent);
    }
}
