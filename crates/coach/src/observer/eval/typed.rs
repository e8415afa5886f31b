//! Unsaved text of a scenario: [`Lines`] and [`Typed`].

use serde::Deserialize;

/// A text, or its lines.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
pub(super) enum Lines {
    Text(String),
    Lines(Vec<String>),
}

impl Lines {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Lines(lines) => lines.iter().flat_map(|line| [line, "\n"]).collect(),
        }
    }
}

/// A text that comes into being by typing.
pub(super) struct Typed {
    before: String,
    typed: String,
    behind: String,
}

impl Typed {
    /// From the text that is known; the error is a sentence.
    pub(super) fn of(
        known: &str,
        text: Option<Lines>,
        replace: Option<Lines>,
        with: Option<Lines>,
    ) -> Result<Self, String> {
        match (text, replace, with) {
            (Some(text), None, None) => Ok(Self {
                before: String::new(),
                typed: text.text(),
                behind: String::new(),
            }),
            (None, Some(replace), Some(with)) => {
                let replace = replace.text();
                let mut found = known.match_indices(&replace);
                let Some((at, _)) = found.next().filter(|_| !replace.is_empty()) else {
                    return Err(format!(
                        "What this edit replaces does not stand in the file then: {replace:?}. Correct it, or give the whole `text`."
                    ));
                };
                if found.next().is_some() {
                    return Err(format!(
                        "What this edit replaces stands in the file more than once: {replace:?}. Give more of what is around it."
                    ));
                }
                Ok(Self {
                    before: known[..at].to_owned(),
                    typed: with.text(),
                    behind: known[at + replace.len()..].to_owned(),
                })
            }
            _ => Err("An edit has either `text` or both `replace` and `with`.".to_owned()),
        }
    }

    /// The text after so many of all updates.
    pub(super) fn after(&self, update: u32, of: u32) -> String {
        let all = self.typed.chars().count();
        let typed = all * update as usize / of as usize;
        let mut text = self.before.clone();
        text.extend(self.typed.chars().take(typed));
        text.push_str(&self.behind);
        text
    }
}
