//! Who holds a port, so that the error can name them.

/// A process that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// The short name of its program.
    pub name: String,
}

/// The process that listens on `port`, at best effort: `None` when nobody does, when it belongs to
/// another user, or on a system without `/proc`. It only reads.
#[cfg(target_os = "linux")]
pub fn holder_of(port: u16) -> Option<Holder> {
    use std::fs;

    let links: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if links.is_empty() {
        return None;
    }
    let processes = fs::read_dir("/proc").ok()?.flatten();
    for process in processes {
        let Some(pid) = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let Ok(files) = fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        let holds = files
            .flatten()
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|target| links.iter().any(|link| target.as_os_str() == link.as_str()));
        if holds {
            let name = fs::read_to_string(process.path().join("comm")).ok()?;
            return Some(Holder {
                pid,
                name: name.trim_end().to_owned(),
            });
        }
    }
    None
}

/// Not known on this system.
#[cfg(not(target_os = "linux"))]
pub fn holder_of(_port: u16) -> Option<Holder> {
    None
}

/// The inodes of the sockets that listen on `port`, from the text of `/proc/net/tcp` or `tcp6`.
#[cfg(target_os = "linux")]
fn listening_inodes(table: &str, port: u16) -> Vec<String> {
    /// `TCP_LISTEN`, as the table writes it.
    const LISTENING: &str = "0A";
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
            let (_, hex) = local.rsplit_once(':')?;
            let listens = *state == LISTENING && u16::from_str_radix(hex, 16) == Ok(port);
            listens.then(|| (*inode).to_owned())
        })
        .collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0
   1: 0100007F:0BB8 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0 20 4
   2: 0100007F:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4713 1 0 100 0
   3: broken
";
        assert_eq!(listening_inodes(table, 3000), ["4711"]);
        assert_eq!(listening_inodes(table, 3002), Vec::<String>::new());
    }

    #[test]
    fn the_holder_of_a_port_of_ours_is_this_process() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(socket) = std::net::TcpListener::bind(address) else {
                continue; // No IPv6 here; IPv4 is always tried.
            };
            let port = socket.local_addr().expect("a bound socket").port();
            let holder = holder_of(port).expect("the port is held by this process");
            assert_eq!(holder.pid, std::process::id());
            assert!(!holder.name.is_empty());
            drop(socket);
        }
    }
}
