use super::Step;
use crate::run::Run;

/// Tests that need strace have this in their names, so that they can be left out by it.
const TRACED: &str = "traced";

pub(super) const STEP: Step = Step {
    name: "test",
    about: "unit tests, and black-box tests of the built programs",
    run: |scene| {
        let run = scene.cargo("test").args(["--workspace", "--no-fail-fast"]);
        if Run::program("strace").args(["-V"]).works() {
            return run.go();
        }
        scene.leave_out(
            "tests with `traced` in their names",
            "strace is not installed, or not for this system",
        );
        run.args(["--", "--skip", TRACED]).go()
    },
};
