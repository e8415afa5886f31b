//! The timeline in the coach's words: actions, whose scope is the session. Actions are written by
//! [`Unit::log`](crate::Unit::log) and [`Store::observe`](crate::Store::observe).

pub use crate::timeline::{Entry, Filter, TimelineEntry, count, page};
use crate::{Reader, StoreError, timeline};

/// The last `limit` actions of a session, or of none, newest first.
pub fn recent(
    reader: &Reader<'_>,
    session_id: Option<u32>,
    limit: u32,
) -> Result<Vec<TimelineEntry>, StoreError> {
    let filter = Filter {
        scope: Some(session_id),
        ..Filter::default()
    };
    timeline::recent(reader, &filter, limit)
}

/// Every action of a session in the order in which it happened.
pub fn by_session(reader: &Reader<'_>, session_id: u32) -> Result<Vec<TimelineEntry>, StoreError> {
    let filter = Filter {
        scope: Some(Some(session_id)),
        ..Filter::default()
    };
    timeline::page(reader, &filter, u32::MAX)
}

/// The actions of one type in a session, in the order in which they happened.
pub fn by_type(
    reader: &Reader<'_>,
    session_id: u32,
    action_type: &str,
) -> Result<Vec<TimelineEntry>, StoreError> {
    let filter = Filter {
        scope: Some(Some(session_id)),
        kind: Some(action_type),
        ..Filter::default()
    };
    timeline::page(reader, &filter, u32::MAX)
}

/// The actions of a session since a time, in the order in which they happened.
pub fn since(
    reader: &Reader<'_>,
    session_id: u32,
    since: &str,
) -> Result<Vec<TimelineEntry>, StoreError> {
    let filter = Filter {
        scope: Some(Some(session_id)),
        since: Some(since),
        ..Filter::default()
    };
    timeline::page(reader, &filter, u32::MAX)
}

/// The last action of one type in a session: how long ago was it?
pub fn last_of_type(
    reader: &Reader<'_>,
    session_id: u32,
    action_type: &str,
) -> Result<Option<TimelineEntry>, StoreError> {
    let filter = Filter {
        scope: Some(Some(session_id)),
        kind: Some(action_type),
        ..Filter::default()
    };
    Ok(timeline::recent(reader, &filter, 1)?.pop())
}
