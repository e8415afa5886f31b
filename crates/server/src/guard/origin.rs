//! The `Origin` of a request: which page's script sent it.

use axum::http::{HeaderMap, HeaderValue, header};

use super::host::split_port;

/// The pages that may talk to the sidecar.
#[derive(Debug)]
pub(super) struct Origins {
    allowed: Vec<Origin>,
}

/// An origin taken apart, so that two spellings of one origin are equal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// Lower case.
    scheme: String,
    /// Lower case.
    host: String,
    /// The scheme's own port where none is written; `None` for a scheme that has none.
    port: Option<u16>,
}

/// What the `Origin` headers of a request say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sender<'a> {
    /// No browser, or a browser's request to its own page's server.
    Program,
    /// A page of the allow list, with its header as it was sent.
    AllowedPage(&'a HeaderValue),
    /// Any other page, or something that is no origin.
    Stranger,
}

impl Origins {
    /// `allowed` must have been validated; an entry that is no origin allows nobody.
    pub(super) fn new(allowed: &[String]) -> Self {
        Self {
            allowed: allowed
                .iter()
                .filter_map(|text| Origin::parse(text))
                .collect(),
        }
    }

    pub(super) fn sender<'a>(&self, headers: &'a HeaderMap) -> Sender<'a> {
        let mut sent = headers.get_all(header::ORIGIN).iter();
        let Some(value) = sent.next() else {
            return Sender::Program;
        };
        let origin = value.to_str().ok().and_then(Origin::parse);
        match origin {
            Some(origin) if sent.next().is_none() && self.allowed.contains(&origin) => {
                Sender::AllowedPage(value)
            }
            _ => Sender::Stranger,
        }
    }
}

impl Origin {
    /// Parses `scheme://host` or `scheme://host:port`, and nothing that carries more or less:
    /// no user, path, trailing slash, wildcard or `null`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let mut letters = scheme.bytes();
        if !letters.next()?.is_ascii_alphabetic()
            || !letters.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        {
            return None;
        }
        let (host, port) = split_port(rest)?;
        let scheme = scheme.to_ascii_lowercase();
        let default = match scheme.as_str() {
            "http" | "ws" => Some(80),
            "https" | "wss" => Some(443),
            _ => None,
        };
        Some(Self {
            host: host.to_ascii_lowercase(),
            port: port.or(default),
            scheme,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(scheme: &str, host: &str, port: Option<u16>) -> Option<Origin> {
        Some(Origin {
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            port,
        })
    }

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        let check =
            |text, expected: Option<Origin>| assert_eq!(Origin::parse(text), expected, "{text:?}");
        check("tauri://localhost", origin("tauri", "localhost", None));
        check(
            "HTTP://Tauri.LocalHost",
            origin("http", "tauri.localhost", Some(80)),
        );
        check(
            "https://tauri.localhost:443",
            origin("https", "tauri.localhost", Some(443)),
        );
        check("http://[::1]:5173", origin("http", "[::1]", Some(5173)));
        for text in [
            "",
            "null",
            "*",
            "http://*",
            "https://*.example",
            "localhost",
            "://localhost",
            "1http://x",
            "http://",
            "http:///",
            "http://localhost/",
            "http://localhost:",
            "http://localhost:0",
            "http://localhost:65536",
            "http://localhost:080",
            "http://localhost:3000@evil.example",
            "http://user@localhost",
            "http://localhost?x",
            "http://localhost#x",
            "http://local host",
            " http://localhost",
            "http://localhost ",
            "http://a,http://b",
            "http://[::1",
            "http://::1",
            "http://evil.example\\@localhost",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn only_the_pages_of_the_list_are_let_in() {
        let origins = Origins::new(&[
            "tauri://localhost".to_owned(),
            "http://tauri.localhost".to_owned(),
        ]);
        let check = |sent: &[&'static str], expected: Option<bool>| {
            let mut headers = HeaderMap::new();
            for value in sent {
                headers.append(header::ORIGIN, HeaderValue::from_static(value));
            }
            let actual = match origins.sender(&headers) {
                Sender::Program => None,
                Sender::AllowedPage(_) => Some(true),
                Sender::Stranger => Some(false),
            };
            assert_eq!(actual, expected, "{sent:?}");
        };
        check(&[], None);
        check(&["tauri://localhost"], Some(true));
        check(&["http://tauri.localhost:80"], Some(true));
        check(&["http://tauri.localhost:81"], Some(false));
        check(&["https://tauri.localhost"], Some(false));
        check(&["tauri://localhost.evil.example"], Some(false));
        check(&["null"], Some(false));
        check(&[""], Some(false));
        check(&["tauri://localhost", "tauri://localhost"], Some(false));
    }
}
