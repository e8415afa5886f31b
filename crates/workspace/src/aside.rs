//! [`aside`]: long computations on a thread that gives way to all others.

use tokio::sync::{Semaphore, oneshot};

/// How many run at the same time; more would only take turns on the cores that answer small calls.
const AT_ONCE: usize = 2;
/// How far such a thread stands back (`nice`): enough that a thread that wakes up goes first.
#[cfg(target_os = "linux")]
const STAND_BACK: i32 = 10;

/// Runs a long computation, such as the diff of two large texts, so that it delays no small call:
/// on a thread of its own, with a lower priority where the system knows one of a thread.
///
/// `None` when the computation has panicked, or the system gives no more threads.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);
    let turn = TURNS.acquire().await.ok()?;
    let (tell, told) = oneshot::channel();
    let started = std::thread::Builder::new()
        .name("paige-aside".to_owned())
        .spawn(move || {
            // On Linux this is about the calling thread alone. Who may not is only slower.
            #[cfg(target_os = "linux")]
            let _ = rustix::process::setpriority_process(None, STAND_BACK);
            // Who no longer waits needs no answer.
            let _ = tell.send(work());
        });
    if let Err(error) = started {
        tracing::error!(%error, "A thread for a long computation could not be started.");
        return None;
    }
    let done = told.await.ok();
    drop(turn);
    done
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
