//! Reviews that Claude has made of a phase's work (decisions, "`paige_record_review`").

use paige_protocol::coach::{
    Action,
    action::ReviewIssue,
    tools::{PhaseBrief, RecordReviewArgs},
};
use paige_store::coach::{
    phases, plans,
    progress::{self, Progress},
};

use crate::{Coach, CoachError, convert, log, session::still_active};

impl Coach {
    /// Records that a review was asked for and what it came to, in one unit.
    ///
    /// # Errors
    /// Without an active session or plan, without a phase to review, or without a verdict.
    pub async fn record_review(&self, args: RecordReviewArgs) -> Result<PhaseBrief, CoachError> {
        if args.feedback.trim().is_empty() {
            return Err(CoachError::InvalidArgument(
                "`feedback` is empty. Say in a sentence what the review came to.".into(),
            ));
        }
        let mut issues = Vec::with_capacity(args.issues.len());
        for issue in args.issues {
            if issue.topic.trim().is_empty() {
                return Err(CoachError::InvalidArgument(
                    "An issue has an empty `topic`. Name in a few words what it is about.".into(),
                ));
            }
            let path = issue.path.map(|path| self.path(&path)).transpose()?;
            issues.push(ReviewIssue {
                topic: issue.topic,
                path: path.map(String::from),
                line: issue.line,
            });
        }
        let session = self.active()?.id;
        let (number, passed, feedback) = (args.phase, args.passed, args.feedback);
        let phase = self
            .commit(move |unit| {
                still_active(unit, session)?;
                let plan = plans::active(unit, session)?.ok_or(CoachError::NoActivePlan)?;
                let phase = match number {
                    Some(number) => phases::by_number(unit, plan.id, number)?.ok_or(
                        CoachError::UnknownPhase {
                            number,
                            last: plan.total_phases,
                        },
                    )?,
                    None => phases::active(unit, plan.id)?.ok_or(CoachError::NoActivePhase)?,
                };
                progress::record(
                    unit,
                    phase.id,
                    Progress::ReviewRequested {
                        context: format!("phase {}", phase.number),
                        phase_id: phase.id,
                    },
                )?;
                let verdict = if passed {
                    Progress::ReviewPassed {
                        review_score: None,
                        feedback_summary: feedback.clone(),
                    }
                } else {
                    Progress::ReviewFailed {
                        feedback: feedback.clone(),
                        issues_count: u32::try_from(issues.len()).unwrap_or(u32::MAX),
                    }
                };
                progress::record(unit, phase.id, verdict)?;
                let phase_id = phase.id;
                log(
                    unit,
                    Some(session),
                    &Action::ReviewRequested {
                        phase_id: Some(phase_id),
                    },
                )?;
                let action = if passed {
                    Action::ReviewPassed {
                        phase_id,
                        feedback,
                        issues,
                    }
                } else {
                    Action::ReviewFailed {
                        phase_id,
                        feedback,
                        issues,
                    }
                };
                log(unit, Some(session), &action)?;
                Ok(phase)
            })
            .await?;
        Ok(convert::phase_brief(&phase))
    }
}
