//! Whoever subscribes is told of each release of the app, in the transaction that makes it.

use std::{collections::BTreeMap, time::Duration};

use picloud_shared::{
    change::Change,
    events::{DEPTH_MAX, Lineage, NewDelivery, NewEvent, Topic},
    id::{EventId, SubscriptionId},
    release::{Manifest, Release},
    repository::StoreError,
    services::docs::Filter,
    time::Timestamp,
};
use serde_json::json;

use crate::{db::Transaction, postgres, sqlite};

const TOPIC: &str = "picloud.release";

/// Nodes answer from a release a moment after it is stored. Who is told of it runs when they do.
const TOLD_AFTER: Duration = Duration::from_secs(1);

/// Tells whoever subscribes in the release itself; says whether that is anybody. There is one for each, whatever else waits:
/// a release that makes things better is not held up by too many events. Only one that the last of a chain of runs makes is
/// refused, as changes of data are.
pub(crate) async fn tell(
    transaction: &mut Transaction,
    manifest: &Manifest,
    release: &Release,
    change: &Change,
) -> Result<bool, StoreError> {
    let Some(event) = event(manifest, release, change) else {
        return Ok(false);
    };
    if change.depth >= DEPTH_MAX {
        return Err(StoreError::LoopDetected);
    }
    let events = [event];
    match transaction {
        Transaction::Postgres(transaction) => {
            postgres::events::publish_without_bound(transaction, release.app_id, &events, change.at).await?;
        }
        Transaction::Sqlite(transaction) => {
            sqlite::events::publish_without_bound(transaction, release.app_id, &events, change.at).await?;
        }
    }
    Ok(true)
}

fn event(manifest: &Manifest, release: &Release, change: &Change) -> Option<NewEvent> {
    // Most apps ask for nothing.
    if manifest.subscriptions.is_empty() {
        return None;
    }
    let now = change.at;
    let id = EventId::new(now);
    let topic: Topic = TOPIC.parse().ok()?;
    let data = json!({
        "number": release.number,
        "summary": release.summary,
        "note": release.note,
        "author_id": release.author,
        "author_name": release.author_name,
        "via": change.via.as_str(),
        "created_at": release.created_at,
    });
    let mut event = NewEvent {
        id,
        topic: Some(topic),
        source: "/releases".to_owned(),
        subject: Some(release.number.to_string()),
        time: now,
        extensions: BTreeMap::new(),
        content_type: "application/json".to_owned(),
        data: data.to_string().into(),
        key: None,
        request: None,
        due_at: Some(now.plus(TOLD_AFTER)),
        lineage: Lineage {
            root: change.request_id.map_or(id.0, |request| request.0),
            cause: None,
            depth: change.depth,
        },
        deliveries: Vec::new(),
    };
    event.deliveries = deliveries(manifest, &event, now);
    (!event.deliveries.is_empty()).then_some(event)
}

fn deliveries(manifest: &Manifest, event: &NewEvent, now: Timestamp) -> Vec<NewDelivery> {
    let Some(topic) = &event.topic else {
        return Vec::new();
    };
    let wanting = manifest
        .subscriptions
        .iter()
        .filter(|subscription| !subscription.is_paused && subscription.spec.topic.wants(topic))
        .filter(|subscription| match &subscription.spec.filter {
            None => true,
            // One that cannot be read lets nothing through; none is saved like that.
            Some(filter) => Filter::read(filter).is_ok_and(|filter| filter.matches(&event.as_filtered())),
        });
    let deliveries = wanting.map(|subscription| {
        let id = SubscriptionId(subscription.id);
        subscription.spec.delivery(id, subscription.script_id, now)
    });
    deliveries.collect()
}
