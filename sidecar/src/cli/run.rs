//! What `run` takes.

use std::ffi::OsString;

use clap::Args;

/// What is run, and when a nudge may be typed into it.
#[derive(Args)]
pub(crate) struct RunArgs {
    /// For how many seconds the program must have shown nothing new before a nudge is typed. [default: 1]
    #[arg(
        long,
        env = "PAIGE_NUDGE_QUIET",
        value_name = "SECONDS",
        hide_env_values = true
    )]
    pub(crate) quiet: Option<OsString>,

    /// For how many seconds you must have pressed no key before that. [default: 2]
    #[arg(
        long,
        env = "PAIGE_NUDGE_STILL",
        value_name = "SECONDS",
        hide_env_values = true
    )]
    pub(crate) still: Option<OsString>,

    /// A prompt that takes nudges besides Claude Code's: a regular expression for the line of the cursor,
    /// up to the cursor. Never a shell's, which would run them.
    #[arg(
        long,
        env = "PAIGE_NUDGE_PROMPT",
        value_name = "REGEX",
        hide_env_values = true
    )]
    pub(crate) prompt: Option<OsString>,

    /// The command and its arguments, for instance `-- claude`.
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}
