//! The hint level, and hints that were read (decisions, "Hint level").

use paige_protocol::coach::{
    Action, ServerMessage,
    hints::{HintLevel, Level, LevelSource},
};
use paige_store::coach::{hints, phases, plans, sessions};

use crate::{
    Coach, CoachError, log,
    phases::{filter_hints, set_level, use_hint},
    push,
};

impl Coach {
    /// Sets the level that the learner wants; it stays until the session ends.
    ///
    /// Without an active session it is told to all and put on the timeline, and the next session
    /// starts with its own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_level(
        &self,
        shown: Option<HintLevel>,
        to: HintLevel,
    ) -> Result<Level, CoachError> {
        let _rules = self.0.rules.lock().await;
        let session = self.0.active.lock().as_ref().map(|session| session.id);
        self.settle_marks(None);
        let level = Level {
            level: to,
            source: LevelSource::User,
        };
        let told = level.clone();
        let changed = self
            .commit(move |unit| {
                let row = match session {
                    Some(id) => sessions::by_id(unit, id)?,
                    None => None,
                };
                let Some(row) = row else {
                    log(
                        unit,
                        None,
                        &Action::HintsLevelChange {
                            phase_id: None,
                            from: shown.unwrap_or(HintLevel::Medium),
                            to,
                            source: told.source,
                        },
                    )?;
                    push(unit, &ServerMessage::HintLevel(told))?;
                    return Ok(None);
                };
                let phase = match plans::active(unit, row.id)? {
                    Some(plan) => phases::active(unit, plan.id)?,
                    None => None,
                };
                let row = set_level(unit, &row, phase.as_ref(), to, told.source)?;
                filter_hints(unit, &row, phase.as_ref())?;
                Ok(Some(row))
            })
            .await?;
        if changed.is_some() {
            *self.0.active.lock() = changed;
            self.reload_marks()?;
        }
        Ok(level)
    }

    /// Counts a hover text as used, once (decisions, "Hint level").
    ///
    /// # Errors
    /// When there is no such hint, without an active session, or when the database fails.
    pub async fn hint_viewed(&self, hint_id: u32) -> Result<(), CoachError> {
        self.commit(move |unit| {
            let hint = hints::by_id(unit, hint_id)?.ok_or(CoachError::UnknownId {
                what: "hint",
                id: hint_id,
            })?;
            let session = sessions::active(unit)?.ok_or(CoachError::NoActiveSession)?;
            use_hint(unit, &session, hint.phase_id, &hint, HOVER_RUNG)
        })
        .await
    }
}

/// The rung of a hover text (the third of the hint ladder).
const HOVER_RUNG: u32 = 3;
