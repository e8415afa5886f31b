//! The check that every text passes before the learner reads it (coaching.md §1).

use paige_store::coach::Stage;

use super::{
    Project, Rules,
    size::{Run, Size, runs},
};

/// No limit of words may be lower: a sentence of ours has to fit.
pub(super) const FEWEST_WORDS: u32 = 20;
/// A word of more characters counts as several, so that no limit is evaded by leaving blanks out.
const LONGEST_WORD: usize = 40;
/// The rung whose limit holds for a novice's hints in the file of the solution.
const WHAT_TO_LOOK_AT: u8 = 2;
/// The rung of hover texts.
const HOW_TO_THINK: u8 = 3;
/// The rung of sketches.
const SHAPE: u8 = 4;

/// What a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// Shown when the mouse rests on lines.
    HoverText,
    /// A coaching message.
    Message,
    /// The description of a phase.
    PhaseDescription,
    /// Another text of a phase: its title, its goal.
    PhaseField,
    /// The answer to "explain this".
    Explanation,
    /// A hint for a kata.
    KataHint,
    /// A review of a kata's solution.
    Review,
}

impl Text {
    fn name(self) -> &'static str {
        match self {
            Self::HoverText => "hover text",
            Self::Message => "message",
            Self::PhaseDescription => "description of a phase",
            Self::PhaseField => "text of a phase",
            Self::Explanation => "explanation",
            Self::KataHint => "hint for a kata",
            Self::Review => "review",
        }
    }
}

/// For whom a text is, and how much help it is meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The learner's stage.
    pub stage: Stage,
    /// The rung of the hint ladder, 0 to 4.
    pub rung: u8,
    /// It is about a file in which the solution belongs.
    pub solution_file: bool,
}

/// Why a text may not be shown; its sentence says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// It shows too much code.
    #[error(
        "This {text} shows {lines} of code in one piece, and {stage} may see {allowed} on rung {rung}{}; write it again as a question or as what to notice, and quote only code that stands in the project already.",
        if *.solution_file { " in a file where the solution belongs" } else { "" },
        text = .text.name(),
        lines = count(*.lines, "line"),
        allowed = if *.allowed == 0 { "none".to_owned() } else { format!("at most {}", count(*.allowed, "line")) },
        stage = person(*.stage),
    )]
    TooMuchCode {
        /// What the text is for.
        text: Text,
        /// How much it shows.
        lines: u32,
        /// How much it may.
        allowed: u32,
        /// For whom.
        stage: Stage,
        /// On which rung.
        rung: u8,
        /// It is about a file in which the solution belongs.
        solution_file: bool,
    },
    /// A sketch leaves too little to the learner.
    #[error(
        "This sketch has {holes}, and one of {lines} for {stage} needs {wanted}; put `___` where the learner is to think, or make it shorter.",
        holes = count(*.holes, "hole"),
        lines = count(*.lines, "line"),
        wanted = count(*.wanted, "hole"),
        stage = person(*.stage),
    )]
    TooFewHoles {
        /// How many it has.
        holes: u32,
        /// How many it needs.
        wanted: u32,
        /// How long it is.
        lines: u32,
        /// For whom.
        stage: Stage,
    },
    /// It has too many words.
    #[error(
        "This {text} has {words} and may have at most {allowed}; keep the one idea that matters most and ask one question.",
        text = .text.name(),
        words = count(*.words, "word"),
    )]
    TooManyWords {
        /// What the text is for.
        text: Text,
        /// How many it has.
        words: u32,
        /// How many it may have.
        allowed: u32,
    },
}

fn count(number: u32, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

fn person(stage: Stage) -> &'static str {
    match stage {
        Stage::Novice => "a novice",
        Stage::AdvancedBeginner => "an advanced beginner",
        Stage::Competent => "a competent learner",
        Stage::Proficient => "a proficient learner",
        Stage::Expert => "an expert",
    }
}

impl Rules {
    /// Whether a text may be shown there. `project` holds the lines of the files that it is about.
    ///
    /// # Errors
    /// What is wrong first: too many words, then too much code.
    pub fn check(
        &self,
        text: &str,
        kind: Text,
        place: Place,
        project: &Project,
    ) -> Result<(), Violation> {
        let words = words(text);
        if let Some(allowed) = self.most_words(kind)
            && words > allowed
        {
            return Err(Violation::TooManyWords {
                text: kind,
                words,
                allowed,
            });
        }
        let worst = runs(text, project)
            .into_iter()
            .map(|run| run.size)
            .filter_map(|size| self.check_size(size, kind, place).err())
            .max_by_key(|violation| match violation {
                Violation::TooMuchCode { lines, .. } => *lines,
                _ => 0,
            });
        worst.map_or(Ok(()), Err)
    }

    /// The most words of such a text; `None` where there is no limit.
    pub(super) fn most_words(&self, kind: Text) -> Option<u32> {
        match kind {
            Text::HoverText => Some(self.words.hover_text),
            Text::Message => Some(self.words.message),
            Text::PhaseDescription => Some(self.words.phase_description),
            Text::PhaseField | Text::Explanation | Text::KataHint | Text::Review => None,
        }
    }

    /// The pieces of code that are too large there.
    pub(super) fn too_large(
        &self,
        text: &str,
        kind: Text,
        place: Place,
        project: &Project,
    ) -> Vec<Run> {
        let mut runs = runs(text, project);
        runs.retain(|run| self.check_size(run.size, kind, place).is_err());
        runs
    }

    fn check_size(&self, size: Size, kind: Text, place: Place) -> Result<(), Violation> {
        let Place {
            stage,
            rung,
            solution_file,
        } = place;
        // "Not from the solution's file": a novice sees no more of that than on the rung before.
        let near = solution_file && stage == Stage::Novice;
        let limited = if near && rung == HOW_TO_THINK {
            WHAT_TO_LOOK_AT
        } else {
            rung
        };
        let allowed = self.code_lines.of(limited, stage);
        if size.lines > allowed {
            return Err(Violation::TooMuchCode {
                text: kind,
                lines: size.lines,
                allowed,
                stage,
                rung,
                solution_file: limited != rung,
            });
        }
        // What may be shown without being a sketch needs no holes.
        let plain = if near { WHAT_TO_LOOK_AT } else { HOW_TO_THINK };
        let wanted = self.holes.of(stage);
        if rung >= SHAPE && size.lines > self.code_lines.of(plain, stage) && size.holes < wanted {
            return Err(Violation::TooFewHoles {
                holes: size.holes,
                wanted,
                lines: size.lines,
                stage,
            });
        }
        Ok(())
    }
}

/// The words of a text.
pub(super) fn words(text: &str) -> u32 {
    let words: usize = text.split_whitespace().map(weight).sum();
    u32::try_from(words).unwrap_or(u32::MAX)
}

/// As how many words a word counts.
pub(super) fn weight(word: &str) -> usize {
    word.chars().count().div_ceil(LONGEST_WORD)
}

#[cfg(test)]
mod tests;
