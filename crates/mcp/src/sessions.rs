//! [`Sessions`]: the MCP sessions in memory, as rmcp asks for them.
//!
//! rmcp has a manager of its own. This one is smaller in what it can do and faster in what is done
//! most: a tool call is answered on the spot, without a way through three tasks and back. It bounds
//! how many sessions are in memory, and it keeps answers for a client whose connection dropped.

use std::{collections::HashMap, future::poll_fn, sync::Arc, task::Poll};

use futures_util::{Stream, StreamExt, stream};
use parking_lot::Mutex;
use rmcp::{
    model::{
        ClientJsonRpcMessage, ClientRequest, ErrorData, JsonRpcMessage, ServerJsonRpcMessage,
        ServerResult,
    },
    transport::streamable_http_server::session::{
        RestoreOutcome, ServerSseMessage, SessionId, SessionManager,
    },
};
use tokio_util::task::TaskTracker;

use crate::{
    Config,
    long::{LONG, hand_over},
    replay::{Coming, weight},
    session::{Ended, Line, Session, promise},
    tools::Tools,
};

/// The MCP sessions in memory.
pub(crate) struct Sessions {
    tools: Arc<Tools>,
    config: Config,
    live: Mutex<Live>,
    /// Answers that are not yet with their clients.
    pub(crate) calls: TaskTracker,
}

#[derive(Default)]
struct Live {
    sessions: HashMap<SessionId, Arc<Session>>,
    closed: bool,
}

/// Why a session cannot be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// It is not in memory.
    #[error("the MCP session is not known")]
    Unknown,
    /// It left memory meanwhile.
    #[error("the MCP session has ended")]
    Ended,
    /// The door is closed.
    #[error("the sidecar is stopping")]
    Closed,
    /// The client asked for what was never said, or is no longer kept.
    #[error("the last event is not known")]
    UnknownEvent,
}

impl From<Ended> for SessionError {
    fn from(Ended: Ended) -> Self {
        Self::Ended
    }
}

impl Sessions {
    pub(crate) fn new(tools: Arc<Tools>, config: Config, calls: TaskTracker) -> Self {
        Self {
            tools,
            config,
            live: Mutex::default(),
            calls,
        }
    }

    fn get(&self, id: &str) -> Option<Arc<Session>> {
        let session = self.live.lock().sessions.get(id).cloned()?;
        (!session.is_ended()).then_some(session)
    }

    fn known(&self, id: &str) -> Result<Arc<Session>, SessionError> {
        self.get(id).ok_or(SessionError::Unknown)
    }

    /// Puts a session into memory; another makes room if need be.
    fn open(&self, id: SessionId) -> Result<Line, SessionError> {
        let mut live = self.live.lock();
        if live.closed {
            return Err(SessionError::Closed);
        }
        live.sessions.retain(|_, session| !session.is_ended());
        while live.sessions.len() >= self.config.max_live_sessions {
            // One with an open stream or a call under way goes last.
            let oldest = live
                .sessions
                .values()
                .min_by_key(|session| (session.is_busy(), session.used()))
                .map(|session| session.id.clone());
            if let Some(session) = oldest.and_then(|id| live.sessions.remove(&id)) {
                tracing::debug!(session = %session.id, "An MCP session leaves memory to make room.");
                session.ended.cancel();
            }
        }
        let (session, line) = Session::new(id.clone(), self.config.replay_bytes);
        live.sessions.insert(id, session);
        Ok(line)
    }

    /// Takes a session out of memory; says whether it was there.
    pub(crate) fn end(&self, id: &str) -> bool {
        let session = self.live.lock().sessions.remove(id);
        session.is_some_and(|session| {
            let lived = !session.is_ended();
            session.ended.cancel();
            lived
        })
    }

    /// Takes those out of memory that were idle for too long; returns their ids.
    pub(crate) fn end_idle(&self) -> Vec<SessionId> {
        let mut ended = Vec::new();
        self.live.lock().sessions.retain(|id, session| {
            let idle = session.used().elapsed() >= self.config.keep_alive && !session.is_busy();
            if idle {
                session.ended.cancel();
                ended.push(id.clone());
            }
            !idle && !session.is_ended()
        });
        ended
    }

    /// The ids of those in memory.
    pub(crate) fn ids(&self) -> Vec<SessionId> {
        self.live.lock().sessions.keys().cloned().collect()
    }

    /// Takes no new session from now on.
    pub(crate) fn close(&self) {
        self.live.lock().closed = true;
    }

    /// Takes all out of memory; their streams end.
    pub(crate) fn end_all(&self) {
        for (_, session) in self.live.lock().sessions.drain() {
            session.ended.cancel();
        }
    }

