//! The attack of blueprint §4, played step by step: find the `ui` token, read it, and save through the socket with it.
//! Every step is denied by itself.

use paige_policy::{Call, Decision, Policy, Rule};
use serde_json::json;
use std::path::{Path, PathBuf};

use crate::lines::{judge, judge_tool};

/// Ways to read the token, or a file beside it.
const READ: &[&str] = &[
    "cat ~/.local/share/paige/ui.token",
    "cat /home/ada/.local/share/paige/ui.token",
    "cat $HOME/.local/share/paige/ui.token",
    "cat \"${HOME}/.local/share/paige/ui.token\"",
    "cat ../../.local/share/paige/ui.token",
    "cat ../../.LOCAL/share/Paige/ui.token",
    "cat ~/.local/share/./paige/../paige/ui.token",
    "cat ~/.local/share/pa''ige/ui.token",
    "cat ~/.local/share/p\\aige/ui.token",
    "cat ~/.local/share/$'\\x70aige'/ui.token",
    "cat ~/.local/share/paige/*",
    "cat ~/.local/share/*/ui.token",
    "cat ~/.local/share/p*/ui*",
    "cat ~/.loc?l/share/[p]aige/ui.token",
    "cat ~/{.local,x}/share/paige/ui.token",
    "cat /home/*/.local/share/paige/ui.token",
    "cat ~ada/.local/share/paige/ui.token",
    "cat /h*/*/.l*/s*/p*/u*",
    "cat \"$XDG_DATA_HOME/paige/ui.token\"",
    "cat $(echo ~/.local/share/paige/ui.token)",
    "d=~/.local/share/paige; cat $d/ui.token",
    "d=/home/ada/.local/share; cat \"$d/paige/ui.token\"",
    "x=/home/ada/.local; y=$x/share/paige; cat $y/ui.token",
    "cd ~/.local/share/paige && cat ui.token",
    "cd ~/.local/share; cat paige/ui.token",
    "cd ~/.local/share && ls | xargs -I{} cat {}/ui.token",
    "cd ~ && cd .local && cd share && cat paige/ui.token",
    "(cd ../..; cat .local/share/paige/ui.token)",
    "cd; cat .local/share/paige/ui.token",
    "git -C ~/.local/share/paige status",
    "echo $(< ~/.local/share/paige/ui.token)",
    "cat < ~/.local/share/paige/ui.token",
    "read -r t < ~/.local/share/paige/ui.token; echo $t",
    "while read -r t; do echo $t; done < ~/.local/share/paige/ui.token",
    "head -c 64 ~/.local/share/paige/ui.token",
    "base64 ~/.local/share/paige/ui.token",
    "xxd ~/.local/share/paige/ui.token",
    "od -c ~/.local/share/paige/ui.token",
    "diff /dev/null ~/.local/share/paige/ui.token",
    "git diff --no-index /dev/null ~/.local/share/paige/ui.token",
    "grep '' ~/.local/share/paige/ui.token",
    "grep -r '' ~/.local/share/paige",
    "grep -rh token ~",
    "grep -r . /",
    "rg -uu . ~/.local",
    "rg -uu token ../..",
    "cd / && rg token",
    "find ~ -name ui.token -exec cat {} \\;",
    "find / -name ui.token | xargs cat",
    "find ~/.local/share -name 'ui*'",
    "jq -R . ~/.local/share/paige/ui.token",
    "awk 1 ~/.local/share/paige/ui.token",
    "sed '' ~/.local/share/paige/ui.token",
    "sed 'r /home/ada/.local/share/paige/ui.token' notes.txt",
    "sort ~/.local/share/paige/ui.token",
    "grep -f ~/.local/share/paige/ui.token -v notes.txt",
    "wc -c --files0-from=/home/ada/.local/share/paige/ui.token",
    "ls ~/.local/share/paige",
    "stat ~/.local/share/paige/ui.token",
    "tail -f ~/.local/share/paige/logs/sidecar.log",
    "cp ~/.local/share/paige/ui.token notes.txt",
    "ln -s ~/.local/share/paige/ui.token notes.txt",
    "tar cf - ~/.local/share/paige",
    "dd if=/home/ada/.local/share/paige/ui.token",
    "python3 -c 'print(open(\"/home/ada/.local/share/paige/ui.token\").read())'",
    "node -p 'require(\"fs\").readFileSync(process.env.HOME + \"/.local/share/paige/ui.token\", \"utf8\")'",
    "perl -pe 1 ~/.local/share/paige/ui.token",
    "sqlite3 ~/.local/share/paige/paige.db .dump",
    "bash -c 'cat ~/.local/share/paige/ui.token'",
    "eval cat ~/.local/share/paige/ui.token",
    "timeout 1 cat ~/.local/share/paige/ui.token",
    "env cat ~/.local/share/paige/ui.token",
    "cat /proc/self/environ",
    "cat /proc/1234/environ",
    "tr '\\0' '\\n' < /proc/$PPID/environ",
    "cat /proc/*/environ",
    "cat /proc/*/cmdline",
    "cat /proc/1234/fd/3",
    "cat /proc/1234/root/home/ada/.local/share/paige/ui.token",
    "cat /proc/self/cwd/../../.local/share/paige/ui.token",
    "cd /proc/1234/cwd && cat ui.token",
    "ls /proc/1234/fd",
    "strings /dev/mem",
];

