//! What can be asked: buffers, diffs, the session's state, and the snapshot for a client that
//! connects.

use std::time::{SystemTime, UNIX_EPOCH};

use paige_protocol::{
    ErrorCode, ProjectPath,
    coach::{
        files::CursorPosition,
        session::{OpenTab, SessionRestore},
        tools::{
            ActionState, DiffSince, FileDiff, GetBufferResult, HintsState, PlanState,
            ProgressState, SessionState, StageState, StateItem,
        },
    },
};
use paige_store::{
    Reader, StoreError,
    coach::{
        HintType, PhaseStatus, actions, dreyfus, gaps, hints, issue_labels, katas, plans, progress,
        sessions,
    },
};
use paige_workspace::{
    aside,
    buffers::Buffer,
    diff::{self, DiffConfig},
};

use crate::{Coach, CoachError, convert, session::active_phases};

/// How many entries of the timeline the session's state holds.
const RECENT_ACTIONS: u32 = 20;
/// How many knowledge gaps it holds, the most recent first.
const MOST_GAPS: u32 = 200;
/// Diffs of more text than this are made on a thread of their own, so that no call waits for them.
const LARGE_DIFF: usize = 32 * 1024;

/// Everything that a client shows, as of one push.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The active session.
    pub restore: Option<SessionRestore>,
    /// The last push that is included.
    pub seq: u64,
}

/// Makes diffs of `size` bytes of text where they delay no small call.
pub(crate) async fn compare(
    size: usize,
    diffs: impl FnOnce() -> Result<Vec<FileDiff>, CoachError> + Send + 'static,
) -> Result<Vec<FileDiff>, CoachError> {
    if size <= LARGE_DIFF {
        return diffs();
    }
    aside(diffs).await.unwrap_or(Err(CoachError::Cut))
}

