//! Binding the port (decisions, "Port, bind").

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

use super::holder::{Holder, holder_of};

/// Sockets that listen on one port: both loopback addresses, or one other address.
#[derive(Debug)]
pub struct Listeners {
    pub(super) sockets: Vec<TcpListener>,
    port: u16,
}

/// Why no port could be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody listens there already.
    #[error(
        "Port {port} is taken{}. Stop that program or choose another port; port 0 takes a free one.",
        .holder.as_ref().map(|holder| format!(" by {} (process {})", holder.name, holder.pid)).unwrap_or_default()
    )]
    Taken {
        /// The port that was asked for.
        port: u16,
        /// Who listens there, where known.
        holder: Option<Holder>,
    },
    /// The system refused for another reason: no such address here, or not permitted.
    #[error("{address} cannot be bound: {source}. Choose another host or port.")]
    Refused {
        /// The address that was tried.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
}

/// How often port 0 tries for a port that is free on both loopback addresses.
const TRIES: usize = 32;

/// Binds `host` and `port`.
///
/// `127.0.0.1` and `::1` both mean: both, on the same port; where one of them is missing the other
/// serves alone. Any other address is bound as it is. With port 0 `last_port` is tried first, and
/// then any that is free, on both.
pub async fn bind(host: IpAddr, port: u16, last_port: Option<u16>) -> Result<Listeners, BindError> {
    if port != 0 {
        return bind_port(host, port).await;
    }
    if let Some(last) = last_port.filter(|&last| last != 0)
        && let Ok(listeners) = bind_port(host, last).await
    {
        return Ok(listeners);
    }
    // The system picks a port that is free on one address; on the other it may be taken.
    let mut tries = 0;
    loop {
        match bind_port(host, 0).await {
            Err(BindError::Taken { .. }) if tries < TRIES => tries += 1,
            result => return result,
        }
    }
}

async fn bind_port(host: IpAddr, port: u16) -> Result<Listeners, BindError> {
    const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
    let hosts: &[IpAddr] = if host == V4 || host == V6 {
        &[V4, V6]
    } else {
        &[host]
    };

    let mut sockets = Vec::new();
    let mut port = port;
    let mut missing = None;
    for &host in hosts {
        let address = SocketAddr::new(host, port);
        match TcpListener::bind(address)
            .await
            .and_then(|socket| Ok((socket.local_addr()?.port(), socket)))
        {
            Ok((bound, socket)) => {
                port = bound;
                sockets.push(socket);
            }
            Err(source) if source.kind() == io::ErrorKind::AddrInUse => {
                return Err(BindError::Taken {
                    port,
                    holder: find_holder(port).await,
                });
            }
            Err(source) => missing = Some(BindError::Refused { address, source }),
        }
    }
    match missing {
        Some(error) if sockets.is_empty() => Err(error),
        _ => Ok(Listeners { sockets, port }),
    }
}

/// Looks through `/proc` off the reactor.
async fn find_holder(port: u16) -> Option<Holder> {
    tokio::task::spawn_blocking(move || holder_of(port))
        .await
        .ok()
        .flatten()
}

impl Listeners {
    /// The port, also when 0 was asked for.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The addresses that are bound.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets
            .iter()
            .filter_map(|socket| socket.local_addr().ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn has_ipv6() -> bool {
        std::net::TcpListener::bind("[::1]:0").is_ok()
    }

    #[tokio::test]
    async fn both_loopback_addresses_get_the_same_port() {
        let listeners = bind(LOCALHOST, 0, None).await.expect("a free port");
        let mut expected = vec![SocketAddr::new(LOCALHOST, listeners.port())];
        if has_ipv6() {
            expected.push(SocketAddr::new(
                IpAddr::V6(Ipv6Addr::LOCALHOST),
                listeners.port(),
            ));
        }
        assert_eq!(listeners.addresses(), expected);
        assert_ne!(listeners.port(), 0);
    }

    #[tokio::test]
    async fn another_address_is_bound_alone() {
        let host = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
        let listeners = bind(host, 0, None).await.expect("a free port");
        assert_eq!(
            listeners.addresses(),
            [SocketAddr::new(host, listeners.port())]
        );
    }

    #[tokio::test]
    async fn a_taken_port_is_an_error_that_names_its_holder() {
        for taken in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(socket) = std::net::TcpListener::bind(taken) else {
                continue; // No IPv6 here; IPv4 is always tried.
            };
            let port = socket.local_addr().expect("a bound socket").port();
            let error = bind(LOCALHOST, port, None)
                .await
                .expect_err("the port is taken");
            let text = error.to_string();
            let BindError::Taken {
                port: named,
                holder,
            } = error
            else {
                panic!("{text}");
            };
            assert_eq!(named, port);
            if cfg!(target_os = "linux") {
                let holder = holder.expect("a process of the same user");
                assert_eq!(holder.pid, std::process::id());
                assert_eq!(
                    text,
                    format!(
                        "Port {port} is taken by {} (process {}). Stop that program or choose another port; port 0 takes a free one.",
                        holder.name, holder.pid
                    )
                );
            }
            // Nothing of a failed attempt stays bound.
            drop(socket);
            bind(LOCALHOST, port, None)
                .await
                .expect("the port is free again");
        }
    }

    #[tokio::test]
    async fn port_0_prefers_the_last_port_and_takes_another_when_it_is_taken() {
        let first = bind(LOCALHOST, 0, None).await.expect("a free port");
        let last = first.port();
        let other = bind(LOCALHOST, 0, Some(last)).await.expect("a free port");
        assert_ne!(other.port(), last);
        drop(first);
        let again = bind(LOCALHOST, 0, Some(last)).await.expect("a free port");
        assert_eq!(again.port(), last);
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_refused() {
        // TEST-NET-1 (RFC 5737) is nobody's.
        let host = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        let error = bind(host, 0, None)
            .await
            .expect_err("not an address of this machine");
        assert!(matches!(error, BindError::Refused { .. }), "{error}");
    }
}
