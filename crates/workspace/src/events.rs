//! [`FileEvent`]: what happens in the project folder, and how it reaches those who listen.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Weak};

use paige_protocol::ProjectPath;
use paige_protocol::tree::TreeNode;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Beyond this many waiting events a listener gets one [`FileEvent::Flood`] instead.
const MAX_WAITING: usize = 4096;

/// A change of the project folder, as the tree shows it: what lies in noise folders or ignored
/// folders is never reported. [`Workspace::tree`](crate::Workspace::tree) has the change already
/// when it is reported.
#[derive(Debug, Clone, PartialEq)]
pub enum FileEvent {
    /// A file came.
    Add {
        /// Where.
        path: ProjectPath,
        /// What.
        node: TreeNode,
    },
    /// A file's content changed, or may have: compare versions before acting on it.
    Change {
        /// Where.
        path: ProjectPath,
    },
    /// A file went.
    Unlink {
        /// Where it was.
        path: ProjectPath,
    },
    /// A folder came, with all that is in it; there are no further events for that.
    AddDir {
        /// Where.
        path: ProjectPath,
        /// What, with everything below.
        node: TreeNode,
    },
    /// A folder went, with all that was in it; there are no further events for that.
    UnlinkDir {
        /// Where it was.
        path: ProjectPath,
    },
    /// A file or folder has another path now, with all that is in it.
    Rename {
        /// Where it was.
        from: ProjectPath,
        /// Where it is.
        to: ProjectPath,
        /// What, with everything below.
        node: TreeNode,
    },
    /// Too many changes to name each: ask for the tree anew.
    Flood {
        /// What came, changed or went, so that open files can be read again; a folder stands for
        /// all that is or was below it.
        paths: Vec<ProjectPath>,
    },
    /// Watching does not work as it should; a whole sentence for people. It goes on as the text says.
    /// Who listens later is told as well.
    Trouble {
        /// What is wrong and what to do.
        message: String,
    },
}

impl FileEvent {
    /// The paths that the event is about.
    pub fn paths(&self) -> Vec<&ProjectPath> {
        match self {
            Self::Add { path, .. }
            | Self::Change { path }
            | Self::Unlink { path }
            | Self::AddDir { path, .. }
            | Self::UnlinkDir { path } => vec![path],
            Self::Rename { from, to, .. } => vec![from, to],
            Self::Flood { paths } => paths.iter().collect(),
            Self::Trouble { .. } => Vec::new(),
        }
    }
}

/// The events since [`Workspace::watch`](crate::Workspace::watch) was called, in order, none left
/// out, and before them the troubles there already are. A listener that is slow gets a [`FileEvent::Flood`] for what has piled up.
#[derive(Debug)]
pub struct FileEvents(Arc<Waiting>);

impl FileEvents {
    /// The next event; `None` when the workspace is closed. Cancel safe.
    pub async fn recv(&mut self) -> Option<FileEvent> {
        loop {
            // Asked for before the queue is looked at, so that no wake-up falls in between.
            let notified = self.0.notify.notified();
            {
                let mut queue = self.0.queue.lock();
                if let Some(event) = queue.events.pop_front() {
                    return Some(event);
                }
                if queue.closed {
                    return None;
                }
            }
            notified.await;
        }
    }
}

#[derive(Debug, Default)]
struct Waiting {
    queue: Mutex<Queue>,
    notify: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<FileEvent>,
    closed: bool,
}

impl Queue {
    fn push(&mut self, events: &[FileEvent]) {
        self.events.extend(events.iter().cloned());
        if self.events.len() <= MAX_WAITING {
            return;
        }
        let mut paths = BTreeSet::new();
        let mut troubles = VecDeque::new();
        for event in self.events.drain(..) {
            paths.extend(event.paths().into_iter().cloned());
            if matches!(event, FileEvent::Trouble { .. }) {
                troubles.push_back(event);
            }
        }
        self.events = troubles;
        self.events.push_back(FileEvent::Flood {
            paths: paths.into_iter().collect(),
        });
    }
}

/// All listeners.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    waiting: Mutex<Vec<Weak<Waiting>>>,
    /// Troubles that last, for those who come later.
    troubles: Mutex<Vec<FileEvent>>,
}

impl Listeners {
    pub(crate) fn add(&self) -> FileEvents {
        let waiting = Arc::new(Waiting::default());
        // Held while it is added, so that no trouble is told twice or not at all.
        let troubles = self.troubles.lock();
        waiting.queue.lock().push(&troubles);
        self.waiting.lock().push(Arc::downgrade(&waiting));
        FileEvents(waiting)
    }

    pub(crate) fn send(&self, events: &[FileEvent]) {
        self.each(|waiting| waiting.queue.lock().push(events));
    }

    /// Tells of a trouble now, and to whoever listens later.
    pub(crate) fn trouble(&self, message: String) {
        let trouble = FileEvent::Trouble { message };
        let mut troubles = self.troubles.lock();
        self.send(std::slice::from_ref(&trouble));
        troubles.push(trouble);
    }

    pub(crate) fn close(&self) {
        self.each(|waiting| waiting.queue.lock().closed = true);
    }

    fn each(&self, act: impl Fn(&Waiting)) {
        self.waiting.lock().retain(|listener| {
            let Some(waiting) = listener.upgrade() else {
                return false;
            };
            act(&waiting);
            // A permit is kept when nobody waits, so that the next look is not missed.
            waiting.notify.notify_one();
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &str) -> FileEvent {
        FileEvent::Change {
            path: ProjectPath::parse(path).expect("a good path"),
        }
    }

    #[tokio::test]
    async fn every_listener_gets_every_event_and_then_the_end() {
        let listeners = Listeners::default();
        let (mut one, mut two) = (listeners.add(), listeners.add());
        drop(listeners.add());
        listeners.send(&[change("a"), change("b")]);
        listeners.close();
        for events in [&mut one, &mut two] {
            assert_eq!(events.recv().await, Some(change("a")));
            assert_eq!(events.recv().await, Some(change("b")));
            assert_eq!(events.recv().await, None);
        }
    }

    #[tokio::test]
    async fn what_piles_up_becomes_a_flood() {
        let listeners = Listeners::default();
        let mut slow = listeners.add();
        let trouble = FileEvent::Trouble {
            message: "Oh.".to_owned(),
        };
        listeners.trouble("Oh.".to_owned());
        let many: Vec<_> = (0..MAX_WAITING)
            .map(|n| change(&format!("{n:05}")))
            .collect();
        listeners.send(&many);
        listeners.send(&[change("later")]);
        assert_eq!(slow.recv().await, Some(trouble.clone()));
        let paths = many
            .iter()
            .flat_map(|event| event.paths())
            .cloned()
            .collect();
        assert_eq!(slow.recv().await, Some(FileEvent::Flood { paths }));
        assert_eq!(slow.recv().await, Some(change("later")));
        assert_eq!(listeners.add().recv().await, Some(trouble));
    }
}
