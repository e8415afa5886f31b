//! What stands between Claude's words and the learner: texts that are too much for their stage are
//! refused with a sentence that says what to write instead, and hints that skip a rung are counted
//! (decisions, "Rungs"; coaching.md §1).

use std::collections::BTreeSet;

use paige_protocol::ProjectPath;
use paige_store::{
    Reader, StoreError, Unit,
    coach::{
        HintLevel, actions, observers,
        phases::{self, Phase},
        plans,
        progress::{self, Progress},
        sessions::Session,
    },
};

use crate::{
    Coach, CoachError,
    observer::Breaker,
    session::lowest_stage,
    teach::{ASKS_FROM, Place, Project, Rules, Text, Violation},
};

/// The rung of a sketch.
const SHAPE: u8 = 4;
/// Longer texts are looked at by a thread that may be busy.
const SMALL: usize = 4 * 1024;
/// Quotations are looked for in so many files.
const MOST_FILES: usize = 20;

/// A text for the learner, before it is checked.
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) kind: Text,
    pub(crate) rung: u8,
}

impl Coach {
    /// Refuses texts that are too much for the learner. `about` is the file that they belong to.
    pub(crate) async fn check_texts(
        &self,
        session: u32,
        about: Option<&ProjectPath>,
        texts: Vec<Said>,
    ) -> Result<(), CoachError> {
        let (stage, phase) = self
            .0
            .store
            .snapshot(|reader| Ok((lowest_stage(reader)?, active_phase(reader, session)?)))?;
        let expected: Vec<ProjectPath> = phase
            .iter()
            .flat_map(|phase| phase.expected_files.0.iter())
            .filter_map(|path| ProjectPath::parse(path).ok())
            .collect();
        let solution_file = about.is_some_and(|path| expected.contains(path));
        let place = |rung| Place {
            stage,
            rung,
            solution_file,
        };
        let places: Vec<(Said, Place)> = texts
            .into_iter()
            .map(|said| {
                let place = place(said.rung);
                (said, place)
            })
            .collect();
        let coach = self.clone();
        let about = about.cloned();
        let length: usize = places.iter().map(|(said, _)| said.text.len()).sum();
        if length <= SMALL {
            // Most texts show no code at all, and need no other thread.
            match check_all(&self.0.config.teach, &places, &Project::empty()) {
                Err(CoachError::TooMuch(
                    Violation::TooMuchCode { .. } | Violation::TooFewHoles { .. },
                )) => {}
                done => return done,
            }
        }
        // Some of it may be a quotation: files are read for that, and there may be many.
        tokio::task::spawn_blocking(move || {
            let open = coach.0.open_files.lock().paths().to_vec();
            let project = coach.quotable(about.into_iter().chain(expected).chain(open));
            check_all(&coach.0.config.teach, &places, &project)
        })
        .await
        .map_err(|_| CoachError::Cut)?
    }

    /// What may be quoted of these files, of the first of them when they are many: their present texts.
    pub(crate) fn quotable(&self, files: impl IntoIterator<Item = ProjectPath>) -> Project {
        let mut seen = BTreeSet::new();
        let texts: Vec<_> = files
            .into_iter()
            .filter(|path| seen.insert(path.clone()))
            // Otherwise a refusal would tell which lines do not stand in a secret file.
            .filter(|path| !self.0.workspace.is_secret(path))
            .take(MOST_FILES)
            // A file that cannot be read has nothing to quote.
            .filter_map(|path| self.current_text(&path).ok())
            .collect();
        Project::of(texts.iter().map(|text| &**text))
    }
}

fn check_all(rules: &Rules, texts: &[(Said, Place)], project: &Project) -> Result<(), CoachError> {
    for (said, place) in texts {
        rules.check(&said.text, said.kind, *place, project)?;
    }
    Ok(())
}

/// The phase that the session is in.
pub(crate) fn active_phase(reader: &Reader<'_>, session: u32) -> Result<Option<Phase>, StoreError> {
    match plans::active(reader, session)? {
        Some(plan) => phases::active(reader, plan.id),
        None => Ok(None),
    }
}

