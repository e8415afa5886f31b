//! An rmcp server whose one tool does nothing, behind the same guard as the sidecar's door: what the
//! library and the guard cost without any work of ours.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Instant,
};

use anyhow::Result;
use axum::Router;
use paige_protocol::process::{Secret, Tokens};
use paige_server::{
    guard::{self, Guard},
    http,
};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ServerCapabilities, ServerConfig,
    },
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

#[derive(Clone)]
struct Empty;

impl ServerHandler for Empty {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(CallToolResult::structured(json!({"paths": [], "files": []})).into())
    }
}

pub(super) async fn serve() -> Result<()> {
    // The benchmark's client has the `ui` token here as at the sidecar; nobody has the others.
    let unused = |scope| Secret::new(format!("{scope}{}", super::TOKEN));
    let listeners = http::bind(IpAddr::V4(Ipv4Addr::LOCALHOST), 0, None).await?;
    let port = listeners.port();
    let config = guard::Config {
        auth: guard::Auth::Tokens(Tokens {
            ui: Secret::new(super::TOKEN),
            mcp: unused("mcp"),
            hook: unused("hook"),
        }),
        ..guard::Config::default()
    };
    let service = StreamableHttpService::new(
        || Ok(Empty),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    );
    let router = http::router(
        Instant::now(),
        [Router::new().nest_service("/mcp", service)],
    );
    super::announce(port)?;
    let guard = Guard::new(config, port);
    http::serve(listeners, guard, router, CancellationToken::new()).await;
    Ok(())
}
