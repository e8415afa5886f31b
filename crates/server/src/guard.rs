//! The guard: who may come in (blueprint §4).
//!
//! It wraps the whole router, so that no route, known or not, is reached without it. The order is
//! `Host`, `Origin`, preflight, token and scope, limits:
//!
//! | asked | refused with |
//! |---|---|
//! | `Host` is a loopback name or address with our port | 403 |
//! | `Origin` is absent or in the allow list | 403 |
//! | a CORS preflight | answered with 204, needs no token |
//! | a token (all but `/health`) | 401 |
//! | its scope covers the door | 403 |
//! | the path is a door | 404 |
//! | not more requests a second than the limit | 429 |
//! | the body of a POST to `/mcp` or `/hook/{event}` is not too long, slow or deeply nested | 413, 408, 400 |
//!
//! A path that is no door asks for a token too: a stranger learns nothing about the routes.

mod body;
mod config;
mod cors;
mod door;
mod host;
mod nesting;
mod origin;
mod rate;
mod refusal;
mod token;

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use futures_util::FutureExt;
use paige_protocol::ErrorCode;
use tower::{Layer, Service, ServiceExt};

use self::body::Unreadable;
pub use self::config::{Auth, Config, Problem};
use self::door::Door;
use self::host::Hosts;
pub use self::nesting::nesting_exceeds;
use self::origin::{Origins, Sender};
use self::rate::Rate;
use self::refusal::Refusal;
pub(crate) use self::refusal::{error, error_json};
pub use self::token::{SUBPROTOCOL, Scope};
use self::token::{scope_of, take_token};

/// The layer that stands before every route. A clone is the same guard: it shares the counters.
#[derive(Debug, Clone)]
pub struct Guard {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Config,
    hosts: Hosts,
    origins: Origins,
    rates: [Rate; Door::COUNT],
}

/// Whether a connection has shown that it may come in: set by the guard with the first request that
/// passes, asked by the accept loop, which closes those that never get so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Admission(Arc<AtomicBool>);

