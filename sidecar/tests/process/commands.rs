//! `status`, `stop`, `logs`, `tokens` and `demo`.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Place, Sidecar, request, text, wait_until};

#[test]
fn without_a_sidecar_status_and_stop_say_so() {
    let place = Place::new();
    for (args, stdout) in [
        (&["status"][..], ""),
        (&["stop"], ""),
        (
            &["status", "--json"],
            r#"{"running":false,"answers":false,"uptime":null,"pid":null,"port":null,"projectDir":null,"instance":null,"version":null,"protocol":null,"dataDir":"DATA"}"#,
        ),
    ] {
        let output = place.run(args);
        assert_eq!(output.status.code(), Some(8), "{args:?}");
        let expected = stdout.replace("DATA", place.data().to_str().unwrap());
        assert_eq!(text(&output.stdout).trim_end(), expected);
        if expected.is_empty() {
            let message = text(&output.stderr);
            assert!(
                message.starts_with(&format!("No sidecar runs on {}.", place.data().display())),
                "{message}"
            );
        }
    }
    assert!(!place.data().exists(), "looking makes nothing");
}

#[test]
fn status_describes_the_live_sidecar_without_its_tokens() {
    let place = Place::new();
    let mut sidecar = place.start();
    let ready = sidecar.ready();
    let output = place.run(&["status", "--json"]);
    assert!(output.status.success());
    let mut status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        status["uptime"].as_f64().is_some_and(|uptime| uptime > 0.0),
        "{status}"
    );
    status["uptime"] = Value::Null;
    assert_eq!(
        status,
        json!({
            "running": true, "answers": true, "uptime": null, "pid": ready.pid, "port": ready.port,
            "projectDir": ready.project_dir, "instance": ready.instance, "version": ready.version,
            "protocol": ready.protocol, "dataDir": place.data(),
        })
    );
    let output = place.run(&["status"]);
    assert!(output.status.success());
    let shown = text(&output.stdout);
    for part in [
        "Paige is running.",
        &ready.project_dir,
        &format!("http://127.0.0.1:{}", ready.port),
        "answers   yes",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}

#[test]
fn after_a_crash_status_points_to_the_log() {
    let place = Place::new();
    let mut sidecar = place.start();
    sidecar.kill();
    let output = place.run(&["status"]);
    assert_eq!(output.status.code(), Some(8));
    let message = text(&output.stderr);
    assert!(
        message.contains(&format!(
            "Process {} did before, and ended badly",
            sidecar.id()
        )),
        "{message}"
    );
    assert!(message.contains("logs/sidecar.log"), "{message}");
    // `stop` does not shoot at the number of a process that is gone.
    assert_eq!(place.run(&["stop"]).status.code(), Some(8));
}

#[test]
fn stop_returns_when_the_sidecar_is_gone() {
    let place = Place::new();
    let mut sidecar = place.start();
    let output = place.run(&["stop"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).starts_with("Stopped a paige-sidecar that serves "),
        "{}",
        text(&output.stdout)
    );
    // The lock is free, so this does not have to wait for the first one.
    place.start();
    assert_eq!(sidecar.wait().code(), Some(0));
}

#[test]
fn stop_says_what_to_do_about_a_sidecar_that_does_not_end() {
    let place = Place::new();
    let mut sidecar = place.start();
    sidecar.signal(Signal::STOP);
    let output = place.run(&["stop"]);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{message}");
    assert!(
        message.contains(&format!("`kill -9 {}`", sidecar.id())),
        "{message}"
    );
    sidecar.signal(Signal::CONT);
    assert_eq!(sidecar.wait().code(), Some(0), "the wish was heard");
}

#[test]
fn logs_shows_the_end_and_follows() {
    let place = Place::new();
    let output = place.run(&["logs"]);
    assert_eq!(output.status.code(), Some(8));

    let mut sidecar = place.start();
    sidecar.wait_for_log("Ready.");
    let mut follower = Sidecar::spawn(
        place
            .bare()
            .env("DATA_DIR", place.data())
            .args(["logs", "-n", "1", "--follow"]),
    );
    assert!(follower.next_line().unwrap().contains("Ready."));
    assert!(sidecar.stop().success());
    let mut line = String::new();
    while !line.contains("Stopped.") {
        line = follower.next_line().unwrap();
    }
    follower.kill();

    let output = place.run(&["logs", "-n", "2"]);
    let log = fs::read_to_string(place.data_file("logs/sidecar.log")).unwrap();
    let expected: Vec<_> = log.lines().rev().take(2).collect();
    assert_eq!(
        text(&output.stdout).lines().rev().collect::<Vec<_>>(),
        expected
    );
    assert!(output.status.success());
}

