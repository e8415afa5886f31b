//! [`Handler`]: what rmcp asks of a server, over [`Tools`].

use std::sync::Arc;

use rmcp::{
    RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, ErrorData, Implementation, ListToolsResult,
        PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use tokio_util::task::TaskTracker;

use crate::tools::Tools;

/// What the model is told of this server as a whole.
const INSTRUCTIONS: &str = include_str!("instructions.md");

/// One for each MCP session or, without sessions, for each request; it keeps nothing of either.
#[derive(Clone)]
pub(crate) struct Handler {
    tools: Arc<Tools>,
    calls: TaskTracker,
}

impl Handler {
    pub(crate) fn new(tools: Arc<Tools>, calls: TaskTracker) -> Self {
        Self { tools, calls }
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let server = Implementation::new("paige", env!("CARGO_PKG_VERSION")).with_title("Paige");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(server)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(
            self.tools.listed().to_vec(),
        ))
    }

    async fn call_tool(
        &self,
        params: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let _under_way = self.calls.token();
        if !self.tools.is_long(&params.name) {
            return Ok(self.tools.call(params).await?.into());
        }
        // Only what a person waits for can be cancelled: a short call is done before that.
        tokio::select! {
            answer = self.tools.call(params) => Ok(answer?.into()),
            () = context.ct.cancelled() => Err(ErrorData::internal_error(
                "The call was cancelled by the client.",
                None,
            )),
        }
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools
            .listed()
            .iter()
            .find(|tool| tool.name == name)
            .cloned()
    }
}
