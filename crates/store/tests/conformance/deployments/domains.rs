//! Domains that a bundle or a release has, and what stands against them.

use picloud_shared::{
    release::Bundle,
    repository::{
        DeployConflict, DeployError, DeployTerms, DeploymentRepository, DomainRepository, ReleaseRepository,
    },
};

use super::{DRY, bundle, deploy, newest, save};
use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, claim, fifty_at_once, script},
};

cases! {
    a_taken_domain_stands_against_a_release,
    domains_pass_between_apps_in_any_order,
    domains_stay_where_they_must,
    a_domain_that_was_claimed_again_is_no_change,
    a_bundle_needs_its_hosts_claimed,
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
