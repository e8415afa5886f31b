//! The policy as data: what `policy.toml` says, checked when it is read.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::LazyLock,
};

use serde::Deserialize;

use crate::verdict::{Decision, Rule};

/// The policy that the sidecar brings.
const EMBEDDED: &str = include_str!("../policy.toml");

/// Something wrong with the text of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(String);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Problem {}

/// What Claude may do, as data.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    pub(crate) limits: Limits,
    pub(crate) tools: Tools,
    pub(crate) places: PlaceRules,
    pub(crate) variables: Variables,
    sentences: BTreeMap<Rule, Sentence>,
    command: Vec<Command>,
    /// Commands that are denied by their names, by rule.
    denied: BTreeMap<Rule, Vec<String>>,
    #[serde(skip)]
    index: BTreeMap<String, Entry>,
}

/// What is known of a command by its name.
#[derive(Debug, Clone, Copy)]
enum Entry {
    Listed(usize),
    Denied(Rule),
}

/// How much is looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    /// Bytes of a command.
    pub(crate) bytes: usize,
    /// Levels of its syntax tree.
    pub(crate) depth: usize,
    /// Steps that the parser may take, in its own measure.
    pub(crate) steps: u32,
}

/// Tools by name; `*` stands for any text.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tools {
    pub(crate) allowed: Vec<String>,
    pub(crate) denied: Vec<String>,
}

/// Places that are special.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaceRules {
    /// File names that hold secrets; `*` stands for any text, and a `/` at the end for a folder.
    pub(crate) secrets: Vec<String>,
    /// What may be read below `/proc`, as the first component there.
    pub(crate) proc: Vec<String>,
    /// Devices that may be read and written.
    pub(crate) devices: Vec<String>,
    /// File names of the data directory that give a path away whose beginning is not known.
    pub(crate) private_names: Vec<String>,
    /// Folders that commands with a full path may be in.
    pub(crate) programs: Vec<String>,
}

/// Variables that may be set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variables {
    /// Names that may be set to anything, beside all names in lower case.
    pub(crate) any: Vec<String>,
    /// Names that may be set to these values.
    pub(crate) values: BTreeMap<String, Vec<String>>,
    /// Names that may be set for `read` alone.
    pub(crate) for_read: Vec<String>,
}

/// What Claude is told of a rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sentence {
    pub(crate) decision: Decision,
    /// `{}` stands for what was met.
    text: String,
}

impl Sentence {
    /// The text about `what`, cut to a length that can be read.
    pub(crate) fn told(&self, what: &str) -> String {
        const LONGEST: usize = 80;
        let mut shown: String = what
            .chars()
            .take(LONGEST)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        if what.chars().count() > LONGEST {
            shown.push('…');
        }
        self.text.replace("{}", &shown)
    }
}

/// How a command is read that is more than options and operands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Options and operands.
    #[default]
    Plain,
    /// The rest is a command, behind so many operands.
    Wrapper,
    /// The rest is a command that must be listed, like one of a package.
    Package,
    /// Assignments, then a command, or nothing.
    Env,
    /// Changes the folder.
    Cd,
    /// Sets variables from its input.
    Read,
    /// Arguments for a command come from its input.
    Xargs,
    /// Expressions, some of which run commands.
    Find,
    /// The first operand is a script of sed.
    Sed,
    /// The first operand is a script of awk.
    Awk,
    /// A module of Python.
    Python,
    /// A raw client of a network.
    Client,
    /// The sidecar itself.
    Sidecar,
    /// Looks up commands; runs one when no option says to look.
    Lookup,
}

/// What lines of output are good for as names of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Lines {
    /// It tells names of files in the folders that it is given.
    Names,
    /// It tells some of the lines that it is given.
    Some,
}