impl Coach {
    /// Everything that a client shows, read at one moment together with its place in the stream.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn snapshot(&self) -> Result<Snapshot, CoachError> {
        // Nothing that a client shows changes while this is held, so that what is read here is as
        // of the push that is read first.
        let _rules = self.0.rules.lock().await;
        let seq = self.cursor().seq;
        // Settled first, so that the lines belong to the text that the client will open.
        self.settle_marks(None);
        let parts = self.0.store.snapshot(|reader| {
            let Some(session) = sessions::active(reader)? else {
                return Ok(None);
            };
            let plan = plans::active(reader, session.id)?;
            let phases = active_phases(reader, session.id)?;
            let colours = match session.issue_number {
                Some(number) => issue_labels::by_issue(reader, &session.project_dir, number)?,
                None => Vec::new(),
            };
            Ok(Some((session, plan, phases, colours)))
        })?;
        // Locked once: two guards in one expression would wait for each other.
        let restore = parts.map(|(session, plan, phases, colours)| {
            let dirty = |path: &ProjectPath| self.buffer(path).is_some_and(|buffer| buffer.dirty);
            // Taken once: two locks in one expression would wait for each other.
            let (highlights, file_hints) = {
                let marks = self.0.marks.lock();
                (marks.highlights(), marks.file_hints())
            };
            SessionRestore {
                issue: convert::issue(&session, &colours),
                plan: plan.as_ref().map(convert::plan),
                phases: phases.iter().map(convert::phase).collect(),
                hint_level: convert::level_from(session.hint_level),
                open_files: self
                    .0
                    .open_files
                    .lock()
                    .paths()
                    .iter()
                    .map(|path| OpenTab {
                        path: path.to_string(),
                        dirty: dirty(path),
                    })
                    .collect(),
                highlights,
                file_hints,
                session: convert::session(&session),
            }
        });
        Ok(Snapshot { restore, seq })
    }

    /// The active session, or none (`paige_get_active_session`).
    pub fn active_session(&self) -> Option<paige_protocol::coach::session::Session> {
        self.0.active.lock().as_ref().map(convert::session)
    }

    /// The buffer of a file (spec: story 6, AC 1 and 2).
    ///
    /// # Errors
    /// Without an active session, or for a path outside the project.
    pub fn get_buffer(&self, path: &str) -> Result<GetBufferResult, CoachError> {
        let path = self.path(path)?;
        self.active()?;
        self.check_not_secret(&path)?;
        Ok(match self.buffer(&path) {
            Some(buffer) => buffer_state(&path, &buffer),
            None => GetBufferResult {
                path: path.into(),
                content: None,
                cursor_position: None,
                dirty: false,
                last_updated: None,
            },
        })
    }

    /// The open files, in the order in which they were opened (spec: story 6, AC 3).
    ///
    /// # Errors
    /// Without an active session.
    pub fn get_open_files(&self) -> Result<Vec<String>, CoachError> {
        self.active()?;
        Ok(self.open_paths())
    }

    fn open_paths(&self) -> Vec<String> {
        let open = self.0.open_files.lock();
        open.paths().iter().map(ToString::to_string).collect()
    }

    /// How the present text differs from the disk, or from what it was before the phase or the
    /// session: of one file, or of all (spec: story 6, AC 4 and 5; decisions, "`paige_get_diff`").
    ///
    /// # Errors
    /// Without an active session or, when asked for it, phase; or when a file cannot be read.
    pub async fn get_diff(
        &self,
        path: Option<&str>,
        since: DiffSince,
    ) -> Result<Vec<FileDiff>, CoachError> {
        let path = path.map(|path| self.path(path)).transpose()?;
        self.active()?;
        if let Some(path) = &path {
            self.check_not_secret(path)?;
        }
        if since != DiffSince::Disk {
            return self.diffs_since(since, path).await;
        }
        let mut dirty = self.dirty_for_claude();
        if let Some(path) = path {
            dirty.retain(|(dirty, _)| *dirty == path);
        }
        self.diffs(dirty).await
    }

    /// The unsaved buffers that a model may see: files that hold secrets are the human's alone
    /// (blueprint §5).
    pub(crate) fn dirty_for_claude(&self) -> Vec<(ProjectPath, Buffer)> {
        let mut dirty = self.0.buffers.dirty();
        dirty.retain(|(path, _)| !self.0.workspace.is_secret(path));
        dirty
    }

    fn check_not_secret(&self, path: &ProjectPath) -> Result<(), CoachError> {
        if self.0.workspace.is_secret(path) {
            return Err(CoachError::Secret(path.clone()));
        }
        Ok(())
    }

    pub(crate) async fn diffs(
        &self,
        dirty: Vec<(ProjectPath, Buffer)>,
    ) -> Result<Vec<FileDiff>, CoachError> {
        let size: usize = dirty.iter().map(|(_, buffer)| buffer.content.len()).sum();
        let coach = self.clone();
        compare(size, move || coach.diffs_here(&dirty)).await
    }

    fn diffs_here(&self, dirty: &[(ProjectPath, Buffer)]) -> Result<Vec<FileDiff>, CoachError> {
        let limits = DiffConfig::default();
        let mut diffs = Vec::new();
        for (path, buffer) in dirty {
            let old = match self.0.workspace.read(path) {
                Ok(file) => Some(file.text),
                Err(error) if error.code() == ErrorCode::FileNotFound => None,
                Err(error) => return Err(error.into()),
            };
            let diff = diff::unified(path, old.as_deref(), Some(&buffer.content), &limits);
            if !diff.is_empty() {
                diffs.push(FileDiff {
                    path: path.to_string(),
                    diff,
                });
            }
        }
        Ok(diffs)
    }

    /// The session's state, the items asked for (spec: story 6, AC 6 and 7).
    ///
    /// # Errors
    /// Without an active session, or when the database fails.
    pub async fn session_state(
        &self,
        include: Option<&[StateItem]>,
    ) -> Result<SessionState, CoachError> {
        let id = self.active()?.id;
        let wanted = match include {
            None | Some([]) => &StateItem::ALL[..],
            Some(items) => items,
        };
        let wants = |item| wanted.contains(&item);
        let mut state = self
            .0
            .store
            .snapshot(|reader| rows_state(reader, id, &wants))?
            .ok_or(CoachError::NoActiveSession)?;
        if wants(StateItem::Buffers) {
            let dirty = self.dirty_for_claude();
            state.buffers = Some(
                dirty
                    .iter()
                    .map(|(path, buffer)| buffer_state(path, buffer))
                    .collect(),
            );
        }
        if wants(StateItem::Diffs) {
            state.diffs = Some(self.diffs(self.dirty_for_claude()).await?);
        }
        if wants(StateItem::OpenFiles) {
            state.open_files = Some(self.open_paths());
        }
        Ok(state)
    }
}

