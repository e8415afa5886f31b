//! Commands that have run: what fails again and again, and whether the tests are green.

use std::collections::VecDeque;

use super::moment::Moment;

/// Runs that are remembered.
pub(super) const MOST_RUNS: usize = 32;

/// What commands have told since the phase began, or since the tests were last green.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// Whether anybody ever told of a run, and of a run of tests: without that nothing can be said.
    pub(super) told: bool,
    pub(super) tests_told: bool,
    /// The error lines of failed runs.
    failed: VecDeque<Vec<String>>,
    /// When the tests were last run, and whether they were green.
    pub(super) last_test: Option<(Moment, bool)>,
}

/// An error line that comes again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repeated {
    pub(super) line: String,
    pub(super) runs: usize,
}

impl Runs {
    pub(super) fn failed(&mut self, lines: &[String]) {
        if self.failed.len() == MOST_RUNS {
            self.failed.pop_front();
        }
        self.failed.push_back(lines.to_vec());
    }

    pub(super) fn forget_failures(&mut self) {
        self.failed.clear();
    }

    /// The lines of the last failed run that stood in so many failed runs, the most frequent first.
    pub(super) fn repeated(&self, least: u32) -> Vec<Repeated> {
        let Some(last) = self.failed.back() else {
            return Vec::new();
        };
        let mut repeated: Vec<_> = last
            .iter()
            .map(|line| Repeated {
                line: line.clone(),
                runs: self.failed.iter().filter(|run| run.contains(line)).count(),
            })
            .filter(|found| found.runs >= least as usize)
            .collect();
        repeated.sort_by_key(|found| std::cmp::Reverse(found.runs));
        repeated
    }

    /// Whether the tests were green after that moment, if a moment is given.
    pub(super) fn green_since(&self, edit: Option<Moment>) -> bool {
        self.last_test
            .is_some_and(|(at, green)| green && edit.is_none_or(|edit| at >= edit))
    }

    pub(super) fn bytes(&self) -> usize {
        let lines = self.failed.iter().flatten();
        lines.map(|line| 24 + line.capacity()).sum()
    }
}
