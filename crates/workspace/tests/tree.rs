//! The tree: order, noise, `.gitignore`, odd names, depth (spec: story 3, AC 6).

#![expect(
    clippy::disallowed_methods,
    reason = "the tests make the files that the workspace lists"
)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use paige_protocol::tree::{NodeKind, TreeNode};
use paige_workspace::{Config, Workspace};
use tempfile::TempDir;

fn project(files: &[(&str, &str)]) -> TempDir {
    let temp = TempDir::new().expect("a folder");
    for (path, text) in files {
        let path = temp.path().join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    temp
}

fn open(temp: &TempDir, config: Config) -> Workspace {
    let config = Config {
        watch: false,
        ..config
    };
    Workspace::open(temp.path(), config).expect("a project")
}

/// All paths, in order; folders end in `/`.
fn paths(node: &TreeNode) -> Vec<String> {
    let mut found = Vec::new();
    for child in node.children.iter().flatten() {
        let slash = if child.kind == NodeKind::Directory {
            "/"
        } else {
            ""
        };
        found.push(format!("{}{slash}", child.path));
        found.extend(paths(child));
    }
    found
}

#[test]
fn folders_come_first_and_noise_not_at_all() {
    let temp = project(&[
        ("b.txt", ""),
        ("A.txt", ""),
        ("Zoo/x", ""),
        ("apple/deep/y", ""),
        (".env", ""),
        ("node_modules/m/index.js", ""),
        ("apple/node_modules/m", ""),
        (".git/HEAD", ""),
        ("dist/a", ""),
        ("build/a", ""),
        ("coverage/a", ""),
        ("docs/build", "a file, not a folder"),
        (".paige-0123abcd.tmp", ""),
    ]);
    symlink("apple", temp.path().join("link-to-folder")).expect("a link");
    symlink("nothing", temp.path().join("link-to-nothing")).expect("a link");
    let workspace = open(&temp, Config::default());
    let tree = workspace.tree();
    assert_eq!(
        paths(&tree),
        [
            "apple/",
            "apple/deep/",
            "apple/deep/y",
            "docs/",
            "docs/build",
            "Zoo/",
            "Zoo/x",
            ".env",
            "A.txt",
            "b.txt",
            "link-to-folder",
            "link-to-nothing",
        ]
    );
    let name = workspace
        .root()
        .file_name()
        .expect("it has one")
        .to_str()
        .expect("UTF-8");
    assert_eq!(
        (tree.name.as_str(), tree.path.as_str(), tree.kind),
        (name, ".", NodeKind::Directory)
    );
    let parsed: TreeNode = serde_json::from_str(workspace.tree_json().as_str()).expect("JSON");
    assert_eq!(parsed, tree);
    // Nobody keeps it up to date here, so it is scanned each time.
    fs::write(temp.path().join("c.txt"), "").expect("a file");
    assert!(paths(&workspace.tree()).contains(&"c.txt".to_owned()));
}

#[test]
fn ignored_folders_are_left_out_and_ignored_files_are_not() {
    let files = [
        (".gitignore", "/out/\n*.log\n.env\ngenerated\n!keep\n"),
        ("out/x", ""),
        ("src/out/x", ""),
        ("a.log", ""),
        ("logs.log/x", ""),
        (".env", ""),
        ("src/generated/x", ""),
        ("other/.gitignore", "!generated\nlocal/\n"),
        ("other/generated/x", ""),
        ("other/local/x", ""),
        ("local/x", ""),
    ];
    let shown = |respect| {
        let config = Config {
            respect_gitignored_folders: respect,
            ..Config::default()
        };
        let mut files = paths(&open(&project(&files), config).tree());
        files.retain(|path| !path.ends_with('/'));
        files
    };
    assert_eq!(
        shown(true),
        [
            "local/x",
            "other/generated/x",
            "other/.gitignore",
            "src/out/x",
            ".env",
            ".gitignore",
            "a.log"
        ]
    );
    assert_eq!(shown(false).len(), files.len());
}

#[test]
fn odd_names_loops_and_depth_do_no_harm() {
    let temp = project(&[("line\nbreak \"quoted\"", ""), ("  ", ""), ("ü/ñ", "")]);
    fs::write(temp.path().join(OsStr::from_bytes(b"caf\xe9")), "").expect("a file");
    fs::create_dir(temp.path().join(OsStr::from_bytes(b"dir\xff"))).expect("a folder");
    symlink(".", temp.path().join("ü/loop")).expect("a link");
    let mut deep = temp.path().join("deep");
    for _ in 0..200 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).expect("folders");
    let workspace = open(&temp, Config::default());
    let found = paths(&workspace.tree());
    let depth = |path: &String| path.trim_end_matches('/').split('/').count();
    assert_eq!(found.iter().map(depth).max(), Some(60));
    let shallow: Vec<_> = found
        .iter()
        .filter(|path| !path.starts_with("deep"))
        .collect();
    assert_eq!(shallow, ["ü/", "ü/loop", "ü/ñ", "line\nbreak \"quoted\""]);
    // A reader with the usual limit of 128 levels can read it.
    let parsed: TreeNode = serde_json::from_str(workspace.tree_json().as_str()).expect("JSON");
    assert_eq!(parsed, workspace.tree());
}
