//! Makes a change live on this node before it is acknowledged.

use std::{sync::Arc, time::Duration};

use picloud_shared::{id::AppId, repository::StoreError, seam::LiveTable};

use crate::Manager;

/// How often a refresh is tried before the change is acknowledged all the same.
const TRIES_BEFORE_ANSWER: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

impl Manager {
    /// Makes the live release of `app` the one that is stored.
    ///
    /// The change is committed at this point, so it is acknowledged whatever happens here: to answer with an
    /// error would invite the caller to make it twice. If the database stays away, the refresh goes on in the
    /// background until it succeeds.
    pub(crate) async fn publish(&self, app: AppId) {
        let mut pause = FIRST_PAUSE;
        for _ in 0..TRIES_BEFORE_ANSWER {
            if refresh(self.live(), app).await.is_ok() {
                return;
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        let live = Arc::clone(self.live());
        tokio::spawn(async move {
            while refresh(&live, app).await.is_err() {
                pause = (pause * 2).min(LONGEST_PAUSE);
                tokio::time::sleep(pause).await;
            }
            tracing::info!(app.id = %app, "the live release is up to date again");
        });
    }
}

async fn refresh(live: &Arc<dyn LiveTable>, app: AppId) -> Result<(), StoreError> {
    live.refresh(app).await.inspect_err(|error| {
        tracing::error!(
            app.id = %app,
            error = error as &dyn std::error::Error,
            "a change is stored but not live yet; trying again"
        );
    })
}
