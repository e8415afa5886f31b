//! What Claude says and shows, and that it called a tool at all.

use std::time::Duration;

use paige_protocol::{
    ErrorCode,
    coach::{
        Action, ServerMessage,
        coaching::{Anchor, CoachingMessage, IssueContext, MessageSource},
        tools::{ShowIssueContextArgs, ShowMessageArgs},
    },
};
use paige_store::coach::{PhaseStatus, issue_labels, sessions};

use crate::{
    Coach, CoachError, convert, log,
    marks::checked_rung,
    push,
    session::{active_phases, still_active},
};

/// A tool call that has been answered.
#[derive(Debug, Clone)]
pub struct ToolCall {
    /// Links it to what it changed.
    pub call_id: String,
    /// The tool.
    pub tool: String,
    /// Its arguments as JSON.
    pub args: String,
    /// The code of its error, if it failed.
    pub failed: Option<ErrorCode>,
    /// How long it took.
    pub took: Duration,
}

/// Arguments longer than this are cut on the timeline.
const LONGEST_ARGS: usize = 2000;

impl Coach {
    /// Says something to the learner (spec: story 6, AC 15).
    ///
    /// # Errors
    /// Without an active session, or with an empty message.
    pub async fn show_message(&self, args: ShowMessageArgs) -> Result<(), CoachError> {
        if args.message.trim().is_empty() {
            return Err(CoachError::InvalidArgument(
                "The message is empty. Say what you want the learner to read.".into(),
            ));
        }
        let rung = checked_rung(args.rung)?;
        let anchor: Option<Anchor> = match args.anchor {
            Some(anchor) => {
                self.path(&anchor.path)?;
                Some(anchor.into())
            }
            None => None,
        };
        let session = self.active()?.id;
        let message = CoachingMessage {
            message_id: uuid::Uuid::new_v4().to_string(),
            message: args.message,
            tone: args.tone,
            source: MessageSource::Coaching,
            anchor,
            rung: Some(rung),
        };
        self.0
            .store
            .commit(move |unit| {
                still_active(unit, session)?;
                log(
                    unit,
                    Some(session),
                    &Action::CoachingMessage {
                        message_id: message.message_id.clone(),
                        message: message.message.clone(),
                        tone: message.tone,
                        rung: message.rung,
                    },
                )?;
                push(unit, &ServerMessage::CoachingMessage(message))
            })
            .await
    }

    /// Shows the issue that is worked on, and makes it the session's (spec: story 6, AC 16;
    /// decisions, "The session's issue").
    ///
    /// # Errors
    /// Without an active session, or when another issue's plan has progress.
    pub async fn show_issue_context(&self, args: ShowIssueContextArgs) -> Result<(), CoachError> {
        if args.title.trim().is_empty() {
            return Err(CoachError::InvalidArgument(
                "The title is empty. Give the issue's title.".into(),
            ));
        }
        let _rules = self.0.rules.lock().await;
        let session = self.active()?.id;
        let changed = self
            .0
            .store
            .commit(move |unit| {
                let row = still_active(unit, session)?;
                let force = args.force.unwrap_or(false);
                if let (Some(current), Some(wanted)) = (row.issue_number, args.number)
                    && current != wanted
                    && !force
                    && active_phases(unit, session)?
                        .iter()
                        .any(|phase| phase.status != PhaseStatus::Pending)
                {
                    return Err(CoachError::IssueChanged { current });
                }
                let issue = IssueContext {
                    title: args.title,
                    summary: args.summary,
                    number: args.number.or(row.issue_number),
                    labels: args.labels,
                    url: args.url,
                };
                let row = sessions::set_issue(unit, session, &convert::issue_row(&issue))?;
                if let (Some(number), Some(labels)) = (issue.number, &issue.labels) {
                    let labels: Vec<_> = labels
                        .iter()
                        .map(|label| (label.name.clone(), label.color.clone()))
                        .collect();
                    issue_labels::replace(unit, &row.project_dir, number, &labels)?;
                }
                log(
                    unit,
                    Some(session),
                    &Action::IssueContextShown {
                        title: issue.title.clone(),
                        issue_number: issue.number,
                    },
                )?;
                push(unit, &ServerMessage::IssueContext(issue))?;
                Ok(row)
            })
            .await?;
        *self.0.active.lock() = Some(changed);
        Ok(())
    }

    /// Puts a tool call on the timeline, long texts cut.
    pub fn tool_called(&self, call: ToolCall) {
        let mut args = call.args;
        if args.len() > LONGEST_ARGS {
            let mut end = LONGEST_ARGS;
            while !args.is_char_boundary(end) {
                end -= 1;
            }
            args.truncate(end);
            args.push('…');
        }
        self.observe(&Action::McpToolCall {
            call_id: call.call_id,
            tool_name: call.tool,
            args,
            outcome: call
                .failed
                .map_or_else(|| "ok".to_owned(), |code| code.to_string()),
            duration_ms: call.took.as_secs_f64() * 1000.0,
        });
    }
}
