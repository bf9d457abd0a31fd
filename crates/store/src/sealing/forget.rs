//! What is done when the secret key is lost for good.

use picloud_shared::{change::Change, repository::StoreError};
use serde_json::json;

use crate::{
    Store,
    audit::{Entry, append},
    statements::statements,
    value::args,
};

statements! {
    FORGET_FACTORS = "DELETE FROM second_factors WHERE sealed = TRUE";
    FORGET_SECRETS = "DELETE FROM secrets";
    FORGET_MAIL_SERVERS = "DELETE FROM app_smtp WHERE username IS NOT NULL";
    FORGET_BROKERS = "DELETE FROM brokers WHERE length(sealed) > 0";
    FORGET_KEY = "DELETE FROM sealing_key WHERE singleton = 1";
}

/// What was deleted with a lost key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// How many second factors.
    pub second_factors: u64,
    /// How many secrets of apps.
    pub secrets: u64,
    /// How many mail servers of apps.
    pub mail_servers: u64,
    /// How many brokers of apps.
    pub brokers: u64,
}

impl Store {
    /// Deletes what only the lost key could open, so that a new key can be made.
    pub async fn forget_secret_key(&self, change: &Change) -> Result<Forgotten, StoreError> {
        let mut transaction = self.db.write_accounts().await?;
        let forgotten = Forgotten {
            second_factors: transaction.execute(FORGET_FACTORS, args![]).await?,
            secrets: transaction.execute(FORGET_SECRETS, args![]).await?,
            mail_servers: transaction.execute(FORGET_MAIL_SERVERS, args![]).await?,
            brokers: transaction.execute(FORGET_BROKERS, args![]).await?,
        };
        transaction.execute(FORGET_KEY, args![]).await?;
        let state = json!({
            "second_factors_removed": forgotten.second_factors,
            "secrets_removed": forgotten.secrets,
            "mail_servers_removed": forgotten.mail_servers,
            "brokers_removed": forgotten.brokers,
        });
        let entry = Entry::new("forget_secret_key").after(state);
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(forgotten)
    }
}
