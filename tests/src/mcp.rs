//! A real MCP client, in each protocol era.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rmcp::RoleClient;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CallToolResult, ClientRequest, ProtocolVersion,
};
use rmcp::service::{
    ClientLifecycleMode, ClientServiceExt as _, PeerRequestOptions, RunningService,
};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::Value;

use crate::Sidecar;
use crate::sidecar::PATIENCE;

/// Which way of beginning a client uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// `initialize` and `Mcp-Session-Id`, as up to the versions of 2025.
    Sessions,
    /// `server/discover` and requests that stand alone, version 2026-07-28.
    Stateless,
}

/// A connected MCP client.
#[derive(Debug)]
pub struct Claude {
    client: RunningService<RoleClient, ()>,
}

impl Claude {
    /// Connects with the `mcp` token.
    pub async fn connect(sidecar: &Sidecar, era: Era) -> Result<Self> {
        Self::connect_at(sidecar.ready.port, &sidecar.tokens[1], era).await
    }

    /// Connects to a port with a token.
    pub async fn connect_at(port: u16, token: &str, era: Era) -> Result<Self> {
        let url = format!("http://127.0.0.1:{port}/mcp");
        let config = StreamableHttpClientTransportConfig::with_uri(url).auth_header(token);
        let transport = StreamableHttpClientTransport::from_config(config);
        let lifecycle = match era {
            Era::Sessions => ClientLifecycleMode::Initialize,
            Era::Stateless => ClientLifecycleMode::Discover {
                preferred_versions: vec![ProtocolVersion::LATEST],
            },
        };
        let client = ().serve_with_lifecycle(transport, lifecycle).await?;
        Ok(Self { client })
    }

    /// The names of all tools.
    pub async fn tools(&self) -> Result<Vec<String>> {
        let tools = self.client.list_all_tools().await?;
        Ok(tools
            .into_iter()
            .map(|tool| tool.name.into_owned())
            .collect())
    }

    /// Calls a tool and returns its whole result.
    pub async fn call_raw(&self, tool: &str, args: Value) -> Result<CallToolResult> {
        let args = args.as_object().context("arguments are an object")?.clone();
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(args);
        self.client
            .call_tool(params)
            .await
            .with_context(|| format!("calling {tool}"))
    }

    /// Calls a tool that must succeed, and returns its structured content.
    pub async fn call(&self, tool: &str, args: Value) -> Result<Value> {
        let result = self.call_raw(tool, args).await?;
        ensure!(
            result.is_error != Some(true),
            "{tool} failed: {:?}",
            result.structured_content
        );
        result.structured_content.context("structured content")
    }

    /// Calls a tool that must fail, and returns the structured error.
    pub async fn call_error(&self, tool: &str, args: Value) -> Result<Value> {
        let result = self.call_raw(tool, args).await?;
        ensure!(
            result.is_error == Some(true),
            "{tool} should have failed: {:?}",
            result.structured_content
        );
        result.structured_content.context("structured content")
    }

    /// Calls a tool and cancels the call as soon as `under_way` says so.
    pub async fn cancel_call(
        &self,
        tool: &str,
        args: Value,
        under_way: impl Fn() -> bool,
    ) -> Result<()> {
        let args = args.as_object().context("arguments are an object")?.clone();
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(args);
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let call = self
            .client
            .send_cancellable_request(request, PeerRequestOptions::no_options())
            .await?;
        let deadline = Instant::now() + PATIENCE;
        while !under_way() {
            ensure!(Instant::now() < deadline, "{tool} is not under way");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        call.cancel(Some("no longer wanted".to_owned())).await?;
        Ok(())
    }

    /// Ends the connection as a client does that has finished.
    pub async fn close(self) -> Result<()> {
        self.client.cancel().await?;
        Ok(())
    }
}