fn buffer_state(path: &ProjectPath, buffer: &Buffer) -> GetBufferResult {
    GetBufferResult {
        path: path.to_string(),
        content: Some(buffer.content.as_ref().to_owned()),
        cursor_position: Some(CursorPosition {
            line: buffer.cursor.line,
            column: buffer.cursor.column,
        }),
        dirty: buffer.dirty,
        last_updated: Some(iso(buffer.last_updated)),
    }
}

fn iso(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    paige_store::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The items that come from rows; `None` when the session is not active any more.
fn rows_state(
    reader: &Reader<'_>,
    id: u32,
    wants: &dyn Fn(StateItem) -> bool,
) -> Result<Option<SessionState>, StoreError> {
    let Some(session) = sessions::active(reader)?.filter(|session| session.id == id) else {
        return Ok(None);
    };
    let mut state = SessionState::default();
    let phases = if wants(StateItem::Plan)
        || wants(StateItem::Phase)
        || wants(StateItem::Progress)
        || wants(StateItem::Hints)
    {
        active_phases(reader, id)?
    } else {
        Vec::new()
    };
    let active_phase = phases
        .iter()
        .find(|phase| phase.status == PhaseStatus::Active);
    if wants(StateItem::Plan) {
        state.plan = Some(plans::active(reader, id)?.map(|plan| PlanState {
            id: plan.id,
            title: plan.title,
            description: plan.description,
            phases: phases.iter().map(convert::phase_brief).collect(),
        }));
    }
    if wants(StateItem::Phase) {
        state.phase = Some(active_phase.map(convert::phase));
    }
    if wants(StateItem::Dreyfus) {
        state.dreyfus = Some(
            dreyfus::list(reader)?
                .into_iter()
                .map(|row| StageState {
                    skill_area: row.skill_area,
                    stage: row.stage.as_str().to_owned(),
                    confidence: row.confidence,
                })
                .collect(),
        );
    }
    if wants(StateItem::Progress) {
        let events = match active_phase {
            Some(phase) => progress::by_phase(reader, phase.id)?,
            None => Vec::new(),
        };
        state.progress = Some(
            events
                .into_iter()
                .map(|event| ProgressState {
                    event_type: event.progress.event_type().to_owned(),
                    data: serde_json::to_value(&event.progress)
                        .ok()
                        .and_then(|mut whole| whole.get_mut("data").map(serde_json::Value::take)),
                    created_at: event.created_at,
                })
                .collect(),
        );
    }
    if wants(StateItem::Hints) {
        let hints = match active_phase {
            Some(phase) => hints::by_phase(reader, phase.id, None)?,
            None => Vec::new(),
        };
        let (files, lines): (Vec<_>, Vec<_>) = hints
            .iter()
            .partition(|hint| hint.hint_type == HintType::File);
        state.hints = Some(HintsState {
            file_hints: files.into_iter().map(convert::hint).collect(),
            line_hints: lines.into_iter().map(convert::hint).collect(),
        });
    }
    if wants(StateItem::Gaps) || wants(StateItem::Katas) {
        let mut all = gaps::list(reader, &gaps::Filter::default(), MOST_GAPS)?;
        // The session's own first; the rest keeps its order.
        all.sort_by_key(|gap| gap.session_id != id);
        if wants(StateItem::Katas) {
            let katas = katas::list(reader)?;
            let topic = |gap_id| {
                all.iter()
                    .find(|gap| gap.id == gap_id)
                    .map_or("", |gap| gap.topic.as_str())
            };
            state.katas = Some(
                katas
                    .iter()
                    .map(|kata| convert::kata(kata, topic(kata.gap_id)))
                    .collect(),
            );
        }
        if wants(StateItem::Gaps) {
            state.gaps = Some(all.iter().map(convert::gap).collect());
        }
    }
    if wants(StateItem::Actions) {
        state.actions = Some(
            actions::recent(reader, Some(id), RECENT_ACTIONS)?
                .into_iter()
                .map(|entry| ActionState {
                    action_type: entry.kind.into_owned(),
                    data: entry.data.and_then(|data| serde_json::from_str(&data).ok()),
                    created_at: entry.at,
                })
                .collect(),
        );
    }
    if wants(StateItem::Session) {
        state.session = Some(convert::session(&session));
    }
    Ok(Some(state))
}
