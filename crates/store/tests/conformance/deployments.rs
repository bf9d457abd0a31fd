//! Bundles, and releases that are restored.

use std::sync::Arc;

use picloud_shared::{
    change::Change,
    id::{AppId, ScriptId},
    limits::Limits,
    release::{Bundle, BundleRoute, BundleScript, Manifest},
    repository::{
        DeployConflict, DeployError, DeployTerms, Deployed, DeploymentRepository, DomainRepository, Expected,
        ReleaseRepository, RouteRepository, ScriptRepository, ScriptUpdate,
    },
};

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, claim, fifty_at_once, now, route, script},
};

cases! {
    restoring_puts_everything_back,
    a_restored_version_is_not_the_last_one,
    names_that_changed_hands_change_back,
    a_taken_domain_stands_against_a_release,
    domains_pass_between_apps_in_any_order,
    a_release_from_before_hashes_is_restored,
    what_is_missing_is_not_deployed,
    a_bundle_is_all_of_the_app,
    a_bundle_keeps_what_it_finds,
    the_same_bundle_twice_is_one_release,
    a_dry_run_changes_nothing,
    domains_stay_where_they_must,
    a_domain_that_was_claimed_again_is_no_change,
    a_bundle_needs_its_hosts_claimed,
    of_fifty_that_expect_one_release_one_wins,
    a_deployment_is_never_half_seen,
}

/// Only to try.
const DRY: DeployTerms = DeployTerms {
    expected: None,
    keep_domains: false,
    dry_run: true,
};

/// Only over this release.
fn expecting(release: u32) -> DeployTerms {
    DeployTerms {
        expected: Some(release),
        ..DeployTerms::default()
    }
}

async fn manifest(bed: &Bed, app: AppId, number: u32) -> Manifest {
    bed.store.find_release(app, number).await.unwrap().unwrap().1
}

async fn newest(bed: &Bed, app: AppId) -> u32 {
    bed.store.live_release(app).await.unwrap().unwrap().number
}

async fn save(bed: &Bed, script: ScriptId, source: &str) -> u32 {
    let update = ScriptUpdate {
        source: Some(Arc::from(source)),
        ..ScriptUpdate::default()
    };
    let saved = bed.store.update_script(script, update, &change()).await.unwrap();
    saved.unwrap().version
}

async fn rename(bed: &Bed, script: ScriptId, name: &str) {
    let update = ScriptUpdate {
        name: Some(name.parse().unwrap()),
        ..ScriptUpdate::default()
    };
    bed.store.update_script(script, update, &change()).await.unwrap();
}

async fn restore(bed: &Bed, app: AppId, number: u32) -> Deployed {
    let restored = bed
        .store
        .restore_release(app, number, DeployTerms::default(), &change())
        .await;
    restored.unwrap().unwrap()
}

fn bundle(scripts: &[(&str, &str)], routes: &[(&str, Option<&str>, &str, &str)]) -> Bundle {
    Bundle {
        scripts: scripts
            .iter()
            .map(|(name, source)| BundleScript {
                name: name.parse().unwrap(),
                description: String::new(),
                source: Arc::from(*source),
                limits: Limits::DEFAULT,
            })
            .collect(),
        routes: routes
            .iter()
            .map(|(script, host, path, methods)| BundleRoute {
                script: script.parse().unwrap(),
                host: host.map(|host| host.parse().unwrap()),
                path: path.parse().unwrap(),
                methods: methods.parse().unwrap(),
                webhook: None,
            })
            .collect(),
        domains: None,
        config: None,
        subscriptions: None,
        schedules: None,
    }
}

