//! [`Inbox`]: what the system reports, waiting for its time.
//!
//! The decisions name `notify-debouncer-full`. It holds every event back for its time-out, so that
//! "the first event of a quiet path at once" cannot be had with it. Here an event says
//! only that a name should be looked at, and when: soon if its path was quiet, else when it has
//! settled. So nothing depends on the order, number or truth of events, and a thousand events of
//! one name cost one look.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use notify::event::{ModifyKind, RenameMode};
use notify::{Event, EventKind};
use parking_lot::{Condvar, Mutex};

use crate::config::Config;

/// With more waiting names than this, comparing everything is cheaper than looking at each.
const MAX_NAMES: usize = 50_000;

/// Where notify's thread leaves events and the watcher's thread takes them.
pub(crate) struct Inbox {
    root: PathBuf,
    grace: Duration,
    settle: Duration,
    calm: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    names: HashMap<String, Pending>,
    /// When a name was last looked at, if not long ago.
    recent: HashMap<String, Instant>,
    /// As the system paired them, in order.
    renames: Vec<(String, String)>,
    /// The name that was moved away last, and what the system calls that move.
    left: Option<(usize, String)>,
    rescan: Option<Instant>,
    /// A rescan makes events of its own, and must not keep itself busy with them.
    no_rescan_before: Option<Instant>,
    /// The earliest time at which something is due.
    due: Option<Instant>,
    last_event: Option<Instant>,
    stop: bool,
}

#[derive(Clone, Copy)]
struct Pending {
    due: Instant,
    written: bool,
}

/// What to look at now.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Round {
    /// Paths relative to the project, and whether the system said that the content was written.
    pub(crate) names: Vec<(String, bool)>,
    /// Old and new path, in order.
    pub(crate) renames: Vec<(String, String)>,
    /// Events were lost: compare everything.
    pub(crate) rescan: bool,
}

/// How long a flood is held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hold {
    /// The longest.
    pub(crate) until: Instant,
    /// Whether it ends earlier when nothing has happened for a while.
    pub(crate) calm_ends_it: bool,
}

/// Why [`Inbox::next`] returned.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    Round(Round),
    /// The deadline passed, or a flood is over.
    Time,
    Stop,
}

impl Inbox {
    pub(crate) fn new(root: &Path, config: &Config) -> Self {
        Self {
            root: root.to_owned(),
            grace: config.grace,
            settle: config.settle,
            calm: config.calm,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// The project folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Takes what the system reports; says whether it matters.
    pub(crate) fn report(&self, reported: notify::Result<Event>) -> bool {
        match reported {
            // Reading changes nothing; these are the most of all events.
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => return false,
            Ok(event) => self.record(&event),
            Err(error) => {
                tracing::warn!(%error, "the watcher reports an error; comparing all folders");
                self.rescan();
            }
        }
        true
    }

    /// Asks for everything to be compared with the disk.
    pub(crate) fn rescan(&self) {
        let now = Instant::now();
        let mut state = self.state.lock();
        state.last_event = Some(now);
        let due = (now + self.grace).max(state.no_rescan_before.unwrap_or(now));
        if state.rescan.is_none() {
            state.rescan = Some(due);
            self.wake_at(&mut state, due);
        }
    }

    /// No rescan is due in the next `pause`.
    pub(crate) fn pause_rescans(&self, pause: Duration) {
        self.state.lock().no_rescan_before = Some(Instant::now() + pause);
    }

    pub(crate) fn stop(&self) {
        self.state.lock().stop = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state.lock().stop
    }

    fn record(&self, event: &Event) {
        if event.need_rescan() {
            return self.rescan();
        }
        let paths: Vec<&str> = event
            .paths
            .iter()
            .filter_map(|path| self.relative(path))
            .collect();
        if paths.contains(&"") {
            // The project folder itself: its permissions, or it is leaving.
            return self.rescan();
        }
        let written = matches!(
            event.kind,
            EventKind::Any
                | EventKind::Other
                | EventKind::Modify(ModifyKind::Any | ModifyKind::Data(_))
        );
        let now = Instant::now();
        let mut state = self.state.lock();
        state.last_event = Some(now);
        for path in &paths {
            self.mark(&mut state, path, written, now);
        }
        if let (EventKind::Modify(ModifyKind::Name(mode)), Some(cookie), [path]) =
            (event.kind, event.tracker(), &paths[..])
        {
            self.pair(&mut state, mode, cookie, path, now);
        }
        if state.names.len() > MAX_NAMES {
            state.names.clear();
            state.renames.clear();
            state.due = state.rescan;
            drop(state);
            self.rescan();
        }
    }

    /// `path` relative to the project; `None` for one that is not UTF-8, as it is not shown.
    fn relative<'a>(&self, path: &'a Path) -> Option<&'a str> {
        path.strip_prefix(&self.root).ok()?.to_str()
    }

