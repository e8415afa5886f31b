//! What a plan must have (coaching.md §2), and how one that has not is mended.

mod draft;

use paige_protocol::ProjectPath;
use paige_store::coach::Stage;

pub use draft::{
    Difficulty, ExpectedFile, FileHint, Hints, LineHint, PhaseDraft, PhaseKind, PlanDraft,
};

use super::{Place, Project, Rules, Text, Violation, cut::INSTEAD, manner::ASKS_FROM};

/// The rung of a text that is shown with the phase, whatever the hint level.
const WHERE: u8 = 1;
/// The rung of highlighted lines.
const LINES: u8 = 2;
/// The rung of hover texts.
const HOVER: u8 = 3;

/// What a plan lacks; its sentence says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanViolation {
    /// It has too few or too many phases.
    #[error("The plan has {phases} and one for the stage {stage} has {least} to {most}; {}.",
        if .phases > .most { "join what belongs together" } else { "make the steps smaller" },
        phases = if *.phases == 1 { "1 phase".to_owned() } else { format!("{} phases", .phases) })]
    Phases {
        /// How many it has.
        phases: u32,
        /// The fewest.
        least: u32,
        /// The most.
        most: u32,
        /// For whom.
        stage: Stage,
    },
    /// The numbers of its phases are not 1, 2, 3 and so on.
    #[error(
        "Phase {place} of the plan is numbered {number}; number the phases from 1 without a gap."
    )]
    Numbering {
        /// Its place, from 1.
        place: u32,
        /// Its number.
        number: u32,
    },
    /// Nothing is reproduced before something is changed.
    #[error(
        "No phase of kind `reproduce` stands before the first change; begin with one in which the fault is reproduced and understood."
    )]
    NotReproduced,
    /// The change is not proved.
    #[error(
        "No phase of kind `prove` stands behind the change; add one in which the change is proved, best by a test that failed before."
    )]
    NotProved,
    /// A phase does not say something that it must say.
    #[error("Phase {phase} has an empty `{field}`; fill it in.")]
    Empty {
        /// The phase's place.
        phase: u32,
        /// The field.
        field: &'static str,
    },
    /// A path does not lie in the project.
    #[error(
        "Phase {phase} names `{path}`, which is not a path inside the project; name files relative to the project."
    )]
    Outside {
        /// The phase's place.
        phase: u32,
        /// The path.
        path: String,
    },
    /// A file is not there.
    #[error(
        "Phase {phase} names `{path}`, which does not exist; mark it as new if the learner is to make it, or name one that exists."
    )]
    NoFile {
        /// The phase's place.
        phase: u32,
        /// The path.
        path: String,
    },
    /// A hint at lines makes no sense.
    #[error(
        "Phase {phase} has a hint at the lines {start} to {end} of `{path}`; lines count from 1, and the last is not before the first."
    )]
    Range {
        /// The phase's place.
        phase: u32,
        /// The file.
        path: String,
        /// The first line.
        start: u32,
        /// The last line.
        end: u32,
    },
    /// A hint at lines has a rung that it cannot have.
    #[error(
        "Phase {phase} has a hint at lines with the rung {rung}; it is 2 for what to look at or 3 for how to think about it."
    )]
    Rung {
        /// The phase's place.
        phase: u32,
        /// The rung.
        rung: u8,
    },
    /// A hint skips a rung.
    #[error(
        "Phase {phase} has a hint of rung {rung} and none of rung {missing}; a hint never skips a rung, so give that one, too."
    )]
    SkippedRung {
        /// The phase's place.
        phase: u32,
        /// The rung that a hint has.
        rung: u8,
        /// The rung that is not there.
        missing: u8,
    },
    /// A hint asks for nothing.
    #[error(
        "Phase {phase} has a hint of rung {rung} in `{path}` that asks for nothing; let it ask for a prediction or for something to try."
    )]
    AsksNothing {
        /// The phase's place.
        phase: u32,
        /// The rung.
        rung: u8,
        /// The file.
        path: String,
    },
    /// A text has a word that is not said.
    #[error(
        "Phase {phase}, `{field}`: it says \"{word}\", which makes a hard thing sound easy; leave that word out."
    )]
    Vain {
        /// The phase's place.
        phase: u32,
        /// The field.
        field: &'static str,
        /// The word.
        word: String,
    },
    /// A text is too much.
    #[error("Phase {phase}, `{field}`: {violation}")]
    Text {
        /// The phase's place.
        phase: u32,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        violation: Violation,
    },
}

