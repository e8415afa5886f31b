use super::Step;

pub(super) const STEP: Step = Step {
    name: "tidy",
    about: "the floor plan, the house rules, and a test for every landed scenario",
    run: |scene| crate::tidy::check(&scene.root),
};
