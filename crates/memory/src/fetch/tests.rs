use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

use tokio::net::TcpListener;

use super::*;

/// `sha256` of "hello" and of "world!".
const FILES: &[Pinned] = &[
    Pinned {
        name: "a",
        bytes: 5,
        sha256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    },
    Pinned {
        name: "b",
        bytes: 6,
        sha256: "711e9609339e92b03ddc0a211827dba421f38f9ed8b9d806e1ffdd8c15ffa03d",
    },
];

/// Serves `a` and `b` and counts the requests.
async fn serve(a: &'static str, b: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let from = format!("http://{}/m/", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 2048];
            let read = socket.read(&mut request).await.unwrap();
            count.fetch_add(1, SeqCst);
            let request = String::from_utf8_lossy(&request[..read]);
            let body = if request.starts_with("GET /m/a ") {
                a
            } else {
                b
            };
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (from, asked)
}

fn fetch(from: String, folder: &Path) -> Fetch {
    Fetch {
        from,
        folder: folder.join("models/m"),
        files: FILES,
    }
}

fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder.join("models/m")).unwrap();
    let mut names: Vec<_> = files
        .map(|f| f.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn files_are_fetched_once_and_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let (from, asked) = serve("hello", "world!").await;
    let fetch = fetch(from, folder.path());
    let told = AtomicU64::new(0);
    fetch
        .run(|received| told.store(received, SeqCst))
        .await
        .unwrap();
    assert_eq!((told.load(SeqCst), fetch.total()), (11, 11));
    assert_eq!(names(folder.path()), ["a", "b"]);
    fetch.run(|_| ()).await.unwrap();
    assert_eq!(asked.load(SeqCst), 2);
    // A file that was damaged is fetched again, and only that.
    std::fs::write(folder.path().join("models/m/b"), "World!").unwrap();
    fetch.run(|_| ()).await.unwrap();
    assert_eq!(asked.load(SeqCst), 3);
    assert_eq!(
        std::fs::read(folder.path().join("models/m/b")).unwrap(),
        b"world!"
    );
}

#[tokio::test]
async fn what_is_not_the_pinned_file_is_not_kept() {
    for b in ["World!", "world", "world! and more"] {
        let folder = tempfile::tempdir().unwrap();
        let (from, _) = serve("hello", b).await;
        let error = fetch(from, folder.path()).run(|_| ()).await.unwrap_err();
        assert!(error.contains("SHA-256"), "{error}");
        assert_eq!(names(folder.path()), ["a"]);
    }
}

#[tokio::test]
async fn no_network_is_said_with_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let error = fetch(format!("http://{port}/"), folder.path())
        .run(|_| ())
        .await
        .unwrap_err();
    assert!(error.contains("Check the network"), "{error}");
}
