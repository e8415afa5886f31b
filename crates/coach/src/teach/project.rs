//! [`Project`]: what stands in the project already and may be quoted.

use std::collections::HashSet;

/// The lines of the files that a text is about. Code that stands there already tells nothing new, so that
/// quoting it counts nothing (coaching.md §1).
#[derive(Debug, Clone, Default)]
pub struct Project {
    lines: HashSet<String>,
    /// The same lines one below the other, to look for parts of them.
    whole: String,
}

/// Shorter pieces stand in every file and say nothing.
const SHORTEST_PIECE: usize = 3;

impl Project {
    /// That of no file: nothing is a quotation.
    pub fn empty() -> Self {
        Self::default()
    }

    /// That of these texts.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut project = Self::default();
        for line in texts.into_iter().flat_map(str::lines) {
            let line = plain(line);
            if !line.is_empty() && project.lines.insert(line.clone()) {
                project.whole.push_str(&line);
                project.whole.push('\n');
            }
        }
        project
    }

    /// Whether a line stands in the project, whatever its indentation.
    pub(super) fn has_line(&self, line: &str) -> bool {
        self.lines.contains(&plain(line))
    }

    /// Whether a piece of a line does, from word to word.
    pub(super) fn has_piece(&self, piece: &str) -> bool {
        let piece = plain(piece);
        if piece.len() < SHORTEST_PIECE {
            return false;
        }
        let is_word =
            |char: Option<char>| char.is_some_and(|char| char.is_alphanumeric() || char == '_');
        let starts_word = is_word(piece.chars().next());
        let ends_word = is_word(piece.chars().next_back());
        self.whole.match_indices(&piece).any(|(at, found)| {
            let before = self.whole[..at].chars().next_back();
            let after = self.whole[at + found.len()..].chars().next();
            !(starts_word && is_word(before) || ends_word && is_word(after))
        })
    }
}

/// A line without what may differ in a quotation: blanks.
fn plain(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotations_are_found_whatever_their_blanks() {
        let project = Project::of(["fn a() {\n    let  count = total + 1;\n}\n"]);
        assert!(project.has_line("let count = total + 1;"));
        assert!(!project.has_line("let count = total"));
        assert!(project.has_piece("count = total"));
        assert!(!project.has_piece("count = tot"), "not from word to word");
        assert!(!project.has_piece("unt = total"), "not from word to word");
        assert!(!project.has_piece("{"), "too short");
        assert!(!Project::empty().has_line("}"));
    }
}
