//! Which skill areas an issue touches, by words (coaching.md §2: "the stage used is the one of the skill areas
//! that the issue touches, the lowest deciding").

use std::collections::{BTreeMap, BTreeSet};

use paige_store::coach::Stage;
use serde::{Deserialize, Serialize};

use super::Rules;

/// What tells that a text touches a skill area.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Areas {
    /// Words of an area's name that say nothing.
    pub fillers: Vec<String>,
    /// Other words, and endings of file names with their dot, that stand for a word of a name.
    pub signs: BTreeMap<String, Vec<String>>,
}

impl Rules {
    /// The stage that counts for an issue: the lowest of the areas that its text touches, or of all that are
    /// known if none is; a novice's if nothing is known. An area of which nothing is known does not count.
    pub fn stage_for(&self, known: &[(String, Stage)], text: &str) -> Stage {
        let words = Words::of(text);
        let touched = known
            .iter()
            .filter(|(area, _)| self.areas.touches(area, &words));
        let lowest = touched.map(|(_, stage)| *stage).min();
        let of_all = || known.iter().map(|(_, stage)| *stage).min();
        lowest.or_else(of_all).unwrap_or(Stage::Novice)
    }
}

impl Areas {
    /// Whether a word of the name, or a sign of it, is among the words.
    fn touches(&self, area: &str, words: &Words) -> bool {
        let fillers: BTreeSet<String> = self.fillers.iter().map(|word| stem(word)).collect();
        let name = Words::of(area).words;
        name.difference(&fillers).any(|word| {
            let signs = self.signs.iter().filter(|(of, _)| stem(of) == *word);
            words.words.contains(word)
                || signs
                    .flat_map(|(_, signs)| signs)
                    .any(|sign| words.have(sign))
        })
    }
}

/// The words of a text, without their endings, and the endings of the file names in it.
struct Words {
    words: BTreeSet<String>,
    endings: BTreeSet<String>,
}

impl Words {
    fn of(text: &str) -> Self {
        let text = text.to_lowercase();
        let part = |char: char| !(char.is_alphanumeric() || "+#".contains(char));
        let words = text.split(part).filter(|word| !word.is_empty());
        let endings = text.split(|char: char| part(char) && char != '.');
        Self {
            words: words.map(stem).collect(),
            endings: endings
                .filter_map(|name| name.trim_end_matches('.').rsplit_once('.'))
                .map(|(_, ending)| format!(".{ending}"))
                .collect(),
        }
    }

    fn have(&self, sign: &str) -> bool {
        let sign = sign.to_lowercase();
        if sign.starts_with('.') {
            self.endings.contains(&sign)
        } else {
            self.words.contains(&stem(&sign))
        }
    }
}

/// A word in small letters without its usual endings, so that "tests" and "testing" are the same.
fn stem(word: &str) -> String {
    let mut stem = word.to_lowercase();
    for ending in ["ing", "ed", "es", "s", "e"] {
        let rest = stem.strip_suffix(ending);
        let rest = rest
            .filter(|rest| rest.chars().count() >= 3 && !(ending == "s" && rest.ends_with('s')));
        if let Some(rest) = rest {
            stem = rest.to_owned();
            break;
        }
    }
    // "debugging" has one letter more than "debug".
    let mut letters = stem.chars().rev();
    if let (Some(last), Some(before)) = (letters.next(), letters.next())
        && last == before
        && last.is_alphabetic()
        && stem.chars().count() > 3
    {
        stem.pop();
    }
    stem
}

#[cfg(test)]
mod tests;
