//! Flow: the learner is at work (spec: story 10, AC 6; decisions, 10.6).

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use super::{config::Signals, event::Path, moment::Moment};

/// The actions that count, in a window that slides.
#[derive(Debug)]
pub(super) struct Flow {
    window: Duration,
    update_gap: Duration,
    more_than: usize,
    actions: VecDeque<Moment>,
    /// When an update of each file last counted.
    updates: HashMap<Path, Moment>,
}

impl Flow {
    pub(super) fn new(numbers: &Signals) -> Self {
        Self {
            window: Duration::from_secs(numbers.flow_seconds.into()),
            update_gap: Duration::from_secs(numbers.flow_update_seconds.into()),
            more_than: numbers.flow_actions as usize,
            actions: VecDeque::new(),
            updates: HashMap::new(),
        }
    }

    /// A file was opened or saved, or a tab switched.
    pub(super) fn acted(&mut self, now: Moment) {
        self.actions.push_back(now);
        // More need not be known.
        while self.actions.len() > self.more_than + 1 {
            self.actions.pop_front();
        }
    }

    /// One raw update of unsaved text. Those of one file that come soon after another are one action.
    pub(super) fn updated(&mut self, path: &Path, now: Moment) {
        if self
            .updates
            .get(path)
            .is_some_and(|last| now.since(*last) < self.update_gap)
        {
            return;
        }
        let gap = self.update_gap;
        self.updates.retain(|_, last| now.since(*last) < gap);
        self.updates.insert(path.clone(), now);
        self.acted(now);
    }

    /// Whether the learner is at work, and from what that is seen.
    pub(super) fn evidence(&self, now: Moment) -> Option<String> {
        self.is_on(now).then(|| {
            format!(
                "more than {} actions in {}",
                self.more_than,
                super::moment::spoken(self.window)
            )
        })
    }

    pub(super) fn is_on(&self, now: Moment) -> bool {
        let recent = self
            .actions
            .iter()
            .filter(|at| now.since(**at) < self.window);
        recent.count() > self.more_than
    }

    pub(super) fn bytes(&self) -> usize {
        self.actions.capacity() * 8 + self.updates.capacity() * 24
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> Flow {
        Flow::new(&crate::Config::default().observer.signals)
    }

    #[test]
    fn eleven_actions_in_a_minute_are_flow_and_ten_are_not() {
        let mut flow = flow();
        for n in 0..10 {
            flow.acted(Moment(n * 1000));
        }
        assert!(!flow.is_on(Moment(10_000)));
        flow.acted(Moment(10_000));
        assert!(flow.is_on(Moment(10_000)));
        // The first of the eleven leaves the window when it is a minute old.
        assert!(flow.is_on(Moment(59_999)));
        assert!(!flow.is_on(Moment(60_000)));
    }

    #[test]
    fn updates_of_one_file_within_five_seconds_are_one_action() {
        let mut flow = flow();
        for n in 0..500 {
            flow.updated(&"a".into(), Moment(n * 100));
        }
        assert_eq!(flow.actions.len(), 10);
        assert!(!flow.is_on(Moment(50_000)));
        flow.updated(&"b".into(), Moment(50_000));
        assert!(flow.is_on(Moment(50_000)));
    }
}
