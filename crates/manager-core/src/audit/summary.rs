//! The record that counts refused attempts for which there is no other.
//!
//! When the first such attempt comes, a summary is due some minutes later; when the server stops, at once. So there is a
//! timer only while there is something to tell.

use std::time::Duration;

use picloud_shared::{
    audit::{Denial, SUMMARY_ACTION, Target},
    change::Change,
};
use serde_json::json;

use super::denials::Rest;
use crate::Manager;

/// From the first attempt without a record to the summary that counts it.
const SUMMARY_AFTER: Duration = Duration::from_mins(5);
/// Why what a summary counts was refused: for many reasons.
const REASON: &str = "various";

impl Manager {
    /// Has attempts without a record told, beside everything else, when some time has passed.
    pub(crate) fn summarize_denials_later(&self) {
        let manager = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(SUMMARY_AFTER).await;
            manager.summarize_denials().await;
        });
    }

    /// Leaves a record of the refused attempts for which there is none. Call it before the server ends.
    pub async fn summarize_denials(&self) {
        let Some(rest) = self.denials().take_rest(self.now()) else {
            return;
        };
        let recorded = self
            .repository()
            .record_denial(&denial(&rest), &Change::by_server(self.now()))
            .await;
        if let Err(error) = recorded {
            tracing::error!(%error, attempts = rest.sum(), "refused attempts are not counted in the audit log yet");
            let mut is_first = false;
            for (action, attempts) in rest.attempts {
                is_first |= self.denials().give_back(action, attempts);
            }
            if is_first {
                self.summarize_denials_later();
            }
        }
    }
}

fn denial(rest: &Rest) -> Denial {
    Denial {
        action: SUMMARY_ACTION,
        app: None,
        target: Target {
            kind: "audit_log".to_owned(),
            id: None,
            name: None,
        },
        reason: REASON,
        attempts: rest.sum(),
        details: Some(json!({
            "attempts": rest.attempts,
            "persons": rest.persons,
            "networks": rest.networks,
        })),
    }
}
