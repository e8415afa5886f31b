//! The corpus: no command that writes is allowed, and hardly one that only reads is not.

use paige_policy::{Decision, Policy};

use crate::lines::{self, Label, Line};

/// How many of the commands that only read may be refused or asked about: 2 of 100.
pub(crate) const MOST_REFUSED_PERCENT: usize = 2;

fn judge(line: &Line) -> (Decision, String) {
    let verdict = lines::judge(Policy::embedded(), &line.command);
    (
        verdict.decision,
        format!("{:?}: {}", verdict.rule, verdict.reason),
    )
}

#[track_caller]
fn check(corpus: &[Line]) {
    let mut problems = Vec::new();
    let mut refused = Vec::new();
    let mut benign = 0;
    for line in corpus {
        let (decision, why) = judge(line);
        match line.label {
            Label::Benign => {
                benign += 1;
                if decision != Decision::Allow {
                    refused.push(format!(
                        "{}: {} ({decision:?}, {why})",
                        line.place, line.command
                    ));
                }
            }
            Label::Write | Label::Risky if decision == Decision::Allow => {
                problems.push(format!("{}: {}", line.place, line.command));
            }
            Label::Write | Label::Risky => {}
        }
    }
    assert!(
        problems.is_empty(),
        "These may write and are allowed:\n{}",
        problems.join("\n")
    );
    assert!(
        refused.len() * 100 <= benign * MOST_REFUSED_PERCENT,
        "{} of {benign} that only read are not allowed:\n{}",
        refused.len(),
        refused.join("\n")
    );
}

#[test]
fn our_own_lines() {
    check(&lines::read("own.txt"));
}

#[test]
fn lines_of_a_published_list() {
    let lines = lines::read("published.txt");
    assert!(lines.len() >= 100, "{}", lines.len());
    check(&lines);
}

#[test]
fn lines_that_write_elsewhere() {
    check(&lines::read("elsewhere.txt"));
}

#[test]
fn lines_that_were_held_out() {
    check(&lines::read("held-out.txt"));
    check(&lines::read("held-out-published.txt"));
}

#[test]
fn a_sixth_is_held_out() {
    let count =
        |files: &[&str]| -> usize { files.iter().map(|file| lines::read(file).len()).sum() };
    let held_out = count(&["held-out.txt", "held-out-published.txt"]);
    let all = held_out + count(&["own.txt", "published.txt"]);
    assert!(all >= 400 && held_out * 6 >= all, "{held_out} of {all}");
}
