//! [`Watcher`]: keeps the tree as the disk is, and tells what changed.
//!
//! It trusts no event: a name that is reported is looked at on disk and compared with the tree, and
//! the difference is what is told. So an event too many, a late one or a wrong one does no harm. Two
//! things are needed for none to be missed: a folder is watched *before* it is listed, and a folder
//! that comes, goes or moves is watched and compared anew with all that is below it, for notify may
//! have dropped its watches together with those of the folder that had its name before.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use paige_protocol::ProjectPath;
use paige_protocol::tree::NodeKind;
use rustix::fs::{AtFlags, FileType, statat};
use rustix::io::Errno;

use crate::changes::{self, Change};
use crate::error::is_escape;
use crate::events::FileEvent;
use crate::inbox::{Hold, Next, Round};
use crate::model::{self, Folder, MAX_DEPTH, Put, Stamp, join, split};
use crate::rules::{GITIGNORE, Rules};
use crate::scan::{Listed, Scan, list};
use crate::shared::Shared;
use crate::watches::Watches;

pub(crate) struct Watcher {
    shared: Arc<Shared>,
    watches: Watches,
    /// The paths told of since `window`.
    told: HashSet<ProjectPath>,
    window: Instant,
    flood: Option<Flood>,
    last_flood: Option<Instant>,
    next_poll: Option<Instant>,
    said_full: bool,
    said_gone: bool,
}

/// Changes that are held back because they are too many.
struct Flood {
    hold: Hold,
    paths: BTreeSet<ProjectPath>,
}

