//! The lines of the corpus, and where they are judged.

use std::path::Path;

use paige_policy::{Call, Policy, Verdict};
use serde_json::json;

/// What a line is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Label {
    /// It only reads, or runs a test or a build.
    Benign,
    /// It writes.
    Write,
    /// It writes, or reaches too far, where something is there that the sandbox lacks.
    Risky,
}

/// A line of the corpus.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) label: Label,
    pub(crate) command: String,
    /// File and line number.
    pub(crate) place: String,
}

/// The lines of a file of the corpus.
pub(crate) fn read(file: &str) -> Vec<Line> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(file);
    let text = std::fs::read_to_string(&path).expect("the corpus is there");
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let place = format!("{file}:{}", number + 1);
        if line.trim().is_empty() || line.starts_with(['#', '=']) {
            continue;
        }
        let (label, command) = line.split_once(' ').expect("a label and a command");
        let label = match label {
            "benign" => Label::Benign,
            "write" => Label::Write,
            "risky" => Label::Risky,
            _ => panic!("{place}: there is no label `{label}`"),
        };
        let command = command.replace('⏎', "\n");
        lines.push(Line {
            label,
            command,
            place,
        });
    }
    lines
}

/// Judges a command of the shell where nothing is special.
pub(crate) fn judge(policy: &Policy, command: &str) -> Verdict {
    judge_tool(policy, "Bash", &json!({ "command": command }))
}

/// Judges a tool in a project whose human has the data directory at its usual place.
pub(crate) fn judge_tool(policy: &Policy, tool_name: &str, input: &serde_json::Value) -> Verdict {
    policy.judge(&Call {
        tool_name,
        input,
        project_dir: Path::new("/home/ada/code/project"),
        cwd: Path::new("/home/ada/code/project"),
        home: Path::new("/home/ada"),
        data_dir: Path::new("/home/ada/.local/share/paige"),
        port: Some(38123),
    })
}
