//! [`Change`]: how the tree differed from the disk, and what is told of it.

use std::collections::HashMap;

use paige_protocol::ProjectPath;
use paige_protocol::tree::{NodeKind, TreeNode};

use crate::events::FileEvent;
use crate::model::{self, Folder, Stamp, split};

/// A difference between the tree and the disk, by path.
#[derive(Debug)]
pub(crate) enum Change {
    Add(String, Stamp),
    Write(String),
    Unlink(String, Stamp),
    AddFolder(String),
    UnlinkFolder(String),
}

/// What `changes` are told as, given the renames that the system reported and the tree as it is now.
pub(crate) fn events(
    changes: &[Change],
    renames: &[(String, String)],
    root: &Folder,
) -> Vec<FileEvent> {
    let pairs = pair(changes, renames, root);
    let mut events = Vec::with_capacity(changes.len());
    for change in changes {
        events_of(change, &pairs, root, &mut events);
    }
    events
}

/// Which removal and which addition are one rename: new path by old path.
struct Pairs<'a> {
    by_old: HashMap<&'a str, &'a str>,
    /// The stamp that a moved file had.
    by_new: HashMap<&'a str, (&'a str, Option<Stamp>)>,
}

/// A rename is told only where the tree agrees with the system: the old path went, the new one came,
/// and neither did anything else, for then the order of going and coming matters. A file that is moved
/// over another, as editors do to save, is a removal and a change.
fn pair<'a>(changes: &'a [Change], renames: &'a [(String, String)], root: &Folder) -> Pairs<'a> {
    let mut pairs = Pairs {
        by_old: HashMap::new(),
        by_new: HashMap::new(),
    };
    if renames.is_empty() {
        return pairs;
    }
    let mut origins: HashMap<&str, &str> = HashMap::new();
    for (from, to) in renames {
        let origin = origins.remove(&**from).unwrap_or(from);
        origins.insert(to, origin);
    }
    let mut went: HashMap<&str, Option<Stamp>> = HashMap::new();
    let mut came: HashMap<&str, bool> = HashMap::new();
    for change in changes {
        match change {
            Change::Unlink(path, stamp) => drop(went.insert(path, Some(*stamp))),
            Change::UnlinkFolder(path) => drop(went.insert(path, None)),
            Change::Add(path, _) => drop(came.insert(path, true)),
            Change::AddFolder(path) => drop(came.insert(path, false)),
            Change::Write(_) => {}
        }
    }
    for (to, from) in origins {
        if let (Some(stamp), Some(is_file)) = (went.get(from), came.get(to))
            && stamp.is_some() == *is_file
            && !came.contains_key(from)
            && !went.contains_key(to)
            && kind(root, to)
                == Some(if *is_file {
                    NodeKind::File
                } else {
                    NodeKind::Directory
                })
            && renames.iter().filter(|(left, _)| left == from).count() == 1
        {
            pairs.by_old.insert(from, to);
            pairs.by_new.insert(to, (from, *stamp));
        }
    }
    pairs
}

/// The events of one change. One that does not show any more tells nothing.
fn events_of(change: &Change, pairs: &Pairs<'_>, root: &Folder, events: &mut Vec<FileEvent>) {
    // Names in the tree are never such that a path is refused.
    let path = |path: &str| ProjectPath::parse(path).ok();
    let came = |at: &str| {
        let from = pairs.by_new.get(at).map(|(from, _)| *from);
        move |(node, to): (TreeNode, ProjectPath)| match (from, node.kind) {
            (Some(from), _) => path(from).map(|from| FileEvent::Rename { from, to, node }),
            (None, NodeKind::File) => Some(FileEvent::Add { path: to, node }),
            (None, NodeKind::Directory) => Some(FileEvent::AddDir { path: to, node }),
        }
    };
    let event = match change {
        Change::Write(at) => path(at).map(|path| FileEvent::Change { path }),
        Change::Unlink(at, _) | Change::UnlinkFolder(at) if pairs.by_old.contains_key(&**at) => {
            None
        }
        Change::Unlink(at, _) => path(at).map(|path| FileEvent::Unlink { path }),
        Change::UnlinkFolder(at) => path(at).map(|path| FileEvent::UnlinkDir { path }),
        Change::Add(at, _) => node(root, at, NodeKind::File)
            .zip(path(at))
            .and_then(came(at)),
        Change::AddFolder(at) => node(root, at, NodeKind::Directory)
            .zip(path(at))
            .and_then(came(at)),
    };
    events.extend(event);
    // A rename keeps inode, size and time; else the file was also written.
    if let Change::Add(at, now) = change
        && let Some((_, Some(before))) = pairs.by_new.get(&**at)
        && before != now
    {
        events.extend(path(at).map(|path| FileEvent::Change { path }));
    }
}

