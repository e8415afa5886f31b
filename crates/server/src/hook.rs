//! The hooks' door: `POST /hook/{event}`, Claude Code's hook JSON in, its hook output out (blueprint §4).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use paige_coach::{Coach, CoachError};
use paige_protocol::ErrorCode;
use paige_protocol::coach::hooks::HookEvent;

use crate::guard;

/// The route `/hook/{event}`.
pub(crate) fn router(coach: Coach) -> Router {
    Router::new()
        .route("/hook/{event}", post(answer))
        .with_state(coach)
}

async fn answer(State(coach): State<Coach>, Path(event): Path<String>, body: Bytes) -> Response {
    let Some(event) = HookEvent::named(&event) else {
        return guard::error(
            StatusCode::NOT_FOUND,
            ErrorCode::NotFound,
            "There is no such hook; the README lists those that there are.",
        );
    };
    let input = match serde_json::from_slice(&body) {
        Ok(input) => input,
        Err(error) => {
            return guard::error(
                StatusCode::BAD_REQUEST,
                ErrorCode::InvalidArgument,
                &format!("The body is not the JSON of a hook: {error}."),
            );
        }
    };
    // A hook that waits no longer hangs up; what it told is handled to its end all the same.
    let handled = tokio::spawn(async move { coach.hook(event, input).await });
    match handled.await.unwrap_or(Err(CoachError::Cut)) {
        Ok(output) => Json(output).into_response(),
        Err(error) => {
            tracing::error!(%error, event = event.name(), "A hook could not be answered.");
            guard::error(
                StatusCode::INTERNAL_SERVER_ERROR,
                error.code(),
                &error.message(),
            )
        }
    }
}
