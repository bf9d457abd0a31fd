//! Leasing what is due, on PostgreSQL.

use std::sync::Arc;

use picloud_shared::{
    events::{BATCH_BYTES_MAX, Claim, Claimed, Counts, Event, Held, Leased},
    id::{AppId, DeliveryId, ScriptId},
    repository::StoreError,
    time::Timestamp,
};
use uuid::Uuid;

use super::{
    Postgres,
    events::{TRIES_MAX, until_done},
    failure::Failure as Refusal,
    kv::count,
};
use crate::{
    convert::number,
    db::bounded,
    error::store_error,
    events::{
        rows::{EventRow, origin_and_terms},
        unreadable,
    },
    statements::statements,
};

statements! {
    CLAIM_DELIVERIES = "SELECT * FROM claim_deliveries($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
        $15, $16, $17, $18)";
}

/// The terms of queues, as columns.
#[derive(Default)]
struct Terms {
    limited_apps: Vec<Uuid>,
    limited_queues: Vec<Uuid>,
    limits: Vec<i64>,
    batch_queues: Vec<Uuid>,
    batch_events: Vec<i64>,
    /// In microseconds.
    batch_waits: Vec<i64>,
}

impl Terms {
    fn of(claim: &Claim) -> Self {
        let mut columns = Self::default();
        for (queue, terms) in &claim.queues {
            if let Some(runs_max) = terms.runs_max {
                columns.limited_apps.push(terms.app_id.0);
                columns.limited_queues.push(queue.0);
                columns.limits.push(runs_max.into());
            }
            if let Some(batch) = terms.batch {
                columns.batch_queues.push(queue.0);
                columns.batch_events.push(batch.events_max.into());
                columns.batch_waits.push(i64::from(batch.wait_ms) * 1_000);
            }
        }
        columns
    }
}

impl Postgres {
    /// Leases what is due.
    pub(crate) async fn claim(&self, claim: &Claim, now: Timestamp) -> Result<Claimed, StoreError> {
        let held = claim.held.iter();
        let (held_apps, held_counts): (Vec<Uuid>, Vec<i64>) =
            held.map(|(app, count)| (app.0, i64::from(*count))).unzip();
        let in_queues = claim.held_in_queues.iter();
        let (held_queues, held_in_queues): (Vec<Uuid>, Vec<i64>) = in_queues
            .map(|(queue, count)| (queue.0, i64::from(*count)))
            .unzip();
        let full: Vec<Uuid> = claim.full.iter().map(|script| script.0).collect();
        let terms = Terms::of(claim);
        let rows: Vec<ClaimRow> = until_done!(
            sqlx::query_as(CLAIM_DELIVERIES)
                .bind(&claim.node)
                .bind(i64::from(claim.places))
                .bind(i64::from(claim.per_app_max))
                .bind(i64::from(claim.share))
                .bind(&held_apps)
                .bind(&held_counts)
                .bind(&held_queues)
                .bind(&held_in_queues)
                .bind(&full)
                .bind(&terms.limited_apps)
                .bind(&terms.limited_queues)
                .bind(&terms.limits)
                .bind(&terms.batch_queues)
                .bind(&terms.batch_events)
                .bind(&terms.batch_waits)
                .bind(count(BATCH_BYTES_MAX))
                .bind(now.as_micros())
                .bind(claim.lease_until.as_micros())
                .fetch_all(&self.pool)
        )
        .map_err(store_error)?;
        let mut claimed = Claimed {
            leased: Vec::with_capacity(rows.len()),
            next_due: None,
            has_more: false,
            set_aside: 0,
            leaves_strays: false,
        };
        let mut to_set_aside = Vec::new();
        for row in rows {
            let Some(held) = row.held() else {
                claimed.next_due = row.next_due.map(Timestamp::from_micros);
                claimed.has_more = row.has_more.unwrap_or(false);
                continue;
            };
            match row.leased(claim.lease_until) {
                Ok(leased) => claimed.leased.push(leased),
                Err(error) => to_set_aside.push((held, error)),
            }
        }
        for (held, error) in to_set_aside {
            // Those that can be read are leased by now, whatever becomes of this one.
            match self.fail(held, &unreadable(held, &error.to_string()), now).await {
                Ok(_) => claimed.set_aside += 1,
                Err(error) => {
                    tracing::warn!(%error, "an event that cannot be read is not set aside yet");
                    claimed.leaves_strays = true;
                }
            }
        }
        Ok(claimed)
    }
}

/// A delivery that was leased; in the last row, only when there is something to claim next.
#[derive(sqlx::FromRow)]
struct ClaimRow {
    app_id: Option<Uuid>,
    id: Option<Uuid>,
    script_id: Option<Uuid>,
    token: Option<i64>,
    place: Option<i64>,
    origin: Option<String>,
    origin_id: Option<Uuid>,
    terms: Option<String>,
    since: Option<i64>,
    attempts: Option<i64>,
    faults: Option<i64>,
    aborts: Option<i64>,
    batch: Option<Uuid>,
    ran_only_in_batch: Option<bool>,
    event_id: Option<Uuid>,
    topic: Option<String>,
    event_key: Option<String>,
    source: Option<String>,
    subject: Option<String>,
    happened_at: Option<i64>,
    extensions: Option<String>,
    content_type: Option<String>,
    root_id: Option<Uuid>,
    cause_id: Option<Uuid>,
    depth: Option<i64>,
    request: Option<String>,
    data: Option<Vec<u8>>,
    next_due: Option<i64>,
    has_more: Option<bool>,
}

impl ClaimRow {
    /// The lease; none in the last row.
    fn held(&self) -> Option<Held> {
        Some(Held {
            app_id: AppId(self.app_id?),
            delivery: DeliveryId(self.id?),
            token: self.token?,
        })
    }

    fn leased(self, until: Timestamp) -> Result<Leased, StoreError> {
        let origin = there(self.origin)?;
        let (origin, terms) = origin_and_terms(&origin, self.origin_id, self.terms.as_deref())?;
        let event = EventRow {
            event_id: there(self.event_id)?,
            topic: self.topic,
            event_key: self.event_key,
            source: there(self.source)?,
            subject: self.subject,
            happened_at: there(self.happened_at)?,
            extensions: self.extensions,
            content_type: there(self.content_type)?,
            root_id: there(self.root_id)?,
            cause_id: self.cause_id,
            depth: there(self.depth)?,
            request: self.request,
            data: there(self.data)?,
        };
        Ok(Leased {
            delivery: DeliveryId(there(self.id)?),
            app_id: AppId(there(self.app_id)?),
            script_id: ScriptId(there(self.script_id)?),
            token: there(self.token)?,
            until,
            counts: Counts {
                attempts: number("attempts", there(self.attempts)?)?,
                faults: number("faults", there(self.faults)?)?,
                aborts: number("aborts", there(self.aborts)?)?,
            },
            batch: self.batch.map(DeliveryId),
            ran_only_in_batch: there(self.ran_only_in_batch)?,
            event: Arc::new(Event::try_from(event)?),
            origin,
            ordered: self.place.is_some(),
            retry: terms.retry,
            on_success: terms.on_success,
            on_failure: terms.on_failure,
            since: Timestamp::from_micros(there(self.since)?),
        })
    }
}

/// What only the last row has not.
fn there<T>(value: Option<T>) -> Result<T, StoreError> {
    value.ok_or_else(|| StoreError::Corrupt("a delivery without what each has".to_owned()))
}
