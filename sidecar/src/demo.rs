//! `demo`: a sidecar on a small sample project in a temporary folder, with a scripted model instead of the
//! Anthropic API, and commands to try.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use paige_protocol::process::ReadyLine;
use paige_sidecar::player::{Player, Script};

use crate::cli::{MindSettings, Settings};
use crate::config::{self, Config};
use crate::exit::{Failure, print, tell};
use crate::serve;

/// The sample: each file's name and text. It has a bug, and a test that shows it.
const SAMPLE: &[(&str, &str)] = &[
    ("README.md", include_str!("../demo/README.md")),
    ("basket.py", include_str!("../demo/basket.py")),
    ("discounts.py", include_str!("../demo/discounts.py")),
    ("test_basket.py", include_str!("../demo/test_basket.py")),
    (".gitignore", include_str!("../demo/gitignore")),
];

/// What the scripted model answers.
const SCRIPT: &str = include_str!("../demo/coach.toml");

/// Serves the sample until Ctrl-C, and removes it.
///
/// # Errors
/// Those of `serve`, and a temporary folder that cannot be written.
pub(crate) fn run(given: &Settings) -> Result<(), Failure> {
    let trouble = |error: std::io::Error| {
        Failure::internal(
            "The sample project could not be written to a temporary folder",
            error,
        )
    };
    let folder = tempfile::Builder::new()
        .prefix("paige-demo-")
        .tempdir()
        .map_err(trouble)?;
    let (project, data) = (folder.path().join("basket"), folder.path().join("data"));
    write_sample(&project).map_err(trouble)?;

    // The script is read by the real client, over the real wire format.
    let scripted = |error: &dyn std::fmt::Display| {
        Failure::internal("The scripted model could not be started", error)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| scripted(&error))?;
    let script = Script::parse(SCRIPT).map_err(|error| scripted(&error))?;
    let player = runtime
        .block_on(Player::start(Arc::new(script)))
        .map_err(|error| scripted(&error))?;

    let text =
        |given: &Option<OsString>, usual: &str| Some(given.clone().unwrap_or_else(|| usual.into()));
    let settings = Settings {
        project_dir: Some(project.into()),
        data_dir: Some(data.into()),
        anthropic_api_key: Some("scripted".into()),
        anthropic_base_url: Some(player.url().into()),
        mind: MindSettings {
            // A demo fetches nothing.
            embedding_model: Some("none".into()),
            ..MindSettings::default()
        },
        port: text(&given.port, "0"),
        log_level: text(&given.log_level, "warn"),
        log_format: given.log_format.clone(),
        supervised: given.supervised.clone(),
        ..Settings::default()
    };
    let config = config::load(&settings)?;
    let guide = Guide::new(&config, std::env::current_exe());
    let result = serve::run(config, |line| print(&guide.text(line)));
    match folder.close() {
        Ok(()) => tell("The demo has stopped, and its temporary folder is gone."),
        Err(error) => tell(&format!(
            "The demo has stopped; its temporary folder could not be removed: {error}."
        )),
    }
    result
}

fn write_sample(project: &Path) -> std::io::Result<()> {
    fs::create_dir(project)?;
    SAMPLE
        .iter()
        .try_for_each(|(name, text)| fs::write(project.join(name), text))
}

/// What the person can do, in commands for a shell.
struct Guide {
    /// This program: after `cargo run` it is on nobody's search path.
    program: String,
    token_file: String,
    data: String,
}

impl Guide {
    fn new(config: &Config, program: std::io::Result<PathBuf>) -> Self {
        let program = program.unwrap_or_else(|_| "paige-sidecar".into());
        let quoted = |path: &Path| quoted(&path.to_string_lossy());
        Self {
            program: quoted(&program),
            token_file: quoted(&config.data.ui_token()),
            data: quoted(config.data.root()),
        }
    }

