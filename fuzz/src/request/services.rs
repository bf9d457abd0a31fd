//! Services that know the key of webhooks, and nothing else.

use async_trait::async_trait;
use picloud_shared::{
    id::AppId,
    quota::QuotaExceeded,
    services::{Answer, HostServices, Question, ServiceError},
};

/// Every secret is this one.
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Answers what webhooks ask.
pub(super) struct OnlyKeys;

#[async_trait]
impl HostServices for OnlyKeys {
    async fn ask(&self, _app: AppId, question: Question) -> Result<Answer, ServiceError> {
        match question {
            Question::Secret { .. } => Ok(Answer::Secret {
                value: Some(KEY.to_owned().into()),
            }),
            _ => Err(ServiceError::Failed),
        }
    }

    fn may_call(&self, _app: AppId) -> Result<(), QuotaExceeded> {
        Ok(())
    }
}
