//! The floor plan of blueprint §1: which room may use which, and who owns which outside crate.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::run::Run;

/// The floors, cellar first. A room uses rooms of lower floors only.
const FLOORS: [&[&str]; 5] = [
    &["paige-protocol", "paige-prompts"],
    &[
        "paige-store",
        "paige-workspace",
        "paige-pen",
        "paige-claude",
        "paige-memory",
        "paige-pty",
        "paige-policy",
        "paige-sandbox",
    ],
    &["paige-coach"],
    &["paige-server", "paige-mcp"],
    &["paige-sidecar"],
];

/// Packages of the workspace that are tools, not rooms: no room uses them.
const TOOLS: [&str; 3] = ["paige-bench", "paige-tests", "xtask"];

/// Rooms that only these rooms reach, directly or through others.
const GUARDED: [(&str, &[&str], &str); 2] = [
    (
        "paige-pen",
        &["paige-server", "paige-sidecar"],
        "it is the only way to change a project file, and Claude must not have one",
    ),
    (
        "paige-pty",
        &["paige-sidecar"],
        "what is written into a terminal is run there",
    ),
];

/// Outside crates that only these rooms know, directly or through other outside crates.
///
/// A name that ends in `*` stands for every crate that begins so.
const OWNED: [(&str, &[&str], &str); 12] = [
    (
        "axum*",
        &["paige-server", "paige-mcp", "paige-sidecar"],
        "only doors speak HTTP",
    ),
    (
        "clap*",
        &["paige-sidecar"],
        "only the sidecar reads the command line",
    ),
    (
        "dotenvy",
        &["paige-sidecar"],
        "only the sidecar reads the environment",
    ),
    (
        "hyper*",
        &[
            "paige-server",
            "paige-mcp",
            "paige-sidecar",
            "paige-claude",
            "paige-memory",
        ],
        "only doors and clients speak HTTP",
    ),
    (
        "libsqlite3-sys",
        &["paige-store", "paige-memory"],
        "only the store and the memory know SQL",
    ),
    (
        "notify*",
        &["paige-workspace"],
        "one room watches the project",
    ),
    ("portable-pty", &["paige-pty"], "one room has terminals"),
    (
        "reqwest",
        &["paige-claude", "paige-memory"],
        "only they open outgoing connections",
    ),
    ("rmcp*", &["paige-mcp"], "one door speaks MCP"),
    (
        "rusqlite*",
        &["paige-store", "paige-memory"],
        "only the store and the memory know SQL",
    ),
    (
        "tokio-tungstenite",
        &["paige-server", "paige-mcp", "paige-sidecar"],
        "only doors speak WebSocket",
    ),
    (
        "tungstenite",
        &["paige-server", "paige-mcp", "paige-sidecar"],
        "only doors speak WebSocket",
    ),
];

/// What a room without I/O cannot use.
const IO: [&str; 6] = ["cap-std", "mio", "rustix", "socket2", "tempfile", "tokio"];

/// Rooms without I/O.
const PURE: [&str; 3] = ["paige-protocol", "paige-prompts", "paige-policy"];

/// Names that no crate may have, with or without our prefix: such rooms collect what has no home.
const HOMELESS: [&str; 5] = ["common", "core", "helpers", "types", "utils"];

/// The packages of the workspace as far as the floor plan cares.
#[derive(Debug, Default)]
pub(super) struct House {
    /// By package name.
    packages: BTreeMap<String, Package>,
}

#[derive(Debug, Default, Clone)]
struct Package {
    /// Packages of the workspace it depends on, normally or for its build script.
    rooms: BTreeSet<String>,
    /// Outside crates it reaches without passing through another package of the workspace.
    outside: BTreeSet<String>,
}

impl House {
    /// Asks cargo.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let metadata = Run::cargo(["metadata", "--no-deps", "--format-version", "1"])
            .folder(root)
            .output()?;
        let mut house = Self::default();
        for (name, rooms) in declared(&metadata)? {
            let outside = BTreeSet::new();
            house.packages.insert(name, Package { rooms, outside });
        }
        let names: Vec<String> = house.packages.keys().cloned().collect();
        for name in names {
            // The tree of one package at a time: asked for all at once, cargo unites the features,
            // and what the tests switch on in a crate would count for the rooms that use it, too.
            let mut tree = Run::cargo(["tree", "--package", &name, "--edges", "normal,build"])
                .args(["--target", "all", "--all-features"])
                .args(["--prefix", "none", "--format", "{p}"])
                .folder(root);
            for room in house.reach(&name) {
                tree = tree.args(["--prune", room]);
            }
            let outside = crate_names(&tree.output()?)
                .filter(|reached| !house.packages.contains_key(*reached))
                .map(str::to_owned)
                .collect();
            if let Some(package) = house.packages.get_mut(&name) {
                package.outside = outside;
            }
        }
        Ok(house)
    }

    /// The rooms that a package reaches, directly or through others, without itself.
    fn reach(&self, name: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut waiting = vec![name];
        while let Some(next) = waiting.pop() {
            for room in self
                .packages
                .get(next)
                .iter()
                .flat_map(|package| &package.rooms)
            {
                if reached.insert(room.as_str()) {
                    waiting.push(room);
                }
            }
        }
        reached
    }
}

