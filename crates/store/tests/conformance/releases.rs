//! Releases, and the live state that nodes answer from.

use std::sync::Arc;

use picloud_shared::{
    change::Change,
    id::AppId,
    release::{Manifest, ManifestDomain, ManifestRoute, ManifestScript},
    repository::{
        AppRepository, AppUpdate, DomainRepository, Expected, ReleaseRepository, RouteRepository,
        ScriptRepository, ScriptUpdate, UserRepository,
    },
    script::ContentHash,
};

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, claim, credentials, new_route, new_script, now, route, script},
};

cases! {
    every_change_is_one_release,
    a_release_holds_all_of_the_app,
    a_refused_change_leaves_no_release,
    releases_are_listed_newest_first,
    the_author_is_named,
    the_live_release_is_all_that_a_node_needs,
    all_live_releases_are_read_at_once,
    a_live_release_is_never_half_a_change,
    what_is_missing_is_none,
    everything_is_there_after_reopening,
}

async fn every_change_is_one_release(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await;
    let held = claim(store, owner.id, "a.test").await;
    let hello = script(store, owner.id, "hello").await;
    let served = route(store, &hello, "GET", Some("a.test"), "/").await;
    let update = ScriptUpdate {
        source: Some(Arc::from("2")),
        ..ScriptUpdate::default()
    };
    store.update_script(hello.id, update, &change()).await.unwrap();
    let rename = ScriptUpdate {
        name: Some("hi".parse().unwrap()),
        ..ScriptUpdate::default()
    };
    store.update_script(hello.id, rename, &change()).await.unwrap();
    store
        .rollback_script(hello.id, 1, &Expected::Any, None, &change())
        .await
        .unwrap();
    store.delete_route(served.id, &change()).await.unwrap();
    store.remove_domain(owner.id, held.id, &change()).await.unwrap();
    store
        .delete_script(hello.id, &Expected::Any, &change())
        .await
        .unwrap();

    let releases = store.list_releases(owner.id, 100, None).await.unwrap();
    let told: Vec<(u32, &str)> = releases
        .iter()
        .rev()
        .map(|release| (release.number, release.summary.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (1, "domain a.test added"),
            (2, "script hello created"),
            (3, "route GET a.test/ created"),
            (4, "script hello: version 2"),
            (5, "script hello renamed to hi"),
            (6, "script hi: version 3, as version 1"),
            (7, "route GET a.test/ deleted"),
            (8, "domain a.test removed"),
            (9, "script hi deleted"),
        ]
    );
    let (_, empty) = store.find_release(owner.id, 9).await.unwrap().unwrap();
    assert_eq!(empty, Manifest::default());
    // A new name is no part of a release.
    let rename = AppUpdate {
        slug: Some("two".parse().unwrap()),
        ..AppUpdate::default()
    };
    let renamed = store
        .update_app(owner.id, rename, &change())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(renamed.release, 9);
    bed.finish().await;
}

async fn a_release_holds_all_of_the_app(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await;
    let held = claim(store, owner.id, "{t}.test").await;
    let mut new = new_script(owner.id, "hello", "1");
    new.description = String::from("Greets");
    new.limits.timeout_ms = 77;
    let hello = store.create_script(new, &change()).await.unwrap();
    let served = route(store, &hello, "GET, POST", Some("{t}.test"), "/{x}").await;
    let (release, manifest) = store.find_release(owner.id, 3).await.unwrap().unwrap();
    assert_eq!((release.app_id, release.number), (owner.id, 3));
    let expected = Manifest {
        scripts: vec![ManifestScript {
            id: hello.id,
            name: "hello".to_owned(),
            description: "Greets".to_owned(),
            version: 1,
            content_hash: Some(ContentHash::of("1")),
            limits: hello.limits,
        }],
        routes: vec![ManifestRoute {
            id: served.id,
            script_id: hello.id,
            host: Some("{t}.test".to_owned()),
            path: "/{x}".to_owned(),
            methods: "GET, POST".to_owned(),
            webhook: None,
        }],
        domains: vec![ManifestDomain {
            id: held.id,
            pattern: "{t}.test".to_owned(),
        }],
        config: Vec::new(),
        subscriptions: Vec::new(),
        schedules: Vec::new(),
    };
    assert_eq!(manifest, expected);
    let (_, before) = store.find_release(owner.id, 2).await.unwrap().unwrap();
    assert_eq!(
        before,
        Manifest {
            routes: Vec::new(),
            ..expected
        }
    );
    bed.finish().await;
}

async fn a_refused_change_leaves_no_release(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let hello = script(&bed.store, owner.id, "hello").await;
    let same = new_script(owner.id, "hello", "1");
    assert!(bed.store.create_script(same, &change()).await.is_err());
    let unclaimed = new_route(&hello, "GET", Some("a.test"), "/");
    assert!(bed.store.create_route(unclaimed, &change()).await.is_err());
    assert_eq!(
        bed.store.list_releases(owner.id, 10, None).await.unwrap().len(),
        1
    );
    assert_eq!(bed.store.live_release(owner.id).await.unwrap().unwrap().number, 1);
    bed.finish().await;
}