/// A command, or a subcommand of one, that may be run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Command {
    /// What it is called.
    pub(crate) names: Vec<String>,
    pub(crate) kind: Kind,
    /// The options that it may have; none given: all but `never`.
    pub(crate) only: Option<Vec<String>>,
    /// Options that write or run something.
    pub(crate) never: Vec<String>,
    /// Options whose value is the next word.
    pub(crate) values: Vec<String>,
    /// One of these must be there.
    pub(crate) requires: Vec<String>,
    /// Options have one dash and a long name.
    pub(crate) single_dash: bool,
    /// The first operand may be a bundle of options without a dash.
    pub(crate) bundle: bool,
    /// Operands are options, too, in whatever place.
    pub(crate) max_operands: Option<usize>,
    /// What an operand may be; `*` stands for any text.
    pub(crate) operand_only: Option<Vec<String>>,
    /// Other operands are files to write.
    pub(crate) operands_write: bool,
    /// What is required may stand behind `--`.
    pub(crate) requires_passed: bool,
    /// What may not stand behind `--`, since it is passed on.
    pub(crate) never_passed: Vec<String>,
    /// Its operands are texts, no paths.
    pub(crate) text: bool,
    /// Its first operand is a text, unless one of these options gives it.
    pub(crate) text_first: Option<Vec<String>>,
    /// It reads all that is below a folder.
    pub(crate) walks: bool,
    pub(crate) lines: Option<Lines>,
    /// Operands of a wrapper before the command.
    pub(crate) skip: usize,
    /// It may stand without a subcommand.
    pub(crate) bare: bool,
    /// It is named here to be denied.
    pub(crate) deny: bool,
    pub(crate) sub: Vec<Command>,
}

impl Command {
    /// Whether any word may follow, since no option does harm and no operand decides.
    pub(crate) fn takes_anything(&self) -> bool {
        self.only.is_none()
            && self.never.is_empty()
            && self.requires.is_empty()
            && self.sub.is_empty()
            && self.operand_only.is_none()
            && self.max_operands.is_none()
    }
}

/// What a name stands for.
pub(crate) enum Known<'a> {
    Listed(&'a Command),
    Denied(Rule),
}

impl Policy {
    /// The policy that the sidecar brings.
    pub fn embedded() -> &'static Self {
        static POLICY: LazyLock<Policy> = LazyLock::new(|| {
            // A test reads the embedded text, so that this cannot fail; were it so, an empty policy allows nothing.
            Policy::parse(EMBEDDED).unwrap_or_default()
        });
        &POLICY
    }

    /// Reads a policy from TOML, as `policy.toml` shows it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, as whole sentences.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let mut policy: Self = toml::from_str(text).map_err(|error| {
            vec![Problem(format!(
                "The policy cannot be read; mend its TOML: {}",
                error.to_string().trim_end()
            ))]
        })?;
        let problems = policy.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        policy.index = policy.indexed();
        Ok(policy)
    }

    /// What is told of a rule.
    pub(crate) fn sentence(&self, rule: Rule) -> &Sentence {
        static MISSING: LazyLock<Sentence> = LazyLock::new(|| Sentence {
            decision: Decision::Deny,
            text: "There is no policy, so nothing is allowed; run `paige-sidecar doctor`.".into(),
        });
        self.sentences.get(&rule).unwrap_or(&MISSING)
    }

    /// The command of that name.
    pub(crate) fn command(&self, name: &str) -> Option<Known<'_>> {
        Some(match *self.index.get(name)? {
            Entry::Listed(at) => Known::Listed(self.command.get(at)?),
            Entry::Denied(rule) => Known::Denied(rule),
        })
    }

    fn indexed(&self) -> BTreeMap<String, Entry> {
        let mut index = BTreeMap::new();
        for (at, command) in self.command.iter().enumerate() {
            index.extend(command.names.iter().map(|n| (n.clone(), Entry::Listed(at))));
        }
        for (rule, names) in &self.denied {
            index.extend(names.iter().map(|n| (n.clone(), Entry::Denied(*rule))));
        }
        index
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for rule in Rule::ALL {
            match self.sentences.get(&rule) {
                None => problems.push(format!("The rule {rule:?} has no sentence; add it.")),
                Some(said) if (rule == Rule::Reads) != (said.decision == Decision::Allow) => {
                    problems.push(format!(
                        "The rule {rule:?} cannot decide {:?}: `reads` alone allows.",
                        said.decision
                    ));
                }
                Some(_) => {}
            }
        }
        if self.limits.bytes == 0 || self.limits.depth == 0 || self.limits.steps == 0 {
            problems.push("A limit of nothing denies everything; raise it.".to_owned());
        }
        let mut seen = BTreeSet::new();
        let denied = self.denied.values().flatten();
        let listed = self.command.iter().flat_map(|command| &command.names);
        for name in listed.chain(denied) {
            if !seen.insert(name) {
                problems.push(format!(
                    "`{name}` is named twice; a command has one rule, so keep one."
                ));
            }
        }
        for command in &self.command {
            check(command, "", &mut problems);
        }
        problems.into_iter().map(Problem).collect()
    }
}

