//! Claude may look at everything and touch nothing: not by what its tools say, but by what the process
//! asks of the system (blueprint §1).

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use paige_tests::mcp::Era;
use paige_tests::trace::{Strace, writes};
use paige_tests::{Claude, Fake, Project, Sidecar, Socket, anthropic};
use serde_json::{Value, json};

/// Paths that lead out, to what is protected, or nowhere.
const HOSTILE: [&str; 16] = [
    "../secret.txt",
    "src/../../secret.txt",
    "/etc/passwd",
    "link-out",
    "link-out/new.txt",
    "folder-out/secret.txt",
    "dangling",
    "src",
    ".",
    "",
    ".git/config",
    ".env",
    "a\0b",
    "C:\\windows",
    "src/main.rs/..",
    "new/deep/file.txt",
];

/// Every tool with arguments that are right, and that must work.
fn good(project: &Project) -> Vec<(&'static str, Value)> {
    let root = &project.root;
    vec![
        ("paige_get_active_session", json!({})),
        (
            "paige_start_session",
            json!({"project_dir": root, "issue_number": 1, "issue_title": "T", "force": true}),
        ),
        ("paige_open_file", json!({"path": "src/main.rs"})),
        ("paige_get_buffer", json!({"path": "src/main.rs"})),
        ("paige_get_open_files", json!({})),
        ("paige_get_diff", json!({})),
        ("paige_get_diff", json!({"path": "src/edited.rs"})),
        ("paige_get_session_state", json!({})),
        (
            "paige_highlight_lines",
            json!({"path": "src/edited.rs", "ranges": [{"start": 1, "end": 2, "style": "hint", "hover_text": "Why?"}]}),
        ),
        ("paige_clear_highlights", json!({})),
        (
            "paige_hint_files",
            json!({"paths": ["src/main.rs", "src/to-be-made.rs"], "style": "suggested"}),
        ),
        ("paige_clear_hints", json!({})),
        (
            "paige_show_message",
            json!({"message": "Look.", "type": "info", "anchor": {"path": "src/main.rs", "start_line": 1, "end_line": 1}}),
        ),
        (
            "paige_show_issue_context",
            json!({"title": "T", "summary": "S", "number": 1, "labels": [{"name": "bug", "color": "f00"}]}),
        ),
    ]
}

