//! [`Session`]: one MCP session in memory, and the [`Line`] between it and rmcp's service.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::Mutex;
use rmcp::{
    RoleServer,
    model::{
        ClientJsonRpcMessage, JsonRpcMessage, ProtocolVersion, RequestId, ServerJsonRpcMessage,
        ServerResult,
    },
    transport::{
        Transport,
        streamable_http_server::session::{ServerSseMessage, SessionId},
    },
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::replay::{Coming, Replay};

/// How many messages may wait for the service of a session.
const INBOX: usize = 16;

/// An MCP session in memory.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    inbox: mpsc::Sender<ClientJsonRpcMessage>,
    waiting: Mutex<HashMap<RequestId, oneshot::Sender<ServerJsonRpcMessage>>>,
    replay: Mutex<Replay>,
    used: Mutex<Instant>,
    /// Whether the client knows priming events; older ones take them for broken messages.
    primes: AtomicBool,
    /// Open streams and calls under way.
    pub(crate) busy: TaskTracker,
    /// Cancelled when the session leaves memory.
    pub(crate) ended: CancellationToken,
}

/// The session has left memory.
#[derive(Debug)]
pub(crate) struct Ended;

impl Session {
    /// A session, and the line over which rmcp's service is to serve it.
    pub(crate) fn new(id: SessionId, replay_bytes: usize) -> (Arc<Self>, Line) {
        let (inbox, messages) = mpsc::channel(INBOX);
        let session = Arc::new(Self {
            id,
            inbox,
            waiting: Mutex::default(),
            replay: Mutex::new(Replay::new(replay_bytes)),
            used: Mutex::new(Instant::now()),
            primes: AtomicBool::new(false),
            busy: TaskTracker::new(),
            ended: CancellationToken::new(),
        });
        let line = Line {
            session: session.clone(),
            messages,
        };
        (session, line)
    }

    /// Notes that the client is there.
    pub(crate) fn touch(&self) {
        *self.used.lock() = Instant::now();
    }

    pub(crate) fn used(&self) -> Instant {
        *self.used.lock()
    }

    pub(crate) fn is_busy(&self) -> bool {
        !self.busy.is_empty()
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended.is_cancelled()
    }

    /// Passes a message on that needs no answer.
    pub(crate) async fn tell(&self, message: ClientJsonRpcMessage) -> Result<(), Ended> {
        self.inbox.send(message).await.map_err(|_| Ended)
    }

    /// Passes a request on and waits for its answer.
    pub(crate) async fn ask(
        &self,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, Ended> {
        let JsonRpcMessage::Request(request) = &message else {
            return Err(Ended);
        };
        let (tell, told) = oneshot::channel();
        self.waiting.lock().insert(request.id.clone(), tell);
        self.tell(message).await?;
        let told = self.ended.run_until_cancelled(told).await;
        told.ok_or(Ended)?.map_err(|_| Ended)
    }

    /// Begins the answer to a request. What is returned first is the event that leads the answer,
    /// for a client that knows what it is for.
    pub(crate) fn begin(&self, answer: Coming) -> (u64, Option<ServerSseMessage>) {
        let mut replay = self.replay.lock();
        let stream = replay.begin(answer);
        let primes = self.primes.load(Ordering::Relaxed);
        (stream, primes.then(|| replay.priming(stream)))
    }

    /// The answer as an event that can be asked for again.
    pub(crate) fn answered(&self, stream: u64, message: ServerJsonRpcMessage) -> ServerSseMessage {
        self.replay.lock().answered(stream, message)
    }

    /// See [`Replay::after`].
    pub(crate) fn after(&self, last_event_id: &str) -> Option<Option<Coming>> {
        self.replay.lock().after(last_event_id)
    }

    /// Notes what was negotiated.
    pub(crate) fn initialized(&self, response: &ServerJsonRpcMessage) {
        if let JsonRpcMessage::Response(response) = response
            && let ServerResult::InitializeResult(result) = &response.result
        {
            // Versions are dates, so that they sort as text.
            let primes = result.protocol_version.as_str() >= ProtocolVersion::V_2025_11_25.as_str();
            self.primes.store(primes, Ordering::Relaxed);
        }
    }
}

/// What rmcp's service of a session reads from and writes to.
pub(crate) struct Line {
    session: Arc<Session>,
    messages: mpsc::Receiver<ClientJsonRpcMessage>,
}

impl Transport<RoleServer> for Line {
    type Error = Infallible;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Infallible>> + Send + 'static {
        let id = match &message {
            JsonRpcMessage::Response(response) => Some(&response.id),
            JsonRpcMessage::Error(error) => error.id.as_ref(),
            JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => None,
        };
        match id.and_then(|id| self.session.waiting.lock().remove(id)) {
            Some(waiting) => {
                // Who no longer waits needs no answer.
                let _ = waiting.send(message);
            }
            None => tracing::debug!(session = %self.session.id, "A message has no one to go to."),
        }
        std::future::ready(Ok(()))
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        let ended = self.session.ended.clone();
        ended.run_until_cancelled(self.messages.recv()).await?
    }

    async fn close(&mut self) -> Result<(), Infallible> {
        self.session.ended.cancel();
        Ok(())
    }
}

impl Drop for Line {
    /// However the service has ended: nobody will answer any more.
    fn drop(&mut self) {
        self.session.ended.cancel();
    }
}

/// A place for an answer that is to come.
pub(crate) fn promise() -> (watch::Sender<Option<ServerSseMessage>>, Coming) {
    watch::channel(None)
}
