//! Which entries are left out of the tree: noise folders, ignored folders, the pen's temporary files.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fs::{Mode, OFlags, openat};

use crate::config::Config;

/// The name of the files that say which folders are ignored.
pub(crate) const GITIGNORE: &str = ".gitignore";

/// A larger `.gitignore` is not read: its patterns would cost more than they hide.
const MAX_GITIGNORE_BYTES: u64 = 1024 * 1024;

/// The part of [`Config`] that is asked for each entry.
pub(crate) struct Filter {
    noise: HashSet<Box<str>>,
    respect_gitignore: bool,
}

impl Filter {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            noise: config
                .noise_folders
                .iter()
                .map(|name| name.as_str().into())
                .collect(),
            respect_gitignore: config.respect_gitignored_folders,
        }
    }

    pub(crate) fn respects_gitignore(&self) -> bool {
        self.respect_gitignore
    }

    /// Whether an entry may be shown by its name. Names that no `ProjectPath` can hold are left out,
    /// for a client could do nothing with them; so are the pen's temporary files, which live for
    /// a millisecond during each save.
    pub(crate) fn shows_name(&self, name: &str) -> bool {
        let temporary = name
            .strip_prefix(".paige-")
            .is_some_and(|rest| rest.ends_with(".tmp"));
        !temporary && !name.trim().is_empty()
    }

    /// Whether the folder `name` at `path`, whose parent has `rules`, is shown and watched.
    pub(crate) fn shows_folder(&self, name: &str, path: &str, rules: Option<&Rules>) -> bool {
        !self.noise.contains(name) && !rules.is_some_and(|rules| rules.ignore(path))
    }

    /// The rules inside the folder `path`: its own `.gitignore` and those above.
    pub(crate) fn rules(
        &self,
        path: &str,
        folder: BorrowedFd<'_>,
        has_gitignore: bool,
        above: Option<Arc<Rules>>,
    ) -> Option<Arc<Rules>> {
        if !self.respect_gitignore || !has_gitignore {
            return above;
        }
        match read_gitignore(folder) {
            Some(text) => Rules::parse(&text, path, above),
            None => above,
        }
    }
}

/// The `.gitignore` of a folder; like git we do not follow a link there.
fn read_gitignore(folder: BorrowedFd<'_>) -> Option<String> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(folder, GITIGNORE, flags, Mode::empty()).ok()?);
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MAX_GITIGNORE_BYTES)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The patterns of one `.gitignore`, and those of the folders above.
#[derive(Debug)]
pub(crate) struct Rules {
    /// The folder of the file, `""` for the project folder.
    base: Box<str>,
    patterns: Gitignore,
    above: Option<Arc<Rules>>,
}

impl Rules {
    fn parse(text: &str, base: &str, above: Option<Arc<Self>>) -> Option<Arc<Self>> {
        let mut builder = GitignoreBuilder::new("");
        for line in text.trim_start_matches('\u{feff}').lines() {
            // Git ignores a line that it does not understand, too.
            let _ = builder.add_line(None, line);
        }
        match builder.build() {
            Ok(patterns) if !patterns.is_empty() => Some(Arc::new(Self {
                base: base.into(),
                patterns,
                above,
            })),
            _ => above,
        }
    }

    /// Whether a folder directly or deeper below is ignored. Its parents are known not to be: the
    /// tree is walked from the top. The deepest file that has a matching pattern decides.
    fn ignore(&self, path: &str) -> bool {
        let mut level = Some(self);
        while let Some(rules) = level {
            let relative = path
                .strip_prefix(&*rules.base)
                .map_or(path, |rest| rest.strip_prefix('/').unwrap_or(rest));
            match rules.patterns.matched(relative, true) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => level = rules.above.as_deref(),
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_gitignore_decides() {
        let top = Rules::parse("/out\nlogs/\n*.bak\n# x\n[\n", "", None);
        let deep = Rules::parse("!logs/\nlocal\n", "a/b", top.clone());
        let check = |rules: &Option<Arc<Rules>>, path: &str, expected: bool| {
            let rules = rules.as_deref().expect("rules");
            assert_eq!(rules.ignore(path), expected, "{path}");
        };
        check(&top, "out", true);
        check(&top, "a/out", false);
        check(&top, "a/logs", true);
        check(&top, "x.bak", true);
        check(&deep, "a/b/logs", false);
        check(&deep, "a/b/local", true);
        check(&deep, "a/b/c/x.bak", true);
        assert!(Rules::parse("# nothing\n\n", "", None).is_none());
    }

    #[test]
    fn names_that_are_left_out() {
        let filter = Filter::new(&Config::default());
        for (name, expected) in [
            ("a", true),
            (".env", true),
            (".paige-12ab34cd.tmp", false),
            (".paige", true),
            ("  ", false),
        ] {
            assert_eq!(filter.shows_name(name), expected, "{name:?}");
        }
        assert!(!filter.shows_folder("node_modules", "a/node_modules", None));
        assert!(filter.shows_folder("src", "src", None));
    }
}
