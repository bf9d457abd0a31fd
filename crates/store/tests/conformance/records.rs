//! What records of the audit log say of what was done, where that is more than one thing.

use picloud_shared::{
    audit::{AuditFilter, AuditRecord, ListedRecord},
    id::AppId,
    release::{Bundle, BundleRoute, BundleScript},
    repository::{AppRepository, AppUpdate, AuditRepository, DeployTerms, DeploymentRepository, NewApp},
};
use picloud_store::Store;
use serde_json::{Value, json};

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, claim, first, new_app, script},
};

cases! {
    a_deployment_names_what_it_changed,
    names_that_are_too_many_are_counted,
    an_app_that_loses_an_old_slug_has_a_record_of_it,
}

const TERMS: DeployTerms = DeployTerms {
    expected: None,
    keep_domains: false,
    dry_run: false,
};

/// The newest record of an app.
async fn newest(store: &Store, app: AppId) -> AuditRecord {
    let filter = AuditFilter {
        app: Some(app),
        ..AuditFilter::default()
    };
    let mut page = store.list_audit(&filter, first(1)).await.unwrap();
    page.items.remove(0).read().unwrap()
}

fn bundle(scripts: &[(&str, &str)], routes: &[(&str, &str)], domains: &[&str]) -> Bundle {
    Bundle {
        scripts: scripts
            .iter()
            .map(|(name, source)| BundleScript {
                name: name.parse().unwrap(),
                description: String::new(),
                source: (*source).into(),
                limits: picloud_shared::limits::Limits::DEFAULT,
            })
            .collect(),
        routes: routes
            .iter()
            .map(|(script, path)| BundleRoute {
                script: script.parse().unwrap(),
                host: None,
                path: path.parse().unwrap(),
                methods: "GET".parse().unwrap(),
                webhook: None,
            })
            .collect(),
        domains: Some(domains.iter().map(|domain| domain.parse().unwrap()).collect()),
        config: None,
        subscriptions: None,
        schedules: None,
    }
}

async fn deploy(store: &Store, app: AppId, bundle: &Bundle) -> AuditRecord {
    store
        .deploy_bundle(app, bundle, TERMS, &change())
        .await
        .unwrap()
        .unwrap();
    newest(store, app).await
}

async fn a_deployment_names_what_it_changed(bed: Bed) {
    let store = &bed.store;
    let app = app(store, "shop").await.id;
    script(store, app, "old").await;
    claim(store, app, "old.test").await;

    let new = bundle(&[("kept", "1"), ("new", "2")], &[("kept", "/a")], &["new.test"]);
    let record = deploy(store, app, &new).await;
    assert_eq!(record.action, "create_release");
    assert_eq!(
        record.before,
        Some(json!({ "scripts": [{ "name": "old", "version": 1 }], "domains": ["old.test"] }))
    );
    let after = record.after.unwrap();
    assert_eq!(
        after["scripts"],
        json!([{ "name": "kept", "version": 1 }, { "name": "new", "version": 1 }])
    );
    assert_eq!(after["routes"], json!(["GET /a"]));
    assert_eq!(after["domains"], json!(["new.test"]));
    let counts = "2 scripts added, 1 removed, 1 route added, 1 domain added, 1 removed";
    assert_eq!(after["changes"], counts);

    let changed = bundle(&[("kept", "3"), ("new", "2")], &[("kept", "/a")], &["new.test"]);
    let record = deploy(store, app, &changed).await;
    assert_eq!(
        record.before,
        Some(json!({ "scripts": [{ "name": "kept", "version": 1 }] }))
    );
    let after = record.after.unwrap();
    assert_eq!(after["scripts"], json!([{ "name": "kept", "version": 2 }]));
    assert_eq!(after.get("routes"), None);

    store
        .restore_release(app, 2, TERMS, &change())
        .await
        .unwrap()
        .unwrap();
    let record = newest(store, app).await;
    assert_eq!(record.action, "restore_release");
    assert_eq!(record.before.unwrap()["domains"], json!(["new.test"]));
    let after = record.after.unwrap();
    assert_eq!(after["domains"], json!(["old.test"]));
    assert_eq!(after["summary"], "release 2 restored");
    bed.finish().await;
}

async fn names_that_are_too_many_are_counted(bed: Bed) {
    let store = &bed.store;
    let app = app(store, "shop").await.id;
    let names: Vec<String> = (0..80).map(|number| format!("script-{number:02}")).collect();
    let scripts: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let paths: Vec<String> = (0..60)
        .map(|number| format!("/{number}-{}", "x".repeat(200)))
        .collect();
    let routes: Vec<(&str, &str)> = paths.iter().map(|path| ("script-00", path.as_str())).collect();
    let record = deploy(store, app, &bundle(&scripts, &routes, &[])).await;
    let after = record.after.unwrap();
    let listed = |kind: &str| after[kind].as_array().map_or(0, Vec::len) as u64;
    let more = |kind: &str| after["more"][kind].as_u64().unwrap_or_default();
    assert_eq!((listed("scripts"), more("scripts")), (50, 30));
    assert_eq!(listed("routes") + more("routes"), 60);
    assert!(more("routes") > 30, "{after}");
    assert_eq!(after.get("omitted_bytes"), None);
    bed.finish().await;
}

async fn an_app_that_loses_an_old_slug_has_a_record_of_it(bed: Bed) {
    let store = &bed.store;
    let rename = |slug: &str| AppUpdate {
        slug: Some(slug.parse().unwrap()),
        force: true,
        ..AppUpdate::default()
    };
    let loser = app(store, "one").await.id;
    for slug in ["two", "three"] {
        store
            .update_app(loser, rename(slug), &change())
            .await
            .unwrap()
            .unwrap();
    }
    let other = app(store, "other").await.id;
    let taking = change();
    store
        .update_app(other, rename("one"), &taking)
        .await
        .unwrap()
        .unwrap();
    let record = newest(store, loser).await;
    assert_eq!((record.action.as_str(), record.at), ("lose_old_slug", taking.at));
    assert_eq!(record.target.name.as_deref(), Some("three"));
    assert_eq!(record.before, Some(json!({ "old_slug": "one" })));
    assert_eq!(record.after, Some(json!({ "old_slug": Value::Null })));
    assert_eq!(newest(store, other).await.action, "update_app");

    let forced = NewApp {
        force: true,
        ..new_app("two")
    };
    store.create_app(forced, &change()).await.unwrap();
    assert_eq!(
        newest(store, loser).await.before,
        Some(json!({ "old_slug": "two" }))
    );
    // One's own old slug is nobody's loss.
    store
        .update_app(other, rename("other"), &change())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(newest(store, other).await.action, "update_app");
    let lost = AuditFilter {
        action: Some("lose_old_slug".to_owned()),
        ..AuditFilter::default()
    };
    let all = store.list_audit(&lost, first(9)).await.unwrap().items;
    assert_eq!(all.into_iter().filter_map(ListedRecord::read).count(), 2);
    assert!(store.verify_audit().await.unwrap().is_valid());
    bed.finish().await;
}
