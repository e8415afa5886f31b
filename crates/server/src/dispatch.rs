//! Which handler a message goes to: one module for each family.

mod connection;
mod editor;
mod files;
mod hints;
mod observer;
mod session;

use std::sync::Arc;

use paige_coach::{Coach, CoachError};
use paige_pen::Pen;
use paige_protocol::{
    ErrorCode, ProjectPath,
    coach::{ClientMessage, ServerMessage, connection::ErrorContext},
    envelope::RequestId,
};
use paige_workspace::Workspace;

use crate::{
    hub::{Client, Hub},
    ws::{Goodbye, refuse},
};

/// Everything that a handler may use.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) hub: Hub,
    pub(crate) coach: Coach,
    pub(crate) pen: Pen,
    pub(crate) workspace: Workspace,
    pub(crate) facts: Arc<connection::Facts>,
}

pub use connection::Facts;

/// One message under way.
pub(crate) struct Request<'a> {
    desk: &'a Desk,
    client: &'a Arc<Client>,
    id: Option<RequestId>,
    kind: &'static str,
}

impl Request<'_> {
    fn answer(&self, message: &ServerMessage) {
        self.client.answer(message, self.id.as_ref());
    }

    fn refuse(&self, code: ErrorCode, message: String, context: ErrorContext) {
        let context = ErrorContext {
            message_type: Some(self.kind.to_owned()),
            ..context
        };
        refuse(self.client, self.id.as_ref(), code, Some(context), message);
    }

    /// Tells the client what a rule refused; what failed inside goes to the log alone.
    fn fail(&self, error: &CoachError, path: Option<&str>) {
        let code = error.code();
        if code == ErrorCode::InternalError {
            tracing::error!(kind = self.kind, %error, "A message could not be handled.");
        }
        self.refuse(
            code,
            error.message(),
            ErrorContext {
                path: path.map(str::to_owned),
                session_id: error.session_id(),
                ..ErrorContext::default()
            },
        );
    }

    /// Reads a path of the payload, or tells the client what is wrong with it.
    fn path(&self, text: &str) -> Option<ProjectPath> {
        match ProjectPath::parse(text) {
            Ok(path) => Some(path),
            Err(refused) => {
                self.fail(&refused.into(), Some(text));
                None
            }
        }
    }
}

/// Handles one message of a client; a goodbye when the connection is to end.
pub(crate) async fn dispatch(
    desk: &Desk,
    client: &Arc<Client>,
    message: ClientMessage,
    id: Option<RequestId>,
) -> Option<Goodbye> {
    use ClientMessage as M;
    let request = Request {
        desk,
        client,
        id,
        kind: message.kind(),
    };
    match message {
        M::Hello(hello) => return connection::hello(&request, hello).await,
        M::FsRequestTree(_) => files::tree(&request).await,
        M::FileOpen(file) => files::open(&request, file).await,
        M::FileClose(file) => files::close(&request, file).await,
        M::FileSave(save) => files::save(&request, save).await,
        M::FileCreate(create) => files::create(&request, create).await,
        M::FileRename(rename) => files::rename(&request, rename).await,
        M::FileDelete(file) => files::delete(&request, file).await,
        M::BufferUpdate(update) => files::buffer(&request, update),
        M::TabSwitch(switch) => editor::tab_switch(&request, switch),
        M::Selection(selection) => editor::selection(&request, selection),
        M::Scroll(_) | M::ExpandDir(_) | M::CollapseDir(_) => {}
        M::LevelChange(change) => hints::level_change(&request, change).await,
        M::HintViewed(viewed) => hints::viewed(&request, viewed).await,
        M::IdleStart(idle) => editor::idle_start(&request, idle),
        M::IdleEnd(idle) => editor::idle_end(&request, idle),
        M::SessionStart(start) => session::start(&request, start).await,
        M::SessionEnd(_) => session::end(&request).await,
        M::SessionSummary(summary) => session::summary(&request, summary),
        M::CommandRun(run) => editor::command_run(&request, run),
        M::ObserverMute(mute) => observer::mute(&request, mute).await,
        M::Explain(explain) => {
            // It is counted when it is asked for, whatever comes of it (decisions, "Observer triggers").
            editor::explain_asked(&request, explain);
            not_implemented(&request);
        }
        M::Cancel(_)
        | M::CoachingFeedback(_)
        | M::StageCorrect(_)
        | M::SubmitSolution(_)
        | M::RunSolution(_)
        | M::RequestHint(_)
        | M::ViewPreviousAttempts(_)
        | M::ChallengeLoad(_)
        | M::DashboardRequest(_)
        | M::RefreshIssues(_)
        | M::MaterialsList(_)
        | M::MaterialView(_)
        | M::MaterialDismiss(_)
        | M::MaterialComplete(_) => not_implemented(&request),
    }
    None
}

fn not_implemented(request: &Request<'_>) {
    tracing::warn!(kind = request.kind, "A message is not yet implemented.");
    request.refuse(
        ErrorCode::NotImplemented,
        format!(
            "`{}` is not yet implemented by this version of the sidecar.",
            request.kind
        ),
        ErrorContext::default(),
    );
}
