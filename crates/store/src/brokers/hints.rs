//! Telling those who hold connections to brokers that there is something for them.

use tokio::sync::Notify;

/// What this process tells itself.
#[derive(Debug, Default)]
pub(crate) struct BrokerHints(Notify);

impl BrokerHints {
    /// Messages may have come to wait, or another node has changed something.
    pub(crate) fn tell(&self) {
        self.0.notify_one();
    }

    /// Waits for that. What was told while nobody waited counts.
    pub(crate) async fn wait(&self) {
        self.0.notified().await;
    }
}
