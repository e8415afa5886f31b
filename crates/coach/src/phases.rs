//! Phases of a plan: `pending → active → complete`, one active, never backwards (spec: story 6,
//! AC 13 and 14), and the hints that come and go with them (decisions, "Hint level").

use std::collections::BTreeMap;

use paige_protocol::coach::{
    Action, ServerMessage,
    coaching::PhaseUpdate,
    connection::Empty,
    editor::{ClearHighlights, HighlightLines, HintFiles},
    hints::{HintLevel, Level, LevelSource},
    tools::{NextStatus, PhaseBrief},
};
use paige_store::{
    Reader, StoreError, Unit,
    coach::{
        HintLevelSource, HintType, Origin, PhaseStatus,
        hints::{self, Hint},
        marks::{self, Mark, NewMark},
        phases::{self, Phase},
        plans,
        progress::{self, Progress},
        sessions::{self, Session},
    },
};

use crate::{Coach, CoachError, convert, log, push, session::still_active};

/// The rung of a hint at a file, the first of the hint ladder.
const FILE_RUNG: u32 = 1;
/// The rung of highlighted lines.
const LINE_RUNG: u32 = 2;

impl Coach {
    /// Takes a phase one step forward. Where it stands already it is left as it is.
    ///
    /// # Errors
    /// Without an active session or plan, for a number that the plan does not have, and for a step
    /// that skips one or goes back.
    pub async fn update_phase(
        &self,
        number: u32,
        to: NextStatus,
    ) -> Result<PhaseBrief, CoachError> {
        let _rules = self.0.rules.lock().await;
        let session = self.active()?.id;
        self.settle_marks(None);
        let (phase, changed) = self
            .commit(move |unit| {
                let row = still_active(unit, session)?;
                let plan = plans::active(unit, session)?.ok_or(CoachError::NoActivePlan)?;
                let phase =
                    phases::by_number(unit, plan.id, number)?.ok_or(CoachError::UnknownPhase {
                        number,
                        last: plan.total_phases,
                    })?;
                let wanted = match to {
                    NextStatus::Active => PhaseStatus::Active,
                    NextStatus::Complete => PhaseStatus::Complete,
                };
                if phase.status == wanted {
                    return Ok((phase, None));
                }
                check_step(unit, &phase, wanted)?;
                let phase = phases::set_status(unit, phase.id, wanted)?;
                let told = (phase.id, phase.number, phase.title.clone());
                let action = match to {
                    NextStatus::Active => Action::PhaseStarted {
                        phase_id: told.0,
                        phase_number: told.1,
                        title: told.2,
                    },
                    NextStatus::Complete => Action::PhaseCompleted {
                        phase_id: told.0,
                        phase_number: told.1,
                        title: told.2,
                    },
                };
                log(unit, Some(session), &action)?;
                push(
                    unit,
                    &ServerMessage::PhaseUpdate(PhaseUpdate {
                        phase: convert::phase(&phase),
                    }),
                )?;
                let row = match to {
                    NextStatus::Active => begin(unit, row, &phase)?,
                    NextStatus::Complete => {
                        withdraw(unit, session)?;
                        row
                    }
                };
                Ok((phase, Some(row)))
            })
            .await?;
        if let Some(row) = changed {
            *self.0.active.lock() = Some(row);
            let active = (phase.status == PhaseStatus::Active).then_some(phase.id);
            self.0.previous.lock().in_phase(active);
            self.reload_marks()?;
        }
        Ok(convert::phase_brief(&phase))
    }
}

/// Refuses a step that skips one, goes back, or would make a second phase active.
fn check_step(reader: &Reader<'_>, phase: &Phase, to: PhaseStatus) -> Result<(), CoachError> {
    let refused = |reason: String| Err(CoachError::InvalidTransition(reason));
    let number = phase.number;
    match (phase.status, to) {
        (PhaseStatus::Pending, PhaseStatus::Active) => match phases::active(reader, phase.plan_id)?
        {
            Some(other) => refused(format!(
                "Phase {} is active, and one phase is active at a time. Complete it before phase {number} is begun.",
                other.number
            )),
            None => Ok(()),
        },
        (PhaseStatus::Active, PhaseStatus::Complete) => Ok(()),
        (PhaseStatus::Pending, _) => refused(format!(
            "Phase {number} was not begun yet. Set it active first; it is completed after that."
        )),
        (PhaseStatus::Active | PhaseStatus::Complete, _) => refused(format!(
            "Phase {number} is {} and does not go back. Go on with the next phase.",
            phase.status
        )),
    }
}

