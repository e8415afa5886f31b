//! [`Prompt`]: one file, read, checked and rendered.

mod data;

use std::collections::{BTreeMap, BTreeSet};

use minijinja::{Environment, UndefinedBehavior, context};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use twox_hash::XxHash3_128;

/// How Paige speaks (coaching.md §7): a text of every prompt.
const VOICE: &str = include_str!("../parts/voice.md");
/// What tags mean. It is added to every prompt by code, so that no file can lose it.
const DATA: &str = include_str!("../parts/data.md");
/// The line before and after what stands in front.
const FENCE: &str = "+++";
/// The sections that a prompt must have, in any order.
const SECTIONS: [&str; 6] = [
    "Role",
    "Input",
    "Rules",
    "Never",
    "Good example",
    "Rejected example",
];
/// The name under which minijinja knows the body; without an ending, so that nothing is escaped as HTML.
const BODY: &str = "body";

/// How able a model is wanted; which one that is, is configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Small and quick.
    Haiku,
    /// For judgement.
    Sonnet,
    /// For the hardest.
    Opus,
}

impl Tier {
    /// Its word in a front matter.
    pub fn name(self) -> &'static str {
        match self {
            Self::Haiku => "haiku",
            Self::Sonnet => "sonnet",
            Self::Opus => "opus",
        }
    }
}

/// Something that a call gives to its prompt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its name, which is that of its tag.
    pub name: String,
    /// What it is, for the model.
    pub meaning: String,
    /// Whether it may be left out.
    #[serde(default)]
    pub optional: bool,
}

/// What stands in front of the body.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    name: String,
    version: u32,
    tier: Tier,
    max_tokens: u32,
    inputs: Vec<Input>,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The instructions: the same for the same rules, so that they can be cached.
    pub system: String,
    /// The inputs, each between its tags.
    pub user: String,
}

/// Why a prompt was not rendered.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// A declared input was not given.
    #[error("The prompt `{prompt}` needs the input `{input}`, which was not given.")]
    MissingInput {
        /// The prompt.
        prompt: String,
        /// The input.
        input: String,
    },
    /// An input was given that the prompt does not declare.
    #[error(
        "The prompt `{prompt}` declares no input `{input}`. Declare it in its file, or leave it out."
    )]
    UndeclaredInput {
        /// The prompt.
        prompt: String,
        /// The input.
        input: String,
    },
    /// The body asks for a rule that there is not, or makes no sense.
    #[error(
        "The body of the prompt `{prompt}` cannot be filled in: {reason}. Compare it with the built-in file."
    )]
    Body {
        /// The prompt.
        prompt: String,
        /// What the template engine says.
        reason: String,
    },
}

/// One prompt.
#[derive(Debug, Clone)]
pub struct Prompt {
    front: Front,
    body: String,
    version: String,
}

