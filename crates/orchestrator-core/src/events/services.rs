//! What scripts emit, and what tells of their changes, gets its deliveries when it is committed.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use picloud_shared::{
    id::AppId,
    quota::QuotaExceeded,
    seam::EventTable as _,
    services::{Answer, Commit, HostServices, Question, Recalled, ServiceError},
};

use super::Events;

/// Gives what scripts emit its deliveries, adds what tells of changes, and hands all questions on.
#[derive(Clone)]
pub struct EventServices {
    others: Arc<dyn HostServices>,
    events: Events,
}

type Answering<'a> = Pin<Box<dyn Future<Output = Result<Answer, ServiceError>> + Send + 'a>>;

impl EventServices {
    /// Hands on to `others`.
    pub fn new(others: Arc<dyn HostServices>, events: Events) -> Self {
        Self { others, events }
    }

    /// Runs to its end, whatever becomes of who asked: once it is committed, the pump has to hear of it.
    async fn commit(&self, app: AppId, mut commit: Commit) -> Result<Answer, ServiceError> {
        self.events.address(app, &mut commit.emits);
        // Nothing is kept of what nobody wants.
        commit.emits.retain(|event| !event.deliveries.is_empty());
        commit.emits.extend(self.events.changes(app, &commit)?);
        let (others, events) = (Arc::clone(&self.others), self.events.clone());
        let work = async move {
            let emits = !commit.emits.is_empty();
            let answer = others.ask(app, Question::Commit(commit)).await;
            if emits && !matches!(answer, Ok(Answer::Conflict { .. })) {
                events.wake();
            }
            answer
        };
        self.events.runtime().spawn(work).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a commit with events ended without an answer");
            Err(ServiceError::CommitUnknown)
        })
    }
}

impl HostServices for EventServices {
    // Written out, so that what it hands on costs no future of its own.
    fn ask<'s, 'a>(&'s self, app: AppId, question: Question) -> Answering<'a>
    where
        's: 'a,
        Self: 'a,
    {
        match question {
            Question::Commit(commit) if !commit.emits.is_empty() || self.events.watch(app, &commit) => {
                Box::pin(self.commit(app, commit))
            }
            other => self.others.ask(app, other),
        }
    }

    fn may_call(&self, app: AppId) -> Result<(), QuotaExceeded> {
        self.others.may_call(app)
    }

    fn recall(&self, app: AppId, key: &str) -> Recalled {
        self.others.recall(app, key)
    }
}

impl fmt::Debug for EventServices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventServices").finish_non_exhaustive()
    }
}