/// What begins with a phase: its hint level, unless the learner has set one, and its hints.
fn begin(unit: &mut Unit<'_>, row: Session, phase: &Phase) -> Result<Session, CoachError> {
    let (level, source) = if row.hint_level_source == HintLevelSource::User {
        (row.hint_level, None)
    } else if helped_before(unit, phase)? {
        let faded = lower(phase.hint_level);
        (faded, Some(LevelSource::Fading))
    } else {
        (phase.hint_level, Some(LevelSource::Phase))
    };
    let row = match source {
        Some(source) if level != row.hint_level => {
            set_level(unit, &row, Some(phase), convert::level_from(level), source)?
        }
        _ => row,
    };
    for hint in hints::by_phase(unit, phase.id, None)? {
        let lines = hint
            .line_start
            .map(|start| (start, hint.line_end.unwrap_or(start)));
        marks::add(
            unit,
            &NewMark {
                session_id: row.id,
                hint_id: Some(hint.id),
                path: hint.path.clone(),
                lines,
                style: hint.style,
                hover_text: None,
                origin: Origin::Phase,
                rung: hint.rung,
                shown: false,
            },
        )?;
    }
    filter_hints(unit, &row, Some(phase))?;
    Ok(row)
}

/// Whether help beyond "where" was used in the phase that was completed last: then the next one
/// starts with less (the hint ladder's fading).
fn helped_before(reader: &Reader<'_>, phase: &Phase) -> Result<bool, StoreError> {
    let mut completed: Vec<_> = phases::by_plan(reader, phase.plan_id)?
        .into_iter()
        .filter(|phase| phase.status == PhaseStatus::Complete)
        .collect();
    completed.sort_by(|a, b| {
        a.completed_at
            .cmp(&b.completed_at)
            .then(a.number.cmp(&b.number))
    });
    let Some(last) = completed.last() else {
        return Ok(false);
    };
    let rung = progress::highest_rung(reader, last.id)?;
    Ok(rung.is_some_and(|rung| rung >= LINE_RUNG))
}

fn lower(level: paige_store::coach::HintLevel) -> paige_store::coach::HintLevel {
    use paige_store::coach::HintLevel as L;
    match level {
        L::High => L::Medium,
        L::Medium => L::Low,
        L::Low | L::Off => L::Off,
    }
}

/// Sets the level in a unit, and tells of it: the row, the timeline, the push, and that help was
/// asked for when it is a raise.
pub(crate) fn set_level(
    unit: &mut Unit<'_>,
    row: &Session,
    phase: Option<&Phase>,
    to: HintLevel,
    source: LevelSource,
) -> Result<Session, CoachError> {
    let from = convert::level_from(row.hint_level);
    let stored = match source {
        LevelSource::User => HintLevelSource::User,
        LevelSource::Phase => HintLevelSource::Phase,
        LevelSource::Fading => HintLevelSource::Fading,
    };
    let changed = sessions::set_hint_level(unit, row.id, convert::level_to(to), stored)?;
    log(
        unit,
        Some(row.id),
        &Action::HintsLevelChange {
            phase_id: phase.map(|phase| phase.id),
            from,
            to,
            source,
        },
    )?;
    push(unit, &ServerMessage::HintLevel(Level { level: to, source }))?;
    if let Some(phase) = phase
        && to > from
    {
        progress::record(
            unit,
            phase.id,
            Progress::HintEscalated {
                from_level: row.hint_level,
                to_level: convert::level_to(to),
                phase_id: phase.id,
            },
        )?;
    }
    Ok(changed)
}

/// Shows of the phase's hints what the session's level allows, and tells clients what that changes:
/// `off` nothing, `low` files, `medium` lines too, `high` hover texts too; and no hint below the
/// level that it requires.
pub(crate) fn filter_hints(
    unit: &mut Unit<'_>,
    row: &Session,
    phase: Option<&Phase>,
) -> Result<(), CoachError> {
    let level = convert::level_from(row.hint_level);
    let before = marks::by_session(unit, row.id)?;
    let mut after = Vec::with_capacity(before.len());
    for mark in &before {
        let hint = match (mark.origin, mark.hint_id) {
            (Origin::Phase, Some(id)) => hints::by_id(unit, id)?,
            _ => None,
        };
        let Some(hint) = hint else {
            after.push(mark.clone());
            continue;
        };
        let shown = is_shown(&hint, level);
        let hover = hint
            .hover_text
            .as_deref()
            .filter(|_| shown && level == HintLevel::High);
        if mark.shown == shown && mark.hover_text.as_deref() == hover {
            after.push(mark.clone());
            continue;
        }
        after.push(marks::set_shown(unit, mark.id, shown, hover)?);
        if shown && let Some(phase) = phase {
            let rung = match hint.hint_type {
                HintType::File => FILE_RUNG,
                HintType::Line => LINE_RUNG,
            };
            use_hint(unit, row, phase.id, &hint, rung)?;
        }
    }
    tell_difference(unit, &before, &after)
}

