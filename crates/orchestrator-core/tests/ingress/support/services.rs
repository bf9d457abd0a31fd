//! Services that know secrets, and nothing else.

use async_trait::async_trait;
use picloud_shared::{
    id::AppId,
    quota::QuotaExceeded,
    services::{Answer, HostServices, Question, ServiceError},
};

/// The key of webhooks.
pub(crate) const KEY: &str = "It's a Secret to Everybody";

/// Answers what webhooks ask: `KEY` is there, `ABSENT` is not, and for `AWAY` no database answers.
pub(crate) struct OnlySecrets;

#[async_trait]
impl HostServices for OnlySecrets {
    async fn ask(&self, _app: AppId, question: Question) -> Result<Answer, ServiceError> {
        let Question::Secret { name } = question else {
            return Err(ServiceError::Failed);
        };
        match name.as_str() {
            "KEY" => Ok(Answer::Secret {
                value: Some(KEY.to_owned().into()),
            }),
            "ABSENT" => Ok(Answer::Secret { value: None }),
            _ => Err(ServiceError::Unavailable),
        }
    }

    fn may_call(&self, _app: AppId) -> Result<(), QuotaExceeded> {
        Ok(())
    }
}