/// What a plan is checked against.
#[derive(Clone, Copy)]
struct Facts<'a> {
    stage: Stage,
    exists: &'a dyn Fn(&str) -> bool,
    project: &'a Project,
}

impl Rules {
    /// Everything that a plan lacks. `exists` says whether a path of the project is a file; `project` holds
    /// the lines of files that hints may quote.
    pub fn check_plan(
        &self,
        plan: &PlanDraft,
        stage: Stage,
        exists: &dyn Fn(&str) -> bool,
        project: &Project,
    ) -> Vec<PlanViolation> {
        let facts = Facts {
            stage,
            exists,
            project,
        };
        let mut found = self.check_shape(plan, stage);
        for (place, phase) in (1..).zip(&plan.phases) {
            self.check_phase(place, phase, facts, &mut found);
        }
        found
    }

    /// The plan with what can be mended mended: numbers, files that are not there, hints that are not
    /// allowed, texts that are too long. With it comes what no code can mend.
    pub fn repair_plan(
        &self,
        mut plan: PlanDraft,
        stage: Stage,
        exists: &dyn Fn(&str) -> bool,
        project: &Project,
    ) -> (PlanDraft, Vec<PlanViolation>) {
        let facts = Facts {
            stage,
            exists,
            project,
        };
        for (number, phase) in (1..).zip(&mut plan.phases) {
            phase.number = number;
            self.repair_phase(phase, facts);
        }
        if let Some(connection) = &mut plan.memory_connection {
            *connection = self.cut_to_prose(connection, Text::PhaseField, facts.shown(), project);
        }
        let left = self.check_plan(&plan, stage, exists, project);
        (plan, left)
    }

    fn check_shape(&self, plan: &PlanDraft, stage: Stage) -> Vec<PlanViolation> {
        let mut found = Vec::new();
        let [least, most] = self.phases_per_plan.of(stage);
        let phases = u32::try_from(plan.phases.len()).unwrap_or(u32::MAX);
        if !(least..=most).contains(&phases) {
            found.push(PlanViolation::Phases {
                phases,
                least,
                most,
                stage,
            });
        }
        for (place, phase) in (1..).zip(&plan.phases) {
            if phase.number != place {
                found.push(PlanViolation::Numbering {
                    place,
                    number: phase.number,
                });
            }
        }
        let first = |kind| plan.phases.iter().position(|phase| phase.kind == kind);
        let proved = plan
            .phases
            .iter()
            .rposition(|phase| phase.kind == PhaseKind::Prove);
        let changed = first(PhaseKind::Change);
        // One phase alone does both, and says so by the kind that stands at the end.
        let alone = plan.phases.len() == 1;
        let start = changed.or(proved).unwrap_or(usize::MAX);
        if !alone && first(PhaseKind::Reproduce).is_none_or(|reproduced| reproduced >= start) {
            found.push(PlanViolation::NotReproduced);
        }
        if proved.is_none_or(|proved| changed.is_some_and(|changed| proved < changed)) {
            found.push(PlanViolation::NotProved);
        }
        found
    }

    fn check_phase(
        &self,
        place: u32,
        phase: &PhaseDraft,
        facts: Facts<'_>,
        found: &mut Vec<PlanViolation>,
    ) {
        for (field, text) in phase.texts() {
            if text.trim().is_empty() {
                found.push(PlanViolation::Empty {
                    phase: place,
                    field,
                });
            }
            if let Err(violation) = self.check(text, kind_of(field), facts.shown(), facts.project) {
                found.push(PlanViolation::Text {
                    phase: place,
                    field,
                    violation,
                });
            }
            found.extend(self.vain(place, field, text));
        }
        if let Some(text) = &phase.memory_connection {
            found.extend(self.vain(place, "memory_connection", text));
        }
        if let Some(text) = &phase.memory_connection
            && let Err(violation) = self.check(text, Text::PhaseField, facts.shown(), facts.project)
        {
            found.push(PlanViolation::Text {
                phase: place,
                field: "memory_connection",
                violation,
            });
        }
        for file in &phase.expected_files {
            found.extend(facts.file(place, &file.path, file.new).err());
        }
        for hint in &phase.hints.file_hints {
            found.extend(facts.file(place, &hint.path, phase.makes(&hint.path)).err());
        }
        for hint in &phase.hints.line_hints {
            found.extend(facts.file(place, &hint.path, false).err());
            if hint.start == 0 || hint.end < hint.start {
                found.push(PlanViolation::Range {
                    phase: place,
                    path: hint.path.clone(),
                    start: hint.start,
                    end: hint.end,
                });
            }
            if !(LINES..=HOVER).contains(&hint.rung) {
                found.push(PlanViolation::Rung {
                    phase: place,
                    rung: hint.rung,
                });
            }
            if let Err(violation) = self.check(
                &hint.hover_text,
                Text::HoverText,
                facts.at(phase, hint),
                facts.project,
            ) {
                found.push(PlanViolation::Text {
                    phase: place,
                    field: "hover_text",
                    violation,
                });
            }
            found.extend(self.vain(place, "hover_text", &hint.hover_text));
            if hint.rung >= ASKS_FROM && !self.asks(&hint.hover_text) {
                found.push(PlanViolation::AsksNothing {
                    phase: place,
                    rung: hint.rung,
                    path: hint.path.clone(),
                });
            }
        }
        if let Some((rung, missing)) = phase.hints.skipped() {
            found.push(PlanViolation::SkippedRung {
                phase: place,
                rung,
                missing,
            });
        }
    }

