//! The configuration: layered, judged as a whole, and handed down as plain values.
//!
//! Layers, weakest first: built-in, the `.env` of the data directory or `--env-file`, the environment,
//! the command line. The project's own `.env` is never read: a cloned repository must not be able to
//! redirect the API key (blueprint §3).

mod layers;
mod parse;
mod reader;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Component, Path, PathBuf};

use clap::CommandFactory as _;
use paige_protocol::process::Secret;
use paige_server::guard;
use tracing_subscriber::filter::Targets;

use self::layers::Layers;
use self::reader::Reader;
use crate::cli::{Cli, Settings};
use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure};

const DEFAULT_PORT: u16 = 3000;

/// Everything `serve` was told, judged and complete.
pub(crate) struct Config {
    /// The project's folder, canonical.
    pub(crate) project_dir: PathBuf,
    /// The same as text, for the wire.
    pub(crate) project_text: String,
    /// Where Paige keeps its own files.
    pub(crate) data: DataDir,
    /// The port to bind; 0 for the project's last one or any.
    pub(crate) port: u16,
    /// Who may come in, but for the tokens, which are found later.
    pub(crate) guard: guard::Config,
    /// Limits and times of the WebSocket door.
    pub(crate) socket: paige_server::Config,
    /// How the project is read and watched.
    pub(crate) workspace: paige_workspace::Config,
    /// How the record is kept.
    pub(crate) store: paige_store::Config,
    /// The numbers of coaching.
    pub(crate) coach: paige_coach::Config,
    /// What the coach thinks with.
    pub(crate) mind: Mind,
    /// Whether the tokens come over stdin.
    pub(crate) tokens_stdin: bool,
    /// Whether the process ends with its parent.
    pub(crate) supervised: bool,
    /// How and what to log.
    pub(crate) log: Log,
    /// What is right, but worth a line in the log.
    pub(crate) warnings: Vec<String>,
}

/// What the coach thinks with.
pub(crate) struct Mind {
    /// The key of the Anthropic API; `None` when offline.
    pub(crate) api_key: Option<Secret>,
    /// Where the API is, when it is not Anthropic's own address.
    pub(crate) base_url: Option<String>,
    /// What models there are, and what they cost.
    pub(crate) models: paige_claude::Models,
    /// Model ids that replace those of a tier.
    pub(crate) model_mapping: BTreeMap<String, String>,
    /// What models are asked.
    pub(crate) prompts: paige_prompts::Prompts,
    /// A Chroma server, `http://…`.
    pub(crate) chromadb_url: Option<String>,
    /// Which model finds memories.
    pub(crate) embedding_model: EmbeddingModel,
    /// What calls of models may cost.
    pub(crate) budgets: paige_coach::Budgets,
}

/// The model that finds memories by their meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EmbeddingModel {
    /// It is fetched at first use.
    Fetched,
    /// It lies in this folder.
    In(PathBuf),
    /// There is none, and nothing is fetched.
    None,
}

/// How and what to log.
#[derive(Clone)]
pub(crate) struct Log {
    /// The form of a line.
    pub(crate) format: LogFormat,
    /// What is logged at all.
    pub(crate) filter: Targets,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object in each line.
    Json,
}

/// One setting that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The environment variable.
    pub(crate) variable: &'static str,
    /// What is wrong and what to do, in whole sentences without the secret.
    pub(crate) what: String,
}

/// Where the data directory is, for commands that need nothing else.
///
/// # Errors
/// [`Exit::Configuration`].
pub(crate) fn data_dir(settings: &Settings) -> Result<DataDir, Failure> {
    let mut problems = Vec::new();
    let (_, data) = Layers::new(settings, &mut problems);
    match data {
        Some(data) if problems.is_empty() => Ok(data),
        _ => Err(failure(&problems)),
    }
}

