//! The seam where the rooms are put together: each gets its settings and the rooms below it.

use std::time::{Duration, Instant};

use paige_coach::Coach;
use paige_memory::Memory;
use paige_pen::Pen;
use paige_protocol::coach::connection::{Capabilities, FeatureFlags};
use paige_protocol::process::Tokens;
use paige_server::guard::{self, Guard};
use paige_server::http::{self, Listeners};
use paige_server::{Door, Facts};
use paige_store::Store;
use paige_workspace::Workspace;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::{mind, trim};

/// How long requests under way may take at a stop, in a supervised process: it has 1.5 s for all.
const GRACE_SUPERVISED: Duration = Duration::from_millis(400);

/// What the process has found before the rooms are opened.
pub(crate) struct Parts<'a> {
    /// All settings.
    pub(crate) config: &'a Config,
    /// What callers must show, unless the door is open.
    pub(crate) tokens: Tokens,
    /// The bound port. Clients that come now wait until the rooms are there.
    pub(crate) listeners: Listeners,
    /// Whether the last run ended badly.
    pub(crate) crashed: bool,
    /// When the process began.
    pub(crate) started: Instant,
}

/// The rooms, at work.
pub(crate) struct Running {
    http: JoinHandle<()>,
    stop_accepting: CancellationToken,
    mcp: paige_mcp::Door,
    ui: Door,
    coach: Coach,
    memory: Memory,
    store: Store,
}

/// Opens the rooms from the cellar up, and then the doors.
///
/// # Errors
/// Each with the exit code of its kind; nothing is left open.
pub(crate) async fn start(parts: Parts<'_>) -> Result<Running, Failure> {
    let Parts {
        config,
        tokens,
        listeners,
        crashed,
        started,
    } = parts;
    let store = open_store(config, crashed).await?;
    let workspace = Workspace::open(&config.project_dir, config.workspace.clone())
        .map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?;
    let pen = Pen::open(
        &config.project_dir,
        &config.data.trash(),
        paige_pen::Config {
            max_bytes: config.workspace.max_file_bytes,
        },
    )
    .map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?;
    let mind = mind::open(&config.data, &config.mind, store.clone()).await?;
    let memory = mind.memory.clone();
    let coach = Coach::open(store.clone(), workspace.clone(), config.coach.clone(), mind)
        .await
        .map_err(|error| Failure::new(Exit::Database, error.to_string()))?;

    let guard = Guard::new(guard_config(config, tokens), listeners.port());
    let stop_accepting = CancellationToken::new();
    let mcp = paige_mcp::door(
        coach.clone(),
        store.clone(),
        mcp_config(guard.config()),
        CancellationToken::new(),
    );
    let ui = Door::open(paige_server::Parts {
        store: store.clone(),
        coach: coach.clone(),
        pen,
        workspace,
        facts: facts(config),
        config: config.socket.clone(),
    });
    let router = http::router(started, [ui.router(), mcp.router()]);
    let http = tokio::spawn(http::serve(
        listeners,
        guard,
        router,
        stop_accepting.clone(),
    ));
    Ok(Running {
        http,
        stop_accepting,
        mcp,
        ui,
        coach,
        memory,
        store,
    })
}

impl Running {
    /// What makes it faster but must not hold up the start.
    pub(crate) fn warm_up(&self) {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || {
            store.make_room();
            trim::code();
        });
    }

    /// Ends everything, from the doors down, each step with a line in the log (spec: 1.8).
    pub(crate) async fn stop(self) {
        tracing::info!("Stop: no new connections are accepted.");
        self.stop_accepting.cancel();
        tracing::info!("Stop: MCP sessions are closed.");
        self.mcp.close().await;
        tracing::info!("Stop: WebSockets are closed with 1001, and timers are stopped.");
        self.ui.close().await;
        if let Err(error) = self.http.await {
            tracing::error!(%error, "The HTTP server ended badly.");
        }
        tracing::info!("Stop: unsaved text is backed up.");
        if let Err(error) = self.coach.back_up().await {
            tracing::error!(%error, "Unsaved text could not be backed up.");
        }
        self.memory.close().await;
        tracing::info!("Stop: the database is flushed and closed.");
        let store = self.store;
        if let Err(error) = tokio::task::spawn_blocking(move || store.close()).await {
            tracing::error!(%error, "The database could not be closed.");
        }
    }
}

/// What clients are told works: only what is built is promised.
fn facts(config: &Config) -> Facts {
    Facts {
        project_dir: config.project_text.clone(),
        capabilities: Capabilities {
            ai: config.mind.api_key.is_some(),
            memory: true,
            github: false,
        },
        feature_flags: FeatureFlags {
            observer: config.coach.observer.enabled,
            practice: false,
            dashboard: false,
            explain: false,
        },
    }
}

async fn open_store(config: &Config, crashed: bool) -> Result<Store, Failure> {
    let path = config.data.database();
    let project = config.project_text.clone();
    let settings = paige_store::Config {
        check: crashed,
        ..config.store.clone()
    };
    // A check or a migration takes its time; a signal must be heard meanwhile.
    tokio::task::spawn_blocking(move || Store::open(&path, &project, settings))
        .await
        .map_err(|error| Failure::internal("The database could not be opened", error))?
        .map_err(|error| Failure::new(Exit::Database, error.to_string()))
}

fn guard_config(config: &Config, tokens: Tokens) -> guard::Config {
    let mut guard = config.guard.clone();
    if guard.auth != guard::Auth::None {
        guard.auth = guard::Auth::Tokens(tokens);
    }
    if config.supervised {
        guard.stop_grace = guard.stop_grace.min(GRACE_SUPERVISED);
    }
    guard
}

/// Claude's door lets in whom the guard before it lets in.
fn mcp_config(guard: &guard::Config) -> paige_mcp::Config {
    let mut mcp = paige_mcp::Config {
        allowed_origins: guard.allowed_origins.clone(),
        max_body_bytes: guard.max_body_bytes,
        stop_grace: guard.stop_grace.min(GRACE_SUPERVISED),
        ..paige_mcp::Config::default()
    };
    mcp.allowed_hosts.push(guard.host.to_string());
    mcp.allowed_hosts.extend(guard.extra_hosts.iter().cloned());
    mcp
}
