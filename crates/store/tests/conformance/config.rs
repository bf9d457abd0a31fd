//! Configuration of apps, as a part of their releases.

use picloud_shared::{
    config::{CONFIG_BYTES_MAX, CONFIG_VALUE_BYTES_MAX, CONFIG_VALUES_MAX},
    id::AppId,
    repository::{
        AppRepository, ConfigRepository, DeployTerms, DeploymentRepository, ReleaseRepository, SetConfigError,
    },
    secret::SettingName,
};
use picloud_store::Store;
use serde_json::{Value, json};

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, script},
};

cases! {
    what_was_set_is_listed_and_live,
    each_change_is_a_release,
    restoring_brings_values_back,
    a_manifest_without_configuration_is_read,
    there_is_a_most,
    an_app_that_is_gone_has_none,
}

fn name(text: &str) -> SettingName {
    text.parse().unwrap()
}

async fn set(store: &Store, app: AppId, key: &str, value: Value) {
    store
        .set_config(app, &name(key), &value, &change())
        .await
        .unwrap();
}

async fn listed(store: &Store, app: AppId) -> Vec<(String, Value)> {
    let values = store.list_config(app).await.unwrap();
    values
        .into_iter()
        .map(|value| (value.name.to_string(), value.value))
        .collect()
}

/// What the scripts of the app see.
async fn live(store: &Store, app: AppId, key: &str) -> Option<String> {
    let release = store.live_release(app).await.unwrap().unwrap();
    let all = store.live_releases().await.unwrap();
    let same = all.into_iter().find(|other| other.app_id == app).unwrap();
    assert_eq!(same.scripts, release.scripts);
    release.scripts[0].config.get(key).map(ToString::to_string)
}

async fn newest(store: &Store, app: AppId) -> (u32, String) {
    let releases = store.list_releases(app, 1, None).await.unwrap();
    (releases[0].number, releases[0].summary.clone())
}

async fn what_was_set_is_listed_and_live(mut bed: Bed) {
    let (one, two) = (app(&bed.store, "one").await.id, app(&bed.store, "two").await.id);
    for app in [one, two] {
        script(&bed.store, app, "hello").await;
    }
    let deep = json!({ "b": [1, 2.5, null, "ä\0"], "a": {} });
    set(&bed.store, one, "DEEP", deep.clone()).await;
    set(&bed.store, one, "NULL", Value::Null).await;
    set(&bed.store, two, "DEEP", json!(2)).await;
    for _ in 0..2 {
        let expected = [
            ("DEEP".to_owned(), deep.clone()),
            ("NULL".to_owned(), Value::Null),
        ];
        assert_eq!(listed(&bed.store, one).await, expected);
        let text = live(&bed.store, one, "DEEP").await.unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), deep);
        assert_eq!(live(&bed.store, one, "NULL").await.as_deref(), Some("null"));
        assert_eq!(live(&bed.store, two, "DEEP").await.as_deref(), Some("2"));
        assert_eq!(live(&bed.store, two, "NULL").await, None);
        bed.reopen().await;
    }
    bed.finish().await;
}

async fn each_change_is_a_release(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    set(&bed.store, app, "A", json!(1)).await;
    assert_eq!(newest(&bed.store, app).await, (1, "config A added".to_owned()));
    set(&bed.store, app, "A", json!(2)).await;
    assert_eq!(newest(&bed.store, app).await, (2, "config A changed".to_owned()));
    set(&bed.store, app, "A", json!(2)).await;
    assert_eq!(newest(&bed.store, app).await.0, 2, "nothing has changed");
    assert!(bed.store.delete_config(app, &name("A"), &change()).await.unwrap());
    assert_eq!(newest(&bed.store, app).await, (3, "config A removed".to_owned()));
    assert!(!bed.store.delete_config(app, &name("A"), &change()).await.unwrap());
    assert_eq!(newest(&bed.store, app).await.0, 3);
    let (_, manifest) = bed.store.find_release(app, 2).await.unwrap().unwrap();
    assert_eq!(
        (manifest.config[0].name.as_str(), &manifest.config[0].value),
        ("A", &json!(2))
    );
    bed.finish().await;
}

async fn restoring_brings_values_back(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    script(&bed.store, app, "hello").await;
    set(&bed.store, app, "A", json!(1)).await;
    set(&bed.store, app, "B", json!(1)).await;
    let (number, _) = newest(&bed.store, app).await;
    set(&bed.store, app, "A", json!(2)).await;
    set(&bed.store, app, "C", json!(3)).await;
    assert!(bed.store.delete_config(app, &name("B"), &change()).await.unwrap());
    let terms = DeployTerms::default();
    let deployed = bed
        .store
        .restore_release(app, number, terms, &change())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        deployed.changes.summary(),
        "1 config value added, 1 changed, 1 removed"
    );
    let expected = [("A".to_owned(), json!(1)), ("B".to_owned(), json!(1))];
    assert_eq!(listed(&bed.store, app).await, expected);
    assert_eq!(live(&bed.store, app, "A").await.as_deref(), Some("1"));
    bed.finish().await;
}

async fn a_manifest_without_configuration_is_read(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    set(&bed.store, app, "A", json!(1)).await;
    set(&bed.store, app, "A", json!(2)).await;
    let old =
        "UPDATE releases SET manifest = '{\"scripts\":[],\"routes\":[],\"domains\":[]}' WHERE number = 1";
    bed.raw().await.run(old).await;
    let (_, manifest) = bed.store.find_release(app, 1).await.unwrap().unwrap();
    assert_eq!(manifest.config, []);
    let terms = DeployTerms::default();
    bed.store
        .restore_release(app, 1, terms, &change())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(listed(&bed.store, app).await, []);
    bed.finish().await;
}

async fn there_is_a_most(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    let large = Value::String("x".repeat(CONFIG_VALUE_BYTES_MAX - 2));
    let fits = CONFIG_BYTES_MAX / CONFIG_VALUE_BYTES_MAX - 1;
    for number in 0..fits {
        set(&bed.store, app, &format!("L{number}"), large.clone()).await;
    }
    for number in fits..CONFIG_VALUES_MAX {
        set(&bed.store, app, &format!("S{number}"), Value::Null).await;
    }
    let more = bed
        .store
        .set_config(app, &name("MORE"), &Value::Null, &change())
        .await;
    assert!(matches!(more, Err(SetConfigError::TooMany)), "{more:?}");
    let larger = bed.store.set_config(app, &name("S199"), &large, &change()).await;
    assert!(matches!(larger, Err(SetConfigError::TooLarge)), "{larger:?}");
    let listed = listed(&bed.store, app).await;
    assert_eq!(listed.len(), CONFIG_VALUES_MAX, "nothing of it has happened");
    bed.finish().await;
}

async fn an_app_that_is_gone_has_none(bed: Bed) {
    let app = app(&bed.store, "one").await.id;
    set(&bed.store, app, "A", json!(1)).await;
    assert!(bed.store.delete_app(app, true, &change()).await.unwrap());
    assert_eq!(bed.raw().await.number("SELECT count(*) FROM config").await, 0);
    let refused = bed.store.set_config(app, &name("A"), &json!(1), &change()).await;
    assert!(matches!(refused, Err(SetConfigError::NoApp)), "{refused:?}");
    bed.finish().await;
}