impl Prompt {
    /// Reads a file. `Err` is a sentence about the first thing that is wrong; [`Prompt::lint`] finds more.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.replace("\r\n", "\n");
        let parts = text
            .strip_prefix(FENCE)
            .and_then(|rest| rest.strip_prefix('\n'))
            .and_then(|rest| rest.split_once("\n+++\n"));
        let Some((front, body)) = parts else {
            return Err(format!(
                "It begins with a line `{FENCE}`, then name, version, tier, max_tokens and inputs as TOML, then a \
                 second line `{FENCE}`; the body follows."
            ));
        };
        let front: Front = toml::from_str(front).map_err(|error| {
            format!(
                "What stands between the lines `{FENCE}` cannot be read: {}.",
                one_line(&error)
            )
        })?;
        environment(body, UndefinedBehavior::Strict)
            .map_err(|error| format!("The body is no template: {}.", one_line(&error)))?;
        let whole = [text.as_str(), VOICE, DATA].concat();
        Ok(Self {
            front,
            body: body.to_owned(),
            version: format!("{:032x}", XxHash3_128::oneshot(whole.as_bytes())),
        })
    }

    /// The call that it is for.
    pub fn name(&self) -> &str {
        &self.front.name
    }

    /// How able a model it is for.
    pub fn tier(&self) -> Tier {
        self.front.tier
    }

    /// The most tokens that an answer may have.
    pub fn max_tokens(&self) -> u32 {
        self.front.max_tokens
    }

    /// A digest of all that makes the prompt, of 32 hexadecimal digits: another text, another version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The number that its file gives it, raised by who changes its meaning.
    pub fn revision(&self) -> u32 {
        self.front.version
    }

    /// What it is given, in the order in which it is sent.
    pub fn inputs(&self) -> &[Input] {
        &self.front.inputs
    }

    /// Everything that is wrong with it, as sentences: a section is missing or empty, an input is not
    /// explained, or one is explained that is not declared.
    pub fn lint(&self) -> Vec<String> {
        // Without the rules, which are not known here: what would stand there is left empty.
        let text = match self.fill(&(), UndefinedBehavior::Chainable) {
            Ok(text) => text,
            Err(error) => return vec![error.to_string()],
        };
        let mut problems = Vec::new();
        let sections = sections(&text);
        for wanted in SECTIONS {
            match sections.iter().find(|(title, _)| *title == wanted) {
                None => problems.push(format!(
                    "It has no section `## {wanted}`; every prompt has one."
                )),
                Some((_, text)) if text.trim().is_empty() => {
                    problems.push(format!("Its section `## {wanted}` is empty; fill it."));
                }
                Some(_) => {}
            }
        }
        let input = sections.iter().find(|(title, _)| *title == "Input");
        let explained: BTreeSet<&str> = input.map(|(_, text)| tags(text)).unwrap_or_default();
        let mut declared = BTreeSet::new();
        for input in self.inputs() {
            let name = input.name.as_str();
            if !is_name(name) {
                problems.push(format!(
                    "The input `{name}` has no good name; a name is lower-case letters, digits and underscores."
                ));
            }
            if !declared.insert(name) {
                problems.push(format!("The input `{name}` is declared twice."));
            }
            if input.meaning.trim().is_empty() || !explained.contains(name) {
                problems.push(format!(
                    "The input `{name}` is not explained: write in `## Input` what `<{name}>` means, or let it be \
                     listed from the front."
                ));
            }
        }
        for name in tags(&text).difference(&declared) {
            problems.push(format!(
                "It speaks of an input `<{name}>` that is not declared; declare it in front."
            ));
        }
        if self.max_tokens() == 0 {
            problems.push("`max_tokens` is 0; an answer needs some.".to_owned());
        }
        problems
    }

    /// What is sent, for these rules and inputs. `rules` are the numbers of `coaching.toml` as the bodies
    /// name them; inputs that are optional may be missing.
    ///
    /// # Errors
    /// With an input missing or undeclared, and when the body asks for a rule that is not there.
    pub fn render(
        &self,
        rules: &impl Serialize,
        inputs: &BTreeMap<String, Value>,
    ) -> Result<Rendered, PromptError> {
        let declared = |name: &str| self.inputs().iter().any(|input| input.name == name);
        if let Some(name) = inputs.keys().find(|name| !declared(name)) {
            return Err(PromptError::UndeclaredInput {
                prompt: self.name().to_owned(),
                input: name.clone(),
            });
        }
        let mut user = String::new();
        for Input { name, optional, .. } in self.inputs() {
            match inputs.get(name) {
                Some(value) => user.push_str(&data::tagged(name, value)),
                None if *optional => {}
                None => {
                    return Err(PromptError::MissingInput {
                        prompt: self.name().to_owned(),
                        input: name.clone(),
                    });
                }
            }
        }
        let body = self.fill(rules, UndefinedBehavior::Strict)?;
        let system = format!("{}\n\n{DATA}", body.trim());
        Ok(Rendered { system, user })
    }

    fn fill(
        &self,
        rules: &impl Serialize,
        undefined: UndefinedBehavior,
    ) -> Result<String, PromptError> {
        let failed = |error: minijinja::Error| PromptError::Body {
            prompt: self.name().to_owned(),
            reason: one_line(&error),
        };
        let environment = environment(&self.body, undefined).map_err(failed)?;
        let known = context! {
            rules => minijinja::Value::from_serialize(rules),
            inputs => self.inputs(),
            voice => VOICE.trim(),
        };
        environment
            .get_template(BODY)
            .and_then(|body| body.render(known))
            .map_err(failed)
    }
}

fn environment(
    body: &str,
    undefined: UndefinedBehavior,
) -> Result<Environment<'_>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(undefined);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.add_template(BODY, body)?;
    Ok(environment)
}

/// The second-level sections of a Markdown text, outside fences: title and text.
fn sections(text: &str) -> Vec<(&str, String)> {
    let mut sections: Vec<(&str, String)> = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        match line.strip_prefix("## ") {
            Some(title) if !fenced => sections.push((title.trim(), String::new())),
            _ => {
                if let Some((_, text)) = sections.last_mut() {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
    }
    sections
}

/// The names of the tags of inputs that a text speaks of: `<name>`.
fn tags(text: &str) -> BTreeSet<&str> {
    let after = text.split('<').skip(1);
    after
        .filter_map(|rest| rest.split_once('>'))
        .map(|(name, _)| name)
        .filter(|name| is_name(name))
        .collect()
}

fn is_name(name: &str) -> bool {
    name.starts_with(|char: char| char.is_ascii_lowercase())
        && name
            .chars()
            .all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_')
}

/// An error of a library on one line and without a full stop, as a part of a sentence.
fn one_line(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").trim_end_matches('.').to_owned()
}
