//! Families `fs`, `file` and `buffer`.

use std::sync::Arc;

use paige_coach::CoachError;
use paige_pen::{Base, Kind, PenError};
use paige_protocol::{
    ErrorCode, ProjectPath, Version,
    coach::{
        ServerMessage,
        connection::ErrorContext,
        files::{
            BufferUpdate, BufferUpdated, CursorPosition, EntryKind, FileCreate, FilePath,
            FileRename, FileSave, FsSaveError, FsTreeUpdate, TreeAction,
        },
    },
    envelope::RequestId,
    tree::{NodeKind, TreeNode},
};

use tokio::task::block_in_place;

use super::Request;
use crate::hub::tree_frame;

pub(super) async fn tree(request: &Request<'_>) {
    send_tree(request, request.id.as_ref()).await;
}

/// Sends the tree, and what follows it to a client that has said hello; the first tree scans the
/// project, which is no work for the reactor.
pub(super) async fn send_tree(request: &Request<'_>, id: Option<&RequestId>) {
    let workspace = request.desk.workspace.clone();
    let _turn = request.desk.hub.files_turn().await;
    let tree = tokio::task::spawn_blocking(move || workspace.tree_json()).await;
    request.client.hear();
    match tree {
        Ok(tree) => {
            // An answer must not be replaced by a later tree, so only unasked ones coalesce.
            let latest = id.is_none().then_some(crate::queue::Latest::Tree);
            request.client.send(tree_frame(tree.as_str(), id), latest);
        }
        Err(error) => {
            tracing::error!(%error, "The tree could not be made.");
            request.refuse(
                ErrorCode::InternalError,
                "The project's files could not be listed; the log says why.".into(),
                Default::default(),
            );
        }
    }
}

pub(super) async fn open(request: &Request<'_>, file: FilePath) {
    let Some(path) = request.path(&file.path) else {
        return;
    };
    match request.desk.coach.open_by_human(&path) {
        Ok(content) => {
            request.client.has_seen(path, content.version.clone());
            request.answer(&ServerMessage::FsContent(content));
        }
        Err(error) => request.fail(&error, Some(&file.path)),
    }
}

pub(super) async fn close(request: &Request<'_>, file: FilePath) {
    let Some(path) = request.path(&file.path) else {
        return;
    };
    if let Err(error) = request.desk.coach.close_file(&path).await {
        request.fail(&error, Some(&file.path));
    }
}

pub(super) async fn save(request: &Request<'_>, save: FileSave) {
    let refuse = |code: ErrorCode, error: String| FsSaveError {
        path: save.path.clone(),
        error,
        code,
        base_version: None,
        current_version: None,
    };
    let path = match ProjectPath::parse(&save.path) {
        Ok(path) => path,
        Err(refused) => {
            let error = refuse(ErrorCode::PathRefused, refused.to_string());
            return request.answer(&ServerMessage::FsSaveError(error));
        }
    };
    let base = match save.base_version {
        Some(stated) => stated,
        None => request.client.seen(&path),
    };
    let base = base.map_or(Base::Absent, Base::Version);
    let content: Arc<str> = save.content.into();
    let seen = request.desk.coach.before_save(&path);
    // In place, with the other tasks of this thread handed on: a save waits for the disk alone, and
    // every change of thread would add to it.
    let written = block_in_place(|| {
        let receipt = request.desk.pen.save(&path, content.as_bytes(), &base)?;
        let recorded = request
            .desk
            .coach
            .file_saved(&path, content, receipt.version, seen);
        Ok::<_, PenError>(recorded)
    });
    let error = match written {
        Ok(Ok(saved)) => {
            request
                .client
                .has_seen(path.clone(), Some(saved.ack.version.clone()));
            request.answer(&ServerMessage::FsSaveAck(saved.ack));
            if let Some(text) = saved.news {
                let cursor = CursorPosition { line: 1, column: 1 };
                pass_text(request, path, &text, cursor);
            }
            return;
        }
        // The file is on disk, the record of it is not: say so, and let the client look.
        Ok(Err(error)) => refuse(
            error.code(),
            format!(
                "The file is saved, but this could not be recorded: {}",
                error.message()
            ),
        ),
        Err(error) => {
            let mut answer = refuse(error.code(), error.to_string());
            if let PenError::Conflict {
                expected, actual, ..
            } = error
            {
                answer.base_version = expected;
                answer.current_version = actual;
            }
            answer
        }
    };
    request.answer(&ServerMessage::FsSaveError(error));
}

