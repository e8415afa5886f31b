//! What is done with a text that is still too much after it was asked for again: it is cut to prose.

use super::{
    Place, Project, Rules, Text,
    check::{weight, words},
};

/// What is said when nothing of a text can be kept.
pub(super) const INSTEAD: &str = "Look at this place again: what did you expect, and what happens?";
/// Taking something away may bring other code together; after so many rounds only words are kept.
const ROUNDS: usize = 4;

impl Rules {
    /// A text that passes [`Rules::check`], as near to this one as can be: without the code that is too
    /// much, and cut at the end of a sentence where it has too many words.
    pub fn cut_to_prose(&self, text: &str, kind: Text, place: Place, project: &Project) -> String {
        let passes = |text: &str| self.check(text, kind, place, project).is_ok();
        let mut kept = text.to_owned();
        for _ in 0..ROUNDS {
            if kept.trim().is_empty() {
                return INSTEAD.to_owned();
            }
            if passes(&kept) {
                return kept;
            }
            kept = self.without_code(&kept, kind, place, project);
            if let Some(most) = self.most_words(kind) {
                kept = shorten(&kept, most);
            }
        }
        let plain = only_words(&kept);
        let plain = match self.most_words(kind) {
            Some(most) => shorten(&plain, most),
            None => plain,
        };
        if !plain.is_empty() && passes(&plain) {
            plain
        } else {
            INSTEAD.to_owned()
        }
    }

    fn without_code(&self, text: &str, kind: Text, place: Place, project: &Project) -> String {
        let mut cuts: Vec<_> = self
            .too_large(text, kind, place, project)
            .into_iter()
            .flat_map(|run| run.ranges)
            .collect();
        cuts.sort_by_key(|range| (range.start, range.end));
        let mut kept = String::with_capacity(text.len());
        let mut at = 0;
        for range in cuts {
            if range.start >= at {
                kept.push_str(&text[at..range.start]);
                // Within a sentence one sees that something was left out.
                let within = !text[range.clone()].ends_with('\n') && range.end < text.len();
                kept.push_str(if within { "…" } else { "" });
            }
            at = at.max(range.end);
        }
        kept.push_str(&text[at..]);
        tidy(&kept)
    }
}

/// Without trailing blanks and with one empty line between paragraphs at most.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines().map(str::trim_end) {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            tidy.push_str(line);
            tidy.push('\n');
        }
    }
    tidy.trim().to_owned()
}

/// The beginning of a text with at most so many words, up to the end of a sentence if there is one.
pub(super) fn shorten(text: &str, most: u32) -> String {
    if words(text) <= most {
        return text.to_owned();
    }
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut count = 0;
    let mut end = 0;
    let mut sentence = None;
    let mut at = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        count += weight(bare);
        if count > most {
            break;
        }
        at += word.len();
        if bare.is_empty() {
            continue;
        }
        end = at;
        if bare.ends_with(['.', '!', '?']) {
            sentence = Some(at);
        }
    }
    match sentence {
        Some(sentence) => text[..sentence].trim_end().to_owned(),
        None if end == 0 => String::new(),
        None => format!("{}…", text[..end].trim_end()),
    }
}

/// The words of a text without any sign that could be code.
fn only_words(text: &str) -> String {
    let kept: String = text
        .chars()
        .map(|char| {
            if char.is_alphanumeric() || matches!(char, ',' | '.' | '?' | '!' | '\'') {
                char
            } else {
                ' '
            }
        })
        .collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}