async fn deploy(bed: &Bed, app: AppId, bundle: &Bundle) -> Deployed {
    let deployed = bed
        .store
        .deploy_bundle(app, bundle, DeployTerms::default(), &change())
        .await;
    deployed.unwrap().unwrap()
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

async fn a_taken_domain_stands_against_a_release(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await;
    let first = claim(store, owner.id, "{x}.test").await;
    let second = claim(store, owner.id, "b.test").await;
    script(store, owner.id, "hello").await;
    for held in [first.id, second.id] {
        store.remove_domain(owner.id, held, &change()).await.unwrap();
    }
    let other = app(store, "two").await;
    claim(store, other.id, "{y}.test").await;
    claim(store, other.id, "b.test").await;
    let before = store.live_release(owner.id).await.unwrap().unwrap();
    let refused = store
        .restore_release(owner.id, 2, DeployTerms::default(), &change())
        .await;
    let Err(DeployError::Conflicts(conflicts)) = refused else {
        panic!("{refused:?}");
    };
    let taken = |pattern: &str| DeployConflict::DomainTaken {
        pattern: pattern.to_owned(),
    };
    assert_eq!(conflicts, [taken("{x}.test"), taken("b.test")]);
    let mut claiming = bundle(&[], &[]);
    claiming.domains = Some(vec!["b.test".parse().unwrap()]);
    let refused = store.deploy_bundle(owner.id, &claiming, DRY, &change()).await;
    assert!(matches!(refused, Err(DeployError::Conflicts(_))), "{refused:?}");
    let after = store.live_release(owner.id).await.unwrap().unwrap();
    assert_eq!(format!("{after:?}"), format!("{before:?}"));
    bed.finish().await;
}

/// Two apps that swap what they claim at the same moment cannot both have it, but neither do they hold each other up.
async fn domains_pass_between_apps_in_any_order(bed: Bed) {
    let store = &bed.store;
    let mut apps = Vec::new();
    for (slug, own, other) in [("one", "a.test", "z.test"), ("two", "z.test", "a.test")] {
        let owner = app(store, slug).await;
        claim(store, owner.id, own).await;
        let mut wanted = bundle(&[], &[]);
        wanted.domains = Some(vec![other.parse().unwrap()]);
        apps.push((owner.id, wanted));
    }
    let results = fifty_at_once(async |number| {
        let (owner, wanted) = &apps[number as usize % 2];
        store
            .deploy_bundle(*owner, wanted, DeployTerms::default(), &change())
            .await
    })
    .await;
    for result in results {
        assert!(matches!(result, Err(DeployError::Conflicts(_))), "{result:?}");
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

async fn domains_stay_where_they_must(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await;
    let held = claim(store, owner.id, "a.test").await;
    script(store, owner.id, "hello").await;
    let kept = DeployTerms {
        keep_domains: true,
        ..DeployTerms::default()
    };
    let mut wanted = bundle(&[("hello", "1")], &[]);
    wanted.domains = Some(vec!["b.test".parse().unwrap()]);
    let refused = store.deploy_bundle(owner.id, &wanted, kept, &change()).await;
    assert!(matches!(refused, Err(DeployError::DomainsKept)), "{refused:?}");
    wanted.domains = Some(vec!["a.test".parse().unwrap()]);
    let deployed = store.deploy_bundle(owner.id, &wanted, kept, &change()).await;
    assert!(deployed.unwrap().unwrap().is_new);
    store.remove_domain(owner.id, held.id, &change()).await.unwrap();
    let refused = store.restore_release(owner.id, 2, kept, &change()).await;
    assert!(matches!(refused, Err(DeployError::DomainsKept)), "{refused:?}");
    assert_eq!(newest(&bed, owner.id).await, 4);
    bed.finish().await;
}

async fn a_domain_that_was_claimed_again_is_no_change(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await;
    let held = claim(store, owner.id, "a.test").await;
    let hello = script(store, owner.id, "hello").await;
    let good = newest(&bed, owner.id).await;
    store.remove_domain(owner.id, held.id, &change()).await.unwrap();
    let again = claim(store, owner.id, "a.test").await;
    save(&bed, hello.id, "2").await;
    let kept = DeployTerms {
        keep_domains: true,
        ..DeployTerms::default()
    };
    let restored = store.restore_release(owner.id, good, kept, &change()).await;
    let restored = restored.unwrap().unwrap();
    assert_eq!(restored.changes.summary(), "1 script changed");
    let live = store.live_release(owner.id).await.unwrap().unwrap();
    assert_eq!(live.domains, [again]);
    bed.finish().await;
}

async fn a_bundle_needs_its_hosts_claimed(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await;
    claim(store, owner.id, "a.test").await;
    let mut wanted = bundle(
        &[("a", "1")],
        &[
            ("a", Some("a.test"), "/", "GET"),
            ("a", Some("b.test"), "/", "GET"),
        ],
    );
    let refused = |bundle: Bundle| async move {
        let refused = store
            .deploy_bundle(owner.id, &bundle, DeployTerms::default(), &change())
            .await;
        let Err(DeployError::HostsNotClaimed(hosts)) = refused else {
            panic!("{refused:?}");
        };
        hosts
    };
    assert_eq!(refused(wanted.clone()).await, ["b.test"]);
    wanted.domains = Some(vec!["b.test".parse().unwrap()]);
    assert_eq!(refused(wanted.clone()).await, ["a.test"]);
    wanted.domains = Some(vec!["*.test".parse().unwrap()]);
    deploy(&bed, owner.id, &wanted).await;
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
