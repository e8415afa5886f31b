//! [`Unwatched`]: open files in places that nobody watches.

use std::collections::HashMap;

use paige_protocol::ProjectPath;

use crate::Workspace;
use crate::shared::{Seen, seen};

/// What open files were when they were last looked at: those that no [`FileEvent`](crate::FileEvent)
/// tells of, because they lie in noise folders or ignored folders, or are reached through a link.
#[derive(Debug, Default)]
pub struct Unwatched(HashMap<ProjectPath, Option<Seen>>);

impl Workspace {
    /// Which of these files may have changed since the last call and are not watched. The first time
    /// that a file is named it counts as changed.
    pub fn changed_unwatched(
        &self,
        files: impl IntoIterator<Item = ProjectPath>,
        last: &mut Unwatched,
    ) -> Vec<ProjectPath> {
        let now: HashMap<_, _> = files
            .into_iter()
            .filter(|file| !self.watches(file))
            .map(|file| {
                let opened = self.0.shared.jail.open_file(&file);
                let now = opened.ok().map(|(_, metadata)| seen(&metadata));
                (file, now)
            })
            .collect();
        let changed = now
            .iter()
            .filter(|(file, now)| last.0.get(*file) != Some(*now))
            .map(|(file, _)| file.clone())
            .collect();
        last.0 = now;
        changed
    }

    /// Whether events tell of a file: it is in the tree, under its own name.
    fn watches(&self, file: &ProjectPath) -> bool {
        let folder = file.parent();
        let folder = folder.as_ref().map_or("", ProjectPath::as_str);
        self.0.shared.jail.real(file).as_ref() == Some(file)
            && self
                .0
                .shared
                .with_tree(|root| root.folder(folder).is_some())
    }
}