/// How a sidecar is started by a command that needs one.
pub(crate) struct Start {
    /// Where Paige keeps its own files.
    pub(crate) data: DataDir,
    /// Settings that nobody gave, and what they are then: any port, since who asks finds it; and offline
    /// without a key, so that all works that needs none.
    pub(crate) variables: Vec<(&'static str, &'static str)>,
}

/// What a sidecar is started with that a command needs.
///
/// # Errors
/// [`Exit::Configuration`] when the data directory or the file of settings cannot be used.
pub(crate) fn start(settings: &Settings) -> Result<Start, Failure> {
    let mut problems = Vec::new();
    let (layers, data) = Layers::new(settings, &mut problems);
    let absent = |variable, given| matches!(layers.text(variable, given), Ok(None));
    let mut variables = Vec::new();
    if absent("PORT", &settings.port) {
        variables.push(("PORT", "0"));
    }
    if absent("ANTHROPIC_API_KEY", &settings.anthropic_api_key)
        && absent("PAIGE_OFFLINE", &settings.offline)
    {
        variables.push(("PAIGE_OFFLINE", "true"));
    }
    match data {
        Some(data) if problems.is_empty() => Ok(Start { data, variables }),
        _ => Err(failure(&problems)),
    }
}

/// What the coach thinks with, for commands that serve nothing: no project is needed, and a key only by
/// one that asks models.
///
/// # Errors
/// [`Exit::Configuration`] with one message that names every wrong setting.
pub(crate) fn mind(
    settings: &Settings,
    asks: bool,
) -> Result<(DataDir, Mind, paige_coach::Config), Failure> {
    let mut problems = Vec::new();
    let (layers, data) = Layers::new(settings, &mut problems);
    let mut read = Reader::new(&layers, &mut problems);
    let offline = read.flag("PAIGE_OFFLINE", &settings.offline);
    let api_key = if asks && !offline {
        read.api_key(settings)
    } else {
        None
    };
    let mind = read.mind(settings, data.as_ref(), offline, api_key);
    let coach = read.coach(data.as_ref());
    match data {
        Some(data) if problems.is_empty() => Ok((data, mind, coach)),
        _ => Err(failure(&problems)),
    }
}

