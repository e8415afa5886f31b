//! `forget` takes a session or a project out of the data directory, to the last byte.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Result, ensure};
use paige_tests::mcp::Era;
use paige_tests::{Claude, Project, Record, Sidecar, Socket, sidecar};
use serde_json::json;

/// What is in everything of the session, and of nothing else.
const MARKER: &str = "zanzibar-marker";

/// Runs `forget` without a terminal.
fn forget(project: &Project, args: &[&str]) -> Result<Output> {
    Ok(Command::new(sidecar::binary())
        .env_clear()
        .env("DATA_DIR", &project.data)
        .arg("forget")
        .args(args)
        .stdin(Stdio::null())
        .output()?)
}

/// Runs `forget`, which must end with this code, and returns what it told on stderr.
fn refused(project: &Project, args: &[&str], code: i32) -> Result<String> {
    let output = forget(project, args)?;
    let told = String::from_utf8(output.stderr)?;
    ensure!(output.status.code() == Some(code), "{args:?}: {told}");
    Ok(told)
}

/// The files of the data directory that hold the marker.
fn holding(project: &Project, text: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![project.data.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if contains(&path, text)? {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn contains(path: &Path, text: &str) -> Result<bool> {
    let bytes = std::fs::read(path)?;
    Ok(bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes()))
}

/// A session in which the marker went through every door; returns its id.
async fn session(project: &Project) -> Result<u64> {
    let sidecar = Sidecar::start(project)?;
    let claude = Claude::connect(&sidecar, Era::Sessions).await?;
    let (mut socket, _) = Socket::hello(&sidecar).await?;
    let started = claude
        .call(
            "paige_start_session",
            json!({"project_dir": project.root, "issue_title": format!("{MARKER} title")}),
        )
        .await?;
    let opened = socket
        .request("file:open", json!({"path": "a.txt"}))
        .await?;
    socket
        .request(
            "file:save",
            json!({"path": "a.txt", "content": format!("{MARKER} after\n"), "baseVersion": opened["version"]}),
        )
        .await?;
    claude
        .call("paige_open_file", json!({"path": "a.txt"}))
        .await?;
    claude
        .call(
            "paige_show_message",
            json!({"message": format!("{MARKER} message"), "type": "hint"}),
        )
        .await?;
    claude.call("paige_end_session", json!({})).await?;
    socket.close().await?;
    // What is left over from a kill lies in the log of the database.
    sidecar.kill()?;
    let id = Record::of(project)?.row("SELECT max(id) AS id FROM sessions", [])?["id"].clone();
    id.as_u64()
        .ok_or_else(|| anyhow::anyhow!("an id, not {started}"))
}

#[tokio::test]
async fn a_forgotten_session_is_in_no_file_of_the_data_directory() -> Result<()> {
    let project = Project::with(&[("a.txt", &format!("{MARKER} before\n"))])?;
    let id = session(&project).await?.to_string();
    ensure!(!holding(&project, MARKER)?.is_empty());
    let backup = project.data.join("paige.db.backup-v3");
    std::fs::write(&backup, format!("{MARKER} of last year"))?;

    let told = refused(&project, &[&id], 2)?;
    for part in [
        &*format!("removes session {id} of "),
        "paige.db.backup-v3",
        "nothing was removed",
        "Add --yes",
    ] {
        ensure!(told.contains(part), "{part}: {told}");
    }
    ensure!(backup.exists() && !holding(&project, MARKER)?.is_empty());

    let output = forget(&project, &[&id, "--yes"])?;
    ensure!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout)?;
    assert_eq!(said, format!("Session {id} is removed.\n"));
    assert_eq!(holding(&project, MARKER)?, [""; 0].map(PathBuf::from));
    ensure!(!backup.exists());

    let told = refused(&project, &[&id, "--yes"], 9)?;
    ensure!(told.contains(&format!("no session {id}")), "{told}");
    // The next run works on what is left.
    let sidecar = Sidecar::start(&project)?;
    Socket::hello(&sidecar).await?;
    ensure!(sidecar.stop()?.success());
    Ok(())
}

#[tokio::test]
async fn a_forgotten_project_is_in_no_file_but_the_logs() -> Result<()> {
    let project = Project::with(&[("a.txt", &format!("{MARKER} before\n"))])?;
    session(&project).await?;
    let folder = project.root.to_str().unwrap_or_default();
    let told = refused(&project, &["--project", "/no/such/project"], 9)?;
    ensure!(told.contains(folder), "{told}");
    let output = forget(&project, &["--project", folder, "--yes"])?;
    ensure!(output.status.success(), "{output:?}");
    assert_eq!(holding(&project, MARKER)?, [""; 0].map(PathBuf::from));
    let mut naming = holding(&project, folder)?;
    naming.retain(|path| !path.starts_with(project.data.join("logs")));
    // These two are of the process that was killed: the next start replaces them.
    naming.retain(|path| !path.ends_with("sidecar.json") && !path.ends_with("running.json"));
    assert_eq!(naming, [""; 0].map(PathBuf::from));
    Ok(())
}

#[tokio::test]
async fn nothing_is_forgotten_while_a_sidecar_runs() -> Result<()> {
    let project = Project::empty()?;
    let told = refused(&project, &["1", "--yes"], 9)?;
    ensure!(told.contains("no database"), "{told}");
    ensure!(!project.data.exists(), "looking makes no data directory");
    let sidecar = Sidecar::start(&project)?;
    let told = refused(&project, &["1", "--yes"], 4)?;
    ensure!(told.contains("paige-sidecar stop"), "{told}");
    ensure!(sidecar.stop()?.success());
    let told = refused(&project, &[], 2)?;
    ensure!(told.contains("SESSION"), "{told}");
    Ok(())
}

#[tokio::test]
async fn what_ended_long_ago_is_taken_away_when_the_user_wants_it() -> Result<()> {
    let project = Project::with(&[("a.txt", &format!("{MARKER} before\n"))])?;
    session(&project).await?;
    let rows = rusqlite::Connection::open(project.database())?;
    rows.execute_batch(
        "UPDATE sessions SET started_at = '2020-01-01T00:00:00.000Z', ended_at = '2020-01-02T00:00:00.000Z';
         UPDATE action_log SET created_at = '2020-01-01T12:00:00.000Z';
         UPDATE outbox SET at = '2020-01-01T12:00:00.000Z';",
    )?;
    drop(rows);
    let left = || -> Result<_> {
        Record::of(&project)?.row(
            "SELECT (SELECT count(*) FROM sessions) AS sessions,
                 (SELECT count(*) FROM action_log WHERE session_id = 1
                     AND id < (SELECT max(id) FROM action_log)) AS entries,
                 (SELECT count(*) FROM texts) AS texts",
            [],
        )
    };
    // Everything is kept for ever, unless the user says otherwise.
    ensure!(Sidecar::start(&project)?.stop()?.success());
    ensure!(left()?["texts"] == 1, "{}", left()?);
    let sidecar = Sidecar::start_with(&project, &["--timeline-keep-days", "30"])?;
    Sidecar::logged(&project, &["has been taken from the timeline"]).await?;
    assert_eq!(left()?, json!({"sessions": 1, "entries": 0, "texts": 0}));
    ensure!(sidecar.stop()?.success());
    Ok(())
}
