//! The command line. It only collects texts: `config` judges them all together.

mod run;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::run::RunArgs;

const FIRST_STEPS: &str = "\
First steps:
  paige-sidecar demo                        try it on a sample project, without a key
  paige-sidecar --offline --project-dir .   serve this folder, without a key
  paige-sidecar --project-dir .             serve this folder, with ANTHROPIC_API_KEY in
                                            the environment or in ~/.paige/.env

Settings come from, weakest first: built-in values, the .env file of the data directory
(or --env-file), the environment, the command line. The project's own .env is never read.";

/// The backend of Paige, an AI coach for developers: Claude may look at everything and touches
/// nothing; the human holds the pen.
///
/// Without a command it serves one project until it is stopped.
#[derive(Parser)]
#[command(name = "paige-sidecar", version, after_help = FIRST_STEPS, after_long_help = FIRST_STEPS)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve the project (what happens without a command).
    Serve,
    /// Try Paige on a small sample project in a temporary folder, offline.
    #[cfg(feature = "demo")]
    Demo,
    /// Say whether a sidecar runs on this data directory, and where.
    Status {
        /// One JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Stop the sidecar that runs on this data directory.
    Stop,
    /// Show the end of the log.
    Logs {
        /// How many lines.
        #[arg(short = 'n', long, default_value_t = 50)]
        lines: usize,
        /// Go on showing new lines until Ctrl-C.
        #[arg(short, long)]
        follow: bool,
    },
    /// List the coaching sessions of this data directory, newest first; a sidecar may be running.
    Sessions {
        /// One JSON array instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Tell a whole session: what was done when, its phases, help and costs; a sidecar may be running.
    Export {
        /// The id of the session, or `last` for the newest; `paige-sidecar sessions` lists them.
        #[arg(value_name = "SESSION", value_parser = which)]
        session: Which,
        /// A page to look at, a text to read, or data for programs.
        #[arg(long, value_enum)]
        format: Format,
        /// Write it to this file instead of stdout, readable by you alone.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Replace the file if there is one.
        #[arg(long, requires = "output")]
        force: bool,
    },
    /// List the models, what they cost, and which of them stands behind each tier.
    Models {
        /// One JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Look at what models are asked.
    Prompts {
        #[command(subcommand)]
        command: PromptsCommand,
    },
    /// Look at what Paige remembers, and let her forget: it is your own record. A sidecar may be running.
    Memory {
        #[command(subcommand)]
        command: MemoryCommand,
    },
    /// Run a command, such as `claude`, in a terminal into which Paige types her nudges when it is quiet.
    /// It ends as the command does.
    Run(RunArgs),
    /// See how good the Observer is, by recorded sessions.
    Observer {
        #[command(subcommand)]
        command: crate::commands::ObserverCommand,
    },
    /// Show the tokens that clients need.
    Tokens {
        /// Make new ones: every client has to be given its new token afterwards.
        #[arg(long)]
        rotate: bool,
        /// One JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Show a session once more in the windows that are connected, as fast as you like. Ctrl-C ends it.
    Replay {
        /// The id of the session, or `last` for the newest; `paige-sidecar sessions` lists them.
        #[arg(value_name = "SESSION", value_parser = which)]
        session: Which,
        /// How many times as fast as it happened, 0.1 to 100. Never longer than 2 seconds pass
        /// between two messages.
        #[arg(long, value_name = "N", default_value_t = paige_protocol::coach::replay::DEFAULT_SPEED)]
        speed: f64,
    },
    /// An MCP server on stdin and stdout, for Claude Code: it hands all on to the sidecar of the project, and
    /// starts one when there is none, which goes on running.
    Mcp {
        /// For this program itself: be the sidecar that is started.
        #[arg(long, hide = true)]
        serve: bool,
    },
    /// Print the headers that /mcp needs as a JSON object, for the headersHelper of an MCP client.
    McpHeaders,
    /// Turn Paige on in Claude Code for one project (--project-dir, or this folder): the plugin, and the rule
    /// that Claude gets no tool that writes. It goes into the project's .claude/settings.local.json.
    InstallPlugin {
        /// A folder with Paige's marketplace file, instead of the marketplace of the repository.
        #[arg(long, value_name = "FOLDER")]
        from: Option<PathBuf>,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Look at what Paige needs in this project, and say what to do where something is missing.
    Doctor {
        /// One JSON array instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Take back what `install-plugin` has put into the project's settings, and nothing else.
    UninstallPlugin {
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// What Claude Code runs at its hooks: the hook's JSON on stdin, its answer on stdout. PreToolUse is the
    /// read-only rule, which needs no sidecar; all else goes to the sidecar that runs on this data directory.
    Hook {
        /// The event, as Claude Code names it, for instance SessionStart.
        event: String,
        /// For how many milliseconds the sidecar is waited for, on a machine that is slow. [default: 250]
        #[arg(long, value_name = "N")]
        limit_ms: Option<u64>,
    },
    /// Remove a session, or all that is kept of a project, for good. No sidecar may be running.
    Forget {
        /// The id of the session; `paige-sidecar sessions` lists them.
        #[arg(value_name = "SESSION", required_unless_present = "project")]
        session: Option<u32>,
        /// The folder of the project, instead of a session. It need not be there any more.
        #[arg(long, value_name = "FOLDER", conflicts_with = "session")]
        project: Option<PathBuf>,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// What to see of the prompts.
#[derive(Subcommand)]
pub(crate) enum PromptsCommand {
    /// List them, with their tiers and their fields.
    List,
    /// Show one exactly as it would be sent for a session.
    Render {
        /// Its name.
        name: String,
        /// The id of the session, or `last` for the newest.
        #[arg(long, value_name = "SESSION", value_parser = which, default_value = "last")]
        session: Which,
    },
    /// Ask each once, with a made-up sample, and check the answer as a real one is checked. It costs what the
    /// calls cost.
    Try {
        /// Those to try; all when none is named.
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
}

impl PromptsCommand {
    /// Whether it asks models, so that it needs a key.
    pub(crate) fn asks(&self) -> bool {
        matches!(self, Self::Try { .. })
    }
}

/// What to do with memories.
#[derive(Subcommand)]
pub(crate) enum MemoryCommand {
    /// List them, newest first.
    List {
        /// Of this project folder only.
        #[arg(long, value_name = "FOLDER")]
        project: Option<PathBuf>,
        /// At most so many.
        #[arg(short = 'n', long)]
        limit: Option<usize>,
        /// A JSON array instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Find what is close in meaning, as a coaching plan does.
    Search {
        /// What it is about.
        text: String,
        /// This project folder first.
        #[arg(long, value_name = "FOLDER")]
        project: Option<PathBuf>,
        /// That project's alone.
        #[arg(long, requires = "project")]
        only: bool,
        /// At most so many.
        #[arg(short = 'n', long, default_value_t = 5)]
        limit: usize,
        /// One JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Forget memories for good.
    Forget {
        /// Their ids; `paige-sidecar memory list` shows them.
        #[arg(required_unless_present_any = ["session", "project", "all"])]
        ids: Vec<String>,
        /// All of this session.
        #[arg(long, conflicts_with_all = ["ids", "project", "all"])]
        session: Option<u32>,
        /// All of this project folder.
        #[arg(long, value_name = "FOLDER", conflicts_with_all = ["ids", "all"])]
        project: Option<PathBuf>,
        /// Everything.
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
    /// Print all of them as JSON.
    Export,
}

/// Which session is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// The one that was started last.
    Last,
    /// The one of this id.
    Id(u32),
}

/// How a session is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For programs, `"format": "paige.session"`.
    Json,
    /// A text with tables.
    Markdown,
    /// One page with a timeline to go through; it needs no network.
    Html,
}

fn which(text: &str) -> Result<Which, String> {
    match text {
        "last" => Ok(Which::Last),
        id => id.parse().map(Which::Id).map_err(|_| {
            "give the id of a session, which `paige-sidecar sessions` lists, or `last`".to_owned()
        }),
    }
}

/// Every setting, as it was given: flag or environment, not yet judged.
///
/// All are texts, so that a wrong number joins the one message about all wrong settings instead of
/// ending the process on its own. There is no `Debug`: one of them is a key.
#[derive(Args, Default)]
pub(crate) struct Settings {
    /// The folder of the project. Required.
    #[arg(
        long,
        env = "PROJECT_DIR",
        value_name = "FOLDER",
        global = true,
        hide_env_values = true
    )]
    pub(crate) project_dir: Option<OsString>,

    /// The key of the Anthropic API. Required unless --offline. Rather use the environment or the
    /// .env file: every user of this machine can see a command line.
    #[arg(
        long,
        env = "ANTHROPIC_API_KEY",
        value_name = "KEY",
        global = true,
        hide_env_values = true
    )]
    pub(crate) anthropic_api_key: Option<OsString>,

    /// Do without the Anthropic API: what needs it answers a clear error, all else works.
    #[arg(long, env = "PAIGE_OFFLINE", value_name = "BOOL", global = true, hide_env_values = true,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) offline: Option<OsString>,

    /// The port, 3000 unless told otherwise; 0 takes this project's last port or any free one.
    #[arg(
        long,
        env = "PORT",
        value_name = "PORT",
        global = true,
        hide_env_values = true
    )]
    pub(crate) port: Option<OsString>,

    /// The address to listen on: an IP address, or localhost for 127.0.0.1 and [::1] (the default).
    #[arg(
        long,
        env = "HOST",
        value_name = "ADDRESS",
        global = true,
        hide_env_values = true
    )]
    pub(crate) host: Option<OsString>,

    /// Allow a --host that other machines can reach. Put a proxy that speaks TLS before it.
    #[arg(long, env = "PAIGE_ALLOW_REMOTE", value_name = "BOOL", global = true, hide_env_values = true,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) allow_remote: Option<OsString>,

    /// Where Paige keeps its database, tokens and logs. [default: ~/.paige]
    #[arg(
        long,
        env = "DATA_DIR",
        value_name = "FOLDER",
        global = true,
        hide_env_values = true
    )]
    pub(crate) data_dir: Option<OsString>,

    /// A file of settings, NAME=value in each line, instead of .env in the data directory.
    #[arg(
        long,
        env = "PAIGE_ENV_FILE",
        value_name = "FILE",
        global = true,
        hide_env_values = true
    )]
    pub(crate) env_file: Option<OsString>,

    /// A Chroma server as search index for memories, for instance http://localhost:8000.
    #[arg(
        long,
        env = "CHROMADB_URL",
        value_name = "URL",
        global = true,
        hide_env_values = true
    )]
    pub(crate) chromadb_url: Option<OsString>,

    /// Which model stands behind a tier: a JSON object such as {"haiku": "MODEL-ID"}.
    #[arg(
        long,
        env = "CLAUDE_MODEL_MAPPING",
        value_name = "JSON",
        global = true,
        hide_env_values = true
    )]
    pub(crate) claude_model_mapping: Option<OsString>,

    /// Where the Anthropic API, or a server that speaks it, is found.
    #[arg(
        long,
        env = "ANTHROPIC_BASE_URL",
        value_name = "URL",
        global = true,
        hide_env_values = true
    )]
    pub(crate) anthropic_base_url: Option<OsString>,

    /// Web origins that may connect besides the desktop shell's own, separated by commas.
    #[arg(
        long,
        env = "ALLOWED_ORIGINS",
        value_name = "ORIGINS",
        global = true,
        hide_env_values = true
    )]
    pub(crate) allowed_origins: Option<OsString>,

    /// Names besides loopback that a request may call this machine by, separated by commas; for a
    /// proxy before a --host that other machines can reach.
    #[arg(
        long,
        env = "ALLOWED_HOSTS",
        value_name = "NAMES",
        global = true,
        hide_env_values = true
    )]
    pub(crate) allowed_hosts: Option<OsString>,

    /// token, or none for experiments on loopback: then every program on this machine may write
    /// the project's files.
    #[arg(
        long,
        env = "PAIGE_AUTH",
        value_name = "token|none",
        global = true,
        hide_env_values = true
    )]
    pub(crate) auth: Option<OsString>,

    /// Take the tokens from the first line of stdin, as a shell sends them.
    #[arg(long, env = "PAIGE_TOKENS_STDIN", value_name = "BOOL", global = true, hide_env_values = true,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) tokens_stdin: Option<OsString>,

    /// End when stdin ends or the parent process is gone.
    #[arg(long, env = "PAIGE_SUPERVISED", value_name = "BOOL", global = true, hide_env_values = true,
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) supervised: Option<OsString>,

    /// text or json. [default: text]
    #[arg(
        long,
        env = "PAIGE_LOG_FORMAT",
        value_name = "FORMAT",
        global = true,
        hide_env_values = true
    )]
    pub(crate) log_format: Option<OsString>,

    /// off, error, warn, info, debug or trace; or by part, such as warn,paige_store=debug.
    /// [default: info]
    #[arg(
        long,
        env = "PAIGE_LOG",
        value_name = "LEVEL",
        global = true,
        hide_env_values = true
    )]
    pub(crate) log_level: Option<OsString>,

    /// Whether folders that a .gitignore names are left out of the tree. [default: true]
    #[arg(
        long,
        env = "PAIGE_RESPECT_GITIGNORE",
        value_name = "BOOL",
        global = true,
        hide_env_values = true
    )]
    pub(crate) respect_gitignore: Option<OsString>,

    /// For the test of durability alone: the database does not wait for the disk, so that the test
    /// can be seen to fail. No release has this flag.
    #[cfg(debug_assertions)]
    #[arg(long, global = true, hide = true)]
    pub(crate) unsafe_synchronous_off: bool,

    #[command(flatten)]
    pub(crate) mind: MindSettings,

    #[command(flatten)]
    pub(crate) limits: Limits,
}

