//! The `Host` of a request: whether it was meant for this sidecar.
//!
//! A page that has its own name resolve to 127.0.0.1 (DNS rebinding) reaches the port, but the
//! browser still sends the page's name as the host.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, Uri, Version, header};

/// The names by which the sidecar may be called.
#[derive(Debug)]
pub(super) struct Hosts {
    /// As they stand in a `Host` header, port included.
    accepted: Vec<String>,
}

impl Hosts {
    /// Loopback (`127.0.0.1`, `[::1]` and `localhost`, no other), the bound address if it is a
    /// single one, and `extra` names; each with `port`.
    pub(super) fn new(bound: IpAddr, port: u16, extra: &[String]) -> Self {
        let mut names = vec![
            "127.0.0.1".to_owned(),
            "[::1]".to_owned(),
            "localhost".to_owned(),
        ];
        if !bound.is_unspecified() {
            names.push(match bound {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => format!("[{address}]"),
            });
        }
        let mut accepted = Vec::new();
        for name in names {
            // A client leaves the port out when it is the scheme's own.
            if port == 80 {
                accepted.push(name.clone());
            }
            accepted.push(format!("{name}:{port}"));
        }
        for entry in extra {
            // Behind a proxy the port is the proxy's: a bare name stands for its default as well.
            if split_port(entry).is_some_and(|(_, port)| port.is_none()) {
                accepted.push(format!("{entry}:{port}"));
            }
            accepted.push(entry.clone());
        }
        Self { accepted }
    }

    /// Whether the request names this sidecar, and nobody else, as its host.
    ///
    /// HTTP/1 needs exactly one `Host` header, also in version 1.0; HTTP/2 may put it into the
    /// request target. A target that carries a host of its own is held to the same list.
    pub(super) fn accept(&self, version: Version, target: &Uri, headers: &HeaderMap) -> bool {
        let mut named = headers.get_all(header::HOST).iter();
        let header = match (named.next(), named.next()) {
            (None, _) => None,
            (Some(only), None) => Some(only),
            (Some(_), Some(_)) => return false,
        };
        let authority = target.authority();
        let named_once = header.is_some() || (version >= Version::HTTP_2 && authority.is_some());
        named_once
            && header.is_none_or(|host| self.knows(host.as_bytes()))
            && authority.is_none_or(|host| self.knows(host.as_str().as_bytes()))
    }

    fn knows(&self, host: &[u8]) -> bool {
        self.accepted
            .iter()
            .any(|name| name.as_bytes().eq_ignore_ascii_case(host))
    }
}

/// Splits `name`, `name:port`, `[v6]` or `[v6]:port`; `None` when it is none of them.
pub(super) fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (name, port) = match text.rfind(':') {
        Some(colon) if !text[colon..].contains(']') => (&text[..colon], Some(&text[colon + 1..])),
        _ => (text, None),
    };
    let port = match port {
        None => None,
        Some(digits) => {
            let number: u16 = digits.parse().ok()?;
            // `+80`, `080` and 0 are not how a port is written.
            if number == 0 || number.to_string() != digits {
                return None;
            }
            Some(number)
        }
    };
    let well_formed = match name.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')
            .is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        None => {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        }
    };
    well_formed.then_some((name, port))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use axum::http::HeaderValue;

    use super::*;

    fn loopback(port: u16) -> Hosts {
        Hosts::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port, &[])
    }

    fn check(hosts: &Hosts, sent: &[&str], expected: bool) {
        let mut headers = HeaderMap::new();
        for host in sent {
            headers.append(
                header::HOST,
                HeaderValue::from_str(host).expect("a header value"),
            );
        }
        let actual = hosts.accept(Version::HTTP_11, &Uri::from_static("/mcp"), &headers);
        assert_eq!(actual, expected, "{sent:?}");
    }

    #[test]
    fn loopback_with_our_port_is_accepted_and_nothing_else() {
        let hosts = loopback(3000);
        for host in [
            "127.0.0.1:3000",
            "[::1]:3000",
            "localhost:3000",
            "LocalHost:3000",
        ] {
            check(&hosts, &[host], true);
        }
        check(&hosts, &[], false);
        check(&hosts, &["localhost:3000", "localhost:3000"], false);
        for host in [
            "",
            "127.0.0.1",
            "localhost",
            "localhost:",
            "localhost:3001",
            "localhost:03000",
            "localhost.:3000",
            "127.0.0.2:3000",
            "127.1:3000",
            "2130706433:3000",
            "::1:3000",
            "[::]:3000",
            "[0:0:0:0:0:0:0:1]:3000",
            "0.0.0.0:3000",
            "evil.example:3000",
            "localhost.evil.example:3000",
            "evil.example@localhost:3000",
            "localhost:3000@evil.example",
            "localhost:3000/",
            "localhost:3000, evil.example",
            " localhost:3000",
        ] {
            check(&hosts, &[host], false);
        }
    }

    #[test]
    fn the_port_may_be_left_out_only_when_it_is_80() {
        check(&loopback(80), &["localhost"], true);
        check(&loopback(80), &["localhost:80"], true);
        check(&loopback(443), &["localhost"], false);
    }

    #[test]
    fn another_bind_adds_its_address_and_the_names_configured() {
        let bound = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 5));
        let extra = ["paige.example".to_owned(), "paige.example:8443".to_owned()];
        let hosts = Hosts::new(bound, 3000, &extra);
        for host in [
            "192.168.1.5:3000",
            "localhost:3000",
            "paige.example",
            "paige.example:3000",
            "PAIGE.example:8443",
        ] {
            check(&hosts, &[host], true);
        }
        check(&hosts, &["192.168.1.5"], false);
        check(&hosts, &["paige.example:3001"], false);

        let everywhere = Hosts::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 3000, &[]);
        check(&everywhere, &["0.0.0.0:3000"], false);
        check(&everywhere, &["localhost:3000"], true);
    }

    #[test]
    fn a_target_with_a_host_is_held_to_the_same_list() {
        let check = |version, target: &'static str, host: Option<&'static str>, expected: bool| {
            let mut headers = HeaderMap::new();
            if let Some(host) = host {
                headers.insert(header::HOST, HeaderValue::from_static(host));
            }
            let actual = loopback(3000).accept(version, &Uri::from_static(target), &headers);
            assert_eq!(actual, expected, "{version:?} {target} {host:?}");
        };
        let good = Some("localhost:3000");
        check(Version::HTTP_11, "http://localhost:3000/mcp", good, true);
        check(Version::HTTP_11, "http://127.0.0.1:3000/mcp", good, true);
        check(Version::HTTP_11, "http://evil.example/mcp", good, false);
        check(
            Version::HTTP_11,
            "http://evil@localhost:3000/mcp",
            good,
            false,
        );
        check(
            Version::HTTP_11,
            "http://localhost:3000/mcp",
            Some("evil.example"),
            false,
        );
        check(Version::HTTP_11, "http://localhost:3000/mcp", None, false);
        check(Version::HTTP_10, "/mcp", None, false);
        check(Version::HTTP_10, "/mcp", good, true);
        check(Version::HTTP_2, "http://localhost:3000/mcp", None, true);
        check(Version::HTTP_2, "http://evil.example/mcp", None, false);
        check(Version::HTTP_2, "/mcp", None, false);
    }
}
