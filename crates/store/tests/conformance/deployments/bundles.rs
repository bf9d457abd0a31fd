//! What a bundle makes of an app, and that nobody sees half of it.

use picloud_shared::repository::{
    DeployError, DeploymentRepository, ReleaseRepository, RouteRepository, ScriptRepository,
};

use super::{DRY, bundle, deploy, expecting, newest, restore};
use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, fifty_at_once, route, script},
};

cases! {
    a_bundle_is_all_of_the_app,
    a_bundle_keeps_what_it_finds,
    the_same_bundle_twice_is_one_release,
    a_dry_run_changes_nothing,
    of_fifty_that_expect_one_release_one_wins,
    a_deployment_is_never_half_seen,
}

async fn a_bundle_is_all_of_the_app(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await;
    let old = script(store, owner.id, "old").await;
    route(store, &old, "GET", None, "/old").await;
    let mut whole = bundle(
        &[("a", "1"), ("b", "2")],
        &[
            ("a", Some("a.test"), "/", "GET"),
            ("b", None, "/old", "GET, POST"),
        ],
    );
    whole.domains = Some(vec!["a.test".parse().unwrap(), "*.b.test".parse().unwrap()]);
    let deployed = deploy(&bed, owner.id, &whole).await;
    let release = deployed.release.unwrap();
    assert_eq!(
        (release.number, release.summary.as_str()),
        (
            3,
            "bundle: 2 scripts added, 1 removed, 1 route added, 1 changed, 2 domains added"
        )
    );
    let live = store.live_release(owner.id).await.unwrap().unwrap();
    let sources: Vec<_> = live
        .scripts
        .iter()
        .map(|script| (script.name.as_str(), &*script.source, script.version))
        .collect();
    let mut sorted = sources.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [("a", "1", 1), ("b", "2", 1)]);
    assert_eq!((live.routes.len(), live.domains.len()), (2, 2));
    assert!(store.find_script(old.id).await.unwrap().is_none());

    let empty = deploy(&bed, owner.id, &bundle(&[], &[])).await;
    assert!(empty.is_new);
    let live = store.live_release(owner.id).await.unwrap().unwrap();
    let left = (live.scripts.len(), live.routes.len(), live.domains.len());
    assert_eq!(left, (0, 0, 2), "only the domains, of which it said nothing");
    bed.finish().await;
}

async fn a_bundle_keeps_what_it_finds(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await;
    let same = script(store, owner.id, "same").await;
    let other = script(store, owner.id, "other").await;
    let get = route(store, &same, "GET", None, "/x").await;
    let post = route(store, &same, "POST", None, "/x").await;
    let wanted = bundle(
        &[("same", "\"hello\""), ("other", "new")],
        &[("other", None, "/x", "POST"), ("same", None, "/x", "GET, PUT")],
    );
    let deployed = deploy(&bed, owner.id, &wanted).await;
    assert_eq!(deployed.changes.summary(), "1 script changed, 2 routes changed");
    let found = store.find_script(same.id).await.unwrap().unwrap();
    assert_eq!(found.version, 1, "the same source is no new version");
    let found = store.find_script(other.id).await.unwrap().unwrap();
    assert_eq!((found.version, &*found.source), (2, "new"));
    let posted = store.find_route(post.id).await.unwrap().unwrap();
    assert_eq!((posted.script_id, posted.created_at), (other.id, post.created_at));
    let got = store.find_route(get.id).await.unwrap().unwrap();
    assert_eq!(got.methods.to_string(), "GET, PUT");
    bed.finish().await;
}

async fn the_same_bundle_twice_is_one_release(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let nothing = deploy(&bed, owner.id, &bundle(&[], &[])).await;
    assert!(nothing.release.is_none() && !nothing.is_new);
    let wanted = bundle(&[("a", "1")], &[("a", None, "/", "*")]);
    let first = deploy(&bed, owner.id, &wanted).await;
    let second = deploy(&bed, owner.id, &wanted).await;
    assert_eq!((first.is_new, second.is_new), (true, false));
    assert!(second.changes.is_empty());
    assert_eq!(first.release, second.release);
    assert_eq!(newest(&bed, owner.id).await, 1);
    bed.finish().await;
}

async fn a_dry_run_changes_nothing(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await;
    let old = script(store, owner.id, "old").await;
    route(store, &old, "GET", None, "/").await;
    let before = store.live_release(owner.id).await.unwrap().unwrap();
    let wanted = bundle(&[("new", "1")], &[("new", None, "/", "GET")]);
    let tried = store.deploy_bundle(owner.id, &wanted, DRY, &change()).await;
    let tried = tried.unwrap().unwrap();
    assert_eq!(
        tried.changes.summary(),
        "1 script added, 1 removed, 1 route changed"
    );
    assert_eq!(tried.release.unwrap().number, 2);
    let after = store.live_release(owner.id).await.unwrap().unwrap();
    assert_eq!(format!("{after:?}"), format!("{before:?}"));
    let done = deploy(&bed, owner.id, &wanted).await;
    assert_eq!(done.changes.summary(), tried.changes.summary());
    bed.finish().await;
}

async fn of_fifty_that_expect_one_release_one_wins(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    script(&bed.store, owner.id, "hello").await;
    let results = fifty_at_once(async |number| {
        let wanted = bundle(&[("hello", &format!("{number}"))], &[]);
        bed.store
            .deploy_bundle(owner.id, &wanted, expecting(1), &change())
            .await
    })
    .await;
    let won = results.iter().filter(|result| result.is_ok()).count();
    let lost = |result: &&Result<_, _>| matches!(result, Err(DeployError::ReleaseMismatch { live: 2 }));
    assert_eq!((won, results.iter().filter(lost).count()), (1, 49));
    let refused = bed
        .store
        .restore_release(owner.id, 1, expecting(1), &change())
        .await;
    assert!(matches!(refused, Err(DeployError::ReleaseMismatch { live: 2 })));
    bed.finish().await;
}

async fn a_deployment_is_never_half_seen(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let names: Vec<String> = (0..10).map(|number| format!("s{number}")).collect();
    let write = async {
        for round in 1..=20 {
            let source = round.to_string();
            let scripts: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), &*source)).collect();
            deploy(&bed, owner.id, &bundle(&scripts, &[])).await;
            restore(&bed, owner.id, round).await;
        }
    };
    let read = async {
        loop {
            let live = bed.store.live_release(owner.id).await.unwrap().unwrap();
            assert!(
                live.scripts
                    .windows(2)
                    .all(|pair| pair[0].source == pair[1].source)
            );
            assert!(live.scripts.is_empty() || live.scripts.len() == 10);
            if live.number == 40 {
                break;
            }
        }
    };
    futures_util::future::join(write, read).await;
    bed.finish().await;
}
