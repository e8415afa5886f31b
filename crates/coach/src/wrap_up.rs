//! What a session leaves behind: gaps and katas, stages, memories (spec: story 9, AC 4 to 6;
//! decisions, "Wrap-up").
//!
//! Ending a session is one unit that also puts a job down for each step. One task does the jobs, in
//! their order, after a restart as well; what a step stores and that it is done become true
//! together, so that each result is stored once. Whoever ends a session may wait for it.

pub(crate) mod inputs;
pub(crate) mod steps;
mod transcript;

use std::time::Duration;

use paige_protocol::coach::{
    Action, ServerMessage,
    session::{SessionCompleted, SessionStatus},
    tools::WrapUpStep,
};
use paige_store::{
    Reader, Unit,
    coach::{
        self as rows, Agent, JobStatus, actions,
        sessions::{self, Session},
        wrap_up::{self, Job},
    },
};
use tokio::sync::broadcast;

use crate::{Coach, CoachError, convert, log, push, session::summarise};

pub(crate) use transcript::kept;

/// The steps in the order in which they run: reflection reads the gaps.
pub(crate) const STEPS: [Agent; 3] = [Agent::KnowledgeGap, Agent::Dreyfus, Agent::Reflection];

/// A step that was begun this often and never came to an end, however that went, has failed.
const MOST_ATTEMPTS: u32 = 5;

/// After a failure of the database the jobs are looked at again.
const AGAIN: Duration = Duration::from_secs(5);

/// What of a session is worth a wrap-up: anything but that it was there and that Claude looked.
const UNEVENTFUL: [&str; 6] = [
    "session_started",
    "session_resumed",
    "session_ended",
    "mcp_tool_call",
    "claude_read",
    "tool_denied",
];

