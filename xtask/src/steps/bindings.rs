use super::Step;

pub(super) const STEP: Step = Step {
    name: "bindings",
    about: "the generated files agree with the wire types",
    run: |scene| crate::codegen::check(&scene.root),
};