/// All settings, judged together (spec: 1.5, 1.6).
///
/// # Errors
/// [`Exit::Configuration`] with one message that names every wrong setting.
pub(crate) fn load(settings: &Settings) -> Result<Config, Failure> {
    let mut problems = Vec::new();
    let mut warnings = Vec::new();
    let (layers, data) = Layers::new(settings, &mut problems);
    let mut read = Reader::new(&layers, &mut problems);

    let project_dir = read.required(
        "PROJECT_DIR",
        &settings.project_dir,
        "Set it to the folder of the project, for instance --project-dir .",
        parse::project_dir,
    );
    let offline = read.flag("PAIGE_OFFLINE", &settings.offline);
    let api_key = if offline {
        None
    } else {
        read.api_key(settings)
    };
    let port = read
        .optional("PORT", &settings.port, parse::port)
        .unwrap_or(DEFAULT_PORT);
    let host = read
        .optional("HOST", &settings.host, parse::host)
        .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let allow_remote = read.flag("PAIGE_ALLOW_REMOTE", &settings.allow_remote);
    let open = read
        .optional("PAIGE_AUTH", &settings.auth, parse::is_open)
        .unwrap_or(false);
    let mind = read.mind(settings, data.as_ref(), offline, api_key);
    let tokens_stdin = read.flag("PAIGE_TOKENS_STDIN", &settings.tokens_stdin);
    let supervised = read.flag("PAIGE_SUPERVISED", &settings.supervised);
    let format = read
        .optional("PAIGE_LOG_FORMAT", &settings.log_format, parse::log_format)
        .unwrap_or(LogFormat::Text);
    let filter = read
        .optional("PAIGE_LOG", &settings.log_level, parse::log_filter)
        .unwrap_or_else(parse::default_log_filter);

    let guard = read.guard(settings, host);
    let socket = read.socket(settings, guard.max_nesting);
    let workspace = read.workspace(settings);
    let timeline_keep = read.timeline_keep(settings);
    let store = read.store(settings, timeline_keep);
    #[cfg(debug_assertions)]
    let store = if settings.unsafe_synchronous_off {
        paige_store::Config {
            synchronous: paige_store::Synchronous::Off,
            ..store
        }
    } else {
        store
    };
    let coach = paige_coach::Config {
        timeline_keep,
        ..read.coach(data.as_ref())
    };

    if !host.is_loopback() {
        if !allow_remote {
            read.wrong("HOST", format!(
                "other machines can reach {host}. Leave HOST away, or add --allow-remote and put a proxy that speaks TLS before Paige."));
        }
        if open {
            read.wrong(
                "PAIGE_AUTH",
                format!("none is for loopback only, and HOST is {host}. Use token."),
            );
        }
    }
    if open && tokens_stdin {
        read.wrong(
            "PAIGE_TOKENS_STDIN",
            "tokens are of no use with --auth none. Leave one of the two away.".to_owned(),
        );
    }
    if let (Some((project, _)), Some(data)) = (&project_dir, &data)
        && lies_inside(data.root(), project)
    {
        read.wrong("DATA_DIR", format!(
            "{} lies inside PROJECT_DIR, where clients could read Paige's tokens. Name a folder outside the project.",
            data.root().display()));
    }
    if !host.is_loopback() {
        warnings.push(format!("HOST: other machines can reach {host}, and what they send is not encrypted. Put a proxy that speaks TLS before Paige."));
    }
    if open {
        warnings.push("--auth none: every program on this machine can read and write the project through Paige. Use it for experiments only.".to_owned());
    }
    if offline {
        warnings.push("--offline: what needs the Anthropic API answers an error.".to_owned());
    }
    warnings.extend(layers.warnings());

    match (project_dir, data) {
        (Some((project_dir, project_text)), Some(data)) if problems.is_empty() => Ok(Config {
            project_dir,
            project_text,
            data,
            port,
            guard: if open {
                guard::Config {
                    auth: guard::Auth::None,
                    ..guard
                }
            } else {
                guard
            },
            socket,
            workspace,
            store,
            coach,
            mind,
            tokens_stdin,
            supervised,
            log: Log { format, filter },
            warnings,
        }),
        _ => Err(failure(&problems)),
    }
}

fn failure(problems: &[Problem]) -> Failure {
    let command = Cli::command();
    let mut message = match problems.len() {
        1 => "Paige cannot start: 1 setting is missing or wrong.\n".to_owned(),
        count => format!("Paige cannot start: {count} settings are missing or wrong.\n"),
    };
    for Problem { variable, what } in problems {
        let flag = command
            .get_arguments()
            .find(|arg| arg.get_env().is_some_and(|env| env == *variable))
            .and_then(|arg| arg.get_long())
            .map(|long| format!(" (--{long})"))
            .unwrap_or_default();
        message.push_str(&format!("\n  {variable}{flag}: {what}"));
    }
    message.push_str(
        "\n\n`paige-sidecar --help` lists all settings; `paige-sidecar demo` needs none.",
    );
    Failure::new(Exit::Configuration, message)
}

/// Whether `inner`, which may not exist yet, is `outer` or below it. `outer` is canonical.
fn lies_inside(inner: &Path, outer: &Path) -> bool {
    let existing = inner
        .ancestors()
        .find_map(|folder| Some((folder, folder.canonicalize().ok()?)));
    let Some((folder, mut real)) = existing else {
        return false;
    };
    // What does not exist holds no links, so that `..` there is what it looks like.
    for part in inner.strip_prefix(folder).unwrap_or(inner).components() {
        match part {
            Component::ParentDir => drop(real.pop()),
            part => real.push(part),
        }
    }
    real.starts_with(outer)
}

#[cfg(test)]
mod tests;
