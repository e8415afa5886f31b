//! From the command to the ready line.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use paige_protocol::PROTOCOL_VERSION;
use paige_protocol::process::{Health, ReadyLine, Rendezvous, RendezvousTokens, Secret};

use crate::support::{Place, Sidecar, request, text};

/// How long it may take from the command to the ready line (spec: 1.1).
const READY_WITHIN: Duration = Duration::from_secs(2);

/// spec: 1.1, in the form of the decisions: stdout carries the ready line alone, the log is on stderr.
#[test]
fn the_ready_line_is_all_of_stdout_and_true() {
    let place = Place::new();
    let asked = Instant::now();
    let mut sidecar = Sidecar::spawn(&mut place.serve());
    let ready = sidecar.ready();
    // The acceptance limit, not a measure of speed, as whoever starts it sees it.
    let took = asked.elapsed();
    assert!(took <= READY_WITHIN, "{took:?}");
    let expected = ReadyLine {
        protocol: PROTOCOL_VERSION.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: sidecar.id(),
        port: ready.port,
        project_dir: place.project().to_str().unwrap().to_owned(),
        instance: ready.instance.clone(),
    };
    assert_eq!(ready, expected);
    assert_eq!(ready.instance.len(), 32);
    assert_eq!(request(ready.port, "GET /health", "").0, 200);

    sidecar.wait_for_log("Ready.");
    let log = sidecar.stderr();
    for part in [
        "Starting.",
        &ready.port.to_string(),
        place.project().to_str().unwrap(),
    ] {
        assert!(log.contains(part), "{part} in {log}");
    }
    // What it says itself, counted from the start of the process, keeps the limit as well.
    let ms: Duration = log
        .lines()
        .find_map(|line| {
            line.contains("Ready.").then(|| {
                line.rsplit_once(" ms=")?
                    .1
                    .trim()
                    .parse()
                    .ok()
                    .map(Duration::from_millis)
            })?
        })
        .unwrap_or_else(|| panic!("{log}"));
    assert!(ms <= READY_WITHIN, "{ms:?}");

    assert!(sidecar.stop().success());
    assert_eq!(sidecar.rest_of_stdout(), Vec::<String>::new());
    let file = fs::read_to_string(place.data_file("logs/sidecar.log")).unwrap();
    assert_eq!(file, sidecar.stderr(), "the file has what stderr has");
}

/// spec: 1.4
#[test]
fn health_answers_with_the_uptime() {
    let place = Place::new();
    let mut sidecar = place.start();
    let health = |port| {
        let (status, body) = request(port, "GET /health", "");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Health>(&body).unwrap()
    };
    let port = sidecar.port();
    let (first, second) = (health(port), health(port));
    assert_eq!((&*first.status, &*second.status), ("ok", "ok"));
    assert!(
        first.uptime > 0.0 && second.uptime > first.uptime,
        "{first:?} {second:?}"
    );
}

