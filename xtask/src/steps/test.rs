use super::{Step, fuzz, npm::Package, python};
use crate::run::Run;

/// Tests that need strace have this in their names, so that they can be left out by it.
const TRACED: &str = "traced";
/// The same for tests that need Chromium.
const BROWSED: &str = "in_a_browser";
/// The same for tests that need the embedding model, and a Chroma server.
const WITH_MODEL: &str = "with_the_model";
const OVER_CHROMA: &str = "over_chroma";
/// The same for tests that need the Claude Code CLI, and the npm package that holds it, from which
/// `paige_tests::claude_code` takes it.
const WITH_CLAUDE_CODE: &str = "with_claude_code";
const CLAUDE_CODE: &str = "tests/claude-code";
/// What Chromium is called on different systems, as in `paige_tests::browser`.
const BROWSERS: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

pub(super) const STEP: Step = Step {
    name: "test",
    about: "unit tests, and black-box tests of the built programs",
    run: |scene| {
        let run = scene.cargo("test").args(["--workspace", "--no-fail-fast"]);
        let mut skipped = Vec::new();
        if !Run::program("strace").args(["-V"]).works() {
            scene.leave_out(
                "tests with `traced` in their names",
                "strace is not installed, or not for this system",
            );
            skipped.extend(["--skip", TRACED]);
        }
        if !fuzz::can_enclose() {
            scene.leave_out(
                "tests with `in_a_sandbox` in their names",
                fuzz::NO_ENCLOSURE,
            );
            skipped.extend(["--skip", fuzz::ENCLOSED]);
        }
        let browses = |name| Run::program(name).args(["--version"]).works();
        if !BROWSERS.into_iter().any(browses) {
            scene.leave_out(
                "tests with `in_a_browser` in their names",
                "Chromium is not installed",
            );
            skipped.extend(["--skip", BROWSED]);
        }
        if let Err(why) = python::install(scene) {
            scene.leave_out(
                "tests with `with_the_model` or `over_chroma` in their names",
                &format!("{why:#}"),
            );
            skipped.extend(["--skip", WITH_MODEL, "--skip", OVER_CHROMA]);
        }
        let left_out = "tests with `with_claude_code` in their names";
        if Package::install_from(scene, CLAUDE_CODE, left_out)?.is_none() {
            skipped.extend(["--skip", WITH_CLAUDE_CODE]);
        }
        if skipped.is_empty() {
            return run.go();
        }
        run.args(["--"]).args(skipped).go()
    },
};
