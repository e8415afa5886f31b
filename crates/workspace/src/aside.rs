//! [`aside`]: long computations on a thread that gives way to all others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{LazyLock, mpsc};

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// How many threads there are; more would only take turns on the cores that answer small calls.
const THREADS: usize = 2;
/// How far they stand back (`nice`): enough that others go first when both want to run.
#[cfg(target_os = "linux")]
const STAND_BACK: i32 = 10;

type Job = Box<dyn FnOnce() + Send>;

/// Where work is handed in; its threads are started with the first.
///
/// They stay: a thread that comes anew each time is put on any core, and pushes the small calls from
/// theirs.
static HAND_IN: LazyLock<Option<mpsc::Sender<Job>>> = LazyLock::new(|| {
    let (hand_in, jobs) = mpsc::channel::<Job>();
    let jobs: &'static Mutex<mpsc::Receiver<Job>> = Box::leak(Box::new(Mutex::new(jobs)));
    let mut threads = 0;
    for _ in 0..THREADS {
        let started = std::thread::Builder::new()
            .name("paige-aside".to_owned())
            .spawn(move || {
                // On Linux this is about the calling thread alone. Who may not is only slower.
                #[cfg(target_os = "linux")]
                let _ = rustix::process::setpriority_process(None, STAND_BACK);
                loop {
                    let job = jobs.lock().recv();
                    let Ok(job) = job else {
                        return;
                    };
                    // A panic is told to who waits, by the loss of the answer.
                    let _ = catch_unwind(AssertUnwindSafe(job));
                }
            });
        match started {
            Ok(_) => threads += 1,
            Err(error) => {
                tracing::error!(%error, "A thread for long computations could not be started.");
            }
        }
    }
    (threads > 0).then_some(hand_in)
});

/// Runs a long computation, such as the diff of two large texts, so that it delays no small call: on
/// a thread of its own, with a lower priority where the system knows one of a thread.
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
