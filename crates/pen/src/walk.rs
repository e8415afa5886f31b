//! From a path to a handle of the folder that holds it, without ever leaving the project.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path, PathBuf};

use cap_fs_ext::DirExt as _;
use cap_std::fs::{Dir, Metadata};
use paige_protocol::ProjectPath;
use rustix::io::Errno;

use crate::disk::sync_dir;
use crate::error::PenError;
use crate::protect::is_git;
use crate::{Inner, Pen};

/// As many links as the kernel follows in one path.
const MAX_LINKS: usize = 40;

/// How often a component may change between two looks at it before it counts as an attack.
const MAX_SWAPS: usize = 8;

/// What a walk does with a link that is the last component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    /// The link's target is meant.
    Follow,
    /// The link itself is meant.
    Stay,
}

/// What a walk does with folders that are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parents {
    /// Makes them, durably.
    Make,
    /// [`PenError::NotFound`].
    Demand,
}

/// Where a path leads.
#[derive(Debug)]
pub(crate) struct Place {
    /// The folder that holds it.
    pub(crate) dir: Dir,
    /// Its name there: never `..`, and at the time of the walk no link that was to be followed.
    pub(crate) name: OsString,
    /// The folder's path from the project folder, without links.
    pub(crate) folder: PathBuf,
    /// What is there; `None`: nothing.
    pub(crate) found: Option<Metadata>,
}

impl Place {
    /// The path from the project folder, without links.
    pub(crate) fn real(&self) -> PathBuf {
        self.folder.join(&self.name)
    }
}

/// One component of a path.
enum Step {
    Folder(Dir),
    Link(PathBuf),
    Missing,
}

impl Pen {
    /// Refuses what is git's own by its name alone, before any I/O.
    pub(crate) fn check_name(path: &ProjectPath) -> Result<(), PenError> {
        if path.components().any(|part| is_git(OsStr::new(part))) {
            return Err(PenError::ReadOnly { path: path.clone() });
        }
        Ok(())
    }

    /// Walks `path` from the project folder. See the crate's documentation for what it refuses.
    pub(crate) fn walk(
        &self,
        path: &ProjectPath,
        last: Last,
        parents: Parents,
    ) -> Result<Place, PenError> {
        Self::check_name(path)?;
        Walk {
            pen: &self.0,
            path,
            parents,
            trail: Vec::new(),
            links: 0,
        }
        .run(last)
    }
}

struct Walk<'a> {
    pen: &'a Inner,
    path: &'a ProjectPath,
    parents: Parents,
    /// The folders entered so far, outermost first, without the project folder.
    trail: Vec<(OsString, Dir)>,
    links: usize,
}