impl Watcher {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            watches: Watches::new(shared.inbox.clone(), &shared.config),
            shared,
            told: HashSet::new(),
            window: Instant::now(),
            flood: None,
            last_flood: None,
            next_poll: None,
            said_full: false,
            said_gone: false,
        }
    }

    /// Works until the inbox is stopped.
    pub(crate) fn run(mut self) {
        self.shared.with_tree(|_| ());
        let began = Instant::now();
        let mut changes = Vec::new();
        self.compare("", true, &mut changes);
        self.tell(changes, &[]);
        let missed = self.shared.begin_watching();
        self.send(
            missed
                .into_iter()
                .map(|path| FileEvent::Change { path })
                .collect(),
        );
        tracing::debug!(took = ?began.elapsed(), "watching the project folder");
        loop {
            self.poll_if_needed();
            let flood = self.flood.as_ref().map(|flood| flood.hold);
            match self.shared.inbox.next(self.next_poll, flood) {
                Next::Stop => return,
                Next::Time => {}
                Next::Round(round) => self.look(round),
            }
            if flood.is_some() {
                self.end_flood();
            }
            if self.next_poll.is_some_and(|at| at <= Instant::now()) {
                self.poll();
            }
        }
    }

    /// Compares all that `round` names with the disk.
    fn look(&mut self, round: Round) {
        let mut changes = Vec::new();
        if round.rescan {
            self.rescan(&mut changes);
        }
        let moved: HashSet<&str> = round.renames.iter().map(|(_, to)| &**to).collect();
        let mut names = round.names;
        // A folder before what is in it.
        names.sort_unstable_by(|(a, _), (b, _)| model::components(a).cmp(model::components(b)));
        // The folder that was compared last, and whether it is new with all that is in it.
        let mut covered: Option<(String, bool)> = None;
        let mut open: Option<(String, OwnedFd)> = None;
        for (path, written) in names {
            if self.shared.inbox.is_stopped() {
                return;
            }
            let (parent, name) = split(&path);
            if !self.shared.filter.shows_name(name)
                || model::components(parent).count() >= MAX_DEPTH
            {
                continue;
            }
            let inside = covered
                .as_ref()
                .filter(|(folder, _)| is_below(&path, folder));
            if inside.is_some_and(|(_, new)| *new) {
                continue;
            }
            let compared = inside.is_some() || round.rescan;
            let Some((rules, known)) = self.known(parent, name) else {
                continue;
            };
            if open.as_ref().is_none_or(|(folder, _)| folder != parent) {
                // When it cannot be opened, it is gone or replaced, and is named itself.
                open = self
                    .shared
                    .jail
                    .open_folder(parent)
                    .ok()
                    .map(|handle| (parent.to_owned(), handle));
            }
            let Some((_, handle)) = &open else {
                continue;
            };
            match statat(handle, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(_) => self.remove(&path, &mut changes),
                Ok(stat) if FileType::from_raw_mode(stat.st_mode) != FileType::Directory => {
                    if known == Some(NodeKind::Directory) {
                        self.remove(&path, &mut changes);
                    }
                    self.put_file(&path, Stamp::of(&stat), written, &mut changes);
                }
                Ok(_)
                    if !self
                        .shared
                        .filter
                        .shows_folder(name, &path, rules.as_deref()) =>
                {
                    self.remove(&path, &mut changes);
                }
                Ok(_) if known == Some(NodeKind::Directory) => {
                    if !compared {
                        self.compare(&path, true, &mut changes);
                        covered = Some((path.clone(), false));
                    }
                }
                Ok(_) => {
                    self.remove(&path, &mut changes);
                    if self.add_folder(&path, rules, &mut changes) {
                        covered = Some((path.clone(), !moved.contains(&*path)));
                    }
                }
            }
            if name == GITIGNORE && self.shared.filter.respects_gitignore() {
                self.compare(parent, true, &mut changes);
            }
        }
        self.tell(changes, &round.renames);
    }

    fn rescan(&mut self, changes: &mut Vec<Change>) {
        let began = Instant::now();
        let root = self.shared.jail.root();
        if !self.said_gone && std::fs::symlink_metadata(root).is_err() {
            self.said_gone = true;
            let message = format!(
                "The project folder {root:?} was moved or deleted. Stop Paige and start it with the folder as it is now."
            );
            self.trouble(message);
        }
        self.compare("", true, changes);
        self.shared.inbox.pause_rescans(began.elapsed() * 4);
    }

    /// The rules in the folder `parent` and the kind of its entry `name`, as the tree has it.
    fn known(&self, parent: &str, name: &str) -> Option<(Option<Arc<Rules>>, Option<NodeKind>)> {
        self.shared.with_tree(|root| {
            let folder = root.folder(parent)?;
            Some((folder.rules.clone(), folder.kind(name)))
        })
    }

    fn put_file(&self, path: &str, stamp: Stamp, written: bool, changes: &mut Vec<Change>) {
        let (parent, name) = split(path);
        let put = self
            .shared
            .change_tree(|root| Some(root.folder_mut(parent)?.put_file(name, stamp)));
        match put {
            Some(Put::Added) => changes.push(Change::Add(path.to_owned(), stamp)),
            Some(Put::Replaced(_)) => changes.push(Change::Write(path.to_owned())),
            // Two writes within one tick of the file system's clock look the same.
            Some(Put::Same) if written => changes.push(Change::Write(path.to_owned())),
            Some(Put::Same) | None => {}
        }
    }

    /// Removes whatever the tree has at `path`.
    fn remove(&self, path: &str, changes: &mut Vec<Change>) {
        let (parent, name) = split(path);
        let (file, folder) = self.shared.change_tree(|root| {
            let parent = root.folder_mut(parent);
            parent.map_or((None, None), |parent| {
                (parent.take_file(name), parent.take_folder(name))
            })
        });
        changes.extend(file.map(|file| Change::Unlink(path.to_owned(), file.stamp)));
        if let Some(folder) = folder {
            self.forget(&folder, path);
            changes.push(Change::UnlinkFolder(path.to_owned()));
        }
    }

    /// Takes back the watches of `folder`, which was at `path`, and of all below it.
    fn forget(&self, folder: &Folder, path: &str) {
        let mut watched = Vec::new();
        folder.paths(path, &|folder| folder.watched, &mut watched);
        watched.iter().for_each(|path| self.watches.remove(path));
    }

    /// Watches and scans the folder at `path`, which the tree does not have, and adds it. Whether it
    /// was there.
    fn add_folder(&self, path: &str, above: Option<Arc<Rules>>, changes: &mut Vec<Change>) -> bool {
        let (parent, name) = split(path);
        let scan = Scan {
            filter: &self.shared.filter,
            stat: true,
            threads: 1,
            enter: &|path| self.watches.place(path, false),
        };
        let handle = self.shared.jail.open_folder(path);
        if handle.as_ref().is_err_and(is_gone) {
            return false;
        }
        let folder = scan.run(handle, path, name, above);
        self.shared.change_tree(|root| {
            if let Some(parent) = root.folder_mut(parent) {
                parent.put_folder(folder);
                changes.push(Change::AddFolder(path.to_owned()));
            }
        });
        true
    }

    /// Watches the folder at `path` again, lists it, and makes the tree what the disk is; with
    /// `deep` also all folders below, else only new ones.
    fn compare(&self, path: &str, deep: bool, changes: &mut Vec<Change>) {
        let mut folders = vec![(path.to_owned(), deep)];
        while let Some((path, deep)) = folders.pop() {
            if self.shared.inbox.is_stopped() {
                return;
            }
            let depth = model::components(&path).count();
            let Some((above, watched)) = self.shared.with_tree(|root| {
                let above = if depth == 0 {
                    None
                } else {
                    root.folder(split(&path).0)?.rules.clone()
                };
                Some((above, root.folder(&path)?.watched))
            }) else {
                continue;
            };
            if depth >= MAX_DEPTH {
                continue;
            }
            let watched = self.watches.place(&path, watched);
            let listed =
                self.shared.jail.open_folder(&path).and_then(|handle| {
                    list(handle, &path, above.clone(), &self.shared.filter, true)
                });
            let (listing, rules) = match listed {
                Ok(Listed { listing, rules, .. }) => (listing, rules),
                Err(error) if is_gone(&error) => continue,
                // What cannot be read any more is shown as empty.
                Err(_) => Default::default(),
            };
            let merged = self.shared.change_tree(|root| {
                let folder = root.folder_mut(&path)?;
                folder.watched = watched;
                folder.rules.clone_from(&rules);
                let kept = folder.merge(listing);
                let below: Vec<_> = folder
                    .folders
                    .iter()
                    .map(|folder| join(&path, &folder.name))
                    .collect();
                Some((kept, below))
            });
            let Some((difference, below)) = merged else {
                continue;
            };
            let at = |name: &str| join(&path, name);
            for file in difference.removed_files {
                changes.push(Change::Unlink(at(&file.name), file.stamp));
            }
            for folder in difference.removed_folders {
                self.forget(&folder, &at(&folder.name));
                changes.push(Change::UnlinkFolder(at(&folder.name)));
            }
            let is_gitignore = |name: &str| name == GITIGNORE;
            let other_rules = difference
                .changed_files
                .iter()
                .any(|name| is_gitignore(name))
                || difference
                    .added_files
                    .iter()
                    .any(|(name, _)| is_gitignore(name));
            changes.extend(
                difference
                    .changed_files
                    .iter()
                    .map(|name| Change::Write(at(name))),
            );
            changes.extend(
                difference
                    .added_files
                    .iter()
                    .map(|(name, stamp)| Change::Add(at(name), *stamp)),
            );
            for name in difference.added_folders {
                self.add_folder(&at(&name), rules.clone(), changes);
            }
            if deep || other_rules {
                folders.extend(below.into_iter().rev().map(|path| (path, true)));
            }
        }
    }

    /// Turns differences into events and sends them.
    fn tell(&mut self, changes: Vec<Change>, renames: &[(String, String)]) {
        if changes.is_empty() {
            return;
        }
        let events = self
            .shared
            .with_tree(|root| changes::events(&changes, renames, root));
        self.send(events);
    }

    /// Sends events one by one, or, when they are too many, begins a flood.
    fn send(&mut self, events: Vec<FileEvent>) {
        if events.is_empty() {
            return;
        }
        let now = Instant::now();
        let paths = || events.iter().flat_map(FileEvent::paths).cloned();
        if let Some(flood) = &mut self.flood {
            flood.paths.extend(paths());
            return;
        }
        let window = self.shared.config.flood_window;
        if now.duration_since(self.window) > window {
            self.window = now;
            self.told.clear();
        }
        // A file that is written all the time is one path, and makes no flood.
        self.told.extend(paths());
        if self.told.len() > self.shared.config.flood_threshold {
            // Each flood makes clients ask for the whole tree, so one after another takes its time.
            let calm_ends_it = self
                .last_flood
                .is_none_or(|last| now.duration_since(last) > window);
            self.flood = Some(Flood {
                hold: Hold {
                    until: now + window,
                    calm_ends_it,
                },
                paths: paths().collect(),
            });
        } else {
            self.shared.listeners.send(&events);
        }
    }

    fn end_flood(&mut self) {
        if let Some(flood) = self.flood.take() {
            self.told.clear();
            self.last_flood = Some(Instant::now());
            self.shared.listeners.send(&[FileEvent::Flood {
                paths: flood.paths.into_iter().collect(),
            }]);
        }
    }

    fn trouble(&self, message: String) {
        tracing::warn!("{message}");
        self.shared.listeners.trouble(message);
    }

    /// Polls from now on, if some folders had to be left without a watch.
    fn poll_if_needed(&mut self) {
        if self.next_poll.is_some() || !self.watches.is_full() {
            return;
        }
        self.next_poll = Some(Instant::now() + self.shared.config.poll_interval);
        if !self.said_full {
            self.said_full = true;
            self.trouble(format!(
                "The system does not let Paige watch all folders of the project; changes in the others are noticed \
                 within {} seconds only. Raise the limit of watches (on Linux fs.inotify.max_user_watches and \
                 fs.inotify.max_user_instances), or ignore large folders in .gitignore.",
                self.shared.config.poll_interval.as_secs_f32()
            ));
        }
    }

    /// Compares the folders without a watch, and tries to watch them.
    fn poll(&mut self) {
        let began = Instant::now();
        self.watches.try_again();
        let mut folders = Vec::new();
        self.shared
            .with_tree(|root| root.paths("", &|folder| !folder.watched, &mut folders));
        let mut changes = Vec::new();
        for path in folders {
            self.compare(&path, false, &mut changes);
        }
        self.tell(changes, &[]);
        let cost = began.elapsed();
        // At most a twentieth of one core.
        let pause = self
            .shared
            .config
            .poll_interval
            .max(cost.saturating_mul(20))
            .min(Duration::from_secs(600));
        self.next_poll = self.watches.is_full().then(|| Instant::now() + pause);
    }
}

