//! Storage of the mail servers of apps.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    change::Change,
    id::AppId,
    mail::{MailServer, MailSettings},
    secret::SecretText,
    time::Timestamp,
};

/// Storage of the mail servers of apps. None of it gives a password back: see [`MailServers`].
#[async_trait]
pub trait SmtpRepository: Send + Sync {
    /// The mail server of an app, if it has one of its own.
    async fn find_smtp(&self, app: AppId) -> Result<Option<AppSmtp>, StoreError>;

    /// Sets the mail server of an app; e-mail that is sent after this goes there. Without a password the one that is there
    /// stays, as long as it goes to the same place in the same way: it must not be sent elsewhere by somebody who does not
    /// know it.
    async fn put_smtp(
        &self,
        app: AppId,
        settings: &MailSettings,
        password: Option<&SecretText>,
        change: &Change,
    ) -> Result<AppSmtp, PutSmtpError>;

    /// Takes the mail server of an app away; `false` if it had none of its own.
    async fn delete_smtp(&self, app: AppId, change: &Change) -> Result<bool, StoreError>;
}

/// Gives those who send e-mail what they need.
#[async_trait]
pub trait MailServers: Send + Sync {
    /// The mail server of an app, with its password.
    async fn mail_server(&self, app: AppId) -> Result<Option<MailServer>, StoreError>;
}

/// The mail server of an app, as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSmtp {
    /// What is set.
    pub settings: MailSettings,
    /// When it was set.
    pub updated_at: Timestamp,
    /// Who set it; absent if their account is gone.
    pub updated_by: Option<String>,
}

/// Why a mail server was not set.
#[derive(Debug, thiserror::Error)]
pub enum PutSmtpError {
    /// Somebody is to sign in, and there is no password to stay.
    #[error("the password has to be given")]
    PasswordNeeded,
    /// The app is gone.
    #[error("the app is gone")]
    NoApp,
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
