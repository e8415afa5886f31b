//! [`ClaudeError`]: everything that can go wrong with a call.

use std::time::Duration;

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The model refused to answer (`stop_reason: refusal`).
    Refusal,
    /// The answer was longer than it may be (`stop_reason: max_tokens`).
    MaxTokens,
    /// The answer was stopped by a content policy.
    ContentFilter,
    /// Too many calls (HTTP 429).
    RateLimit,
    /// The API failed (HTTP 5xx).
    Server,
    /// The API has too much to do (HTTP 529).
    Overloaded,
    /// The API was not reached, or the connection broke.
    Network,
    /// The answer is not what was asked for, also after it was asked again.
    Validation,
    /// The model called tools more often than it may and gave no answer.
    Rounds,
    /// The key is wrong or may not do this.
    Authentication,
    /// The account has no money left, or its spend limit is reached.
    Billing,
    /// The prompt is longer than the model can read.
    ContextWindow,
    /// The API does not accept the request.
    InvalidRequest,
    /// A budget refused the call before it was made.
    Budget,
    /// Whoever asked does not want the answer any more.
    Cancelled,
    /// The time of the call was over.
    Deadline,
    /// There is no key: Paige runs offline.
    NoKey,
    /// The ledger could not be written, so nothing was sent.
    Ledger,
}

impl Kind {
    /// A short name for logs and answers to programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Refusal => "refusal",
            Self::MaxTokens => "max_tokens",
            Self::ContentFilter => "content_filter",
            Self::RateLimit => "rate_limit",
            Self::Server => "server",
            Self::Overloaded => "overloaded",
            Self::Network => "network",
            Self::Validation => "validation",
            Self::Rounds => "rounds",
            Self::Authentication => "authentication",
            Self::Billing => "billing",
            Self::ContextWindow => "context_window",
            Self::InvalidRequest => "invalid_request",
            Self::Budget => "budget",
            Self::Cancelled => "cancelled",
            Self::Deadline => "deadline",
            Self::NoKey => "no_key",
            Self::Ledger => "ledger",
        }
    }
}

/// A call that gave no answer. Its text is one or more whole sentences that say what to do next, and
/// never contains the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ClaudeError {
    kind: Kind,
    message: String,
    status: Option<u16>,
    retry_after: Option<Duration>,
}

impl ClaudeError {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            status: None,
            retry_after: None,
        }
    }

    /// The kind of failure.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The HTTP status with which the API answered, where it did.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// Whether the same call may succeed later. The client has repeated it already, where there was
    /// time (spec: story 7, "API Error Types").
    pub fn retryable(&self) -> bool {
        matches!(
            self.kind,
            Kind::RateLimit | Kind::Server | Kind::Overloaded | Kind::Network
        )
    }

    /// How long the API asked to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The error of a call that its caller took back.
    pub fn cancelled() -> Self {
        Self::new(
            Kind::Cancelled,
            "The call was cancelled. Ask again if the answer is still wanted.",
        )
    }

    pub(crate) fn no_key() -> Self {
        Self::new(
            Kind::NoKey,
            "There is no API key, so that no model can be asked. Set ANTHROPIC_API_KEY and start Paige \
             without --offline.",
        )
    }

    pub(crate) fn deadline(limit: Duration) -> Self {
        Self::new(
            Kind::Deadline,
            format!(
                "The API did not answer within {} s. Try again; if it happens often, look at \
                 status.anthropic.com or at the connection.",
                limit.as_secs_f64()
            ),
        )
    }

    pub(crate) fn late_tools(limit: Duration) -> Self {
        Self::new(
            Kind::Deadline,
            format!(
                "The tools that the model called were not done within {} s. Allow more time, or give it faster tools.",
                limit.as_secs_f64()
            ),
        )
    }

    pub(crate) fn network(what: &str) -> Self {
        Self::new(
            Kind::Network,
            format!(
                "The API could not be reached: {what}. Check the connection and ANTHROPIC_BASE_URL, then try again."
            ),
        )
    }

    /// The error that an error body stands for.
    pub(crate) fn of_api(
        status: Option<u16>,
        error_type: &str,
        said: &str,
        retry_after: Option<Duration>,
    ) -> Self {
        let kind = kind_of(status, error_type, said);
        let what = match kind {
            Kind::Authentication => "The API does not accept the key. Check ANTHROPIC_API_KEY",
            Kind::Billing => {
                "The account's credit or spend limit is used up. Raise it in the Anthropic console, \
                 then try again"
            }
            Kind::RateLimit => "The API's rate limit is reached. Wait a minute and try again",
            Kind::Overloaded => "The API is overloaded. Wait a minute and try again",
            Kind::Server => "The API failed. Try again later",
            Kind::Network => "The API closed the request. Try again",
            Kind::ContextWindow => {
                "The prompt is longer than the model can read. Ask about less at once"
            }
            Kind::ContentFilter => "The answer was stopped by a content policy. Ask in other words",
            _ => {
                "The API does not accept the request. Check the models in force and ANTHROPIC_BASE_URL, and report this if they are right"
            }
        };
        let said = shortened(said);
        let said = if said.is_empty() {
            error_type.to_owned()
        } else {
            said
        };
        Self {
            kind,
            message: format!("{what}. The API said: {said}"),
            status,
            retry_after,
        }
    }

    /// The same error without a text that must not be seen.
    pub(crate) fn without(mut self, secret: Option<&str>) -> Self {
        if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
            self.message = self.message.replace(secret, "[key]");
        }
        self
    }
}

