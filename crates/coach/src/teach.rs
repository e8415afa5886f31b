//! How Paige teaches, as rules (coaching.md §1, §2 and §4): what a text for the learner may show, what
//! a plan must have, and when a stage changes.
//!
//! The prompts carry the voice; what stands here holds whatever a model says. Nothing here asks a model
//! or looks at the database: texts and facts come in, verdicts go out.

mod areas;
mod check;
mod code;
mod cut;
mod grammar;
mod manner;
mod plan;
mod project;
mod size;
mod stages;

use paige_store::coach::Stage;
use serde::{Deserialize, Serialize};

pub use areas::Areas;
pub use check::{Place, Text, Violation};
pub(crate) use manner::ASKS_FROM;
pub use plan::{
    Difficulty, ExpectedFile, FileHint, Hints, LineHint, PhaseDraft, PhaseKind, PlanDraft,
    PlanViolation,
};
pub use project::Project;
pub use size::{Size, size};
pub use stages::{Decision, Evidence, Held, Proposal};

use crate::Problem;

/// The numbers of teaching, each with its reason in `coaching.toml`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Words with which a hint asks for something, in small letters (coaching.md §1).
    pub asks: Vec<String>,
    /// Words that are not said, in small letters (coaching.md §7).
    pub never_said: Vec<String>,
    /// Phases of a plan, from and to (coaching.md §2).
    pub phases_per_plan: ByStage<[u32; 2]>,
    /// Minutes of a phase, from and to; none for "as they like" (coaching.md §2).
    pub phase_minutes: ByStage<Option<[u32; 2]>>,
    /// The longest contiguous code, in lines (coaching.md §1).
    pub code_lines: ByRung,
    /// The holes of a sketch, on rung 4 (coaching.md §1).
    pub holes: ByStage<u32>,
    /// The words of texts (coaching.md §1).
    pub words: Words,
    /// When a stage changes (coaching.md §4).
    pub stage_change: StageChange,
    /// What tells that an issue touches a skill area (coaching.md §2).
    pub areas: Areas,
    /// What a kata is like (coaching.md §5).
    pub katas: Katas,
}

/// A value for each stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ByStage<T> {
    /// Of a novice.
    #[serde(rename = "Novice")]
    pub novice: T,
    /// Of an advanced beginner.
    #[serde(rename = "Advanced Beginner")]
    pub advanced_beginner: T,
    /// Of somebody competent.
    #[serde(rename = "Competent")]
    pub competent: T,
    /// Of somebody proficient.
    #[serde(rename = "Proficient")]
    pub proficient: T,
    /// Of an expert.
    #[serde(rename = "Expert")]
    pub expert: T,
}

impl<T: Copy> ByStage<T> {
    /// The value of a stage.
    pub fn of(&self, stage: Stage) -> T {
        match stage {
            Stage::Novice => self.novice,
            Stage::AdvancedBeginner => self.advanced_beginner,
            Stage::Competent => self.competent,
            Stage::Proficient => self.proficient,
            Stage::Expert => self.expert,
        }
    }
}

/// A number for each stage on each rung of the hint ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ByRung {
    /// Orient: a question back.
    pub rung_0: ByStage<u32>,
    /// Where.
    pub rung_1: ByStage<u32>,
    /// What to look at.
    pub rung_2: ByStage<u32>,
    /// How to think about it.
    pub rung_3: ByStage<u32>,
    /// Shape.
    pub rung_4: ByStage<u32>,
}

impl ByRung {
    /// The number on a rung; rungs beyond the last are the last.
    pub fn of(&self, rung: u8, stage: Stage) -> u32 {
        let by_stage = match rung {
            0 => &self.rung_0,
            1 => &self.rung_1,
            2 => &self.rung_2,
            3 => &self.rung_3,
            _ => &self.rung_4,
        };
        by_stage.of(stage)
    }
}

/// The most words that texts may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// A hover text.
    pub hover_text: u32,
    /// A coaching message.
    pub message: u32,
    /// The description of a phase.
    pub phase_description: u32,
}

/// What it takes to change a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StageChange {
    /// Sessions of evidence for a step up.
    pub sessions: u32,
    /// Phases completed alone that are as good.
    pub independent_completions: u32,
    /// Sessions of need for a step down.
    pub sessions_of_need: u32,
    /// In how many days without evidence confidence falls by half.
    pub half_life_days: u32,
}

/// What a kata is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Katas {
    /// Minutes that it takes, from and to.
    pub minutes: [u32; 2],
    /// Constraints, from and to.
    pub constraints: [u32; 2],
    /// At least one in so many is a debugging kata.
    pub debug_every: u32,
}

impl Rules {
    /// Every number that makes no sense.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut problem = |name, message: String| problems.push(Problem { name, message });
        let in_order = |[from, to]: [u32; 2]| from >= 1 && from <= to;
        for stage in Stage::ALL.iter().copied() {
            if !in_order(self.phases_per_plan.of(stage)) {
                problem(
                    "teach.phases_per_plan",
                    format!(
                        "A plan has at least one phase, and no fewer at most than at least; that of {stage} has not."
                    ),
                );
            }
            if !self.phase_minutes.of(stage).is_none_or(in_order) {
                problem(
                    "teach.phase_minutes",
                    format!(
                        "A phase takes at least a minute, and no less at most than at least; that of {stage} does not."
                    ),
                );
            }
        }
        for (name, range) in [
            ("teach.katas.minutes", self.katas.minutes),
            ("teach.katas.constraints", self.katas.constraints),
        ] {
            if !in_order(range) {
                problem(name, "It is two numbers, from and to, of which the first is at least 1 and not the larger one.".to_owned());
            }
        }
        for (name, number) in [
            ("teach.words.hover_text", self.words.hover_text),
            ("teach.words.message", self.words.message),
            (
                "teach.words.phase_description",
                self.words.phase_description,
            ),
        ] {
            if number < check::FEWEST_WORDS {
                problem(
                    name,
                    format!(
                        "A text needs room for a sentence, at least {} words.",
                        check::FEWEST_WORDS
                    ),
                );
            }
        }
        for (name, number) in [
            ("teach.stage_change.sessions", self.stage_change.sessions),
            (
                "teach.stage_change.independent_completions",
                self.stage_change.independent_completions,
            ),
            (
                "teach.stage_change.sessions_of_need",
                self.stage_change.sessions_of_need,
            ),
            (
                "teach.stage_change.half_life_days",
                self.stage_change.half_life_days,
            ),
            ("teach.katas.debug_every", self.katas.debug_every),
        ] {
            if number == 0 {
                problem(name, "It is at least 1.".to_owned());
            }
        }
        problems
    }
}
