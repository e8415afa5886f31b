//! The Observer at work: what it is fed with, and what becomes of its steps.
//!
//! One loop follows one session after another. It hears the timeline, and beside it what is on no timeline
//! (decisions, "Observer input"): raw edits, saves and switches of tabs, which their callers hand over and
//! never wait for.

use std::{sync::Arc, time::SystemTime};

use futures_util::future::BoxFuture;
use paige_protocol::{
    ProjectPath,
    coach::{Action, coaching::ObserverStatus},
    tree::{NodeKind, TreeNode},
};
use paige_store::{
    StoreError, TimelineEntry, Unit,
    coach::{observers, phases, plans, sessions},
};
use tokio::{
    sync::{broadcast, mpsc},
    time::{Duration, Instant, sleep_until},
};

use super::{
    Ask, Event, Kept, Moment, Neighbours, Nudge, Path, Phase, State, Step, Triage, imports,
    judge::{Judge, Model},
    record::{kept_of, row_of, send, status_of, tell_status},
};
use crate::{Coach, CoachError, entry, log, session::lowest_stage};

/// Raw events that may wait. More come only when the loop hangs, and are dropped.
const MOST_WAITING: usize = 1024;
/// Files in which import lines are looked for.
const MOST_FILES: usize = 2000;
/// What is kept over a restart is written at most so often.
const KEEP_EVERY: Duration = Duration::from_millis(500);
/// What a path is called that is not to be named.
const SECRET: &str = "[secret]";

/// Where callers put what is on no timeline.
pub(crate) struct Ear {
    sender: mpsc::Sender<Raw>,
    /// Held by the loop while it runs.
    receiver: tokio::sync::Mutex<mpsc::Receiver<Raw>>,
}

struct Raw {
    session: u32,
    event: Event,
}

impl Default for Ear {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        Self {
            sender,
            receiver: receiver.into(),
        }
    }
}

impl Coach {
    /// Hands a raw event of the active session over. Never waits.
    pub(crate) fn hand_over(&self, event: impl FnOnce() -> Event) {
        let Some(session) = self.active_session_id() else {
            return;
        };
        if !self.0.config.observer.enabled {
            return;
        }
        let event = event();
        if let Err(error) = self.0.ear.sender.try_send(Raw { session, event }) {
            tracing::debug!(%error, "The Observer does not keep up, and misses something.");
        }
    }

    /// Mutes the Observer for this session, or does not any more (spec: story 10, AC 7 and 8). All clients
    /// are told.
    ///
    /// # Errors
    /// Without an active session, or when the database fails.
    pub async fn mute_observer(&self, muted: bool) -> Result<ObserverStatus, CoachError> {
        let session = self.active()?.id;
        let active = self.0.config.observer.enabled;
        self.commit(move |unit| {
            crate::session::still_active(unit, session)?;
            observers::mute(unit, session, muted)?;
            log(unit, Some(session), &Action::ObserverMuted { muted })?;
            tell_status(unit, session, active)
        })
        .await
    }

    /// How the Observer of the active session is; `None` without one, and when it is switched off.
    ///
    /// # Errors
    /// When the database fails.
    pub fn observer_status(&self) -> Result<Option<ObserverStatus>, CoachError> {
        let Some(session) = self.active_session_id() else {
            return Ok(None);
        };
        if !self.0.config.observer.enabled {
            return Ok(None);
        }
        let kept = self
            .0
            .store
            .read(|reader| observers::of_session(reader, session))?;
        Ok(Some(status_of(kept, true)))
    }

    /// Follows one session after another and nudges, for as long as it runs; run it as a task.
    pub async fn run_observer(&self) {
        self.run_observer_by(&Model(self.clone())).await;
    }

    /// The same with somebody else who judges.
    pub async fn run_observer_by(&self, judge: &dyn Judge) {
        if !self.0.config.observer.enabled {
            return;
        }
        let mut raw = self.0.ear.receiver.lock().await;
        let mut entries = self.0.store.subscribe();
        let clock = Clock::new();
        // What happened before the entries that are heard is read.
        let mut next = self.active_session_id().map(|session| (session, true));
        loop {
            let (session, recall) = match next.take() {
                Some(next) => next,
                None => match self.next_session(&mut entries).await {
                    Some(next) => next,
                    None => return,
                },
            };
            match Following::begin(self, judge, clock, session, recall) {
                Ok(mut following) => match following.run(&mut raw, &mut entries).await {
                    Next::Session => {}
                    Next::Again => next = Some((session, true)),
                    Next::Stop => return,
                },
                Err(error) => {
                    tracing::error!(%error, session, "The Observer cannot follow this session.");
                }
            }
        }
    }

