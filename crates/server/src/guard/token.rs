//! Tokens: who a caller is, and which doors that opens.

use axum::http::{HeaderMap, HeaderValue, Method, header};
use paige_protocol::process::Tokens;
use subtle::{ConditionallySelectable, ConstantTimeEq};

use super::door::Door;

/// The WebSocket subprotocol that the server selects; `bearer.TOKEN` may stand beside it.
pub const SUBPROTOCOL: &str = "paige.v1";

/// How a browser's WebSocket, which can set no header, sends its token: as a second subprotocol.
const SUBPROTOCOL_TOKEN: &str = "bearer.";

/// What a caller may do. The guard puts it into the extensions of every request that it lets in
/// to a door that needs a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The desktop shell: `/ws`, `/timeline`, `/replay` and `/mcp`.
    Ui,
    /// Claude: `/mcp`.
    Mcp,
    /// Claude Code's hooks: `POST /hook/{event}`.
    Hook,
    /// Everybody, with `--auth none`: all doors.
    Any,
}

impl Scope {
    /// Whether the scope covers `method` at `door`. A path that is no door is covered by every
    /// scope: who has a token may know that it does not exist.
    pub(super) fn covers(self, door: Door, method: &Method) -> bool {
        match (self, door) {
            (Self::Any, _) | (_, Door::Health | Door::Unknown) => true,
            (Self::Ui, Door::Ws | Door::Timeline | Door::Replay | Door::Mcp) => true,
            (Self::Mcp, Door::Mcp) => true,
            (Self::Hook, Door::Hook) => method == Method::POST,
            _ => false,
        }
    }
}

/// Whose token `presented` is.
///
/// It is compared with every token, and every byte of each, whatever matched before, so that the
/// time tells nothing but the length.
pub(super) fn scope_of(tokens: &Tokens, presented: &[u8]) -> Option<Scope> {
    let candidates = [
        (&tokens.ui, 1, Scope::Ui),
        (&tokens.mcp, 2, Scope::Mcp),
        (&tokens.hook, 3, Scope::Hook),
    ];
    let mut matched = 0_u8;
    for (token, number, _) in &candidates {
        let equal = token.expose().as_bytes().ct_eq(presented);
        matched.conditional_assign(number, equal);
    }
    // An empty secret is a fault of the configuration and must open nothing.
    if presented.is_empty() {
        return None;
    }
    candidates
        .into_iter()
        .find_map(|(_, number, scope)| (number == matched).then_some(scope))
}

/// Takes the token out of the headers, so that nothing behind the guard can log or repeat it.
///
/// `Authorization: Bearer` counts at every door, the subprotocol at `/ws` only and when there is
/// no `Authorization`. Two tokens are none: which of them is meant is not ours to guess.
pub(super) fn take_token(headers: &mut HeaderMap, door: Door) -> Option<Vec<u8>> {
    let from_subprotocol = match door {
        Door::Ws => take_subprotocol_token(headers),
        _ => None,
    };
    let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
    let token = match (authorizations.next(), authorizations.next()) {
        (None, _) => from_subprotocol,
        (Some(only), None) => bearer(only).map(<[u8]>::to_vec),
        (Some(_), Some(_)) => None,
    };
    headers.remove(header::AUTHORIZATION);
    token
}

/// The `T` of `Bearer T`; the scheme's case does not matter (RFC 9110 §11.1).
fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked(b"bearer".len())?;
    if !scheme.eq_ignore_ascii_case(b"bearer") || token.first() != Some(&b' ') {
        return None;
    }
    Some(token.trim_ascii())
}

