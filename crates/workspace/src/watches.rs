//! [`Watches`]: the system's watches on folders, as many as there may be.

use std::sync::Arc;
use std::time::{Duration, Instant};

use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;

use crate::config::Config;
use crate::inbox::Inbox;

/// Linux watches single folders, so that noise costs nothing. The other systems watch a whole tree
/// with one call, and what lies in noise is dropped when it is reported.
const ONE_BY_ONE: bool = cfg!(target_os = "linux");

/// How long the thread that reads events rests after one that matters. A save makes ten in a row, and
/// each would wake the thread anew, at the cost of the save. The first is passed on before, and between
/// two rests lies as much time again, so that a flood is read as fast as it comes.
const REST: Duration = Duration::from_millis(1);

pub(crate) struct Watches {
    inbox: Arc<Inbox>,
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    system: Option<RecommendedWatcher>,
    placed: usize,
    /// No more watches are to be had.
    full: bool,
}

impl Watches {
    pub(crate) fn new(inbox: Arc<Inbox>, config: &Config) -> Self {
        Self {
            inbox,
            most: config.max_watches,
            state: Mutex::default(),
        }
    }

    /// Watches the folder at `path`; `again` when it already was, which matters after it was moved
    /// or replaced. Whether changes in it are reported from now on.
    pub(crate) fn place(&self, path: &str, again: bool) -> bool {
        let mut state = self.state.lock();
        let state = &mut *state;
        if state.full && !again {
            return false;
        }
        if state.placed + usize::from(!again) > self.most {
            state.full = true;
            return false;
        }
        let Some(system) = self.system(&mut state.system) else {
            state.full = true;
            return false;
        };
        if ONE_BY_ONE {
            let folder = self.inbox.root().join(path);
            match system.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {}
                Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => {
                    state.full = true;
                    state.placed -= usize::from(again);
                    return false;
                }
                // It is gone or may not be read: either way there is nothing to poll.
                Err(error) => tracing::debug!(path, %error, "a folder could not be watched"),
            }
        }
        state.placed += usize::from(!again);
        true
    }

    /// Forgets the folder at `path`, which was watched.
    pub(crate) fn remove(&self, path: &str) {
        let mut state = self.state.lock();
        state.placed = state.placed.saturating_sub(1);
        if let (true, Some(system)) = (ONE_BY_ONE, &mut state.system) {
            // A folder that is gone took its watch with it.
            let _ = system.unwatch(&self.inbox.root().join(path));
        }
    }

    /// Whether some folder had to be left without a watch.
    pub(crate) fn is_full(&self) -> bool {
        self.state.lock().full
    }

    /// Others may have given watches back: the next [`place`](Self::place) tries again.
    pub(crate) fn try_again(&self) {
        self.state.lock().full = false;
    }

    fn system<'a>(
        &self,
        system: &'a mut Option<RecommendedWatcher>,
    ) -> Option<&'a mut RecommendedWatcher> {
        if system.is_none() {
            let inbox = self.inbox.clone();
            let mut rested = Instant::now();
            let made = notify::recommended_watcher(move |event| {
                if inbox.report(event) && rested.elapsed() > REST {
                    std::thread::sleep(REST);
                    rested = Instant::now();
                }
            })
            .and_then(|mut made| {
                if !ONE_BY_ONE {
                    made.watch(self.inbox.root(), RecursiveMode::Recursive)?;
                }
                Ok(made)
            });
            match made {
                Ok(made) => *system = Some(made),
                Err(error) => tracing::warn!(%error, "the system gives no watcher"),
            }
        }
        system.as_mut()
    }
}