/// What an error means, by its type, its status, and, where those say too little, its words.
fn kind_of(status: Option<u16>, error_type: &str, said: &str) -> Kind {
    let said = said.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let spent = says(&[
        "credit balance",
        "spend limit",
        "spending limit",
        "usage limits",
    ]);
    match (error_type, status) {
        ("billing_error", _) | (_, Some(402)) => Kind::Billing,
        (_, Some(400 | 403 | 429)) if spent => Kind::Billing,
        ("authentication_error" | "permission_error", _) | (_, Some(401 | 403)) => {
            Kind::Authentication
        }
        ("rate_limit_error", _) | (_, Some(429)) => Kind::RateLimit,
        ("overloaded_error", _) | (_, Some(529)) => Kind::Overloaded,
        ("request_too_large", _) | (_, Some(413)) => Kind::ContextWindow,
        ("invalid_request_error", _) | (_, Some(400))
            if says(&[
                "prompt is too long",
                "exceed context limit",
                "context window",
            ]) =>
        {
            Kind::ContextWindow
        }
        (_, Some(400)) if says(&["content filtering", "content policy"]) => Kind::ContentFilter,
        (_, Some(408)) => Kind::Network,
        ("api_error" | "timeout_error", _) | (_, Some(500..)) => Kind::Server,
        _ => Kind::InvalidRequest,
    }
}

/// A text of somebody else, as one line of bearable length.
pub(crate) fn shortened(text: &str) -> String {
    const LONGEST: usize = 400;
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST + 1)
        .collect();
    let line = line.trim();
    if line.chars().count() > LONGEST {
        let cut: String = line.chars().take(LONGEST).collect();
        format!("{cut} …")
    } else {
        line.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart_by_type_status_and_words() {
        for (status, error_type, said, expected) in [
            (
                Some(401),
                "authentication_error",
                "invalid x-api-key",
                Kind::Authentication,
            ),
            (
                Some(403),
                "permission_error",
                "no access",
                Kind::Authentication,
            ),
            (Some(402), "billing_error", "", Kind::Billing),
            (
                Some(400),
                "invalid_request_error",
                "Your credit balance is too low to access the Anthropic API.",
                Kind::Billing,
            ),
            (
                Some(400),
                "invalid_request_error",
                "You have reached your specified API usage limits.",
                Kind::Billing,
            ),
            (
                Some(429),
                "rate_limit_error",
                "spend limit reached",
                Kind::Billing,
            ),
            (
                Some(429),
                "rate_limit_error",
                "Number of requests",
                Kind::RateLimit,
            ),
            (
                Some(529),
                "overloaded_error",
                "Overloaded",
                Kind::Overloaded,
            ),
            (None, "overloaded_error", "Overloaded", Kind::Overloaded),
            (None, "api_error", "Internal server error", Kind::Server),
            (
                Some(500),
                "api_error",
                "Internal server error",
                Kind::Server,
            ),
            (Some(504), "timeout_error", "", Kind::Server),
            (Some(502), "", "<html>Bad gateway</html>", Kind::Server),
            (Some(413), "request_too_large", "", Kind::ContextWindow),
            (
                Some(400),
                "invalid_request_error",
                "prompt is too long: 210000 tokens > 200000 maximum",
                Kind::ContextWindow,
            ),
            (
                Some(400),
                "invalid_request_error",
                "Output blocked by content filtering policy",
                Kind::ContentFilter,
            ),
            (
                Some(400),
                "invalid_request_error",
                "max_tokens",
                Kind::InvalidRequest,
            ),
            (
                Some(404),
                "not_found_error",
                "model: x",
                Kind::InvalidRequest,
            ),
        ] {
            assert_eq!(
                kind_of(status, error_type, said),
                expected,
                "{status:?} {error_type} {said}"
            );
        }
    }

    #[test]
    fn only_what_may_pass_is_repeated() {
        let retryable = |status, error_type: &str| {
            ClaudeError::of_api(Some(status), error_type, "", None).retryable()
        };
        assert!(retryable(429, "rate_limit_error"));
        assert!(retryable(529, "overloaded_error"));
        assert!(retryable(500, "api_error"));
        assert!(!retryable(402, "billing_error"));
        assert!(!retryable(401, "authentication_error"));
        assert!(!retryable(400, "invalid_request_error"));
    }

    #[test]
    fn a_key_that_the_server_repeats_is_not_told() {
        let error = ClaudeError::of_api(Some(401), "authentication_error", "bad sk-1\n2", None);
        let error = error.without(Some("sk-1"));
        assert_eq!(
            error.to_string(),
            "The API does not accept the key. Check ANTHROPIC_API_KEY. The API said: bad [key] 2"
        );
    }
}
