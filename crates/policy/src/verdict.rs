//! What is said of a call.

use serde::{Deserialize, Serialize};

use crate::rules::Policy;

/// May it be done?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Yes.
    Allow,
    /// The human is asked.
    Ask,
    /// No.
    Deny,
}

/// Why it is decided so. Each has a decision and a sentence in `policy.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// It only reads, or runs a test or a build.
    Reads,
    /// A tool or a command changes files.
    Writes,
    /// The output of a command goes into a file.
    Redirects,
    /// An option makes a command that reads write, or run another program.
    Option,
    /// Code is given on the command line or on standard input.
    InlineCode,
    /// A variable is set by which other programs can be made to run.
    Assignment,
    /// The name of a command is only known when it runs.
    HiddenCommand,
    /// A function, an alias or a trap is defined.
    Definition,
    /// It cannot be parsed, or not with certainty.
    Unparsed,
    /// It is too long or too deeply nested to be judged.
    TooLarge,
    /// A path in the sidecar's data directory.
    DataDirectory,
    /// A path among what the system tells of its processes.
    Processes,
    /// A file that holds secrets.
    Secret,
    /// A command of the sidecar that is not Claude's.
    Sidecar,
    /// A raw client that may reach the sidecar.
    Loopback,
    /// A command that no rule names.
    UnknownCommand,
    /// An option or argument that the rule of its command does not name.
    UnknownOption,
    /// Something that decides what is done is only known when it runs.
    Dynamic,
    /// A tool that no rule names.
    UnknownTool,
}

impl Rule {
    /// Every rule.
    pub(crate) const ALL: [Self; 19] = [
        Self::Reads,
        Self::Writes,
        Self::Redirects,
        Self::Option,
        Self::InlineCode,
        Self::Assignment,
        Self::HiddenCommand,
        Self::Definition,
        Self::Unparsed,
        Self::TooLarge,
        Self::DataDirectory,
        Self::Processes,
        Self::Secret,
        Self::Sidecar,
        Self::Loopback,
        Self::UnknownCommand,
        Self::UnknownOption,
        Self::Dynamic,
        Self::UnknownTool,
    ];
}

/// What is decided of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// May it be done?
    pub decision: Decision,
    /// A whole sentence for Claude: what it met, and what to do instead.
    pub reason: String,
    /// The rule that decided.
    pub rule: Rule,
}

/// What was found against a call: the gravest, and of those the first.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    worst: Option<(Decision, Rule, String)>,
}

impl Findings {
    /// Notes that `what` is up to `rule`.
    pub(crate) fn add(&mut self, policy: &Policy, rule: Rule, what: &str) {
        let decision = policy.sentence(rule).decision;
        if self.worst.as_ref().is_none_or(|worst| worst.0 < decision) {
            self.worst = Some((decision, rule, what.to_owned()));
        }
    }

    /// Whether nothing was found.
    pub(crate) fn is_clean(&self) -> bool {
        self.worst.is_none()
    }

    /// The verdict.
    pub(crate) fn verdict(self, policy: &Policy) -> Verdict {
        let (decision, rule, what) =
            self.worst
                .unwrap_or((Decision::Allow, Rule::Reads, String::new()));
        let reason = policy.sentence(rule).told(&what);
        Verdict {
            decision,
            reason,
            rule,
        }
    }
}
