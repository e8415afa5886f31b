//! Rules about every text file: its length, and what it may not name.

use crate::project::ProjectFile;

/// A source file longer than this asks for a second module.
const LONG: usize = 500;
/// A source file may not be longer than this.
const TOO_LONG: usize = 700;

/// Texts that belong to one machine or to a folder outside the project. They are put together here
/// so that this file does not contain them.
const FOREIGN: [(&str, &str); 4] = [
    (concat!("../", "shared"), "a folder outside the project"),
    (concat!("/work", "/"), "a folder of one machine"),
    (concat!("/root", "/"), "a folder of one machine"),
    (concat!("/home/", "runner"), "a folder of one machine"),
];

/// What the files do against the rules.
pub(super) fn problems(files: &[ProjectFile]) -> Vec<String> {
    let mut problems = Vec::new();
    for file in files {
        for (number, line) in file.text.iter().flat_map(|text| text.lines()).enumerate() {
            for (foreign, what) in FOREIGN.iter().filter(|(foreign, _)| names(line, foreign)) {
                problems.push(format!(
                    "{}:{}: it names `{foreign}`, {what}; others do not have it.",
                    file.path,
                    number + 1
                ));
            }
        }
        if let Some(lines) = source_lines(file).filter(|lines| *lines > TOO_LONG) {
            problems.push(format!(
                "{}: it has {lines} lines, and {TOO_LONG} are the limit; split it by what it knows.",
                file.path
            ));
        }
    }
    problems
}

/// Files that are allowed but long.
pub(super) fn warnings(files: &[ProjectFile]) -> Vec<String> {
    let long = |file: &ProjectFile| {
        let lines = source_lines(file).filter(|lines| (LONG + 1..=TOO_LONG).contains(lines))?;
        Some(format!(
            "{}: it has {lines} lines; beyond {LONG} a file asks for a second module.",
            file.path
        ))
    };
    files.iter().filter_map(long).collect()
}

fn source_lines(file: &ProjectFile) -> Option<usize> {
    let source = file.rust().filter(|_| file.path.contains("src/"))?;
    Some(source.lines().count())
}

/// Whether the line names the folder itself, not one whose path only ends like it.
fn names(line: &str, foreign: &str) -> bool {
    line.match_indices(foreign).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        foreign.starts_with('.')
            || before.is_none_or(|c| !c.is_alphanumeric() && !"._-}".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_folders_are_refused() {
        for (line, expected) in [
            (concat!("see ../", "shared/design"), 1),
            (concat!("open(\"/work", "/main\")"), 1),
            (concat!("/root", "/.cargo"), 1),
            (concat!("crates/work", "/src"), 0),
            (concat!("https://example.org/network", "/x"), 0),
        ] {
            let found = problems(&[ProjectFile::new("README.md", line)]);
            assert_eq!(found.len(), expected, "{line}: {found:?}");
        }
    }

    #[test]
    fn long_sources_are_warned_of_and_then_refused() {
        let file = |lines: usize| {
            [ProjectFile::new(
                "crates/coach/src/a.rs",
                &"\n".repeat(lines),
            )]
        };
        let counts = |lines| (problems(&file(lines)).len(), warnings(&file(lines)).len());
        assert_eq!(counts(LONG), (0, 0));
        assert_eq!(counts(LONG + 1), (0, 1));
        assert_eq!(counts(TOO_LONG), (0, 1));
        assert_eq!(counts(TOO_LONG + 1), (1, 0));
        let test = [ProjectFile::new(
            "tests/tests/a.rs",
            &"\n".repeat(TOO_LONG + 1),
        )];
        assert_eq!(problems(&test), Vec::<String>::new());
    }
}
