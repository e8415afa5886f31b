//! What becomes of texts while they are edited: how much differs from the phase's beginning, and which
//! regions go back and forth.
//!
//! An update is compared with the text before it by their common beginning and end, and only the lines
//! between are looked at, so that ten updates a second cost next to nothing. Of lines only hashes are
//! kept.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{
    change::{BLANK, Change, without_blanks},
    config::Signals,
    event::Path,
    moment::Moment,
};

/// Files that are followed; the one that was edited longest ago leaves.
const MOST_FILES: usize = 64;
/// Bytes of all texts that are kept to compare with.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// Different lines that are kept of one file.
const MOST_LINES: usize = 4000;
/// Regions of one file in which a loop is looked for.
const MOST_REGIONS: usize = 8;
/// Lines of a region; what is larger is no region but a rewritten file.
const LARGEST_REGION: usize = 200;
/// States of a region.
pub(super) const MOST_STATES: usize = 16;

/// What is known of the files that were edited.
#[derive(Debug, Default)]
pub(super) struct Edits(HashMap<Path, File>);

/// One file.
#[derive(Debug, Default)]
struct File {
    /// As it was last seen.
    text: Option<Arc<str>>,
    dirty: bool,
    touched: Moment,
    /// For the hash of each line how much more often it stands there than when the phase began.
    balance: HashMap<u64, i32>,
    regions: Vec<Region>,
}

/// Lines that were changed, and what they were.
#[derive(Debug)]
struct Region {
    /// Its first line, from 0.
    start: usize,
    /// The lines as they are now.
    now: Vec<u64>,
    /// What they were when somebody stopped to look, without blank lines. The first is from before.
    states: VecDeque<(Moment, Vec<u64>)>,
    touched: Moment,
    /// Whether it was changed since its last state.
    moving: bool,
}

/// A region that goes back and forth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loop {
    pub(super) path: Path,
    /// The first and the last line, from 1.
    pub(super) lines: (usize, usize),
    /// How often it was changed.
    pub(super) changes: usize,
    /// How often that led back to a text that it had before.
    pub(super) returns: usize,
}

impl Edits {
    /// A text has changed.
    pub(super) fn edited(
        &mut self,
        path: &Path,
        before: Option<&Arc<str>>,
        text: Option<&Arc<str>>,
        now: Moment,
        numbers: &Signals,
    ) {
        let file = self.0.entry(path.clone()).or_default();
        file.dirty = true;
        file.touched = now;
        let Some(text) = text else {
            file.forget_text();
            return;
        };
        let empty = Arc::from("");
        let old = match before {
            Some(before) => {
                if file.text.as_ref().is_some_and(|known| known != before) {
                    // Another program has written it meanwhile: the lines are where they were not.
                    file.regions.clear();
                }
                before.clone()
            }
            None => file.text.take().unwrap_or(empty),
        };
        if let Some(change) = Change::between(&old, text) {
            file.balance(&change);
            file.in_region(&change, now, numbers);
        }
        file.text = Some(text.clone());
        self.prune();
    }

    /// A text was written to disk: what stands there was meant.
    pub(super) fn saved(&mut self, path: &Path) {
        if let Some(file) = self.0.get_mut(path) {
            file.dirty = false;
            for region in &mut file.regions {
                region.settle();
            }
        }
    }

    /// A file was closed, and its unsaved text with it.
    pub(super) fn closed(&mut self, path: &Path) {
        if let Some(file) = self.0.get_mut(path) {
            file.dirty = false;
        }
    }

    /// A file or all below a folder has another path.
    pub(super) fn moved(&mut self, from: &str, to: &str) {
        for (path, file) in std::mem::take(&mut self.0) {
            self.0.insert(renamed(&path, from, to), file);
        }
    }

    /// A file or all below a folder is gone.
    pub(super) fn deleted(&mut self, path: &str) {
        self.0.retain(|known, _| !is_below(known, path));
    }

    /// What was changed counts from here on.
    pub(super) fn begin(&mut self) {
        for file in self.0.values_mut() {
            file.balance.clear();
            file.regions.clear();
        }
    }

    /// Nothing goes back and forth any more.
    pub(super) fn forget_loops(&mut self) {
        self.0.values_mut().for_each(|file| file.regions.clear());
    }

