//! Whoever subscribes is told of each release, in the transaction that makes it.

use picloud_shared::{
    bindings::{Binding, Subscription, SubscriptionSpec},
    change::Change,
    config::ConfigValue,
    events::{DEPTH_MAX, Origin, RetryPolicy, WAITING_PER_APP_MAX},
    id::SubscriptionId,
    repository::{BindingRepository, ConfigRepository, ReleaseRepository, SetConfigError, StoreError},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Ground, at, publish::pretend};
use crate::{
    bed::{Bed, cases},
    fixtures::{change, now, script},
};

cases! {
    each_release_is_told_to_whoever_subscribes_in_it,
    a_release_is_made_and_told_however_much_waits,
    a_release_counts_in_the_chain_that_led_to_it_and_ends_it,
}

const TOPIC: &str = "picloud.release";

async fn subscribe(ground: &Ground, name: &str, topic: &str, filter: Option<Value>) -> Subscription {
    let moment = now();
    let binding = Binding {
        id: Uuid::new_v4(),
        app_id: ground.app,
        name: name.to_owned(),
        script_id: ground.script,
        is_paused: name == "paused",
        spec: SubscriptionSpec {
            topic: topic.parse().unwrap(),
            filter,
            ordered: false,
            batch: None,
            concurrency_max: None,
            retry: RetryPolicy::default(),
            on_success: None,
            on_failure: None,
        },
        created_at: moment,
        updated_at: moment,
    };
    ground.bed.store.create_binding(binding, &change()).await.unwrap()
}

async fn each_release_is_told_to_whoever_subscribes_in_it(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    subscribe(&ground, "other", "orders.*", None).await;
    assert_eq!(ground.count("deliveries").await, 0);
    // The release in which it begins is the first one.
    let told = subscribe(&ground, "told", TOPIC, None).await;
    subscribe(&ground, "paused", TOPIC, None).await;
    let never = json!({ "data.number": { "gte": 1_000 } });
    subscribe(&ground, "filtered", TOPIC, Some(never)).await;
    script(store, ground.app, "one-more").await;
    assert_eq!(ground.count("deliveries").await, 4);
    assert_eq!(ground.count("events").await, 4);
    ground.is_counted_exactly().await;

    let claimed = ground.claim("a", 10, at(0)).await.leased;
    let release = store.list_releases(ground.app, 1, None).await.unwrap().remove(0);
    let leased = claimed
        .iter()
        .find(|leased| leased.event.subject == Some(release.number.to_string()))
        .unwrap();
    assert_eq!(
        leased.origin,
        Origin::Subscription(SubscriptionId(told.id)),
        "{leased:?}"
    );
    assert_eq!(leased.script_id, ground.script);
    assert_eq!(leased.event.topic, Some(TOPIC.parse().unwrap()));
    let data: Value = serde_json::from_slice(&leased.event.data).unwrap();
    assert_eq!(
        data,
        json!({
            "number": release.number,
            "summary": release.summary,
            "note": null,
            "author_id": null,
            "author_name": null,
            "via": "server",
            "created_at": release.created_at,
        })
    );
    ground.bed.finish().await;
}

async fn a_release_is_made_and_told_however_much_waits(bed: Bed) {
    let ground = Ground::new(bed).await;
    subscribe(&ground, "told", TOPIC, None).await;
    pretend(&ground, "count", WAITING_PER_APP_MAX).await;
    script(&ground.bed.store, ground.app, "one-more").await;
    assert_eq!(ground.count("deliveries").await, 2);
    ground.bed.finish().await;
}

/// Makes a release that comes after so many runs and events.
async fn set_config(ground: &Ground, depth: u8) -> Result<ConfigValue, SetConfigError> {
    let name = "DEPTH".parse().unwrap();
    let change = Change { depth, ..change() };
    ground
        .bed
        .store
        .set_config(ground.app, &name, &json!(depth), &change)
        .await
}

async fn a_release_counts_in_the_chain_that_led_to_it_and_ends_it(bed: Bed) {
    let ground = Ground::new(bed).await;
    let store = &ground.bed.store;
    // Nobody is told of it, so it leads to nothing.
    set_config(&ground, DEPTH_MAX).await.unwrap();
    let told = subscribe(&ground, "told", TOPIC, None).await;
    set_config(&ground, DEPTH_MAX - 1).await.unwrap();
    let refused = set_config(&ground, DEPTH_MAX).await.unwrap_err();
    assert!(
        matches!(refused, SetConfigError::Store(StoreError::LoopDetected)),
        "{refused:?}"
    );

    // Nothing of what is refused has taken effect.
    let values = store.list_config(ground.app).await.unwrap();
    assert_eq!(values[0].value, json!(DEPTH_MAX - 1));
    assert_eq!(ground.count("deliveries").await, 2);
    let claimed = ground.claim("a", 10, at(0)).await.leased;
    let mut depths: Vec<u8> = claimed.iter().map(|leased| leased.event.lineage.depth).collect();
    depths.sort_unstable();
    assert_eq!(depths, [0, DEPTH_MAX - 1]);

    // In the release that this makes nobody subscribes any more.
    let last = Change {
        depth: DEPTH_MAX,
        ..change()
    };
    let deleted = BindingRepository::<SubscriptionSpec>::delete_binding(store, ground.app, told.id, &last);
    assert!(deleted.await.unwrap());
    ground.is_counted_exactly().await;
    ground.bed.finish().await;
}
