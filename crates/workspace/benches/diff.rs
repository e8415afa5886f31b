//! A diff of ours beside `git diff --no-index` of the same two files: `cargo bench -p paige-workspace`.
//! Git's figures hold its start and its reading of the files.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a bench starts git, on files in a temporary folder"
)]

use std::process::Command;

use divan::{Bencher, black_box};
use paige_protocol::ProjectPath;
use paige_workspace::diff::{DiffConfig, map_lines, unified};

const LINES: usize = 20_000;

fn main() {
    divan::main();
}

#[derive(Debug, Clone, Copy)]
enum Edit {
    /// 500 lines changed, spread over the file.
    Some500,
    /// Every line is another.
    All,
    /// The same lines backwards.
    Reversed,
    /// Few different lines in another order: hardly anything tells one place from another.
    Confusing,
}

const EDITS: [Edit; 4] = [Edit::Some500, Edit::All, Edit::Reversed, Edit::Confusing];

fn texts(edit: Edit) -> [String; 2] {
    let line = |i: usize| match edit {
        Edit::Confusing => format!("    value {};\n", i % 7),
        _ => format!("    let value_{i} = compute({});\n", i * 31 % 97),
    };
    let old: Vec<String> = (0..LINES).map(line).collect();
    let new: Vec<String> = match edit {
        Edit::Some500 => {
            let changed = |(i, line): (usize, &String)| match i % 40 {
                7 => format!("    edited {i};\n"),
                _ => line.clone(),
            };
            old.iter().enumerate().map(changed).collect()
        }
        Edit::All => (0..LINES)
            .map(|i| format!("    let other_{i} = {i};\n"))
            .collect(),
        Edit::Reversed => old.iter().rev().cloned().collect(),
        Edit::Confusing => (0..LINES)
            .map(|i| format!("    value {};\n", i * i / 3 % 5))
            .collect(),
    };
    [old.concat(), new.concat()]
}

#[divan::bench(args = EDITS)]
fn ours(bencher: Bencher<'_, '_>, edit: Edit) {
    let [old, new] = texts(edit);
    let path = ProjectPath::parse("src/main.rs").expect("a good path");
    let config = DiffConfig::default();
    bencher.bench_local(|| unified(&path, Some(black_box(&old)), Some(black_box(&new)), &config));
}

#[divan::bench(args = EDITS)]
fn git(bencher: Bencher<'_, '_>, edit: Edit) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in ["old", "new"].iter().zip(texts(edit)) {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    bencher.bench_local(|| {
        Command::new("git")
            .args(["diff", "--no-index", "old", "new"])
            .current_dir(folder.path())
            .output()
            .expect("git")
    });
}

/// 200 marks at once.
#[divan::bench]
fn marks(bencher: Bencher<'_, '_>) {
    let [old, new] = texts(Edit::Some500);
    let ranges: Vec<_> = (0..200).map(|i| i * 97 + 1..=i * 97 + 5).collect();
    let config = DiffConfig::default();
    bencher.bench_local(|| map_lines(black_box(&old), black_box(&new), &ranges, &config));
}
