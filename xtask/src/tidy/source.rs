//! Rules about Rust sources: what only some rooms may do, and what nobody may.

use std::collections::BTreeSet;

use super::tokens::{self, TestModules, Token};
use crate::project::ProjectFile;

/// Rooms and tools, by folder, that may change files or start processes (blueprint §1).
pub(super) const HANDS: [&str; 10] = [
    "bench",
    "crates/memory",
    "crates/pen",
    "crates/pty",
    "crates/sandbox",
    "crates/store",
    "sidecar",
    "shell",
    "tests",
    "xtask",
];

/// Files outside those rooms that may lift the lists of `clippy.toml`: one module runs `gh`.
const LIFTING_FILES: [&str; 1] = ["crates/coach/src/issues.rs"];

/// The flags of rustix with which a file is opened to be changed, made or cut short. They are constants,
/// which clippy cannot refuse as it does functions.
const WRITING: [&str; 6] = ["APPEND", "CREATE", "RDWR", "TMPFILE", "TRUNC", "WRONLY"];

/// Rooms and tools, by folder, that may read the environment.
const READS_ENVIRONMENT: [&str; 4] = ["bench", "sidecar", "tests", "xtask"];

/// The room that a file belongs to, for instance `crates/coach`.
pub(super) fn room(path: &str) -> &str {
    let parts = if path.starts_with("crates/") { 2 } else { 1 };
    let end = path
        .match_indices('/')
        .nth(parts - 1)
        .map_or(path.len(), |(at, _)| at);
    &path[..end]
}

/// What the sources do against the rules.
pub(super) fn problems(files: &[ProjectFile]) -> Vec<String> {
    let mut problems = Vec::new();
    let test_modules = TestModules::find(files);
    for file in files {
        let path = &file.path;
        if file.name() == "mod.rs" {
            problems.push(format!(
                "{path}: name the file after its module, not `mod.rs`."
            ));
        }
        if file.name() == "clippy.toml" && path != "clippy.toml" && !HANDS.contains(&room(path)) {
            problems.push(format!(
                "{path}: this room may neither change files nor start processes, so it has no \
                 clippy.toml of its own."
            ));
        }
        let Some(stream) = file.rust().and_then(tokens::read) else {
            continue;
        };
        let mut report = |lines: BTreeSet<usize>, sentence: &str| {
            problems.extend(
                lines
                    .iter()
                    .map(|line| format!("{path}:{line}: {sentence}")),
            );
        };
        let all = tokens::flat(stream.clone(), true);
        report(
            ignored(&all),
            "a test that is ignored proves nothing; mend it or remove it.",
        );
        report(
            unfinished(&all),
            "finish it; nothing unfinished is committed.",
        );
        if !path.contains("/src/") || test_modules.contain(path) {
            continue;
        }
        let outside_tests = tokens::flat(stream, false);
        if !READS_ENVIRONMENT.contains(&room(path)) {
            report(
                environment(&outside_tests),
                "only the sidecar reads the environment; take the value as configuration.",
            );
        }
        if !HANDS.contains(&room(path)) {
            report(
                writing(&outside_tests),
                "that flag opens a file for writing; only rooms that may change files do so, except \
                 in tests.",
            );
        }
        if !HANDS.contains(&room(path)) && !LIFTING_FILES.contains(&path.as_str()) {
            report(
                lifted(&outside_tests),
                "only rooms that may change files or start processes lift that lint, except in \
                 tests.",
            );
        }
    }
    problems
}

/// The lines at which `pattern` stands, token by token.
fn lines_of(tokens: &[Token], pattern: &[&str]) -> BTreeSet<usize> {
    let matches = |window: &&[Token]| {
        window
            .iter()
            .zip(pattern)
            .all(|(token, text)| token.text == *text)
    };
    let windows = tokens.windows(pattern.len()).filter(matches);
    windows.map(|window| window[0].line).collect()
}

fn ignored(tokens: &[Token]) -> BTreeSet<usize> {
    let mut lines = lines_of(tokens, &["#", "[", "ignore"]);
    lines.extend(lines_of(tokens, &["test", ",", "ignore"]));
    lines
}

fn unfinished(tokens: &[Token]) -> BTreeSet<usize> {
    let mut lines = lines_of(tokens, &["todo", "!"]);
    lines.extend(lines_of(tokens, &["unimplemented", "!"]));
    lines
}

/// `std::env` in any form but its constants; `env!` is read by the compiler and is no concern.
fn environment(tokens: &[Token]) -> BTreeSet<usize> {
    let consts = lines_of(tokens, &["env", ":", ":", "consts"]);
    let mut lines = lines_of(tokens, &["std", ":", ":", "env"]);
    lines.extend(lines_of(tokens, &["env", ":", ":"]));
    lines.retain(|line| !consts.contains(line));
    lines
}

/// The flags with which rustix opens a file for writing.
fn writing(tokens: &[Token]) -> BTreeSet<usize> {
    let flags = WRITING.iter();
    flags
        .flat_map(|flag| lines_of(tokens, &["OFlags", ":", ":", flag]))
        .collect()
}