    /// What a request of a session is answered.
    async fn answer(
        tools: Arc<Tools>,
        session: Arc<Session>,
        message: ClientJsonRpcMessage,
    ) -> ServerJsonRpcMessage {
        let request = match message {
            JsonRpcMessage::Request(request) => request,
            // rmcp asks for the answer to requests only.
            _ => {
                return JsonRpcMessage::error(ErrorData::invalid_request("no request", None), None);
            }
        };
        let id = request.id.clone();
        let outcome = match request.request {
            // What takes long goes through rmcp's service, which knows how a client cancels it.
            ClientRequest::CallToolRequest(call) if !tools.is_long(&call.params.name) => {
                tools.call(call.params).await.map(|mut result| {
                    // Sessions are of the versions that do not know this field.
                    result.result_type = None;
                    ServerResult::CallToolResult(result)
                })
            }
            _ => match session.ask(JsonRpcMessage::Request(request)).await {
                Ok(answer) => return answer,
                Err(Ended) => Err(ErrorData::internal_error(
                    "The MCP session has left memory; send the request again.",
                    None,
                )),
            },
        };
        match outcome {
            Ok(result) => JsonRpcMessage::response(result, id),
            Err(error) => JsonRpcMessage::error(error, Some(id)),
        }
    }
}

impl SessionManager for Sessions {
    type Error = SessionError;
    type Transport = Line;

    async fn create_session(&self) -> Result<(SessionId, Line), SessionError> {
        let id: SessionId = uuid::Uuid::new_v4().to_string().into();
        let line = self.open(id.clone())?;
        Ok((id, line))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, SessionError> {
        let session = self.known(id)?;
        let response = session.ask(message).await?;
        session.initialized(&response);
        Ok(response)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, SessionError> {
        let session = self.get(id);
        if let Some(session) = &session {
            session.touch();
        }
        Ok(session.is_some())
    }

    /// rmcp calls this when the service of a session has ended, and for a DELETE. The first may be
    /// about a session of the past whose id was restored meanwhile, so that only one is removed that
    /// has ended; the second was dealt with before it came here.
    async fn close_session(&self, id: &SessionId) -> Result<(), SessionError> {
        let mut live = self.live.lock();
        if live
            .sessions
            .get(id)
            .is_some_and(|session| session.is_ended())
        {
            live.sessions.remove(id);
        }
        Ok(())
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        let session = self.known(id)?;
        let under_way = (session.busy.token(), self.calls.token());
        let (tell, coming) = promise();
        let (stream, priming) = session.begin(coming.clone());
        let tools = self.tools.clone();
        go_on(async move {
            let answer = Self::answer(tools, session.clone(), message).await;
            tell.send_replace(Some(session.answered(stream, answer)));
        })
        .await;
        Ok(stream::iter(priming)
            .chain(follow(coming))
            .map(move |event| {
                let _until_it_is_sent = &under_way;
                event
            }))
    }

    async fn accept_message(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<(), SessionError> {
        Ok(self.known(id)?.tell(message).await?)
    }

    /// Nothing is ever said but on request, so that this stream only stays open.
    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        let session = self.known(id)?;
        let open = session.busy.token();
        let ended = session.ended.clone().cancelled_owned();
        Ok(stream::once(async move {
            ended.await;
            drop(open);
            None
        })
        .filter_map(std::future::ready))
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        let session = self.known(id)?;
        let missed = session
            .after(&last_event_id)
            .ok_or(SessionError::UnknownEvent)?;
        let under_way = (session.busy.token(), self.calls.token());
        Ok(stream::iter(missed).flat_map(follow).map(move |event| {
            let _until_it_is_sent = &under_way;
            event
        }))
    }

    async fn restore_session(&self, id: SessionId) -> Result<RestoreOutcome<Line>, SessionError> {
        if self.get(&id).is_some() {
            return Ok(RestoreOutcome::AlreadyPresent);
        }
        Ok(RestoreOutcome::Restored(self.open(id)?))
    }
}

/// Does at once what can be done at once; the rest goes on as a task of its own, whoever stops
/// waiting for it.
pub(crate) async fn go_on(work: impl Future<Output = ()> + Send + 'static) {
    let mut work = Box::pin(work);
    let done = poll_fn(|context| Poll::Ready(work.as_mut().poll(context).is_ready())).await;
    if !done {
        tokio::spawn(work);
    }
}

/// The answer as soon as it has come; nothing if it never will.
fn follow(mut coming: Coming) -> impl Stream<Item = ServerSseMessage> + Send + Sync {
    stream::once(async move {
        let answer = coming.wait_for(Option::is_some).await.ok()?.clone()?;
        if answer.message.as_deref().map_or(0, weight) > LONG {
            return hand_over(answer);
        }
        Some(answer)
    })
    .filter_map(std::future::ready)
}
