//! Family `session`.

use paige_coach::{StartSession, StartedBy};
use paige_protocol::coach::{
    ServerMessage,
    session::{SessionStart, SummaryRequest},
};

use super::Request;

pub(super) async fn start(request: &Request<'_>, start: SessionStart) {
    let started = request
        .desk
        .coach
        .start_session(StartSession {
            issue_number: start.issue_number,
            issue_title: start.issue_title,
            started_by: StartedBy::Ui,
            force: false,
        })
        .await;
    match started {
        Ok(started) => request.answer(&ServerMessage::SessionStarted(started)),
        Err(error) => request.fail(&error, None),
    }
}

/// Ends the session, and answers once it is wrapped up; the client's next messages wait for the first
/// alone.
pub(super) async fn end(request: &Request<'_>) {
    let ending = match request.desk.coach.end(None).await {
        Ok(ending) => ending,
        Err(error) => return request.fail(&error, None),
    };
    let (desk, client) = (request.desk.clone(), request.client.clone());
    let (id, kind) = (request.id.clone(), request.kind);
    tokio::spawn(async move {
        let request = Request {
            desk: &desk,
            client: &client,
            id,
            kind,
        };
        match ending.wrapped_up().await {
            Ok(completed) => request.answer(&ServerMessage::SessionCompleted(completed)),
            Err(error) => request.fail(&error, None),
        }
    });
}

pub(super) fn summary(request: &Request<'_>, asked: SummaryRequest) {
    match request.desk.coach.summary(asked.session_id) {
        Ok(summary) => request.answer(&ServerMessage::SessionSummary(summary)),
        Err(error) => request.fail(&error, None),
    }
}