/// spec: 1.7
#[test]
fn the_data_directory_is_made_with_its_parents() {
    let place = Place::new();
    assert!(!place.data().parent().unwrap().exists());
    let mut sidecar = place.start();
    let mode = |name| {
        fs::metadata(place.data_file(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(""), 0o700);
    for name in [
        "ui.token",
        "tokens.json",
        "sidecar.json",
        "sidecar.lock",
        "running.json",
        "logs/sidecar.log",
    ] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    assert!(sidecar.stop().success());
}

#[test]
fn the_rendezvous_file_tells_tools_all_but_the_pens_key() {
    let place = Place::new();
    let mut sidecar = place.start();
    let ready = sidecar.ready();
    let tokens: RendezvousTokens =
        serde_json::from_slice(&fs::read(place.data_file("tokens.json")).unwrap()).unwrap();
    let expected = Rendezvous {
        protocol: ready.protocol,
        version: ready.version,
        pid: ready.pid,
        port: ready.port,
        instance: ready.instance,
        project_dir: ready.project_dir,
        tokens,
    };
    assert_eq!(place.rendezvous(), expected);
    assert!(
        !fs::read_to_string(place.data_file("sidecar.json"))
            .unwrap()
            .contains(&place.ui_token())
    );
    assert!(sidecar.stop().success());
    assert!(!place.data_file("sidecar.json").exists());
}

#[test]
fn a_taken_port_is_an_error_that_names_the_holder() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = place.serve().args(["--port", &port]).output().unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{message}");
    assert!(
        message.contains(&format!("Port {port} is taken")),
        "{message}"
    );
    if cfg!(target_os = "linux") {
        assert!(
            message.contains(&format!("(process {})", std::process::id())),
            "{message}"
        );
    }
    assert_eq!(text(&output.stdout), "");
    assert!(!place.data_file("running.json").exists(), "it is no crash");
    assert!(
        !place.data_file("paige.db").exists(),
        "nothing of the data is touched"
    );
}

#[test]
fn port_0_takes_the_projects_last_port_again() {
    let place = Place::new();
    let mut first = place.start();
    let port = first.port();
    assert!(first.stop().success());
    let mut second = place.start();
    assert_eq!(second.port(), port);
    assert!(second.stop().success());

    let _taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let mut third = place.start();
    assert_ne!(third.port(), port);
}

#[test]
fn a_second_sidecar_says_who_holds_the_data_directory() {
    let place = Place::new();
    let mut first = place.start();
    let (port, pid) = (first.port(), first.id());
    let output = place.serve().output().unwrap();
    let message = text(&output.stderr);
    let (data, project) = (place.data(), place.project());
    let expected = format!(
        "The data directory {data} is in use by a paige-sidecar that serves {project} on port {port} (process {pid}).\n\
         Stop that one with `paige-sidecar stop --data-dir {data}`, or give this one a folder of its own with --data-dir.\n",
        data = data.display(),
        project = project.display(),
    );
    assert_eq!((output.status.code(), message), (Some(4), expected));
    assert_eq!(text(&output.stdout), "");
    // The first one is not disturbed.
    assert_eq!(place.rendezvous().pid, pid);
    assert_eq!(request(port, "GET /health", "").0, 200);

    let mut other = Sidecar::spawn(
        place
            .serve()
            .env("DATA_DIR", place.folder.path().join("other")),
    );
    assert_ne!(other.ready().port, port);
}

#[test]
fn after_a_crash_the_next_start_says_so_and_replaces_what_was_left() {
    let place = Place::new();
    let mut first = place.start();
    let crashed = first.ready();
    first.kill();
    assert_eq!(
        place.rendezvous().instance,
        crashed.instance,
        "a crash leaves the file"
    );
    assert!(place.data_file("running.json").exists());

    let mut second = place.start();
    assert_ne!(second.ready().instance, crashed.instance);
    assert_eq!(place.rendezvous().instance, second.ready().instance);
    let log = place.data_file("logs/sidecar.log");
    for part in [
        "The last run ended badly",
        &crashed.pid.to_string(),
        log.to_str().unwrap(),
        "a sidecar that is gone",
    ] {
        second.wait_for_log(part);
    }
    assert!(second.stop().success());
    assert!(!place.data_file("running.json").exists());

    let mut third = place.start();
    assert!(third.stop().success());
    assert!(
        !third.stderr().contains("ended badly"),
        "{}",
        third.stderr()
    );
}

#[test]
fn a_rendezvous_file_of_somebody_else_is_not_removed_at_the_stop() {
    let place = Place::new();
    let mut sidecar = place.start();
    let mut other = place.rendezvous();
    other.instance = "of another run".into();
    other.tokens.mcp = Secret::new("m");
    fs::write(
        place.data_file("sidecar.json"),
        serde_json::to_string(&other).unwrap(),
    )
    .unwrap();
    assert!(sidecar.stop().success());
    assert_eq!(place.rendezvous(), other);
}

#[test]
fn a_database_that_cannot_be_used_has_a_code_of_its_own() {
    let place = Place::new();
    fs::create_dir_all(place.data()).unwrap();
    let garbage = "this is no database ".repeat(1000);
    fs::write(place.data_file("paige.db"), &garbage).unwrap();
    let output = place.serve().output().unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{message}");
    assert!(
        message.contains(place.data_file("paige.db").to_str().unwrap()),
        "{message}"
    );
    assert_eq!(text(&output.stdout), "");
    assert_eq!(
        fs::read_to_string(place.data_file("paige.db")).unwrap(),
        garbage,
        "it is not touched"
    );
    assert!(!place.data_file("running.json").exists(), "it is no crash");
}