    fn mark(&self, state: &mut State, path: &str, written: bool, now: Instant) {
        if let Some(name) = state.names.get_mut(path) {
            name.written |= written;
            return;
        }
        let settled = state.recent.get(path).map(|last| *last + self.settle);
        let due = (now + self.grace).max(settled.unwrap_or(now));
        state
            .names
            .insert(path.to_owned(), Pending { due, written });
        self.wake_at(state, due);
    }

    /// A name that left waits a little for where it went, and both are looked at in the same round,
    /// or they would not be seen as a rename. (Notify's own `Both` comes after the two, too late if
    /// its thread is interrupted in between.)
    fn pair(&self, state: &mut State, mode: RenameMode, cookie: usize, path: &str, now: Instant) {
        match mode {
            RenameMode::From => {
                if let Some(name) = state.names.get_mut(path) {
                    name.due = name.due.max(now + self.settle);
                }
                state.left = Some((cookie, path.to_owned()));
            }
            RenameMode::To => {
                let Some((_, from)) = state.left.take_if(|(left, _)| *left == cookie) else {
                    return;
                };
                if let Some(due) = state.names.get(path).map(|name| name.due)
                    && let Some(name) = state.names.get_mut(&from)
                {
                    name.due = due;
                    self.wake_at(state, due);
                }
                state.renames.push((from, path.to_owned()));
            }
            _ => {}
        }
    }

    /// Wakes the watcher only when it would otherwise sleep too long.
    fn wake_at(&self, state: &mut State, due: Instant) {
        if state.due.is_none_or(|earliest| due < earliest) {
            state.due = Some(due);
            self.changed.notify_all();
        }
    }

