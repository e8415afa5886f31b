//! What Claude says and shows, and that it called a tool at all.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use paige_protocol::{
    ErrorCode,
    coach::{
        Action, ServerMessage,
        coaching::{Anchor, CoachingMessage, IssueContext, MessageSource},
        tools::{ShowIssueContextArgs, ShowMessageArgs},
    },
};
use paige_store::{
    Entry,
    coach::{issue_labels, sessions},
};
use serde_json::Value;

use crate::{
    Coach, CoachError, convert, entry,
    guard::{Said, note, refuse_early_sketch, skipped_rung},
    log,
    marks::checked_rung,
    push,
    redact::redact,
    session::{refuse_other_issue, still_active},
    teach::Text,
};

/// A tool call that has been answered.
#[derive(Debug, Clone)]
pub struct ToolCall {
    /// Links it to what it changed.
    pub call_id: String,
    /// The tool.
    pub tool: String,
    /// Its arguments.
    pub args: serde_json::Map<String, Value>,
    /// The code of its error, if it failed.
    pub failed: Option<ErrorCode>,
    /// How long it took.
    pub took: Duration,
}

/// Texts of more characters than this are cut on the timeline.
const LONGEST_TEXT: usize = 500;
/// Of longer lists only the beginning is kept there.
const LONGEST_LIST: usize = 50;
/// Arguments that are still longer, in bytes, are left out.
const LONGEST_ARGS: usize = 16 * 1024;

impl Coach {
    /// Says something to the learner (spec: story 6, AC 15). Answers what to mind next time, if anything.
    ///
    /// # Errors
    /// Without an active session, with an empty message, or with one that is too much for the learner.
    pub async fn show_message(&self, args: ShowMessageArgs) -> Result<Option<String>, CoachError> {
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
        let about = match &anchor {
            Some(anchor) => Some(self.path(&anchor.path)?),
            None => None,
        };
        let said = Said {
            text: args.message.clone(),
            kind: Text::Message,
            rung,
        };
        self.check_texts(session, about.as_ref(), vec![said])
            .await?;
        let message = CoachingMessage {
            message_id: uuid::Uuid::new_v4().to_string(),
            message: args.message,
            tone: args.tone,
            source: MessageSource::Coaching,
            anchor,
            rung: Some(rung),
        };
        self.commit(move |unit| {
            let row = still_active(unit, session)?;
            let rungs = BTreeSet::from([rung]);
            refuse_early_sketch(unit, &row, &rungs)?;
            let skipped_rung = skipped_rung(unit, session, &rungs)?;
            log(
                unit,
                Some(session),
                &Action::CoachingMessage {
                    message_id: message.message_id.clone(),
                    message: message.message.clone(),
                    tone: message.tone,
                    rung: message.rung,
                    skipped_rung,
                },
            )?;
            push(unit, &ServerMessage::CoachingMessage(message))?;
            Ok(skipped_rung.map(note))
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
            .commit(move |unit| {
                let row = still_active(unit, session)?;
                refuse_other_issue(unit, &row, args.number, args.force.unwrap_or(false))?;
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

    /// Puts a tool call on the timeline: long texts cut, secrets out.
    pub fn tool_called(&self, call: ToolCall) {
        let call_id: Arc<str> = call.call_id.into();
        let action = Action::McpToolCall {
            call_id: call_id.to_string(),
            tool_name: call.tool,
            args: cut(call.args),
            outcome: call
                .failed
                .map_or_else(|| "ok".to_owned(), |code| code.to_string()),
            duration_ms: call.took.as_secs_f64() * 1000.0,
        };
        let entry = Entry {
            call_id: Some(call_id),
            ..entry(&action)
        };
        self.0.store.observe(self.active_session_id(), entry);
    }
}

/// The arguments as the timeline keeps them, as JSON: each text no longer than so many characters
/// and without what looks like a secret, so that what they were for can still be read.
fn cut(args: serde_json::Map<String, Value>) -> String {
    fn walk(value: &mut Value) {
        match value {
            Value::String(text) => {
                // What is looked through is bounded, too; more than is kept, so that a secret at the end of
                // that is seen whole.
                let mut chars = text.chars();
                let start: String = chars.by_ref().take(4 * LONGEST_TEXT).collect();
                let clean = redact(&start);
                let mut short: String = clean.chars().take(LONGEST_TEXT).collect();
                if short.len() < clean.len() || chars.next().is_some() {
                    short.push('…');
                }
                *text = short;
            }
            Value::Array(list) => {
                list.truncate(LONGEST_LIST);
                list.iter_mut().for_each(walk);
            }
            Value::Object(fields) => fields.values_mut().for_each(walk),
            _ => {}
        }
    }
    let mut args = Value::Object(args);
    walk(&mut args);
    let whole = args.to_string();
    if whole.len() <= LONGEST_ARGS {
        return whole;
    }
    serde_json::json!({ "cut": format!("{} bytes of arguments are left out.", whole.len()) })
        .to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_kept_short_and_without_secrets_and_stay_json() {
        let check = |args: Value, expected: Value| {
            let Value::Object(args) = args else {
                panic!("arguments are an object")
            };
            let cut: Value = serde_json::from_str(&cut(args)).expect("JSON");
            assert_eq!(cut, expected);
        };
        check(
            json!({"path": "a.rs", "n": 1}),
            json!({"path": "a.rs", "n": 1}),
        );
        let long = "ä".repeat(LONGEST_TEXT + 1);
        let short = "ä".repeat(LONGEST_TEXT) + "…";
        check(json!({"message": long}), json!({"message": short}));
        check(
            json!({"a": {"b": ["password=hunter22"]}}),
            json!({"a": {"b": ["password=[secret]"]}}),
        );
        let many: serde_json::Map<String, Value> =
            (0..2000).map(|n| (n.to_string(), json!("x"))).collect();
        let kept: Value = serde_json::from_str(&cut(many)).expect("JSON");
        assert!(kept["cut"].is_string());
    }
}