impl Admission {
    pub(crate) fn given(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn give(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Guard {
    /// A guard for the sidecar that is bound to `port`. `config` should have passed
    /// [`Config::validate`]; one that has not opens less, never more.
    pub fn new(config: Config, port: u16) -> Self {
        Self {
            inner: Arc::new(Inner {
                hosts: Hosts::new(config.host, port, &config.extra_hosts),
                origins: Origins::new(&config.allowed_origins),
                rates: std::array::from_fn(|_| Rate::new(config.max_requests_per_second)),
                config,
            }),
        }
    }

    /// The configuration that it was built from.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }
}

impl Inner {
    async fn handle<S>(&self, service: S, mut request: Request) -> Response
    where
        S: Service<Request, Response = Response, Error = Infallible> + Send,
        S::Future: Send,
    {
        let page = match self.sender(&request) {
            Ok(page) => page,
            Err(refusal) => return refusal.answer(&request),
        };
        let passing = async {
            if cors::is_preflight(request.method(), request.headers()) {
                return cors::preflight();
            }
            match self.admit(&mut request).await {
                Ok(()) => service
                    .oneshot(request)
                    .await
                    .unwrap_or_else(|never| match never {}),
                Err(refusal) => refusal.answer(&request),
            }
        };
        // One request that panics is one failed request, not a closed connection.
        let mut response = match AssertUnwindSafe(passing).catch_unwind().await {
            Ok(response) => response,
            Err(_reported_by_the_panic_hook) => error(
                StatusCode::INTERNAL_SERVER_ERROR,
                ErrorCode::InternalError,
                "Something failed inside the sidecar; its log has the details.",
            ),
        };
        if let Some(origin) = page {
            cors::expose(&mut response, origin);
        }
        response
    }

    /// Checks `Host` and `Origin`. Answers the page that sent the request, if a page did.
    fn sender(&self, request: &Request) -> Result<Option<HeaderValue>, Refusal> {
        if !self
            .hosts
            .accept(request.version(), request.uri(), request.headers())
        {
            return Err(Refusal::forbidden(
                "The Host of this request is not one of this sidecar's; address it as 127.0.0.1, [::1] or localhost with its port.",
            ));
        }
        match self.origins.sender(request.headers()) {
            Sender::Program => Ok(None),
            Sender::AllowedPage(origin) => Ok(Some(origin.clone())),
            Sender::Stranger => Err(Refusal::forbidden(
                "The Origin of this request is not in the allow list; add it to the allowed origins if the page is yours.",
            )),
        }
    }

    /// Everything after `Host` and `Origin`. The request is left without its token and, where the
    /// body was measured, with that body in memory.
    async fn admit(&self, request: &mut Request) -> Result<(), Refusal> {
        let door = Door::of(request.uri().path());
        let presented = take_token(request.headers_mut(), door);
        if door != Door::Health {
            let scope = self.scope(door, request.method(), presented.as_deref())?;
            request.extensions_mut().insert(scope);
            if let Some(admission) = request.extensions().get::<Admission>() {
                admission.give();
            }
        }
        if door == Door::Unknown {
            return Err(Refusal::new(
                StatusCode::NOT_FOUND,
                ErrorCode::NotFound,
                "There is no such route; the README lists them.",
            ));
        }
        if !self.rates[door as usize].admits() {
            return Err(Refusal::new(
                StatusCode::TOO_MANY_REQUESTS,
                ErrorCode::RateLimited,
                "There were more requests this second than the limit allows; wait a second and send fewer.",
            ));
        }
        if door.takes_json() && request.method() == Method::POST {
            self.measure(request).await?;
        }
        Ok(())
    }

    fn scope(
        &self,
        door: Door,
        method: &Method,
        presented: Option<&[u8]>,
    ) -> Result<Scope, Refusal> {
        let scope = match &self.config.auth {
            Auth::None => Some(Scope::Any),
            Auth::Tokens(tokens) => presented.and_then(|presented| scope_of(tokens, presented)),
        };
        match scope {
            Some(scope) if scope.covers(door, method) => Ok(scope),
            Some(_) => Err(Refusal::forbidden(
                "This token is not for this route and method; use the token of the scope that the README names for them.",
            )),
            None => Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                ErrorCode::Unauthorized,
                "This route needs a token; send it as `Authorization: Bearer TOKEN`.",
            )),
        }
    }

    /// Reads the whole body, holds it to the limits and puts it back.
    async fn measure(&self, request: &mut Request) -> Result<(), Refusal> {
        let config = &self.config;
        let body = std::mem::take(request.body_mut());
        let read = body::read(
            request.headers(),
            body,
            config.max_body_bytes,
            config.body_timeout,
        )
        .await;
        match read {
            Ok(bytes) if nesting_exceeds(&bytes, config.max_nesting) => Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                ErrorCode::TooLarge,
                format!(
                    "The JSON of this request is nested deeper than {} levels; send it flatter.",
                    config.max_nesting
                ),
            )),
            Ok(bytes) => {
                *request.body_mut() = Body::from(bytes);
                Ok(())
            }
            Err(Unreadable::TooLong) => Err(Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                ErrorCode::TooLarge,
                format!(
                    "The body of this request is longer than {} bytes; send less at a time.",
                    config.max_body_bytes
                ),
            )),
            Err(Unreadable::TooSlow) => Err(Refusal::new(
                StatusCode::REQUEST_TIMEOUT,
                ErrorCode::InvalidMessage,
                "The body of this request did not end in time; send it again.",
            )),
            Err(Unreadable::Broken) => Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                ErrorCode::InvalidMessage,
                "The body of this request could not be read to its end; send it again.",
            )),
        }
    }
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            guard: self.clone(),
            inner,
        }
    }
}

/// A service behind the guard.
#[derive(Debug, Clone)]
pub struct Guarded<S> {
    guard: Guard,
    inner: S,
}

impl<S> Service<Request> for Guarded<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The inner service is asked once the request has passed.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let guard = self.guard.inner.clone();
        let inner = self.inner.clone();
        Box::pin(async move { Ok(guard.handle(inner, request).await) })
    }
}
