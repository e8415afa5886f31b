//! What was said and done in a session, as text for a model.

use paige_protocol::coach::Action;
use paige_store::{Reader, coach::actions};

use crate::{CoachError, redact::redact, report};

/// Of a longer transcript the end is kept, in characters (decisions, "Transcript").
const LONGEST_TRANSCRIPT: usize = 50_000;

/// A transcript as it is kept: without secrets, and its end only if it is long.
pub(crate) fn kept(transcript: &str) -> String {
    last(&redact(transcript), LONGEST_TRANSCRIPT).to_owned()
}

/// The session told from its timeline, a line for each entry.
pub(super) fn told(reader: &Reader<'_>, session: u32) -> Result<String, CoachError> {
    let mut text = String::new();
    for entry in actions::by_session(reader, session)? {
        // What an older version wrote and this one does not know is left out.
        let Some(action) = crate::action(&entry) else {
            continue;
        };
        if matches!(action, Action::McpToolCall { .. }) {
            continue;
        }
        let (who, what) = report::told(&action);
        let time = entry.at.get(11..19).unwrap_or_default();
        text.push_str(&format!("{time} {who}: {what}\n"));
    }
    Ok(last(&redact(&text), LONGEST_TRANSCRIPT).to_owned())
}

fn last(text: &str, chars: usize) -> &str {
    let surplus = text.chars().count().saturating_sub(chars);
    let start = text.char_indices().nth(surplus);
    start.map_or("", |(at, _)| &text[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_transcript_the_end_is_kept_whole_characters() {
        assert_eq!(last("äöü", 2), "öü");
        assert_eq!(last("äöü", 3), "äöü");
        assert_eq!(last("", 3), "");
        let long = format!("{}the end", "ä".repeat(LONGEST_TRANSCRIPT));
        let kept = kept(&long);
        assert_eq!(kept.chars().count(), LONGEST_TRANSCRIPT);
        assert!(kept.ends_with("the end"));
    }

    #[test]
    fn secrets_do_not_stay_in_it() {
        let kept = kept("export API_KEY=sk-ant-0123456789abcdef0123");
        assert!(!kept.contains("0123456789"), "{kept}");
    }
}
