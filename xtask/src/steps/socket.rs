use super::{Step, npm::Package};

/// `PaigeSocket` against the built sidecar: cut connections, a killed server, a foreign cursor.
pub(super) const STEP: Step = Step {
    name: "socket",
    about: "the TypeScript client keeps its promises against the built sidecar",
    run: |scene| {
        let Some(package) = Package::install(scene, "socket")? else {
            return Ok(());
        };
        let sidecar = scene.sidecar()?;
        package
            .npm(&["run", "test:sidecar"])
            .env("PAIGE_SIDECAR", sidecar)
            .go()
    },
};
