//! The doors of the sidecar, told by the path.

/// What stands behind a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// `/health`: open to all.
    Health,
    /// `/ws`: the human's WebSocket.
    Ws,
    /// `/timeline`: the timeline as a stream.
    Timeline,
    /// `/replay`: a session shown again.
    Replay,
    /// `/mcp` and what lies below it: Claude's door.
    Mcp,
    /// `/hook/{event}`: Claude Code's hooks.
    Hook,
    /// Nothing. The guard answers such a request itself, so that a route which it does not know
    /// can never be reached, whatever the router would make of the path.
    Unknown,
}

impl Door {
    /// How many doors there are, to keep something for each.
    pub(super) const COUNT: usize = 7;

    pub(super) fn of(path: &str) -> Self {
        match path {
            "/health" => Self::Health,
            "/ws" => Self::Ws,
            "/timeline" => Self::Timeline,
            "/replay" => Self::Replay,
            "/mcp" => Self::Mcp,
            _ if path.starts_with("/mcp/") => Self::Mcp,
            _ => match path.strip_prefix("/hook/") {
                Some(event) if !event.is_empty() && !event.contains('/') => Self::Hook,
                _ => Self::Unknown,
            },
        }
    }

    /// Whether the body of a POST is one JSON text that the guard measures before it passes it on.
    pub(super) fn takes_json(self) -> bool {
        matches!(self, Self::Replay | Self::Mcp | Self::Hook)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_door_only_as_it_is_written() {
        let check = |path, door| assert_eq!(Door::of(path), door, "{path}");
        check("/health", Door::Health);
        check("/ws", Door::Ws);
        check("/timeline", Door::Timeline);
        check("/replay", Door::Replay);
        check("/mcp", Door::Mcp);
        check("/mcp/", Door::Mcp);
        check("/mcp/x/y", Door::Mcp);
        check("/hook/Stop", Door::Hook);
        for path in [
            "",
            "/",
            "*",
            "//ws",
            "/ws/",
            "/replay/",
            "/WS",
            "/%77s",
            "/mcpx",
            "/hook",
            "/hook/",
            "/hook/a/b",
            "/health/",
            "/./ws",
            "/hook/../ws",
        ] {
            check(path, Door::Unknown);
        }
    }
}