    /// Notes what stands where nobody has typed for a while, and forgets what is long ago.
    pub(super) fn settle(&mut self, now: Moment, numbers: &Signals) {
        let window = Duration::from_secs(numbers.loop_window_seconds.into());
        for file in self.0.values_mut() {
            for region in &mut file.regions {
                region.settle_if_quiet(now, numbers);
                region.forget_before(now, window);
            }
            file.regions
                .retain(|region| now.since(region.touched) <= window);
        }
    }

    /// The regions that go back and forth, the worst first.
    pub(super) fn loops(&self, numbers: &Signals) -> Vec<Loop> {
        let mut loops: Vec<_> = self
            .0
            .iter()
            .flat_map(|(path, file)| file.regions.iter().map(move |region| (path, region)))
            .map(|(path, region)| Loop {
                path: path.clone(),
                lines: (region.start + 1, region.start + region.now.len().max(1)),
                changes: region.states.len().saturating_sub(1),
                returns: region.returns(),
            })
            .filter(|found| found.changes >= numbers.loop_changes as usize && found.returns > 0)
            .collect();
        loops.sort_by(|a, b| {
            (b.returns, b.changes)
                .cmp(&(a.returns, a.changes))
                .then_with(|| (&a.path, a.lines).cmp(&(&b.path, b.lines)))
        });
        loops
    }

    /// How many lines of each file differ from what it was when the phase began.
    pub(super) fn changed(&self) -> impl Iterator<Item = (&Path, u32)> {
        self.0.iter().filter_map(|(path, file)| {
            let lines = file.changed();
            (lines > 0).then_some((path, lines))
        })
    }

    /// When a file was last edited.
    pub(super) fn last_edit(&self, path: &Path) -> Option<Moment> {
        self.0.get(path).map(|file| file.touched)
    }

    /// Whether anything is unsaved.
    pub(super) fn are_dirty(&self) -> bool {
        self.0.values().any(|file| file.dirty)
    }

    /// The texts of the files that were edited, and whether they are saved, in the order of their paths.
    pub(super) fn texts(&self) -> Vec<(&Path, bool, Option<&Arc<str>>)> {
        let mut texts: Vec<_> = self
            .0
            .iter()
            .map(|(path, file)| (path, file.dirty, file.text.as_ref()))
            .collect();
        texts.sort_by_key(|(path, ..)| *path);
        texts
    }

    /// About how many bytes are held beside the texts, which their buffers hold as well.
    pub(super) fn bytes(&self) -> usize {
        let state = |states: &VecDeque<(Moment, Vec<u64>)>| -> usize {
            states.iter().map(|(_, lines)| 32 + lines.len() * 8).sum()
        };
        self.0
            .values()
            .map(|file| {
                let regions = file.regions.iter();
                200 + file.balance.capacity() * 16
                    + regions
                        .map(|region| 96 + region.now.capacity() * 8 + state(&region.states))
                        .sum::<usize>()
            })
            .sum()
    }

    fn prune(&mut self) {
        while self.0.len() > MOST_FILES {
            let Some(oldest) = self.oldest(|_| true) else {
                return;
            };
            self.0.remove(&oldest);
        }
        let held = |file: &File| file.text.as_ref().map_or(0, |text| text.len());
        while self.0.values().map(held).sum::<usize>() > MOST_BYTES {
            let Some(oldest) = self.oldest(|file| file.text.is_some()) else {
                return;
            };
            if let Some(file) = self.0.get_mut(&oldest) {
                file.forget_text();
            }
        }
    }

    fn oldest(&self, which: impl Fn(&File) -> bool) -> Option<Path> {
        let files = self.0.iter().filter(|(_, file)| which(file));
        let oldest = files.min_by_key(|(_, file)| file.touched)?;
        Some(oldest.0.clone())
    }
}

impl File {
    fn forget_text(&mut self) {
        self.text = None;
        self.regions.clear();
    }

    fn balance(&mut self, change: &Change) {
        let removed = change.old.iter().map(|line| (*line, -1));
        let added = change.new.iter().map(|line| (*line, 1));
        for (line, by) in removed.chain(added) {
            if line == BLANK
                || (self.balance.len() >= MOST_LINES && !self.balance.contains_key(&line))
            {
                continue;
            }
            let count = self.balance.entry(line).or_default();
            *count += by;
            if *count == 0 {
                self.balance.remove(&line);
            }
        }
    }

