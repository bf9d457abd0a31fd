//! What a restored release brings back.

use picloud_shared::{
    change::Change,
    id::{AppId, ScriptId},
    limits::Limits,
    release::Manifest,
    repository::{
        DeployTerms, DeploymentRepository, DomainRepository, Expected, ReleaseRepository, RouteRepository,
        ScriptRepository, ScriptUpdate,
    },
};

use super::{bundle, deploy, expecting, newest, restore, save};
use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, claim, now, route, script},
};

cases! {
    restoring_puts_everything_back,
    a_restored_version_is_not_the_last_one,
    names_that_changed_hands_change_back,
    a_release_from_before_hashes_is_restored,
    what_is_missing_is_not_deployed,
}

async fn manifest(bed: &Bed, app: AppId, number: u32) -> Manifest {
    bed.store.find_release(app, number).await.unwrap().unwrap().1
}

async fn rename(bed: &Bed, script: ScriptId, name: &str) {
    let update = ScriptUpdate {
        name: Some(name.parse().unwrap()),
        ..ScriptUpdate::default()
    };
    bed.store.update_script(script, update, &change()).await.unwrap();
}

async fn restoring_puts_everything_back(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await;
    let held = claim(store, owner.id, "a.test").await;
    let stays = script(store, owner.id, "stays").await;
    let goes = script(store, owner.id, "goes").await;
    save(&bed, goes.id, "second").await;
    let served = route(store, &goes, "GET", Some("a.test"), "/{x}").await;
    let moved = route(store, &goes, "GET, POST", None, "/moved").await;
    let good = newest(&bed, owner.id).await;
    let live = store.live_release(owner.id).await.unwrap().unwrap();

    store.delete_route(served.id, &change()).await.unwrap();
    store.delete_route(moved.id, &change()).await.unwrap();
    store
        .delete_script(goes.id, &Expected::Any, &change())
        .await
        .unwrap();
    store.remove_domain(owner.id, held.id, &change()).await.unwrap();
    save(&bed, stays.id, "changed").await;
    let update = ScriptUpdate {
        description: Some("Changed".to_owned()),
        limits: Some(Limits {
            timeout_ms: 7,
            ..Limits::DEFAULT
        }),
        ..ScriptUpdate::default()
    };
    store.update_script(stays.id, update, &change()).await.unwrap();
    claim(store, owner.id, "b.test").await;
    // In the way, in every way: by name, by shape, and by what only it leads to.
    let intruder = script(store, owner.id, "goes").await;
    route(store, &intruder, "POST", None, "/moved").await;

    let last = newest(&bed, owner.id).await;
    let change = Change {
        note: Some("As it was".to_owned()),
        ..change()
    };
    let restored = store
        .restore_release(owner.id, good, expecting(last), &change)
        .await;
    let restored = restored.unwrap().unwrap();
    let release = restored.release.unwrap();
    assert_eq!((release.number, restored.is_new), (last + 1, true));
    assert_eq!(release.summary, format!("release {good} restored"));
    assert_eq!(release.note.as_deref(), Some("As it was"));
    assert_eq!(
        restored.changes.summary(),
        "1 script added, 1 changed, 1 removed, 2 routes added, 1 removed, 1 domain added, 1 removed"
    );
    assert_eq!(
        manifest(&bed, owner.id, last + 1).await,
        manifest(&bed, owner.id, good).await
    );
    // What a node reads is what it read then.
    let again = store.live_release(owner.id).await.unwrap().unwrap();
    assert_eq!(format!("{:?}", again.scripts), format!("{:?}", live.scripts));
    let routes = |live: &picloud_shared::release::LiveRelease| -> Vec<_> {
        let routes = live.routes.iter();
        routes
            .map(|route| (route.id, route.script_id, route.shape_key(), route.methods))
            .collect()
    };
    assert_eq!(routes(&again), routes(&live));
    let back = store.find_script(goes.id).await.unwrap().unwrap();
    assert_eq!((back.version, &*back.source), (2, "second"));
    assert_eq!(store.list_versions(goes.id, 10, None).await.unwrap().len(), 2);
    bed.finish().await;
}

async fn a_restored_version_is_not_the_last_one(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let hello = script(&bed.store, owner.id, "hello").await;
    save(&bed, hello.id, "2").await;
    save(&bed, hello.id, "3").await;
    restore(&bed, owner.id, 1).await;
    let found = bed.store.find_script(hello.id).await.unwrap().unwrap();
    assert_eq!(found.version, 1);
    // Numbers are never used twice.
    assert_eq!(save(&bed, hello.id, "4").await, 4);
    restore(&bed, owner.id, 1).await;
    let rolled = bed
        .store
        .rollback_script(hello.id, 3, &Expected::Any, None, &change())
        .await;
    let rolled = rolled.unwrap().unwrap();
    assert_eq!((rolled.version, &*rolled.source), (5, "3"));
    restore(&bed, owner.id, 2).await;
    let deployed = deploy(&bed, owner.id, &bundle(&[("hello", "6")], &[])).await;
    assert_eq!(deployed.changes.scripts[0].latest().version, 6);
    bed.finish().await;
}

async fn names_that_changed_hands_change_back(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let a = script(&bed.store, owner.id, "a").await;
    let b = script(&bed.store, owner.id, "b").await;
    for (script, name) in [(a.id, "c"), (b.id, "a"), (a.id, "b")] {
        rename(&bed, script, name).await;
    }
    restore(&bed, owner.id, 2).await;
    for (script, name) in [(a.id, "a"), (b.id, "b")] {
        let found = bed.store.find_script(script).await.unwrap().unwrap();
        assert_eq!(found.name.as_str(), name);
    }
    bed.finish().await;
}

async fn a_release_from_before_hashes_is_restored(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let hello = script(&bed.store, owner.id, "hello").await;
    save(&bed, hello.id, "2").await;
    let hash = picloud_shared::script::ContentHash::of("\"hello\"");
    let strip = format!(
        "UPDATE releases SET manifest = replace(manifest, '\"content_hash\":\"{hash}\",', '') WHERE number = 1"
    );
    bed.raw().await.run(&strip).await;
    assert_eq!(manifest(&bed, owner.id, 1).await.scripts[0].content_hash, None);
    restore(&bed, owner.id, 1).await;
    let restored = manifest(&bed, owner.id, 3).await;
    assert_eq!(
        (restored.scripts[0].version, restored.scripts[0].content_hash),
        (1, Some(hash))
    );
    bed.finish().await;
}

async fn what_is_missing_is_not_deployed(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await;
    script(store, owner.id, "hello").await;
    let nobody = AppId::new(now());
    let empty = bundle(&[], &[]);
    assert!(
        store
            .restore_release(nobody, 1, DeployTerms::default(), &change())
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .restore_release(owner.id, 2, DeployTerms::default(), &change())
            .await
            .unwrap()
            .is_none()
    );
    let deployed = store
        .deploy_bundle(nobody, &empty, DeployTerms::default(), &change())
        .await;
    assert!(deployed.unwrap().is_none());
    let source = store
        .find_released_source(owner.id, ScriptId::new(now()), 1)
        .await;
    assert_eq!(source.unwrap(), None);
    assert_eq!(newest(&bed, owner.id).await, 1);
    bed.finish().await;
}