/// What is at `path`, as the tree has it.
fn kind(root: &Folder, path: &str) -> Option<NodeKind> {
    let (parent, name) = split(path);
    root.folder(parent)?.kind(name)
}

/// The node at `path`, as the tree has it, if it is a `wanted`.
fn node(root: &Folder, path: &str, wanted: NodeKind) -> Option<TreeNode> {
    if kind(root, path)? != wanted {
        return None;
    }
    match wanted {
        NodeKind::Directory => root.folder(path).map(|folder| folder.node(path)),
        NodeKind::File => Some(model::file_node(split(path).1, path.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> Folder {
        let mut root = Folder::default();
        for path in files {
            let (parent, name) = split(path);
            let mut folder = &mut root;
            for name in model::components(parent) {
                if folder.kind(name).is_none() {
                    folder.put_folder(Folder::named(name));
                }
                folder = folder.folder_mut(name).expect("it was made");
            }
            folder.put_file(name, Stamp::UNKNOWN);
        }
        root
    }

    /// `changes` and `renames` in short, `expected` as well; the tree has `files` afterwards.
    fn check(
        files: &[&str],
        changes: &[(&str, &str)],
        renames: &[(&str, &str)],
        expected: &[&str],
    ) {
        let changes: Vec<_> = changes
            .iter()
            .map(|(kind, path)| {
                let path = (*path).to_owned();
                match *kind {
                    "+" => Change::Add(path, Stamp::UNKNOWN),
                    "-" => Change::Unlink(path, Stamp::UNKNOWN),
                    "+/" => Change::AddFolder(path),
                    "-/" => Change::UnlinkFolder(path),
                    _ => Change::Write(path),
                }
            })
            .collect();
        let renames: Vec<_> = renames
            .iter()
            .map(|(from, to)| ((*from).to_owned(), (*to).to_owned()))
            .collect();
        let told: Vec<_> = events(&changes, &renames, &tree(files))
            .iter()
            .map(|event| match event {
                FileEvent::Add { path, .. } => format!("+ {path}"),
                FileEvent::AddDir { path, .. } => format!("+/ {path}"),
                FileEvent::Unlink { path } => format!("- {path}"),
                FileEvent::UnlinkDir { path } => format!("-/ {path}"),
                FileEvent::Change { path } => format!("! {path}"),
                FileEvent::Rename { from, to, .. } => format!("{from} > {to}"),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn renames_are_told_where_nothing_else_happened_to_the_names() {
        check(&["b"], &[("-", "a"), ("+", "b")], &[("a", "b")], &["a > b"]);
        check(
            &["d/x"],
            &[("-/", "c"), ("+/", "d")],
            &[("c", "d")],
            &["c > d"],
        );
        // Through a name that is gone already.
        check(
            &["c"],
            &[("-", "a"), ("+", "c")],
            &[("a", "b"), ("b", "c")],
            &["a > c"],
        );
        // Over another file.
        check(
            &["b"],
            &[("-", "a"), ("!", "b")],
            &[("a", "b")],
            &["- a", "! b"],
        );
        // Another thing came to the old name, or stood at the new one.
        check(
            &["a/x", "b"],
            &[("-", "a"), ("+/", "a"), ("+", "b")],
            &[("a", "b")],
            &["- a", "+/ a", "+ b"],
        );
        check(
            &["b"],
            &[("-", "a"), ("-/", "b"), ("+", "b")],
            &[("a", "b")],
            &["- a", "-/ b", "+ b"],
        );
        // Two left the same name.
        check(
            &["b", "c"],
            &[("-", "a"), ("+", "b"), ("+", "c")],
            &[("a", "b"), ("a", "c")],
            &["- a", "+ b", "+ c"],
        );
        // The system does not say that they belong together.
        check(&["b"], &[("-", "a"), ("+", "b")], &[], &["- a", "+ b"]);
    }

    #[test]
    fn what_went_again_is_not_told_as_coming() {
        check(&[], &[("+", "a"), ("-", "a")], &[], &["- a"]);
        check(
            &["b/x"],
            &[("+", "b"), ("-", "b"), ("+/", "b")],
            &[],
            &["- b", "+/ b"],
        );
        check(
            &[],
            &[("-", "a"), ("+", "b"), ("-", "b")],
            &[("a", "b")],
            &["- a", "- b"],
        );
    }

    #[test]
    fn a_file_that_was_moved_and_written_is_told_as_both() {
        let stat = rustix::fs::stat("/").expect("there is a root");
        let changes = [
            Change::Unlink("a".to_owned(), Stamp::UNKNOWN),
            Change::Add("b".to_owned(), Stamp::of(&stat)),
        ];
        let told = events(&changes, &[("a".to_owned(), "b".to_owned())], &tree(&["b"]));
        assert!(
            matches!(
                told[..],
                [FileEvent::Rename { .. }, FileEvent::Change { .. }]
            ),
            "{told:?}"
        );
    }
}
