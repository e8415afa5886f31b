//! Coaching sessions: one active at a time, started by Claude or the UI, ended on purpose.

use std::path::Path;

use paige_protocol::{
    ProjectPath,
    coach::{
        Action, ServerMessage,
        session::{
            Cost, PhaseSummary, SessionCompleted, SessionStarted, SessionStatus, SessionSummary,
            Summary,
        },
    },
};
use paige_store::{
    Reader, StoreError, Unit,
    coach::{
        self as rows, OpenedBy, actions, api_calls, dreyfus, gaps, hint_level_spans, katas, marks,
        open_files,
        phases::{self, Phase},
        plans, progress,
        sessions::{self, NewSession, Session},
        stage_decisions,
    },
    millis_between,
};

use crate::{
    Coach, CoachError, convert, log,
    observer::tell_status,
    push,
    wrap_up::{self, Ending},
};

/// What a new session is about.
#[derive(Debug, Clone)]
pub struct StartSession {
    /// The issue to work on.
    pub issue_number: Option<u32>,
    /// Its title.
    pub issue_title: Option<String>,
    /// Who starts it.
    pub started_by: StartedBy,
    /// End an active session as abandoned.
    pub force: bool,
}

/// Who starts a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartedBy {
    /// A hook of Claude Code.
    Hook,
    /// Claude, through its tool.
    Mcp,
    /// The human, in the desktop app.
    Ui,
}

impl Coach {
    /// Checks that a folder named by Claude is the one that is served (decisions, "Whose project").
    ///
    /// # Errors
    /// When it is another.
    pub fn check_project(&self, asked: &str) -> Result<(), CoachError> {
        let canonical = Path::new(asked).canonicalize();
        if canonical.is_ok_and(|path| path == self.0.workspace.root()) {
            return Ok(());
        }
        Err(CoachError::ProjectMismatch {
            asked: asked.to_owned(),
            served: self.0.project_dir.clone(),
        })
    }

    /// Starts a session (decisions, "Who starts a session").
    ///
    /// # Errors
    /// When one is active and `force` is not set.
    pub async fn start_session(&self, start: StartSession) -> Result<SessionStarted, CoachError> {
        let _rules = self.0.rules.lock().await;
        let project_dir = self.0.project_dir.clone();
        let config = self.0.config.clone();
        let observed = config.observer.enabled;
        let open: Vec<String> = self
            .0
            .open_files
            .lock()
            .paths()
            .iter()
            .map(ToString::to_string)
            .collect();
        let (row, started) = self
            .commit(move |unit| {
                if let Some(active) = sessions::active(unit)? {
                    if !start.force {
                        return Err(CoachError::ActiveSessionExists(active.id));
                    }
                    end(unit, &active, rows::SessionStatus::Abandoned, observed)?;
                }
                let level = config.first_hint_level(lowest_stage(unit)?.as_str());
                let row = sessions::create(
                    unit,
                    &NewSession {
                        project_dir,
                        issue_number: start.issue_number,
                        issue_title: start.issue_title,
                        started_by: match start.started_by {
                            StartedBy::Hook => rows::StartedBy::Hook,
                            StartedBy::Mcp => rows::StartedBy::Mcp,
                            StartedBy::Ui => rows::StartedBy::Ui,
                        },
                        hint_level: convert::level_to(level),
                    },
                )?;
                hint_level_spans::begin(unit, row.id, row.hint_level)?;
                for path in &open {
                    open_files::open(unit, row.id, path, OpenedBy::User)?;
                }
                log(
                    unit,
                    Some(row.id),
                    &Action::SessionStarted {
                        issue_number: row.issue_number,
                        issue_title: row.issue_title.clone(),
                        started_by: row.started_by.as_str().to_owned(),
                    },
                )?;
                let started = SessionStarted {
                    session_id: row.id,
                    session: convert::session(&row),
                    hint_level: level,
                };
                push(unit, &ServerMessage::SessionStarted(started.clone()))?;
                if observed {
                    tell_status(unit, row.id, true)?;
                }
                Ok((row, started))
            })
            .await?;
        self.0.marks.lock().clear();
        self.0.previous.lock().clear();
        self.0.tallies.lock().end_windows();
        *self.0.active.lock() = Some(row);
        tracing::info!(
            session = started.session_id,
            "A coaching session has started."
        );
        Ok(started)
    }

    /// Ends the active session, and waits until it is wrapped up.
    ///
    /// # Errors
    /// As [`end`](Self::end).
    pub async fn end_session(
        &self,
        transcript: Option<String>,
    ) -> Result<SessionCompleted, CoachError> {
        self.end(transcript).await?.wrapped_up().await
    }

