//! The command line. It only collects texts: `config` judges them all together.

mod run;
mod settings;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use self::run::RunArgs;
pub(crate) use self::settings::{MindSettings, Settings};

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

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

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