    /// Waits, without using the processor, for something to be due. During a flood everything is
    /// held.
    pub(crate) fn next(&self, deadline: Option<Instant>, flood: Option<Hold>) -> Next {
        let mut state = self.state.lock();
        loop {
            if state.stop {
                return Next::Stop;
            }
            let now = Instant::now();
            let due = match flood {
                None => state.due,
                Some(hold) => match state.last_event {
                    Some(last) if hold.calm_ends_it => Some(hold.until.min(last + self.calm)),
                    _ => Some(hold.until),
                },
            };
            if due.is_some_and(|due| due <= now) {
                let round = self.take(&mut state, now, flood.is_some());
                if round != Round::default() {
                    return Next::Round(round);
                }
                if flood.is_some() {
                    return Next::Time;
                }
                // What was due has been put off.
                continue;
            }
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Next::Time;
            }
            match due.into_iter().chain(deadline).min() {
                None => self.changed.wait(&mut state),
                Some(at) => {
                    self.changed.wait_until(&mut state, at);
                }
            }
        }
    }

    fn take(&self, state: &mut State, now: Instant, all: bool) -> Round {
        // Names that are due within a moment are taken along, rather than waking up for each.
        let soon = now + self.grace / 4;
        let is_due = |due: Instant| all || due <= soon;
        state.recent.retain(|_, last| *last + self.settle > now);
        let names: Vec<_> = state
            .names
            .extract_if(|_, name| is_due(name.due))
            .map(|(path, name)| (path, name.written))
            .collect();
        let recent = names.iter().map(|(path, _)| (path.clone(), now));
        state.recent.extend(recent);
        let waiting = &state.names;
        let renames = state
            .renames
            .extract_if(.., |(_, to)| !waiting.contains_key(to))
            .collect();
        let rescan = state.rescan.take_if(|due| is_due(*due)).is_some();
        state.due = state
            .names
            .values()
            .map(|name| name.due)
            .chain(state.rescan)
            .min();
        Round {
            names,
            renames,
            rescan,
        }
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, CreateKind, DataChange, Flag};

    use super::*;

    const SETTLE: Duration = Duration::from_millis(200);

    fn inbox() -> Inbox {
        let config = Config {
            settle: SETTLE,
            ..Config::default()
        };
        Inbox::new(Path::new("/p"), &config)
    }

    fn event(kind: EventKind, paths: &[&str]) -> Event {
        paths
            .iter()
            .fold(Event::new(kind), |event, path| event.add_path(path.into()))
    }

    const CREATE: EventKind = EventKind::Create(CreateKind::File);
    const WRITE: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    fn moved(mode: RenameMode, cookie: usize, path: &str) -> notify::Result<Event> {
        let event = event(EventKind::Modify(ModifyKind::Name(mode)), &[path]);
        Ok(event.set_tracker(cookie))
    }

    fn round(inbox: &Inbox) -> Round {
        match inbox.next(None, None) {
            Next::Round(mut round) => {
                round.names.sort();
                round
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn events_of_one_name_are_one_look() {
        let inbox = inbox();
        inbox.report(Ok(event(CREATE, &["/p/a/b"])));
        inbox.report(Ok(event(WRITE, &["/p/a/b"])));
        inbox.report(Ok(event(EventKind::Access(AccessKind::Any), &["/p/c"])));
        inbox.report(Ok(event(CREATE, &["/elsewhere"])));
        let expected = Round {
            names: vec![("a/b".to_owned(), true)],
            ..Round::default()
        };
        assert_eq!(round(&inbox), expected);
        let now = Instant::now();
        assert_eq!(inbox.next(Some(now), None), Next::Time);
    }

    #[test]
    fn a_name_that_is_not_quiet_waits_and_others_do_not() {
        let inbox = inbox();
        inbox.report(Ok(event(WRITE, &["/p/a"])));
        let first = Instant::now();
        round(&inbox);
        inbox.report(Ok(event(WRITE, &["/p/a"])));
        inbox.report(Ok(event(WRITE, &["/p/b"])));
        assert_eq!(round(&inbox).names, [("b".to_owned(), true)]);
        assert_eq!(round(&inbox).names, [("a".to_owned(), true)]);
        assert!(
            first.elapsed() >= SETTLE - SETTLE / 10,
            "{:?}",
            first.elapsed()
        );
    }

    #[test]
    fn both_names_of_a_rename_are_in_one_round() {
        let inbox = inbox();
        inbox.report(Ok(event(WRITE, &["/p/a"])));
        round(&inbox);
        inbox.report(moved(RenameMode::From, 7, "/p/a"));
        std::thread::sleep(SETTLE / 10);
        inbox.report(moved(RenameMode::To, 7, "/p/b"));
        inbox.report(moved(RenameMode::From, 8, "/p/gone"));
        inbox.report(moved(RenameMode::To, 9, "/p/came"));
        let name = |name: &str| (name.to_owned(), false);
        let expected = Round {
            names: vec![name("a"), name("b"), name("came")],
            renames: vec![("a".to_owned(), "b".to_owned())],
            rescan: false,
        };
        assert_eq!(round(&inbox), expected);
        assert_eq!(round(&inbox).names, [name("gone")]);
    }

    #[test]
    fn lost_events_and_the_project_folder_itself_ask_for_a_rescan() {
        let inbox = inbox();
        for lost in [
            event(EventKind::Other, &[]).set_flag(Flag::Rescan),
            event(
                EventKind::Modify(ModifyKind::Name(RenameMode::From)),
                &["/p"],
            ),
        ] {
            inbox.report(Ok(lost));
            assert!(round(&inbox).rescan);
        }
        inbox.report(Err(notify::Error::generic("x")));
        assert!(round(&inbox).rescan);
        inbox.pause_rescans(Duration::from_secs(60));
        inbox.rescan();
        let soon = Instant::now() + Duration::from_millis(20);
        assert_eq!(inbox.next(Some(soon), None), Next::Time);
    }

    #[test]
    fn too_many_names_become_a_rescan() {
        let inbox = inbox();
        for number in 0..=MAX_NAMES {
            inbox.report(Ok(event(CREATE, &[&format!("/p/{number}")])));
        }
        assert_eq!(
            round(&inbox),
            Round {
                rescan: true,
                ..Round::default()
            }
        );
    }

    #[test]
    fn a_flood_is_held_until_it_is_calm_or_long_enough() {
        let inbox = inbox();
        let calm = Config::default().calm;
        for (calm_ends_it, least) in [(true, calm), (false, calm * 4)] {
            inbox.report(Ok(event(CREATE, &["/p/a"])));
            let began = Instant::now();
            let hold = Hold {
                until: began + calm * 4,
                calm_ends_it,
            };
            let Next::Round(round) = inbox.next(None, Some(hold)) else {
                panic!("there is something to look at");
            };
            assert_eq!(round.names, [("a".to_owned(), false)]);
            assert!(
                began.elapsed() >= least - least / 10,
                "{:?}",
                began.elapsed()
            );
            assert_eq!(inbox.next(None, Some(hold)), Next::Time);
        }
        inbox.stop();
        assert_eq!(inbox.next(None, None), Next::Stop);
    }
}