/// Those that need a plan, which no door makes yet: they are refused.
fn planless() -> [(&'static str, Value); 2] {
    [
        (
            "paige_update_phase",
            json!({"phase": 1, "status": "active"}),
        ),
        (
            "paige_record_review",
            json!({"passed": true, "feedback": "Good.", "issues": [{"topic": "t", "path": "src/main.rs"}]}),
        ),
    ]
}

/// Every tool that takes a path, with one that is wrong.
fn hostile(path: &str) -> Vec<(&'static str, Value)> {
    vec![
        (
            "paige_start_session",
            json!({"project_dir": path, "force": true}),
        ),
        ("paige_open_file", json!({"path": path})),
        ("paige_get_buffer", json!({"path": path})),
        ("paige_get_diff", json!({"path": path})),
        ("paige_get_diff", json!({"path": path, "since": "session"})),
        (
            "paige_record_review",
            json!({"passed": false, "feedback": "x", "issues": [{"topic": "t", "path": path}]}),
        ),
        (
            "paige_highlight_lines",
            json!({"path": path, "ranges": [{"start": 1, "end": 1, "style": "info"}]}),
        ),
        ("paige_clear_highlights", json!({"path": path})),
        (
            "paige_hint_files",
            json!({"paths": [path, "src/main.rs"], "style": "error"}),
        ),
        (
            "paige_show_message",
            json!({"message": "x", "type": "info", "anchor": {"path": path, "start_line": 1, "end_line": 1}}),
        ),
        (
            "paige_show_issue_context",
            json!({"title": path, "summary": path, "url": path}),
        ),
    ]
}

/// Arguments that a client may send and a tool must not be confused by.
fn odd() -> Vec<(&'static str, Value)> {
    let long = "../".repeat(5_000) + "secret.txt";
    vec![
        ("paige_open_file", json!({"path": long})),
        (
            "paige_open_file",
            json!({"path": "src/main.rs", "content": "overwrite", "write": true}),
        ),
        ("paige_open_file", json!({"path": ["src/main.rs"]})),
        (
            "paige_get_diff",
            json!({"path": "src/main.rs", "apply": true}),
        ),
        (
            "paige_highlight_lines",
            json!({"path": "src/main.rs", "ranges": [{"start": 0, "end": 4_000_000_000_u32, "style": "info"}]}),
        ),
        (
            "paige_show_message",
            json!({"message": "x".repeat(100_000), "type": "info", "rung": 9}),
        ),
        (
            "paige_get_session_state",
            json!({"include": ["files", "everything"]}),
        ),
        (
            "paige_write_file",
            json!({"path": "src/main.rs", "content": "overwrite"}),
        ),
        (
            "file:save",
            json!({"path": "src/main.rs", "content": "overwrite"}),
        ),
    ]
}

#[tokio::test]
async fn a_traced_session_of_claude_opens_nothing_of_the_project_for_writing() -> Result<()> {
    let project = Project::with(&[
        ("src/main.rs", "fn main() {}\n"),
        ("src/edited.rs", "one\ntwo\nthree\n"),
        (".env", "KEY=value\n"),
        ("basket.py", "total = 0\n"),
        ("discounts.py", "percent = 10\n"),
        ("test_basket.py", "import basket\n"),
    ])?;
    project.git(&["init", "--quiet"])?;
    std::fs::write(project.outside().join("secret.txt"), "secret\n")?;
    for (target, link) in [
        ("../secret.txt", "link-out"),
        ("..", "folder-out"),
        ("../made-by-a-link.txt", "dangling"),
    ] {
        std::os::unix::fs::symlink(target, project.root.join(link))?;
    }
    // Unsaved text of an earlier run, so that there is something to diff.
    let sidecar = Sidecar::start(&project)?;
    let (mut human, _) = Socket::hello(&sidecar).await?;
    let cursor = json!({"line": 2, "column": 1});
    let edit =
        json!({"path": "src/edited.rs", "content": "one\n2\nthree\n", "cursorPosition": cursor});
    human.send("buffer:update", edit).await?;
    human
        .request("file:open", json!({"path": "src/edited.rs"}))
        .await?;
    sidecar.stop()?;

    // Claude plans, and what was learned is wrapped up: that writes nothing of the project either.
    let fake = Fake::start(&anthropic::demo_script()?).await?;
    let command = Sidecar::thinking_command(&project, &fake, &[]);
    let Some(strace) = Strace::run(&command, &project, writes::CALLS, 4096)? else {
        return Ok(());
    };
    let sidecar = &strace.sidecar;
    let before = project.everything(&["trace"])?;

    for era in [Era::Sessions, Era::Stateless] {
        let claude = Claude::connect(sidecar, era).await?;
        let tools: BTreeSet<String> = claude.tools().await?.into_iter().collect();
        let mut called = BTreeSet::new();
        for (tool, args) in good(&project) {
            let result = claude.call(tool, args).await?;
            if tool == "paige_get_diff" {
                let diffs = result["diffs"].as_array().map(Vec::len);
                ensure!(diffs == Some(1), "{result}");
            }
            called.insert(tool.to_owned());
        }
        for (tool, args) in planless() {
            let refused = claude.call_error(tool, args).await?;
            ensure!(refused["code"] == "PRECONDITION_FAILED", "{refused}");
            called.insert(tool.to_owned());
        }
        let plan = json!({"plan_text": "Count together.", "issue_summary": "Mugs are too dear."});
        claude.call("paige_run_coaching_pipeline", plan).await?;
        called.insert("paige_run_coaching_pipeline".to_owned());
        let hostile = HOSTILE.iter().flat_map(|path| hostile(path));
        for (tool, args) in hostile.chain(odd()) {
            // Refused or answered: what matters is what the process does.
            let _ = claude.call_raw(tool, args).await;
        }
        claude
            .call(
                "paige_end_session",
                json!({"session_transcript": "The end."}),
            )
            .await?;
        called.insert("paige_end_session".to_owned());
        let done = claude.call_error("paige_retry_wrap_up", json!({})).await?;
        ensure!(done["code"] == "INVALID_ARGUMENT", "{done}");
        called.insert("paige_retry_wrap_up".to_owned());
        assert_eq!(
            called, tools,
            "every tool is called, and there are no others"
        );
        claude.close().await?;
    }
    assert_eq!(project.everything(&["trace"])?, before);

    let outside = project.outside().to_owned();
    let root = project.root.clone();
    let trace = strace.stop()?;
    let changed = writes::below(&trace, &root);
    assert!(changed.is_empty(), "{changed:#?}");
    // It was looked at: the trace is one of this project, and names what it opens.
    assert!(!writes::opened_below(&trace, &root.join("src/main.rs")).is_empty());
    // What lies beside the project was not even read.
    for name in ["secret.txt", "made-by-a-link.txt"] {
        let opened = writes::opened_below(&trace, &outside.join(name));
        assert!(opened.is_empty(), "{opened:#?}");
    }
    Ok(())
}

/// The same look finds the pen at work, so that it is one that finds something.
#[tokio::test]
async fn a_traced_session_of_the_human_is_seen_to_write() -> Result<()> {
    let project = Project::with(&[("a.txt", "one\n")])?;
    let Some(strace) = Strace::start(&project, writes::CALLS, 4096, &[])? else {
        return Ok(());
    };
    let (mut human, _) = Socket::hello(&strace.sidecar).await?;
    human.request("file:open", json!({"path": "a.txt"})).await?;
    human
        .request("file:save", json!({"path": "a.txt", "content": "two\n"}))
        .await?;
    let trace = strace.stop()?;
    let names: BTreeSet<&str> = writes::below(&trace, &project.root)
        .into_iter()
        .map(|call| call.name.as_str())
        .collect();
    assert!(names.contains("renameat"), "{names:?}");
    assert!(
        names.iter().any(|name| name.starts_with("openat")),
        "{names:?}"
    );
    Ok(())
}
