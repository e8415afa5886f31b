//! Bodies: read whole within their limits before a door sees them.

use std::error::Error;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is longer than the limit.
    TooLong,
    /// It did not end in time.
    TooSlow,
    /// The client went away, or it is not what its headers say.
    Broken,
}

/// Reads the whole of `body`, at most `limit` bytes within `time`.
pub(super) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    limit: usize,
    time: Duration,
) -> Result<Bytes, Unreadable> {
    let announced_too_long = body.size_hint().lower() > limit as u64;
    let result = if announced_too_long {
        Err(Unreadable::TooLong)
    } else {
        match tokio::time::timeout(time, Limited::new(&mut body, limit).collect()).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) => Err(reason(error.as_ref())),
            Err(_elapsed) => Err(Unreadable::TooSlow),
        }
    };
    // A client that asks before it sends has sent nothing yet, and will not when it hears no.
    let not_sent = announced_too_long && headers.contains_key(header::EXPECT);
    if result == Err(Unreadable::TooLong) && !not_sent {
        discard(body, limit).await;
    }
    result
}

fn reason(error: &(dyn Error + Send + Sync + 'static)) -> Unreadable {
    match error.downcast_ref::<LengthLimitError>() {
        Some(_) => Unreadable::TooLong,
        None => Unreadable::Broken,
    }
}

/// Reads on for a moment and throws away: a client in the midst of sending reads no answer, and
/// closing on it would destroy the answer on its way. Who sends much more gets the reset.
async fn discard(mut body: Body, limit: usize) {
    let mut left = limit.saturating_mul(8);
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    // Running out of time is the other way to end it.
    let _ = tokio::time::timeout(Duration::from_secs(1), reading).await;
}
