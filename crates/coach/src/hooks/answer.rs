//! The measure of Claude's words in the terminal: they cannot be checked beforehand, so that the hook `Stop` sends
//! them back once when they show more code than the stage allows (decisions, "Rungs"; coaching.md §1).

use paige_protocol::{
    ProjectPath,
    coach::{
        Action,
        hooks::{HookInput, HookOutput},
    },
};
use paige_store::coach::actions;

use crate::{
    Coach, CoachError,
    guard::active_phase,
    session::lowest_stage,
    teach::{Place, Text, Violation},
};

/// The rung by which words in the terminal are measured: the highest that needs no circuit breaker.
const RUNG: u8 = 3;
/// Characters of an answer that are looked at.
const LONGEST: usize = 100_000;

impl Coach {
    /// Measures Claude's last message. Without a session there is nothing to measure it by.
    pub(super) async fn answered(&self, input: HookInput) -> Result<HookOutput, CoachError> {
        let Some(session) = self.active_session_id() else {
            return Ok(HookOutput::default());
        };
        let Some(answer) = input.last_assistant_message.filter(|text| !text.is_empty()) else {
            return Ok(HookOutput::default());
        };
        let answer: String = answer.chars().take(LONGEST).collect();
        let coach = self.clone();
        // Files are read for quotations, and there may be many.
        let measured = tokio::task::spawn_blocking(move || coach.measure(session, &answer));
        let Some(violation) = measured.await.map_err(|_| CoachError::Cut)?? else {
            return Ok(HookOutput::default());
        };
        let Violation::TooMuchCode { lines, allowed, .. } = violation else {
            return Ok(HookOutput::default());
        };
        let blocked = !input.stop_hook_active;
        self.observe(&Action::AnswerTooLarge {
            lines,
            allowed,
            blocked,
        });
        if !blocked {
            return Ok(HookOutput::default());
        }
        Ok(HookOutput::block(format!(
            "{violation} Tell the developer that you said too much, without repeating the code, and ask the question \
             that leads there."
        )))
    }

    fn measure(&self, session: u32, answer: &str) -> Result<Option<Violation>, CoachError> {
        let (stage, phase, read) = self.0.store.snapshot(|reader| {
            Ok((
                lowest_stage(reader)?,
                active_phase(reader, session)?,
                actions::by_type(reader, session, "claude_read")?,
            ))
        })?;
        let expected = phase.into_iter().flat_map(|phase| phase.expected_files.0);
        // What Claude has looked at last is what it quotes.
        let read = read.iter().rev().filter_map(|entry| {
            let data: serde_json::Value = serde_json::from_str(entry.data.as_deref()?).ok()?;
            Some(data.get("path")?.as_str()?.to_owned())
        });
        let files: Vec<ProjectPath> = expected
            .chain(read)
            .filter_map(|path| ProjectPath::parse(&path).ok())
            .collect();
        let open = self.0.open_files.lock().paths().to_vec();
        let project = self.quotable(open.into_iter().chain(files));
        let place = Place {
            stage,
            rung: RUNG,
            solution_file: false,
        };
        let rules = &self.0.config.teach;
        Ok(rules
            .check(answer, Text::Explanation, place, &project)
            .err())
    }
}
