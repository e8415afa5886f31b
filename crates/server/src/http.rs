//! The HTTP server: port, connections, health, and the routes that it is handed.

mod bind;
mod connection;
mod holder;

use std::time::Instant;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use paige_protocol::ErrorCode;
use paige_protocol::process::Health;

pub use self::bind::{BindError, Listeners, bind};
pub use self::connection::serve;
pub use self::holder::{Holder, holder_of};
use crate::guard;

/// All routes: `/health`, and `doors`, routers that name their own paths (`/ws`, `/mcp`).
///
/// `started` is when the process began, for the uptime. A door must have no fallback of its own: a
/// route that nobody has is 404, a method that a route has not is 405, both as JSON. The guard lets
/// only the paths of blueprint §4 through; a door of any other path is never reached.
pub fn router(started: Instant, doors: impl IntoIterator<Item = Router>) -> Router {
    doors
        .into_iter()
        .fold(Router::new(), Router::merge)
        .route("/health", get(move || health(started)))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
}

async fn health(started: Instant) -> Response {
    let health = Health {
        status: "ok".to_owned(),
        uptime: started.elapsed().as_secs_f64(),
    };
    // An answer from a cache would say that a stopped sidecar lives.
    let no_store = HeaderValue::from_static("no-store");
    ([(header::CACHE_CONTROL, no_store)], Json(health)).into_response()
}

async fn not_found() -> Response {
    guard::error(
        StatusCode::NOT_FOUND,
        ErrorCode::NotFound,
        "There is no such route in this version; the README lists them.",
    )
}

async fn method_not_allowed() -> Response {
    guard::error(
        StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::NotFound,
        "This route does not take that method; the Allow header names those it takes.",
    )
}