pub(super) async fn create(request: &Request<'_>, create: FileCreate) {
    let Some(path) = request.path(&create.path) else {
        return;
    };
    let kind = create.kind;
    let pen_kind = match kind {
        EntryKind::File => Kind::File,
        EntryKind::Directory => Kind::Directory,
    };
    let written = on_disk(request, &create.path, {
        let (pen, path) = (request.desk.pen.clone(), path.clone());
        move || pen.create(&path, pen_kind)
    })
    .await;
    if written.is_none() {
        return;
    }
    if kind == EntryKind::File {
        request.desk.coach.file_came(&path);
        let empty = Version::of(b"");
        request.client.has_seen(path.clone(), Some(empty));
    }
    let recorded = request.desk.coach.entry_created(&path, kind).await;
    answer_tree_update(
        request,
        recorded,
        &create.path,
        FsTreeUpdate {
            action: match kind {
                EntryKind::File => TreeAction::Add,
                EntryKind::Directory => TreeAction::AddDir,
            },
            node: Some(TreeNode {
                name: path.name().to_owned(),
                path: path.to_string(),
                kind: match kind {
                    EntryKind::File => NodeKind::File,
                    EntryKind::Directory => NodeKind::Directory,
                },
                children: (kind == EntryKind::Directory).then(Vec::new),
            }),
            path: path.into(),
            new_path: None,
        },
    );
}

pub(super) async fn rename(request: &Request<'_>, rename: FileRename) {
    let (Some(from), Some(to)) = (request.path(&rename.path), request.path(&rename.new_path))
    else {
        return;
    };
    if from != to && request.desk.coach.has_unsaved_text(&to) {
        return request.refuse(
            ErrorCode::AlreadyExists,
            format!(
                "There is unsaved text at \"{to}\". Save or close it first, or choose another name."
            ),
            ErrorContext {
                path: Some(rename.new_path),
                ..ErrorContext::default()
            },
        );
    }
    let written = on_disk(request, &rename.path, {
        let (coach, pen) = (request.desk.coach.clone(), request.desk.pen.clone());
        let (from, to) = (from.clone(), to.clone());
        move || {
            coach.before_change(&from);
            pen.rename(&from, &to)
        }
    })
    .await;
    if written.is_none() {
        return;
    }
    request.desk.coach.file_came(&to);
    request.desk.hub.renamed(&from, &to);
    let recorded = request.desk.coach.entry_renamed(&from, &to).await;
    answer_tree_update(
        request,
        recorded,
        &rename.path,
        FsTreeUpdate {
            action: TreeAction::Rename,
            node: None,
            path: from.into(),
            new_path: Some(to.into()),
        },
    );
}

pub(super) async fn delete(request: &Request<'_>, file: FilePath) {
    let Some(path) = request.path(&file.path) else {
        return;
    };
    let trashed = on_disk(request, &file.path, {
        let (coach, pen) = (request.desk.coach.clone(), request.desk.pen.clone());
        let path = path.clone();
        move || {
            coach.before_change(&path);
            pen.delete(&path)
        }
    })
    .await;
    let Some(trashed) = trashed else {
        return;
    };
    let recorded = request.desk.coach.entry_deleted(&path).await;
    answer_tree_update(
        request,
        recorded,
        &file.path,
        FsTreeUpdate {
            action: match trashed.kind {
                Kind::File => TreeAction::Unlink,
                Kind::Directory => TreeAction::UnlinkDir,
            },
            path: path.into(),
            new_path: None,
            node: None,
        },
    );
}

pub(super) fn buffer(request: &Request<'_>, update: BufferUpdate) {
    let Some(path) = request.path(&update.path) else {
        return;
    };
    let content: Arc<str> = update.content.into();
    match request
        .desk
        .coach
        .buffer_updated(&path, &content, update.cursor_position)
    {
        Ok(()) => pass_text(request, path, &content, update.cursor_position),
        Err(error) => request.fail(&error, Some(&update.path)),
    }
}

/// Shows the other windows what this one shows of a file.
fn pass_text(
    request: &Request<'_>,
    path: ProjectPath,
    text: &str,
    cursor_position: CursorPosition,
) {
    request.desk.hub.pass(Some(&request.client.id), || {
        ServerMessage::BufferUpdated(BufferUpdated {
            path: path.into(),
            content: text.to_owned(),
            cursor_position,
            client_id: Some(request.client.id.clone()),
            version: None,
        })
    });
}

/// Runs a change of the project's files off the reactor; `None` when it failed and the client knows.
async fn on_disk<T: Send + 'static>(
    request: &Request<'_>,
    path: &str,
    change: impl FnOnce() -> Result<T, PenError> + Send + 'static,
) -> Option<T> {
    match tokio::task::spawn_blocking(change).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(error)) => {
            request.refuse(
                error.code(),
                error.to_string(),
                ErrorContext {
                    path: Some(path.to_owned()),
                    ..Default::default()
                },
            );
            None
        }
        Err(error) => {
            tracing::error!(%error, "A change of the project's files has failed.");
            request.refuse(
                ErrorCode::InternalError,
                "The change could not be made; the log says why.".into(),
                Default::default(),
            );
            None
        }
    }
}

fn answer_tree_update(
    request: &Request<'_>,
    recorded: Result<(), CoachError>,
    path: &str,
    update: FsTreeUpdate,
) {
    match recorded {
        Ok(()) => request.answer(&ServerMessage::FsTreeUpdate(update)),
        Err(error) => request.fail(&error, Some(path)),
    }
}
