use super::Step;
use crate::run::Run;

/// Tests that need strace have this in their names, so that they can be left out by it.
const TRACED: &str = "traced";
/// The same for tests that need Chromium.
const BROWSED: &str = "in_a_browser";
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
        let browses = |name| Run::program(name).args(["--version"]).works();
        if !BROWSERS.into_iter().any(browses) {
            scene.leave_out(
                "tests with `in_a_browser` in their names",
                "Chromium is not installed",
            );
            skipped.extend(["--skip", BROWSED]);
        }
        if skipped.is_empty() {
            return run.go();
        }
        run.args(["--"]).args(skipped).go()
    },
};
