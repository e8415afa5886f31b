//! The coach over a real database and a real folder, as all these tests have it.

use paige_coach::{Coach, Config, Mind};
use paige_protocol::ProjectPath;
use paige_store::Store;
use paige_workspace::Workspace;
use tempfile::TempDir;

pub(crate) fn at(path: &str) -> ProjectPath {
    ProjectPath::parse(path).unwrap()
}

/// Opens the database in `folder` and the project in its folder `project`, without a watcher.
pub(crate) async fn open(folder: &TempDir) -> (Coach, Store) {
    let root = folder.path().join("project").canonicalize().unwrap();
    let store = Store::open(
        &folder.path().join("paige.db"),
        &root.to_string_lossy(),
        paige_store::Config::default(),
    )
    .unwrap();
    let config = paige_workspace::Config {
        watch: false,
        ..paige_workspace::Config::default()
    };
    let workspace = Workspace::open(&root, config).unwrap();
    let mind = mind(folder, &store).await;
    let coach = Coach::open(store.clone(), workspace, Config::default(), mind)
        .await
        .unwrap();
    (coach, store)
}

pub(crate) async fn mind(folder: &TempDir, store: &Store) -> Mind {
    let memory = folder.path().join("memory.db");
    Mind::offline(store, &memory).await.unwrap()
}