/// Ways to talk to the sidecar past its tools.
const TALK: &[&str] = &[
    "curl http://127.0.0.1:38123/health",
    "curl localhost:38123/timeline",
    "curl -s http://[::1]:38123/",
    "curl http://0.0.0.0:38123/",
    "curl http://0:38123/",
    "curl http://127.1:38123/",
    "curl http://2130706433:38123/",
    "curl http://0x7f000001:38123/",
    "curl http://0x7f.1/",
    "curl http://0177.0.0.1:38123/",
    "curl http://LOCALHOST:38123/",
    "curl http://localhost.:38123/",
    "curl http://any.name.example:38123/",
    "curl --resolve x.example:80:127.0.0.1 http://x.example/",
    "curl --unix-socket /run/x.sock http://x/",
    "curl \"http://$host/\"",
    "h=127.0.0.1; curl http://$h:38123/",
    "curl $(echo http://127.0.0.1:38123)",
    "timeout 5 curl http://127.0.0.1:38123/",
    "echo http://127.0.0.1:38123 | xargs curl",
    "wget -qO- http://127.0.0.1:38123/",
    "nc 127.0.0.1 38123",
    "echo hi | nc localhost 38123",
    "ncat ::1 38123",
    "socat - TCP:127.0.0.1:38123",
    "websocat ws://127.0.0.1:38123/ws",
    "wscat -c ws://localhost:38123/ws",
    "telnet localhost 38123",
    "openssl s_client -connect 127.0.0.1:38123",
    "exec 3<>/dev/tcp/127.0.0.1/38123",
    "cat < /dev/tcp/127.0.0.1/38123",
    "echo hi > /dev/tcp/localhost/38123",
    "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 38123))'",
    "python3 - <<'EOF'\nimport socket\nEOF",
    "python3 -m http.client",
    "node -e 'new WebSocket(\"ws://127.0.0.1:38123/ws\")'",
    "perl -MIO::Socket -e 'IO::Socket::INET->new(\"127.0.0.1:38123\")'",
    "ruby -rsocket -e 'TCPSocket.new(\"127.0.0.1\", 38123)'",
    "php -r 'fsockopen(\"127.0.0.1\", 38123);'",
    "gawk 'BEGIN { s = \"/inet/tcp/0/127.0.0.1/38123\"; print \"hi\" |& s }'",
    "bash -c 'exec 3<>/dev/tcp/127.0.0.1/38123'",
    "ssh localhost",
    "paige-sidecar tokens",
    "paige-sidecar tokens --rotate",
    "paige-sidecar export 1",
    "~/.local/bin/paige-sidecar tokens",
    "/usr/bin/paige-sidecar memory list",
    "./target/debug/paige-sidecar",
    "env paige-sidecar sessions",
    "echo tokens | xargs paige-sidecar",
];

