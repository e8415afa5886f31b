//! An npm package of the project, copied into the target folder: nothing is installed in the
//! project, and what is tested is what is committed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::Scene;
use crate::{codegen::BINDINGS, project, run::Run};

/// What npm installs from, and what was last installed.
const LOCK: &str = "package-lock.json";
const INSTALLED: &str = "node_modules/.installed-lock.json";

/// The oldest major version of Node that the tools of the packages run on.
const NODE: u32 = 20;

/// A copy of the npm package with its tools installed.
pub(super) struct Package {
    folder: PathBuf,
}

impl Package {
    /// The bindings; see [`install_from`](Self::install_from).
    pub(super) fn install(scene: &Scene, what: &str) -> Result<Option<Self>> {
        Self::install_from(scene, BINDINGS, what)
    }

    /// Copies and installs the package in the folder `source` of the project; `None`, and `what` is
    /// left out, where Node or npm is missing, or Node is too old.
    pub(super) fn install_from(scene: &Scene, source: &str, what: &str) -> Result<Option<Self>> {
        if let Some(why) = lacking()? {
            scene.leave_out(what, &why);
            return Ok(None);
        }
        let package = Self {
            folder: scene.target.join("npm").join(source),
        };
        mirror(&scene.root.join(source), &package.folder)?;
        let lock = fs::read(package.folder.join(LOCK))?;
        let installed = package.folder.join(INSTALLED);
        if fs::read(&installed).is_ok_and(|installed| installed == lock) {
            return Ok(Some(package));
        }
        package
            .npm(&["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .go()?;
        fs::write(installed, lock)?;
        Ok(Some(package))
    }

    /// Where the copy is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// npm in the package.
    pub(super) fn npm(&self, args: &[&str]) -> Run {
        Run::program("npm")
            .args(["--silent"])
            .args(args)
            .folder(&self.folder)
    }
}

/// What of Node and npm this machine lacks.
fn lacking() -> Result<Option<String>> {
    for program in ["node", "npm"] {
        if !Run::program(program).args(["--version"]).works() {
            return Ok(Some(format!("{program} is not installed")));
        }
    }
    let version = Run::program("node").args(["--version"]).output()?;
    let old = major(&version).is_none_or(|major| major < NODE);
    Ok(old.then(|| {
        let version = version.trim();
        format!("Node {NODE} or newer is needed, and node is {version} here")
    }))
}

/// The major version in what `node --version` prints, such as `v20.11.1`.
fn major(version: &str) -> Option<u32> {
    let (major, _) = version.trim().strip_prefix('v')?.split_once('.')?;
    major.parse().ok()
}

/// Makes `to` hold the package's files and no others, but for what npm installed there.
fn mirror(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if entry.file_name() == "node_modules" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    for file in project::files(from)? {
        let target = to.join(&file.path);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(from.join(&file.path), &target)
            .with_context(|| format!("cannot copy {}", file.path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_of_node_is_read() {
        for (version, expected) in [
            ("v20.11.1\n", Some(20)),
            ("v18.19.0\n", Some(18)),
            ("v9.0.0", Some(9)),
            ("v25.0.0-nightly20250901\n", Some(25)),
            ("20.11.1", None),
            ("v20", None),
            ("", None),
        ] {
            assert_eq!(major(version), expected, "{version}");
        }
    }

    #[test]
    fn a_mirror_holds_what_the_package_holds() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        for (path, text) in [
            ("from/package.json", "{}"),
            ("from/test/a.ts", "a"),
            ("from/dist/made.js", "made"),
            ("to/old.ts", "old"),
            ("to/test/old.ts", "old"),
            ("to/node_modules/ws/index.js", "installed"),
        ] {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            fs::write(file, text).expect("written");
        }
        mirror(&from, &to).expect("copied");
        let paths: Vec<_> = project::files(&to)
            .expect("listed")
            .into_iter()
            .map(|f| f.path)
            .collect();
        assert_eq!(paths, ["package.json", "test/a.ts"]);
        assert!(to.join("node_modules/ws/index.js").exists());
    }
}
