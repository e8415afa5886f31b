//! `cargo xtask test`: everything that must hold before a change is shared, step by step.
//!
//! A step is a module with one `STEP`. It fails by its result; what it cannot check on this machine
//! it leaves out by name. On a person's machine that is told at the end, with `CI=true` it is a
//! failure.

mod bindings;
mod build;
mod clippy;
mod conformance;
mod format;
mod fuzz;
mod npm;
mod package;
mod python;
mod socket;
mod test;
mod tidy;
mod typescript;

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{run::Run, say, say_error};

/// Every step, in the order in which they run: what fails fast comes first, and what most people
/// want to read comes last.
const STEPS: [&Step; 11] = [
    &format::STEP,
    &tidy::STEP,
    &bindings::STEP,
    &clippy::STEP,
    &build::STEP,
    &typescript::STEP,
    &socket::STEP,
    &conformance::STEP,
    &package::STEP,
    &fuzz::STEP,
    &test::STEP,
];

/// One step of the test task.
struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&Scene) -> Result<()>,
}

/// Where a step runs.
struct Scene {
    root: PathBuf,
    target: PathBuf,
    ci: bool,
    left_out: RefCell<Vec<String>>,
}

impl Scene {
    fn new(root: &Path) -> Result<Self> {
        #[derive(serde::Deserialize)]
        struct Metadata {
            target_directory: PathBuf,
        }
        let metadata = Run::cargo(["metadata", "--no-deps", "--format-version", "1"])
            .folder(root)
            .output()?;
        let metadata: Metadata = serde_json::from_str(&metadata)?;
        Ok(Self {
            root: root.to_owned(),
            target: metadata.target_directory,
            ci: std::env::var("CI").is_ok_and(|ci| ci == "true"),
            left_out: RefCell::default(),
        })
    }

    /// Cargo in the project; in CI the lock file must be up to date.
    fn cargo(&self, task: &str) -> Run {
        let run = Run::cargo([task]).folder(&self.root);
        if self.ci { run.args(["--locked"]) } else { run }
    }

    /// The sidecar as the step `build` makes it.
    fn sidecar(&self) -> Result<PathBuf> {
        let name = format!("paige-sidecar{}", std::env::consts::EXE_SUFFIX);
        let path = self.target.join("debug").join(name);
        if !path.is_file() {
            bail!("{} is missing; run the step `build` first", path.display());
        }
        Ok(path)
    }

    /// Tells that `what` was not checked because this machine lacks something.
    fn leave_out(&self, what: &str, why: &str) {
        say(&format!("{what} is left out: {why}"));
        self.left_out.borrow_mut().push(format!("{what}: {why}"));
    }
}

/// Prints the steps.
pub(crate) fn list() {
    for step in STEPS {
        say(&format!("{:<12} {}", step.name, step.about));
    }
}

/// Runs the named steps, or all when none is named.
pub(crate) fn run(root: &Path, only: &[&str]) -> Result<()> {
    let steps = chosen(only)?;
    let scene = Scene::new(root)?;
    perform(&steps, &scene)
}

fn chosen(only: &[&str]) -> Result<Vec<&'static Step>> {
    if only.is_empty() {
        return Ok(STEPS.to_vec());
    }
    let find = |name: &&str| {
        STEPS
            .into_iter()
            .find(|step| step.name == *name)
            .with_context(|| {
                format!("There is no step `{name}`; `cargo xtask test --list` prints the steps.")
            })
    };
    only.iter().map(find).collect()
}

fn perform(steps: &[&Step], scene: &Scene) -> Result<()> {
    let (mut summary, mut failed) = (String::new(), Vec::new());
    for step in steps {
        say(&format!("\n==> {}: {}", step.name, step.about));
        let start = Instant::now();
        let result = (step.run)(scene);
        let took = seconds(start.elapsed());
        let outcome = if result.is_ok() { "ok" } else { "FAILED" };
        say(&format!("<== {}: {outcome} after {took}", step.name));
        summary += &format!("\n  {:<12} {outcome:<8} {took:>9}", step.name);
        if let Err(error) = result {
            say_error(&format!("{}: {error:#}", step.name));
            failed.push(format!("The step `{}` failed: {error:#}", step.name));
        }
    }
    say(&format!("\nSteps:{summary}"));
    let left_out = scene.left_out.borrow();
    if !left_out.is_empty() {
        say(&format!(
            "Left out on this machine:\n  {}",
            left_out.join("\n  ")
        ));
        if scene.ci {
            failed.push("With CI=true nothing may be left out.".to_owned());
        }
    }
    if failed.is_empty() {
        say("All steps are ok.");
        return Ok(());
    }
    bail!("\n{}", failed.join("\n"))
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(ci: bool) -> Scene {
        Scene {
            root: PathBuf::new(),
            target: PathBuf::new(),
            ci,
            left_out: RefCell::default(),
        }
    }

    const GOOD: Step = Step {
        name: "good",
        about: "",
        run: |_| Ok(()),
    };
    const BAD: Step = Step {
        name: "bad",
        about: "",
        run: |_| bail!("it is broken"),
    };
    const PARTLY: Step = Step {
        name: "partly",
        about: "",
        run: |scene| {
            scene.leave_out("half of it", "no half is installed");
            Ok(())
        },
    };

    #[test]
    fn a_failing_step_fails_the_task_and_the_others_still_run() {
        perform(&[&GOOD, &GOOD], &scene(true)).expect("all good");
        let scene = scene(false);
        let error = perform(&[&BAD, &PARTLY, &BAD], &scene)
            .expect_err("one is bad")
            .to_string();
        assert_eq!(
            error.matches("The step `bad` failed: it is broken").count(),
            2
        );
        assert_eq!(scene.left_out.borrow().len(), 1);
    }

    #[test]
    fn what_is_left_out_fails_in_ci_only() {
        perform(&[&PARTLY], &scene(false)).expect("a person may lack something");
        let error = perform(&[&PARTLY], &scene(true))
            .expect_err("CI may not")
            .to_string();
        assert!(error.contains("nothing may be left out"), "{error}");
    }

    #[test]
    fn steps_are_chosen_by_name() {
        assert_eq!(chosen(&[]).expect("all").len(), STEPS.len());
        assert_eq!(chosen(&["tidy"]).expect("one").len(), 1);
        assert!(chosen(&["tidi"]).is_err());
    }
}