/// Refuses the shape of a solution until everything else was tried (coaching.md §1, rung 4): the circuit
/// breaker has come to it in this phase, and the learner has the most help on.
pub(crate) fn refuse_early_sketch(
    unit: &mut Unit<'_>,
    session: &Session,
    rungs: &BTreeSet<u8>,
) -> Result<(), CoachError> {
    if rungs.last().is_none_or(|rung| *rung < SHAPE) {
        return Ok(());
    }
    let kept = observers::of_session(unit, session.id)?;
    let tried = kept.is_some_and(|kept| Breaker::of(kept.nudges.0).allows_sketch());
    if tried && session.hint_level == HintLevel::High {
        return Ok(());
    }
    Err(CoachError::TooEarly(format!(
        "Rung 4, the shape of a solution, waits until all else was tried: {} Help on rung 3 instead: say what to notice, or which experiment to run.",
        if tried {
            "the learner has not set the hint level to `high`."
        } else {
            "the Observer has not come to the step `rung4` in this phase."
        }
    )))
}

/// The lowest rung that hints of these rungs skip: one that was not shown yet in the active phase. Without
/// a phase nothing is skipped.
pub(crate) fn skipped_rung(
    unit: &mut Unit<'_>,
    session: u32,
    rungs: &BTreeSet<u8>,
) -> Result<Option<u8>, StoreError> {
    let Some(phase) = active_phase(unit, session)? else {
        return Ok(None);
    };
    let mut shown = shown_rungs(unit, session, &phase)?;
    shown.extend(rungs);
    let highest = rungs.last().copied().unwrap_or_default();
    Ok((1..highest).find(|rung| !shown.contains(rung)))
}

/// The rungs that were shown in a phase, by its own hints and by Claude.
fn shown_rungs(
    reader: &Reader<'_>,
    session: u32,
    phase: &Phase,
) -> Result<BTreeSet<u8>, StoreError> {
    let mut shown = BTreeSet::new();
    for event in progress::by_phase(reader, phase.id)? {
        if let Progress::HintUsed { rung, .. } = event.progress {
            shown.extend(u8::try_from(rung).ok());
        }
    }
    for kind in [
        "coaching_message",
        "decorations_applied",
        "file_hints_applied",
    ] {
        let filter = actions::Filter {
            scope: Some(Some(session)),
            kind: Some(kind),
            since: phase.started_at.as_deref(),
            ..actions::Filter::default()
        };
        for entry in actions::page(reader, &filter, u32::MAX)? {
            if kind == "file_hints_applied" {
                shown.insert(1);
            }
            shown.extend(entry.data.as_deref().map(rungs_of).unwrap_or_default());
        }
    }
    Ok(shown)
}

/// The rungs that an entry of the timeline names; earlier versions wrote none.
fn rungs_of(data: &str) -> Vec<u8> {
    #[derive(serde::Deserialize)]
    struct Named {
        #[serde(default)]
        rung: Option<u8>,
        #[serde(default)]
        rungs: Vec<u8>,
    }
    let named: Option<Named> = serde_json::from_str(data).ok();
    named
        .map(|named| named.rung.into_iter().chain(named.rungs).collect())
        .unwrap_or_default()
}

/// What is said to Claude about texts that were shown although their manner is not Paige's; `None` when it is.
pub(crate) fn manner_note<'a>(
    rules: &Rules,
    texts: impl Iterator<Item = (&'a str, u8)> + Clone,
) -> Option<String> {
    let mut notes = Vec::new();
    let silent = texts
        .clone()
        .filter(|(text, rung)| *rung >= ASKS_FROM && !rules.asks(text))
        .count();
    if silent > 0 {
        notes.push(format!(
            "It was shown, and {silent} of its texts of rung {ASKS_FROM} or more ask for nothing; let each ask for a \
             prediction or for something to try next time."
        ));
    }
    if let Some(word) = texts
        .filter_map(|(text, _)| rules.said_in_vain(text))
        .next()
    {
        notes.push(format!(
            "It was shown, and it says \"{word}\", which makes a hard thing sound easy; leave that word out next time."
        ));
    }
    joined(notes)
}

/// The notes together.
pub(crate) fn joined(notes: impl IntoIterator<Item = String>) -> Option<String> {
    let notes: Vec<String> = notes.into_iter().collect();
    (!notes.is_empty()).then(|| notes.join(" "))
}

/// What is said to Claude about a rung that it skipped.
pub(crate) fn note(skipped: u8) -> String {
    let what = match skipped {
        1 => "where to look",
        2 => "what to look at",
        _ => "how to think about it",
    };
    format!(
        "It was shown, and it skips rung {skipped} ({what}), which the learner has not seen in this phase; go there first next time."
    )
}