/// The packages of the workspace with the packages of the workspace that they declare.
fn declared(metadata: &str) -> Result<BTreeMap<String, BTreeSet<String>>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Declared>,
    }
    #[derive(Deserialize)]
    struct Declared {
        name: String,
        dependencies: Vec<Dependency>,
    }
    #[derive(Deserialize)]
    struct Dependency {
        name: String,
        kind: Option<String>,
        path: Option<String>,
    }
    let metadata: Metadata =
        serde_json::from_str(metadata).context("cargo metadata has another shape than expected")?;
    let rooms = |package: &Declared| {
        let normal = |dependency: &&Dependency| dependency.kind.as_deref() != Some("dev");
        package
            .dependencies
            .iter()
            .filter(|dependency| dependency.path.is_some())
            .filter(normal)
            .map(|dependency| dependency.name.clone())
            .collect()
    };
    Ok(metadata
        .packages
        .iter()
        .map(|package| (package.name.clone(), rooms(package)))
        .collect())
}

/// The crate names in the output of `cargo tree --prefix none --format {p}`.
fn crate_names(tree: &str) -> impl Iterator<Item = &str> {
    tree.lines()
        .filter_map(|line| line.split_whitespace().next())
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

fn is_named(crate_name: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => crate_name.starts_with(start),
        None => crate_name == pattern,
    }
}

