//! The read-only rule: *Claude codes, Paige pairs*, so Claude reads everything and writes nothing (blueprint §1, §4).
//!
//! A call of one of Claude Code's tools goes in, a [`Verdict`] comes out; nothing is opened, run or asked on the way.
//! A shell command is parsed, by the grammar of tree-sitter, and every command, redirection and substitution in it is
//! judged by the rules in `policy.toml`. Whatever is not understood is not allowed: what cannot be parsed is denied,
//! and what is in no rule is left to the human (`ask`).
//!
//! This is the rule of Claude Code's hook, not a jail: a test or a build that it allows runs the code of the project.

mod assignment;
mod awk;
mod command;
mod expansion;
mod options;
mod pipeline;
mod places;
mod redirection;
mod rules;
mod scope;
mod sed;
mod shell;
mod syntax;
mod test_expression;
mod tools;
mod verdict;
mod word;
mod wrappers;

use std::path::{Path, PathBuf};

pub use rules::{Policy, Problem};
pub use verdict::{Decision, Rule, Verdict};

/// A call of a tool, as Claude Code's hook `PreToolUse` tells it, and where it happens.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// The tool, for instance `Bash` or `mcp__paige__paige_get_diff`.
    pub tool_name: &'a str,
    /// Its arguments.
    pub input: &'a serde_json::Value,
    /// The project's folder, absolute.
    pub project_dir: &'a Path,
    /// The folder in which Claude Code is, absolute; relative paths and commands start there.
    pub cwd: &'a Path,
    /// The home folder, which `~` stands for.
    pub home: &'a Path,
    /// The sidecar's data directory, absolute: nothing in it is Claude's to see (blueprint §4).
    pub data_dir: &'a Path,
    /// The port of the sidecar, when one runs.
    pub port: Option<u16>,
}

/// What a path leads to when links are followed; `None` when it is what it says, or is not there.
///
/// The caller knows the disk, this room does not.
pub type Follow<'a> = &'a dyn Fn(&Path) -> Option<PathBuf>;

impl Policy {
    /// Judges a call by what it says alone.
    pub fn judge(&self, call: &Call<'_>) -> Verdict {
        self.judge_following(call, &|_| None)
    }

    /// Judges a call, and holds every path that it names outright for what `follow` says that it leads to, too.
    pub fn judge_following(&self, call: &Call<'_>, follow: Follow<'_>) -> Verdict {
        tools::judge(self, call, follow)
    }
}
