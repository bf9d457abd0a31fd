//! Second factors and their recovery codes.

use async_trait::async_trait;
use picloud_shared::{
    change::Change,
    id::{SessionId, UserId},
    repository::{ConfirmedFactor, SecondFactorRepository, StoreError},
    second_factor::{RecoveryCodeHash, SecondFactor},
    time::Timestamp,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    Store,
    audit::{Entry, append},
    convert::number,
    db::Transaction,
    statements::statements,
    users::is_still_signed_in,
    value::args,
};

/// What is sealed here, of the person that it belongs to.
pub(crate) const KIND: &str = "second_factor";

statements! {
    FIND_SECOND_FACTOR = "SELECT user_id, secret, sealed, created_at, confirmed_at, \
        (SELECT count(*) FROM recovery_codes c WHERE c.user_id = f.user_id) AS codes_left \
        FROM second_factors f WHERE user_id = $1";
    // A secret that is in force is not replaced, whoever comes first.
    PROPOSE_SECOND_FACTOR = "INSERT INTO second_factors (user_id, secret, sealed, created_at, last_step) \
        VALUES ($1, $2, TRUE, $3, 0) ON CONFLICT (user_id) DO UPDATE \
        SET secret = excluded.secret, sealed = TRUE, created_at = excluded.created_at, last_step = 0 \
        WHERE second_factors.confirmed_at IS NULL";
    CONFIRM_SECOND_FACTOR = "UPDATE second_factors SET confirmed_at = $2, last_step = $3 \
        WHERE user_id = $1 AND confirmed_at IS NULL AND secret = $4";
    END_SESSIONS_BUT = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2";
    // Of two who bring the same code at once, one waits for the other here and then finds it taken.
    SPEND_STEP = "UPDATE second_factors SET last_step = $2 \
        WHERE user_id = $1 AND confirmed_at IS NOT NULL AND last_step < $2";
    SPEND_RECOVERY_CODE = "DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2";
    FACTOR_IN_FORCE = "SELECT user_id FROM second_factors WHERE user_id = $1 AND confirmed_at IS NOT NULL";
    INSERT_RECOVERY_CODE = "INSERT INTO recovery_codes (user_id, code_hash) VALUES ($1, $2)";
    DELETE_RECOVERY_CODES = "DELETE FROM recovery_codes WHERE user_id = $1";
    DELETE_SECOND_FACTOR = "DELETE FROM second_factors WHERE user_id = $1";
}

#[derive(sqlx::FromRow)]
struct SecondFactorRow {
    user_id: Uuid,
    secret: Vec<u8>,
    sealed: bool,
    created_at: i64,
    confirmed_at: Option<i64>,
    codes_left: i64,
}

#[async_trait]
impl SecondFactorRepository for Store {
    async fn find_second_factor(&self, user: UserId) -> Result<Option<SecondFactor>, StoreError> {
        let row: Option<SecondFactorRow> = self.db.fetch_optional(FIND_SECOND_FACTOR, args![user]).await?;
        row.map(|row| self.opened(row)).transpose()
    }

    async fn propose_second_factor(
        &self,
        user: UserId,
        secret: &[u8],
        change: &Change,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.db.write().await?;
        let owner = user.0.into_bytes();
        let sealed = self
            .sealer
            .seal(&mut transaction, KIND, &owner, secret, change.at)
            .await?;
        let args = args![user, sealed.as_slice(), change.at];
        if transaction.execute(PROPOSE_SECOND_FACTOR, args).await? == 0 {
            return Ok(false);
        }
        let entry = about("begin_totp", user).after(json!({ "state": "proposed" }));
        recorded(transaction, entry, change).await?;
        Ok(true)
    }

