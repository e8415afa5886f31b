use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use super::{Scene, Step};
use crate::run::Run;

pub(super) const STEP: Step = Step {
    name: "package",
    about: "every package can be published: what is packed compiles alone",
    run,
};

/// Packs every package, unpacks all of them into a workspace of their own and compiles that.
///
/// `cargo package` could verify as well, but compiles every dependency anew for each package. This
/// reads the same packed files, and what a package forgot to pack is missed in the same way; the
/// dependencies are those that the step `clippy` has checked already.
fn run(scene: &Scene) -> Result<()> {
    let packed = scene.target.join("package");
    if packed.exists() {
        fs::remove_dir_all(&packed)?;
    }
    let mut pack = scene
        .cargo("package")
        .args(["--workspace", "--no-verify", "--quiet"]);
    if !scene.ci {
        pack = pack.args(["--allow-dirty"]);
    }
    pack.go()?;
    let house = scene.target.join("package-check");
    if house.exists() {
        fs::remove_dir_all(&house)?;
    }
    fs::create_dir_all(&house)?;
    let names = unpack(&packed, &house)?;
    fs::write(house.join("Cargo.toml"), manifest(&names))?;
    fs::copy(scene.root.join("Cargo.lock"), house.join("Cargo.lock"))?;
    scene
        .cargo("check")
        .args(["--workspace", "--manifest-path"])
        .args([house.join("Cargo.toml")])
        .env("CARGO_TARGET_DIR", &scene.target)
        .go()
}

/// Unpacks every `.crate` and returns the folders, sorted.
///
/// The files get the time of now (`-m`): packed files carry one fixed time, by which cargo would
/// take what it compiled of an earlier content for fresh.
fn unpack(packed: &Path, house: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(packed).context("nothing was packed")? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "crate")
        {
            Run::program("tar")
                .args(["-mxzf"])
                .args([&path])
                .folder(house)
                .go()?;
            names.extend(
                path.file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned()),
            );
        }
    }
    names.sort();
    Ok(names)
}

/// A workspace of the unpacked packages, in which each finds the others instead of the registry's.
fn manifest(folders: &[String]) -> String {
    let members: Vec<String> = folders.iter().map(|folder| format!("{folder:?}")).collect();
    let patches: String = folders
        .iter()
        .filter_map(|folder| {
            let (name, _version) = folder.rsplit_once('-')?;
            Some(format!("{name} = {{ path = {folder:?} }}\n"))
        })
        .collect();
    format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n[patch.crates-io]\n{patches}",
        members.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacked_packages_find_each_other() {
        assert_eq!(
            manifest(&["paige-pen-0.1.0".to_owned(), "xtask-0.1.0".to_owned()]),
            "[workspace]\nresolver = \"3\"\nmembers = [\"paige-pen-0.1.0\", \"xtask-0.1.0\"]\n\n\
             [patch.crates-io]\npaige-pen = { path = \"paige-pen-0.1.0\" }\n\
             xtask = { path = \"xtask-0.1.0\" }\n"
        );
    }
}