    /// Waits for a session to start; says whether it may have begun before.
    async fn next_session(
        &self,
        entries: &mut broadcast::Receiver<Arc<TimelineEntry>>,
    ) -> Option<(u32, bool)> {
        loop {
            match entries.recv().await {
                Ok(entry) if entry.kind == "session_started" => return Some((entry.scope?, false)),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    if let Ok(Some(session)) = self.0.store.read(sessions::active) {
                        return Some((session.id, true));
                    }
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// What the files of the project have to do with the expected ones. Reads many, so that it blocks.
    fn neighbours(&self, expected: &[Path]) -> Neighbours {
        let mut files = Vec::new();
        source_files(&self.0.workspace.tree(), &mut files);
        let read = |path: &str| {
            let path = ProjectPath::parse(path).ok()?;
            // A secret file has no neighbours that could be told.
            if self.0.workspace.is_secret(&path) {
                return None;
            }
            self.current_text(&path).ok()
        };
        imports::neighbours(expected, &files, read)
    }
}

/// The files of a tree that are written in a known language.
fn source_files(node: &TreeNode, files: &mut Vec<Path>) {
    for child in node.children.iter().flatten() {
        if files.len() == MOST_FILES {
            return;
        }
        match child.kind {
            NodeKind::Directory => source_files(child, files),
            NodeKind::File => {
                let language = ProjectPath::parse(&child.path)
                    .map_or("plaintext", |path| paige_workspace::language(&path));
                if !matches!(
                    language,
                    "plaintext" | "markdown" | "json" | "yaml" | "toml"
                ) {
                    files.push(child.path.as_str().into());
                }
            }
        }
    }
}

/// Wall time that never goes back: where a monotonic clock stands, counted from where it began.
#[derive(Debug, Clone, Copy)]
struct Clock {
    began: Moment,
    at: Instant,
}

impl Clock {
    fn new() -> Self {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            began: Moment(0).after(since),
            at: Instant::now(),
        }
    }

    fn now(&self) -> Moment {
        self.began.after(self.at.elapsed())
    }

    fn instant(&self, moment: Moment) -> Instant {
        self.at + moment.since(self.began)
    }
}

/// What comes after a session was followed.
enum Next {
    /// It has ended.
    Session,
    /// Something was missed: it is taken up again from the record.
    Again,
    /// The store is closed.
    Stop,
}

/// One session that is followed.
pub(super) struct Following<'a> {
    pub(super) coach: &'a Coach,
    judge: &'a dyn Judge,
    clock: Clock,
    pub(super) session: u32,
    pub(super) state: State,
    /// The question that a model is thinking about. Dropped, it is taken back.
    call: Option<BoxFuture<'a, (u64, Result<Triage, String>)>>,
    /// The search for neighbours of the expected files.
    search: Option<BoxFuture<'a, Neighbours>>,
    written: Kept,
    keep_at: Option<Instant>,
}

impl Drop for Following<'_> {
    fn drop(&mut self) {
        self.keep();
    }
}

impl<'a> Following<'a> {
    /// Takes a session up.
    fn begin(
        coach: &'a Coach,
        judge: &'a dyn Judge,
        clock: Clock,
        session: u32,
        recall: bool,
    ) -> Result<Self, CoachError> {
        let config = coach.0.config.observer;
        let now = clock.now();
        let (stage, phase, kept) = coach.look(|reader| {
            let phase = match plans::active(reader, session)? {
                Some(plan) => phases::active(reader, plan.id)?,
                None => None,
            };
            let kept = observers::of_session(reader, session)?;
            Ok((lowest_stage(reader)?, phase, kept))
        })?;
        let start = super::Start {
            stage,
            kept: kept.map(kept_of).unwrap_or_default(),
            phase: phase.as_ref().map(|row| {
                let since = row.started_at.as_deref().and_then(Moment::parse);
                (phase_of(row), since.unwrap_or(now))
            }),
            online: judge.is_there(),
        };
        let mut following = Self {
            coach,
            judge,
            clock,
            session,
            written: start.kept.clone(),
            state: State::new(config, start, now),
            call: None,
            search: None,
            keep_at: None,
        };
        if recall {
            following.recall(now)?;
        }
        following.look_for_neighbours(phase.as_ref().map(phase_of));
        Ok(following)
    }