    /// Lines that came or went, whichever are more: a changed line is one, not two.
    fn changed(&self) -> u32 {
        let (mut more, mut less) = (0_u32, 0_u32);
        for count in self.balance.values() {
            if *count > 0 {
                more = more.saturating_add(count.unsigned_abs());
            } else {
                less = less.saturating_add(count.unsigned_abs());
            }
        }
        more.max(less)
    }

    fn in_region(&mut self, change: &Change, now: Moment, numbers: &Signals) {
        for region in &mut self.regions {
            region.settle_if_quiet(now, numbers);
        }
        // What touches the change is one region with it; of several the one that knows most goes on.
        let mut touching: Option<Region> = None;
        let mut others = Vec::with_capacity(self.regions.len() + 1);
        for region in self.regions.drain(..) {
            if !region.touches(change) {
                others.push(region);
            } else if touching
                .as_ref()
                .is_none_or(|known| known.states.len() < region.states.len())
            {
                touching = Some(region);
            }
        }
        for region in &mut others {
            if region.start >= change.start + change.old.len() {
                region.start = region.start + change.new.len() - change.old.len();
            }
        }
        let mut region = touching.unwrap_or_else(|| Region::of(change, now));
        region.take(change, now);
        if region.now.len() <= LARGEST_REGION {
            others.push(region);
        }
        if others.len() > MOST_REGIONS
            && let Some(oldest) = (0..others.len()).min_by_key(|index| others[*index].touched)
        {
            others.remove(oldest);
        }
        self.regions = others;
    }
}

impl Region {
    /// The lines of a change, as they were before it.
    fn of(change: &Change, now: Moment) -> Self {
        Self {
            start: change.start,
            now: change.old.clone(),
            states: VecDeque::from([(now, without_blanks(&change.old))]),
            touched: now,
            moving: false,
        }
    }

    fn touches(&self, change: &Change) -> bool {
        self.start <= change.start + change.old.len() && change.start <= self.start + self.now.len()
    }

    /// Takes in a change that touches it. Lines before and behind that it did not have yet were the same
    /// in all its states.
    fn take(&mut self, change: &Change, now: Moment) {
        let end = self.start + self.now.len();
        let front = &change.old[..self
            .start
            .saturating_sub(change.start)
            .min(change.old.len())];
        let change_end = change.start + change.old.len();
        let back =
            &change.old[change.old.len() - change_end.saturating_sub(end).min(change.old.len())..];
        if !front.is_empty() || !back.is_empty() {
            for (_, lines) in &mut self.states {
                let mut grown = without_blanks(front);
                grown.append(lines);
                grown.extend(without_blanks(back));
                *lines = grown;
            }
            let mut grown = front.to_vec();
            grown.append(&mut self.now);
            grown.extend(back);
            self.now = grown;
            self.start = self.start.min(change.start);
        }
        let from = (change.start - self.start).min(self.now.len());
        let to = (from + change.old.len()).min(self.now.len());
        self.now.splice(from..to, change.new.iter().copied());
        self.touched = now;
        self.moving = true;
    }

    fn settle_if_quiet(&mut self, now: Moment, numbers: &Signals) {
        if now.since(self.touched) >= Duration::from_millis(numbers.settled_ms.into()) {
            self.settle();
        }
    }

    fn settle(&mut self) {
        if !std::mem::take(&mut self.moving) {
            return;
        }
        let lines = without_blanks(&self.now);
        if self.states.back().is_some_and(|(_, last)| *last == lines) {
            return;
        }
        if self.states.len() == MOST_STATES {
            self.states.pop_front();
        }
        self.states.push_back((self.touched, lines));
    }

    /// Forgets states that were left long ago; the last of them is what it was before.
    fn forget_before(&mut self, now: Moment, window: Duration) {
        while self
            .states
            .get(1)
            .is_some_and(|(at, _)| now.since(*at) > window)
        {
            self.states.pop_front();
        }
    }

    fn returns(&self) -> usize {
        (0..self.states.len())
            .filter(|later| {
                let (_, lines) = &self.states[*later];
                self.states
                    .iter()
                    .take(*later)
                    .any(|(_, earlier)| earlier == lines)
            })
            .count()
    }
}

/// Whether a path is another or lies below it.
pub(super) fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A path after something was moved.
pub(super) fn renamed(path: &Path, from: &str, to: &str) -> Path {
    if is_below(path, from) {
        format!("{to}{}", &path[from.len()..]).into()
    } else {
        path.clone()
    }
}

#[cfg(test)]
#[path = "edits/tests.rs"]
mod tests;
