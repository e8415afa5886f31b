//! Story 3: the file system layer, through both doors.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};
use paige_tests::mcp::Era;
use paige_tests::record::is_time;
use paige_tests::{Claude, Project, Record, Sidecar, Socket};
use serde_json::{Value, json};

/// A sidecar on the project with one client and Claude connected, and session 1.
async fn started(project: &Project) -> Result<(Sidecar, Socket, Claude)> {
    let sidecar = Sidecar::start(project)?;
    let (mut human, _) = Socket::hello(&sidecar).await?;
    human.request("session:start", json!({})).await?;
    let claude = Claude::connect(&sidecar, Era::Sessions).await?;
    Ok((sidecar, human, claude))
}

fn edit(path: &str, text: &str) -> Value {
    json!({"path": path, "content": text, "cursorPosition": {"line": 2, "column": 3}})
}

/// What Claude is told of a file's unsaved text.
async fn buffer(claude: &Claude, path: &str) -> Result<Value> {
    claude.call("paige_get_buffer", json!({"path": path})).await
}

/// What Claude is told of the differences of one file, or of all.
async fn diffs(claude: &Claude, args: Value) -> Result<Vec<Value>> {
    let answer = claude.call("paige_get_diff", args).await?;
    Ok(answer["diffs"].as_array().context("diffs")?.clone())
}

/// spec: 3.1
#[tokio::test]
async fn a_file_is_read_with_its_language() -> Result<()> {
    let project = Project::with(&[
        ("src/main.rs", "fn main() {}\n"),
        ("web/app.TSX", "export {}"),
        ("tool.py", ""),
        ("Makefile", "all:\n\ttrue\n"),
        (".env", "TOKEN=not-hidden-from-the-human\n"),
        ("no-extension", "\u{1F980} caf\u{E9}\r\nzwei\r\n"),
        ("a b/\u{FC}mlaut \u{4F60}.md", "# x\n"),
    ])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut human, _) = Socket::hello(&sidecar).await?;
    for (path, language, lines) in [
        ("src/main.rs", "rust", 2),
        ("web/app.TSX", "typescript", 1),
        ("tool.py", "python", 1),
        ("Makefile", "shell", 3),
        (".env", "ini", 2),
        ("no-extension", "plaintext", 3),
        ("a b/\u{FC}mlaut \u{4F60}.md", "markdown", 2),
    ] {
        let content = human.request("file:open", json!({"path": path})).await?;
        assert_eq!(
            content,
            json!({
                "path": path,
                "content": project.read(path)?,
                "language": language,
                "lineCount": lines,
                "version": content["version"],
                "dirty": false,
                "isBinary": false,
            })
        );
    }
    Ok(())
}

/// spec: 3.2
#[tokio::test]
async fn a_write_reaches_the_disk_cleans_the_buffer_and_is_acknowledged() -> Result<()> {
    let project = Project::with(&[("a.txt", "one\n")])?;
    let (_sidecar, mut human, claude) = started(&project).await?;
    human.request("file:open", json!({"path": "a.txt"})).await?;
    human.send("buffer:update", edit("a.txt", "two\n")).await?;
    let backups = "SELECT path FROM buffer_backups";
    let record = Record::of(&project)?;
    record
        .expect_rows(backups, &[json!({"path": "a.txt"})])
        .await?;
    assert_eq!(buffer(&claude, "a.txt").await?["dirty"], true);

    let ack = human
        .request("file:save", json!({"path": "a.txt", "content": "two\n"}))
        .await?;
    assert_eq!(ack["success"], true);
    assert_eq!(project.read("a.txt")?, "two\n");
    let clean = buffer(&claude, "a.txt").await?;
    assert_eq!(
        (&clean["dirty"], &clean["content"]),
        (&json!(false), &json!("two\n"))
    );
    assert_eq!(
        record.rows(backups, [])?,
        Vec::<Value>::new(),
        "gone with the save"
    );
    assert_eq!(diffs(&claude, json!({})).await?, Vec::<Value>::new());
    let opened = human.request("file:open", json!({"path": "a.txt"})).await?;
    assert_eq!(
        (&opened["dirty"], &opened["version"]),
        (&json!(false), &ack["version"])
    );
    claude.close().await
}

