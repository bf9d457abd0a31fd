//! Events on SQLite: written by the thread that writes the commits of runs, with one flush for all that comes meanwhile.

pub(crate) mod by_state;
pub(crate) mod claim;
pub(crate) mod lease;
pub(crate) mod publish;
pub(crate) mod queues;

use picloud_shared::{
    events::{Claim, Claimed, Failure, Held, IdempotencyKey, NewEvent, Published},
    id::AppId,
    repository::StoreError,
    time::Timestamp,
};

pub(crate) use self::{
    lease::{acknowledge, cancel_runs, holds},
    publish::{Bound, publish, publish_without_bound},
};
use super::kv::KeyValues;
use crate::events::Refused;

/// Accepts events, once if a key is given.
pub(crate) async fn publish_alone(
    kv: &KeyValues,
    app: AppId,
    events: Vec<NewEvent>,
    idempotency: Option<IdempotencyKey>,
    now: Timestamp,
) -> Result<Result<Published, Refused>, StoreError> {
    kv.write(Some(app), move |connection| {
        publish::publish_once(connection, app, &events, idempotency.as_ref(), now)
    })
    .await
}

/// Leases what is due.
pub(crate) async fn claim(kv: &KeyValues, claim: Claim, now: Timestamp) -> Result<Claimed, StoreError> {
    kv.write(None, move |connection| claim::claim(connection, &claim, now))
        .await
}

/// Extends leases; gives those that are lost.
pub(crate) async fn extend(
    kv: &KeyValues,
    held: Vec<Held>,
    until: Timestamp,
) -> Result<Vec<Held>, StoreError> {
    kv.write(None, move |connection| lease::extend(connection, &held, until))
        .await
}

/// Notes that the run of a delivery begins; `false` if the lease was lost.
pub(crate) async fn begin(kv: &KeyValues, held: Held) -> Result<bool, StoreError> {
    kv.write(Some(held.app_id), move |connection| {
        lease::begin(connection, held)
    })
    .await
}

/// Ends a lease because the run did not go well; `false` if it was lost.
pub(crate) async fn fail(
    kv: &KeyValues,
    held: Held,
    failure: Failure,
    now: Timestamp,
) -> Result<bool, StoreError> {
    kv.write(Some(held.app_id), move |connection| {
        lease::fail(connection, held, &failure, now)
    })
    .await
}

/// Ends leases as if they had never been.
pub(crate) async fn release(kv: &KeyValues, held: Vec<Held>, due_at: Timestamp) -> Result<(), StoreError> {
    kv.write(None, move |connection| lease::release(connection, &held, due_at))
        .await
}

/// Takes back all leases of a node.
pub(crate) async fn recover(kv: &KeyValues, node: String, now: Timestamp) -> Result<u64, StoreError> {
    kv.write(None, move |connection| lease::recover(connection, &node, now))
        .await
}
