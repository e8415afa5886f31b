//! Many changes of the project folder at once: nothing is missed, and nobody is flooded (spec: story 5,
//! AC 6).

use std::collections::BTreeSet;

use anyhow::Result;
use paige_tests::{Project, Sidecar, Socket};
use serde_json::{Value, json};

/// Fault: lost watcher events.
///
/// 2000 new files, in folders old and new: each is told by itself, with its folder, or by a whole tree;
/// and as the whole tree tells of all that came while it was held back, there are far fewer messages than
/// files.
#[tokio::test]
async fn a_burst_of_2000_new_files_is_told_completely_and_in_few_messages() -> Result<()> {
    const FILES: usize = 2000;
    let project = Project::with(&[("old/x.txt", "")])?;
    let sidecar = Sidecar::start(&project)?;
    let (mut client, _) = Socket::hello(&sidecar).await?;
    let mut missing = BTreeSet::new();
    for n in 0..FILES {
        let folder = ["", "old/", "new/", "new/deep/er/"][n % 4];
        let path = format!("{folder}file-{n}.txt");
        project.write(&path, "")?;
        missing.insert(path);
    }
    let (mut messages, mut trees) = (0, 0);
    while !missing.is_empty() {
        let left = missing.len();
        let news = client
            .expect_where(
                &format!("{left} of {FILES} files, such as {:?}", missing.first()),
                |frame| matches!(frame["type"].as_str(), Some("fs:tree" | "fs:tree_update")),
            )
            .await?;
        messages += 1;
        let node = if news["type"] == "fs:tree" {
            trees += 1;
            &news["payload"]["root"]
        } else {
            &news["payload"]["node"]
        };
        told(node, &mut missing);
    }
    assert!(trees > 0, "no whole tree among {messages} messages");
    assert!(messages < FILES / 2, "{messages} messages, {trees} trees");
    Ok(())
}

/// The same for clients that connect, or ask for the tree, in the midst of it: what they are sent, taken
/// in the order in which it comes, is in the end what is on disk.
#[tokio::test]
async fn a_client_that_comes_while_files_are_made_misses_none() -> Result<()> {
    // So few that they are not told as one tree, which would cover up what was missed.
    const FILES: usize = 150;
    let project = Project::empty()?;
    let sidecar = Sidecar::start(&project)?;
    let all: BTreeSet<String> = (0..FILES).map(|n| format!("{n}.txt")).collect();
    let writing = std::thread::spawn({
        let (root, all) = (project.root.clone(), all.clone());
        move || -> Result<()> {
            for name in all {
                std::fs::write(root.join(name), "")?;
                std::thread::sleep(std::time::Duration::from_millis(4));
            }
            Ok(())
        }
    });
    let (mut asks, _) = Socket::hello(&sidecar).await?;
    let mut clients = Vec::new();
    while !writing.is_finished() {
        let mut client = Socket::connect(&sidecar).await?;
        client.say_hello(None).await?;
        clients.push(client);
        asks.send("fs:request_tree", json!({})).await?;
        asks.expect_none(|_| false).await?;
    }
    writing
        .join()
        .map_err(|_| anyhow::anyhow!("the writer panicked"))??;
    clients.push(asks);
    for (at, mut client) in clients.into_iter().enumerate() {
        let mut missing = all.clone();
        while !missing.is_empty() {
            let left = missing.len();
            let news = client
                .expect_where(&format!("{left} of the files, client {at}"), |frame| {
                    matches!(frame["type"].as_str(), Some("fs:tree" | "fs:tree_update"))
                })
                .await?;
            if news["type"] == "fs:tree" {
                missing = all.clone();
                told(&news["payload"]["root"], &mut missing);
            } else {
                told(&news["payload"]["node"], &mut missing);
            }
        }
    }
    Ok(())
}

fn told(node: &Value, missing: &mut BTreeSet<String>) {
    missing.remove(node["path"].as_str().unwrap_or_default());
    for child in node["children"].as_array().into_iter().flatten() {
        told(child, missing);
    }
}