fn take_subprotocol_token(headers: &mut HeaderMap) -> Option<Vec<u8>> {
    let offered: Vec<String> = headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    headers.remove(header::SEC_WEBSOCKET_PROTOCOL);
    let (tokens, names): (Vec<_>, Vec<_>) = offered
        .iter()
        .partition(|name| name.starts_with(SUBPROTOCOL_TOKEN));
    for name in names {
        if let Ok(value) = HeaderValue::from_str(name) {
            headers.append(header::SEC_WEBSOCKET_PROTOCOL, value);
        }
    }
    match tokens.as_slice() {
        [only] => only
            .strip_prefix(SUBPROTOCOL_TOKEN)
            .map(|token| token.as_bytes().to_vec()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use paige_protocol::process::Secret;

    use super::*;

    fn tokens() -> Tokens {
        Tokens {
            ui: Secret::new("u".repeat(43)),
            mcp: Secret::new("m".repeat(43)),
            hook: Secret::new("h".repeat(43)),
        }
    }

    #[test]
    fn a_token_is_compared_as_a_whole() {
        let check = |presented: &str, expected: Option<Scope>| {
            assert_eq!(
                scope_of(&tokens(), presented.as_bytes()),
                expected,
                "{presented}"
            );
        };
        check(&"u".repeat(43), Some(Scope::Ui));
        check(&"m".repeat(43), Some(Scope::Mcp));
        check(&"h".repeat(43), Some(Scope::Hook));
        check(&"u".repeat(42), None);
        check(&"u".repeat(44), None);
        check(&"U".repeat(43), None);
        check(&format!("{}x", "u".repeat(42)), None);
        check(&format!("x{}", "u".repeat(42)), None);
        check("", None);
    }

    #[test]
    fn empty_secrets_open_nothing() {
        let none = Tokens {
            ui: Secret::new(""),
            mcp: Secret::new(""),
            hook: Secret::new(""),
        };
        assert_eq!(scope_of(&none, b""), None);
    }

    #[test]
    fn the_token_is_found_and_taken_out() {
        // Door, headers sent, token found, subprotocols left.
        let check =
            |door, sent: &[(&'static str, &'static str)], token: Option<&str>, left: &[&str]| {
                let mut headers = HeaderMap::new();
                for &(name, value) in sent {
                    headers.append(name, HeaderValue::from_static(value));
                }
                let found = take_token(&mut headers, door);
                assert_eq!(found.as_deref(), token.map(str::as_bytes), "{sent:?}");
                assert!(!headers.contains_key(header::AUTHORIZATION));
                let names: Vec<_> = headers
                    .get_all(header::SEC_WEBSOCKET_PROTOCOL)
                    .iter()
                    .collect();
                assert_eq!(names, left, "{sent:?}");
            };
        let protocols = "sec-websocket-protocol";
        check(Door::Mcp, &[], None, &[]);
        check(
            Door::Mcp,
            &[("authorization", "Bearer abc")],
            Some("abc"),
            &[],
        );
        check(
            Door::Mcp,
            &[("authorization", "bEARER  abc ")],
            Some("abc"),
            &[],
        );
        check(Door::Mcp, &[("authorization", "Bearer")], None, &[]);
        check(Door::Mcp, &[("authorization", "Bearerabc")], None, &[]);
        check(Door::Mcp, &[("authorization", "Basic abc")], None, &[]);
        check(Door::Mcp, &[("authorization", "abc")], None, &[]);
        check(
            Door::Mcp,
            &[("authorization", "Bearer a"), ("authorization", "Bearer a")],
            None,
            &[],
        );
        check(
            Door::Mcp,
            &[(protocols, "paige.v1, bearer.abc")],
            None,
            &["paige.v1, bearer.abc"],
        );
        check(
            Door::Ws,
            &[(protocols, "paige.v1, bearer.abc")],
            Some("abc"),
            &["paige.v1"],
        );
        check(
            Door::Ws,
            &[(protocols, "bearer.abc"), (protocols, "paige.v1")],
            Some("abc"),
            &["paige.v1"],
        );
        check(Door::Ws, &[(protocols, "bearer.abc")], Some("abc"), &[]);
        check(Door::Ws, &[(protocols, "paige.v1")], None, &["paige.v1"]);
        check(
            Door::Ws,
            &[(protocols, "bearer.a, bearer.b, x")],
            None,
            &["x"],
        );
        let both = [
            ("authorization", "Bearer abc"),
            (protocols, "paige.v1,bearer.def"),
        ];
        check(Door::Ws, &both, Some("abc"), &["paige.v1"]);
    }

    #[test]
    fn each_scope_opens_its_own_doors() {
        let doors = [
            Door::Health,
            Door::Ws,
            Door::Timeline,
            Door::Replay,
            Door::Mcp,
            Door::Hook,
            Door::Unknown,
        ];
        let check = |scope: Scope, method: Method, expected: [bool; 7]| {
            assert_eq!(
                doors.map(|door| scope.covers(door, &method)),
                expected,
                "{scope:?} {method}"
            );
        };
        check(
            Scope::Ui,
            Method::POST,
            [true, true, true, true, true, false, true],
        );
        check(
            Scope::Mcp,
            Method::POST,
            [true, false, false, false, true, false, true],
        );
        check(
            Scope::Hook,
            Method::POST,
            [true, false, false, false, false, true, true],
        );
        check(
            Scope::Hook,
            Method::GET,
            [true, false, false, false, false, false, true],
        );
        check(Scope::Any, Method::GET, [true; 7]);
    }
}
