//! Chance against the read-only policy.

use super::Step;
use crate::run::Run;

/// Tests that run commands in spaces of their own have this in their names.
pub(super) const ENCLOSED: &str = "in_a_sandbox";
/// Why they cannot.
pub(super) const NO_ENCLOSURE: &str =
    "the system does not let `unshare` make spaces for users, mounts, networks and processes";

/// For how long.
const SECONDS: &str = "30";

pub(super) const STEP: Step = Step {
    name: "fuzz",
    about: "commands made by chance do not get the better of the read-only policy, for 30 s",
    run: |scene| {
        let mut names = vec!["fuzz::"];
        if can_enclose() {
            names.push("allowed_by_chance");
        } else {
            scene.leave_out(
                "running what chance makes and the policy allows",
                NO_ENCLOSURE,
            );
        }
        scene
            .cargo("test")
            .args(["--package", "paige-policy", "--test", "policy", "--"])
            .args(names)
            .env("PAIGE_FUZZ_SECONDS", SECONDS)
            .go()
    },
};

/// Whether commands can be run where they can do no harm.
pub(super) fn can_enclose() -> bool {
    let spaces = [
        "--user",
        "--map-root-user",
        "--mount",
        "--net",
        "--ipc",
        "--uts",
        "--pid",
        "--fork",
        "--kill-child",
    ];
    let mounts =
        "mount --make-rprivate / && mount --rbind /mnt /mnt && setpriv --no-new-privs true";
    cfg!(target_os = "linux")
        && Run::program("unshare")
            .args(spaces)
            .args(["sh", "-c", mounts])
            .works()
}
