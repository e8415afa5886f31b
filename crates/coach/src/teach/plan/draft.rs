//! A plan as a model gives it: the answer of the prompt `coach_agent`, field by field.

use paige_protocol::coach::{
    editor::{FileHintStyle, Tone},
    hints::HintLevel,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HOVER, LINES, WHERE};

/// A plan as a model gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanDraft {
    /// The phases in their order.
    pub phases: Vec<PhaseDraft>,
    /// The memory that matters most, in a sentence.
    pub memory_connection: Option<String>,
    /// How hard it is for this learner.
    pub estimated_difficulty: Difficulty,
}

/// How hard an issue is for a learner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Difficulty {
    /// Within reach.
    Beginner,
    /// A stretch.
    Intermediate,
    /// Beyond what they have done so far.
    Advanced,
}

/// A phase as a model gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhaseDraft {
    /// Its place in the plan, from 1.
    pub number: u32,
    /// Its title.
    pub title: String,
    /// The goal in the learner's words.
    pub goal: String,
    /// What to do and why.
    pub description: String,
    /// The files it is expected to touch.
    pub expected_files: Vec<ExpectedFile>,
    /// How the learner will know that it is done.
    pub done_when: String,
    /// The concept or habit that it trains.
    pub teaches: String,
    /// What it has to do with a memory.
    pub memory_connection: Option<String>,
    /// The hint level with which it begins.
    pub hint_level: HintLevel,
    /// What it is for.
    pub kind: PhaseKind,
    /// The help that it has.
    pub hints: Hints,
}

/// A file that a phase is expected to touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedFile {
    /// Relative to the project.
    pub path: String,
    /// The learner will make it.
    pub new: bool,
}

/// What a phase is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhaseKind {
    /// The fault is reproduced and understood; nothing is changed.
    Reproduce,
    /// Something is changed.
    Change,
    /// The change is proved.
    Prove,
    /// Anything else.
    Other,
}

/// The hints of a phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hints {
    /// Where to look, rung 1.
    pub file_hints: Vec<FileHint>,
    /// What to look at and how to think about it, rungs 2 and 3.
    pub line_hints: Vec<LineHint>,
}

/// A hint at a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileHint {
    /// Relative to the project.
    pub path: String,
    /// How it is marked.
    pub style: FileHintStyle,
}

/// A hint at lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineHint {
    /// Relative to the project.
    pub path: String,
    /// The first line, from 1.
    pub start: u32,
    /// The last line.
    pub end: u32,
    /// How they are highlighted.
    pub style: Tone,
    /// What is shown when the mouse rests on them.
    pub hover_text: String,
    /// How much help it is: 2 or 3.
    pub rung: u8,
}

impl PhaseDraft {
    /// The texts that it must have.
    pub(super) fn texts(&self) -> [(&'static str, &String); 5] {
        [
            ("title", &self.title),
            ("goal", &self.goal),
            ("description", &self.description),
            ("done_when", &self.done_when),
            ("teaches", &self.teaches),
        ]
    }

    pub(super) fn texts_mut(&mut self) -> [(&'static str, &mut String); 5] {
        [
            ("title", &mut self.title),
            ("goal", &mut self.goal),
            ("description", &mut self.description),
            ("done_when", &mut self.done_when),
            ("teaches", &mut self.teaches),
        ]
    }

    pub(super) fn makes(&self, path: &str) -> bool {
        self.expected_files
            .iter()
            .any(|file| file.new && file.path == path)
    }

    pub(super) fn new_files(&self) -> Vec<String> {
        let new = self.expected_files.iter().filter(|file| file.new);
        new.map(|file| file.path.clone()).collect()
    }
}

impl Hints {
    /// A rung that a hint has although one below it has none, and that one.
    pub(super) fn skipped(&self) -> Option<(u8, u8)> {
        let has = |rung| match rung {
            WHERE => !self.file_hints.is_empty(),
            _ => self.line_hints.iter().any(|hint| hint.rung == rung),
        };
        [LINES, HOVER]
            .into_iter()
            .find(|&rung| has(rung) && !has(rung - 1))
            .map(|rung| (rung, rung - 1))
    }
}