/// What is wrong with the rule of one command.
fn check(command: &Command, parent: &str, problems: &mut Vec<String>) {
    let Some(first) = command.names.first() else {
        problems.push(format!("A command of `{parent}` has no name; give it one."));
        return;
    };
    let name = format!("{parent} {first}").trim().to_owned();
    let options = command.only.iter().flatten().chain(&command.never);
    for option in options.chain(&command.values).chain(&command.requires) {
        if !option.starts_with(['-', '+']) || option.contains(['=', ' ']) {
            problems.push(format!(
                "`{name}`: `{option}` is no option; write it with its dashes and without a value."
            ));
        }
    }
    for option in command.only.iter().flatten() {
        if command.never.contains(option) {
            problems.push(format!(
                "`{name}`: `{option}` is both allowed and refused; keep one."
            ));
        }
    }
    for sub in &command.sub {
        check(sub, &name, problems);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let problems = Policy::parse(text).expect_err("it is wrong");
        let sentences: Vec<String> = problems.iter().map(Problem::to_string).collect();
        sentences.join("\n")
    }

    #[test]
    fn the_embedded_policy_is_good() {
        let policy = Policy::parse(EMBEDDED).expect("it is read");
        assert!(matches!(policy.command("cat"), Some(Known::Listed(_))));
        assert!(matches!(
            policy.command("rm"),
            Some(Known::Denied(Rule::Writes))
        ));
        assert!(policy.command("unheard-of").is_none());
    }

    #[test]
    fn what_is_wrong_with_a_policy_is_told() {
        assert!(told("x = ").contains("mend its TOML"));
        let twice = EMBEDDED.replace("names = [\"xargs\"]", "names = [\"rm\"]");
        assert!(told(&twice).contains("`rm` is named twice"));
        let value = EMBEDDED.replace("requires = [\"--stdout\"]", "requires = [\"--stdout=x\"]");
        assert!(told(&value).contains("`git format-patch`: `--stdout=x` is no option"));
        let mild = EMBEDDED.replacen("decision = \"deny\"", "decision = \"allow\"", 1);
        assert!(told(&mild).contains("`reads` alone allows"));
        assert!(told(&EMBEDDED.replace("depth = 120", "depth = 0")).contains("denies everything"));
        assert!(told(&EMBEDDED.replace("depth = 120", "deepness = 1")).contains("deepness"));
    }

    #[test]
    fn sentences_are_in_the_coachs_voice() {
        let policy = Policy::embedded();
        for rule in Rule::ALL {
            let text = policy.sentence(rule).told("x");
            assert!(text.ends_with('.') && text.len() < 300, "{text}");
            for word in ["just", "simply", "obviously"] {
                assert!(!text.split(' ').any(|own| own == word), "{text}");
            }
        }
        let long = policy.sentence(Rule::Writes).told(&"x\n".repeat(100));
        assert!(long.contains("…`") && !long.contains('\n'), "{long}");
    }
}