/// What Paige thinks with, and what that may cost.
#[derive(Args, Default)]
pub(crate) struct MindSettings {
    /// What calls of models may cost in one coaching session, in US dollars. [default: no bound]
    #[arg(
        long,
        env = "PAIGE_BUDGET_SESSION",
        value_name = "USD",
        global = true,
        hide_env_values = true
    )]
    pub(crate) budget_session: Option<OsString>,

    /// The same in one day (UTC), over all sessions. [default: no bound]
    #[arg(
        long,
        env = "PAIGE_BUDGET_DAY",
        value_name = "USD",
        global = true,
        hide_env_values = true
    )]
    pub(crate) budget_day: Option<OsString>,

    /// A folder whose *.md files stand in place of the built-in prompts of their names.
    #[arg(
        long,
        env = "PAIGE_PROMPTS_DIR",
        value_name = "FOLDER",
        global = true,
        hide_env_values = true
    )]
    pub(crate) prompts_dir: Option<OsString>,

    /// A folder with the sentence embedding model all-MiniLM-L6-v2 (config.json, tokenizer.json,
    /// model.safetensors), which is otherwise fetched at first use; none for no model at all, so that
    /// memories are found by their words.
    #[arg(
        long,
        env = "PAIGE_EMBEDDING_MODEL",
        value_name = "FOLDER|none",
        global = true,
        hide_env_values = true
    )]
    pub(crate) embedding_model: Option<OsString>,
}

