//! What a prompt asks for, by its words (coaching.md §6: the inquiry share).

use paige_protocol::coach::action::PromptClass;
use serde::Deserialize;

/// The words by which prompts are told apart, in small letters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompts {
    /// What stands before the words that decide, and decides nothing.
    pub openers: Vec<String>,
    /// Beginnings of sentences that ask to understand.
    pub questions: Vec<String>,
    /// Beginnings of sentences that ask to have something done.
    pub requests: Vec<String>,
    /// Words that ask for that wherever they stand.
    pub demands: Vec<String>,
}

impl Prompts {
    /// What a prompt asks for. One that asks for both is a request: the work is to be done for its writer all the same.
    pub fn class(&self, prompt: &str) -> PromptClass {
        let prompt = prompt.trim();
        if prompt.starts_with('/') {
            return PromptClass::Other;
        }
        let mut class = PromptClass::Other;
        for sentence in sentences(&without_code(prompt)) {
            match self.sentence(&sentence) {
                PromptClass::Request => return PromptClass::Request,
                PromptClass::Question => class = PromptClass::Question,
                PromptClass::Other => {}
            }
        }
        class
    }

    fn sentence(&self, sentence: &Sentence) -> PromptClass {
        let words = format!(" {} ", sentence.words);
        if self
            .demands
            .iter()
            .any(|demand| words.contains(&format!(" {demand} ")))
        {
            return PromptClass::Request;
        }
        let mut rest = sentence.words.as_str();
        while let Some(shorter) = self
            .openers
            .iter()
            .find_map(|opener| after(rest, opener))
            .filter(|shorter| !shorter.is_empty())
        {
            rest = shorter;
        }
        let begins = |list: &[String]| list.iter().any(|word| after(rest, word).is_some());
        if begins(&self.requests) {
            PromptClass::Request
        } else if begins(&self.questions) || sentence.is_asked {
            PromptClass::Question
        } else {
            PromptClass::Other
        }
    }
}

/// What follows these words at the beginning of a text; `None` when it begins otherwise.
fn after<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(words)?;
    if rest.is_empty() {
        return Some(rest);
    }
    rest.strip_prefix(' ')
}

struct Sentence {
    /// Its words in small letters, with one blank between them.
    words: String,
    /// It ends with a question mark.
    is_asked: bool,
}

/// A prompt without what is pasted into it: code between fences and backticks, and quoted lines.
fn without_code(prompt: &str) -> String {
    let mut fenced = false;
    let mut kept = String::new();
    for line in prompt.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced && !line.trim_start().starts_with('>') {
            let outside = line.split('`').step_by(2);
            kept.push_str(&outside.collect::<Vec<_>>().join(" x "));
            kept.push('\n');
        }
    }
    kept
}

fn sentences(text: &str) -> Vec<Sentence> {
    let mut found = Vec::new();
    let mut words = String::new();
    let mut end = |words: &mut String, is_asked| {
        let words = std::mem::take(words);
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        if !words.is_empty() {
            found.push(Sentence { words, is_asked });
        }
    };
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let is_last = chars.peek().is_none_or(|next| next.is_whitespace());
        match c {
            '?' => end(&mut words, true),
            '!' | '\n' | ';' => end(&mut words, false),
            '.' | ':' if is_last => end(&mut words, false),
            '\'' | '’' => words.push('\''),
            c if c.is_alphanumeric() => words.extend(c.to_lowercase()),
            _ => words.push(' '),
        }
    }
    end(&mut words, false);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_told_apart_by_what_they_ask_for() {
        use PromptClass::{Other, Question, Request};
        let prompts = crate::Config::default().hooks.prompts;
        for (prompt, expected) in [
            ("Why does the test fail?", Question),
            ("why does the test fail", Question),
            ("What is a closure", Question),
            ("Can you explain how the parser works?", Question),
            ("Could you please explain this", Question),
            ("I don't understand lifetimes", Question),
            ("How would I implement a cache?", Question),
            ("what should I write here?", Question),
            ("Is this the right place for the check?", Question),
            ("Help me understand `fix_up`", Question),
            ("explain:\n```rust\nwrite(x)\n```", Question),
            ("So the loop ends early?", Question),
            ("Fix the bug", Request),
            ("fix it", Request),
            ("Please write the function", Request),
            ("Can you implement the parser for me?", Request),
            ("could you just do it", Request),
            ("I want you to add a test", Request),
            ("Give me the code", Request),
            ("How does it work? Then write it.", Request),
            ("ok, go ahead and refactor src/a.rs", Request),
            ("Show me the solution", Request),
            ("Just tell me the answer", Request),
            ("I have added the test and it passes now.", Other),
            ("thanks!", Other),
            ("/paige:hint", Other),
            ("", Other),
            ("```\nfix it\n```", Other),
            ("> fix it\nok", Other),
            ("fixed", Other),
        ] {
            assert_eq!(prompts.class(prompt), expected, "{prompt}");
        }
    }
}
