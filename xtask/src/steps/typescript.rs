use anyhow::{Context as _, Result, bail};

use super::{Scene, Step, npm::Package};

pub(super) const STEP: Step = Step {
    name: "typescript",
    about: "the bindings compile with `tsc --strict`, pass their own tests and can be packed",
    run,
};

/// What the packed package must hold.
const PACKED: [&str; 7] = [
    "README.md",
    "dist/index.d.ts",
    "dist/index.js",
    "dist/messages.d.ts",
    "dist/paige-socket.js",
    "package.json",
    "schema/server.json",
];

fn run(scene: &Scene) -> Result<()> {
    let Some(package) = Package::install(scene, "typescript")? else {
        return Ok(());
    };
    package.npm(&["run", "build"]).go()?;
    package.npm(&["test"]).go()?;
    check_packed(&package.npm(&["pack", "--dry-run", "--json"]).output()?)
}

/// Checks the list of files that `npm pack` prints.
fn check_packed(json: &str) -> Result<()> {
    #[derive(serde::Deserialize)]
    struct Pack {
        files: Vec<File>,
    }
    #[derive(serde::Deserialize)]
    struct File {
        path: String,
    }
    // `prepack` may print before npm does, and newer versions of npm name the packages.
    let start = json
        .find(['[', '{'])
        .context("npm pack prints no list of files")?;
    let packs: serde_json::Value = serde_json::from_str(&json[start..])?;
    let pack = packs.get(0).or_else(|| packs.as_object()?.values().next());
    let pack: Pack = serde_json::from_value(pack.cloned().context("npm pack packs nothing")?)?;
    for wanted in PACKED {
        if !pack.files.iter().any(|file| file.path == wanted) {
            bail!("the packed package lacks {wanted}");
        }
    }
    for file in &pack.files {
        if file.path.contains("test") {
            bail!(
                "the packed package holds {}, which is no part of it",
                file.path
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(paths: &[&str]) -> String {
        let files: Vec<_> = paths
            .iter()
            .map(|path| serde_json::json!({ "path": path }))
            .collect();
        serde_json::json!([{ "name": "@paige/bindings", "files": files }]).to_string()
    }

    #[test]
    fn a_package_that_lacks_something_is_refused() {
        check_packed(&packed(&PACKED)).expect("complete");
        check_packed(&packed(&PACKED[1..])).expect_err("it lacks a file");
        let more = [&PACKED[..], &["dist/test/a.js"]].concat();
        check_packed(&packed(&more)).expect_err("tests are no part of it");
        check_packed("").expect_err("nothing was printed");
    }
}
