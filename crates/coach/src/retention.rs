//! What happened long ago goes, if the user wants it to: the clock of
//! [`paige_store::coach::retention`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use paige_store::coach::retention;
use tokio::time::sleep;

use crate::{Coach, CoachError};

/// How often the record is looked at. Often for a rule of days, so that a laptop that sleeps most of
/// them is not late by weeks.
const LOOK: Duration = Duration::from_secs(60 * 60);

/// A pause after each small part, for whoever else writes.
const PAUSE: Duration = Duration::from_millis(5);

impl Coach {
    /// Takes away what is kept for longer than it should be, now and as time goes on; run it as a
    /// task. Ends at once when everything is kept for ever.
    pub async fn run_retention(&self) {
        let Some(keep) = self.0.config.timeline_keep else {
            return;
        };
        loop {
            if let Err(error) = self.prune_older_than(keep).await {
                tracing::warn!(%error, "What is kept for longer than it should be could not be taken away; it is tried again in an hour.");
            }
            sleep(LOOK).await;
        }
    }

    async fn prune_older_than(&self, keep: Duration) -> Result<(), CoachError> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let millis = i64::try_from(now.saturating_sub(keep).as_millis()).unwrap_or(i64::MAX);
        let before = paige_store::from_millis(millis);
        let mut parts = 0_u32;
        loop {
            let before = before.clone();
            let more = self
                .0
                .store
                .commit(move |unit| Ok::<_, CoachError>(retention::prune(unit, &before)?))
                .await?;
            if !more {
                break;
            }
            parts += 1;
            sleep(PAUSE).await;
        }
        if parts > 0 {
            tracing::info!(%before, parts, "What happened before this time has been taken from the timeline.");
        }
        Ok(())
    }
}
