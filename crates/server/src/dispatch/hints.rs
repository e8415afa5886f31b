//! Family `hints`.

use paige_protocol::coach::{
    ServerMessage,
    hints::{LevelChange, Viewed},
};

use super::Request;

pub(super) async fn level_change(request: &Request<'_>, change: LevelChange) {
    match request
        .desk
        .coach
        .change_level(change.from, change.to)
        .await
    {
        Ok(level) => request.answer(&ServerMessage::HintLevel(level)),
        Err(error) => request.fail(&error, None),
    }
}

pub(super) async fn viewed(request: &Request<'_>, viewed: Viewed) {
    if let Err(error) = request.desk.coach.hint_viewed(viewed.hint_id).await {
        request.fail(&error, None);
    }
}
