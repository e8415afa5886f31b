//! The replay's door: `POST /replay` shows the pushes of a session once more to every client that is
//! connected, marked as what they are and without a `seq`, so that no cursor moves.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::{Stream, StreamExt, stream};
use paige_protocol::ErrorCode;
use paige_protocol::coach::replay::{ReplayEvent, ReplayRequest};
use paige_protocol::envelope::write_json;
use paige_store::coach::sessions;
use paige_store::{Push, Store, StoreError, millis_between};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::dispatch::Desk;
use crate::guard;
use crate::hub::{Hub, expired, replayed_frame};
use crate::timeline::blocking;

/// How slow and how fast a replay may be.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.1..=100.0;

/// The longest wait between two pushes, so that a session with a lunch in it can be watched.
const LONGEST_GAP: Duration = Duration::from_secs(2);

/// How many pushes are read at a time; each may hold a whole file.
const PAGE: usize = 16;

/// What the handler needs.
#[derive(Clone)]
struct Door {
    hub: Hub,
    store: Store,
    project_dir: String,
    stop: CancellationToken,
    /// One replay at a time: two would be shown as one that never was.
    turn: Arc<Semaphore>,
}

/// The route `/replay`. A replay ends when `stop` is cancelled.
pub(crate) fn router(desk: &Desk, store: Store, stop: CancellationToken) -> Router {
    Router::new()
        .route("/replay", post(answer))
        .with_state(Door {
            hub: desk.hub.clone(),
            store,
            project_dir: desk.facts.project_dir.clone(),
            stop,
            turn: Arc::new(Semaphore::new(1)),
        })
}

async fn answer(State(door): State<Door>, body: Bytes) -> Response {
    match door.play(&body).await {
        Ok(lines) => {
            let headers = [
                (header::CONTENT_TYPE, "application/x-ndjson"),
                (header::CACHE_CONTROL, "no-store"),
            ];
            let lines = lines.take_until(door.stop.cancelled_owned());
            (headers, Body::from_stream(lines)).into_response()
        }
        Err(refused) => refused.answer(),
    }
}

/// Why nothing is shown.
#[derive(Debug)]
enum Refused {
    /// The body is wrong; the sentence says what would be right.
    Body(String),
    /// There is no session of that id.
    Unknown(u32),
    /// The session is one of another project.
    Elsewhere(u32, String),
    /// What was pushed in the session is not kept any more.
    Gone(u32),
    /// Another replay is running.
    Busy,
    /// The database cannot be read.
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Refused {
    fn answer(self) -> Response {
        let (status, code, message) = match self {
            Self::Body(wrong) => (StatusCode::BAD_REQUEST, ErrorCode::InvalidArgument, wrong),
            Self::Unknown(id) => (
                StatusCode::NOT_FOUND,
                ErrorCode::UnknownId,
                format!(
                    "There is no session {id}; `paige-sidecar sessions` lists those that there are."
                ),
            ),
            Self::Elsewhere(id, project) => (
                StatusCode::CONFLICT,
                ErrorCode::ProjectMismatch,
                format!(
                    "Session {id} is one of {project}; start a sidecar on that project to replay it."
                ),
            ),
            Self::Gone(id) => (
                StatusCode::GONE,
                ErrorCode::Unavailable,
                format!(
                    "What was told to clients in session {id} is not kept any more: it became too old or too much, or was forgotten. \
                     --outbox-keep-hours and --outbox-max-bytes keep more of what comes from now on."
                ),
            ),
            Self::Busy => (
                StatusCode::CONFLICT,
                ErrorCode::PreconditionFailed,
                "Another replay is running; stop it, or wait for its end, and try again."
                    .to_owned(),
            ),
            Self::Store(error) => {
                tracing::error!(%error, "A session could not be replayed.");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    ErrorCode::InternalError,
                    "The session could not be read; the log of the sidecar has the details."
                        .to_owned(),
                )
            }
        };
        guard::error(status, code, &message)
    }
}

impl Door {
    async fn play(&self, body: &[u8]) -> Result<impl Stream<Item = Line> + use<>, Refused> {
        let request: ReplayRequest = serde_json::from_slice(body).map_err(|error| {
            Refused::Body(format!(
                "The body is not {{\"sessionId\": ID, \"speed\": NUMBER}}: {error}."
            ))
        })?;
        if !SPEEDS.contains(&request.speed) {
            return Err(Refused::Body(format!(
                "The speed is {}; give a number from {} to {}.",
                request.speed,
                SPEEDS.start(),
                SPEEDS.end()
            )));
        }
        let id = request.session_id;
        let found = blocking(self.store.clone(), move |store| Found::of(store, id)).await?;
        let Found {
            session,
            after,
            up_to,
            is_cut,
        } = found.ok_or(Refused::Unknown(id))?;
        if session.project_dir != self.project_dir {
            return Err(Refused::Elsewhere(id, session.project_dir));
        }
        if up_to == after && is_cut {
            return Err(Refused::Gone(id));
        }
        let turn = self.turn.clone().try_acquire_owned();
        let turn = turn.map_err(|_| Refused::Busy)?;
        tracing::info!(
            session = id,
            messages = up_to - after,
            speed = request.speed,
            "A session is replayed."
        );
        let started = ReplayEvent::Started {
            messages: up_to - after,
            clients: self.hub.hearing(),
            is_cut,
        };
        let play = Play {
            hub: self.hub.clone(),
            store: self.store.clone(),
            speed: request.speed,
            first: after,
            after,
            up_to,
            waiting: VecDeque::new(),
            last: None,
            due: Instant::now(),
            shown: 0,
            _turn: turn,
        };
        Ok(stream::once(async move { line(&started) }).chain(lines(play)))
    }
}

