//! What scripts ask about passwords: answered here, as hashing is the manager's, and all else by who answered before.

use std::{net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use picloud_shared::{
    id::AppId,
    quota::QuotaExceeded,
    services::{
        Answer, HostServices, Password, PasswordAnswer, PasswordQuestion, Question, Recalled, ServiceError,
    },
    time::Clock,
};
use tokio::runtime::Handle;

use crate::accounts::{Busy, Hasher, Throttle, Who};

/// Most passwords of scripts that are hashed at one time; those of people who sign in to PiCloud have a pool of their own.
const RUNNING_MAX: usize = 2;
/// Most that wait for their turn.
const WAITING_MAX: usize = 64;

/// Services with passwords.
pub struct PasswordServices {
    inner: Arc<dyn HostServices>,
    worker: Arc<Worker>,
    /// Where hashes are made. A serving thread only waits for them.
    runtime: Handle,
}

struct Worker {
    hasher: Hasher,
    /// Its own: an app's users are no accounts.
    throttle: Throttle,
    clock: Arc<dyn Clock>,
}

impl PasswordServices {
    /// Answers for passwords, and has `inner` answer all else. To be called on the runtime that is to make hashes;
    /// `give_memory_back` is called on the thread of each, at its end.
    pub fn new(inner: Arc<dyn HostServices>, clock: Arc<dyn Clock>, give_memory_back: fn()) -> Self {
        Self {
            inner,
            worker: Arc::new(Worker {
                hasher: Hasher::bounded(RUNNING_MAX, WAITING_MAX, give_memory_back),
                throttle: Throttle::default(),
                clock,
            }),
            runtime: Handle::current(),
        }
    }
}

#[async_trait]
impl HostServices for PasswordServices {
    async fn ask(&self, app: AppId, question: Question) -> Result<Answer, ServiceError> {
        let Question::Password(question) = question else {
            return self.inner.ask(app, question).await;
        };
        let worker = Arc::clone(&self.worker);
        let work = self
            .runtime
            .spawn(async move { worker.answer(app, question).await });
        work.await.map(Answer::Password).map_err(|_| ServiceError::Failed)
    }

    fn may_call(&self, app: AppId) -> Result<(), QuotaExceeded> {
        self.inner.may_call(app)
    }

    fn recall(&self, app: AppId, key: &str) -> Recalled {
        self.inner.recall(app, key)
    }
}

impl Worker {
    async fn answer(&self, app: AppId, question: PasswordQuestion) -> PasswordAnswer {
        let answered = match question {
            PasswordQuestion::Hash { password } => self
                .hasher
                .hash(password.0)
                .await
                .map(|hash| PasswordAnswer::Hashed { hash }),
            PasswordQuestion::Verify { hash, .. } if !Hasher::makes(&hash) => Ok(PasswordAnswer::NoHash),
            PasswordQuestion::Verify { password, hash } => self
                .hasher
                .verify(password.0, Some(hash))
                .await
                .map(|fits| PasswordAnswer::Verified { fits }),
            PasswordQuestion::SignIn {
                name,
                address,
                password,
                hash,
            } => self.sign_in(app, &name, address, password, hash).await,
        };
        answered.unwrap_or(PasswordAnswer::Busy)
    }

    async fn sign_in(
        &self,
        app: AppId,
        name: &str,
        address: IpAddr,
        password: Password,
        hash: Option<String>,
    ) -> Result<PasswordAnswer, Busy> {
        let attempt = self
            .throttle
            .begin(Who::User(app, name), address, self.clock.now());
        let attempt = match attempt {
            Ok(attempt) => attempt,
            Err(wait) => {
                return Ok(PasswordAnswer::Wait {
                    seconds: whole_seconds(wait),
                });
            }
        };
        match self.hasher.verify(password.0, hash).await {
            Ok(fits) => {
                if fits {
                    attempt.succeeded();
                }
                Ok(PasswordAnswer::Verified { fits })
            }
            Err(busy) => {
                attempt.withdrawn();
                Err(busy)
            }
        }
    }
}

/// Rounded up: who waits so long has waited long enough.
fn whole_seconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