async fn releases_are_listed_newest_first(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    for name in ["a", "b", "c"] {
        script(&bed.store, owner.id, name).await;
    }
    let list = async |limit, before| -> Vec<u32> {
        let releases = bed.store.list_releases(owner.id, limit, before).await.unwrap();
        releases.iter().map(|release| release.number).collect()
    };
    assert_eq!(list(2, None).await, [3, 2]);
    assert_eq!(list(2, Some(2)).await, [1]);
    assert_eq!(list(2, Some(1)).await, [0; 0]);
    bed.finish().await;
}

async fn the_author_is_named(bed: Bed) {
    let ada = credentials("ada");
    bed.store.create_first_user(&ada, &change()).await.unwrap();
    let owner = app(&bed.store, "one").await;
    let change = Change {
        author: Some(ada.user.id),
        note: Some("First".to_owned()),
        ..change()
    };
    bed.store
        .create_script(new_script(owner.id, "hello", "1"), &change)
        .await
        .unwrap();
    let (release, _) = bed.store.find_release(owner.id, 1).await.unwrap().unwrap();
    assert_eq!(
        (release.author, release.author_name.as_deref()),
        (Some(ada.user.id), Some("ada"))
    );
    assert_eq!(
        (release.note.as_deref(), release.created_at),
        (Some("First"), change.at)
    );
    bed.finish().await;
}

async fn the_live_release_is_all_that_a_node_needs(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await;
    let held = claim(store, owner.id, "a.test").await;
    let hello = script(store, owner.id, "hello").await;
    let served = route(store, &hello, "GET", Some("a.test"), "/").await;
    let update = ScriptUpdate {
        source: Some(Arc::from("2")),
        ..ScriptUpdate::default()
    };
    store.update_script(hello.id, update, &change()).await.unwrap();
    let live = store.live_release(owner.id).await.unwrap().unwrap();
    assert_eq!(
        (live.app_id, live.slug.as_str(), live.number),
        (owner.id, "one", 4)
    );
    assert_eq!((live.domains, live.routes), (vec![held], vec![served]));
    let [script] = live.scripts.as_slice() else {
        panic!("one script: {:?}", live.scripts);
    };
    assert_eq!(
        (script.script_id, script.version, &*script.source),
        (hello.id, 2, "2")
    );
    assert_eq!(
        (script.app_id, script.content_hash),
        (owner.id, ContentHash::of("2"))
    );
    assert_eq!((&script.name, script.limits), (&hello.name, hello.limits));
    bed.finish().await;
}

async fn all_live_releases_are_read_at_once(bed: Bed) {
    let store = &bed.store;
    assert!(store.live_releases().await.unwrap().is_empty());
    let mut expected = Vec::new();
    for slug in ["one", "two", "empty"] {
        let owner = app(store, slug).await;
        if slug != "empty" {
            claim(store, owner.id, &format!("{slug}.test")).await;
            let hello = script(store, owner.id, "hello").await;
            route(store, &hello, "GET", None, "/a").await;
            route(store, &hello, "GET", None, "/b").await;
        }
        expected.push(store.live_release(owner.id).await.unwrap().unwrap());
    }
    let all = store.live_releases().await.unwrap();
    assert_eq!(format!("{all:?}"), format!("{expected:?}"));
    assert_eq!((all[1].routes.len(), all[2].number), (2, 0));
    bed.finish().await;
}

async fn a_live_release_is_never_half_a_change(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let hello = script(&bed.store, owner.id, "hello").await;
    // The source names the version that it belongs to, so that a mixture would show.
    let write = async {
        for version in 2..60 {
            let update = ScriptUpdate {
                source: Some(Arc::from(version.to_string())),
                ..ScriptUpdate::default()
            };
            bed.store
                .update_script(hello.id, update, &change())
                .await
                .unwrap();
        }
    };
    let read = async {
        loop {
            let live = bed.store.live_release(owner.id).await.unwrap().unwrap();
            let script = &live.scripts[0];
            assert_eq!(live.number, script.version);
            if script.version > 1 {
                assert_eq!(&*script.source, script.version.to_string());
            }
            if live.number == 59 {
                break;
            }
        }
    };
    futures_util::future::join(write, read).await;
    bed.finish().await;
}

async fn what_is_missing_is_none(bed: Bed) {
    let nobody = AppId::new(now());
    assert!(bed.store.live_release(nobody).await.unwrap().is_none());
    assert!(bed.store.find_release(nobody, 1).await.unwrap().is_none());
    assert!(
        bed.store
            .list_releases(nobody, 10, None)
            .await
            .unwrap()
            .is_empty()
    );
    bed.finish().await;
}

async fn everything_is_there_after_reopening(mut bed: Bed) {
    let owner = app(&bed.store, "one").await;
    claim(&bed.store, owner.id, "a.test").await;
    let hello = script(&bed.store, owner.id, "hello").await;
    route(&bed.store, &hello, "GET", Some("a.test"), "/").await;
    let before = bed.store.live_releases().await.unwrap();
    bed.reopen().await;
    let after = bed.store.live_releases().await.unwrap();
    assert_eq!(format!("{after:?}"), format!("{before:?}"));
    bed.finish().await;
}
