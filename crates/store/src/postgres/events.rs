//! Events on PostgreSQL: what happens for each of them is one call of a function.

use std::collections::HashSet;

use picloud_shared::{
    events::{
        Failure, Held, IdempotencyKey, NewEvent, Next, Published, WAITING_BYTES_PER_APP_MAX,
        WAITING_PER_APP_MAX,
    },
    id::AppId,
    repository::{BrokersHint, StoreError},
    time::Timestamp,
};
use sqlx::{PgConnection, postgres::PgArguments, query::Query};
use uuid::Uuid;

use super::{Postgres, failure::Failure as Refusal, hints::Told, kv::count};
use crate::{
    convert::to_json,
    db::bounded,
    error::store_error,
    events::{
        NOT_TOLD, Refused,
        idempotency::{known, published, to_json_text},
        of_failure,
        rows::{rows, sums},
        warn_not_told,
    },
    statements::statements,
};

/// How often something is sent that PostgreSQL gave up for something else.
pub(crate) const TRIES_MAX: usize = 5;

statements! {
    PUBLISH_EVENTS = "SELECT publish_events($1, $2, CAST($3 AS JSONB), $4, $5, $6, $7, $8)";
    PUBLISH_ONCE = "SELECT publish_once($1, $2, $3, $4, $5, $6, $7, CAST($8 AS JSONB), $9, $10, $11, $12, $13) AS earlier";
    // In the order in which a run for several locks them.
    EXTEND_LEASES = "UPDATE deliveries SET lease_until = $4 FROM (SELECT d.app_id, d.id FROM deliveries AS d \
        JOIN unnest(CAST($1 AS UUID[]), CAST($2 AS UUID[]), CAST($3 AS BIGINT[])) AS held (app_id, id, token) \
        ON d.app_id = held.app_id AND d.id = held.id AND d.token = held.token \
        WHERE d.state = 'running' ORDER BY d.app_id, d.id FOR UPDATE OF d) AS kept \
        WHERE deliveries.app_id = kept.app_id AND deliveries.id = kept.id \
        RETURNING deliveries.app_id, deliveries.id, deliveries.token";
    BEGIN_RUN = "UPDATE deliveries SET begun_token = token \
        WHERE app_id = $1 AND id = $2 AND token = $3 AND state = 'running'";
    RELEASE_LEASES = "UPDATE deliveries SET state = 'waiting', node = NULL, lease_until = NULL, due_at = $4 \
        FROM unnest(CAST($1 AS UUID[]), CAST($2 AS UUID[]), CAST($3 AS BIGINT[])) AS held (app_id, id, token) \
        WHERE deliveries.app_id = held.app_id AND deliveries.id = held.id AND deliveries.token = held.token \
        AND deliveries.state = 'running'";
    RECOVER_LEASES = "UPDATE deliveries SET state = 'waiting', node = NULL, lease_until = NULL, due_at = $2, \
        aborts = aborts + CASE WHEN aborts = 0 OR begun_token = token THEN 1 ELSE 0 END \
        WHERE state = 'running' AND node = $1";
    FAIL_DELIVERY = "SELECT was_held, was_told FROM fail_delivery( \
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, CAST($11 AS JSONB), $12, $13, $14, \
        CAST($15 AS JSONB), $16, $17, $18, $19, $20, $21)";
}

/// Events as the functions take them.
pub(super) struct Packed<'e> {
    /// All but their data, as JSON; absent if there are none.
    pub(super) events: Option<String>,
    pub(super) data: Vec<&'e [u8]>,
    pub(super) count: i64,
    pub(super) bytes: i64,
}

impl<'e> Packed<'e> {
    pub(super) fn of(events: &'e [NewEvent], now: Timestamp) -> Result<Self, StoreError> {
        let rows = rows(events, now)?;
        let (count, bytes) = sums(&rows);
        Ok(Self {
            events: (!events.is_empty()).then(|| to_json(&rows)).transpose()?,
            data: rows.iter().map(|row| row.data).collect(),
            count,
            bytes,
        })
    }