/// A session, and where its pushes are.
struct Found {
    session: sessions::Session,
    /// The number before its first push that is kept.
    after: u64,
    /// The number of its last push.
    up_to: u64,
    /// Whether its beginning is not kept any more.
    is_cut: bool,
}

impl Found {
    fn of(store: &Store, id: u32) -> Result<Option<Self>, StoreError> {
        let Some(session) = store.read(|reader| sessions::by_id(reader, id))? else {
            return Ok(None);
        };
        let (from, to) = (&session.started_at, session.ended_at.as_deref());
        let (after, up_to) = store.outbox_between(from, to)?;
        let oldest = store.outbox_oldest();
        // Older pushes are gone, and the oldest that is kept came after the beginning.
        let is_cut = oldest > 1
            && store
                .outbox(oldest - 1, oldest, 1)?
                .first()
                .is_none_or(|push| push.at > *from);
        Ok(Some(Self {
            session,
            after,
            up_to,
            is_cut,
        }))
    }
}

/// A replay under way. It ends with the answer that it is told in.
struct Play {
    hub: Hub,
    store: Store,
    speed: f64,
    first: u64,
    after: u64,
    up_to: u64,
    waiting: VecDeque<Arc<Push>>,
    /// When the push before was made.
    last: Option<String>,
    /// When the push before was due to be shown.
    due: Instant,
    shown: u64,
    _turn: OwnedSemaphorePermit,
}

type Line = Result<Bytes, Infallible>;

fn line(event: &ReplayEvent) -> Line {
    let mut line = Vec::new();
    write_json(&mut line, event);
    line.push(b'\n');
    Ok(line.into())
}

fn lines(play: Play) -> impl Stream<Item = Line> {
    stream::unfold(Some(play), |play| async {
        let mut play = play?;
        let event = match play.next().await {
            Ok(Some(push)) => {
                play.shown += 1;
                ReplayEvent::Shown {
                    number: push.seq - play.first,
                    message_type: push.kind.clone(),
                    at: push.at.clone(),
                }
            }
            Ok(None) => {
                let finished = ReplayEvent::Finished { shown: play.shown };
                return Some((line(&finished), None));
            }
            Err(error) => {
                tracing::error!(%error, "A replay ended before its time.");
                let error = "The rest could not be read; the log of the sidecar has the details.";
                let failed = ReplayEvent::Failed {
                    error: error.to_owned(),
                };
                return Some((line(&failed), None));
            }
        };
        Some((line(&event), Some(play)))
    })
}

impl Play {
    /// Shows the next push when its time has come, and returns it; `None` at the end.
    async fn next(&mut self) -> Result<Option<Arc<Push>>, StoreError> {
        loop {
            let Some(push) = self.read().await? else {
                return Ok(None);
            };
            if expired(&push) {
                continue;
            }
            if let Some(last) = &self.last {
                self.due += gap(last, &push.at, self.speed);
            }
            self.last = Some(push.at.clone());
            sleep_until(self.due).await;
            self.hub.show_again(replayed_frame(&push)).await;
            return Ok(Some(push));
        }
    }

    async fn read(&mut self) -> Result<Option<Arc<Push>>, StoreError> {
        if self.waiting.is_empty() && self.after < self.up_to {
            let (after, up_to) = (self.after, self.up_to);
            let page = blocking(self.store.clone(), move |store| {
                store.outbox(after, up_to, PAGE)
            });
            self.waiting = page.await?.into();
        }
        let push = self.waiting.pop_front();
        // What is pruned meanwhile is not waited for.
        self.after = push.as_ref().map_or(self.up_to, |push| push.seq);
        Ok(push)
    }
}

/// How long to wait between two pushes.
fn gap(from: &str, to: &str, speed: f64) -> Duration {
    let millis = millis_between(from, to).unwrap_or(0);
    Duration::from_millis(millis)
        .div_f64(speed)
        .min(LONGEST_GAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_as_they_were_but_faster_and_never_long() {
        let check = |to, speed, millis| {
            let from = "2026-02-11T10:00:00.000Z";
            assert_eq!(gap(from, to, speed), Duration::from_millis(millis));
        };
        check("2026-02-11T10:00:00.000Z", 8.0, 0);
        check("2026-02-11T10:00:08.000Z", 8.0, 1000);
        check("2026-02-11T10:00:00.100Z", 0.1, 1000);
        check("2026-02-11T11:00:00.000Z", 100.0, 2000);
        // A clock that was set back.
        check("2026-02-11T09:00:00.000Z", 1.0, 0);
    }
}
