//! What Paige asks models: one Markdown file per call, with what the call needs in front and a
//! template behind.
//!
//! The room is data with the little that reads it: it does no I/O, knows no other room, and sends
//! nothing. A person may replace a file by one of their own ([`Prompts::with_overrides`]); whoever
//! finds and reads such files hands their texts in.

mod prompt;

use std::collections::BTreeMap;

pub use prompt::{Input, Prompt, PromptError, Rendered, Tier};

/// The files of this package, by name.
const EMBEDDED: [(&str, &str); 6] = [
    ("coach_agent.md", include_str!("../coach_agent.md")),
    ("dreyfus_agent.md", include_str!("../dreyfus_agent.md")),
    (
        "knowledge_gap_agent.md",
        include_str!("../knowledge_gap_agent.md"),
    ),
    (
        "memory_retrieval_filter.md",
        include_str!("../memory_retrieval_filter.md"),
    ),
    ("observer_triage.md", include_str!("../observer_triage.md")),
    (
        "reflection_agent.md",
        include_str!("../reflection_agent.md"),
    ),
];

/// What is wrong with a prompt's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// What is wrong and what would be right, as a sentence.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.file, self.message)
    }
}

/// Every prompt, by the name of its call.
#[derive(Debug, Clone)]
pub struct Prompts(BTreeMap<String, Prompt>);

impl Prompts {
    /// Those of this package.
    pub fn embedded() -> Self {
        let read = |(file, text): (&str, &str)| {
            #[expect(clippy::expect_used, reason = "the embedded files are read by a test")]
            let prompt = read(file, text).expect("the embedded prompts are right");
            (prompt.name().to_owned(), prompt)
        };
        Self(EMBEDDED.into_iter().map(read).collect())
    }

    /// These, with some files replaced by others of the same name. A replacement keeps the name and the
    /// inputs of what it replaces, since the caller gives those; all else is its own.
    ///
    /// # Errors
    /// Everything that is wrong with the files, so that a person can mend all of it at once.
    pub fn with_overrides(
        mut self,
        texts: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        for (file, text) in texts {
            match self.replacement(&file, &text) {
                Ok(prompt) => {
                    self.0.insert(prompt.name().to_owned(), prompt);
                }
                Err(found) => problems.extend(found.into_iter().map(|message| Problem {
                    file: file.clone(),
                    message,
                })),
            }
        }
        if problems.is_empty() {
            Ok(self)
        } else {
            Err(problems)
        }
    }

    fn replacement(&self, file: &str, text: &str) -> Result<Prompt, Vec<String>> {
        let name = file.strip_suffix(".md").unwrap_or(file);
        let Some(replaced) = self.0.get(name) else {
            let known: Vec<_> = self.0.keys().map(|name| format!("{name}.md")).collect();
            return Err(vec![format!(
                "There is no such prompt to replace. Name the file like one of these: {}.",
                known.join(", ")
            )]);
        };
        let prompt = read(file, text)?;
        let same = |a: &Input, b: &Input| a.name == b.name && a.optional == b.optional;
        let (own, wanted) = (prompt.inputs(), replaced.inputs());
        let fits = own.len() == wanted.len()
            && own
                .iter()
                .all(|input| wanted.iter().any(|other| same(input, other)));
        if fits {
            return Ok(prompt);
        }
        let names: Vec<_> = wanted.iter().map(|input| input.name.as_str()).collect();
        Err(vec![format!(
            "It must declare the inputs that this call is given, as the built-in file does: {}.",
            names.join(", ")
        )])
    }

    /// The prompt of that call.
    pub fn get(&self, name: &str) -> Option<&Prompt> {
        self.0.get(name)
    }

    /// The names of the calls, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Reads a file; its name is that of its call.
fn read(file: &str, text: &str) -> Result<Prompt, Vec<String>> {
    let prompt = Prompt::parse(text).map_err(|message| vec![message])?;
    let mut problems = prompt.lint();
    if file.strip_suffix(".md") != Some(prompt.name()) {
        problems.push(format!(
            "The file of the prompt `{0}` is called `{0}.md`.",
            prompt.name()
        ));
    }
    if problems.is_empty() {
        Ok(prompt)
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests;
