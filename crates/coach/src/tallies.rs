//! What of unsaved edits is put on the timeline, and when (spec: story 4, AC 2, 3, 7 and 8).
//!
//! A change that is large is told at once. Smaller ones add up, and are told when the file's window
//! of 30 seconds ends: it begins with the first edit that was not told, and anew with each entry. So
//! a file has at most one summary in a window, and every edit is in exactly one entry.
//!
//! The rule is plain data and has no clock; [`Coach::run_summaries`] is the clock.

use std::{collections::HashMap, time::Duration};

use paige_protocol::{ProjectPath, coach::Action};
use tokio::time::{Instant, sleep_until};

use crate::{Coach, buffers::count, config};

/// What was last told of each file, and what has come since.
#[derive(Debug, Default)]
pub(crate) struct Tallies(HashMap<ProjectPath, Tally>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tally {
    /// Characters at the last entry, or when the file was opened.
    last: u32,
    /// Characters now.
    now: u32,
    /// Edits since the last entry.
    edits: u32,
    /// When they are told, if they are not told before; none outside of a session.
    due: Option<Instant>,
}

/// Something to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    /// Characters at the entry before.
    pub(crate) previous: u32,
    /// Characters now.
    pub(crate) now: u32,
    /// Edits since the entry before.
    pub(crate) edits: u32,
}

impl Told {
    /// How many characters were added, or taken away.
    fn delta(self) -> i32 {
        let delta = i64::from(self.now) - i64::from(self.previous);
        i32::try_from(delta).unwrap_or(if delta < 0 { i32::MIN } else { i32::MAX })
    }
}

impl Tallies {
    /// An edit: a large change is to be told at once. `before` is what the file had when nothing is
    /// known of it; `window` is its length while a session is active.
    pub(crate) fn edited(
        &mut self,
        path: &ProjectPath,
        (before, now): (u32, u32),
        at: Instant,
        window: Option<Duration>,
        config: &config::Buffers,
    ) -> Option<Told> {
        let tally = self.0.entry(path.clone()).or_insert(Tally {
            last: before,
            now,
            edits: 0,
            due: None,
        });
        tally.now = now;
        tally.edits = tally.edits.saturating_add(1);
        if is_significant(tally.last, now, config) {
            return Some(tally.tell());
        }
        if tally.due.is_none() {
            tally.due = window.map(|window| at + window);
        }
        None
    }

    /// What is due at this moment: of the files that have unsaved edits. The windows of the others
    /// end as well, since what was saved needs no summary; but it is no entry, so that they are
    /// still compared with the last one.
    pub(crate) fn due(
        &mut self,
        at: Instant,
        is_dirty: impl Fn(&ProjectPath) -> bool,
    ) -> Vec<(ProjectPath, Told)> {
        let mut due = Vec::new();
        for (path, tally) in &mut self.0 {
            if tally.due.is_some_and(|due| due <= at) {
                tally.due = None;
                if is_dirty(path) {
                    due.push((path.clone(), tally.tell()));
                }
            }
        }
        due.sort_by(|a, b| a.0.cmp(&b.0));
        due
    }

    /// When something is due next.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.0.values().filter_map(|tally| tally.due).min()
    }

    /// Ends every window, as a session does that ends.
    pub(crate) fn end_windows(&mut self) {
        self.0.values_mut().for_each(|tally| tally.due = None);
    }

    /// Forgets a file: what comes next is compared with what it has then.
    pub(crate) fn forget(&mut self, path: &ProjectPath) {
        self.0.remove(path);
    }

    /// Lets what is known of files follow a rename. What was known of a file that stood at a new path
    /// is forgotten, as its buffer is.
    pub(crate) fn rename(&mut self, from: &ProjectPath, to: &ProjectPath) {
        let (moved, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|(path, _)| path.is_below(from));
        self.0.extend(others);
        self.0.extend(
            moved
                .into_iter()
                .filter_map(|(path, tally)| Some((path.moved(from, to)?, tally))),
        );
    }
}

impl Tally {
    /// Begins anew after an entry.
    fn tell(&mut self) -> Told {
        let told = Told {
            previous: self.last,
            now: self.now,
            edits: self.edits,
        };
        self.last = self.now;
        self.edits = 0;
        self.due = None;
        told
    }
}

fn is_significant(last: u32, now: u32, config: &config::Buffers) -> bool {
    let delta = u64::from(now.abs_diff(last));
    delta > u64::from(config.significant_chars)
        || delta * 100 > u64::from(last) * u64::from(config.significant_percent)
}

impl Coach {
    /// Counts an edit, and puts a significant change on the timeline at once.
    pub(crate) fn notice(&self, path: &ProjectPath, before: usize, now: usize) {
        let config = &self.0.config.buffers;
        let window = self.active_session_id().map(|_| config.summary_window());
        let change = (count(before), count(now));
        let (told, earlier) = {
            let mut tallies = self.0.tallies.lock();
            let next = tallies.next_due();
            let told = tallies.edited(path, change, Instant::now(), window, config);
            (told, next.is_none() && tallies.next_due().is_some())
        };
        if earlier {
            // Later windows end later, so that only the first sets the clock.
            self.0.summaries.notify_one();
        }
        let Some(told) = told else {
            return;
        };
        self.observe(&Action::BufferSignificantChange {
            path: path.to_string(),
            previous_char_count: told.previous,
            new_char_count: told.now,
            char_delta: told.delta(),
            percent_delta: (u64::from(told.now.abs_diff(told.previous)) * 100)
                .checked_div(u64::from(told.previous))
                .map(|percent| u32::try_from(percent).unwrap_or(u32::MAX)),
        });
    }