/// The limits that can be set. The built-in ones are far above honest use.
#[derive(Args, Default)]
#[command(next_help_heading = "Limits")]
pub(crate) struct Limits {
    /// The largest body of a request, in bytes.
    #[arg(
        long,
        env = "PAIGE_MAX_BODY_BYTES",
        value_name = "N",
        global = true,
        hide_env_values = true
    )]
    pub(crate) max_body_bytes: Option<OsString>,

    /// How deep the JSON of a body or message may be nested.
    #[arg(
        long,
        env = "PAIGE_MAX_NESTING",
        value_name = "N",
        global = true,
        hide_env_values = true
    )]
    pub(crate) max_nesting: Option<OsString>,

    /// How many connections may be open at once.
    #[arg(
        long,
        env = "PAIGE_MAX_CONNECTIONS",
        value_name = "N",
        global = true,
        hide_env_values = true
    )]
    pub(crate) max_connections: Option<OsString>,

    /// How many requests a second each door takes.
    #[arg(
        long,
        env = "PAIGE_MAX_REQUESTS_PER_SECOND",
        value_name = "N",
        global = true,
        hide_env_values = true
    )]
    pub(crate) max_requests_per_second: Option<OsString>,

    /// The largest message on a WebSocket, in bytes.
    #[arg(
        long,
        env = "PAIGE_MAX_MESSAGE_BYTES",
        value_name = "N",
        global = true,
        hide_env_values = true
    )]
    pub(crate) max_message_bytes: Option<OsString>,

    /// How many messages a second one WebSocket client may send.
    #[arg(
        long,
        env = "PAIGE_MAX_MESSAGES_PER_SECOND",
        value_name = "N",
        global = true,
        hide_env_values = true
    )]
    pub(crate) max_messages_per_second: Option<OsString>,

    /// How many bytes may wait for one WebSocket client before it is let go.
    #[arg(
        long,
        env = "PAIGE_MAX_QUEUE_BYTES",
        value_name = "N",
        global = true,
        hide_env_values = true
    )]
    pub(crate) max_queue_bytes: Option<OsString>,

    /// After how many seconds a WebSocket client is pinged.
    #[arg(
        long,
        env = "PAIGE_PING_SECONDS",
        value_name = "N",
        global = true,
        hide_env_values = true
    )]
    pub(crate) ping_seconds: Option<OsString>,

    /// The largest file that is opened as text, in bytes.
    #[arg(
        long,
        env = "PAIGE_MAX_FILE_BYTES",
        value_name = "N",
        global = true,
        hide_env_values = true
    )]
    pub(crate) max_file_bytes: Option<OsString>,

    /// How many folders are watched by the kernel; further ones are compared with the disk now and
    /// then, and 0 does so with all, for file systems that report no changes.
    #[arg(
        long,
        env = "PAIGE_MAX_WATCHES",
        value_name = "N",
        global = true,
        hide_env_values = true
    )]
    pub(crate) max_watches: Option<OsString>,

    /// For how many hours a client that was away can still be told what it missed. [default: 168]
    #[arg(
        long,
        env = "PAIGE_OUTBOX_KEEP_HOURS",
        value_name = "N",
        global = true,
        hide_env_values = true
    )]
    pub(crate) outbox_keep_hours: Option<OsString>,

    /// How many bytes of what was told are kept for that, for each project; the oldest go first.
    #[arg(
        long,
        env = "PAIGE_OUTBOX_MAX_BYTES",
        value_name = "N",
        global = true,
        hide_env_values = true
    )]
    pub(crate) outbox_max_bytes: Option<OsString>,

    /// For how many days what happened in a session, and what files were then, is kept after its end;
    /// what was learned in it stays. [default: for ever]
    #[arg(
        long,
        env = "PAIGE_TIMELINE_KEEP_DAYS",
        value_name = "N",
        global = true,
        hide_env_values = true
    )]
    pub(crate) timeline_keep_days: Option<OsString>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_setting_is_a_flag_and_an_environment_variable() {
        for arg in Cli::command().get_arguments().filter(|arg| {
            !matches!(arg.get_id().as_str(), "help" | "version") && !arg.is_hide_set()
        }) {
            assert!(arg.get_long().is_some(), "{} has a flag", arg.get_id());
            assert!(arg.get_env().is_some(), "{} has a variable", arg.get_id());
            assert!(
                arg.is_hide_env_values_set(),
                "{} does not show its value in the help",
                arg.get_id()
            );
        }
    }

    #[test]
    fn a_session_is_named_by_its_id_or_as_the_last() {
        assert_eq!(which("last"), Ok(Which::Last));
        assert_eq!(which("12"), Ok(Which::Id(12)));
        for wrong in ["", "-1", "first", "4294967296"] {
            assert!(which(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn settings_may_stand_before_and_after_the_command() {
        for line in [
            ["paige-sidecar", "--data-dir", "/d", "status"],
            ["paige-sidecar", "status", "--data-dir", "/d"],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert_eq!(cli.settings.data_dir, Some(OsString::from("/d")));
        }
    }
}
