//! What happens to sealed values when a server starts.

use picloud_shared::{repository::StoreError, time::Timestamp};
use uuid::Uuid;

use crate::{Store, second_factors::KIND, statements::statements, value::args};

statements! {
    PLAIN_FACTORS = "SELECT user_id, secret FROM second_factors WHERE sealed = FALSE";
    // Only what was read: whoever began anew meanwhile has a sealed secret already.
    SEAL_FACTOR = "UPDATE second_factors SET secret = $3, sealed = TRUE \
        WHERE user_id = $1 AND secret = $2 AND sealed = FALSE";
}

impl Store {
    /// Refuses a secret key that is missing or is not the one that the database was sealed with, and seals what an older
    /// version wrote as it was. Nothing is asked of a database in which nothing was ever sealed.
    pub async fn prepare_secrets(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.db.write().await?;
        self.sealer.recorded(&mut transaction).await?;
        let plain: Vec<(Uuid, Vec<u8>)> = transaction.fetch_all(PLAIN_FACTORS, args![]).await?;
        for (user, secret) in &plain {
            let sealed = self
                .sealer
                .seal(&mut transaction, KIND, user.as_bytes(), secret, now)
                .await?;
            let args = args![*user, secret.as_slice(), sealed.as_slice()];
            transaction.execute(SEAL_FACTOR, args).await?;
        }
        transaction.commit().await?;
        if !plain.is_empty() {
            tracing::info!(
                second_factors = plain.len(),
                "secrets in the database were sealed"
            );
        }
        Ok(())
    }
}