#[track_caller]
fn all_denied(commands: &[&str]) {
    let mut problems = Vec::new();
    for command in commands {
        let verdict = judge(Policy::embedded(), command);
        if verdict.decision != Decision::Deny {
            problems.push(format!(
                "{command}: {:?} by {:?}",
                verdict.decision, verdict.rule
            ));
        }
    }
    assert!(
        problems.is_empty(),
        "These are not denied:\n{}",
        problems.join("\n")
    );
}

#[test]
fn the_token_cannot_be_read_by_a_command() {
    all_denied(READ);
}

#[test]
fn the_sidecar_cannot_be_reached_by_a_command() {
    all_denied(TALK);
}

#[test]
fn the_token_cannot_be_read_by_a_tool() {
    let token = "/home/ada/.local/share/paige/ui.token";
    for (tool, input) in [
        ("Read", json!({"file_path": token})),
        (
            "Read",
            json!({"file_path": "../../.local/share/paige/ui.token"}),
        ),
        (
            "Read",
            json!({"file_path": "~/.local/share/paige/ui.token"}),
        ),
        (
            "Read",
            json!({"file_path": "/home/ada/code/project/../../.local/share/paige/paige.db"}),
        ),
        ("Read", json!({"file_path": "/proc/self/environ"})),
        ("Read", json!({"file_path": "/home/ada/code/project/.env"})),
        ("Read", json!({"file_path": ".env.local"})),
        ("Read", json!({"file_path": "certs/server.pem"})),
        ("Read", json!({})),
        ("NotebookRead", json!({"notebook_path": token})),
        ("LS", json!({"path": "/home/ada/.local/share/paige"})),
        ("Grep", json!({"pattern": ".", "path": token})),
        ("Grep", json!({"pattern": ".", "path": "/home/ada"})),
        ("Grep", json!({"pattern": ".", "path": "/"})),
        ("Grep", json!({"pattern": ".", "path": "../.."})),
        ("Grep", json!({"pattern": "KEY", "glob": ".env"})),
        (
            "Grep",
            json!({"pattern": "KEY", "glob": "../../.local/share/paige/*"}),
        ),
        ("Glob", json!({"pattern": "/home/ada/.local/share/paige/*"})),
        (
            "Glob",
            json!({"pattern": "**/ui.token", "path": "/home/ada"}),
        ),
        ("Glob", json!({"pattern": "../../.local/share/p*/*"})),
        ("Glob", json!({"pattern": "~/.local/share/{paige,x}/*"})),
        (
            "WebFetch",
            json!({"url": "http://127.0.0.1:38123/timeline", "prompt": "x"}),
        ),
        (
            "WebFetch",
            json!({"url": "http://localhost/", "prompt": "x"}),
        ),
        (
            "WebFetch",
            json!({"url": "http://ada@[::1]:38123/", "prompt": "x"}),
        ),
        (
            "WebFetch",
            json!({"url": "http://2130706433/", "prompt": "x"}),
        ),
        (
            "WebFetch",
            json!({"url": "file:///home/ada/.local/share/paige/ui.token", "prompt": "x"}),
        ),
        ("WebFetch", json!({})),
        ("Write", json!({"file_path": "a", "content": ""})),
        ("Edit", json!({"file_path": "a"})),
        ("MultiEdit", json!({"file_path": "a"})),
        ("NotebookEdit", json!({"notebook_path": "a"})),
        ("Bash", json!({})),
        ("Bash", json!({"command": 7})),
    ] {
        let verdict = judge_tool(Policy::embedded(), tool, &input);
        assert_eq!(verdict.decision, Decision::Deny, "{tool} {input}");
        assert!(verdict.reason.ends_with('.'), "{}", verdict.reason);
    }
}

