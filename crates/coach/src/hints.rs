//! The hint level, and hints that were read (decisions, "Hint level").

use paige_protocol::coach::{
    Action, ServerMessage,
    hints::{HintLevel, Level, LevelSource},
};
use paige_store::coach::{
    HintLevelSource, hints, phases, plans,
    progress::{self, Progress},
    sessions,
};

use crate::{Coach, CoachError, convert, log, push};

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
        let level = Level {
            level: to,
            source: LevelSource::User,
        };
        let message = ServerMessage::HintLevel(level.clone());
        let changed = self
            .0
            .store
            .commit(move |unit| {
                let mut changed = None;
                let mut from = shown.unwrap_or(HintLevel::Medium);
                let mut phase = None;
                if let Some(id) = session
                    && let Some(row) = sessions::by_id(unit, id)?
                {
                    from = convert::level_from(row.hint_level);
                    phase = match plans::active(unit, id)? {
                        Some(plan) => phases::active(unit, plan.id)?.map(|phase| phase.id),
                        None => None,
                    };
                    let level = convert::level_to(to);
                    changed = Some(sessions::set_hint_level(
                        unit,
                        id,
                        level,
                        HintLevelSource::User,
                    )?);
                }
                log(
                    unit,
                    session,
                    &Action::HintsLevelChange {
                        phase_id: phase,
                        from,
                        to,
                        source: LevelSource::User,
                    },
                )?;
                push(unit, &message)?;
                Ok::<_, CoachError>(changed)
            })
            .await?;
        if changed.is_some() {
            *self.0.active.lock() = changed;
        }
        Ok(level)
    }

    /// Counts a hover text as used, once (decisions, "Hint level").
    ///
    /// # Errors
    /// When there is no such hint, or the database fails.
    pub async fn hint_viewed(&self, hint_id: u32) -> Result<(), CoachError> {
        self.0
            .store
            .commit(move |unit| {
                let hint = hints::by_id(unit, hint_id)?.ok_or(CoachError::UnknownId {
                    what: "hint",
                    id: hint_id,
                })?;
                if !progress::hint_was_used(unit, hint.phase_id, hint_id, HOVER_RUNG)? {
                    let used = Progress::HintUsed {
                        hint_id,
                        hint_level: hint.required_level,
                        path: hint.path,
                        rung: HOVER_RUNG,
                    };
                    progress::record(unit, hint.phase_id, used)?;
                }
                Ok(())
            })
            .await
    }
}

/// The rung of a hover text (the third of the hint ladder).
const HOVER_RUNG: u32 = 3;