    fn vain(&self, phase: u32, field: &'static str, text: &str) -> Option<PlanViolation> {
        let word = self.said_in_vain(text)?.to_owned();
        Some(PlanViolation::Vain { phase, field, word })
    }

    fn repair_phase(&self, phase: &mut PhaseDraft, facts: Facts<'_>) {
        for (field, text) in phase.texts_mut() {
            // What is empty stays so: it is not known what belonged there.
            if !text.trim().is_empty() {
                *text = self.mended(text, kind_of(field), facts.shown(), facts.project);
            }
        }
        if let Some(text) = &mut phase.memory_connection {
            *text = self.mended(text, Text::PhaseField, facts.shown(), facts.project);
        }
        phase
            .expected_files
            .retain(|file| facts.file(0, &file.path, file.new).is_ok());
        let new: Vec<String> = phase.new_files();
        let hints = &mut phase.hints;
        hints
            .file_hints
            .retain(|hint| facts.file(0, &hint.path, new.contains(&hint.path)).is_ok());
        hints.line_hints.retain(|hint| {
            facts.file(0, &hint.path, false).is_ok()
                && hint.start > 0
                && hint.end >= hint.start
                && (LINES..=HOVER).contains(&hint.rung)
        });
        while let Some((skipping, _)) = phase.hints.skipped() {
            phase.hints.line_hints.retain(|hint| hint.rung != skipping);
        }
        let places: Vec<Place> = phase
            .hints
            .line_hints
            .iter()
            .map(|hint| facts.at(phase, hint))
            .collect();
        for (hint, place) in phase.hints.line_hints.iter_mut().zip(places) {
            let mut text = self.mended(&hint.hover_text, Text::HoverText, place, facts.project);
            if !self.asks(&text) {
                text = self.with_a_question(&text, self.most_words(Text::HoverText));
                // Behind code that is not closed no question is one; what is said instead is.
                text = self.mended(&text, Text::HoverText, place, facts.project);
                if !self.asks(&text) {
                    text = INSTEAD.to_owned();
                }
            }
            hint.hover_text = text;
        }
    }

    /// A text without vain words and without what is too much.
    fn mended(&self, text: &str, kind: Text, place: Place, project: &Project) -> String {
        let text = match self.said_in_vain(text) {
            Some(_) => self.without_vain_words(text),
            None => text.to_owned(),
        };
        self.cut_to_prose(&text, kind, place, project)
    }
}

impl Facts<'_> {
    /// Where texts stand that are shown whatever the hint level.
    fn shown(self) -> Place {
        Place {
            stage: self.stage,
            rung: WHERE,
            solution_file: false,
        }
    }

    /// Where a hint stands.
    fn at(self, phase: &PhaseDraft, hint: &LineHint) -> Place {
        Place {
            stage: self.stage,
            rung: hint.rung.clamp(LINES, HOVER),
            solution_file: phase
                .expected_files
                .iter()
                .any(|file| file.path == hint.path),
        }
    }

    fn file(self, phase: u32, path: &str, new: bool) -> Result<(), PlanViolation> {
        let path = path.to_owned();
        match ProjectPath::parse(&path) {
            Err(_) => Err(PlanViolation::Outside { phase, path }),
            Ok(_) if new || (self.exists)(&path) => Ok(()),
            Ok(_) => Err(PlanViolation::NoFile { phase, path }),
        }
    }
}

fn kind_of(field: &str) -> Text {
    if field == "description" {
        Text::PhaseDescription
    } else {
        Text::PhaseField
    }
}

#[cfg(test)]
mod tests;