#[test]
fn files_that_hold_secrets_are_not_read() {
    all_denied(&[
        "cat .env",
        "cat .env.local",
        "cat .e*",
        "cat ./*.pem",
        "grep KEY .env",
        "head -1 ~/.ssh/id_rsa",
        "diff .env /dev/null",
        "jq -n input --rawfile x .env",
        "git show HEAD:.env",
        "wc -c < .env",
        "echo $(< .env)",
    ]);
}

#[test]
fn what_claude_needs_is_allowed() {
    for (tool, input) in [
        (
            "Read",
            json!({"file_path": "/home/ada/code/project/src/main.rs"}),
        ),
        ("Read", json!({"file_path": "/usr/include/stdio.h"})),
        ("Grep", json!({"pattern": "ui.token", "path": "src"})),
        ("Grep", json!({"pattern": "fn main"})),
        (
            "Grep",
            json!({"pattern": "fn main", "glob": "**/*.{rs,toml}"}),
        ),
        ("Glob", json!({"pattern": "**/*.rs"})),
        ("LS", json!({"path": "/home/ada/code/project"})),
        (
            "WebFetch",
            json!({"url": "https://doc.rust-lang.org/std/", "prompt": "x"}),
        ),
        ("WebSearch", json!({"query": "x"})),
        ("TodoWrite", json!({"todos": []})),
        ("Task", json!({"prompt": "x"})),
        ("mcp__paige__paige_get_diff", json!({})),
        (
            "mcp__plugin_paige_paige__paige_show_message",
            json!({"text": "x"}),
        ),
        ("Bash", json!({"command": "paige-sidecar doctor"})),
        ("Bash", json!({"command": "git diff | head -50"})),
    ] {
        let verdict = judge_tool(Policy::embedded(), tool, &input);
        assert_eq!(
            verdict.decision,
            Decision::Allow,
            "{tool} {input}: {}",
            verdict.reason
        );
    }
    for tool in [
        "mcp__github__create_issue",
        "mcp__paige_evil__write",
        "Unheard",
        "mcp__evil__paige_x",
    ] {
        let verdict = judge_tool(Policy::embedded(), tool, &json!({}));
        assert_eq!(
            (verdict.decision, verdict.rule),
            (Decision::Ask, Rule::UnknownTool),
            "{tool}"
        );
    }
}

#[test]
fn a_link_counts_as_what_it_leads_to() {
    let follow = |path: &Path| {
        let text = path.to_str()?;
        let rest = text.strip_prefix("/home/ada/code/project/link")?;
        Some(PathBuf::from(format!("/home/ada/.local/share/paige{rest}")))
    };
    let judge = |tool_name, input| {
        let call = Call {
            tool_name,
            input: &input,
            project_dir: Path::new("/home/ada/code/project"),
            cwd: Path::new("/home/ada/code/project"),
            home: Path::new("/home/ada"),
            data_dir: Path::new("/home/ada/.local/share/paige"),
            port: None,
        };
        Policy::embedded().judge_following(&call, &follow).rule
    };
    assert_eq!(
        judge("Read", json!({"file_path": "link/ui.token"})),
        Rule::DataDirectory
    );
    assert_eq!(
        judge("Bash", json!({"command": "cat link/ui.token"})),
        Rule::DataDirectory
    );
    assert_eq!(
        judge("Bash", json!({"command": "cd link && ls"})),
        Rule::DataDirectory
    );
    assert_eq!(
        judge("Bash", json!({"command": "cat < link/ui.token"})),
        Rule::DataDirectory
    );
    assert_eq!(
        judge("Grep", json!({"pattern": ".", "path": "link"})),
        Rule::DataDirectory
    );
    assert_eq!(
        judge("Bash", json!({"command": "cat other/ui.token"})),
        Rule::Reads
    );
}
