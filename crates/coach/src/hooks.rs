//! Claude Code's hooks: they begin and end sessions, tell Claude what it cannot see, and put what it did on the
//! timeline (decisions, "Hooks and sessions").

mod answer;
mod context;
mod prompts;
mod tools;

use std::path::Path;

use paige_protocol::coach::{
    Action,
    hooks::{HookEvent, HookInput, HookOutput},
};
use paige_store::coach::{self as rows, sessions};

use crate::{Coach, CoachError, StartSession, StartedBy, redact::redact};

pub(crate) use prompts::Prompts;

/// Ends of a Claude session after which it goes on.
const GOES_ON: [&str; 2] = ["clear", "resume"];
/// Characters of what a denied tool would have worked on.
const LONGEST_SUBJECT: usize = 200;

/// How a session came to be the one of a Claude session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joined {
    /// It was begun.
    Started,
    /// It was active already.
    Adopted,
    /// None is active, and this is no time to begin one.
    None,
}

impl Coach {
    /// Answers a hook. One of another project changes nothing here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hook(&self, event: HookEvent, input: HookInput) -> Result<HookOutput, CoachError> {
        if let Some(elsewhere) = self.elsewhere(&input) {
            return Ok(match event {
                HookEvent::SessionStart => {
                    HookOutput::context(event, context::of_another_project(&elsewhere))
                }
                _ => HookOutput::default(),
            });
        }
        match event {
            HookEvent::SessionStart => {
                let joined = self.join_claude(&input).await?;
                Ok(HookOutput::context(event, self.session_context(joined)?))
            }
            HookEvent::PreCompact => Ok(HookOutput::context(
                event,
                self.session_context(Joined::None)?,
            )),
            HookEvent::UserPromptSubmit => {
                let prompt = input.prompt.as_deref().unwrap_or_default();
                let class = self.0.config.hooks.prompts.class(prompt);
                self.observe(&Action::PromptSubmitted { class });
                Ok(match self.prompt_context().await? {
                    Some(text) => HookOutput::context(event, text),
                    None => HookOutput::default(),
                })
            }
            HookEvent::PreToolUse => {
                self.tool_denied(&input);
                Ok(HookOutput::default())
            }
            HookEvent::PostToolUse | HookEvent::PostToolUseFailure => {
                self.tool_ran(event, &input);
                Ok(HookOutput::default())
            }
            HookEvent::Stop => self.answered(input).await,
            HookEvent::SessionEnd => {
                self.leave_claude(input).await?;
                Ok(HookOutput::default())
            }
        }
    }

    /// Where the hook runs, when that is not the project served (decisions, "Whose project").
    fn elsewhere(&self, input: &HookInput) -> Option<CoachError> {
        let named = input.paige.project_dir.as_ref().or(input.cwd.as_ref());
        self.check_project(named.map_or("", String::as_str)).err()
    }

    /// Lets a Claude session begin or adopt the coaching session.
    async fn join_claude(&self, input: &HookInput) -> Result<Joined, CoachError> {
        let begins = input.source.as_deref().unwrap_or("startup") == "startup";
        let mut joined = Joined::Adopted;
        if begins && self.active_session_id().is_none() {
            let start = StartSession {
                issue_number: None,
                issue_title: None,
                started_by: StartedBy::Hook,
                force: false,
            };
            match self.start_session(start).await {
                Ok(_) => joined = Joined::Started,
                // Somebody else was faster.
                Err(CoachError::ActiveSessionExists(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let claude_id = input.session_id.clone().unwrap_or_default();
        // So that no session ends between this look and what follows.
        let _rules = self.0.rules.lock().await;
        self.commit(move |unit| {
            let Some(active) = sessions::active(unit)? else {
                return Ok(Joined::None);
            };
            if !claude_id.is_empty() {
                sessions::attach_claude(unit, active.id, &claude_id)?;
            }
            Ok(joined)
        })
        .await
    }

    /// Detaches a Claude session that has ended. The last one out ends the coaching session if a hook began it.
    async fn leave_claude(&self, input: HookInput) -> Result<(), CoachError> {
        let reason = input.reason.as_deref().unwrap_or_default();
        if GOES_ON.contains(&reason) {
            return Ok(());
        }
        let Some(claude_id) = input.session_id.filter(|id| !id.is_empty()) else {
            return Ok(());
        };
        let ended = self
            .end_when(input.paige.transcript, move |unit, active| {
                let attached = sessions::claude_ids(unit, active.id)?;
                let is_one = attached
                    .iter()
                    .any(|row| row.claude_id == claude_id && row.detached_at.is_none());
                if !is_one {
                    return Ok(false);
                }
                let left = sessions::detach_claude(unit, active.id, &claude_id)?;
                Ok(left == 0 && active.started_by == rows::StartedBy::Hook)
            })
            .await;
        match ended {
            // The wrap-up runs behind: nobody waits for it here.
            Ok(_) | Err(CoachError::NoActiveSession) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Puts a tool that was not allowed on the timeline.
    fn tool_denied(&self, input: &HookInput) {
        let Some(denied) = &input.paige.denied else {
            return;
        };
        let subject = input.tool_input.as_ref().map(tools::subject);
        let subject = redact(&subject.unwrap_or_default())
            .chars()
            .take(LONGEST_SUBJECT)
            .collect();
        self.observe(&Action::ToolDenied {
            tool_name: tools::name(input),
            decision: denied.decision,
            rule: denied.rule.chars().take(LONGEST_SUBJECT).collect(),
            subject,
        });
    }

    /// A path as the project knows it; one outside as it was given.
    fn shown_path(&self, path: &str) -> String {
        let inside = Path::new(path).strip_prefix(self.0.workspace.root());
        let shown = inside.map_or(path, |inside| inside.to_str().unwrap_or(path));
        let shown = if shown.is_empty() { "." } else { shown };
        redact(shown).chars().take(LONGEST_SUBJECT).collect()
    }
}