    async fn run(
        &mut self,
        raw: &mut mpsc::Receiver<Raw>,
        entries: &mut broadcast::Receiver<Arc<TimelineEntry>>,
    ) -> Next {
        while self.state.status().active {
            let due = self.state.due().map(|due| self.clock.instant(due));
            tokio::select! {
                // What was committed comes first: whoever was answered that it is muted is not nudged.
                biased;
                entry = entries.recv() => match entry {
                    Ok(entry) if entry.scope == Some(self.session) => self.hear(&entry).await,
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(missed)) => {
                        tracing::warn!(missed, "The Observer has missed entries of the timeline and reads them again.");
                        return Next::Again;
                    }
                    Err(broadcast::error::RecvError::Closed) => return Next::Stop,
                },
                Some(raw) = raw.recv() => {
                    if raw.session == self.session {
                        self.take(raw.event).await;
                    }
                }
                (ask, answer) = done(&mut self.call) => {
                    self.call = None;
                    self.take(Event::Answered { ask, answer }).await;
                }
                neighbours = done(&mut self.search) => {
                    self.search = None;
                    self.take(Event::Neighbours(neighbours)).await;
                }
                () = until(due) => self.take(Event::Tick).await,
                () = until(self.keep_at) => self.keep(),
            }
        }
        Next::Session
    }

    /// An entry of the timeline.
    async fn hear(&mut self, entry: &TimelineEntry) {
        let Some(action) = crate::action(entry) else {
            return;
        };
        // These are handed over, so that they stand in one order with raw edits.
        if matches!(
            action,
            Action::FileSave { .. } | Action::EditorTabSwitch { .. }
        ) {
            return;
        }
        if let Action::PhaseStarted { .. } = action
            && let Ok(stage) = self.coach.0.store.read(lowest_stage)
        {
            self.take(Event::StageIs(stage)).await;
        }
        let Some(event) = self.event(&action, entry.call_id.is_some()) else {
            return;
        };
        match &event {
            Event::PhaseStarted(phase) => self.look_for_neighbours(Some(phase.clone())),
            Event::PhaseCompleted | Event::PlanMade => self.search = None,
            _ => {}
        }
        self.take(event).await;
    }

    pub(super) fn event(&self, action: &Action, by_claude: bool) -> Option<Event> {
        let session = self.session;
        Event::of_action(action, by_claude, |number| {
            let found = self.coach.0.store.read(|reader| {
                let plan = plans::active(reader, session)?;
                plan.map_or(Ok(None), |plan| phases::by_number(reader, plan.id, number))
            });
            found.ok().flatten().as_ref().map(phase_of)
        })
    }

    /// An event that names no secret file, and holds nothing of one.
    pub(super) fn hiding(&self, event: Event) -> Event {
        let is_secret = |path: &str| {
            ProjectPath::parse(path).is_ok_and(|path| self.coach.0.workspace.is_secret(&path))
        };
        event.hiding(is_secret, SECRET)
    }

    async fn take(&mut self, event: Event) {
        let now = self.clock.now();
        let event = self.hiding(event);
        // A clock that comes late must not take what happened since for the end of a spell.
        if !matches!(event, Event::Tick)
            && let Some(due) = self.state.due().filter(|due| *due <= now)
        {
            let steps = self.state.on(Event::Tick, due);
            self.carry_out(steps).await;
        }
        let steps = self.state.on(event, now);
        self.carry_out(steps).await;
        if self.keep_at.is_none() && *self.state.kept() != self.written {
            self.keep_at = Some(Instant::now() + KEEP_EVERY);
        }
    }

    async fn carry_out(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Log(action) => self
                    .coach
                    .0
                    .store
                    .observe(Some(self.session), entry(&action)),
                Step::Ask(ask) => self.ask(*ask),
                Step::Nudge(nudge) => self.send(*nudge).await,
                // Whoever starts, mutes or ends it tells so in the same unit.
                Step::Status(_) => {}
            }
        }
    }

    fn ask(&mut self, ask: Ask) {
        let (judge, session) = (self.judge, self.session);
        self.call = Some(Box::pin(async move {
            (ask.id, judge.judge(session, &ask.snapshot).await)
        }));
    }

    /// Sends a nudge as one unit with what is counted, unless it was muted meanwhile.
    async fn send(&mut self, nudge: Nudge) {
        let session = self.session;
        let kept = self.state.kept().clone();
        let row = row_of(session, &kept);
        let sent = self
            .coach
            .0
            .store
            .commit(move |unit| send(unit, session, &row, nudge))
            .await;
        match sent {
            Ok(()) => self.written = kept,
            Err(error) => tracing::error!(%error, "A nudge could not be sent."),
        }
    }

    /// Writes what is to survive a restart, behind.
    fn keep(&mut self) {
        self.keep_at = None;
        if *self.state.kept() == self.written {
            return;
        }
        self.written = self.state.kept().clone();
        let row = row_of(self.session, &self.written);
        let keep = move |unit: &mut Unit<'_>| observers::keep(unit, &row);
        self.coach
            .0
            .store
            .write_behind::<StoreError>("what the Observer counts", keep);
    }

    fn look_for_neighbours(&mut self, phase: Option<Phase>) {
        let expected = phase.map(|phase| phase.expected_files).unwrap_or_default();
        self.search = (!expected.is_empty()).then(|| {
            let coach = self.coach.clone();
            let search = tokio::task::spawn_blocking(move || coach.neighbours(&expected));
            let found: BoxFuture<'a, Neighbours> =
                Box::pin(async move { search.await.unwrap_or_default() });
            found
        });
    }
}

/// Waits for what is under way, for ever when nothing is.
async fn done<T>(slot: &mut Option<BoxFuture<'_, T>>) -> T {
    match slot {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn phase_of(row: &phases::Phase) -> Phase {
    Phase {
        number: row.number,
        title: row.title.clone(),
        description: row.description.clone(),
        expected_files: row
            .expected_files
            .iter()
            .map(|path| Path::from(path.strip_prefix("./").unwrap_or(path)))
            .collect(),
    }
}
