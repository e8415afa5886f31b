//! Listing one folder, and scanning a whole one.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use rustix::fs::{AtFlags, Dir, FileType, Mode, openat, statat};

use crate::jail::FOLDER;
use crate::model::{self, File, Folder, Listing, MAX_DEPTH, Stamp};
use crate::rules::{Filter, GITIGNORE, Rules};

/// A folder's content, its handle, and what is ignored in it.
pub(crate) struct Listed {
    pub(crate) listing: Listing,
    pub(crate) rules: Option<Arc<Rules>>,
    handle: OwnedFd,
}

/// Lists the folder at `path`. Without `stat` the stamps of its files are unknown, which is several
/// times faster.
pub(crate) fn list(
    handle: OwnedFd,
    path: &str,
    above: Option<Arc<Rules>>,
    filter: &Filter,
    stat: bool,
) -> io::Result<Listed> {
    let mut listing = Listing::default();
    let mut has_gitignore = false;
    let mut dir = Dir::read_from(&handle)?;
    while let Some(entry) = dir.read() {
        let entry = entry?;
        // A name that is not UTF-8 cannot be asked for on the wire, so it is not shown.
        let Some(name) = shown(entry.file_name(), filter) else {
            continue;
        };
        let mut kind = entry.file_type();
        let mut stamp = Stamp::UNKNOWN;
        if kind == FileType::Unknown || (stat && kind != FileType::Directory) {
            // Gone since it was listed: as if it had not been there.
            let Ok(found) = statat(&handle, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            kind = FileType::from_raw_mode(found.st_mode);
            stamp = Stamp::of(&found);
        }
        if kind == FileType::Directory {
            listing.folders.push(name.into());
        } else {
            has_gitignore |= name == GITIGNORE;
            listing.files.push(File {
                name: name.into(),
                stamp,
            });
        }
    }
    let rules = filter.rules(path, handle.as_fd(), has_gitignore, above);
    listing
        .folders
        .retain(|name| filter.shows_folder(name, &model::join(path, name), rules.as_deref()));
    listing
        .folders
        .sort_unstable_by(|a, b| model::compare_names(a, b));
    listing
        .files
        .sort_unstable_by(|a, b| model::compare_names(&a.name, &b.name));
    listing.files.shrink_to_fit();
    Ok(Listed {
        listing,
        rules,
        handle,
    })
}

fn shown<'a>(name: &'a CStr, filter: &Filter) -> Option<&'a str> {
    let name = name.to_str().ok()?;
    (name != "." && name != ".." && filter.shows_name(name)).then_some(name)
}

/// Opens the subfolder `name`; a link there is not followed.
fn open(parent: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    Ok(openat(parent, name, FOLDER, Mode::empty())?)
}

/// How to scan.
pub(crate) struct Scan<'a> {
    pub(crate) filter: &'a Filter,
    /// Whether files get their stamps.
    pub(crate) stat: bool,
    pub(crate) threads: usize,
    /// Called with the path of each folder before it is listed; tells whether it is watched now.
    pub(crate) enter: &'a (dyn Fn(&str) -> bool + Sync),
}

struct Job {
    id: usize,
    parent: Arc<OwnedFd>,
    /// The folder's name, relative to `parent`.
    name: Box<str>,
    path: String,
    rules: Option<Arc<Rules>>,
}

#[derive(Default)]
struct Queue {
    /// The last one is taken first, so that few handles are open at a time.
    jobs: Vec<Job>,
    busy: usize,
    /// By id; a folder's id is larger than its parent's, and sisters' ids follow each other in order.
    done: Vec<Scanned>,
}

#[derive(Default)]
struct Scanned {
    parent: usize,
    folder: Folder,
}

impl Scan<'_> {
    /// The folder at `path`, called `name`, with all that is below it. What cannot be read is empty.
    pub(crate) fn run(
        &self,
        handle: io::Result<OwnedFd>,
        path: &str,
        name: &str,
        above: Option<Arc<Rules>>,
    ) -> Folder {
        let queue = Mutex::new(Queue::default());
        let changed = Condvar::new();
        queue.lock().done.push(Scanned {
            parent: 0,
            folder: Folder::named(name),
        });
        self.visit(&queue, 0, path, handle, above);
        let work = || self.work(&queue, &changed);
        if queue.lock().jobs.len() > 1 && self.threads > 1 {
            std::thread::scope(|scope| {
                for _ in 1..self.threads {
                    // Without another thread it takes longer, that is all.
                    let _ = std::thread::Builder::new().spawn_scoped(scope, work);
                }
                work();
            });
        } else {
            work();
        }
        assemble(queue.into_inner().done)
    }

    fn work(&self, queue: &Mutex<Queue>, changed: &Condvar) {
        loop {
            let mut locked = queue.lock();
            let job = loop {
                if let Some(job) = locked.jobs.pop() {
                    locked.busy += 1;
                    break job;
                }
                if locked.busy == 0 {
                    changed.notify_all();
                    return;
                }
                changed.wait(&mut locked);
            };
            drop(locked);
            let handle = open(job.parent.as_fd(), &job.name);
            self.visit(queue, job.id, &job.path, handle, job.rules);
            let mut locked = queue.lock();
            locked.busy -= 1;
            if locked.busy == 0 || !locked.jobs.is_empty() {
                changed.notify_all();
            }
        }
    }

    fn visit(
        &self,
        queue: &Mutex<Queue>,
        id: usize,
        path: &str,
        handle: io::Result<OwnedFd>,
        above: Option<Arc<Rules>>,
    ) {
        if model::components(path).count() >= MAX_DEPTH {
            queue.lock().done[id].folder.watched = true;
            return;
        }
        let watched = (self.enter)(path);
        let listed = handle.and_then(|handle| list(handle, path, above, self.filter, self.stat));
        let Listed {
            listing,
            rules,
            handle,
        } = match listed {
            Ok(listed) => listed,
            Err(error) => {
                tracing::debug!(path, %error, "a folder could not be listed");
                queue.lock().done[id].folder.watched = watched;
                return;
            }
        };
        let handle = Arc::new(handle);
        let mut locked = queue.lock();
        let Queue { jobs, done, .. } = &mut *locked;
        let folder = &mut done[id].folder;
        folder.folders.reserve_exact(listing.folders.len());
        folder.files = listing.files;
        folder.rules.clone_from(&rules);
        folder.watched = watched;
        for name in listing.folders {
            jobs.push(Job {
                id: done.len(),
                parent: handle.clone(),
                path: model::join(path, &name),
                name: name.clone(),
                rules: rules.clone(),
            });
            let folder = Folder {
                name,
                ..Folder::default()
            };
            done.push(Scanned { parent: id, folder });
        }
    }
}

/// Puts each folder into its parent and returns the first.
fn assemble(mut done: Vec<Scanned>) -> Folder {
    while let Some(Scanned { parent, mut folder }) = done.pop() {
        // They came last first.
        folder.folders.reverse();
        match done.get_mut(parent) {
            Some(parent) => parent.folder.folders.push(folder),
            None => return folder,
        }
    }
    Folder::default()
}
