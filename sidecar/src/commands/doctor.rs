//! `doctor`: what Paige needs, looked at one by one, with what to do where something is missing.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;

use super::live::project;
use super::loopback;
use super::plugin::{Look, look};
use super::{ANSWER_LIMIT, holder, uptime};
use crate::cli::Settings;
use crate::config::{self, EmbeddingModel, Start};
use crate::exit::{Exit, Failure, print};

/// The oldest Claude Code that the plugin is known to work with.
const OLDEST_CLAUDE: [u32; 3] = [2, 1, 0];
/// The port that a sidecar takes when it is told none.
const USUAL_PORT: u16 = 3000;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// As it should be.
    Ok,
    /// It can be done without.
    Note,
    /// Paige does not work so.
    Wrong,
}

/// One thing that was looked at. Never a token or a key.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    state: State,
    /// A whole sentence that says what to do if something is to be done.
    message: String,
}

/// Looks at all of it and says so.
///
/// # Errors
/// [`Exit::Configuration`] when something is wrong; what it is was printed.
pub(crate) fn doctor(settings: &Settings, json: bool) -> Result<(), Failure> {
    let checks = examine(settings)?;
    if json {
        let text = serde_json::to_string(&checks)
            .map_err(|error| Failure::internal("The checks could not be written", error))?;
        print(&text);
    } else {
        for check in &checks {
            let sign = match check.state {
                State::Ok => "ok   ",
                State::Note => "note ",
                State::Wrong => "WRONG",
            };
            print(&format!("{sign}  {:<12} {}", check.name, check.message));
        }
    }
    if checks.iter().any(|check| check.state == State::Wrong) {
        return Err(Failure::new(Exit::Configuration, ""));
    }
    Ok(())
}

fn examine(settings: &Settings) -> Result<Vec<Check>, Failure> {
    let start = config::start(settings)?;
    let project = project(settings)?;
    let mut checks = vec![
        binary(),
        sidecar(&start, &project)?,
        port(&start)?,
        tokens(&start),
        plugin(&project),
        claude_code(),
        gh(),
        key(&start),
    ];
    match config::mind(settings, false) {
        Ok((data, mind, _)) => {
            checks.push(chroma(mind.chromadb_url.as_deref()));
            checks.push(model(&mind.embedding_model, &data.root().join("models")));
        }
        Err(failure) => checks.push(wrong("settings", failure.message)),
    }
    Ok(checks)
}

fn check(name: &'static str, state: State, message: impl Into<String>) -> Check {
    Check {
        name,
        state,
        message: message.into(),
    }
}

fn ok(name: &'static str, message: impl Into<String>) -> Check {
    check(name, State::Ok, message)
}

fn note(name: &'static str, message: impl Into<String>) -> Check {
    check(name, State::Note, message)
}

fn wrong(name: &'static str, message: impl Into<String>) -> Check {
    check(name, State::Wrong, message)
}

