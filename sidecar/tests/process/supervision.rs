//! A sidecar under a shell: tokens over stdin, and an end with the parent.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use paige_protocol::process::ReadyLine;
use rustix::process::Signal;

use crate::support::{Place, Sidecar, request_with, send};

fn line(ui: &str, mcp: &str, hook: &str) -> String {
    format!("{{\"tokens\":{{\"ui\":\"{ui}\",\"mcp\":\"{mcp}\",\"hook\":\"{hook}\"}}}}\n")
}

fn with_tokens(place: &Place, args: &[&str], line: &str) -> Sidecar {
    let mut sidecar = Sidecar::spawn(
        place
            .serve()
            .arg("--tokens-stdin")
            .args(args)
            .stdin(Stdio::piped()),
    );
    sidecar
        .stdin
        .as_mut()
        .unwrap()
        .write_all(line.as_bytes())
        .unwrap();
    sidecar
}

#[test]
fn the_tokens_of_a_shell_are_used_and_its_ui_token_is_written_nowhere() {
    let place = Place::new();
    let (ui, mcp, hook) = ("u".repeat(64), "m".repeat(64), "h".repeat(64));
    let mut sidecar = with_tokens(&place, &[], &line(&ui, &mcp, &hook));
    let port = sidecar.port();
    let status = |token: &str| {
        request_with(
            port,
            "GET /ws",
            &format!("Authorization: Bearer {token}\r\n"),
        )
    };
    assert_eq!(status("wrong"), 401);
    assert_eq!(status(&mcp), 403);
    assert!(!matches!(status(&ui), 401 | 403));
    let tokens = place.rendezvous().tokens;
    assert_eq!((tokens.mcp.expose(), tokens.hook.expose()), (&*mcp, &*hook));
    assert!(!place.data_file("ui.token").exists() && !place.data_file("tokens.json").exists());
    // Without --supervised the end of stdin means nothing.
    drop(sidecar.stdin.take());
    std::thread::sleep(Duration::from_millis(300));
    assert!(!matches!(status(&ui), 401 | 403));
    assert!(sidecar.stop().success());
}

#[test]
fn tokens_that_are_missing_or_wrong_end_the_start_without_being_shown() {
    let good = "x".repeat(64);
    let unfinished = line(&good, &"y".repeat(64), &"z".repeat(64));
    let table = [
        ("", "stdin ended before a whole line came"),
        (
            "hidden-nonsense\n",
            "is not the JSON object that is expected",
        ),
        (
            &*line("hidden-nonsense", &good, "hidden"),
            "the ui token is too short",
        ),
        (&*line(&good, &good, &good), "two tokens are the same"),
        (
            unfinished.trim_end(),
            "stdin ended before a whole line came",
        ),
    ];
    for (line, expected) in table {
        let place = Place::new();
        let mut sidecar = with_tokens(&place, &[], line);
        drop(sidecar.stdin.take());
        let status = sidecar.wait();
        let log = sidecar.stderr();
        assert_eq!(status.code(), Some(7), "{log}");
        assert!(log.contains(expected), "{expected} in {log}");
        assert!(!log.contains("hidden") && !log.contains(&good), "{log}");
        assert_eq!(sidecar.rest_of_stdout(), Vec::<String>::new());
    }
}

#[test]
fn tokens_that_do_not_come_are_not_waited_for() {
    let place = Place::new();
    let begin = Instant::now();
    let mut sidecar = with_tokens(&place, &[], "{\"tokens\":");
    let status = sidecar.wait();
    let log = sidecar.stderr();
    assert_eq!(status.code(), Some(7), "{log}");
    assert!(log.contains("no line came within 2 s"), "{log}");
    assert!(begin.elapsed() >= Duration::from_secs(2));
}

#[test]
fn it_ends_when_stdin_ends() {
    let place = Place::new();
    let (ui, mcp, hook) = ("u".repeat(64), "m".repeat(64), "h".repeat(64));
    let mut sidecar = with_tokens(&place, &["--supervised"], &line(&ui, &mcp, &hook));
    sidecar.ready();
    // What else comes is not read as anything.
    sidecar
        .stdin
        .as_mut()
        .unwrap()
        .write_all(b"hello\n")
        .unwrap();
    assert_eq!(request_with(sidecar.port(), "GET /health", ""), 200);
    let closed = Instant::now();
    drop(sidecar.stdin.take());
    let status = sidecar.wait();
    assert!(
        closed.elapsed() < Duration::from_secs(2),
        "{:?}",
        closed.elapsed()
    );
    assert_eq!(status.code(), Some(0), "{}", sidecar.stderr());
    assert!(
        sidecar.stderr().contains("Stopping: stdin has ended."),
        "{}",
        sidecar.stderr()
    );
    assert!(!place.data_file("running.json").exists());
}

/// The parent is killed, and stdin stays open: somebody else holds its other end.
#[test]
fn no_process_is_left_two_seconds_after_its_parent_was_killed() {
    let place = Place::new();
    let program = env!("CARGO_BIN_EXE_paige-sidecar");
    let mut command = std::process::Command::new("sh");
    // A job in the background would get /dev/null as stdin; so it is handed over explicitly.
    command.args(["-c", "exec 3<&0; \"$0\" --supervised <&3 & wait", program]);
    for (name, value) in place.serve().get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let mut shell = Sidecar::spawn(command.stdin(Stdio::piped()));
    let ready: ReadyLine = shell.ready();
    assert_ne!(ready.pid, shell.id());

    let killed = Instant::now();
    send(shell.id(), Signal::KILL);
    // Both processes hold the streams: their end is the end of both.
    assert_eq!(shell.next_line(), None);
    let took = killed.elapsed();
    shell.wait();
    assert!(
        took < Duration::from_secs(2),
        "{took:?}\n{}",
        shell.stderr()
    );
    assert!(
        shell
            .stderr()
            .contains("Stopping: the parent process is gone."),
        "{}",
        shell.stderr()
    );
    assert!(shell.stderr().contains("Stopped."), "{}", shell.stderr());
    assert!(!place.data_file("running.json").exists() && !place.data_file("sidecar.json").exists());
}

#[test]
fn without_supervision_it_outlives_its_parent_and_a_closed_stdin() {
    let place = Place::new();
    let mut sidecar = Sidecar::spawn(place.serve().stdin(Stdio::null()));
    sidecar.ready();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(request_with(sidecar.port(), "GET /health", ""), 200);
    assert!(sidecar.stop().success());
    assert!(fs::exists(place.data_file("ui.token")).unwrap());
}