    /// What accepts them, within the bounds of the app.
    fn publish(&self, app: AppId, now: Timestamp) -> Query<'_, sqlx::Postgres, PgArguments> {
        self.publish_within(Some(bounds()), app, now)
    }

    fn publish_within(
        &self,
        bounds: Option<(i64, i64)>,
        app: AppId,
        now: Timestamp,
    ) -> Query<'_, sqlx::Postgres, PgArguments> {
        let (count_max, bytes_max) = bounds.unzip();
        sqlx::query(PUBLISH_EVENTS)
            .bind(app.0)
            .bind(now.as_micros())
            .bind(self.events())
            .bind(&self.data)
            .bind(self.count)
            .bind(self.bytes)
            .bind(count_max)
            .bind(bytes_max)
    }

    fn events(&self) -> &str {
        self.events.as_deref().unwrap_or("[]")
    }
}

/// The bounds on what waits in an app, for functions.
pub(super) fn bounds() -> (i64, i64) {
    (count(WAITING_PER_APP_MAX), count(WAITING_BYTES_PER_APP_MAX))
}

/// Accepts events as a part of a transaction, within the bounds of the app.
pub(crate) async fn publish(
    connection: &mut PgConnection,
    app: AppId,
    events: &[NewEvent],
    now: Timestamp,
) -> Result<Result<(), Refused>, StoreError> {
    let packed = Packed::of(events, now)?;
    match packed.publish(app, now).execute(connection).await {
        Ok(_) => Ok(Ok(())),
        Err(error) => refused(error).map(Err),
    }
}

/// The same, however many wait.
pub(crate) async fn publish_without_bound(
    connection: &mut PgConnection,
    app: AppId,
    events: &[NewEvent],
    now: Timestamp,
) -> Result<(), StoreError> {
    let packed = Packed::of(events, now)?;
    let accepted = packed.publish_within(None, app, now).execute(connection);
    bounded(accepted).await.map_err(store_error)?;
    Ok(())
}

/// What an error says of events that were not accepted.
fn refused(error: sqlx::Error) -> Result<Refused, StoreError> {
    match Refusal::of(&error) {
        Refusal::AppGone => Ok(Refused::NoApp),
        Refusal::QueueFull => Ok(Refused::Full),
        Refusal::KeyReused => Ok(Refused::KeyReused),
        _ => Err(store_error(error)),
    }
}

/// Sends something again as long as PostgreSQL gave it up for something else: nothing of it has taken effect then.
macro_rules! until_done {
    ($send:expr) => {{
        let mut tries = 0;
        loop {
            tries += 1;
            match bounded($send).await {
                Err(error) if Refusal::of(&error) == Refusal::GaveUp && tries < TRIES_MAX => {}
                done => break done,
            }
        }
    }};
}
pub(super) use until_done;