#[test]
fn logs_follows_over_a_rotation() {
    let place = Place::new();
    let folder = place.data_file("logs");
    fs::create_dir_all(&folder).unwrap();
    let (current, old) = (folder.join("sidecar.log"), folder.join("sidecar.log.1"));
    fs::write(&old, "one\ntwo\n").unwrap();
    fs::write(&current, "three\n").unwrap();
    let mut follower = Sidecar::spawn(
        place
            .bare()
            .env("DATA_DIR", place.data())
            .args(["logs", "-n", "2", "-f"]),
    );
    assert_eq!(follower.next_line().as_deref(), Some("two"));
    assert_eq!(follower.next_line().as_deref(), Some("three"));
    fs::rename(&current, &old).unwrap();
    let late = fs::OpenOptions::new().append(true).open(&old).unwrap();
    std::io::Write::write_all(&mut &late, b"four\n").unwrap();
    fs::write(&current, "five\n").unwrap();
    assert_eq!(follower.next_line().as_deref(), Some("four"));
    assert_eq!(follower.next_line().as_deref(), Some("five"));
    follower.kill();
}

#[test]
fn tokens_outlive_a_restart_and_are_rotated_by_command() {
    let place = Place::new();
    let tokens = |args: &[&str]| {
        let output = place.run(args);
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let mut sidecar = place.start();
    let first = tokens(&["tokens", "--json"]);
    assert_eq!(first["ui"], place.ui_token());
    assert_eq!(first["mcp"], place.rendezvous().tokens.mcp.expose());
    assert_eq!(first["hook"], place.rendezvous().tokens.hook.expose());

    let refused = place.run(&["tokens", "--rotate"]);
    let message = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(4), "{message}");
    assert!(
        message.contains("paige-sidecar stop") && message.contains("only while no sidecar runs"),
        "{message}"
    );
    assert_eq!(text(&refused.stdout), "");

    assert!(sidecar.stop().success());
    let mut sidecar = place.start();
    assert_eq!(tokens(&["tokens", "--json"]), first);
    assert!(sidecar.stop().success());

    let second = tokens(&["tokens", "--rotate", "--json"]);
    for scope in ["ui", "mcp", "hook"] {
        assert_ne!(second[scope], first[scope], "{scope}");
    }
    let mut sidecar = place.start();
    let port = sidecar.port();
    let status = |token: &Value| {
        let token = token.as_str().unwrap();
        crate::support::request_with(
            port,
            "GET /ws",
            &format!("Authorization: Bearer {token}\r\n"),
        )
    };
    assert_eq!(status(&first["ui"]), 401);
    assert!(!matches!(status(&second["ui"]), 401 | 403));
}

#[test]
fn the_demo_runs_without_any_setting_and_cleans_up() {
    let place = Place::new();
    let mut demo = Sidecar::spawn(
        place
            .bare()
            .arg("demo")
            .env("TMPDIR", place.folder.path())
            // What a person has set for the real thing has no effect on the demo.
            .env("PROJECT_DIR", "/no/such/folder")
            .env("DATA_DIR", "/no/such/data")
            .stdin(Stdio::null()),
    );
    let mut shown = String::new();
    while !shown.contains("The model is scripted") {
        shown.push_str(
            &demo
                .next_line()
                .unwrap_or_else(|| panic!("{}", demo.stderr())),
        );
        shown.push('\n');
    }
    let value = |name: &str| {
        let line = shown
            .lines()
            .find_map(|line| line.trim().strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} in {shown}"))
            .trim()
            .to_owned()
    };
    let port = value("URL=http://127.0.0.1:").parse().unwrap();
    assert_eq!(request(port, "GET /health", "").0, 200);
    let project = value("project ");
    assert!(
        fs::read_to_string(format!("{project}/basket.py"))
            .unwrap()
            .contains("class Basket")
    );
    let token_file = value("TOKEN=$(cat ").replace(')', "");
    assert_eq!(fs::read_to_string(token_file).unwrap().trim().len(), 64);

    demo.signal(Signal::INT);
    assert_eq!(demo.wait().code(), Some(0), "{}", demo.stderr());
    assert!(!fs::exists(&project).unwrap());
    let left: Vec<_> = fs::read_dir(place.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        !left
            .iter()
            .any(|name| name.to_string_lossy().starts_with("paige-demo-")),
        "{left:?}"
    );
}

#[test]
fn a_sidecar_that_is_starting_can_be_seen_and_stopped() {
    let place = Place::new();
    let mut sidecar = Sidecar::spawn(place.serve().arg("--tokens-stdin").stdin(Stdio::piped()));
    sidecar.wait_for_log("Starting.");
    let output = place.run(&["status"]);
    assert!(output.status.success());
    let expected = format!(
        "a paige-sidecar that is starting or stopping (process {})",
        sidecar.id()
    );
    assert!(
        text(&output.stdout).contains(&expected),
        "{}",
        text(&output.stdout)
    );
    assert!(place.run(&["stop"]).status.success());
    assert_eq!(sidecar.wait().code(), Some(0));
    wait_until("the end of the lock", || {
        place.run(&["status"]).status.code() == Some(8)
    });
    std::thread::sleep(Duration::ZERO);
}