/// Hooks and connection run what `paige-sidecar` means on the search path, which should be this program.
fn binary() -> Check {
    let version = env!("CARGO_PKG_VERSION");
    let here = std::env::current_exe().and_then(|path| path.canonicalize());
    match (on_path("paige-sidecar"), here) {
        (Some(found), Ok(here)) if found == here => {
            ok("binary", format!("Version {version}, {}.", here.display()))
        }
        (Some(found), _) => note(
            "binary",
            format!(
                "This is version {version}, but Claude Code runs {}. Is that the one that you want?",
                found.display()
            ),
        ),
        (None, _) => wrong(
            "binary",
            "paige-sidecar is not on the search path, so that the plugin cannot run it and every tool of Claude is refused. Install it with `cargo install --path sidecar`, or put its folder on PATH.",
        ),
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .and_then(|file| file.canonicalize().ok())
}

fn sidecar(start: &Start, project: &Path) -> Result<Check, Failure> {
    let Some(holder) = holder(&start.data)? else {
        return Ok(ok(
            "sidecar",
            "None runs; Claude Code starts one when it needs it.",
        ));
    };
    let Some(live) = &holder.rendezvous else {
        return Ok(note("sidecar", format!("There is {holder}.")));
    };
    Ok(if uptime(live.port).is_none() {
        wrong(
            "sidecar",
            format!(
                "There is {holder}, and it does not answer. Stop it with `paige-sidecar stop`."
            ),
        )
    } else if !project.starts_with(&live.project_dir) {
        wrong(
            "sidecar",
            format!(
                "There is {holder}, and this is {}. Stop it with `paige-sidecar stop`, or use another --data-dir.",
                project.display()
            ),
        )
    } else {
        ok("sidecar", format!("There is {holder}, and it answers."))
    })
}

fn port(start: &Start) -> Result<Check, Failure> {
    if let Some(live) = holder(&start.data)?.and_then(|holder| holder.rendezvous) {
        return Ok(ok("port", format!("{}, which the sidecar has.", live.port)));
    }
    Ok(match TcpListener::bind(("127.0.0.1", USUAL_PORT)) {
        Ok(_) => ok("port", format!("{USUAL_PORT} is free.")),
        Err(error) => note(
            "port",
            format!(
                "{USUAL_PORT} cannot be taken ({error}). Give --port another one, or 0 for any; Claude Code does so by itself."
            ),
        ),
    })
}

fn tokens(start: &Start) -> Check {
    use std::os::unix::fs::PermissionsExt as _;

    for file in [start.data.ui_token(), start.data.tool_tokens()] {
        match std::fs::metadata(&file) {
            Ok(meta) if meta.permissions().mode() & 0o077 != 0 => {
                return wrong(
                    "tokens",
                    format!(
                        "Others can read {}. Run `paige-sidecar tokens --rotate` while no sidecar runs.",
                        file.display()
                    ),
                );
            }
            Ok(_) => {}
            Err(_) => return ok("tokens", "They are made at the first start."),
        }
    }
    ok("tokens", "They are there, and yours alone.")
}

fn plugin(project: &Path) -> Check {
    match look(project) {
        Look::On => ok("plugin", "It is on, and Claude gets no tool that writes."),
        Look::Off => wrong(
            "plugin",
            "It is not on in this project. Run `paige-sidecar install-plugin`.",
        ),
        Look::Missing(tools) => wrong(
            "plugin",
            format!(
                "It is on, but permissions.deny lacks {}. Run `paige-sidecar install-plugin`.",
                tools.join(", ")
            ),
        ),
        Look::Unreadable => wrong(
            "plugin",
            "The project's .claude/settings.local.json cannot be understood. Mend it, then run `paige-sidecar install-plugin`.",
        ),
    }
}

fn claude_code() -> Check {
    let Some(said) = says("claude", &["--version"]) else {
        return wrong(
            "claude-code",
            "`claude --version` says nothing. Install Claude Code and put it on PATH.",
        );
    };
    match version(&said) {
        Some(found) if found >= OLDEST_CLAUDE => ok("claude-code", format!("Version {said}.")),
        _ => wrong(
            "claude-code",
            format!("It says {said}, and the plugin needs 2.1 or later. Bring it up to date."),
        ),
    }
}

fn version(text: &str) -> Option<[u32; 3]> {
    let mut numbers = text.split_whitespace().next()?.split('.').map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some([next()?, next()?, next()?])
}

fn gh() -> Check {
    match says("gh", &["--version"]) {
        Some(said) => ok("gh", format!("{said}.")),
        None => note(
            "gh",
            "GitHub's `gh` is not there; without it no issues are proposed.",
        ),
    }
}

fn key(start: &Start) -> Check {
    if start
        .variables
        .iter()
        .any(|(name, _)| *name == "PAIGE_OFFLINE")
    {
        note(
            "key",
            format!(
                "There is no ANTHROPIC_API_KEY, so that Paige makes no plans and wraps nothing up. Put it into {}.",
                start.data.env_file().display()
            ),
        )
    } else {
        ok("key", "There is one, or --offline was asked for.")
    }
}

fn chroma(url: Option<&str>) -> Check {
    let Some(url) = url else {
        return ok("chroma", "None is set; memories are found without.");
    };
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let authority = rest.split('/').next().unwrap_or_default();
    let port = authority
        .rsplit_once(':')
        .filter(|(host, _)| matches!(*host, "localhost" | "127.0.0.1" | "[::1]"))
        .and_then(|(_, port)| port.parse().ok());
    let Some(port) = port else {
        return note(
            "chroma",
            format!("{url} is not on this machine, and is not asked."),
        );
    };
    match loopback::request(
        port,
        "GET",
        "/api/v2/heartbeat",
        &[],
        "",
        Some(ANSWER_LIMIT),
    ) {
        Ok(answer) if answer.status == 200 => ok("chroma", format!("{url} answers.")),
        _ => note(
            "chroma",
            format!(
                "{url} does not answer; memories are found without. Start it, or leave CHROMADB_URL away."
            ),
        ),
    }
}

fn model(model: &EmbeddingModel, fetched: &Path) -> Check {
    match model {
        EmbeddingModel::None => note("model", "There is none: memories are found by their words."),
        EmbeddingModel::In(folder) => {
            let missing = ["config.json", "tokenizer.json", "model.safetensors"]
                .into_iter()
                .find(|file| !folder.join(file).is_file());
            match missing {
                None => ok("model", format!("It is in {}.", folder.display())),
                Some(file) => wrong(
                    "model",
                    format!(
                        "{} has no {file}. Name the folder of all-MiniLM-L6-v2.",
                        folder.display()
                    ),
                ),
            }
        }
        EmbeddingModel::Fetched if fetched.is_dir() => {
            ok("model", format!("It is in {}.", fetched.display()))
        }
        EmbeddingModel::Fetched => ok("model", "It is fetched at its first use (91 MB)."),
    }
}

/// The first line that a program prints, if it is there and does well.
fn says(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(args)
        .env_remove("ANTHROPIC_API_KEY")
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(text.lines().next()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("2.1.197 (Claude Code)"), Some([2, 1, 197]));
        assert!(version("10.0.0").unwrap() >= OLDEST_CLAUDE);
        assert!(version("1.9.99").unwrap() < OLDEST_CLAUDE);
        assert_eq!(version("claude"), None);
    }
}
