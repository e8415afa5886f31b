//! What the Observer writes: units, and its row.

use paige_protocol::coach::{
    Action, ServerMessage,
    coaching::{Nudge as NudgeMessage, ObserverStatus, SuppressionReason},
};
use paige_store::{
    Json, Unit,
    coach::{Severity, gaps, observers, phases, plans, sessions},
};

use super::{Kept, Moment, Nudge, breaker::Breaker};
use crate::{CoachError, log, push};

/// How the Observer is, by its row.
pub(super) fn status_of(kept: Option<observers::Observer>, active: bool) -> ObserverStatus {
    ObserverStatus {
        active,
        muted: kept.as_ref().is_some_and(|kept| kept.muted),
        last_evaluation: kept.and_then(|kept| kept.last_evaluation_at),
    }
}

/// Tells everyone in a unit how the Observer of a session is (spec: story 10, AC 1 and 2).
pub(crate) fn tell_status(
    unit: &mut Unit<'_>,
    session: u32,
    active: bool,
) -> Result<ObserverStatus, CoachError> {
    let status = status_of(observers::of_session(unit, session)?, active);
    push(unit, &ServerMessage::ObserverStatus(status.clone()))?;
    Ok(status)
}

/// The unit of a nudge (decisions, "Nudge"; coaching.md §3 on the fifth).
pub(super) fn send(
    unit: &mut Unit<'_>,
    session: u32,
    row: &observers::Observer,
    nudge: Nudge,
) -> Result<(), CoachError> {
    if sessions::active(unit)?.is_none_or(|active| active.id != session) {
        return Ok(());
    }
    let muted = observers::of_session(unit, session)?.is_some_and(|kept| kept.muted);
    if muted {
        return log(
            unit,
            Some(session),
            &Action::NudgeSuppressed {
                trigger: nudge.trigger,
                signal: Some(nudge.signal),
                confidence: Some(nudge.confidence),
                reason: SuppressionReason::Muted,
                times: 1,
                error: None,
            },
        );
    }
    observers::keep(unit, row)?;
    log(
        unit,
        Some(session),
        &Action::NudgeSent {
            signal: nudge.signal,
            confidence: nudge.confidence,
            step: nudge.context.step,
        },
    )?;
    if nudge.records_gap {
        record_gap(unit, session, &nudge)?;
    }
    let expires_at = nudge.expires_at.iso();
    let message = ServerMessage::Nudge(NudgeMessage {
        signal: nudge.signal,
        confidence: nudge.confidence,
        context: nudge.context,
        message: nudge.message,
        expires_at: expires_at.clone(),
        // To whom it is delivered is known where clients are.
        deliver: false,
        replay: None,
    });
    unit.push(message.kind(), message.payload_json(), Some(expires_at))?;
    Ok(())
}

/// Four nudges of a kind have not helped: what the phase teaches is open.
fn record_gap(unit: &mut Unit<'_>, session: u32, nudge: &Nudge) -> Result<(), CoachError> {
    let phase = match plans::active(unit, session)? {
        Some(plan) => phases::active(unit, plan.id)?,
        None => None,
    };
    let Some(phase) = phase else {
        return Ok(());
    };
    let teaching = &phase.teaching.0;
    gaps::record(
        unit,
        &gaps::NewGap {
            session_id: session,
            topic: teaching.teaches.clone().unwrap_or(phase.title.clone()),
            severity: Severity::High,
            evidence: format!(
                "In the phase \u{201c}{}\u{201d} four nudges of the kind {} did not help.",
                phase.title,
                super::breaker::word(nudge.signal)
            ),
            related_concepts: Vec::new(),
        },
    )?;
    Ok(())
}

/// What was kept of a session.
pub(super) fn kept_of(row: observers::Observer) -> Kept {
    Kept {
        muted: row.muted,
        last_nudge: row.last_nudge_at.as_deref().and_then(Moment::parse),
        last_evaluation: row.last_evaluation_at.as_deref().and_then(Moment::parse),
        updates: row.buffer_updates,
        explains: row.explain_requests,
        breaker: Breaker::of(row.nudges.0),
    }
}

/// What is to be kept of a session.
pub(super) fn row_of(session: u32, kept: &Kept) -> observers::Observer {
    observers::Observer {
        session_id: session,
        muted: kept.muted,
        last_nudge_at: kept.last_nudge.map(Moment::iso),
        last_evaluation_at: kept.last_evaluation.map(Moment::iso),
        buffer_updates: kept.updates,
        explain_requests: kept.explains,
        nudges: Json(kept.breaker.counts().clone()),
    }
}
