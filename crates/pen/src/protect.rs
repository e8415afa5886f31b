//! Which names are git's own.

use std::ffi::OsStr;

/// Whether git, or a file system on which the project may one day lie, takes `name` for `.git`.
///
/// Git refuses the same names in a tree: any case; NTFS ignores trailing dots and spaces, names
/// `.git` also `git~1`, and takes what follows a `:` for a stream of the same file; HFS+ ignores
/// some invisible code points.
pub(crate) fn is_git(name: &OsStr) -> bool {
    // What is not Unicode keeps its ASCII part, which is all that counts here.
    let visible: String = name
        .to_string_lossy()
        .chars()
        .filter(|c| !ignored_by_hfs(*c))
        .collect();
    let stem = visible.split(['\\', ':']).next().unwrap_or_default();
    let stem = stem.trim_end_matches(['.', ' ']);
    stem.eq_ignore_ascii_case(".git") || stem.eq_ignore_ascii_case("git~1")
}

fn ignored_by_hfs(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_git() {
        for name in [
            ".git",
            ".GIT",
            ".Git",
            ".git.",
            ".git ",
            ".git. . ",
            "git~1",
            "GIT~1",
            "git~1.",
            ".git::$INDEX_ALLOCATION",
            ".git:x",
            ".git\\config",
            ".g\u{200c}it",
            "\u{feff}.git",
            ".git\u{200d}",
            ".\u{202e}GIT",
            ".gi\u{206f}t .",
        ] {
            assert!(is_git(OsStr::new(name)), "{name:?}");
        }
        for name in [
            ".gitignore",
            ".github",
            "git",
            "git~2",
            "a.git",
            ".gi",
            "..git",
            "",
            " .git",
            "git~10",
            ".git~1",
        ] {
            assert!(!is_git(OsStr::new(name)), "{name:?}");
        }
    }
}
