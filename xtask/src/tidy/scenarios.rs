//! Every acceptance scenario whose issue has landed has a test that names it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};

use super::tokens;
use crate::project::ProjectFile;

/// The list of all scenarios.
const LIST: &str = "tests/scenarios.txt";

/// Scenarios of each story, as the specification counts them.
const COUNTS: [usize; 12] = [8, 10, 9, 8, 10, 16, 7, 8, 8, 11, 11, 12];

/// Folders of tests that drive the built binary.
const BLACK_BOX: [&str; 2] = ["tests/", "sidecar/tests/"];

/// Scenario 9 of story 3 is `(3, 9)`, written `3.9`.
type Scenario = (usize, usize);

/// The list: each scenario with the issue it lands with, and the issues that have landed.
#[derive(Debug, PartialEq, Eq)]
struct List {
    landed: BTreeSet<u32>,
    issues: BTreeMap<Scenario, u32>,
}

/// Scenarios without a test, and tests of scenarios that do not exist.
pub(super) fn problems(files: &[ProjectFile]) -> Result<Vec<String>> {
    let list = files.iter().find(|file| file.path == LIST);
    let list = list.and_then(|file| file.text.as_deref());
    let list = parse(list.with_context(|| format!("{LIST} is missing"))?)?;
    Ok(compare(&list, files))
}

fn parse(text: &str) -> Result<List> {
    let mut list = List {
        landed: BTreeSet::new(),
        issues: BTreeMap::new(),
    };
    let lines = text.lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let bad = || format!("{LIST}: cannot read the line `{line}`");
        let mut words = line.split_whitespace();
        let first = words.next().with_context(bad)?;
        if first == "landed" {
            let issues: Result<Vec<u32>, _> = words.map(str::parse).collect();
            list.landed.extend(issues.with_context(bad)?);
            continue;
        }
        let scenario = scenario(first).with_context(bad)?;
        let issue = words.next().with_context(bad)?.parse().with_context(bad)?;
        ensure!(words.next().is_some(), "{LIST}: {first} lacks its title");
        ensure!(
            list.issues.insert(scenario, issue).is_none(),
            "{LIST}: {first} is listed twice"
        );
    }
    let wanted: Vec<Scenario> = (1..)
        .zip(COUNTS)
        .flat_map(|(story, count)| (1..=count).map(move |number| (story, number)))
        .collect();
    let listed: Vec<Scenario> = list.issues.keys().copied().collect();
    ensure!(
        listed == wanted,
        "{LIST}: it must list the {} scenarios of the specification, no more and no fewer",
        wanted.len()
    );
    Ok(list)
}

fn scenario(text: &str) -> Option<Scenario> {
    let (story, number) = text.split_once('.')?;
    Some((story.parse().ok()?, number.parse().ok()?))
}

/// The scenarios that a line of a doc comment names: `spec: 3.9, 3.10`.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let after = line.split_once("spec: ").map_or("", |(_, after)| after);
    after
        .split(|c: char| c == ',' || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .map(|word| word.trim_matches(|c: char| !c.is_ascii_digit()))
        .take_while(|word| word.contains('.'))
}

fn compare(list: &List, files: &[ProjectFile]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut tested = BTreeSet::new();
    let black_box =
        |file: &&ProjectFile| BLACK_BOX.iter().any(|folder| file.path.starts_with(folder));
    for file in files.iter().filter(black_box) {
        let Some(stream) = file.rust().and_then(tokens::read) else {
            continue;
        };
        for function in tokens::functions(stream) {
            for name in function.docs.iter().flat_map(|line| named(line)) {
                let place = format!("{}:{}", file.path, function.line);
                match scenario(name).filter(|known| list.issues.contains_key(known)) {
                    None => problems.push(format!("{place}: there is no scenario {name}.")),
                    Some(_) if !function.is_test => problems.push(format!(
                        "{place}: `{}` names scenario {name}, but is no test.",
                        function.name
                    )),
                    Some(known) => _ = tested.insert(known),
                }
            }
        }
    }
    for ((story, number), issue) in &list.issues {
        if list.landed.contains(issue) && !tested.contains(&(*story, *number)) {
            problems.push(format!(
                "{LIST}: issue {issue} has landed, but no test names scenario {story}.{number}; \
                 write `spec: {story}.{number}` into the doc comment of the test that proves it."
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> List {
        List {
            landed: BTreeSet::from([2]),
            issues: BTreeMap::from([((1, 1), 2), ((1, 2), 2), ((4, 1), 3)]),
        }
    }

    #[track_caller]
    fn check(path: &str, text: &str, expected: &[&str]) {
        let found = compare(&list(), &[ProjectFile::new(path, text)]);
        let heads: Vec<&str> = found
            .iter()
            .map(|found| found.split(';').next().unwrap_or(found))
            .collect();
        assert_eq!(heads, expected, "{text}");
    }

    #[test]
    fn landed_scenarios_need_a_test_and_markers_a_scenario() {
        let lacks = |scenario| {
            format!(
                "tests/scenarios.txt: issue 2 has landed, but no test names scenario {scenario}"
            )
        };
        check("tests/tests/a.rs", "", &[&lacks("1.1"), &lacks("1.2")]);
        check(
            "tests/tests/a.rs",
            "/// spec: 1.1, 1.2\n#[test]\nfn a() {}",
            &[],
        );
        check(
            "sidecar/tests/a.rs",
            "/// Starts (spec: 1.1).\n#[tokio::test]\nasync fn a() {}",
            &[&lacks("1.2")],
        );
        check(
            "tests/tests/a.rs",
            "/// spec: 1.1\nfn helper() {}\n/// spec: 1.2 and 7.7\n#[test]\nfn a() {}\n/// spec: 9.9\n#[test]\nfn b() {}",
            &[
                "tests/tests/a.rs:2: `helper` names scenario 1.1, but is no test.",
                "tests/tests/a.rs:8: there is no scenario 9.9.",
                &lacks("1.1"),
            ],
        );
        // A unit test of a crate proves nothing about the built binary.
        check(
            "crates/store/src/a.rs",
            "/// spec: 1.1\n#[test]\nfn a() {}",
            &[&lacks("1.1"), &lacks("1.2")],
        );
        // A comment is not a marker.
        check(
            "tests/tests/a.rs",
            "// spec: 1.1\n#[test]\nfn a() {}",
            &[&lacks("1.1"), &lacks("1.2")],
        );
    }

    #[test]
    fn the_list_must_be_complete() {
        let full: String = (1..)
            .zip(COUNTS)
            .flat_map(|(story, count)| (1..=count).map(move |n| format!("{story}.{n} 2 A title\n")))
            .collect();
        assert_eq!(parse(&full).expect("all are there").issues.len(), 118);
        let refused = |text: &str| parse(text).expect_err("it is refused").to_string();
        let without = full.replace("12.12 2 A title\n", "");
        assert!(refused(&without).contains("118 scenarios"));
        assert!(refused(&format!("{full}12.13 2 A title\n")).contains("118 scenarios"));
        assert!(refused(&format!("{full}1.1 2 A title\n")).contains("listed twice"));
        assert!(refused(&full.replace("1.1 2 A title\n", "1.1 2\n")).contains("lacks its title"));
        assert!(refused("one two three").contains("cannot read"));
    }
}
