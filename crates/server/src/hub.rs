//! [`Hub`]: every connected client, and what each of them has been sent.
//!
//! Pushes come from the store, in the order of their `seq`, after their commit. A client that has
//! said hello follows them; one that resumes first reads what it missed from the outbox and is let
//! into the live stream at the very number where its reading ends, so that none is missed and none
//! comes twice.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use axum::extract::ws::Utf8Bytes;
use paige_protocol::{
    ProjectPath, Version,
    coach::{
        ServerMessage,
        coaching::Nudge,
        connection::{Hello, ResyncReason},
    },
    envelope::{RequestId, write_frame, write_replayed_frame},
};
use paige_store::{Push, Store, StoreError};
use parking_lot::Mutex;
use serde::Deserialize;

use crate::queue::{Latest, Queue};

/// Limits and times of the WebSocket door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The largest message of a client, in bytes.
    pub max_message_bytes: usize,
    /// How deep a message may be nested.
    pub max_nesting: usize,
    /// Messages a second that one client may send, averaged over a second.
    pub max_messages_per_second: u32,
    /// How many bytes may wait for one client; one large message and one tree beside them.
    pub max_queue_bytes: usize,
    /// How often a client is pinged; one that is silent for three times as long is let go.
    pub ping_interval: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            // A file at its limit for editing (5 MiB), escaped as JSON, with some air.
            max_message_bytes: 12 * 1024 * 1024,
            max_nesting: 64,
            // An editor sends three updates a second and file; this stops a loop gone wild.
            max_messages_per_second: 50_000,
            max_queue_bytes: 8 * 1024 * 1024,
            ping_interval: Duration::from_secs(15),
        }
    }
}

/// The push of which one client gets a copy of its own.
const NUDGE: &str = "observer:nudge";

/// How long a replay waits for one client that does not keep up.
const PATIENCE: Duration = Duration::from_secs(1);

/// Every connected client.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    store: Store,
    config: Config,
    state: Mutex<State>,
    /// See [`Hub::files_turn`].
    files: tokio::sync::Mutex<()>,
}

struct State {
    /// The last push that was handed out to those that follow.
    head: u64,
    clients: HashMap<String, Arc<Client>>,
    /// How many hellos were said.
    hellos: u64,
}

/// One connected client.
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) queue: Arc<Queue>,
    state: Mutex<ClientState>,
}

#[derive(Default)]
struct ClientState {
    hello: Option<Hello>,
    /// When it said last that it owns the terminal; none when its last hello did not say so.
    terminal: Option<u64>,
    /// If it is sent pushes as they happen, the one after which.
    ///
    /// What was just committed may be in the client's snapshot and not yet handed out.
    follows: Option<u64>,
    /// Whether it is sent passing news.
    hears: bool,
    /// The version of each file that this client last received (blueprint §5, saves).
    seen: HashMap<ProjectPath, Option<Version>>,
}

impl Client {
    /// Answers a request of this client.
    pub(crate) fn answer(&self, message: &ServerMessage, id: Option<&RequestId>) {
        self.queue
            .push(message.frame(id, None, &paige_store::now()).into(), None);
    }

    /// Sends this client a frame that is made already.
    pub(crate) fn send(&self, frame: Utf8Bytes, latest: Option<Latest>) {
        self.queue.push(frame, latest);
    }

    /// Remembers which version of a file the client has received; `None` when it was told that the
    /// file is not on disk.
    pub(crate) fn has_seen(&self, path: ProjectPath, version: Option<Version>) {
        self.state.lock().seen.insert(path, version);
    }

    /// The version of a file that the client last received, if it was told of one.
    pub(crate) fn seen(&self, path: &ProjectPath) -> Option<Version> {
        self.state.lock().seen.get(path).cloned().flatten()
    }