impl Walk<'_> {
    fn run(mut self, last: Last) -> Result<Place, PenError> {
        // Each with the mark whether it comes from a link: what a link names must exist.
        let mut ahead: VecDeque<(OsString, bool)> = self
            .path
            .components()
            .map(|part| (part.into(), false))
            .collect();
        while let Some((name, linked)) = ahead.pop_front() {
            if name == ".." {
                // Only a link can hold it. The handles remember where we came from, so that a
                // folder moved in the meantime does not lead elsewhere.
                if self.trail.pop().is_none() {
                    return Err(PenError::escapes(self.path));
                }
                continue;
            }
            if is_git(&name) {
                return Err(PenError::ReadOnly {
                    path: self.path.clone(),
                });
            }
            if !ahead.is_empty() {
                match self.step(&name)? {
                    Step::Folder(dir) => self.trail.push((name, dir)),
                    Step::Link(target) => self.follow(&target, &mut ahead)?,
                    Step::Missing if linked => return Err(self.broken()),
                    Step::Missing => self.make_folder(name)?,
                }
                continue;
            }
            let found = self.look(&name)?;
            if last == Last::Follow && found.as_ref().is_some_and(Metadata::is_symlink) {
                match self.here().read_link_contents(&name) {
                    Ok(target) => self.follow(&target, &mut ahead)?,
                    // It is something else by now: look again.
                    Err(_) if self.links < MAX_LINKS => {
                        self.links += 1;
                        ahead.push_front((name, linked));
                    }
                    Err(_) => return Err(PenError::escapes(self.path)),
                }
                continue;
            }
            if found.is_none() && linked {
                return Err(self.broken());
            }
            let folder = self.trail.iter().map(|(name, _)| name).collect();
            let dir = match self.trail.pop() {
                Some((_, dir)) => dir,
                None => self.pen.root.try_clone().map_err(PenError::at(self.path))?,
            };
            return Ok(Place {
                dir,
                name,
                folder,
                found,
            });
        }
        // A link whose target is the project folder, or a folder by way of `..`.
        Err(PenError::NotAFile {
            path: self.path.clone(),
        })
    }

    fn here(&self) -> &Dir {
        self.trail.last().map_or(&self.pen.root, |(_, dir)| dir)
    }

    fn broken(&self) -> PenError {
        PenError::BrokenLink {
            path: self.path.clone(),
        }
    }

    fn look(&self, name: &OsStr) -> Result<Option<Metadata>, PenError> {
        match self.here().symlink_metadata(name) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(PenError::at(self.path)(error)),
        }
    }

    /// Opens the folder `name`, or reads it if it is a link.
    fn step(&self, name: &OsStr) -> Result<Step, PenError> {
        let here = self.here();
        for _ in 0..MAX_SWAPS {
            let error = match here.open_dir_nofollow(name) {
                Ok(dir) => return Ok(Step::Folder(dir)),
                Err(error) => error,
            };
            match Errno::from_io_error(&error) {
                Some(Errno::NOENT) => return Ok(Step::Missing),
                // A link is one or the other, depending on how the system opens a folder.
                Some(Errno::NOTDIR | Errno::LOOP) => {}
                _ => return Err(PenError::at(self.path)(error)),
            }
            if let Ok(target) = here.read_link_contents(name) {
                return Ok(Step::Link(target));
            }
            match self.look(name)? {
                Some(found) if found.is_dir() || found.is_symlink() => {}
                Some(_) => return Err(PenError::at(self.path)(error)),
                None => return Ok(Step::Missing),
            }
        }
        Err(PenError::escapes(self.path))
    }

    /// Puts the target of a link before what is still to be walked.
    fn follow(
        &mut self,
        target: &Path,
        ahead: &mut VecDeque<(OsString, bool)>,
    ) -> Result<(), PenError> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(self.broken());
        }
        let target = if target.is_absolute() {
            let inside = target
                .strip_prefix(&self.pen.root_path)
                .map_err(|_| PenError::escapes(self.path))?;
            self.trail.clear();
            inside
        } else {
            target
        };
        for part in target.components().rev() {
            match part {
                Component::Normal(name) => ahead.push_front((name.to_owned(), true)),
                Component::ParentDir => ahead.push_front(("..".into(), true)),
                Component::CurDir => {}
                Component::RootDir | Component::Prefix(_) => {
                    return Err(PenError::escapes(self.path));
                }
            }
        }
        Ok(())
    }

    fn make_folder(&mut self, name: OsString) -> Result<(), PenError> {
        if self.parents == Parents::Demand {
            return Err(PenError::NotFound {
                path: self.path.clone(),
            });
        }
        let here = self.here();
        match here.create_dir(&name) {
            Ok(()) => sync_dir(here).map_err(PenError::at(self.path))?,
            // Somebody else made it in this moment.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(PenError::at(self.path)(error)),
        }
        match here.open_dir_nofollow(&name) {
            Ok(dir) => {
                self.trail.push((name, dir));
                Ok(())
            }
            // It was swapped for a link or removed right after.
            Err(_) => Err(PenError::escapes(self.path)),
        }
    }
}
