//! Unsaved text is the user's work: it is in the database within a second (blueprint §2).

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use futures_util::future::join_all;
use paige_protocol::{ProjectPath, Version};
use paige_store::coach::buffers::{self as backups, NewBackup};
use paige_workspace::buffers::{Buffer, Cursor};
use parking_lot::Mutex;
use tokio::{sync::Notify, time::sleep};

use crate::{Coach, CoachError};

/// The buffers that have changed since they were last backed up.
#[derive(Default)]
pub(crate) struct Backup {
    changed: Mutex<BTreeSet<ProjectPath>>,
    wake: Notify,
}

impl Backup {
    pub(crate) fn wanted(&self, path: ProjectPath) {
        self.changed.lock().insert(path);
        self.wake.notify_one();
    }
}

/// How long after a failed backup it is tried again.
const RETRY: Duration = Duration::from_secs(5);

impl Coach {
    /// Backs up changed buffers for as long as it runs; run it as a task.
    pub async fn run_backups(&self) {
        loop {
            self.0.backup.wake.notified().await;
            sleep(self.0.config.buffers.backup_delay()).await;
            if let Err(error) = self.back_up().await {
                tracing::error!(%error, "Unsaved text could not be backed up; it is tried again in a moment.");
                sleep(RETRY).await;
                self.0.backup.wake.notify_one();
            }
        }
    }

    /// Backs up every buffer that has changed since the last time; also the last step of a stop.
    ///
    /// # Errors
    /// When the database fails; the buffers that it failed for still count as changed. Each has a
    /// unit of its own, so that what is wrong with one does not keep another from being backed up.
    pub async fn back_up(&self) -> Result<(), CoachError> {
        let paths = std::mem::take(&mut *self.0.backup.changed.lock());
        self.settle_marks(Some(&paths));
        let units = paths.into_iter().map(async |path| {
            let kept = self.back_up_one(&path).await;
            if kept.is_err() {
                self.0.backup.changed.lock().insert(path);
            }
            kept
        });
        // Handed over together, they share one transaction.
        join_all(units).await.into_iter().collect()
    }

    async fn back_up_one(&self, path: &ProjectPath) -> Result<(), CoachError> {
        let (path, buffers) = (path.clone(), self.0.buffers.clone());
        let project = self.0.project_dir.clone();
        self.0
            .store
            .commit(move |unit| {
                // Looked at here and not before: a save that was recorded meanwhile has made it clean,
                // and must not be followed by the text as unsaved.
                match buffers.get(&path) {
                    Some(buffer) if buffer.dirty => {
                        backups::put(unit, &row(&project, &path, &buffer))?;
                    }
                    _ => {
                        backups::delete(unit, &project, path.as_str())?;
                    }
                }
                Ok(())
            })
            .await
    }

    pub(crate) fn restore_buffers(&self) -> Result<(), CoachError> {
        let rows = self
            .0
            .store
            .read(|reader| backups::list(reader, &self.0.project_dir))?;
        let mut count = 0;
        for row in rows {
            let Ok(path) = ProjectPath::parse(&row.path) else {
                continue;
            };
            // A kill came between the save of this text and its record.
            if matches!(self.0.workspace.read(&path), Ok(file) if file.text == row.content) {
                self.0.backup.wanted(path);
                continue;
            }
            count += 1;
            self.0.buffers.restore(
                path,
                row.content.into(),
                Cursor {
                    line: row.cursor_line.unwrap_or(1),
                    column: row.cursor_column.unwrap_or(1),
                },
                row.base_version.map(Version::from),
                SystemTime::now(),
            );
        }
        if count > 0 {
            tracing::info!(buffers = count, "Unsaved text of the last run is restored.");
        }
        Ok(())
    }
}

fn row(project_dir: &str, path: &ProjectPath, buffer: &Buffer) -> NewBackup {
    NewBackup {
        project_dir: project_dir.to_owned(),
        path: path.to_string(),
        content: buffer.content.as_ref().to_owned(),
        cursor: Some((buffer.cursor.line, buffer.cursor.column)),
        base_version: buffer
            .base_version
            .as_ref()
            .map(|version| version.as_str().to_owned()),
        dirty: buffer.dirty,
    }
}
