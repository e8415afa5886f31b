//! [`Judge`]: who says whether a nudge would help.

use async_trait::async_trait;

use super::{Snapshot, Triage};
use crate::{Coach, wrap_up::inputs::Inputs};

/// Who judges a snapshot: a model, or who stands in for one.
#[async_trait]
pub trait Judge: Send + Sync {
    /// Whether anybody can be asked.
    fn is_there(&self) -> bool {
        true
    }

    /// Judges what the Observer saw in a session.
    ///
    /// # Errors
    /// Why there is no judgement, as a sentence.
    async fn judge(&self, session: u32, snapshot: &Snapshot) -> Result<Triage, String>;
}

/// The triage model.
pub(super) struct Model(pub(super) Coach);

#[async_trait]
impl Judge for Model {
    fn is_there(&self) -> bool {
        self.0.can_think().is_ok()
    }

    async fn judge(&self, session: u32, snapshot: &Snapshot) -> Result<Triage, String> {
        let snapshot = serde_json::to_value(snapshot).map_err(|error| error.to_string())?;
        let fields = Inputs::from([("snapshot".to_owned(), snapshot)]);
        let limit = self.0.0.config.observer.triage_limit();
        let asked = self
            .0
            .ask_with::<Triage>("observer_triage", Some(session), &fields, |request| {
                request.deadline(limit).check(|answer| {
                    let triage: Triage = serde_json::from_value(answer.clone())
                        .map_err(|error| error.to_string())?;
                    triage.check()
                })
            })
            .await;
        asked.map_err(|error| error.message())
    }
}