    fn text(&self, line: &ReadyLine) -> String {
        let Self {
            program,
            token_file,
            data,
        } = self;
        let ReadyLine {
            port, project_dir, ..
        } = line;
        let session = quoted(&format!(
            r#"{{"project_dir":{},"issue_number":1,"issue_title":"The discount is too large"}}"#,
            serde_json::Value::from(project_dir.as_str())
        ));
        format!(
            r#"Paige serves a sample project. Ctrl-C stops her and removes it.

  project   {project_dir}
  address   http://127.0.0.1:{port}
  token     in {token_file}

To try it, copy these into another terminal:

  [ -z "$ZSH_VERSION" ] || setopt interactive_comments
  URL=http://127.0.0.1:{port}
  TOKEN=$(cat {token_file})

  # Is she there?
  curl -s $URL/health; echo

  # As Claude Code does: open an MCP session, start a coaching session, show a file and some lines of it.
  mcp() {{ curl -s $URL/mcp -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -H 'Accept: application/json, text/event-stream' "$@"; }}
  SESSION=$(mcp -D - -o /dev/null -d '{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"protocolVersion":"2025-06-18","capabilities":{{}},"clientInfo":{{"name":"curl","version":"1"}}}}}}' \
    | tr -d '\r' | sed -n 's/^mcp-session-id: //p')
  tool() {{ mcp -H "Mcp-Session-Id: $SESSION" -d "{{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{{\"name\":\"$1\",\"arguments\":$2}}}}"; }}
  mcp -H "Mcp-Session-Id: $SESSION" -d '{{"jsonrpc":"2.0","method":"notifications/initialized"}}'
  tool paige_start_session {session}
  tool paige_open_file '{{"path":"discounts.py"}}'
  tool paige_highlight_lines '{{"path":"discounts.py","ranges":[{{"start":5,"end":8,"style":"hint","hover_text":"What do you expect here?"}}]}}'
  tool paige_get_session_state '{{}}'

  # From a plan to coaching: the scripted model makes phases for a novice; the first one is begun.
  tool paige_run_coaching_pipeline '{{"plan_text":"Count the pieces of one article together before asking for the discount.","issue_summary":"Three mugs are cheaper when they are added at once."}}'
  tool paige_update_phase '{{"phase":1,"status":"active"}}'

  # As the desktop does: a WebSocket that shows what happens (Node 20.10 or newer). It stays in the
  # background: call a tool from above once more, or change a file of the project in an editor.
  node --experimental-websocket -e 'const s = new WebSocket(process.argv[1].replace("http", "ws") + "/ws", ["paige.v1", "bearer." + process.argv[2]]);
    s.onopen = () => s.send(JSON.stringify({{type: "connection:hello", payload: {{version: "1", platform: "node", windowSize: {{width: 80, height: 24}}}}}}));
    s.onmessage = (m) => console.log(m.data.slice(0, 300));' $URL $TOKEN &

  # The end of the session is wrapped up: knowledge gaps, katas, stages, memories. Then look back.
  tool paige_end_session '{{}}'
  {program} export last --format markdown --data-dir {data}
  {program} memory list --data-dir {data}
  {program} models --data-dir {data}

  # What does she say about herself?
  {program} status --data-dir {data}

The model is scripted: what it says stands in `sidecar/demo/coach.toml`, whatever is asked. Everything else is the real thing:
the client that asks it, sessions, files, plans, highlights, hints, messages, and what is remembered. The observer
watches and finds nothing to say. Explanations are not part of this version yet."#
        )
    }
}

/// A word for a shell: as it is where that is safe, else in single quotes.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%=".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, expected) in [
            ("/tmp/paige-demo-x1/data", "/tmp/paige-demo-x1/data"),
            ("/home/kim/my code", "'/home/kim/my code'"),
            ("it's", r"'it'\''s'"),
            ("$(x)", "'$(x)'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn the_sample_is_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("basket");
        write_sample(&project).unwrap();
        for (name, text) in SAMPLE {
            assert_eq!(
                fs::read_to_string(project.join(name)).unwrap(),
                *text,
                "{name}"
            );
        }
    }
}
