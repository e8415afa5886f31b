//! The faults of the original, each shown to be absent.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, ensure};
use paige_tests::http::exchange;
use paige_tests::mcp::Era;
use paige_tests::{Claude, Project, Sidecar, Socket};
use serde_json::json;

/// Fault: any web page may write files through the socket.
///
/// A page of a foreign origin does not get in even with the token, nor does anybody without it.
#[tokio::test]
async fn a_web_page_cannot_write_files_through_the_socket() -> Result<()> {
    let project = Project::with(&[("a.txt", "a\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let port = sidecar.ready.port;
    let [ui, mcp, hook] = &sidecar.tokens;
    let bearer = format!("Bearer {ui}");
    let subprotocol = format!("paige.v1, bearer.{ui}");
    let same_port = format!("http://127.0.0.1:{port}");
    let deceitful = format!("http://127.0.0.1:{port}@evil.example");
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost:5173",
        "file://",
        &same_port,
        &deceitful,
        "tauri://localhost.evil.example",
    ] {
        for headers in [
            vec![("origin", origin)],
            vec![("origin", origin), ("authorization", &*bearer)],
            vec![
                ("origin", origin),
                ("sec-websocket-protocol", &*subprotocol),
            ],
        ] {
            let refused = Socket::connect_as(port, &headers).await;
            let error = refused
                .err()
                .with_context(|| format!("{headers:?} came in"))?;
            assert!(format!("{error:#}").contains("403"), "{origin}: {error:#}");
        }
    }
    let wrong = "0".repeat(ui.len());
    for headers in [
        vec![],
        vec![("origin", "tauri://localhost")],
        vec![("authorization", wrong.as_str())],
        vec![("sec-websocket-protocol", "paige.v1")],
    ] {
        let error = Socket::connect_as(port, &headers)
            .await
            .err()
            .context("it came in")?;
        assert!(
            format!("{error:#}").contains("401"),
            "{headers:?}: {error:#}"
        );
    }
    // Claude's token and the hook's are good for their own doors only.
    for token in [mcp, hook] {
        let error = Socket::connect_at(port, token)
            .await
            .err()
            .context("it came in")?;
        assert!(format!("{error:#}").contains("403"), "{error:#}");
    }
    // A name that a page lets point to this machine (DNS rebinding).
    let rebound = format!(
        "GET /ws HTTP/1.1\r\nHost: evil.example:{port}\r\nAuthorization: {bearer}\r\nConnection: upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    assert_eq!(exchange(port, rebound.as_bytes())?.status, 403);
    // The shell's own page comes in, by header or by subprotocol.
    for headers in [
        vec![("origin", "tauri://localhost"), ("authorization", &*bearer)],
        vec![
            ("origin", "tauri://localhost"),
            ("sec-websocket-protocol", &*subprotocol),
        ],
    ] {
        let (mut socket, answer) = Socket::connect_as(port, &headers).await?;
        let chosen = answer
            .get("sec-websocket-protocol")
            .map(|value| value.as_bytes());
        let expected = (headers[1].0 == "sec-websocket-protocol").then_some(&b"paige.v1"[..]);
        assert_eq!(chosen, expected, "the token is not repeated");
        socket.say_hello(None).await?;
    }
    assert_eq!(project.read("a.txt")?, "a\n");
    Ok(())
}

/// Texts that a shell would run, as they could stand in any field.
fn injections(mark: &str) -> Vec<String> {
    [
        "$(touch MARK)",
        "`touch MARK`",
        "; touch MARK ;",
        "' ; touch MARK ; '",
        "\" ; touch MARK ; \"",
        "| touch MARK",
        "&& touch MARK",
        "\n touch MARK \n",
        "--upload-pack=touch MARK",
    ]
    .map(|text| text.replace("MARK", mark))
    .to_vec()
}

/// Says every text in every field of a message that takes one.
async fn say_everything(human: &mut Socket, claude: &Claude, mark: &str) -> Result<()> {
    for text in injections(mark) {
        let path = text.replace('/', "_");
        let file = path.trim();
        for (kind, payload) in [
            (
                "session:start",
                json!({"issueNumber": 1, "issueTitle": text}),
            ),
            ("file:create", json!({"path": file, "kind": "file"})),
            ("file:open", json!({"path": file})),
            ("file:save", json!({"path": file, "content": text})),
            (
                "file:rename",
                json!({"path": file, "newPath": format!("{file}.2")}),
            ),
            ("file:delete", json!({"path": format!("{file}.2")})),
            ("dashboard:request", json!({"statsPeriod": "7d"})),
            (
                "user:run",
                json!({"command": text, "exitCode": 0, "durationMs": 1, "tail": text}),
            ),
            (
                "user:explain",
                json!({"path": file, "range": {"startLine": 1, "endLine": 1}, "selectedText": text}),
            ),
            ("practice:run", json!({"kataId": 1, "code": text})),
            ("repos:clone", json!({"url": text})),
            ("terminal:input", json!({"data": text})),
            ("commit:create", json!({"message": text})),
        ] {
            let frame =
                json!({"type": kind, "payload": payload, "timestamp": "2026-01-01T00:00:00.000Z"});
            human.send_text(&frame.to_string()).await?;
        }
        for (tool, args) in [
            (
                "paige_start_session",
                json!({"project_dir": text, "issue_title": text}),
            ),
            ("paige_open_file", json!({"path": file})),
            (
                "paige_show_message",
                json!({"message": text, "type": "info"}),
            ),
            (
                "paige_show_issue_context",
                json!({"title": text, "summary": text, "number": 2, "url": text}),
            ),
            (
                "paige_hint_files",
                json!({"paths": [file], "style": "suggested"}),
            ),
        ] {
            claude.call_raw(tool, args).await?;
        }
        human.expect_none(|_| false).await?;
    }
    Ok(())
}

/// Fault: shell injection through a message.
#[tokio::test]
async fn no_text_in_a_message_is_run() -> Result<()> {
    let project = Project::with(&[("a.txt", "a\n")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut human, _) = Socket::hello(&sidecar).await?;
    let claude = Claude::connect(&sidecar, Era::Sessions).await?;
    let marks = [
        "injected".to_owned(),
        project.outside().join("injected").display().to_string(),
    ];
    for mark in &marks {
        say_everything(&mut human, &claude, mark).await?;
    }
    claude.close().await?;
    ensure!(sidecar.stop()?.success());
    for folder in [
        &project.root,
        project.outside(),
        &project.data,
        &std::env::current_dir()?,
    ] {
        ensure!(!folder.join("injected").exists(), "{}", folder.display());
    }
    Ok(())
}

/// The same from below: while it is told all that, the process starts no other program.
#[tokio::test]
async fn a_traced_sidecar_starts_no_program() -> Result<()> {
    let project = Project::with(&[("a.txt", "a\n")])?;
    let trace = project.outside().join("trace");
    let plain = Sidecar::command(&project, &[]);
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "-e", "trace=execve,execveat", "-o"])
        .arg(&trace);
    command
        .arg(plain.get_program())
        .args(plain.get_args())
        .env_clear();
    command.envs(
        plain
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let sidecar = Sidecar::spawn(command, &project)?;
    let (mut human, _) = Socket::hello(&sidecar).await?;
    let claude = Claude::connect(&sidecar, Era::Sessions).await?;
    say_everything(&mut human, &claude, "injected").await?;
    claude.close().await?;
    ensure!(sidecar.stop()?.success());
    let trace = std::fs::read_to_string(trace)?;
    let programs: Vec<&str> = trace.lines().filter(|line| line.contains("exec")).collect();
    assert_eq!(programs.len(), 1, "{programs:#?}");
    assert!(programs[0].contains("paige-sidecar"), "{programs:#?}");
    Ok(())
}

/// Fault: a new file below a symlinked folder or through a dangling link lands outside.
#[tokio::test]
async fn nothing_lands_outside_through_a_link() -> Result<()> {
    let project = Project::with(&[("a.txt", "a\n"), ("inside/b.txt", "b\n")])?;
    let outside = project.outside().join("outside");
    std::fs::create_dir(&outside)?;
    std::fs::write(outside.join("there.txt"), "there\n")?;
    for (target, link) in [
        ("../outside", "folder"),
        ("../outside/made.txt", "dangling"),
        ("../outside/there.txt", "file"),
        ("dangling", "chain"),
        ("../outside", "inside/deep"),
        ("inside", "good"),
    ] {
        symlink(target, project.root.join(link))?;
    }
    symlink(outside.join("absolute.txt"), project.root.join("absolute"))?;
    let before = project.everything(&[])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut human, _) = Socket::hello(&sidecar).await?;

    for path in [
        "folder/new.txt",
        "folder/there.txt",
        "inside/deep/new.txt",
        "good/deep/new.txt",
        "dangling",
        "chain",
        "absolute",
        "file",
        "folder",
    ] {
        for base in [
            json!({}),
            json!({"baseVersion": null}),
            json!({"baseVersion": "x"}),
        ] {
            let mut save = json!({"path": path, "content": "out"});
            save.as_object_mut()
                .context("an object")?
                .extend(base.as_object().cloned().unwrap_or_default());
            let answer = human.ask("file:save", save.clone()).await?;
            assert_eq!(answer["type"], "fs:save_error", "{save}: {answer}");
            assert_eq!(
                answer["payload"]["code"], "PATH_REFUSED",
                "{save}: {answer}"
            );
        }
    }
    for path in [
        "folder/new.txt",
        "inside/deep/new.txt",
        "folder/sub/new.txt",
        "dangling/new.txt",
    ] {
        for (kind, payload) in [
            ("file:create", json!({"path": path, "kind": "file"})),
            ("file:create", json!({"path": path, "kind": "directory"})),
            ("file:rename", json!({"path": "a.txt", "newPath": path})),
        ] {
            let answer = human.ask(kind, payload.clone()).await?;
            assert_eq!(
                answer["payload"]["code"], "PATH_REFUSED",
                "{kind} {payload}: {answer}"
            );
        }
    }
    for (kind, payload) in [
        (
            "file:rename",
            json!({"path": "folder/there.txt", "newPath": "stolen.txt"}),
        ),
        ("file:delete", json!({"path": "folder/there.txt"})),
    ] {
        let answer = human.ask(kind, payload.clone()).await?;
        assert_eq!(
            answer["payload"]["code"], "PATH_REFUSED",
            "{kind} {payload}: {answer}"
        );
    }
    // A name that a dangling link has is taken, whatever it points to.
    for kind in ["file", "directory"] {
        let answer = human
            .ask("file:create", json!({"path": "dangling", "kind": kind}))
            .await?;
        assert_eq!(answer["type"], "connection:error", "{answer}");
    }
    assert_eq!(project.everything(&[])?, before);

    // A link that stays inside is as good as its target.
    human
        .request("file:open", json!({"path": "good/b.txt"}))
        .await?;
    human
        .request("file:save", json!({"path": "good/b.txt", "content": "B\n"}))
        .await?;
    assert_eq!(project.read("inside/b.txt")?, "B\n");
    // To delete a link is not to delete what it points to.
    human
        .request("file:delete", json!({"path": "file"}))
        .await?;
    assert!(outside.join("there.txt").exists() && !project.root.join("file").exists());
    Ok(())
}

/// Fault: `.git/` writable from the UI.
#[tokio::test]
async fn git_data_can_be_read_and_not_written() -> Result<()> {
    let project = Project::with(&[("a.txt", "a\n"), ("sub/x.txt", "")])?;
    project.git(&["init", "--quiet", "--initial-branch", "main"])?;
    project.git(&["add", "--all"])?;
    std::fs::create_dir(project.root.join("sub/.git"))?;
    project.write("sub/.git/config", "nested\n")?;
    symlink(".git", project.root.join("to-git"))?;
    let before = project.everything(&[])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut human, _) = Socket::hello(&sidecar).await?;

    let head = human
        .request("file:open", json!({"path": ".git/HEAD"}))
        .await?;
    assert_eq!(head["content"], "ref: refs/heads/main\n");
    for path in [
        ".git/config",
        ".git/hooks/pre-commit",
        ".git/HEAD",
        "./.git/config",
        ".GIT/config",
        ".Git/new",
        ".git",
        "sub/.git/config",
        "sub/.git",
        "to-git/config",
        "to-git/hooks/post-checkout",
        "git~1/config",
        ".git\u{200C}/config",
    ] {
        for (kind, payload) in [
            (
                "file:save",
                json!({"path": path, "content": "[core]\n\tfsmonitor = touch x\n"}),
            ),
            (
                "file:save",
                json!({"path": path, "content": "x", "baseVersion": null}),
            ),
            ("file:create", json!({"path": path, "kind": "file"})),
            ("file:create", json!({"path": path, "kind": "directory"})),
            ("file:rename", json!({"path": "a.txt", "newPath": path})),
            ("file:rename", json!({"path": path, "newPath": "stolen"})),
            ("file:delete", json!({"path": path})),
        ] {
            let answer = human.ask(kind, payload.clone()).await?;
            assert_eq!(
                answer["payload"]["code"], "READ_ONLY",
                "{kind} {payload}: {answer}"
            );
        }
    }
    // Nor can it be moved away with the folder it lies in.
    let moved = human
        .ask("file:rename", json!({"path": "sub", "newPath": ".git/sub"}))
        .await?;
    assert_eq!(moved["payload"]["code"], "READ_ONLY", "{moved}");
    assert_eq!(project.everything(&[])?, before);
    // What only looks like it is an ordinary file.
    for path in [".gitignore", ".github/x.yml", "a.git"] {
        let save = json!({"path": path, "content": "x", "baseVersion": null});
        let folder = path.split_once('/').map(|(folder, _)| folder);
        if let Some(folder) = folder {
            human
                .request("file:create", json!({"path": folder, "kind": "directory"}))
                .await?;
        }
        human.request("file:save", save).await?;
    }
    Ok(())
}

/// Fault: torn and mixed saves.
///
/// Two clients save different large texts of one file at the same time, again and again. Whoever looks
/// sees one of them whole, on the disk and through the door, and in the end the last that was acknowledged.
#[tokio::test]
async fn saves_of_two_clients_are_neither_torn_nor_mixed() -> Result<()> {
    const ROUNDS: usize = 60;
    let text = |letter: char, round: usize| letter.to_string().repeat(200_000 + round * 1000);
    let project = Project::with(&[("a.txt", &text('o', 0))])?;
    let sidecar = Sidecar::start(&project)?;
    let port = sidecar.ready.port;
    let token = sidecar.tokens[0].clone();
    let save = async |letter: char| -> Result<Vec<(u64, char, usize)>> {
        let mut client = Socket::connect_at(port, &token).await?;
        client.say_hello(None).await?;
        let mut acknowledged = Vec::new();
        for round in 0..ROUNDS {
            // Either may be a conflict with the other's; then the client looks again and insists.
            client
                .request("file:open", json!({"path": "a.txt"}))
                .await?;
            let answer = client
                .ask(
                    "file:save",
                    json!({"path": "a.txt", "content": text(letter, round)}),
                )
                .await?;
            match answer["type"].as_str() {
                Some("fs:save_ack") => {
                    let version = answer["payload"]["version"].clone();
                    let push = client
                        .expect_where("its push", |frame| {
                            frame["seq"].is_u64() && frame["payload"]["version"] == version
                        })
                        .await?;
                    acknowledged.push((push["seq"].as_u64().context("a seq")?, letter, round));
                }
                _ => assert_eq!(answer["payload"]["code"], "CONFLICT", "{answer:.300}"),
            }
        }
        Ok(acknowledged)
    };
    let done = Arc::new(AtomicBool::new(false));
    let on_disk = std::thread::spawn({
        let (path, done) = (project.root.join("a.txt"), done.clone());
        move || -> Result<BTreeSet<usize>> {
            let mut lengths = BTreeSet::new();
            while !done.load(Ordering::Relaxed) {
                lengths.insert(whole(&std::fs::read_to_string(&path)?)?);
            }
            Ok(lengths)
        }
    });
    let through_the_door = async {
        let mut reader = Socket::connect_at(port, &token).await?;
        while !done.load(Ordering::Relaxed) {
            let content = reader
                .request("file:open", json!({"path": "a.txt"}))
                .await?;
            whole(content["content"].as_str().context("a text")?)?;
        }
        anyhow::Ok(())
    };
    let writers = async {
        let both = futures_util::future::join(save('x'), save('y')).await;
        done.store(true, Ordering::Relaxed);
        anyhow::Ok((both.0?, both.1?))
    };
    let (written, read) = futures_util::future::join(writers, through_the_door).await;
    read?;
    let (x, y) = written?;
    let lengths = on_disk
        .join()
        .map_err(|_| anyhow::anyhow!("the reader panicked"))??;
    assert!(lengths.len() > 1, "the reader has seen the file change");
    assert!(
        !x.is_empty() && !y.is_empty(),
        "both have saved: {} and {}",
        x.len(),
        y.len()
    );
    let last = x.into_iter().chain(y).max().context("a save")?;
    assert_eq!(
        project.read("a.txt")?,
        text(last.1, last.2),
        "the last acknowledged save is on disk"
    );
    Ok(())
}

/// The length of a text that is one letter over and over.
fn whole(text: &str) -> Result<usize> {
    let first = text.chars().next().context("it is empty")?;
    ensure!(
        text.chars().all(|letter| letter == first)
            && text.len() >= 200_000
            && text.len().is_multiple_of(1000),
        "a torn or mixed text of {} bytes",
        text.len()
    );
    Ok(text.len())
}

/// Fault: SIGTERM with clients connected never ends.
#[tokio::test]
async fn sigterm_ends_it_with_many_clients_and_one_that_never_reads() -> Result<()> {
    let project = Project::with(&[("a.txt", "a\n")])?;
    // So large a queue that the deaf client is not let go before the end.
    let sidecar = Sidecar::start_with(&project, &["--max-queue-bytes", "100000000"])?;
    let (mut writer, _) = Socket::hello(&sidecar).await?;
    // Connected, in the stream, and deaf: what is sent to it fills every buffer on the way.
    let (_deaf, _) = Socket::hello(&sidecar).await?;
    let claude = Claude::connect(&sidecar, Era::Sessions).await?;
    let text = "x".repeat(1 << 20);
    for n in 0..20 {
        let update = json!({"path": format!("{n}.txt"), "content": text, "cursorPosition": {"line": 1, "column": 1}});
        writer.send("buffer:update", update).await?;
    }
    writer.expect_none(|_| false).await?;
    let mut listening = Vec::new();
    for _ in 0..20 {
        let (mut client, _) = Socket::hello(&sidecar).await?;
        listening.push(tokio::spawn(async move { client.closed().await }));
    }
    let stopping = tokio::task::spawn_blocking(move || sidecar.stop());
    for client in listening {
        assert_eq!(client.await??, 1001);
    }
    assert_eq!(stopping.await??.code(), Some(0));
    drop(claude);
    Ok(())
}

/// Fault: an unknown MCP session answered 400 instead of 404.
#[tokio::test]
async fn an_unknown_mcp_session_is_404() -> Result<()> {
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
    let http = reqwest::Client::new();
    for method in [
        reqwest::Method::POST,
        reqwest::Method::GET,
        reqwest::Method::DELETE,
    ] {
        for id in ["00000000-0000-4000-8000-000000000000", "nonsense"] {
            let request = http
                .request(method.clone(), sidecar.url("/mcp"))
                .bearer_auth(&sidecar.tokens[1])
                .header("mcp-session-id", id)
                .header("mcp-protocol-version", "2025-06-18")
                .header("accept", "application/json, text/event-stream");
            let request = match method {
                reqwest::Method::POST => request.json(&call),
                _ => request,
            };
            assert_eq!(request.send().await?.status(), 404, "{method} {id}");
        }
    }
    Ok(())
}
