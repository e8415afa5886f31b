//! [`Moment`]: time as an argument.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment, in milliseconds since the Unix epoch.
///
/// Whoever drives the Observer gives it moments that do not go back: a live task adds what a monotonic
/// clock says to the wall time at which it began, a replay uses the times of the recording.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl Moment {
    /// How long ago that was, seen from here; nothing when it is still to come.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This moment so much later.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(wait))
    }

    /// The moment of a time as the timeline has it (ISO 8601 UTC); `None` for another text.
    pub fn parse(text: &str) -> Option<Self> {
        let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
        u64::try_from(time.timestamp_millis()).ok().map(Self)
    }

    /// This moment as the timeline has it.
    pub fn iso(self) -> String {
        paige_store::from_millis(i64::try_from(self.0).unwrap_or(i64::MAX))
    }
}

/// A duration as a person says it: `45s`, `3m12s`, `4m`, `2h05m`.
pub(super) fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, seconds) {
        (0, 0, s) => format!("{s}s"),
        (0, m, 0) => format!("{m}m"),
        (0, m, s) => format!("{m}m{s:02}s"),
        (h, m, _) => format!("{h}h{m:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        for (seconds, expected) in [
            (0, "0s"),
            (45, "45s"),
            (192, "3m12s"),
            (240, "4m"),
            (7501, "2h05m"),
        ] {
            assert_eq!(spoken(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn moments_are_those_of_the_timeline() {
        let moment = Moment::parse("2026-01-02T03:04:05.678Z").expect("a time");
        assert_eq!(moment.iso(), "2026-01-02T03:04:05.678Z");
        assert_eq!(Moment::parse("yesterday"), None);
        // A clock that was set back is no time at all.
        assert_eq!(Moment(5).since(Moment(9)), Duration::ZERO);
    }
}