    /// Keeps what the client said of itself, for the log.
    ///
    /// `turn` numbers the hellos of all clients, so that the last that owns the terminal is known.
    fn set_hello(&self, hello: Hello, turn: u64) {
        let mut state = self.state.lock();
        state.terminal = (hello.terminal == Some(true)).then_some(turn);
        state.hello = Some(hello);
        // A second hello begins anew: what is pushed meanwhile comes by the replay.
        state.follows = None;
    }

    /// Lets a client that has said hello hear passing news from now on.
    pub(crate) fn hear(&self) {
        let mut state = self.state.lock();
        state.hears = state.hello.is_some();
    }
}

/// Where a client is to follow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resume {
    /// After this push.
    After(u64),
    /// After a fresh snapshot, for this reason when the client had a cursor.
    Anew(Option<ResyncReason>),
}

impl Hub {
    /// Makes the hub and lets it hear the store's pushes.
    pub fn new(store: Store, config: Config) -> Self {
        let hub = Self(Arc::new(Inner {
            state: Mutex::new(State {
                head: store.cursor().seq,
                clients: HashMap::new(),
                hellos: 0,
            }),
            store: store.clone(),
            config,
            files: tokio::sync::Mutex::default(),
        }));
        // The store outlives the hub in tests; a weak reference lets the hub go.
        let inner: Weak<Inner> = Arc::downgrade(&hub.0);
        store.on_push(Box::new(move |pushes| {
            if let Some(inner) = inner.upgrade() {
                inner.hand_out(pushes);
            }
        }));
        hub
    }

    /// The limits in force.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// How many clients are connected.
    pub fn clients(&self) -> usize {
        self.0.state.lock().clients.len()
    }

    pub(crate) fn join(&self) -> Arc<Client> {
        let client = Arc::new(Client {
            id: uuid::Uuid::new_v4().to_string(),
            queue: Queue::new(self.0.config.max_queue_bytes),
            state: Mutex::default(),
        });
        let mut state = self.0.state.lock();
        state.clients.insert(client.id.clone(), client.clone());
        tracing::info!(client = %client.id, connected = state.clients.len(), "A client has connected.");
        client
    }

    /// Keeps what a client said of itself.
    pub(crate) fn greeted(&self, client: &Client, hello: Hello) {
        let mut state = self.0.state.lock();
        state.hellos += 1;
        client.set_hello(hello, state.hellos);
    }

    pub(crate) fn leave(&self, client: &Client) {
        client.queue.close();
        let mut state = self.0.state.lock();
        state.clients.remove(&client.id);
        let hello = client.state.lock().hello.clone();
        tracing::info!(
            client = %client.id,
            version = hello.as_ref().map(|hello| hello.version.as_str()),
            platform = hello.as_ref().map(|hello| hello.platform.as_str()),
            connected = state.clients.len(),
            "A client has left."
        );
    }

