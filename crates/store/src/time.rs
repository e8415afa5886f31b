//! Times as they stand in the tables: ISO 8601 UTC with milliseconds, `2026-02-11T10:00:00.000Z`.
//! All have the same length, so that they sort as text.

use chrono::{DateTime, SecondsFormat, Utc};

/// This moment.
pub fn now() -> String {
    format(Utc::now())
}

/// The moment `millis` milliseconds after 1970 (UTC); the first such moment that can be written
/// where it is out of range.
pub fn from_millis(millis: i64) -> String {
    format(DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::UNIX_EPOCH))
}

/// The milliseconds from `from` to `to`, never negative; `None` if one of them is not a time.
pub fn millis_between(from: &str, to: &str) -> Option<u64> {
    let parse = |text| DateTime::parse_from_rfc3339(text).ok();
    let millis = (parse(to)? - parse(from)?).num_milliseconds();
    Some(u64::try_from(millis).unwrap_or(0))
}

fn format(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// How far the machine's clock may be set back without being followed.
const SET_BACK_MILLIS: i64 = 60_000;

/// A clock that writes the same millisecond only once and does not go back for small corrections, so
/// that the order of times is the order of rows. A clock set back by more was wrong before, and is
/// followed.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    millis: i64,
    text: String,
}

impl Clock {
    /// This moment.
    pub(crate) fn now(&mut self) -> &str {
        self.at(Utc::now().timestamp_millis())
    }

    /// The last moment told.
    pub(crate) fn last(&self) -> &str {
        &self.text
    }

    fn at(&mut self, millis: i64) -> &str {
        let back = self.millis - millis;
        if !(0..=SET_BACK_MILLIS).contains(&back) {
            self.millis = millis;
            self.text = from_millis(millis);
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_milliseconds_and_a_z() {
        assert_eq!(from_millis(1_770_804_000_000), "2026-02-11T10:00:00.000Z");
        assert_eq!(now().len(), "2026-02-11T10:00:00.000Z".len());
    }

    #[test]
    fn the_span_between_two_times_is_in_milliseconds() {
        let check = |from, to, expected| assert_eq!(millis_between(from, to), expected);
        check(
            "2026-02-11T10:00:00.000Z",
            "2026-02-11T10:00:01.250Z",
            Some(1250),
        );
        check(
            "2026-02-11T10:00:01.000Z",
            "2026-02-11T10:00:00.000Z",
            Some(0),
        );
        check("yesterday", "2026-02-11T10:00:00.000Z", None);
    }

    #[test]
    fn the_clock_does_not_go_back_for_a_correction() {
        let mut clock = Clock::default();
        let mut check = |millis, expected| assert_eq!(clock.at(millis), expected);
        check(1_770_804_000_000, "2026-02-11T10:00:00.000Z");
        check(1_770_804_000_500, "2026-02-11T10:00:00.500Z");
        check(1_770_803_999_000, "2026-02-11T10:00:00.500Z");
        check(1_770_800_400_000, "2026-02-11T09:00:00.000Z");
    }
}
