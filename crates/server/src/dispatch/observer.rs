//! Family `observer`: the human mutes it, or does not any more.

use paige_protocol::coach::{ServerMessage, coaching::ObserverMute};

use super::Request;

pub(super) async fn mute(request: &Request<'_>, mute: ObserverMute) {
    match request.desk.coach.mute_observer(mute.muted).await {
        Ok(status) => request.answer(&ServerMessage::ObserverStatus(status)),
        Err(error) => request.fail(&error, None),
    }
}