    /// Held while a change of the project's files is passed on, and from the moment at which a tree
    /// is taken until it is on its way: so that nobody is sent a tree that is older than the news
    /// before it, nor misses what happens between the tree and the first news.
    pub(crate) async fn files_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.files.lock().await
    }

    /// Sends passing news to every client that hears it, but for the one that it came from. It is
    /// only made when somebody listens.
    pub fn pass(&self, except: Option<&str>, news: impl FnOnce() -> ServerMessage) {
        let listeners = self.listeners(except);
        if listeners.is_empty() {
            return;
        }
        let news = news();
        let latest = match &news {
            ServerMessage::BufferUpdated(update) => Some(Latest::Buffer(update.path.clone())),
            _ => None,
        };
        let frame = Utf8Bytes::from(news.frame(None, None, &paige_store::now()));
        for client in listeners {
            client.send(frame.clone(), latest.clone());
        }
    }

    /// Sends the whole tree to every client that hears passing news.
    pub fn pass_tree(&self, tree: &str) {
        let frame = tree_frame(tree, None);
        for client in self.listeners(None) {
            client.send(frame.clone(), Some(Latest::Tree));
        }
    }

    /// How many clients hear passing news.
    pub(crate) fn hearing(&self) -> usize {
        self.listeners(None).len()
    }

    /// Sends a push of an earlier time to every client that hears passing news. One that has no room
    /// for it is waited for, but not for long, and then goes without it.
    pub(crate) async fn show_again(&self, frame: Utf8Bytes) {
        for client in self.listeners(None) {
            let room = tokio::time::timeout(PATIENCE, client.queue.room()).await;
            if matches!(room, Ok(Ok(()))) {
                client.send(frame.clone(), None);
            }
        }
    }

    /// Remembers for every client that hears passing news which version of a file it has now been
    /// sent.
    pub(crate) fn all_have_seen(&self, path: &ProjectPath, version: &Version) {
        for client in self.listeners(None) {
            client.has_seen(path.clone(), Some(version.clone()));
        }
    }

    /// Lets what clients have seen of a file, or of all below a folder, follow a rename.
    pub(crate) fn renamed(&self, from: &ProjectPath, to: &ProjectPath) {
        let clients: Vec<_> = self.0.state.lock().clients.values().cloned().collect();
        for client in clients {
            let mut state = client.state.lock();
            state.seen = std::mem::take(&mut state.seen)
                .into_iter()
                .map(|(path, version)| (path.moved(from, to).unwrap_or(path), version))
                .collect();
        }
    }

    /// Lets every connection end once what waits for it has been sent.
    pub(crate) fn finish(&self) {
        for client in self.0.state.lock().clients.values() {
            client.queue.finish();
        }
    }

    fn listeners(&self, except: Option<&str>) -> Vec<Arc<Client>> {
        let state = self.0.state.lock();
        state
            .clients
            .values()
            .filter(|client| except != Some(client.id.as_str()) && client.state.lock().hears)
            .cloned()
            .collect()
    }

    /// Where a client with this cursor is to follow from.
    pub(crate) fn resume(&self, hello: &Hello) -> Resume {
        let (Some(stream), Some(last)) = (&hello.stream, hello.last_seq) else {
            return Resume::Anew(None);
        };
        let cursor = self.0.store.cursor();
        if *stream != cursor.stream {
            Resume::Anew(Some(ResyncReason::UnknownStream))
        } else if last > cursor.seq {
            Resume::Anew(Some(ResyncReason::AheadOfStream))
        } else if last + 1 < self.0.store.outbox_oldest() {
            Resume::Anew(Some(ResyncReason::TooFarBehind))
        } else {
            Resume::After(last)
        }
    }

    /// Sends a client every push after `last`, then lets it follow.
    ///
    /// # Errors
    /// When the outbox cannot be read, or was pruned meanwhile (`Ok(Some(reason))`).
    pub(crate) async fn catch_up(
        &self,
        client: &Client,
        mut last: u64,
    ) -> Result<Option<ResyncReason>, StoreError> {
        const PAGE: usize = 256;
        loop {
            let head = {
                let state = self.0.state.lock();
                if last >= state.head {
                    client.state.lock().follows = Some(last);
                    return Ok(None);
                }
                state.head
            };
            let page = self.0.store.outbox(last, head, PAGE)?;
            if page.is_empty() {
                return Ok(Some(ResyncReason::TooFarBehind));
            }
            for push in page {
                if push.seq != last + 1 {
                    return Ok(Some(ResyncReason::TooFarBehind));
                }
                last = push.seq;
                if client.queue.room().await.is_err() {
                    return Ok(None);
                }
                if !expired(&push) {
                    let frame = self.0.delivered_frame(client, &push);
                    client.send(frame.unwrap_or_else(|| push_frame(&push)), None);
                }
                if let Some((path, version)) = announced(&push) {
                    client.has_seen(path, version);
                }
            }
        }
    }
}

