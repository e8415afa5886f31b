use super::Step;

/// Builds the tests along with the programs: cargo then compiles every dependency once, with the
/// features that the step `test` needs as well.
pub(super) const STEP: Step = Step {
    name: "build",
    about: "the programs and the tests compile",
    run: |scene| {
        scene
            .cargo("build")
            .args(["--workspace", "--bins", "--tests"])
            .go()
    },
};
