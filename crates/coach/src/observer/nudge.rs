//! [`Nudge`]: what is told to the shell and typed into the terminal.

use std::fmt::Write as _;

use paige_protocol::coach::coaching::{BreakerStep, NudgeContext, Signal, Trigger};
use serde::Serialize;

use super::{moment::Moment, moment::spoken, state::State, triage::SuggestedContext};

/// What a line for the terminal begins with.
pub const MARKER: &str = "[PAIGE_OBSERVER]";
/// Characters of a phase's description that are typed.
const LONGEST_DESCRIPTION: usize = 300;

/// A nudge.
#[derive(Debug, Clone, PartialEq)]
pub struct Nudge {
    /// What made the Observer look.
    pub trigger: Trigger,
    /// What was noticed.
    pub signal: Signal,
    /// How sure the model is.
    pub confidence: f64,
    /// Where the learner stands, and how to help.
    pub context: NudgeContext,
    /// The line for the terminal.
    pub message: String,
    /// From then on it is not typed any more.
    pub expires_at: Moment,
    /// Whether it is the first of its kind that allows a sketch: then the gap goes on record.
    pub records_gap: bool,
}

impl State {
    pub(super) fn nudge(
        &self,
        trigger: Trigger,
        signal: Signal,
        confidence: f64,
        suggested: Option<&SuggestedContext>,
        now: Moment,
    ) -> Nudge {
        let phase = self.phase.as_ref().map(|current| &current.phase);
        let expected = phase.map_or(&[][..], |phase| &phase.expected_files[..]);
        let suggested = suggested.and_then(|context| context.expected_file.as_deref());
        // What a model suggests is typed into a terminal only where it names what there is.
        let expected_file = expected
            .iter()
            .find(|file| Some(&***file) == suggested)
            .or_else(|| expected.first());
        let visit = self.view.now.as_ref();
        let step = self.kept.breaker.next(signal);
        let context = NudgeContext {
            current_file: visit.map(|visit| visit.path.to_string()),
            expected_file: expected_file.map(ToString::to_string),
            time_in_file: visit.map(|visit| spoken(now.since(visit.since))),
            current_phase: phase.map(|phase| phase.number),
            phase_description: phase.map(|phase| one_line(&phase.description)),
            step,
        };
        Nudge {
            trigger,
            message: line(signal, confidence, &context),
            signal,
            confidence,
            context,
            expires_at: now.after(std::time::Duration::from_secs(
                self.config.nudge_expires_seconds.into(),
            )),
            records_gap: step == BreakerStep::Rung4 && !self.kept.breaker.allows_sketch(),
        }
    }
}

/// The line for the terminal: the marker and JSON in one line, without anything that a terminal could
/// take for a command.
fn line(signal: Signal, confidence: f64, context: &NudgeContext) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        signal: Signal,
        confidence: f64,
        context: Context<'a>,
    }
    #[derive(Serialize)]
    struct Context<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        current_file: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        expected_file: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        time_in_file: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        current_phase: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        phase_description: Option<&'a str>,
        step: BreakerStep,
    }
    let json = serde_json::to_string(&Line {
        signal,
        confidence,
        context: Context {
            current_file: context.current_file.as_deref(),
            expected_file: context.expected_file.as_deref(),
            time_in_file: context.time_in_file.as_deref(),
            current_phase: context.current_phase,
            phase_description: context.phase_description.as_deref(),
            step: context.step,
        },
    })
    .unwrap_or_default();
    let mut line = format!("{MARKER} ");
    for c in json.chars() {
        if is_unseen(c) {
            // JSON knows these only within strings, where an escape means the same.
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(line, "\\u{unit:04x}");
            }
        } else {
            line.push(c);
        }
    }
    line
}

/// What a terminal obeys or hides: control characters, line ends, marks of direction, joiners and tags.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST_DESCRIPTION).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_one_line_that_no_terminal_obeys() {
        let context = NudgeContext {
            current_file: Some("src/\u{1b}[2Ja\r\n\u{9b}\u{202e}\u{7f}é.ts".to_owned()),
            expected_file: None,
            time_in_file: Some("3m12s".to_owned()),
            current_phase: Some(1),
            phase_description: Some("Find \"it\"".to_owned()),
            step: BreakerStep::Ask,
        };
        let line = line(Signal::WrongFile, 0.85, &context);
        assert!(!line.chars().any(is_unseen), "{line:?}");
        let json = line.strip_prefix("[PAIGE_OBSERVER] ").expect("the marker");
        let value: serde_json::Value = serde_json::from_str(json).expect("JSON");
        assert_eq!(
            value,
            serde_json::json!({
                "signal": "wrong_file",
                "confidence": 0.85,
                "context": {
                    "current_file": "src/\u{1b}[2Ja\r\n\u{9b}\u{202e}\u{7f}é.ts",
                    "time_in_file": "3m12s",
                    "current_phase": 1,
                    "phase_description": "Find \"it\"",
                    "step": "ask",
                }
            })
        );
    }

    #[test]
    fn a_description_is_one_line_and_short() {
        assert_eq!(one_line(" a\n\tb  c "), "a b c");
        assert_eq!(one_line(&"é".repeat(1000)).chars().count(), 300);
    }
}
