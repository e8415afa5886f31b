//! Acknowledged means durable (blueprint §2): a kill cannot show it, since the system keeps what it
//! was given; so the order of the calls is looked at.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use paige_protocol::Version;
use paige_tests::mcp::Era;
use paige_tests::trace::{Strace, durable};
use paige_tests::{Claude, Project, Sidecar, Socket};
use serde_json::json;

/// What happened in a run, as its clients saw it.
struct Run {
    findings: durable::Findings,
    /// Pushes that everybody must have got.
    pushes: usize,
    /// Direct answers to changes.
    answers: usize,
    /// Results of tools.
    tool_results: usize,
    clients: usize,
}

/// Saves of files that are there and of new ones, also in new folders, one after the other.
async fn save(client: &mut Socket, name: &str, rounds: usize) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for round in 0..rounds {
        for path in [format!("{name}.txt"), format!("new/{name}/{round}.txt")] {
            let text = format!("{path}, text {round}\n").repeat(1 + round * 7);
            let save = json!({"path": path, "content": text});
            client.request("file:save", save).await?;
            texts.push(text);
        }
    }
    Ok(texts)
}

/// How many sessions are started and ended.
const SESSIONS: usize = 4;

/// Sessions and levels, as the learner starts, sets and ends them.
async fn coach(client: &mut Socket, rounds: usize) -> Result<usize> {
    let mut answers = 0;
    for round in 0..rounds {
        let start = json!({"issueNumber": round, "issueTitle": format!("Issue {round}")});
        client.request("session:start", start).await?;
        for level in ["low", "high", "low"] {
            let change = json!({"to": level});
            client.request("hints:level_change", change).await?;
        }
        client.request("session:end", json!({})).await?;
        answers += 5;
    }
    Ok(answers)
}

/// Files and folders made, moved and deleted.
async fn tidy(client: &mut Socket, rounds: usize) -> Result<usize> {
    let mut answers = 0;
    for round in 0..rounds {
        let (file, folder) = (format!("made/{round}.txt"), format!("folder-{round}"));
        let moved = format!("{folder}/moved.txt");
        for (kind, payload) in [
            ("file:create", json!({"path": file, "kind": "file"})),
            ("file:create", json!({"path": folder, "kind": "directory"})),
            ("file:rename", json!({"path": file, "newPath": moved})),
            ("file:delete", json!({"path": moved})),
        ] {
            client.request(kind, payload).await?;
            answers += 1;
        }
    }
    Ok(answers)
}

/// All that Claude can show, in one era.
async fn show(sidecar: &Sidecar, era: Era) -> Result<usize> {
    let tools = [
        ("paige_open_file", json!({"path": "one.txt"})),
        (
            "paige_highlight_lines",
            json!({"path": "one.txt", "ranges": [{"start": 1, "end": 1, "style": "hint"}]}),
        ),
        (
            "paige_hint_files",
            json!({"paths": ["two.txt"], "style": "required"}),
        ),
        (
            "paige_show_message",
            json!({"message": format!("Look, {era:?}."), "type": "info"}),
        ),
        (
            "paige_show_issue_context",
            json!({"title": format!("The issue, {era:?}"), "summary": "Short."}),
        ),
        ("paige_clear_highlights", json!({})),
        ("paige_clear_hints", json!({})),
    ];
    let claude = Claude::connect(sidecar, era).await?;
    let count = tools.len();
    for (tool, args) in tools {
        claude.call(tool, args).await?;
    }
    claude.close().await?;
    Ok(count)
}

/// Drives the binary under strace with several clients at once, so that their changes share
/// transactions, and looks the trace through. `None` where there is no strace.
async fn run(args: &[&str]) -> Result<Option<Run>> {
    let project = Project::with(&[("one.txt", "one\n"), ("two.txt", "two\n")])?;
    let Some(strace) = Strace::start(&project, durable::CALLS, durable::TEXT, args)? else {
        return Ok(None);
    };
    let sidecar = &strace.sidecar;
    let (mut one, _) = Socket::hello(sidecar).await?;
    let (mut two, _) = Socket::hello(sidecar).await?;
    let (mut three, _) = Socket::hello(sidecar).await?;
    let (mut four, _) = Socket::hello(sidecar).await?;
    for (client, path) in [(&mut one, "one.txt"), (&mut two, "two.txt")] {
        client.request("file:open", json!({"path": path})).await?;
    }
    let (ones, twos, coached, tidied) = tokio::try_join!(
        save(&mut one, "one", 5),
        save(&mut two, "two", 5),
        coach(&mut three, SESSIONS),
        tidy(&mut four, 2),
    )?;
    let saved: HashMap<String, Vec<u8>> = ones
        .iter()
        .chain(&twos)
        .map(|text| {
            (
                Version::of(text.as_bytes()).as_str().to_owned(),
                text.clone().into_bytes(),
            )
        })
        .collect();
    let start = json!({"issueNumber": 100, "issueTitle": "The last one"});
    three.request("session:start", start).await?;
    let (shown, shown_as_well) =
        tokio::try_join!(show(sidecar, Era::Sessions), show(sidecar, Era::Stateless),)?;
    let answered = saved.len() + coached + 1;
    let tool_results = shown + shown_as_well;
    // Each start and end of a session also tells how the Observer is.
    let pushes = answered + tool_results + 2 * SESSIONS + 1;
    for client in [&mut one, &mut two, &mut three, &mut four] {
        let last = u64::try_from(pushes)?;
        if client.seqs().last() != Some(&last) {
            client
                .expect_where("the last push", |frame| frame["seq"] == last)
                .await?;
        }
        ensure!(
            client.seqs() == (1..=last).collect::<Vec<_>>(),
            "{:?}",
            client.seqs()
        );
    }
    let trace = strace.stop()?;
    let known = durable::Known {
        project: project.root.clone(),
        saved,
    };
    Ok(Some(Run {
        findings: durable::check(&trace, &known)?,
        pushes,
        answers: answered + tidied,
        tool_results,
        clients: 4,
    }))
}

#[tokio::test]
async fn a_traced_run_acknowledges_nothing_before_it_is_durable() -> Result<()> {
    let Some(run) = run(&[]).await? else {
        return Ok(());
    };
    // All that the clients saw was found in the trace, and none of it came too early.
    let expected = durable::Findings {
        pushes: run.pushes,
        push_frames: run.pushes * run.clients,
        answers: run.answers,
        tool_results: run.tool_results,
        violations: Vec::new(),
    };
    assert_eq!(run.findings, expected);
    Ok(())
}

/// The same test is not passed by a database that does not wait for the disk; a debug build can be
/// told to be one.
#[tokio::test]
async fn a_traced_run_that_does_not_wait_for_the_disk_is_found_out() -> Result<()> {
    let Some(run) = run(&["--unsafe-synchronous-off"]).await? else {
        return Ok(());
    };
    let early = &run.findings.violations;
    let rows = early
        .iter()
        .filter(|told| told.contains("before its row was synced"))
        .count();
    assert_eq!(
        rows,
        early.len(),
        "files are synced all the same: {early:#?}"
    );
    assert_eq!(
        rows,
        run.pushes * run.clients + run.answers + run.tool_results
    );
    Ok(())
}
