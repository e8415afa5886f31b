//! How a hint speaks: it asks for a prediction or an action (coaching.md §1), and does without the words that
//! make a hard thing sound easy (§7).

use super::{Rules, check::words, cut::shorten};

/// From this rung on a hint asks for something.
pub(crate) const ASKS_FROM: u8 = 2;
/// What is asked where a hint asks for nothing.
const CLOSING: &str = "What do you expect to see here?";
/// Words that may stand before the one with which a part of a sentence asks.
const BEFORE: [&str; 8] = [
    "then", "and", "now", "first", "next", "or", "please", "also",
];

impl Rules {
    /// Whether a text asks for a prediction or an action: it has a question, or a part of a sentence begins
    /// with one of the words for it.
    pub fn asks(&self, text: &str) -> bool {
        prose(text).any(|prose| {
            prose.contains('?')
                || prose
                    .split(['.', '!', ':', ';', ',', '(', '\n', '–', '—'])
                    .any(|part| self.begins_by_asking(part))
        })
    }

    fn begins_by_asking(&self, part: &str) -> bool {
        let mut words = part
            .split_whitespace()
            .map(bare)
            .filter(|word| !word.is_empty())
            .skip_while(|word| BEFORE.contains(&word.as_str()));
        words.next().is_some_and(|word| self.asks.contains(&word))
    }

    /// The first word of a text that is not said; code may hold it.
    pub fn said_in_vain(&self, text: &str) -> Option<&str> {
        let never = |word: &str| self.never_said.iter().find(|never| **never == bare(word));
        prose(text)
            .flat_map(str::split_whitespace)
            .find_map(never)
            .map(String::as_str)
    }

    /// The text without the words that are not said.
    pub(super) fn without_vain_words(&self, text: &str) -> String {
        let parts = text.split('`').enumerate().map(|(at, part)| {
            if at % 2 == 0 {
                self.dropped(part)
            } else {
                part.to_owned()
            }
        });
        parts.collect::<Vec<_>>().join("`")
    }

    fn dropped(&self, prose: &str) -> String {
        let mut kept = String::with_capacity(prose.len());
        let mut capital = false;
        for piece in prose.split_inclusive(char::is_whitespace) {
            let word = bare(piece);
            if self.never_said.contains(&word) {
                capital |= piece
                    .trim_start_matches(not_a_letter)
                    .starts_with(char::is_uppercase);
                // The end of a sentence stays, and so does the end of a line.
                let end = piece
                    .trim_end()
                    .trim_start_matches(|char: char| !".!?".contains(char));
                if !end.is_empty() {
                    kept.truncate(kept.trim_end_matches([' ', ',']).len());
                    kept.push_str(end);
                    kept.push(' ');
                }
                if piece.ends_with('\n') {
                    kept.push('\n');
                }
            } else if capital && !word.is_empty() {
                capital = false;
                let letter = piece.find(char::is_alphanumeric).unwrap_or(0);
                let (before, rest) = piece.split_at(letter);
                kept.push_str(before);
                let mut rest = rest.chars();
                kept.extend(rest.next().into_iter().flat_map(char::to_uppercase));
                kept.push_str(rest.as_str());
            } else {
                kept.push_str(piece);
            }
        }
        kept
    }

    /// The text with a question at its end, within the words that it may have.
    pub(super) fn with_a_question(&self, text: &str, most: Option<u32>) -> String {
        let room = most.map(|most| most.saturating_sub(words(CLOSING)));
        let text = match room {
            Some(room) => shorten(text, room),
            None => text.to_owned(),
        };
        // A fence is only closed by a line of its own.
        let between = if text.contains('\n') { "\n\n" } else { " " };
        format!("{}{between}{CLOSING}", text.trim_end())
    }
}

/// What of a text is no code between backticks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').step_by(2)
}

/// A word in small letters without the signs around it.
fn bare(word: &str) -> String {
    word.trim_matches(not_a_letter).to_lowercase()
}

fn not_a_letter(char: char) -> bool {
    !char.is_alphanumeric()
}

#[cfg(test)]
mod tests;
