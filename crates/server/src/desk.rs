//! [`Door`]: the human's door as one piece, and what it does on its own.

use std::{sync::Arc, time::Duration};

use axum::Router;
use paige_coach::Coach;
use paige_pen::Pen;
use paige_protocol::{
    ProjectPath,
    coach::{
        ServerMessage,
        files::{FsTreeUpdate, TreeAction},
    },
    tree::TreeNode,
};
use paige_store::Store;
use paige_workspace::{FileEvent, Unwatched, Workspace};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    dispatch::{Desk, Facts},
    hook,
    hub::{Config, Hub},
    replay, timeline, ws,
};

/// How often open files are looked at that no event tells of.
const UNWATCHED_LOOK: Duration = Duration::from_secs(1);

/// What the door is made of.
pub struct Parts {
    /// For pushes and their replay, and for the timeline.
    pub store: Store,
    /// The rules.
    pub coach: Coach,
    /// The write side of the project.
    pub pen: Pen,
    /// The read side of the project.
    pub workspace: Workspace,
    /// What `connection:init` tells of this sidecar.
    pub facts: Facts,
    /// Limits and times.
    pub config: Config,
}

/// The human's door.
pub struct Door {
    desk: Desk,
    store: Store,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Door {
    /// Opens the door: from now on pushes are handed out and changes of the project are told.
    pub fn open(parts: Parts) -> Self {
        let store = parts.store.clone();
        let desk = Desk {
            hub: Hub::new(parts.store, parts.config),
            coach: parts.coach,
            pen: parts.pen,
            workspace: parts.workspace,
            facts: Arc::new(parts.facts),
        };
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(stop.clone().run_until_cancelled_owned(watch(desk.clone())));
        tasks.spawn(
            stop.clone()
                .run_until_cancelled_owned(follow_unwatched(desk.clone())),
        );
        let summaries = desk.coach.clone();
        tasks.spawn(
            stop.clone()
                .run_until_cancelled_owned(async move { summaries.run_summaries().await }),
        );
        let backups = desk.coach.clone();
        tasks.spawn(
            stop.clone()
                .run_until_cancelled_owned(async move { backups.run_backups().await }),
        );
        tasks.spawn(stop.clone().run_until_cancelled_owned(pass(desk.clone())));
        let wrap_ups = desk.coach.clone();
        tasks.spawn(
            stop.clone()
                .run_until_cancelled_owned(async move { wrap_ups.run_wrap_ups().await }),
        );
        let observer = desk.coach.clone();
        tasks.spawn(
            stop.clone()
                .run_until_cancelled_owned(async move { observer.run_observer().await }),
        );
        let retention = desk.coach.clone();
        tasks.spawn(
            stop.clone()
                .run_until_cancelled_owned(async move { retention.run_retention().await }),
        );
        Self {
            desk,
            store,
            stop,
            tasks,
        }
    }

    /// The routes `/ws`, `/timeline`, `/replay` and `/hook/{event}`, to be put behind the guard.
    pub fn router(&self) -> Router {
        let timeline = timeline::router(self.store.clone(), self.stop.clone());
        let ws = ws::router(ws::Door {
            desk: self.desk.clone(),
            stop: self.stop.clone(),
            tasks: self.tasks.clone(),
        });
        let replay = replay::router(&self.desk, self.store.clone(), self.stop.clone());
        let hooks = hook::router(self.desk.coach.clone());
        ws.merge(timeline).merge(replay).merge(hooks)
    }

    /// Closes every socket with 1001, ends every stream of the timeline, a replay, and what the door does on its
    /// own. A client that does not answer is cut off within 0.6 s.
    pub async fn close(&self) {
        self.stop.cancel();
        // Who waits for room in a queue that nobody empties would wait for ever.
        self.desk.hub.finish();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Hands on what passes by: how far something is that somebody waits for.
async fn pass(desk: Desk) {
    let mut passing = desk.coach.passing();
    loop {
        match passing.recv().await {
            Ok(message) => desk.hub.pass(None, || message),
            // Old progress is of no use.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// Tells clients what changes in the project folder (spec: story 5, AC 6).
async fn watch(desk: Desk) {
    let mut events = desk.workspace.watch();
    while let Some(event) = events.recv().await {
        follow_disk(&desk, &event).await;
        let _turn = desk.hub.files_turn().await;
        match event {
            FileEvent::Add { path, node } => {
                desk.coach.file_came(&path);
                tell(&desk, TreeAction::Add, path, None, Some(node));
            }
            FileEvent::Change { path } => tell(&desk, TreeAction::Change, path, None, None),
            FileEvent::Unlink { path } => tell(&desk, TreeAction::Unlink, path, None, None),
            FileEvent::AddDir { path, node } => {
                tell(&desk, TreeAction::AddDir, path, None, Some(node));
            }
            FileEvent::UnlinkDir { path } => tell(&desk, TreeAction::UnlinkDir, path, None, None),
            FileEvent::Rename { from, to, node } => {
                tell(&desk, TreeAction::Rename, from, Some(to), Some(node));
            }
            FileEvent::Flood { .. } => {
                let workspace = desk.workspace.clone();
                if let Ok(tree) = tokio::task::spawn_blocking(move || workspace.tree_json()).await {
                    desk.hub.pass_tree(tree.as_str());
                }
            }
            FileEvent::Trouble { message } => tracing::warn!("{message}"),
        }
    }
}

fn tell(
    desk: &Desk,
    action: TreeAction,
    path: ProjectPath,
    new_path: Option<ProjectPath>,
    node: Option<TreeNode>,
) {
    desk.hub.pass(None, || {
        ServerMessage::FsTreeUpdate(FsTreeUpdate {
            action,
            path: path.into(),
            new_path: new_path.map(String::from),
            node,
        })
    });
}

/// Lets clean buffers follow the disk, and shows every window their new text (blueprint §5).
async fn follow_disk(desk: &Desk, event: &FileEvent) {
    let changed = event.paths();
    if changed.is_empty() {
        return;
    }
    let buffered = desk.coach.buffered_files().into_iter();
    for path in buffered.filter(|file| changed.iter().any(|path| file.is_below(path))) {
        follow_file(desk, path).await;
    }
}

/// The same for open files that no event tells of: they are looked at now and then.
async fn follow_unwatched(desk: Desk) {
    let mut last = Unwatched::default();
    loop {
        tokio::time::sleep(UNWATCHED_LOOK).await;
        let buffered = desk.coach.buffered_files();
        if buffered.is_empty() {
            continue;
        }
        let workspace = desk.workspace.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let changed = workspace.changed_unwatched(buffered, &mut last);
            (changed, last)
        });
        let Ok((changed, looked_at)) = looked.await else {
            return;
        };
        last = looked_at;
        for path in changed {
            follow_file(&desk, path).await;
        }
    }
}

async fn follow_file(desk: &Desk, path: ProjectPath) {
    let coach = desk.coach.clone();
    let read = tokio::task::spawn_blocking({
        let path = path.clone();
        move || coach.file_changed_on_disk(&path)
    });
    let Ok(Some(update)) = read.await else {
        return;
    };
    if let Some(version) = &update.version {
        // A save that was acknowledged meanwhile is newer, and was told already.
        if !desk.coach.is_based_on(&path, version) {
            return;
        }
        desk.hub.all_have_seen(&path, version);
    }
    desk.hub.pass(None, || ServerMessage::BufferUpdated(update));
}
