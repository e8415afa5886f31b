//! The rules of coaching: what a session is, what happens in it, and who is told.
//!
//! Every change goes the same way (blueprint §2): a method here computes, commits once, and answers
//! after the commit. The crate knows no socket and no protocol but its types; above all it cannot
//! reach the pen, so that nothing here can change a file of the project.

mod ask;
mod backup;
mod buffers;
mod commands;
mod config;
mod convert;
mod error;
mod files;
mod guard;
mod hints;
mod hooks;
mod marks;
mod messages;
mod mind;
pub mod observer;
mod phases;
mod pipeline;
pub mod preview;
mod previous;
mod redact;
pub mod report;
mod retention;
mod reviews;
mod session;
mod state;
mod tallies;
pub mod teach;
pub mod trial;
mod wrap_up;

use std::sync::Arc;

use paige_protocol::{
    ProjectPath,
    coach::{Action, ServerMessage, session::SessionCompleted},
};
use paige_store::{Cursor, Entry, Reader, Store, TimelineEntry, Unit, coach::sessions::Session};
use paige_workspace::{Workspace, buffers::Buffers};
use parking_lot::Mutex;
use tokio::sync::broadcast;

pub use commands::CommandRun;
pub use config::{Config, Problem};
pub use error::CoachError;
pub use files::Saved;
pub use messages::ToolCall;
pub use mind::{Budgets, Ledger, Mind};
pub use paige_workspace::{Giving, aside};
pub use session::{StartSession, StartedBy};
pub use state::Snapshot;
pub use wrap_up::Ending;

/// The rules of coaching over one project. Cheap to clone.
///
/// A handle may stand for one call of a tool, see [`Coach::on_behalf_of`].
#[derive(Clone)]
pub struct Coach(Arc<Inner>, Option<Arc<str>>);

struct Inner {
    store: Store,
    workspace: Workspace,
    config: Config,
    project_dir: String,
    /// The active session as of the last commit. A rule that depends on it looks again in its unit.
    active: Mutex<Option<Session>>,
    /// Held by whoever changes the session or its marks, from looking until what is kept in memory
    /// is changed as well. Such changes are few, so that one at a time is enough.
    rules: tokio::sync::Mutex<()>,
    /// Shared with units that look at them on the writer's thread.
    buffers: Arc<Buffers>,
    tallies: Mutex<tallies::Tallies>,
    /// Wakes the clock of the summaries.
    summaries: tokio::sync::Notify,
    open_files: Mutex<files::OpenFiles>,
    marks: Mutex<marks::Marks>,
    backup: backup::Backup,
    /// For which files a previous text is kept already.
    previous: Mutex<previous::Kept>,
    mind: Mind,
    /// What the Observer is told that is on no timeline.
    ear: observer::Ear,
    /// Messages that pass by.
    passing: broadcast::Sender<ServerMessage>,
    /// Wakes the task of the wrap-ups.
    wrap_up_due: tokio::sync::Notify,
    /// Tells who waits for a session's wrap-up.
    wrapped_up: broadcast::Sender<SessionCompleted>,
}

impl Coach {
    /// Takes up where the last run ended: an active session of this project goes on, one of another
    /// project is abandoned, unsaved buffers are as they were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open(
        store: Store,
        workspace: Workspace,
        config: Config,
        mind: Mind,
    ) -> Result<Self, CoachError> {
        let coach = Self(
            Arc::new(Inner {
                project_dir: workspace.root().to_string_lossy().into_owned(),
                store,
                workspace,
                config,
                active: Mutex::default(),
                rules: tokio::sync::Mutex::default(),
                buffers: Arc::default(),
                tallies: Mutex::default(),
                summaries: tokio::sync::Notify::new(),
                open_files: Mutex::default(),
                marks: Mutex::default(),
                backup: backup::Backup::default(),
                previous: Mutex::default(),
                mind,
                ear: observer::Ear::default(),
                passing: broadcast::channel(64).0,
                wrap_up_due: tokio::sync::Notify::new(),
                wrapped_up: broadcast::channel(16).0,
            }),
            None,
        );
        coach.take_up_session().await?;
        coach.take_up_previous()?;
        coach.restore_buffers()?;
        coach.load_marks()?;
        Ok(coach)
    }

    /// This coach on behalf of one call of a tool: what it changes is linked to the call on the
    /// timeline.
    #[must_use]
    pub fn on_behalf_of(&self, call_id: Arc<str>) -> Self {
        Self(self.0.clone(), Some(call_id))
    }

    /// Commits a unit, on behalf of the call that this handle stands for.
    async fn commit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Unit<'_>) -> Result<T, CoachError> + Send + 'static,
    ) -> Result<T, CoachError> {
        let call_id = self.1.clone();
        self.0
            .store
            .commit(move |unit| {
                unit.belongs_to(call_id);
                work(unit)
            })
            .await
    }

    /// Looks at the record in one moment.
    fn look<T>(
        &self,
        look: impl FnOnce(&Reader<'_>) -> Result<T, CoachError>,
    ) -> Result<T, CoachError> {
        self.0.store.snapshot(|reader| Ok(look(reader)))?
    }

    /// Where the stream of pushes stands.
    pub fn cursor(&self) -> Cursor {
        self.0.store.cursor()
    }

    /// The active session's id.
    pub fn active_session_id(&self) -> Option<u32> {
        self.0.active.lock().as_ref().map(|session| session.id)
    }

    /// Puts something that happened on the timeline, written behind; without an active session it is
    /// kept as well.
    pub fn observe(&self, action: &Action) {
        self.0
            .store
            .observe(self.active_session_id(), entry(action));
        if let Action::EditorTabSwitch { to_path, .. } = action {
            self.hand_over(|| observer::Event::TabSwitched(to_path.as_str().into()));
        }
    }

    fn active(&self) -> Result<Session, CoachError> {
        self.0
            .active
            .lock()
            .clone()
            .ok_or(CoachError::NoActiveSession)
    }

    fn path(&self, text: &str) -> Result<ProjectPath, CoachError> {
        Ok(ProjectPath::parse(text)?)
    }
}

/// An action as the timeline keeps it.
fn entry(action: &Action) -> Entry {
    Entry::new(action.kind(), Some(action.data_json()))
}

/// The action that an entry of the timeline tells of; `None` for what this version does not know.
fn action(entry: &TimelineEntry) -> Option<Action> {
    let whole = format!(
        r#"{{"actionType":{},"data":{}}}"#,
        serde_json::Value::from(&*entry.kind),
        entry.data.as_deref().unwrap_or("null")
    );
    serde_json::from_str(&whole).ok()
}

/// Puts an action on the timeline as part of a unit.
fn log(unit: &mut Unit<'_>, session: Option<u32>, action: &Action) -> Result<(), CoachError> {
    unit.log(session, entry(action))?;
    Ok(())
}

/// Pushes a message to every client as part of a unit.
fn push(unit: &mut Unit<'_>, message: &ServerMessage) -> Result<(), CoachError> {
    unit.push(message.kind(), message.payload_json(), None)?;
    Ok(())
}