impl Postgres {
    /// Accepts events, once if a key is given.
    pub(crate) async fn publish(
        &self,
        app: AppId,
        events: &[NewEvent],
        idempotency: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Result<Published, Refused>, StoreError> {
        let made = published(events);
        let packed = Packed::of(events, now)?;
        let Some(key) = idempotency else {
            return match until_done!(packed.publish(app, now).execute(&self.pool)) {
                Ok(_) => {
                    self.hints.tell(&self.pool);
                    Ok(Ok(made))
                }
                Err(error) => refused(error).map(Err),
            };
        };
        let (count_max, bytes_max) = bounds();
        let ids = to_json_text(&made)?;
        let earlier = until_done!(
            sqlx::query_scalar::<_, Option<String>>(PUBLISH_ONCE)
                .bind(app.0)
                .bind(now.as_micros())
                .bind(&key.scope)
                .bind(&key.key)
                .bind(key.fingerprint.as_slice())
                .bind(key.kept_until.as_micros())
                .bind(&ids)
                .bind(packed.events())
                .bind(&packed.data)
                .bind(packed.count)
                .bind(packed.bytes)
                .bind(count_max)
                .bind(bytes_max)
                .fetch_one(&self.pool)
        );
        match earlier {
            Ok(None) => {
                self.hints.tell(&self.pool);
                Ok(Ok(made))
            }
            Ok(Some(earlier)) => {
                let found = known(key, &key.fingerprint, &earlier)?;
                Ok(found.ok_or(Refused::KeyReused))
            }
            Err(error) => refused(error).map(Err),
        }
    }

    /// Extends leases; gives those that are lost.
    pub(crate) async fn extend(&self, held: Vec<Held>, until: Timestamp) -> Result<Vec<Held>, StoreError> {
        let (apps, deliveries, tokens) = columns(&held);
        let extended: Vec<(Uuid, Uuid, i64)> = until_done!(
            sqlx::query_as(EXTEND_LEASES)
                .bind(&apps)
                .bind(&deliveries)
                .bind(&tokens)
                .bind(until.as_micros())
                .fetch_all(&self.pool)
        )
        .map_err(store_error)?;
        let extended: HashSet<_> = extended.into_iter().collect();
        let is_lost = |one: &Held| !extended.contains(&(one.app_id.0, one.delivery.0, one.token));
        Ok(held.into_iter().filter(is_lost).collect())
    }

    /// Notes that the run of a delivery begins; `false` if the lease was lost.
    pub(crate) async fn begin(&self, held: Held) -> Result<bool, StoreError> {
        let begun = until_done!(
            sqlx::query(BEGIN_RUN)
                .bind(held.app_id.0)
                .bind(held.delivery.0)
                .bind(held.token)
                .execute(&self.pool)
        );
        begun.map(|done| done.rows_affected() == 1).map_err(store_error)
    }

    /// Ends a lease because the run did not go well; `false` if it was lost.
    pub(crate) async fn fail(
        &self,
        held: Held,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (owed, others) = of_failure(failure);
        let (owed, others) = (Packed::of(&owed, now)?, Packed::of(&others, now)?);
        let (count_max, bytes_max) = bounds();
        let (retry_at, reason) = match failure.next {
            Next::RetryAt(due_at) => (Some(due_at.as_micros()), None),
            Next::Dead(reason) => (None, Some(reason.as_str())),
        };
        let (attempt, fault) = if failure.is_fault { (0_i64, 1_i64) } else { (1, 0) };
        let (was_held, was_told): (bool, bool) = until_done!(
            sqlx::query_as(FAIL_DELIVERY)
                .bind(held.app_id.0)
                .bind(held.delivery.0)
                .bind(held.token)
                .bind(now.as_micros())
                .bind(retry_at)
                .bind(reason)
                .bind(attempt)
                .bind(fault)
                .bind(failure.error.replace('\0', "\u{FFFD}"))
                .bind(failure.execution.map(|execution| execution.0))
                .bind(owed.events.as_deref())
                .bind(&owed.data)
                .bind(owed.count)
                .bind(owed.bytes)
                .bind(others.events.as_deref())
                .bind(&others.data)
                .bind(others.count)
                .bind(others.bytes)
                .bind(count_max)
                .bind(bytes_max)
                .bind(NOT_TOLD)
                .fetch_one(&self.pool)
        )
        .map_err(store_error)?;
        if !was_told {
            warn_not_told(held);
        }
        if owed.count + others.count > 0 {
            self.hints.tell(&self.pool);
        }
        Ok(was_held)
    }

    /// Ends leases as if they had never been.
    pub(crate) async fn release(&self, held: &[Held], due_at: Timestamp) -> Result<(), StoreError> {
        let (apps, deliveries, tokens) = columns(held);
        until_done!(
            sqlx::query(RELEASE_LEASES)
                .bind(&apps)
                .bind(&deliveries)
                .bind(&tokens)
                .bind(due_at.as_micros())
                .execute(&self.pool)
        )
        .map_err(store_error)?;
        self.hints.tell(&self.pool);
        Ok(())
    }

    /// Takes back all leases of a node.
    pub(crate) async fn recover(&self, node: &str, now: Timestamp) -> Result<u64, StoreError> {
        let taken = until_done!(
            sqlx::query(RECOVER_LEASES)
                .bind(node)
                .bind(now.as_micros())
                .execute(&self.pool)
        );
        taken.map(|done| done.rows_affected()).map_err(store_error)
    }

    /// Tells other nodes that something may be due.
    pub(crate) fn tell(&self) {
        self.hints.tell(&self.pool);
    }

    /// Tells other nodes that something of brokers has changed.
    pub(crate) fn tell_of_brokers(&self, hint: BrokersHint) {
        self.hints.tell_of_brokers(&self.pool, hint);
    }

    /// Waits until another node may have made something due, or has changed something of brokers.
    pub(crate) async fn hint(&self) -> Told {
        self.hints.wait(&self.pool).await
    }
}

fn columns(held: &[Held]) -> (Vec<Uuid>, Vec<Uuid>, Vec<i64>) {
    (
        held.iter().map(|one| one.app_id.0).collect(),
        held.iter().map(|one| one.delivery.0).collect(),
        held.iter().map(|one| one.token).collect(),
    )
}