/// Whether a folder is not there, or is none.
fn is_gone(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    // When it leads out of the project, a parent has become a link.
    matches!(errno, Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP)) || is_escape(error)
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| folder.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "the tests change the project folder"
    )]

    use std::fs;

    use super::*;
    use crate::config::Config;
    use crate::jail::Jail;

    /// When events are lost, one comparison with the disk finds all that they would have told.
    #[tokio::test]
    async fn a_rescan_finds_what_no_event_told() {
        let temp = tempfile::TempDir::new().expect("a folder");
        let at = |path: &str| temp.path().join(path);
        for path in [
            "gone/x",
            "kept/deep/gone",
            "kept/deep/changed",
            "kept/same",
            "swap",
        ] {
            fs::create_dir_all(at(path).parent().expect("it has one")).expect("a folder");
            fs::write(at(path), "before").expect("a file");
        }
        let jail = Jail::open(temp.path()).expect("a project");
        let shared = Arc::new(Shared::new(jail, Config::default()));
        let mut watcher = Watcher::new(shared.clone());
        shared.with_tree(|_| ());
        watcher.compare("", true, &mut Vec::new());

        let mut events = shared.listeners.add();
        fs::remove_dir_all(at("gone")).expect("it was there");
        fs::remove_file(at("kept/deep/gone")).expect("it was there");
        fs::write(at("kept/deep/changed"), "after it").expect("a file");
        fs::remove_file(at("swap")).expect("it was there");
        fs::create_dir_all(at("swap/new")).expect("a folder");
        fs::write(at("came"), "").expect("a file");
        let lost = Round {
            rescan: true,
            ..Round::default()
        };
        watcher.look(lost);
        shared.listeners.close();
        let mut told = Vec::new();
        while let Some(event) = events.recv().await {
            told.push(match event {
                FileEvent::Add { path, .. } => format!("add {path}"),
                FileEvent::AddDir { path, node } => {
                    format!("addDir {path} {}", node.children.iter().flatten().count())
                }
                FileEvent::Change { path } => format!("change {path}"),
                FileEvent::Unlink { path } => format!("unlink {path}"),
                FileEvent::UnlinkDir { path } => format!("unlinkDir {path}"),
                other => panic!("{other:?}"),
            });
        }
        told.sort();
        assert_eq!(
            told,
            [
                "add came",
                "addDir swap 1",
                "change kept/deep/changed",
                "unlink kept/deep/gone",
                "unlink swap",
                "unlinkDir gone",
            ]
        );
    }
}
