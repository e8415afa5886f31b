//! Refusals, and the JSON body of every HTTP error of ours.

use std::borrow::Cow;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use paige_protocol::ErrorCode;
use paige_protocol::process::HttpError;

/// Why a request does not pass.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: ErrorCode,
    sentence: Cow<'static, str>,
}

impl Refusal {
    /// `sentence` is for people: what is wrong, and what to do.
    pub(super) fn new(
        status: StatusCode,
        code: ErrorCode,
        sentence: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            sentence: sentence.into(),
        }
    }

    pub(super) fn forbidden(sentence: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, sentence)
    }

    /// The answer, and a line in the log. The line names the path without its query, and no header:
    /// neither can carry a token into the log.
    pub(super) fn answer(&self, request: &Request) -> Response {
        tracing::debug!(
            method = %request.method(),
            path = request.uri().path(),
            status = self.status.as_u16(),
            "{}", self.sentence
        );
        let mut response = error(self.status, self.code, &self.sentence);
        let advice = match self.status {
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer")),
            StatusCode::TOO_MANY_REQUESTS => Some((header::RETRY_AFTER, "1")),
            _ => None,
        };
        if let Some((name, value)) = advice {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// An error answer: `sentence` for people, `code` for programs.
pub(crate) fn error(status: StatusCode, code: ErrorCode, sentence: &str) -> Response {
    let mut response = Response::new(Body::from(error_json(code, sentence)));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// The body alone.
pub(crate) fn error_json(code: ErrorCode, sentence: &str) -> String {
    let error = HttpError {
        error: sentence.to_owned(),
        code,
    };
    // Two texts always serialise; an empty body would still carry its status.
    serde_json::to_string(&error).unwrap_or_default()
}