/// What the house does against its plan.
pub(super) fn problems(house: &House) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, package) in &house.packages {
        let short = name.strip_prefix("paige-").unwrap_or(name);
        if HOMELESS.contains(&short) {
            problems.push(format!(
                "{name}: no crate is called `{short}`; name it after what it owns."
            ));
        }
        if TOOLS.contains(&name.as_str()) {
            continue;
        }
        let Some(own_floor) = floor(name) else {
            problems.push(format!(
                "{name}: it is not on the floor plan; give it a floor in xtask/src/tidy/floors.rs \
                 and in ARCHITECTURE.md."
            ));
            continue;
        };
        for room in &package.rooms {
            if floor(room).is_none_or(|floor| floor >= own_floor) {
                problems.push(format!(
                    "{name}: it uses {room}, which is not on a floor below it."
                ));
            }
        }
        let reached = house.reach(name);
        for (guarded, allowed, why) in GUARDED {
            if reached.contains(guarded) && !allowed.contains(&name.as_str()) {
                problems.push(format!("{name}: it reaches {guarded}; {why}."));
            }
        }
        for (pattern, owners, why) in OWNED {
            if owners.contains(&name.as_str()) {
                continue;
            }
            for known in package
                .outside
                .iter()
                .filter(|known| is_named(known, pattern))
            {
                problems.push(format!("{name}: it knows the crate {known}; {why}."));
            }
        }
        if PURE.contains(&name.as_str()) {
            for known in package
                .outside
                .iter()
                .filter(|known| IO.contains(&known.as_str()))
            {
                problems.push(format!(
                    "{name}: it knows the crate {known}, but has no I/O."
                ));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A house of `name: room room | crate crate` lines.
    fn house(plan: &str) -> House {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let packages = plan
            .lines()
            .filter_map(|line| {
                let (name, uses) = line.trim().split_once(':')?;
                let (rooms, outside) = uses.split_once('|').unwrap_or((uses, ""));
                let package = Package {
                    rooms: words(rooms),
                    outside: words(outside),
                };
                Some((name.to_owned(), package))
            })
            .collect();
        House { packages }
    }

    #[track_caller]
    fn check(plan: &str, expected: &[&str]) {
        assert_eq!(problems(&house(plan)), expected, "{plan}");
    }

    #[test]
    fn a_good_house_is_accepted() {
        check(
            "paige-protocol: | serde
             paige-store: paige-protocol | rusqlite tokio
             paige-pen: paige-protocol | cap-std
             paige-claude: paige-protocol | reqwest hyper
             paige-coach: paige-protocol paige-store paige-claude | tokio
             paige-mcp: paige-coach paige-store | rmcp axum
             paige-server: paige-coach paige-pen | axum tungstenite
             paige-sidecar: paige-server paige-mcp paige-pen | clap axum
             paige-tests: paige-store | rmcp reqwest rusqlite
             xtask: paige-protocol",
            &[],
        );
    }

    #[test]
    fn nobody_uses_a_room_beside_or_above() {
        check(
            "paige-protocol: paige-store
             paige-store:
             paige-workspace: paige-store
             paige-coach: paige-mcp
             paige-mcp: paige-server
             paige-server: paige-tests",
            &[
                "paige-coach: it uses paige-mcp, which is not on a floor below it.",
                "paige-mcp: it uses paige-server, which is not on a floor below it.",
                "paige-protocol: it uses paige-store, which is not on a floor below it.",
                "paige-server: it uses paige-tests, which is not on a floor below it.",
                "paige-workspace: it uses paige-store, which is not on a floor below it.",
            ],
        );
    }

    #[test]
    fn the_pen_and_terminals_are_out_of_claudes_reach() {
        let why = "it is the only way to change a project file, and Claude must not have one";
        check(
            "paige-pen:
             paige-coach: paige-pen
             paige-mcp: paige-coach",
            &[
                &format!("paige-coach: it reaches paige-pen; {why}."),
                &format!("paige-mcp: it reaches paige-pen; {why}."),
            ],
        );
        check(
            "paige-pty:
             paige-coach:
             paige-server: paige-pty",
            &["paige-server: it reaches paige-pty; what is written into a terminal is run there."],
        );
    }

    #[test]
    fn outside_crates_have_owners() {
        check(
            "paige-protocol: | tokio
             paige-workspace: | rusqlite_migration
             paige-coach: | axum-core reqwest rmcp tungstenite
             paige-mcp: | reqwest",
            &[
                "paige-coach: it knows the crate axum-core; only doors speak HTTP.",
                "paige-coach: it knows the crate reqwest; only they open outgoing connections.",
                "paige-coach: it knows the crate rmcp; one door speaks MCP.",
                "paige-coach: it knows the crate tungstenite; only doors speak WebSocket.",
                "paige-mcp: it knows the crate reqwest; only they open outgoing connections.",
                "paige-protocol: it knows the crate tokio, but has no I/O.",
                "paige-workspace: it knows the crate rusqlite_migration; only the store and the memory know SQL.",
            ],
        );
    }

    #[test]
    fn homeless_and_unknown_rooms_are_refused() {
        check(
            "paige-utils:
             paige-attic:",
            &[
                "paige-attic: it is not on the floor plan; give it a floor in \
                 xtask/src/tidy/floors.rs and in ARCHITECTURE.md.",
                "paige-utils: no crate is called `utils`; name it after what it owns.",
                "paige-utils: it is not on the floor plan; give it a floor in \
                 xtask/src/tidy/floors.rs and in ARCHITECTURE.md.",
            ],
        );
    }

    #[test]
    fn dev_dependencies_and_outside_crates_are_not_rooms() {
        let metadata = r#"{"packages": [{"name": "paige-coach", "dependencies": [
            {"name": "paige-store", "kind": null, "path": "/p/store"},
            {"name": "paige-pen", "kind": "dev", "path": "/p/pen"},
            {"name": "paige-pty", "kind": "build", "path": "/p/pty"},
            {"name": "serde", "kind": null, "path": null}
        ]}]}"#;
        let rooms = ["paige-pty".to_owned(), "paige-store".to_owned()];
        assert_eq!(
            declared(metadata).expect("metadata"),
            BTreeMap::from([("paige-coach".to_owned(), BTreeSet::from(rooms))])
        );
    }

    #[test]
    fn the_real_house_is_seen() {
        let house = House::read(crate::project::root()).expect("cargo answers");
        let knows = |room: &str, known: &str| house.packages[room].outside.contains(known);
        // Were the features of all packages united, the reqwest of the tests' MCP client would
        // show up here.
        assert!(knows("paige-mcp", "rmcp") && !knows("paige-mcp", "reqwest"));
        assert!(knows("paige-store", "rusqlite"));
        assert!(house.reach("paige-sidecar").contains("paige-pen"));
        assert!(house.reach("paige-mcp").contains("paige-protocol"));
    }
}
