//! The settings: each a flag and a variable.

use std::ffi::OsString;

use clap::Args;

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
