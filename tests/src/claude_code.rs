//! The real Claude Code CLI, and [`Conversation`]: a model for it that says what a test wants.
//!
//! The CLI comes from npm, in the version of `tests/claude-code`; `cargo xtask test` installs it into the
//! target folder. It runs with nothing of this machine's environment, a home and a configuration of its own
//! in which the questions of the first start are answered, and no way to the network but to the fake.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use paige_sidecar::player::{
    Behaviour, Dropped, Player, Received, Response, counted, events, json as json_response,
    streamed,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::anthropic::KEY;

/// The CLI with a home of its own, which is gone when it is dropped.
#[derive(Debug)]
pub struct ClaudeCode {
    program: PathBuf,
    home: TempDir,
}

impl ClaudeCode {
    /// Prepares it for a project; `None` where it is not installed.
    ///
    /// # Errors
    /// Also when it is not installed and `CI=true`: there nothing may be left out.
    #[expect(
        clippy::print_stdout,
        reason = "a test that is left out is named where its result would stand"
    )]
    pub fn prepare(project: &Path) -> Result<Option<Self>> {
        let Some(program) = installed() else {
            if std::env::var("CI").is_ok_and(|ci| ci == "true") {
                bail!("Claude Code is not installed, and with CI=true nothing may be left out");
            }
            let thread = std::thread::current();
            let name = thread.name().unwrap_or("a test with Claude Code");
            println!(
                "{name} is left out: Claude Code is not installed; `cargo xtask test test` does that"
            );
            return Ok(None);
        };
        let home = tempfile::Builder::new().prefix("paige-test-").tempdir()?;
        let claude = Self { program, home };
        std::fs::create_dir(claude.config())?;
        let approved = &KEY[KEY.len().saturating_sub(20)..];
        let project = project.to_str().context("a path in UTF-8")?;
        let answered = json!({
            "hasCompletedOnboarding": true,
            "theme": "dark",
            "customApiKeyResponses": {"approved": [approved], "rejected": []},
            "projects": {project: {"hasTrustDialogAccepted": true, "hasCompletedProjectOnboarding": true}},
        });
        std::fs::write(claude.config().join(".claude.json"), answered.to_string())?;
        Ok(Some(claude))
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Its folder of settings.
    pub fn config(&self) -> PathBuf {
        self.home.path().join("claude")
    }

    /// Its whole environment but for `PATH`, with the model at this URL.
    pub fn environment(&self, url: &str) -> Vec<(&'static str, OsString)> {
        vec![
            ("HOME", self.home.path().into()),
            ("CLAUDE_CONFIG_DIR", self.config().into()),
            ("ANTHROPIC_BASE_URL", url.into()),
            ("ANTHROPIC_API_KEY", KEY.into()),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".into()),
            ("DISABLE_AUTOUPDATER", "1".into()),
            ("DISABLE_TELEMETRY", "1".into()),
            ("HTTPS_PROXY", "http://127.0.0.1:9".into()),
            ("NO_PROXY", "127.0.0.1,localhost".into()),
        ]
    }
}

/// The program for this machine, where `cargo xtask test` has installed it.
fn installed() -> Option<PathBuf> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    // Test binaries lie in `target/debug/deps`.
    let tests = std::env::current_exe().ok()?;
    let packages = tests
        .ancestors()
        .nth(3)?
        .join("npm/tests/claude-code/node_modules/@anthropic-ai");
    let names = [
        format!("claude-code-{os}-{arch}"),
        format!("claude-code-{os}-{arch}-musl"),
    ];
    names
        .iter()
        .map(|name| packages.join(name).join("claude"))
        .find(|path| path.is_file())
}

/// What the model says to a message that holds a text.
#[derive(Debug, Clone)]
pub struct Turn {
    contains: String,
    blocks: Vec<Value>,
    held: bool,
}