    /// Ends the active session. Its highlights, marked files and open files end with it, and it is
    /// put down to be wrapped up if there is a model and anything to learn from.
    ///
    /// # Errors
    /// Without an active session.
    pub async fn end(&self, transcript: Option<String>) -> Result<Ending, CoachError> {
        let ended = self.end_when(transcript, |_, _| Ok(true)).await?;
        ended.ok_or(CoachError::NoActiveSession)
    }

    /// The same if `wanted`, which sees the active session in the unit that ends it, says so; what it
    /// changes there stays.
    ///
    /// # Errors
    /// Without an active session.
    pub(crate) async fn end_when(
        &self,
        transcript: Option<String>,
        wanted: impl FnOnce(&mut Unit<'_>, &Session) -> Result<bool, CoachError> + Send + 'static,
    ) -> Result<Option<Ending>, CoachError> {
        let waiting = self.0.wrapped_up.subscribe();
        let thinks = self.can_think().is_ok();
        let observed = self.0.config.observer.enabled;
        let transcript = transcript
            .filter(|text| !text.trim().is_empty())
            .map(|text| wrap_up::kept(&text));
        let _rules = self.0.rules.lock().await;
        // Observations of this session that are still on their way belong before its end.
        self.0.store.observed().await;
        let completed = self
            .commit(move |unit| {
                let active = sessions::active(unit)?.ok_or(CoachError::NoActiveSession)?;
                if !wanted(unit, &active)? {
                    return Ok(None);
                }
                let learns = transcript.is_some() || wrap_up::is_eventful(unit, active.id)?;
                if !(thinks && learns) {
                    return end(unit, &active, rows::SessionStatus::Completed, observed).map(Some);
                }
                let ended = end(unit, &active, rows::SessionStatus::Ending, observed)?;
                wrap_up::schedule(unit, active.id, transcript.as_deref())?;
                Ok(Some(ended))
            })
            .await?;
        let Some(completed) = completed else {
            return Ok(None);
        };
        self.0.wrap_up_due.notify_one();
        self.0.marks.lock().clear();
        self.0.previous.lock().clear();
        self.0.tallies.lock().end_windows();
        *self.0.active.lock() = None;
        tracing::info!(
            session = completed.session_id,
            "The coaching session has ended."
        );
        Ok(Some(Ending {
            ended: completed,
            waiting,
        }))
    }

    /// What was done in a session.
    ///
    /// # Errors
    /// When there is no such session.
    pub fn summary(&self, session_id: u32) -> Result<SessionSummary, CoachError> {
        let found = self.0.store.snapshot(|reader| {
            let Some(row) = sessions::by_id(reader, session_id)? else {
                return Ok(None);
            };
            Ok(Some(SessionSummary {
                session: convert::session(&row),
                summary: summarise(reader, &row)?,
            }))
        })?;
        found.ok_or(CoachError::UnknownId {
            what: "session",
            id: session_id,
        })
    }

    /// Goes on with a session that the last run left active (decisions, "Who starts a session",
    /// "Whose project").
    pub(crate) async fn take_up_session(&self) -> Result<(), CoachError> {
        let Some(row) = self.0.store.read(sessions::active)? else {
            return Ok(());
        };
        if row.project_dir != self.0.project_dir {
            tracing::warn!(
                session = row.id,
                project = %row.project_dir,
                "A session of another project was left active; it is now abandoned."
            );
            let abandoned: Result<_, CoachError> = self
                .commit(move |unit| end(unit, &row, rows::SessionStatus::Abandoned, false))
                .await;
            abandoned?;
            return Ok(());
        }
        let open = self
            .0
            .store
            .read(|reader| open_files::list(reader, row.id))?;
        let open = open
            .iter()
            .filter_map(|file| ProjectPath::parse(&file.path).ok())
            .collect();
        self.0.open_files.lock().replace(open);
        tracing::info!(
            session = row.id,
            "The coaching session of the last run goes on."
        );
        *self.0.active.lock() = Some(row);
        Ok(())
    }
}

/// Ends a session in a unit: status, times, timeline and push, and all that ends with it.
fn end(
    unit: &mut Unit<'_>,
    session: &Session,
    status: rows::SessionStatus,
    observed: bool,
) -> Result<SessionCompleted, CoachError> {
    hint_level_spans::end(unit, session.id)?;
    let ended = sessions::end(unit, session.id, status)?;
    marks::clear(unit, session.id, &marks::Filter::default())?;
    for file in open_files::list(unit, session.id)? {
        open_files::close(unit, session.id, &file.path)?;
    }
    let wire_status: SessionStatus = convert::status(status);
    let of_session = actions::Filter {
        scope: Some(Some(session.id)),
        ..actions::Filter::default()
    };
    let calls = api_calls::Period {
        scope: Some(session.id),
        since: None,
    };
    log(
        unit,
        Some(session.id),
        &Action::SessionEnded {
            status: wire_status,
            duration_ms: millis_between(&session.started_at, unit.now()).unwrap_or(0) as f64,
            actions: actions::count(unit, &of_session)?,
            api_calls: api_calls::totals(unit, &calls)?.calls,
        },
    )?;
    let completed = wrap_up::completed(unit, &ended)?;
    if observed {
        tell_status(unit, session.id, false)?;
    }
    // What is wrapped up first is told after that.
    if status != rows::SessionStatus::Ending {
        push(unit, &ServerMessage::SessionCompleted(completed.clone()))?;
    }
    Ok(completed)
}

pub(crate) fn summarise(reader: &Reader<'_>, session: &Session) -> Result<Summary, StoreError> {
    let mut summary = Summary::default();
    let spent = api_calls::totals(
        reader,
        &api_calls::Period {
            scope: Some(session.id),
            since: None,
        },
    )?;
    summary.cost = Cost {
        calls: spent.calls,
        usd: spent.cost,
        unpriced: spent.unpriced,
    };
    for decision in stage_decisions::by_session(reader, session.id)? {
        if decision.accepted {
            summary
                .stages
                .push(format!("{}: {}", decision.skill_area, decision.decided));
        }
    }
    let errors = rows::wrap_up::errors(reader, session.id)?;
    for job in rows::wrap_up::by_session(reader, session.id)? {
        let last = errors.iter().rfind(|error| error.agent_name == job.step);
        if job.status == rows::JobStatus::Failed
            && let Some(error) = last
        {
            summary.errors.push(error.error_message.clone());
        }
    }
    for phase in active_phases(reader, session.id)? {
        let Some(started) = &phase.started_at else {
            continue;
        };
        let until = phase
            .completed_at
            .clone()
            .or_else(|| session.ended_at.clone())
            .unwrap_or_else(paige_store::now);
        summary.phases.push(PhaseSummary {
            number: phase.number,
            title: phase.title.clone(),
            minutes: u32::try_from(millis_between(started, &until).unwrap_or(0) / 60_000)
                .unwrap_or(u32::MAX),
            hints_used: progress::hints_used(reader, phase.id)?,
        });
    }
    for gap in gaps::by_session(reader, session.id)? {
        for kata in katas::by_gap(reader, gap.id)? {
            summary.katas.push(kata.title);
        }
        summary.gaps.push(gap.topic);
    }
    Ok(summary)
}

/// The phases of the active plan, in order; none without a plan.
pub(crate) fn active_phases(
    reader: &Reader<'_>,
    session_id: u32,
) -> Result<Vec<Phase>, StoreError> {
    match plans::active(reader, session_id)? {
        Some(plan) => phases::by_plan(reader, plan.id),
        None => Ok(Vec::new()),
    }
}

/// Looks again, inside a unit, whether the session that a rule saw is still the active one.
pub(crate) fn still_active(reader: &Reader<'_>, session_id: u32) -> Result<Session, CoachError> {
    sessions::active(reader)?
        .filter(|active| active.id == session_id)
        .ok_or(CoachError::NoActiveSession)
}

/// Refuses an issue other than the session's while its plan has progress (decisions, "The session's
/// issue").
pub(crate) fn refuse_other_issue(
    reader: &Reader<'_>,
    session: &Session,
    wanted: Option<u32>,
    force: bool,
) -> Result<(), CoachError> {
    if let (Some(current), Some(wanted)) = (session.issue_number, wanted)
        && current != wanted
        && !force
        && active_phases(reader, session.id)?
            .iter()
            .any(|phase| phase.status != rows::PhaseStatus::Pending)
    {
        return Err(CoachError::IssueChanged { current });
    }
    Ok(())
}

/// The lowest stage of all that is known of the learner; a newcomer counts as a novice.
pub(crate) fn lowest_stage(reader: &Reader<'_>) -> Result<rows::Stage, StoreError> {
    let stages = dreyfus::list(reader)?;
    Ok(stages
        .iter()
        .map(|row| row.stage)
        .min()
        .unwrap_or(rows::Stage::Novice))
}
