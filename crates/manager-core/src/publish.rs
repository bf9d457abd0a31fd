//! Makes a change live on this node before it is acknowledged.

use std::{future::Future, sync::Arc, time::Duration};

use picloud_shared::{id::AppId, repository::StoreError};

use crate::Manager;

/// How often a refresh is tried before the change is acknowledged all the same.
const TRIES_BEFORE_ANSWER: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

impl Manager {
    /// Makes the live release of `app` the one that is stored.
    pub(crate) async fn publish(&self, app: AppId) {
        let live = Arc::clone(self.live());
        publish(app, move || {
            let live = Arc::clone(&live);
            async move { live.refresh(app).await }
        })
        .await;
        // Scripts may be told of the release.
        self.events().wake();
    }

    /// Makes what scripts of `app` may do outside of this node what is stored.
    pub(crate) async fn publish_egress(&self, app: AppId) {
        let egress = Arc::clone(self.egress());
        publish(app, move || {
            let egress = Arc::clone(&egress);
            async move { egress.refresh(app).await }
        })
        .await;
    }
}

/// Makes a change of `app` live.
///
/// The change is committed at this point, so it is acknowledged whatever happens here: to answer with an
/// error would invite the caller to make it twice. If the database stays away, the refresh goes on in the
/// background until it succeeds.
async fn publish<F>(app: AppId, refresh: impl Fn() -> F + Send + 'static)
where
    F: Future<Output = Result<(), StoreError>> + Send,
{
    let mut pause = FIRST_PAUSE;
    for _ in 0..TRIES_BEFORE_ANSWER {
        if told(app, refresh().await).is_ok() {
            return;
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    tokio::spawn(async move {
        while told(app, refresh().await).is_err() {
            pause = (pause * 2).min(LONGEST_PAUSE);
            tokio::time::sleep(pause).await;
        }
        tracing::info!(app.id = %app, "the change is live now");
    });
}

fn told(app: AppId, result: Result<(), StoreError>) -> Result<(), StoreError> {
    result.inspect_err(|error| {
        tracing::error!(
            app.id = %app,
            error = error as &dyn std::error::Error,
            "a change is stored but not live yet; trying again"
        );
    })
}