impl Turn {
    /// It says this.
    pub fn says(contains: &str, text: &str) -> Self {
        Self {
            contains: contains.to_owned(),
            blocks: vec![json!({"type": "text", "text": text})],
            held: false,
        }
    }

    /// It uses this tool.
    pub fn uses(contains: &str, tool: &str, input: &Value) -> Self {
        let id = format!("toolu_{:016x}", contains.len());
        Self {
            contains: contains.to_owned(),
            blocks: vec![json!({"type": "tool_use", "id": id, "name": tool, "input": input})],
            held: false,
        }
    }

    /// It thinks until [`Conversation::release`].
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }
}

/// A model for the CLI. It answers what the person said last by the first turn that fits, and all else
/// with one word.
pub struct Conversation {
    player: Player,
    script: Arc<Scripted>,
}

struct Scripted {
    turns: Vec<Turn>,
    requests: Mutex<Vec<Value>>,
    released: watch::Sender<bool>,
}

impl Conversation {
    /// Starts it.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(turns: Vec<Turn>) -> Result<Self> {
        let script = Arc::new(Scripted {
            turns,
            requests: Mutex::default(),
            released: watch::channel(false).0,
        });
        let behaviour: Arc<dyn Behaviour> = Arc::clone(&script) as Arc<dyn Behaviour>;
        let player = Player::start(behaviour).await?;
        Ok(Self { player, script })
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        self.player.url()
    }

    /// The bodies of the requests of the conversation proper, in their order; not those for titles and
    /// the like, which offer no tools.
    pub fn requests(&self) -> Vec<Value> {
        self.script.requests.lock().clone()
    }

    /// What the person said last, or a tool answered, in each of them.
    pub fn heard(&self) -> Vec<String> {
        self.requests().iter().map(last_heard).collect()
    }

    /// Lets go of all answers that are held.
    pub fn release(&self) {
        self.script.released.send_replace(true);
    }
}

#[async_trait]
impl Behaviour for Scripted {
    async fn answer(&self, received: Received) -> Result<Response, Dropped> {
        if received.counts() {
            return Ok(json_response(200, &counted(&received)));
        }
        let offers_tools = received.body["tools"]
            .as_array()
            .is_some_and(|tools| !tools.is_empty());
        let heard = last_heard(&received.body);
        let turn = offers_tools
            .then(|| {
                self.turns
                    .iter()
                    .find(|turn| heard.contains(&turn.contains))
            })
            .flatten();
        if offers_tools {
            self.requests.lock().push(received.body.clone());
        }
        if turn.is_some_and(|turn| turn.held) {
            // It never fails: this holds the other end.
            let _ = self
                .released
                .subscribe()
                .wait_for(|released| *released)
                .await;
        }
        let blocks = turn.map_or_else(
            || vec![json!({"type": "text", "text": "Done."})],
            |turn| turn.blocks.clone(),
        );
        let uses = blocks.iter().any(|block| block["type"] == "tool_use");
        let message = json!({
            "id": "msg_scripted",
            "type": "message",
            "role": "assistant",
            "model": received.body["model"],
            "content": blocks,
            "stop_reason": if uses { "tool_use" } else { "end_turn" },
            "stop_sequence": null,
            "usage": {"input_tokens": 10, "output_tokens": 10},
        });
        Ok(if received.streams() {
            streamed(events(&message))
        } else {
            json_response(200, &message)
        })
    }
}

/// The texts of the last message of the person, results of tools included.
fn last_heard(body: &Value) -> String {
    let messages = body["messages"].as_array();
    let last = messages
        .into_iter()
        .flatten()
        .rev()
        .find(|message| message["role"] == "user");
    last.map(|message| texts(&message["content"]))
        .unwrap_or_default()
}

fn texts(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let one = |block: &Value| match block["type"].as_str() {
                Some("text") => texts(&block["text"]),
                Some("tool_result") => texts(&block["content"]),
                _ => String::new(),
            };
            blocks.iter().map(one).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}
