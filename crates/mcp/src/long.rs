//! Long answers are written as JSON aside.
//!
//! rmcp writes an answer as JSON while its response's body is polled, which is on a thread that
//! also answers small calls: an answer of some megabytes would keep it for milliseconds. So the event
//! of a long answer does not come out of its stream on such a thread; it asks for another place, and
//! the body is polled there. The two are the inside and the outside of the same body, always polled
//! one within the other, so that they talk by what the thread knows.

use std::{
    cell::Cell,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    response::Response,
};
use futures_util::future::BoxFuture;
use http_body::Frame;
use paige_coach::aside;
use tokio::runtime::Handle;

/// An answer with more text than this is long.
pub(crate) const LONG: usize = 64 * 1024;

/// Where this thread polls a body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Where small calls are answered.
    Here,
    /// There, and what is to come asked to be polled aside.
    Asked,
    /// Aside.
    Aside,
}

thread_local! {
    static PLACE: Cell<Place> = const { Cell::new(Place::Here) };
}

/// Returns where a long answer may be written, which is not here.
pub(crate) async fn place_for_long() {
    poll_fn(|_| match PLACE.get() {
        Place::Aside => Poll::Ready(()),
        // Polled again by the body around it, so that there is nothing to wake.
        Place::Here | Place::Asked => {
            PLACE.set(Place::Asked);
            Poll::Pending
        }
    })
    .await;
}

/// Lets a response's body go aside when it asks for it.
pub(crate) async fn let_aside(response: Response) -> Response {
    response.map(|body| Body::new(Asidable::Here(body)))
}

type Step = (Option<Result<Frame<Bytes>, axum::Error>>, Body);

/// A body that is polled here until it asks to be polled aside, for one frame.
enum Asidable {
    Here(Body),
    Aside(BoxFuture<'static, Option<Step>>),
}

impl HttpBody for Asidable {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        loop {
            match &mut *self {
                Self::Here(body) => {
                    PLACE.set(Place::Here);
                    let polled = Pin::new(&mut *body).poll_frame(cx);
                    if PLACE.replace(Place::Here) != Place::Asked || polled.is_ready() {
                        return polled;
                    }
                    let body = std::mem::take(body);
                    let runtime = Handle::current();
                    *self = Self::Aside(Box::pin(aside(move || runtime.block_on(step(body)))));
                }
                Self::Aside(step) => match ready!(step.as_mut().poll(cx)) {
                    Some((frame, body)) => {
                        *self = Self::Here(body);
                        return Poll::Ready(frame);
                    }
                    // The log says why; the client sees an answer that was cut off.
                    None => return Poll::Ready(None),
                },
            }
        }
    }
}

/// The next frame of a body, polled aside.
async fn step(mut body: Body) -> Step {
    let frame = poll_fn(|cx| {
        PLACE.set(Place::Aside);
        Pin::new(&mut body).poll_frame(cx)
    })
    .await;
    (frame, body)
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, thread};

    use futures_util::{StreamExt, stream};

    use super::*;

    /// What comes out of a body whose pieces may be long, with the name of the thread that made each.
    async fn made_by(long: &'static [bool]) -> Vec<String> {
        let pieces = stream::iter(long).then(async |long| {
            if *long {
                place_for_long().await;
            }
            let name = thread::current().name().unwrap_or_default().to_owned();
            Ok::<_, Infallible>(name + ";")
        });
        let response = let_aside(Response::new(Body::from_stream(pieces))).await;
        let whole = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        let text = String::from_utf8(whole.expect("no error").to_vec()).expect("text");
        text.split_terminator(';').map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn only_what_is_long_is_written_aside() {
        let here = thread::current().name().unwrap_or_default().to_owned();
        let aside = "paige-aside".to_owned();
        assert_eq!(made_by(&[false]).await, [here.as_str()]);
        assert_eq!(
            made_by(&[false, true, true, false]).await,
            [here.clone(), aside.clone(), aside, here]
        );
        assert!(made_by(&[]).await.is_empty());
    }
}
