//! The timeline's door: `GET /timeline`, in pages or as a stream that goes on.

mod follow;
mod query;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::{Stream, StreamExt, stream};
use paige_protocol::ErrorCode;
use paige_protocol::coach::timeline::{TimelineEntryOf, TimelinePageOf};
use paige_store::{Store, StoreError, timeline};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::follow::Follower;
use self::query::Query;
use crate::guard;

/// How many clients may follow the timeline at the same time.
const MAX_STREAMS: usize = 16;

/// After how much silence a stream says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What the handlers share.
#[derive(Clone)]
struct Door {
    store: Store,
    stop: CancellationToken,
    room: Arc<Semaphore>,
}

/// The route `/timeline`. Its streams end when `stop` is cancelled.
pub(crate) fn router(store: Store, stop: CancellationToken) -> Router {
    Router::new()
        .route("/timeline", get(answer))
        .with_state(Door {
            store,
            stop,
            room: Arc::new(Semaphore::new(MAX_STREAMS)),
        })
}

async fn answer(State(door): State<Door>, uri: Uri, headers: HeaderMap) -> Response {
    let query = Query::of(&uri);
    let answered = if wants_a_stream(&headers) {
        match query.and_then(|query| query.resumed(&headers)) {
            Ok(query) => door.follow(query).await,
            Err(wrong) => Err(Refused::Query(wrong)),
        }
    } else {
        match query {
            Ok(query) => door.page(query).await,
            Err(wrong) => Err(Refused::Query(wrong)),
        }
    };
    answered.unwrap_or_else(Refused::answer)
}

/// Whether the client names the type of streams; who takes anything gets JSON.
fn wants_a_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// Why there is no answer.
#[derive(Debug)]
enum Refused {
    /// The query is wrong; the sentence says what would be right.
    Query(String),
    /// As many clients as may follow the timeline at the same time.
    Full,
    /// The timeline cannot be read.
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Refused {
    fn answer(self) -> Response {
        match self {
            Self::Query(wrong) => {
                guard::error(StatusCode::BAD_REQUEST, ErrorCode::InvalidArgument, &wrong)
            }
            Self::Full => {
                let mut response = guard::error(
                    StatusCode::SERVICE_UNAVAILABLE,
                    ErrorCode::RateLimited,
                    &format!(
                        "There are {MAX_STREAMS} streams of the timeline already; close one and try again."
                    ),
                );
                let soon = HeaderValue::from_static("1");
                response.headers_mut().insert(header::RETRY_AFTER, soon);
                response
            }
            Self::Store(error) => {
                tracing::error!(%error, "The timeline could not be read.");
                guard::error(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    ErrorCode::InternalError,
                    "The timeline could not be read; the log of the sidecar has the details.",
                )
            }
        }
    }
}

impl Door {
    async fn page(&self, query: Query) -> Result<Response, Refused> {
        let json = blocking(self.store.clone(), move |store| {
            // One more than asked for tells whether there is more.
            let mut entries = query.read(store, query.cursor, query.limit + 1)?;
            let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
            let is_more = entries.len() > limit;
            entries.truncate(limit);
            let page = TimelinePageOf {
                entries: entries.iter().map(told).collect(),
                next_cursor: entries.last().filter(|_| is_more).map(|entry| entry.id),
            };
            Ok(json(&page))
        })
        .await?;
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        Ok((headers, json).into_response())
    }

    async fn follow(&self, query: Query) -> Result<Response, Refused> {
        let room = self.room.clone().try_acquire_owned();
        let room = room.map_err(|_| Refused::Full)?;
        let follower = Follower::start(self.store.clone(), query, room).await?;
        let events = events(follower).take_until(self.stop.clone().cancelled_owned());
        Ok(Sse::new(events)
            .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
            .into_response())
    }
}

fn events(follower: Follower) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(follower, |mut follower| async {
        let entry = follower.next().await?;
        let event = Event::default()
            .id(entry.id.to_string())
            .event("action")
            .data(json(&told(&entry)));
        Some((Ok(event), follower))
    })
}

/// Runs `work` on a thread that may wait for the disk.
pub(crate) async fn blocking<T: Send + 'static>(
    store: Store,
    work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(move || work(&store)).await;
    done.unwrap_or_else(|error| {
        Err(StoreError::Panicked {
            message: error.to_string(),
        })
    })
}

/// An action as it is written down: its data is passed on as it is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    action_type: &'a str,
    data: Option<&'a RawValue>,
}

/// An entry as clients are told of it.
fn told(entry: &timeline::TimelineEntry) -> TimelineEntryOf<Written<'_>> {
    TimelineEntryOf {
        id: entry.id,
        session_id: entry.scope,
        action: Written {
            action_type: &entry.kind,
            // The store takes nothing but JSON.
            data: entry
                .data
                .as_deref()
                .and_then(|data| serde_json::from_str(data).ok()),
        },
        created_at: entry.at.clone(),
        call_id: entry.call_id.as_deref().map(str::to_owned),
    }
}

fn json(value: &impl Serialize) -> String {
    // Types of the wire have string keys and no failing serialisers.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use paige_protocol::coach::{Action, TimelineEntry};

    #[test]
    fn what_is_told_is_what_the_protocol_says() {
        let action = Action::FileSave {
            path: "a \"b\"".to_owned(),
            char_count: 3,
        };
        let mut entry = timeline::TimelineEntry {
            id: 7,
            scope: Some(2),
            kind: action.kind().into(),
            data: Some(action.data_json()),
            at: "2026-02-11T10:00:00.000Z".to_owned(),
            call_id: Some("c".into()),
        };
        let read: TimelineEntry = serde_json::from_str(&json(&told(&entry))).expect("an entry");
        assert_eq!(
            read,
            TimelineEntry {
                id: 7,
                session_id: Some(2),
                action,
                created_at: entry.at.clone(),
                call_id: Some("c".to_owned()),
            }
        );
        entry.data = None;
        entry.scope = None;
        entry.call_id = None;
        assert_eq!(
            json(&told(&entry)),
            r#"{"id":7,"sessionId":null,"actionType":"file_save","data":null,"createdAt":"2026-02-11T10:00:00.000Z"}"#
        );
    }

    #[test]
    fn a_stream_is_for_those_who_name_it() {
        let check = |accept: &[&'static str], expected| {
            let mut headers = HeaderMap::new();
            for value in accept {
                headers.append(header::ACCEPT, HeaderValue::from_static(value));
            }
            assert_eq!(wants_a_stream(&headers), expected, "{accept:?}");
        };
        check(&[], false);
        check(&["*/*"], false);
        check(&["application/json"], false);
        check(&["text/html, text/*"], false);
        check(&["text/event-stream"], true);
        check(&["Text/Event-Stream; q=1"], true);
        check(&["application/json, text/event-stream"], true);
        check(&["application/json", "text/event-stream"], true);
    }
}