/// The lints that keep rooms from changing files and starting processes.
fn lifted(tokens: &[Token]) -> BTreeSet<usize> {
    let mut lines = lines_of(tokens, &["clippy", ":", ":", "disallowed_methods"]);
    lines.extend(lines_of(tokens, &["clippy", ":", ":", "disallowed_types"]));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, text: &str, expected: &[&str]) {
        let found = problems(&[ProjectFile::new(path, text)]);
        let heads: Vec<&str> = found
            .iter()
            .map(|found| &found[..found.find(';').unwrap_or(0)])
            .collect();
        assert_eq!(heads, expected, "{found:?}");
    }

    #[test]
    fn a_room_is_a_folder() {
        for (path, expected) in [
            ("crates/coach/src/a.rs", "crates/coach"),
            ("sidecar/src/main.rs", "sidecar"),
            ("README.md", "README.md"),
        ] {
            assert_eq!(room(path), expected);
        }
    }

    #[test]
    fn only_the_sidecar_reads_the_environment() {
        let sentence = "only the sidecar reads the environment";
        let found = format!("crates/coach/src/a.rs:1: {sentence}");
        check(
            "crates/coach/src/a.rs",
            "fn a() { std::env::var(\"HOME\"); }",
            &[&found],
        );
        check(
            "crates/coach/src/a.rs",
            "use std::{env, fs}; fn a() { env::temp_dir(); }",
            &[&found],
        );
        check("crates/coach/src/a.rs", "const A: &str = env!(\"X\");", &[]);
        check(
            "crates/coach/src/a.rs",
            "const A: &str = std::env::consts::OS;",
            &[],
        );
        check(
            "crates/coach/src/a.rs",
            "#[cfg(test)] mod tests { fn a() { std::env::args(); } }",
            &[],
        );
        check(
            "crates/coach/tests/a.rs",
            "fn a() { std::env::args(); }",
            &[],
        );
        check("sidecar/src/a.rs", "fn a() { std::env::args(); }", &[]);
    }

    #[test]
    fn only_rooms_with_hands_lift_the_lists() {
        let text = "#[expect(clippy::disallowed_methods, reason = \"x\")] fn a() {}";
        let found = problems(&[ProjectFile::new("crates/coach/src/a.rs", text)]);
        assert_eq!(found.len(), 1, "{found:?}");
        check("crates/coach/src/issues.rs", text, &[]);
        check("crates/pen/src/a.rs", text, &[]);
        let test =
            "#[cfg(test)] #[expect(clippy::disallowed_methods, reason = \"x\")] mod tests {}";
        check("crates/coach/src/a.rs", test, &[]);

        let found = problems(&[ProjectFile::new("crates/coach/clippy.toml", "")]);
        assert_eq!(found.len(), 1, "{found:?}");
        let files = [
            ProjectFile::new("crates/coach/src/a.rs", "#[cfg(test)]\nmod tests;"),
            ProjectFile::new("crates/coach/src/a/tests.rs", &text.replace("#", "#!")),
        ];
        assert_eq!(problems(&files), Vec::<String>::new());
        assert_eq!(
            problems(&files[1..]).len(),
            1,
            "nobody says that it is a test"
        );
        check("crates/pen/clippy.toml", "", &[]);
        check("clippy.toml", "", &[]);
    }

    #[test]
    fn only_rooms_with_hands_open_files_for_writing() {
        for flag in WRITING {
            let text = format!("fn a() {{\nopenat(b, c, OFlags::NOFOLLOW | OFlags::{flag}, d); }}");
            let found = "crates/workspace/src/a.rs:2: that flag opens a file for writing";
            check("crates/workspace/src/a.rs", &text, &[found]);
            check("crates/pen/src/a.rs", &text, &[]);
            check("crates/workspace/tests/a.rs", &text, &[]);
            let test = format!("#[cfg(test)] mod tests {{ {text} }}");
            check("crates/workspace/src/a.rs", &test, &[]);
        }
        let text = "const A: OFlags = rustix::fs::OFlags::TRUNC;";
        // The one module that starts a program changes files no more than others.
        let found = "crates/coach/src/issues.rs:1: that flag opens a file for writing";
        check("crates/coach/src/issues.rs", text, &[found]);
        let reading = "const A: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);";
        check("crates/workspace/src/a.rs", reading, &[]);
    }

    #[test]
    fn nothing_ignored_or_unfinished() {
        let ignore = "tests/tests/a.rs:2: a test that is ignored proves nothing";
        check(
            "tests/tests/a.rs",
            "#[test]\n#[ignore = \"slow\"]\nfn a() {}",
            &[ignore],
        );
        check(
            "tests/tests/a.rs",
            "#[test]\n#[cfg_attr(test, ignore)]\nfn a() {}",
            &[ignore],
        );
        let unfinished = "tests/tests/a.rs:1: finish it";
        check("tests/tests/a.rs", "fn a() { todo!() }", &[unfinished]);
        check(
            "tests/tests/a.rs",
            "fn a() { unimplemented!(\"later\") }",
            &[unfinished],
        );
        check(
            "tests/tests/a.rs",
            "fn a() { \"todo!()\"; } // todo!()",
            &[],
        );
    }

    #[test]
    fn no_mod_file() {
        let found = problems(&[ProjectFile::new("crates/coach/src/rules/mod.rs", "")]);
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