/// spec: 3.3
#[tokio::test]
async fn an_edit_is_kept_as_dirty_with_its_cursor_and_time() -> Result<()> {
    let project = Project::with(&[("a.txt", "one\n")])?;
    let (_sidecar, mut human, claude) = started(&project).await?;
    let before = paige_store::from_millis(millis(SystemTime::now())?);
    human.request("file:open", json!({"path": "a.txt"})).await?;
    human.send("buffer:update", edit("a.txt", "two\n")).await?;
    human
        .expect_none(|frame| frame["type"] == "connection:error")
        .await?;
    let kept = buffer(&claude, "a.txt").await?;
    let after = paige_store::from_millis(millis(SystemTime::now())?);
    assert_eq!(
        kept,
        json!({
            "path": "a.txt",
            "content": "two\n",
            "cursorPosition": {"line": 2, "column": 3},
            "dirty": true,
            "lastUpdated": kept["lastUpdated"],
        })
    );
    let at = kept["lastUpdated"].as_str().context("a time")?;
    assert!(
        is_time(at) && *before <= *at && *at <= *after,
        "{before} {at} {after}"
    );
    // An edit back to what is on disk is no edit.
    human.send("buffer:update", edit("a.txt", "one\n")).await?;
    human
        .expect_none(|frame| frame["type"] == "connection:error")
        .await?;
    assert_eq!(diffs(&claude, json!({})).await?, Vec::<Value>::new());
    claude.close().await
}

fn millis(time: SystemTime) -> Result<i64> {
    Ok(i64::try_from(
        time.duration_since(SystemTime::UNIX_EPOCH)?.as_millis(),
    )?)
}

/// spec: 3.4
#[tokio::test]
async fn a_buffer_is_answered_and_null_where_there_is_none() -> Result<()> {
    let project = Project::with(&[("a.txt", "one\n"), ("b.txt", "b\n")])?;
    let (_sidecar, mut human, claude) = started(&project).await?;
    human.request("file:open", json!({"path": "a.txt"})).await?;
    for text in ["two\n", "three\n"] {
        human.send("buffer:update", edit("a.txt", text)).await?;
    }
    human
        .expect_none(|frame| frame["type"] == "connection:error")
        .await?;
    assert_eq!(buffer(&claude, "a.txt").await?["content"], "three\n");

    for path in ["b.txt", "no/such/file.txt"] {
        let args = json!({"path": path});
        let answer = claude.call_raw("paige_get_buffer", args).await?;
        assert_ne!(answer.is_error, Some(true));
        let shown = serde_json::to_value(&answer.content)?;
        assert_eq!(shown[0]["text"], "null", "the text is null");
        assert_eq!(
            answer.structured_content,
            Some(
                json!({"path": path, "content": null, "cursorPosition": null, "dirty": false, "lastUpdated": null})
            )
        );
    }
    claude.close().await
}

/// spec: 3.5
#[tokio::test]
async fn unsaved_text_gives_a_unified_diff_that_git_applies() -> Result<()> {
    let long: String = (1..=40).map(|n| format!("line {n}\n")).collect();
    let project = Project::with(&[
        ("src/a.txt", &long),
        ("clean.txt", "c\n"),
        ("end.txt", "no newline"),
    ])?;
    project.git(&["init", "--quiet"])?;
    project.git(&["add", "--all"])?;
    let (_sidecar, mut human, claude) = started(&project).await?;
    for path in ["src/a.txt", "clean.txt", "end.txt"] {
        human.request("file:open", json!({"path": path})).await?;
    }
    let edited = BTreeMap::from([
        (
            "src/a.txt",
            long.replace("line 3\n", "LINE 3\n")
                .replace("line 38\n", ""),
        ),
        ("end.txt", "no newline, still".to_owned()),
        ("new.txt", "made in the editor\n".to_owned()),
    ]);
    for (path, text) in &edited {
        human.send("buffer:update", edit(path, text)).await?;
    }
    human
        .expect_none(|frame| frame["type"] == "connection:error")
        .await?;

    let one = diffs(&claude, json!({"path": "src/a.txt"})).await?;
    assert_eq!(one.len(), 1);
    let diff = one[0]["diff"].as_str().context("a diff")?;
    for line in [
        "--- a/src/a.txt",
        "+++ b/src/a.txt",
        "-line 3",
        "+LINE 3",
        "-line 38",
    ] {
        assert!(diff.lines().any(|found| found == line), "{line} in {diff}");
    }
    assert_eq!(diff.matches("@@ -").count(), 2, "{diff}");
    for path in ["clean.txt", "never-opened.txt"] {
        assert_eq!(
            diffs(&claude, json!({"path": path})).await?,
            Vec::<Value>::new(),
            "{path}"
        );
    }

    // All of them together make of the disk what the editor shows.
    let all = diffs(&claude, json!({})).await?;
    let mut paths: Vec<&str> = all
        .iter()
        .filter_map(|diff| diff["path"].as_str())
        .collect();
    paths.sort_unstable();
    assert_eq!(paths, edited.keys().copied().collect::<Vec<&str>>());
    let patch: String = all
        .iter()
        .filter_map(|diff| diff["diff"].as_str())
        .collect();
    let file = project.outside().join("all.patch");
    std::fs::write(&file, patch)?;
    let applied = Command::new("git")
        .arg("apply")
        .arg(&file)
        .current_dir(&project.root)
        .output()?;
    ensure!(
        applied.status.success(),
        "{}",
        String::from_utf8_lossy(&applied.stderr)
    );
    for (path, text) in &edited {
        assert_eq!(project.read(path)?, *text, "{path}");
    }
    claude.close().await
}

