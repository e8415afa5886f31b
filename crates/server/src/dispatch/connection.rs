//! Family `connection`: the handshake, and where a client follows from.

use paige_protocol::{
    ErrorCode, PROTOCOL_VERSION,
    coach::{
        ServerMessage,
        connection::{
            Capabilities, ErrorContext, FeatureFlags, Hello, Init, ResyncReason, ResyncRequired,
        },
    },
};

use super::{Request, files};
use crate::{
    hub::Resume,
    ws::{Goodbye, close},
};

/// What `connection:init` tells of this sidecar.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The project folder, canonical.
    pub project_dir: String,
    /// What works at the moment.
    pub capabilities: Capabilities,
    /// Which features are switched on.
    pub feature_flags: FeatureFlags,
}

pub(super) async fn hello(request: &Request<'_>, hello: Hello) -> Option<Goodbye> {
    if let Some(theirs) = &hello.protocol_version
        && major(theirs) != major(PROTOCOL_VERSION)
    {
        request.refuse(
            ErrorCode::ProtocolMismatch,
            format!(
                "The client speaks version {theirs} of the protocol and the sidecar {PROTOCOL_VERSION}; \
                 update the older one."
            ),
            ErrorContext {
                expected: Some(PROTOCOL_VERSION.to_owned()),
                actual: Some(theirs.clone()),
                ..ErrorContext::default()
            },
        );
        return Some(Goodbye {
            code: close::PROTOCOL_MISMATCH,
            reason: "The client speaks another major version of the protocol.",
        });
    }
    let resume = request.desk.hub.resume(&hello);
    tracing::info!(
        client = %request.client.id,
        version = %hello.version,
        platform = %hello.platform,
        ?resume,
        "A client has said hello."
    );
    request.desk.hub.greeted(request.client, hello);
    let (mut last, mut anew) = match resume {
        Resume::After(last) => (last, None),
        Resume::Anew(reason) => (0, Some(reason)),
    };
    if anew.is_none() {
        let head = request.desk.coach.cursor().seq;
        init(request, head);
        files::send_tree(request, None).await;
    }
    // A replay can fall behind the pruning of the outbox; then the client starts anew.
    loop {
        if let Some(reason) = anew {
            match snapshot(request, reason, resume != Resume::Anew(reason)).await {
                Some(seq) => last = seq,
                None => return None,
            }
        }
        match request.desk.hub.catch_up(request.client, last).await {
            Ok(None) => return None,
            Ok(Some(reason)) => anew = Some(Some(reason)),
            Err(error) => {
                request.fail(&error.into(), None);
                return None;
            }
        }
    }
}

/// Sends everything that a client shows, as of one push, and says which one.
async fn snapshot(
    request: &Request<'_>,
    reason: Option<ResyncReason>,
    greeted: bool,
) -> Option<u64> {
    let snapshot = match request.desk.coach.snapshot().await {
        Ok(snapshot) => snapshot,
        Err(error) => {
            request.fail(&error, None);
            return None;
        }
    };
    if !greeted {
        init(request, snapshot.seq);
    }
    if let Some(reason) = reason {
        request.answer(&ServerMessage::ResyncRequired(ResyncRequired {
            reason,
            stream: request.desk.coach.cursor().stream,
            seq: snapshot.seq,
        }));
    }
    if let Some(restore) = snapshot.restore {
        request.answer(&ServerMessage::SessionRestore(restore));
        match request.desk.coach.observer_status() {
            Ok(Some(status)) => request.answer(&ServerMessage::ObserverStatus(status)),
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "A client was not told how the Observer is."),
        }
    }
    files::send_tree(request, None).await;
    Some(snapshot.seq)
}

fn init(request: &Request<'_>, seq: u64) {
    let desk = request.desk;
    request.answer(&ServerMessage::Init(Init {
        session_id: desk.coach.active_session_id(),
        project_dir: desk.facts.project_dir.clone(),
        protocol_version: PROTOCOL_VERSION.to_owned(),
        stream: desk.coach.cursor().stream,
        seq,
        client_id: request.client.id.clone(),
        capabilities: desk.facts.capabilities.clone(),
        feature_flags: desk.facts.feature_flags.clone(),
    }));
}

fn major(version: &str) -> &str {
    version.split('.').next().unwrap_or(version)
}
