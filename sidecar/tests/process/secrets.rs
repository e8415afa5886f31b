//! Secrets never reach a log (issue 2, item 2).

use std::io::Write as _;
use std::net::TcpStream;
use std::process::Stdio;

use crate::support::{KEY, Place, Sidecar, files, request, request_with};

/// Everything that could make the process talk, at its loudest; then every output and file is searched.
#[test]
fn no_token_and_no_key_is_ever_logged() {
    for format in ["text", "json"] {
        let place = Place::new();
        let mut sidecar =
            Sidecar::spawn(
                place
                    .serve()
                    .args(["--log-level", "trace", "--log-format", format]),
            );
        let port = sidecar.port();
        let tokens = place.rendezvous().tokens;
        let (ui, mcp, hook) = (
            place.ui_token(),
            tokens.mcp.expose().to_owned(),
            tokens.hook.expose().to_owned(),
        );

        let wrong = "wrong-token-that-a-person-mistyped-0123456789abcdef";
        for token in [&*ui, &mcp, &hook, wrong] {
            for line in [
                "GET /health",
                "GET /ws",
                "GET /mcp",
                "POST /mcp",
                "POST /hook/Stop",
                "GET /nothing",
                "DELETE /mcp",
            ] {
                for header in [
                    format!("Authorization: Bearer {token}\r\n"),
                    format!("Sec-WebSocket-Protocol: paige.v1, bearer.{token}\r\n"),
                    format!("Authorization: Bearer {token}\r\nOrigin: https://evil.example\r\n"),
                ] {
                    request_with(port, line, &header);
                }
            }
            request_with(port, &format!("GET /ws?token={token}"), "");
        }
        request(port, "POST /mcp", &format!("{{\"token\":\"{ui}\""));
        // Not HTTP at all.
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(stream, "{ui}\r\n\r\n").unwrap();
        drop(stream);

        let second = place
            .serve()
            .args(["--log-level", "trace"])
            .output()
            .unwrap();
        assert_eq!(second.status.code(), Some(4));
        let status = place.run(&["status", "--json"]);
        let logs = place.run(&["logs", "-n", "100000"]);
        sidecar.kill();
        let mut again =
            Sidecar::spawn(
                place
                    .serve()
                    .args(["--log-level", "trace", "--log-format", format]),
            );
        again.ready();
        assert!(again.stop().success());

        let mut outputs = vec![
            ("stderr".to_owned(), sidecar.stderr().into_bytes()),
            (
                "stderr after the crash".to_owned(),
                again.stderr().into_bytes(),
            ),
            (
                "stdout".to_owned(),
                sidecar.rest_of_stdout().join("\n").into_bytes(),
            ),
            (
                "the second sidecar".to_owned(),
                [second.stdout, second.stderr].concat(),
            ),
            ("status".to_owned(), [status.stdout, status.stderr].concat()),
            ("logs".to_owned(), [logs.stdout, logs.stderr].concat()),
        ];
        let keepers = ["ui.token", "tokens.json"];
        for (path, bytes) in files(place.folder.path()) {
            if !keepers.contains(&path.file_name().unwrap().to_str().unwrap()) {
                outputs.push((path.display().to_string(), bytes));
            }
        }
        assert!(
            outputs
                .iter()
                .any(|(name, bytes)| name.ends_with("logs/sidecar.log") && bytes.len() > 1000)
        );
        for (name, bytes) in &outputs {
            let shown = String::from_utf8_lossy(bytes);
            for (what, secret) in [
                ("ui", &*ui),
                ("mcp", &mcp),
                ("hook", &hook),
                ("key", KEY),
                ("mistyped", wrong),
            ] {
                assert!(
                    !shown.contains(secret),
                    "the {what} secret is in {name} ({format})"
                );
            }
        }
    }
}

#[test]
fn a_key_on_the_command_line_or_in_a_file_is_not_shown_by_an_error() {
    let place = Place::new();
    let file = place.folder.path().join("my.env");
    std::fs::write(&file, format!("ANTHROPIC_API_KEY={KEY} and more\nPORT=x\n")).unwrap();
    for output in [
        place
            .serve()
            .args(["--port", "x", "--anthropic-api-key", &format!("{KEY} ")])
            .output()
            .unwrap(),
        place
            .serve()
            .env_remove("PORT")
            .env_remove("ANTHROPIC_API_KEY")
            .arg("--env-file")
            .arg(&file)
            .output()
            .unwrap(),
        place
            .bare()
            .env("ANTHROPIC_API_KEY", KEY)
            .arg("--help")
            .output()
            .unwrap(),
    ] {
        let shown = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!shown.contains(KEY), "{shown}");
        assert!(shown.len() > 100);
    }
}

#[test]
fn tokens_over_stdin_are_hidden_as_well() {
    let place = Place::new();
    let tokens = ["u", "m", "h"].map(|letter| letter.repeat(50));
    let [ui, mcp, hook] = &tokens;
    let mut sidecar = Sidecar::spawn(
        place
            .serve()
            .args(["--tokens-stdin", "--log-level", "trace"])
            .stdin(Stdio::piped()),
    );
    let line =
        format!("{{\"tokens\":{{\"ui\":\"{ui}\",\"mcp\":\"{mcp}\",\"hook\":\"{hook}\"}}}}\n");
    sidecar
        .stdin
        .as_mut()
        .unwrap()
        .write_all(line.as_bytes())
        .unwrap();
    let port = sidecar.port();
    for token in &tokens {
        request_with(
            port,
            "GET /ws",
            &format!("Sec-WebSocket-Protocol: paige.v1, bearer.{token}\r\n"),
        );
    }
    assert!(sidecar.stop().success());
    for (path, bytes) in files(&place.data()) {
        let shown = String::from_utf8_lossy(&bytes);
        assert!(
            !tokens.iter().any(|token| shown.contains(token.as_str())),
            "{}",
            path.display()
        );
    }
    assert!(
        !tokens
            .iter()
            .any(|token| sidecar.stderr().contains(token.as_str())),
        "{}",
        sidecar.stderr()
    );
}
