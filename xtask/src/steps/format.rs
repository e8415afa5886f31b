use super::Step;
use crate::run::Run;

pub(super) const STEP: Step = Step {
    name: "format",
    about: "every Rust file is formatted",
    run: |scene| {
        Run::cargo(["fmt", "--all", "--check"])
            .folder(&scene.root)
            .go()
    },
};
