//! Claude's door: the rules of coaching as MCP tools.
//!
//! Both eras of the protocol are served at `/mcp`: the versions with `initialize` and an
//! `Mcp-Session-Id`, and the stateless 2026-07-28. An MCP session is a matter of transport: no state
//! of coaching hangs on one, and it can be restored at any time, also after a restart.
//!
//! The crate knows nothing of tokens: the server puts its guard before the door. Above all it cannot
//! reach the pen, so that no tool can change a file of the project.

mod config;
mod handler;
mod long;
mod replay;
mod session;
mod sessions;
mod stored;
mod tools;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::State,
    middleware,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Request, StatusCode};
use paige_coach::Coach;
use paige_store::Store;
use rmcp::{
    model::ProtocolVersion,
    transport::{StreamableHttpServerConfig, StreamableHttpService},
};
use tokio::time::MissedTickBehavior;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use config::{Config, Problem};

use crate::{handler::Handler, sessions::Sessions, stored::Stored, tools::Tools};

/// How often is looked for MCP sessions that are idle.
const SWEEP: Duration = Duration::from_secs(60);

/// Claude's door, open until [`close`](Self::close).
#[derive(Clone)]
pub struct Door(Arc<Inner>);

struct Inner {
    service: StreamableHttpService<Handler, Sessions>,
    sessions: Arc<Sessions>,
    stored: Stored,
    config: Config,
    calls: TaskTracker,
    token: CancellationToken,
}

/// Opens Claude's door. It needs a tokio runtime. When `shutdown` is cancelled the door shuts at
/// once; [`Door::close`] does so in good order.
pub fn door(coach: Coach, store: Store, config: Config, shutdown: CancellationToken) -> Door {
    let token = shutdown.child_token();
    let tools = Arc::new(Tools::new(coach));
    let calls = TaskTracker::new();
    let stored = Stored::new(store);
    let sessions = Arc::new(Sessions::new(tools.clone(), config.clone(), calls.clone()));
    let mut settings = StreamableHttpServerConfig::default()
        .with_cancellation_token(token.clone())
        .with_allowed_hosts(&config.allowed_hosts)
        .with_allowed_origins(config.allowed_origins.iter().map(|origin| any_port(origin)))
        .enforce_origin_validation()
        .with_max_request_body_bytes(config.max_body_bytes)
        // Without a session an answer is one JSON text, which is the fastest.
        .with_json_response(true)
        // Sessions say themselves when a client may come back; see `Session::begin`.
        .with_sse_retry(None);
    settings.session_store = Some(Arc::new(stored.clone()));
    let handler = Handler::new(tools, calls.clone());
    let service =
        StreamableHttpService::new(move || Ok(handler.clone()), sessions.clone(), settings);
    let door = Door(Arc::new(Inner {
        service,
        sessions,
        stored,
        config,
        calls,
        token,
    }));
    tokio::spawn(door.clone().sweep());
    door
}

impl Door {
    /// The route `/mcp`, for the server to put its guard before.
    pub fn router(&self) -> Router {
        let service = self.0.service.clone();
        let route = axum::routing::delete(end_session)
            .with_state(self.clone())
            .fallback_service(service)
            .layer(middleware::map_response(long::take_long));
        Router::new().route("/mcp", route)
    }

    /// How many MCP sessions are in memory.
    pub fn live_sessions(&self) -> usize {
        self.0.sessions.ids().len()
    }

    /// Ends all MCP sessions: calls under way are answered, within [`Config::stop_grace`], then
    /// streams end. Clients keep their ids for the next start.
    pub async fn close(&self) {
        let Inner {
            sessions,
            stored,
            config,
            calls,
            token,
            ..
        } = self.0.as_ref();
        sessions.close();
        calls.close();
        let answered = tokio::time::timeout(config.stop_grace, async {
            tokio::join!(calls.wait(), stored.touch(sessions.ids()));
        });
        if answered.await.is_err() {
            tracing::warn!(
                calls = calls.len(),
                "The MCP door closes although not every call was answered."
            );
        }
        sessions.end_all();
        token.cancel();
    }

    /// Lets idle sessions leave memory, and old ones be forgotten.
    async fn sweep(self) {
        let Inner {
            sessions,
            stored,
            config,
            token,
            ..
        } = self.0.as_ref();
        let mut tick = tokio::time::interval(SWEEP.min(config.keep_alive));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while token.run_until_cancelled(tick.tick()).await.is_some() {
            stored.touch(sessions.end_idle()).await;
            let most = config.max_stored_sessions;
            stored.tidy(sessions.ids(), config.store_for, most).await;
        }
    }

    /// Ends a session for good; says whether there was one.
    fn end(&self, id: &str) -> bool {
        let lived = self.0.sessions.end(id);
        lived
            || self.0.stored.has(id).unwrap_or_else(|error| {
                tracing::warn!(%error, "An MCP session could not be looked up.");
                true
            })
    }
}

/// DELETE: rmcp forgets the row and answers; what it does not do is to tell a session that never was.
async fn end_session(State(door): State<Door>, request: Request<Body>) -> Response {
    if let Some(id) = session_id(request.headers())
        && !door.end(id)
    {
        return (StatusCode::NOT_FOUND, "There is no such MCP session.").into_response();
    }
    door.0.service.handle(request).await.into_response()
}

/// The session that a request of the older versions names.
fn session_id(headers: &HeaderMap) -> Option<&str> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // Versions are dates, so that they sort as text.
    let stateless = text("mcp-protocol-version")
        .is_some_and(|version| version >= ProtocolVersion::V_2026_07_28.as_str());
    text("mcp-session-id").filter(|_| !stateless)
}

/// rmcp takes an origin without a port for one with any port, and warns; the guard, which is exact,
/// stands before it.
fn any_port(origin: &str) -> String {
    let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    let host_ends = authority.rfind(']').unwrap_or(0);
    if authority[host_ends..].contains(':') {
        origin.to_owned()
    } else {
        format!("{origin}:*")
    }
}
