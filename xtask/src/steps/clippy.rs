use super::Step;

pub(super) const STEP: Step = Step {
    name: "clippy",
    about: "no lint complains",
    run: |scene| {
        let run = scene.cargo("clippy");
        run.args(["--workspace", "--all-targets", "--", "-D", "warnings"])
            .go()
    },
};
