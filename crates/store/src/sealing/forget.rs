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
    FORGET_KEY = "DELETE FROM sealing_key WHERE singleton = 1";
}

impl Store {
    /// Deletes what only the lost key could open, so that a new key can be made; gives the number of second factors
    /// among it.
    pub async fn forget_secret_key(&self, change: &Change) -> Result<u64, StoreError> {
        let mut transaction = self.db.write_accounts().await?;
        let factors = transaction.execute(FORGET_FACTORS, args![]).await?;
        transaction.execute(FORGET_KEY, args![]).await?;
        let entry = Entry::new("forget_secret_key").after(json!({ "second_factors_removed": factors }));
        append(&mut transaction, change, entry).await?;
        transaction.commit().await?;
        Ok(factors)
    }
}
