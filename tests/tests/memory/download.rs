//! The model comes at its first use, from a server that here stands in for the publisher's.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use paige_memory::{Added, Config, ModelState, Query, RecallBy};
use paige_tests::chroma::{free_port, model_dir};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::scene::{Scene, new, texts};

/// How long a file of 91 MB may take within this machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Serves the files of a folder.
async fn publish(folder: PathBuf, port: u16) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    tokio::spawn(async move {
        // A file that is not served is noticed by who asked for it.
        while let Ok((socket, _)) = listener.accept().await {
            let _ = serve(socket, &folder).await;
        }
    });
    Ok(())
}

async fn serve(mut socket: TcpStream, folder: &Path) -> Result<()> {
    let mut request = [0; 2048];
    let read = socket.read(&mut request).await?;
    let request = std::str::from_utf8(&request[..read])?;
    let name = request.split(['/', ' ']).nth(2).context("a path")?;
    let body = tokio::fs::read(folder.join(name)).await?;
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    socket.write_all(head.as_bytes()).await?;
    Ok(socket.write_all(&body).await?)
}

#[tokio::test]
async fn the_model_is_downloaded_at_its_first_use_with_the_model() -> Result<()> {
    let port = free_port()?;
    let scene = Scene {
        folder: tempfile::tempdir()?,
        config: Config {
            download_url: format!("http://127.0.0.1:{port}/"),
            retry_after: Duration::from_millis(100),
            // Not the time-out is tested here, but that nobody waits for the download.
            patience: Duration::from_secs(30),
            ..Config::default()
        },
    };
    let memory = scene.open().await?;
    let mut model = memory.model();
    assert_eq!(*model.borrow(), ModelState::Resting);

    // Nobody publishes it yet: words do, and it is said why.
    let added = memory
        .add(vec![new("Recursion needs a base case.")], 1, "/p")
        .await?;
    assert_eq!(
        added,
        Added {
            added: 1,
            indexed: 0
        }
    );
    let failed = model.wait_for(|state| matches!(state, ModelState::Failed { .. }));
    timeout(PATIENCE, failed).await??;
    let recall = memory.query(Query::new("recursive")).await?;
    assert_eq!(
        (texts(&recall), recall.by),
        (vec!["Recursion needs a base case."], RecallBy::FullText)
    );
    let note = recall.note.unwrap_or_default();
    assert!(
        note.contains("download") && note.contains("words only"),
        "{note}"
    );

    // It is tried again, told as it goes on, and what waited is found by its meaning.
    publish(model_dir()?, port).await?;
    let downloading = async {
        loop {
            memory.query(Query::new("recursive")).await?;
            if matches!(*model.borrow_and_update(), ModelState::Downloading { .. }) {
                return anyhow::Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, downloading).await??;
    let ready = model.wait_for(|state| *state == ModelState::Ready);
    timeout(PATIENCE, ready).await??;
    let recall = memory
        .query(Query::new("a function that calls itself"))
        .await?;
    assert_eq!(
        (texts(&recall), recall.by),
        (vec!["Recursion needs a base case."], RecallBy::Embedding)
    );
    assert_eq!(recall.note, None);

    // The next start finds it where it was put.
    memory.close().await;
    let folder = scene.folder.path().join("models/all-MiniLM-L6-v2");
    assert_eq!(std::fs::read_dir(folder)?.count(), 3);
    let memory = scene.open().await?;
    let added = memory
        .add(vec![new("Branches in Git are cheap.")], 1, "/p")
        .await?;
    assert_eq!(
        added,
        Added {
            added: 1,
            indexed: 1
        }
    );
    Ok(())
}