impl Coach {
    /// Does what there is to do of wrap-ups, now and whenever a session ends; run it as a task. Cut
    /// off at any moment it leaves its job pending, and the next run takes it up.
    pub async fn run_wrap_ups(&self) {
        loop {
            match self.wrap_up_all().await {
                Ok(()) => self.0.wrap_up_due.notified().await,
                Err(error) => {
                    tracing::error!(%error, "A wrap-up cannot go on; it is tried again in a few seconds.");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    async fn wrap_up_all(&self) -> Result<(), CoachError> {
        let ending = |reader: &Reader<'_>| sessions::by_status(reader, rows::SessionStatus::Ending);
        let mut sessions = self.0.store.read(ending)?;
        sessions.sort_by_key(|session| session.id);
        for session in sessions {
            self.wrap_up(session.id).await?;
        }
        Ok(())
    }

    /// Does the pending steps of a session. Only a failure of the database is an error.
    async fn wrap_up(&self, session: u32) -> Result<(), CoachError> {
        let jobs = self
            .0
            .store
            .read(|reader| wrap_up::by_session(reader, session))?;
        let of = u32::try_from(jobs.len()).unwrap_or(u32::MAX);
        for (step, job) in (1..).zip(&jobs) {
            if job.status != JobStatus::Pending {
                continue;
            }
            self.tell_progress(doing(job.step), step, of);
            let id = job.id;
            let job = self
                .commit(move |unit| Ok(wrap_up::begin(unit, id)?))
                .await?;
            let outcome = if job.attempts > MOST_ATTEMPTS {
                Err(CoachError::Cut)
            } else {
                self.step(&job).await
            };
            match outcome {
                Ok(()) => {}
                Err(CoachError::Store(error)) => return Err(error.into()),
                Err(error) => self.step_failed(&job, &error).await?,
            }
        }
        let completed = self.commit(move |unit| complete(unit, session)).await?;
        if let Some(completed) = completed {
            tracing::info!(session, "The session is wrapped up.");
            // Nobody may be waiting for it.
            let _ = self.0.wrapped_up.send(completed);
        }
        Ok(())
    }

    async fn step_failed(&self, job: &Job, error: &CoachError) -> Result<(), CoachError> {
        let (id, session, step) = (job.id, job.session_id, job.step);
        let message = match error {
            CoachError::Cut => "The step was begun several times and never finished.".to_owned(),
            error => error.message(),
        };
        tracing::warn!(session, step = step.as_str(), %error, "A step of a wrap-up has failed.");
        self.commit(move |unit| {
            wrap_up::failed(unit, id, &message)?;
            log(
                unit,
                Some(session),
                &Action::WrapUpError {
                    agent: step.as_str().to_owned(),
                    error: message,
                },
            )
        })
        .await
    }

    /// Tries the steps again that are not done, or the one that is named, of a session that has
    /// ended (decisions, "Wrap-up"); of the one that ended last when none is named. Waits for it.
    ///
    /// # Errors
    /// When there is no such session or it is active, when everything is done, or without a model.
    pub async fn retry_wrap_up(
        &self,
        session: Option<u32>,
        step: Option<WrapUpStep>,
    ) -> Result<SessionCompleted, CoachError> {
        self.can_think()?;
        let only = step.map(|step| match step {
            WrapUpStep::KnowledgeGap => Agent::KnowledgeGap,
            WrapUpStep::Dreyfus => Agent::Dreyfus,
            WrapUpStep::Reflection => Agent::Reflection,
        });
        let rules = self.0.rules.lock().await;
        let waiting = self.0.wrapped_up.subscribe();
        let ended = self
            .commit(move |unit| {
                let row = match session {
                    Some(id) => sessions::by_id(unit, id)?.ok_or(CoachError::UnknownId {
                        what: "session",
                        id,
                    })?,
                    None => sessions::last_ended(unit)?.ok_or_else(|| {
                        CoachError::InvalidArgument("No session has ended yet.".into())
                    })?,
                };
                if row.status == rows::SessionStatus::Active {
                    return Err(CoachError::InvalidArgument(format!(
                        "Session {} is active. End it with `paige_end_session`; that wraps it up.",
                        row.id
                    )));
                }
                let done: Vec<Agent> = wrap_up::by_session(unit, row.id)?
                    .iter()
                    .filter(|job| job.status == JobStatus::Done)
                    .map(|job| job.step)
                    .collect();
                let todo: Vec<Agent> = STEPS
                    .into_iter()
                    .filter(|step| only.is_none_or(|only| only == *step) && !done.contains(step))
                    .collect();
                if todo.is_empty() {
                    return Err(CoachError::InvalidArgument(format!(
                        "Nothing is left to do of the wrap-up of session {}.",
                        row.id
                    )));
                }
                for step in todo {
                    wrap_up::schedule(unit, row.id, step, None)?;
                }
                let row = sessions::set_status(unit, row.id, rows::SessionStatus::Ending)?;
                completed(unit, &row)
            })
            .await?;
        drop(rules);
        self.0.wrap_up_due.notify_one();
        Ending { ended, waiting }.wrapped_up().await
    }
}

/// A session that has ended, and whose wrap-up may be under way. Dropping it stops nothing.
pub struct Ending {
    pub(crate) ended: SessionCompleted,
    pub(crate) waiting: broadcast::Receiver<SessionCompleted>,
}

impl Ending {
    /// Waits until the session is wrapped up.
    ///
    /// # Errors
    /// When the sidecar stops before that.
    pub async fn wrapped_up(mut self) -> Result<SessionCompleted, CoachError> {
        if self.ended.status != SessionStatus::Ending {
            return Ok(self.ended);
        }
        loop {
            match self.waiting.recv().await {
                Ok(completed) if completed.session_id == self.ended.session_id => {
                    return Ok(completed);
                }
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return Err(CoachError::Cut),
            }
        }
    }
}

fn doing(step: Agent) -> &'static str {
    match step {
        Agent::KnowledgeGap => "Looking for what was hard",
        Agent::Dreyfus => "Looking at what has grown",
        Agent::Reflection => "Writing down what to remember",
    }
}

/// Whether anything happened in a session of which something could be learned.
pub(crate) fn is_eventful(reader: &Reader<'_>, session: u32) -> Result<bool, CoachError> {
    let filter = |kind| actions::Filter {
        scope: Some(Some(session)),
        kind,
        ..actions::Filter::default()
    };
    let mut uneventful = 0;
    for kind in UNEVENTFUL {
        uneventful += actions::count(reader, &filter(Some(kind)))?;
    }
    Ok(actions::count(reader, &filter(None))? > uneventful)
}

/// Puts the steps down in the unit that ends a session.
pub(crate) fn schedule(
    unit: &mut Unit<'_>,
    session: u32,
    transcript: Option<&str>,
) -> Result<(), CoachError> {
    for step in STEPS {
        let input = transcript.filter(|_| step == Agent::Reflection);
        wrap_up::schedule(unit, session, step, input)?;
    }
    Ok(())
}

/// Ends the wrap-up of a session and tells everyone; `None` when it is not at its end.
fn complete(unit: &mut Unit<'_>, session: u32) -> Result<Option<SessionCompleted>, CoachError> {
    let row = sessions::by_id(unit, session)?;
    if row.is_none_or(|row| row.status != rows::SessionStatus::Ending) {
        return Ok(None);
    }
    let jobs = wrap_up::by_session(unit, session)?;
    if jobs.iter().any(|job| job.status == JobStatus::Pending) {
        return Ok(None);
    }
    let status = if jobs.iter().any(|job| job.status == JobStatus::Failed) {
        rows::SessionStatus::CompletedWithErrors
    } else {
        rows::SessionStatus::Completed
    };
    let row = sessions::set_status(unit, session, status)?;
    let completed = completed(unit, &row)?;
    push(unit, &ServerMessage::SessionCompleted(completed.clone()))?;
    Ok(Some(completed))
}

/// What is told of a session that has ended.
pub(crate) fn completed(
    reader: &Reader<'_>,
    row: &Session,
) -> Result<SessionCompleted, CoachError> {
    let mut stored = steps::Stored::default();
    for job in wrap_up::by_session(reader, row.id)? {
        if let (JobStatus::Done, Some(result)) = (job.status, &job.result) {
            stored = stored.and(serde_json::from_str(result).unwrap_or_default());
        }
    }
    let status: SessionStatus = convert::status(row.status);
    Ok(SessionCompleted {
        session_id: row.id,
        status,
        memories_added: stored.memories,
        gaps_identified: stored.gaps,
        katas_generated: stored.katas,
        assessments_updated: stored.assessments,
        summary: summarise(reader, row)?,
    })
}