    async fn confirm_second_factor(
        &self,
        confirmed: ConfirmedFactor<'_>,
        keep: SessionId,
        change: &Change,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.db.write_accounts().await?;
        let user = confirmed.user;
        if !is_still_signed_in(&mut transaction, user, change).await? {
            return Ok(false);
        }
        let waiting: Option<SecondFactorRow> = transaction
            .fetch_optional(FIND_SECOND_FACTOR, args![user])
            .await?;
        let Some(waiting) = waiting else {
            return Ok(false);
        };
        // What is sealed is never the same twice. So what is compared is what was sealed, and what is confirmed is the
        // very row that was compared.
        let stored = waiting.secret.clone();
        let waiting = self.opened(waiting)?;
        if waiting.secret != confirmed.secret || waiting.has_ended_at(change.at) {
            return Ok(false);
        }
        let args = args![user, change.at, confirmed.step, stored.as_slice()];
        if transaction.execute(CONFIRM_SECOND_FACTOR, args).await? == 0 {
            return Ok(false);
        }
        set_recovery_codes(&mut transaction, user, confirmed.recovery_codes).await?;
        transaction.execute(END_SESSIONS_BUT, args![user, keep]).await?;
        let codes = confirmed.recovery_codes.len();
        let entry = about("confirm_totp", user)
            .before(json!({ "state": "proposed" }))
            .after(json!({ "state": "in force", "recovery_codes": codes }));
        recorded(transaction, entry, change).await?;
        Ok(true)
    }

    async fn spend_totp_step(&self, user: UserId, step: i64) -> Result<bool, StoreError> {
        Ok(self.db.execute(SPEND_STEP, args![user, step]).await? == 1)
    }

    async fn spend_recovery_code(&self, user: UserId, code: &RecoveryCodeHash) -> Result<bool, StoreError> {
        Ok(self.db.execute(SPEND_RECOVERY_CODE, args![user, code]).await? == 1)
    }

    async fn replace_recovery_codes(
        &self,
        user: UserId,
        codes: &[RecoveryCodeHash],
        change: &Change,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.db.write_accounts().await?;
        let found: Option<(Uuid,)> = transaction.fetch_optional(FACTOR_IN_FORCE, args![user]).await?;
        if found.is_none() || !is_still_signed_in(&mut transaction, user, change).await? {
            return Ok(false);
        }
        let gone = set_recovery_codes(&mut transaction, user, codes).await?;
        let entry = about("renew_recovery_codes", user)
            .before(json!({ "recovery_codes": gone }))
            .after(json!({ "recovery_codes": codes.len() }));
        recorded(transaction, entry, change).await?;
        Ok(true)
    }

    async fn remove_second_factor(&self, user: UserId, change: &Change) -> Result<bool, StoreError> {
        let mut transaction = self.db.write_accounts().await?;
        if !is_still_signed_in(&mut transaction, user, change).await?
            || transaction.execute(DELETE_SECOND_FACTOR, args![user]).await? == 0
        {
            return Ok(false);
        }
        let entry = about("disable_totp", user).before(json!({ "state": "in force" }));
        recorded(transaction, entry, change).await?;
        Ok(true)
    }
}

fn about(action: &'static str, user: UserId) -> Entry {
    Entry::new(action).about("second_factor", user, "")
}

/// Leaves a record, and commits.
async fn recorded(mut transaction: Transaction, entry: Entry, change: &Change) -> Result<(), StoreError> {
    append(&mut transaction, change, entry).await?;
    transaction.commit().await
}

/// These codes, and no others; tells how many there were.
async fn set_recovery_codes(
    transaction: &mut Transaction,
    user: UserId,
    codes: &[RecoveryCodeHash],
) -> Result<u64, StoreError> {
    let gone = transaction.execute(DELETE_RECOVERY_CODES, args![user]).await?;
    for code in codes {
        transaction
            .execute(INSERT_RECOVERY_CODE, args![user, code])
            .await?;
    }
    Ok(gone)
}

impl Store {
    /// A row with its secret opened. An older server that still runs beside this one may have left it as it was.
    fn opened(&self, row: SecondFactorRow) -> Result<SecondFactor, StoreError> {
        Ok(SecondFactor {
            user_id: UserId(row.user_id),
            secret: if row.sealed {
                self.sealer.open(KIND, row.user_id.as_bytes(), &row.secret)?
            } else {
                row.secret
            },
            proposed_at: Timestamp::from_micros(row.created_at),
            confirmed_at: row.confirmed_at.map(Timestamp::from_micros),
            recovery_codes_left: number("number of recovery codes", row.codes_left)?,
        })
    }
}
