//! A bound on requests in a second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counts the requests of one door in windows of one second.
///
/// It stops a client that runs in a loop and does not shape honest load, so a fixed window is
/// enough: at its edge twice the limit may pass.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: u32,
    start: Instant,
    /// The number of the window in the upper half, the requests let in during it in the lower.
    window: AtomicU64,
}

impl Rate {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            start: Instant::now(),
            window: AtomicU64::new(0),
        }
    }

    /// Whether one more request may pass now.
    pub(super) fn admits(&self) -> bool {
        self.admits_at(self.start.elapsed())
    }

    fn admits_at(&self, since_start: Duration) -> bool {
        let second = since_start.as_secs() << 32;
        let update = self
            .window
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |window| {
                // The clock of another thread may have been read a moment earlier: time never goes back.
                if window & !0xffff_ffff < second {
                    (self.per_second > 0).then_some(second | 1)
                } else {
                    (window & 0xffff_ffff < u64::from(self.per_second)).then_some(window + 1)
                }
            });
        update.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_admits_the_limit_and_no_more() {
        let rate = Rate::new(2);
        let at = |millis| rate.admits_at(Duration::from_millis(millis));
        let admitted: Vec<bool> = [0, 10, 20, 999, 1000, 1001, 1002, 5000].map(at).to_vec();
        assert_eq!(
            admitted,
            [true, true, false, false, true, true, false, true]
        );
    }

    #[test]
    fn a_late_thread_does_not_reopen_an_old_window() {
        let rate = Rate::new(1);
        assert!(rate.admits_at(Duration::from_millis(1000)));
        assert!(!rate.admits_at(Duration::from_millis(999)));
    }
}
