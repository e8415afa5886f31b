//! The project's own tasks: `cargo xtask bench`, `codegen`, `prompts-live`, `tidy`, `test`.

mod bench;
mod codegen;
mod project;
mod run;
mod steps;
mod tidy;

use std::{path::Path, process::ExitCode};

use anyhow::{Result, bail};

use crate::run::Run;

/// What `cargo xtask` prints when it is not told what to do.
const USAGE: &str = "\
The project's own tasks:

  cargo xtask test                 everything that must hold before a change is shared
  cargo xtask test --only STEP     one step of it; may be repeated
  cargo xtask test --list          the steps
  cargo xtask tidy                 the floor plan and the house rules alone
  cargo xtask codegen              write the generated files of bindings/
  cargo xtask codegen --check      fail when they are not up to date, and repair them
  cargo xtask prompts-live [NAME]  ask every prompt once, for real: it needs ANTHROPIC_API_KEY, and costs cents
  cargo xtask bench                measure the built sidecar against its targets (minutes)
  cargo xtask bench --only ROW     one row of the table; `--list` prints the rows
  cargo xtask bench --quick        a tenth of the rounds: rough figures, so that none fails it
  cargo xtask bench --parts        instead, the pen and the diff alone, beside what they are held against";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match perform(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn perform(args: &[&str]) -> Result<()> {
    let root = project::root();
    match args {
        ["codegen"] => codegen::write(root),
        ["codegen", "--check"] => codegen::check(root),
        ["tidy"] => tidy::check(root),
        ["prompts-live", names @ ..] => prompts_live(root, names),
        ["bench", "--parts"] => bench::parts(root),
        ["bench", options @ ..] => bench::run(root, options),
        ["test", "--list"] => {
            steps::list();
            Ok(())
        }
        ["test", options @ ..] => steps::run(root, &only(options)?),
        [] | ["help" | "--help" | "-h"] => {
            say(USAGE);
            Ok(())
        }
        _ => bail!("There is no task `{}`.\n\n{USAGE}", args.join(" ")),
    }
}

/// Asks every prompt once, or those that are named. The sidecar does it, since it knows the settings; what
/// it needs is not built into this task.
fn prompts_live(root: &Path, names: &[&str]) -> Result<()> {
    let run = [
        "run",
        "--quiet",
        "-p",
        "paige-sidecar",
        "--",
        "prompts",
        "try",
    ];
    Run::cargo(run).args(names).folder(root).go()
}

/// The steps named by `--only STEP`; none means all.
fn only<'a>(mut options: &[&'a str]) -> Result<Vec<&'a str>> {
    let mut names = Vec::new();
    while let ["--only", name, rest @ ..] = options {
        names.push(*name);
        options = rest;
    }
    if let [unknown, ..] = options {
        bail!("`cargo xtask test` has no option `{unknown}`.\n\n{USAGE}");
    }
    Ok(names)
}

/// Says something to the person who runs the task.
#[expect(
    clippy::print_stdout,
    reason = "talking to a person is what a task does"
)]
fn say(text: &str) {
    println!("{text}");
}

/// Says what went wrong.
#[expect(
    clippy::print_stderr,
    reason = "talking to a person is what a task does"
)]
fn say_error(text: &str) {
    eprintln!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_test_task_are_read() {
        assert_eq!(only(&[]).expect("none"), Vec::<&str>::new());
        assert_eq!(
            only(&["--only", "a", "--only", "b"]).expect("two"),
            ["a", "b"]
        );
        only(&["--only"]).expect_err("a name is missing");
        only(&["--ony", "a"]).expect_err("there is no such option");
        perform(&["tset"]).expect_err("there is no such task");
    }
}