/// spec: 3.6
#[tokio::test]
async fn the_tree_is_complete_but_for_noise() -> Result<()> {
    let project = Project::with(&[
        ("src/deep/er/x.rs", ""),
        ("src/a.rs", ""),
        ("README.md", ""),
        (".env", ""),
        (".gitignore", "ignored/\n*.log\n"),
        (
            "kept.log",
            "ignored files are shown, ignored folders are not",
        ),
        ("ignored/x", ""),
        ("node_modules/m/index.js", ""),
        ("src/node_modules/m/index.js", ""),
        (".git/HEAD", "ref: refs/heads/main\n"),
        ("dist/x", ""),
        ("build/x", ""),
        ("coverage/x", ""),
    ])?;
    std::fs::create_dir(project.root.join("empty"))?;
    symlink("src", project.root.join("link"))?;
    let file = |path: &str| {
        let name = path.rsplit('/').next();
        json!({"name": name, "path": path, "type": "file"})
    };
    let folder = |path: &str, children: Vec<Value>| {
        let name = path.rsplit('/').next();
        json!({"name": name, "path": path, "type": "directory", "children": children})
    };
    let sidecar = Sidecar::start(&project)?;
    let mut client = Socket::connect(&sidecar).await?;
    client.say_hello(None).await?;
    let tree = client.expect("fs:tree").await?;
    let mut root = folder(
        ".",
        vec![
            folder("empty", vec![]),
            folder(
                "src",
                vec![
                    folder(
                        "src/deep",
                        vec![folder("src/deep/er", vec![file("src/deep/er/x.rs")])],
                    ),
                    file("src/a.rs"),
                ],
            ),
            file(".env"),
            file(".gitignore"),
            file("kept.log"),
            file("link"),
            file("README.md"),
        ],
    );
    root["name"] = json!("project");
    assert_eq!(tree, json!({"root": root}));
    assert_eq!(client.request("fs:request_tree", json!({})).await?, tree);
    Ok(())
}

/// spec: 3.7
#[tokio::test]
async fn watching_begins_with_the_start() -> Result<()> {
    let project = Project::with(&[("a/b/c/old.txt", ""), ("top.txt", "1")])?;
    let sidecar = Sidecar::start(&project)?;
    // Before anybody has connected: what is made now is in the first tree, wherever it is.
    project.write("a/b/c/early.txt", "")?;
    let mut client = Socket::connect(&sidecar).await?;
    client.say_hello(None).await?;
    let mut tree = client.expect("fs:tree").await?;
    let mut told = true;
    while !tree.to_string().contains("a/b/c/early.txt") {
        // The watcher may tell of it a moment after the tree was made; once is enough.
        ensure!(std::mem::take(&mut told), "it is in no tree: {tree}");
        client
            .expect_where("early.txt", |frame| {
                frame["payload"]["path"] == "a/b/c/early.txt"
            })
            .await?;
        tree = client.request("fs:request_tree", json!({})).await?;
    }
    for (action, path) in [
        ("add", "a/b/c/late.txt"),
        ("change", "top.txt"),
        ("unlink", "a/b/c/old.txt"),
    ] {
        match action {
            "unlink" => std::fs::remove_file(project.root.join(path))?,
            _ => project.write(path, "2")?,
        }
        client
            .expect_where(action, |frame| {
                frame["payload"]["action"] == action && frame["payload"]["path"] == path
            })
            .await?;
    }
    Ok(())
}