/// Whether a hint is shown at this level.
fn is_shown(hint: &Hint, level: HintLevel) -> bool {
    let kind = match hint.hint_type {
        HintType::File => HintLevel::Low,
        HintType::Line => HintLevel::Medium,
    };
    level >= kind.max(convert::level_from(hint.required_level))
}

/// Counts a hint as used with this rung, once.
pub(crate) fn use_hint(
    unit: &mut Unit<'_>,
    row: &Session,
    phase_id: u32,
    hint: &Hint,
    rung: u32,
) -> Result<(), CoachError> {
    if progress::hint_was_used(unit, phase_id, hint.id, rung)? {
        return Ok(());
    }
    progress::record(
        unit,
        phase_id,
        Progress::HintUsed {
            hint_id: hint.id,
            hint_level: row.hint_level,
            path: hint.path.clone(),
            rung,
        },
    )?;
    log(
        unit,
        Some(row.id),
        &Action::HintUsed {
            hint_id: hint.id,
            path: hint.path.clone(),
            rung: u8::try_from(rung).unwrap_or(u8::MAX),
            hint_level: convert::level_from(row.hint_level),
        },
    )
}

/// Takes the phase's hints away, not those that a tool has set.
pub(crate) fn withdraw(unit: &mut Unit<'_>, session: u32) -> Result<(), CoachError> {
    let before = marks::by_session(unit, session)?;
    let of_phase = marks::Filter {
        origin: Some(Origin::Phase),
        ..marks::Filter::default()
    };
    marks::clear(unit, session, &of_phase)?;
    let after = marks::by_session(unit, session)?;
    tell_difference(unit, &before, &after)
}

/// Pushes what makes a client that shows `before` show `after`. Highlights and marked files add up at
/// a client, so that what is gone is cleared with all beside it, and the rest is shown again.
fn tell_difference(unit: &mut Unit<'_>, before: &[Mark], after: &[Mark]) -> Result<(), CoachError> {
    let shown = |marks: &[Mark]| {
        let mut lines: BTreeMap<String, Vec<_>> = BTreeMap::new();
        let mut files = Vec::new();
        for mark in marks.iter().filter(|mark| mark.shown) {
            if let Some(range) = convert::highlight(mark) {
                lines.entry(mark.path.clone()).or_default().push(range);
            } else {
                files.extend(convert::file_hint(mark));
            }
        }
        (lines, files)
    };
    let (lines_before, files_before) = shown(before);
    let (mut lines_after, files_after) = shown(after);
    for (path, ranges) in &lines_before {
        let now = lines_after.entry(path.clone()).or_default();
        if ranges.iter().all(|range| now.contains(range)) {
            now.retain(|range| !ranges.contains(range));
        } else {
            let path = Some(path.clone());
            push(
                unit,
                &ServerMessage::ClearHighlights(ClearHighlights { path }),
            )?;
        }
    }
    for (path, ranges) in lines_after {
        if !ranges.is_empty() {
            push(
                unit,
                &ServerMessage::HighlightLines(HighlightLines { path, ranges }),
            )?;
        }
    }
    let kept = files_before.iter().all(|file| files_after.contains(file));
    if !kept {
        push(unit, &ServerMessage::ClearHints(Empty {}))?;
    }
    let mut by_style: Vec<HintFiles> = Vec::new();
    for file in files_after {
        if kept && files_before.contains(&file) {
            continue;
        }
        match by_style.iter_mut().find(|told| told.style == file.style) {
            Some(told) => told.paths.push(file.path),
            None => by_style.push(HintFiles {
                paths: vec![file.path],
                style: file.style,
            }),
        }
    }
    for files in by_style {
        push(unit, &ServerMessage::HintFiles(files))?;
    }
    Ok(())
}
