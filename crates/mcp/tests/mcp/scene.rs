//! A project, a data folder and the door, served on a loopback port.

use std::net::SocketAddr;

use axum::serve::ListenerExt;
use paige_coach::{Coach, Mind};
use paige_mcp::{Config, Door};
use paige_store::Store;
use paige_workspace::Workspace;
use rmcp::{
    RoleClient, ServiceExt,
    model::ProtocolVersion,
    service::{ClientLifecycleMode, ClientServiceExt, RunningService},
    transport::StreamableHttpClientTransport,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::wire::Wire;

pub(crate) type Client = RunningService<RoleClient, ()>;

/// The eras of the protocol.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Era {
    Sessions,
    Stateless,
}

pub(crate) struct Scene {
    project: TempDir,
    data: TempDir,
    pub(crate) config: Config,
    pub(crate) coach: Coach,
    pub(crate) store: Store,
    pub(crate) door: Door,
    pub(crate) address: SocketAddr,
    server: JoinHandle<()>,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let (project, data) = folders();
        Self::open(project, data, config).await
    }

    async fn open(project: TempDir, data: TempDir, config: Config) -> Self {
        let workspace = Workspace::open(project.path(), paige_workspace::Config::default())
            .expect("a workspace");
        let store = Store::open(
            &data.path().join("paige.db"),
            &workspace.root().to_string_lossy(),
            paige_store::Config::default(),
        )
        .expect("a store");
        let mind = Mind::offline(&store, &data.path().join("memory.db"))
            .await
            .expect("a mind");
        let config_of_coach = paige_coach::Config::default();
        let coach = Coach::open(store.clone(), workspace, config_of_coach, mind)
            .await
            .expect("a coach");
        let door = paige_mcp::door(
            coach.clone(),
            store.clone(),
            config.clone(),
            CancellationToken::new(),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let listener = listener.tap_io(|socket| {
            socket.set_nodelay(true).expect("no delay");
        });
        let router = door.router();
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("served");
        });
        Self {
            project,
            data,
            config,
            coach,
            store,
            door,
            address,
            server,
        }
    }

    /// Ends everything and begins anew on the same folders.
    pub(crate) async fn restart(self) -> Self {
        self.door.close().await;
        self.server.abort();
        self.store.close();
        Self::open(self.project, self.data, self.config).await
    }

    pub(crate) fn project_dir(&self) -> String {
        let path = self.project.path().canonicalize().expect("a folder");
        path.to_string_lossy().into_owned()
    }

    pub(crate) async fn client(&self, era: Era) -> Client {
        let uri = format!("http://{}/mcp", self.address);
        let transport = StreamableHttpClientTransport::from_uri(uri);
        match era {
            Era::Sessions => ().serve(transport).await.expect("a session"),
            Era::Stateless => {
                let lifecycle = ClientLifecycleMode::Discover {
                    preferred_versions: vec![ProtocolVersion::V_2026_07_28],
                };
                ().serve_with_lifecycle(transport, lifecycle)
                    .await
                    .expect("a server of this era")
            }
        }
    }

    pub(crate) fn wire(&self) -> Wire {
        Wire::new(self.address)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test makes the project that it looks at"
)]
fn folders() -> (TempDir, TempDir) {
    let project = tempfile::tempdir().expect("a folder");
    let src = project.path().join("src");
    std::fs::create_dir(&src).expect("a folder");
    for (name, text) in [
        ("app.py", "import sys\n\nprint('hello')\n"),
        ("util.py", "def util():\n    pass\n"),
    ] {
        std::fs::write(src.join(name), text).expect("a file");
    }
    std::fs::write(src.join("logo.png"), [0x89, b'P', b'N', b'G', 0, 0]).expect("a file");
    (project, tempfile::tempdir().expect("a folder"))
}
