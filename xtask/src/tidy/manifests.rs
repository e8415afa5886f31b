//! Rules about the manifests of packages.

use crate::project::ProjectFile;

/// What every package takes from the workspace.
const INHERITED: [&str; 5] = [
    "version",
    "edition",
    "rust-version",
    "license",
    "repository",
];

/// What the manifests do against the rules.
pub(super) fn problems(files: &[ProjectFile]) -> Vec<String> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.name() == "Cargo.toml") {
        let text = file.text.as_deref().unwrap_or_default();
        if !section(text, "package").any(|line| line.starts_with("name")) {
            continue;
        }
        let path = &file.path;
        if !section(text, "lints").any(|line| line == "workspace = true") {
            problems.push(format!(
                "{path}: it lacks the workspace's lints; add `[lints]` with `workspace = true`."
            ));
        }
        for key in INHERITED {
            let wanted = format!("{key}.workspace = true");
            if !section(text, "package").any(|line| line == wanted) {
                problems.push(format!("{path}: it lacks `{wanted}`."));
            }
        }
        if !section(text, "package").any(|line| line.starts_with("description = ")) {
            problems.push(format!(
                "{path}: it lacks a description, which publishing needs."
            ));
        }
    }
    problems
}

/// The lines of one section of a manifest.
fn section<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let header = format!("[{name}]");
    text.lines()
        .map(str::trim)
        .skip_while(move |line| *line != header)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\nname = \"a\"\ndescription = \"b\"\nversion.workspace = true\n\
        edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\n\
        repository.workspace = true\n\n[lints]\nworkspace = true\n";

    #[track_caller]
    fn check(text: &str, expected: usize) {
        let found = problems(&[ProjectFile::new("crates/a/Cargo.toml", text)]);
        assert_eq!(found.len(), expected, "{found:?}");
    }

    #[test]
    fn packages_inherit_from_the_workspace() {
        check(GOOD, 0);
        check("[workspace]\nmembers = []\n", 0);
        check(&GOOD.replace("[lints]\nworkspace = true\n", ""), 1);
        check(
            &GOOD.replace("edition.workspace = true", "edition = \"2024\""),
            1,
        );
        check(&GOOD.replace("description = \"b\"\n", ""), 1);
        // Another section's line does not count.
        check(&GOOD.replace("[lints]", "[lints.rust]"), 1);
    }
}
