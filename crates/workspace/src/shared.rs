//! [`Shared`]: what the workspace and its watcher's thread both hold.

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use paige_protocol::ProjectPath;
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::config::Config;
use crate::events::Listeners;
use crate::inbox::Inbox;
use crate::jail::Jail;
use crate::json::TreeJson;
use crate::model::Folder;
use crate::rules::Filter;
use crate::scan::Scan;

pub(crate) struct Shared {
    pub(crate) jail: Jail,
    pub(crate) config: Config,
    pub(crate) filter: Filter,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) listeners: Listeners,
    model: Mutex<Model>,
    /// Files that were read before all folders were watched, as they were then: a change in between
    /// is reported afterwards. `None` from then on.
    early: Mutex<Option<HashMap<ProjectPath, Seen>>>,
    watching: Mutex<bool>,
    began_watching: Condvar,
}

#[derive(Default)]
struct Model {
    root: Option<Folder>,
    /// Of `root` as it is.
    json: Option<TreeJson>,
}

/// Inode, size, and time of the last change in nanoseconds.
pub(crate) type Seen = (u64, u64, i64, i64);

pub(crate) fn seen(metadata: &Metadata) -> Seen {
    (
        metadata.ino(),
        metadata.size(),
        metadata.mtime(),
        metadata.mtime_nsec(),
    )
}

impl Shared {
    pub(crate) fn new(jail: Jail, config: Config) -> Self {
        Self {
            filter: Filter::new(&config),
            inbox: Arc::new(Inbox::new(jail.root(), &config)),
            listeners: Listeners::default(),
            model: Mutex::default(),
            early: Mutex::new(config.watch.then(HashMap::new)),
            watching: Mutex::new(false),
            began_watching: Condvar::new(),
            jail,
            config,
        }
    }

    /// The name of the project folder.
    fn name(&self) -> String {
        let root = self.jail.root();
        root.file_name()
            .unwrap_or(root.as_os_str())
            .to_string_lossy()
            .into_owned()
    }

    /// The model, scanned if it is not there yet, or if nobody keeps it up to date.
    fn model(&self) -> MutexGuard<'_, Model> {
        let mut model = self.model.lock();
        if model.root.is_none() || !self.config.watch {
            let began = Instant::now();
            let scan = Scan {
                filter: &self.filter,
                stat: false,
                threads: std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4)),
                enter: &|_| false,
            };
            model.root = Some(scan.run(self.jail.open_folder(""), "", &self.name(), None));
            model.json = None;
            tracing::debug!(took = ?began.elapsed(), "scanned the project folder");
        }
        model
    }

    /// Looks at the tree.
    pub(crate) fn with_tree<T>(&self, look: impl FnOnce(&Folder) -> T) -> T {
        let model = self.model();
        match &model.root {
            Some(root) => look(root),
            None => look(&Folder::default()),
        }
    }

    /// Changes the tree, which must have been scanned.
    pub(crate) fn change_tree<T>(&self, change: impl FnOnce(&mut Folder) -> T) -> T {
        let mut model = self.model.lock();
        model.json = None;
        change(model.root.get_or_insert_default())
    }

    /// The tree as JSON, made once for each state of the tree.
    pub(crate) fn tree_json(&self) -> TreeJson {
        let mut model = self.model();
        let Model { root, json } = &mut *model;
        let make = || TreeJson::of(root.as_ref().unwrap_or(&Folder::default()));
        json.get_or_insert_with(make).clone()
    }

    /// Notes that somebody has read a file, while changes are not reported yet.
    pub(crate) fn note_read(&self, path: &ProjectPath, metadata: &Metadata) {
        if let Some(early) = &mut *self.early.lock() {
            early.insert(path.clone(), seen(metadata));
        }
    }

    /// From now on changes are reported. Returns the files that changed since they were read.
    pub(crate) fn begin_watching(&self) -> Vec<ProjectPath> {
        let early = self.early.lock().take().unwrap_or_default();
        let changed = early.into_iter().filter(|(path, before)| {
            self.jail
                .open_file(path)
                .map_or(true, |(_, metadata)| seen(&metadata) != *before)
        });
        let changed = changed.map(|(path, _)| path).collect();
        *self.watching.lock() = true;
        self.began_watching.notify_all();
        changed
    }

    /// Waits until changes are reported.
    pub(crate) fn wait_until_watching(&self, most: Duration) -> bool {
        let end = Instant::now() + most;
        let mut watching = self.watching.lock();
        while !*watching {
            if self
                .began_watching
                .wait_until(&mut watching, end)
                .timed_out()
            {
                return *watching;
            }
        }
        true
    }
}
