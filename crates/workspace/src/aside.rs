//! [`aside`]: long computations on a thread that gives way to all others.

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{LazyLock, mpsc};

use tokio::sync::oneshot;

/// How far it stands back: as far as can be.
const STAND_BACK: i32 = 19;

/// After how many steps of a computation its thread lets others run: some 10 µs of a diff.
const STEPS: u32 = 200;

type Job = Box<dyn FnOnce() + Send>;

thread_local! {
    /// On a thread aside, the steps until it lets others run.
    static STEPS_LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Called at each small step of a long computation, so that one made [`aside`] keeps no core for
/// itself: a low priority makes a thread wait its turn, but its turn lasts for milliseconds.
pub(crate) fn give_way() {
    STEPS_LEFT.with(|left| match left.get() {
        None => {}
        Some(0) => {
            left.set(Some(STEPS));
            std::thread::yield_now();
        }
        Some(steps) => left.set(Some(steps - 1)),
    });
}

/// Lets this thread, and those that it starts from now on, go after others that want to run (`nice`),
/// where the system knows a priority of one thread.
pub(crate) fn stand_back(by: i32) {
    // Who may not is only slower.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, by);
    #[cfg(not(target_os = "linux"))]
    let _ = by;
}

/// A writer that gives way to others while much is written through it [`aside`].
#[derive(Debug)]
pub struct Giving<W>(W);

impl<W> Giving<W> {
    /// Writes to `inner`.
    pub fn new(inner: W) -> Self {
        Self(inner)
    }

    /// What was written to.
    pub fn into_inner(self) -> W {
        self.0
    }
}

impl<W: io::Write> io::Write for Giving<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        give_way();
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Where work is handed in; its thread is started with the first.
///
/// It is one and stays: more would take turns on the cores that answer small calls, and one that
/// comes anew each time is put on any core, and pushes the small calls from theirs.
static HAND_IN: LazyLock<Option<mpsc::Sender<Job>>> = LazyLock::new(|| {
    let (hand_in, jobs) = mpsc::channel::<Job>();
    std::thread::Builder::new()
        .name("paige-aside".to_owned())
        .spawn(move || {
            stand_back(STAND_BACK);
            STEPS_LEFT.set(Some(STEPS));
            for job in jobs {
                // A panic is told to who waits, by the loss of the answer.
                let _ = catch_unwind(AssertUnwindSafe(job));
            }
        })
        .inspect_err(|error| {
            tracing::error!(%error, "The thread for long computations could not be started.");
        })
        .ok()
        .map(|_| hand_in)
});

/// Runs a long computation, such as the diff of two large texts, so that it delays no small call: on
/// a thread of its own, after the one before, with a lower priority where the system knows one of a
/// thread.
///
/// `None` when the computation has panicked, or the system gave no thread.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (tell, told) = oneshot::channel();
    let job = Box::new(move || {
        // Who no longer waits needs no answer.
        let _ = tell.send(work());
    });
    HAND_IN.as_ref()?.send(job).ok()?;
    told.await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_computed_comes_back_and_a_panic_is_nobodys_end() {
        assert_eq!(aside(|| 6 * 7).await, Some(42));
        assert_eq!(aside(|| -> u32 { panic!("on purpose") }).await, None);
        assert_eq!(aside(|| "still there").await, Some("still there"));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn only_the_thread_aside_stands_back() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let before = nice();
        assert_eq!(aside(nice).await, Some(STAND_BACK));
        assert_eq!(nice(), before);
    }
}
