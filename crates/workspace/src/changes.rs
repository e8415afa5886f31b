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
    let pairs = pair(changes, renames);
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

/// A rename is told only where the tree agrees with the system: the old path went and the new one
/// came. A file that is moved over another, as editors do to save, is a removal and a change.
fn pair<'a>(changes: &'a [Change], renames: &'a [(String, String)]) -> Pairs<'a> {
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
    let event = match change {
        Change::Write(at) => path(at).map(|path| FileEvent::Change { path }),
        Change::Unlink(at, _) | Change::UnlinkFolder(at) if pairs.by_old.contains_key(&**at) => {
            None
        }
        Change::Unlink(at, _) => path(at).map(|path| FileEvent::Unlink { path }),
        Change::UnlinkFolder(at) => path(at).map(|path| FileEvent::UnlinkDir { path }),
        Change::Add(at, _) | Change::AddFolder(at) => {
            node(root, at)
                .zip(path(at))
                .and_then(|(node, to)| match pairs.by_new.get(&**at) {
                    Some((from, _)) => path(from).map(|from| FileEvent::Rename { from, to, node }),
                    None if matches!(change, Change::Add(..)) => {
                        Some(FileEvent::Add { path: to, node })
                    }
                    None => Some(FileEvent::AddDir { path: to, node }),
                })
        }
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

/// The node at `path`, as the tree has it.
fn node(root: &Folder, path: &str) -> Option<TreeNode> {
    let (parent, name) = split(path);
    let parent = root.folder(parent)?;
    match parent.kind(name)? {
        NodeKind::Directory => parent.folder(name).map(|folder| folder.node(path)),
        NodeKind::File => Some(model::file_node(name, path.to_owned())),
    }
}