impl State {
    /// The client that types what is for the terminal: the one that said last that it owns it (decisions,
    /// "Nudge").
    fn typist(&self) -> Option<String> {
        let owners = self.clients.values().filter_map(|client| {
            let turn = client.state.lock().terminal?;
            Some((turn, client.id.clone()))
        });
        owners.max().map(|(_, id)| id)
    }
}

impl Inner {
    /// A nudge as this client is sent it, when it is the one that types it.
    fn delivered_frame(&self, client: &Client, push: &Push) -> Option<Utf8Bytes> {
        if push.kind != NUDGE || self.state.lock().typist()? != client.id {
            return None;
        }
        delivered_frame(push)
    }

    /// Runs on the thread that has committed them, in the order of `seq`.
    fn hand_out(&self, pushes: &[Arc<Push>]) {
        for push in pushes {
            let mut state = self.state.lock();
            state.head = push.seq;
            let frame = push_frame(push);
            let announced = announced(push);
            let typist = (push.kind == NUDGE).then(|| state.typist()).flatten();
            for client in state.clients.values() {
                let follows = client.state.lock().follows;
                if follows.is_none_or(|after| push.seq <= after) {
                    continue;
                }
                let own = typist.as_ref().filter(|typist| **typist == client.id);
                let own = own.and_then(|_| delivered_frame(push));
                client.send(own.unwrap_or_else(|| frame.clone()), None);
                if let Some((path, version)) = &announced {
                    client.has_seen(path.clone(), version.clone());
                }
            }
        }
    }
}

/// A nudge for the client that types it.
fn delivered_frame(push: &Push) -> Option<Utf8Bytes> {
    let mut nudge: Nudge = serde_json::from_str(&push.payload).ok()?;
    nudge.deliver = true;
    let nudge = Push {
        payload: ServerMessage::Nudge(nudge).payload_json(),
        ..push.clone()
    };
    Some(push_frame(&nudge))
}

fn push_frame(push: &Push) -> Utf8Bytes {
    let size = push.payload.len();
    write_frame(&push.kind, size, None, Some(push.seq), &push.at, |out| {
        out.extend_from_slice(push.payload.as_bytes());
    })
    .into()
}

pub(crate) fn replayed_frame(push: &Push) -> Utf8Bytes {
    let nudge = (push.kind == NUDGE).then(|| serde_json::from_str::<Nudge>(&push.payload));
    if let Some(Ok(nudge)) = nudge {
        // Marked within as well: whoever types it looks there.
        let payload = ServerMessage::Nudge(Nudge {
            deliver: false,
            replay: Some(true),
            ..nudge
        })
        .payload_json();
        return write_replayed_frame(&push.kind, &payload, &push.at).into();
    }
    write_replayed_frame(&push.kind, &push.payload, &push.at).into()
}

pub(crate) fn tree_frame(tree: &str, id: Option<&RequestId>) -> Utf8Bytes {
    write_frame(
        "fs:tree",
        tree.len(),
        id,
        None,
        &paige_store::now(),
        |out| {
            out.extend_from_slice(b"{\"root\":");
            out.extend_from_slice(tree.as_bytes());
            out.push(b'}');
        },
    )
    .into()
}

/// A push that was worth something for a short time only, such as a nudge, is left out of a replay;
/// the client sees the gap filled by the numbers that follow.
pub(crate) fn expired(push: &Push) -> bool {
    push.expires_at
        .as_deref()
        .is_some_and(|expires| expires <= paige_store::now().as_str())
}

/// Which version of which file a push tells its receivers.
fn announced(push: &Push) -> Option<(ProjectPath, Option<Version>)> {
    #[derive(Deserialize)]
    struct Announced {
        path: ProjectPath,
        version: Option<Version>,
    }
    if !matches!(push.kind.as_str(), "fs:save_ack" | "editor:open_file") {
        return None;
    }
    let announced: Announced = serde_json::from_str(&push.payload).ok()?;
    Some((announced.path, announced.version))
}
