//! Whose the connections to brokers are, where several servers share the database.
//!
//! A lease has an end, by the clock of the database. So that nobody has to wait for that where a server was killed, each
//! also holds a lock in its own name for as long as its connection to the database lives: what belongs to a name that
//! nobody holds is free. A server's leases are extended on that very connection. One that has lost it, and lives, hears of it
//! there, and whether its leases went to another meanwhile.

use std::time::Duration;

use picloud_shared::{id::BrokerId, repository::StoreError};
use sqlx::{PgConnection, PgPool};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::Postgres;
use crate::{db::bounded, error::store_error, statements::statements};

statements! {
    /// It is shared with nobody but the connections of one server: a lost one may still be there when the next one is made.
    LOCK_HOLDER = "SELECT pg_advisory_lock_shared(hashtextextended($1, 28))";
    /// The lock of a holder who lives cannot be had; that of another is given back with the end of the statement.
    LEASE_BROKER = "UPDATE brokers SET holder = $2, \
        held_until = CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) + $3 \
        WHERE id = $1 AND (holder IS NULL OR holder = $2 \
        OR held_until <= CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) \
        OR pg_try_advisory_xact_lock(hashtextextended(holder, 28)))";
    RELEASE_BROKER = "UPDATE brokers SET holder = NULL, held_until = 0 WHERE id = $1 AND holder = $2";
}

/// The leases of this process.
#[derive(Debug)]
pub(crate) struct Leases {
    /// Who has them. Servers of one name are not one.
    holder: String,
    /// Is there once there was a lease.
    connection: Mutex<Option<PgConnection>>,
}

impl Default for Leases {
    fn default() -> Self {
        Self {
            holder: Uuid::new_v4().to_string(),
            connection: Mutex::default(),
        }
    }
}

impl Leases {
    /// Lets go of the connection, and so of all leases.
    pub(super) fn close(&self) {
        if let Ok(mut connection) = self.connection.try_lock() {
            *connection = None;
        }
    }

    async fn lease(&self, pool: &PgPool, broker: BrokerId, lasts: Duration) -> Result<bool, sqlx::Error> {
        let mut kept = self.connection.lock().await;
        // It is taken out: one that has failed, or whose answer nobody waited for, is not used again.
        if let Some(mut connection) = kept.take()
            && let Ok(is_leased) = lease(&mut connection, broker, &self.holder, lasts).await
        {
            *kept = Some(connection);
            return Ok(is_leased);
        }
        let mut connection = connect(pool, &self.holder).await?;
        let is_leased = lease(&mut connection, broker, &self.holder, lasts).await?;
        *kept = Some(connection);
        Ok(is_leased)
    }
}

impl Postgres {
    /// Who has the leases of this process.
    pub(crate) fn lease_holder(&self) -> &str {
        &self.leases.holder
    }

    /// Leases a broker, or extends its lease; `false` if another process has it.
    pub(crate) async fn lease_broker(&self, broker: BrokerId, lasts: Duration) -> Result<bool, StoreError> {
        let leased = self.leases.lease(&self.pool, broker, lasts).await;
        leased.map_err(store_error)
    }

    /// Gives a lease back.
    pub(crate) async fn release_broker(&self, broker: BrokerId) -> Result<(), StoreError> {
        let release = sqlx::query(RELEASE_BROKER)
            .bind(broker.0)
            .bind(self.leases.holder.as_str())
            .execute(&self.pool);
        bounded(release).await.map(|_| ()).map_err(store_error)
    }
}

/// A connection that shows that `holder` lives. It is none of the pool, which would give it to others.
async fn connect(pool: &PgPool, holder: &str) -> Result<PgConnection, sqlx::Error> {
    let mut connection = pool.acquire().await?.detach();
    bounded(sqlx::query(LOCK_HOLDER).bind(holder).execute(&mut connection)).await?;
    Ok(connection)
}

async fn lease(
    connection: &mut PgConnection,
    broker: BrokerId,
    holder: &str,
    lasts: Duration,
) -> Result<bool, sqlx::Error> {
    let micros = i64::try_from(lasts.as_micros()).unwrap_or(i64::MAX);
    let lease = sqlx::query(LEASE_BROKER)
        .bind(broker.0)
        .bind(holder)
        .bind(micros)
        .execute(connection);
    let leased = bounded(lease).await?;
    Ok(leased.rows_affected() > 0)
}