    /// Puts summaries of unsaved edits on the timeline for as long as it runs; run it as a task.
    pub async fn run_summaries(&self) {
        loop {
            let next = self.0.tallies.lock().next_due();
            match next {
                Some(next) => sleep_until(next).await,
                None => self.0.summaries.notified().await,
            }
            let is_dirty =
                |path: &ProjectPath| self.buffer(path).is_some_and(|buffer| buffer.dirty);
            let due = {
                let mut tallies = self.0.tallies.lock();
                if self.active_session_id().is_none() {
                    // An edit crossed with the end of the session, and opened a window after it.
                    tallies.end_windows();
                }
                tallies.due(Instant::now(), is_dirty)
            };
            for (path, told) in due {
                self.observe(&Action::BufferSummary {
                    path: path.into(),
                    char_count: told.now,
                    dirty: true,
                    edit_count: told.edits,
                    char_delta: told.delta(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Option<Duration> = Some(Duration::from_secs(30));

    fn at(path: &str) -> ProjectPath {
        ProjectPath::parse(path).unwrap()
    }

    /// Edits and looks, in seconds from the beginning, and what they tell.
    struct Play {
        tallies: Tallies,
        start: Instant,
    }

    impl Play {
        fn new() -> Self {
            Self {
                tallies: Tallies::default(),
                start: Instant::now(),
            }
        }

        fn edit(&mut self, second: u64, path: &str, chars: u32) -> Option<(u32, u32, u32)> {
            let moment = self.start + Duration::from_secs(second);
            let config = crate::Config::default().buffers;
            // Every file had 100 characters when it was opened.
            let told = self
                .tallies
                .edited(&at(path), (100, chars), moment, WINDOW, &config);
            told.map(|told| (told.previous, told.now, told.edits))
        }

        fn look(&mut self, second: u64, dirty: bool) -> Vec<(String, i32, u32)> {
            let moment = self.start + Duration::from_secs(second);
            let due = self.tallies.due(moment, |_| dirty);
            due.into_iter()
                .map(|(path, told)| (path.into(), told.delta(), told.edits))
                .collect()
        }
    }

    #[test]
    fn a_change_is_significant_beyond_half_or_500_characters() {
        let config = crate::Config::default().buffers;
        let cases = [
            (100, 150, false),
            (100, 151, true),
            (100, 50, false),
            (100, 49, true),
            (10_000, 10_500, false),
            (10_000, 10_501, true),
            (10_000, 9_499, true),
            (0, 1, true),
            (0, 0, false),
        ];
        for (last, now, expected) in cases {
            assert_eq!(
                is_significant(last, now, &config),
                expected,
                "{last} -> {now}"
            );
        }
    }

    #[test]
    fn small_edits_are_summed_up_once_in_a_window() {
        let mut play = Play::new();
        assert_eq!(play.edit(0, "a", 110), None);
        assert_eq!(play.edit(10, "a", 120), None);
        assert_eq!(play.edit(20, "b", 90), None);
        assert_eq!(play.look(29, true), []);
        assert_eq!(play.look(30, true), [("a".to_owned(), 20, 2)]);
        // Without new edits nothing is told again.
        assert_eq!(play.look(49, true), []);
        assert_eq!(play.look(100, true), [("b".to_owned(), -10, 1)]);
        assert_eq!(play.look(200, true), []);
        assert_eq!(play.tallies.next_due(), None);
    }

    #[test]
    fn a_significant_change_is_told_at_once_and_begins_the_window_anew() {
        let mut play = Play::new();
        assert_eq!(play.edit(0, "a", 110), None);
        assert_eq!(play.edit(5, "a", 700), Some((100, 700, 2)));
        // No duplicate of it, and the threshold counts from it.
        assert_eq!(play.look(60, true), []);
        assert_eq!(play.edit(61, "a", 701), None);
        assert_eq!(play.look(90, true), []);
        assert_eq!(play.look(91, true), [("a".to_owned(), 1, 1)]);
    }

    #[test]
    fn what_was_saved_and_what_is_outside_of_a_session_is_not_summed_up() {
        let mut play = Play::new();
        play.edit(0, "a", 110);
        assert_eq!(play.look(30, false), []);
        play.edit(31, "a", 115);
        play.tallies.end_windows();
        assert_eq!(play.tallies.next_due(), None);
        assert_eq!(play.look(100, true), []);
        let config = crate::Config::default().buffers;
        let now = play.start + Duration::from_secs(101);
        let told = play.tallies.edited(&at("a"), (0, 116), now, None, &config);
        assert_eq!((told, play.tallies.next_due()), (None, None));
    }

    #[test]
    fn a_save_does_not_move_the_measure() {
        let mut play = Play::new();
        assert_eq!(play.edit(0, "a", 140), None);
        assert_eq!(play.look(30, false), []);
        assert_eq!(play.tallies.next_due(), None);
        assert_eq!(play.edit(40, "a", 180), Some((100, 180, 2)));
    }

    #[test]
    fn what_is_moved_replaces_what_was_there() {
        // In whatever order a map gives them.
        for _ in 0..20 {
            let mut play = Play::new();
            play.edit(0, "a", 110);
            play.edit(0, "b", 120);
            play.tallies.rename(&at("a"), &at("b"));
            assert_eq!(play.look(30, true), [("b".to_owned(), 10, 1)]);
        }
    }

    #[test]
    fn a_file_keeps_its_count_under_a_new_name() {
        let mut play = Play::new();
        play.edit(0, "src/a", 110);
        play.tallies.rename(&at("src"), &at("lib"));
        assert_eq!(play.look(30, true), [("lib/a".to_owned(), 10, 1)]);
        play.tallies.forget(&at("lib/a"));
        assert_eq!(play.edit(40, "lib/a", 150), None);
    }
}
