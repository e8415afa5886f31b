//! What happened before a restart is read from the record.

use paige_protocol::ProjectPath;
use paige_store::coach::{actions, phases, plans, previous_texts};

use super::{Moment, task::Following};
use crate::CoachError;

/// So many entries of the timeline are read, the last ones.
const MOST_ENTRIES: u32 = 300;

impl Following<'_> {
    /// Takes in what the timeline and the previous texts tell of the session. The pause counts for nothing:
    /// whoever starts the sidecar again is there.
    pub(super) fn recall(&mut self, now: Moment) -> Result<(), CoachError> {
        let session = self.session;
        let (mut entries, texts) = self.coach.look(|reader| {
            let entries = actions::recent(reader, Some(session), MOST_ENTRIES)?;
            let phase = match plans::active(reader, session)? {
                Some(plan) => phases::active(reader, plan.id)?,
                None => None,
            };
            let texts = match phase {
                Some(phase) => previous_texts::list(reader, session, Some(phase.id))?,
                None => Vec::new(),
            };
            Ok((entries, texts))
        })?;
        entries.reverse();
        for entry in entries {
            let Some(event) = crate::action(&entry)
                .and_then(|action| self.event(&action, entry.call_id.is_some()))
            else {
                continue;
            };
            let at = Moment::parse(&entry.at).unwrap_or(now).min(now);
            let event = self.hiding(event);
            self.state.recall(event, at);
        }
        for text in texts {
            let Ok(path) = ProjectPath::parse(&text.path) else {
                continue;
            };
            if self.coach.0.workspace.is_secret(&path) {
                continue;
            }
            // What is gone, or is no text any more, has no lines to count.
            let Ok(after) = self.coach.current_text(&path) else {
                continue;
            };
            let before = text.content.unwrap_or_default().into();
            let dirty = self.coach.buffer(&path).is_some_and(|buffer| buffer.dirty);
            self.state
                .recall_text(&path.to_string().into(), &before, &after, dirty, now);
        }
        self.state.resume(now);
        Ok(())
    }
}