/// spec: 3.8
#[tokio::test]
async fn an_outside_change_is_told_and_the_tree_follows() -> Result<()> {
    let project = Project::with(&[("a.txt", "1"), ("src/old.rs", "")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    // By another program, in a folder that is new as well.
    let script = "echo 2 > a.txt && mkdir -p fresh/er && echo x > fresh/er/new.rs && rm src/old.rs";
    let status = Command::new("sh")
        .args(["-c", script])
        .current_dir(&project.root)
        .status()?;
    ensure!(status.success());
    for (action, path) in [("change", "a.txt"), ("unlink", "src/old.rs")] {
        client
            .expect_where(path, |frame| {
                frame["type"] == "fs:tree_update"
                    && frame["payload"]["action"] == action
                    && frame["payload"]["path"] == path
            })
            .await?;
    }
    // The new file is told by itself or with its folder.
    client
        .expect_where("new.rs", |frame| {
            frame["type"] == "fs:tree_update" && frame.to_string().contains("fresh/er/new.rs")
        })
        .await?;
    let tree = client
        .request("fs:request_tree", json!({}))
        .await?
        .to_string();
    assert!(
        tree.contains("fresh/er/new.rs") && !tree.contains("src/old.rs"),
        "{tree}"
    );
    // What is noise is not told.
    project.write("node_modules/m/x.js", "")?;
    project.write("last.txt", "")?;
    client
        .expect_where("last.txt", |frame| frame["payload"]["path"] == "last.txt")
        .await?;
    client
        .expect_none(|frame| {
            frame["type"] == "fs:tree_update" && frame.to_string().contains("node_modules")
        })
        .await
}

/// spec: 3.9
#[tokio::test]
async fn a_path_outside_the_project_is_refused_before_anything_is_touched() -> Result<()> {
    let project = Project::with(&[("a.txt", "a\n"), ("src/b.txt", "b\n")])?;
    let secret = project.outside().join("secret.txt");
    std::fs::write(&secret, "secret")?;
    // Whoever opens a pipe that has no other end waits for ever: it must not be opened.
    let pipe = project.outside().join("pipe");
    ensure!(Command::new("mkfifo").arg(&pipe).status()?.success());
    symlink("../pipe", project.root.join("to-pipe"))?;
    symlink("../secret.txt", project.root.join("to-secret"))?;
    symlink("..", project.root.join("to-parent"))?;
    symlink("to-parent", project.root.join("to-link"))?;
    let before = project.everything(&[])?;
    let (_sidecar, mut human, claude) = started(&project).await?;

    let absolute = secret.to_str().context("UTF-8")?;
    let never = [
        "../../etc/passwd",
        "../pipe",
        "..",
        "src/../../pipe",
        "src/..",
        "/etc/passwd",
        absolute,
        "",
        ".",
        "a\0.txt",
    ];
    let by_links = [
        "to-pipe",
        "to-secret",
        "to-parent/secret.txt",
        "to-link/pipe",
        "to-parent/new.txt",
    ];
    for path in never.into_iter().chain(by_links) {
        let lexical = never.contains(&path);
        let requests = [
            ("file:open", json!({"path": path}), true),
            ("file:save", json!({"path": path, "content": "x"}), true),
            (
                "file:save",
                json!({"path": path, "content": "x", "baseVersion": null}),
                true,
            ),
            (
                "file:create",
                json!({"path": path, "kind": "file"}),
                lexical || path.contains('/'),
            ),
            (
                "file:create",
                json!({"path": path, "kind": "directory"}),
                lexical || path.contains('/'),
            ),
            (
                "file:rename",
                json!({"path": path, "newPath": "c.txt"}),
                lexical || path.contains('/'),
            ),
            (
                "file:rename",
                json!({"path": "a.txt", "newPath": path}),
                lexical || path.contains('/'),
            ),
            (
                "file:delete",
                json!({"path": path}),
                lexical || path.contains('/'),
            ),
            ("file:close", json!({"path": path}), lexical),
            ("buffer:update", edit(path, "x"), true),
            ("editor:tab_switch", json!({"toPath": path}), lexical),
        ];
        for (kind, payload, refused) in requests {
            if !refused {
                continue;
            }
            let answer = human.ask(kind, payload.clone()).await?;
            let wanted = if kind == "file:save" {
                "fs:save_error"
            } else {
                "connection:error"
            };
            assert_eq!(answer["type"], wanted, "{kind} {payload}: {answer}");
            assert_eq!(
                answer["payload"]["code"], "PATH_REFUSED",
                "{kind} {payload}: {answer}"
            );
        }
        let tools = [
            ("paige_open_file", json!({"path": path}), true),
            ("paige_get_buffer", json!({"path": path}), lexical),
            ("paige_get_diff", json!({"path": path}), lexical),
            (
                "paige_highlight_lines",
                json!({"path": path, "ranges": [{"start": 1, "end": 1, "style": "info"}]}),
                true,
            ),
            (
                "paige_hint_files",
                json!({"paths": [path], "style": "suggested"}),
                lexical,
            ),
        ];
        for (tool, args, refused) in tools {
            if !refused {
                continue;
            }
            let error = claude.call_error(tool, args.clone()).await?;
            assert_eq!(error["code"], "PATH_REFUSED", "{tool} {args}: {error}");
        }
    }
    let sentence = human
        .ask("file:open", json!({"path": "../../etc/passwd"}))
        .await?;
    assert_eq!(
        sentence["payload"]["message"],
        "The path \"../../etc/passwd\" is refused: it contains `..`. Send a path inside the project, relative to its folder."
    );
    assert_eq!(project.everything(&[])?, before);
    claude.close().await
}
