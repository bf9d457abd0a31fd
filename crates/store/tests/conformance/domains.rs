//! Claims on hosts.

use picloud_shared::{
    id::{AppId, DomainId},
    repository::{AddDomainError, DomainRepository, RemoveDomainError},
};

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, claim, fifty_at_once, first, new_claim, now, route, script},
};

cases! {
    claims_are_listed_oldest_first,
    a_shape_is_claimed_once,
    an_app_that_is_gone_claims_nothing,
    a_claim_is_given_up_by_its_own_app,
    a_claim_stays_while_routes_need_it,
    of_fifty_with_one_shape_one_wins,
}

async fn claims_are_listed_oldest_first(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let other = app(&bed.store, "other").await;
    let mut made = Vec::new();
    for pattern in ["z.example.com", "*.example.com", "{tenant}.example.org"] {
        made.push(claim(&bed.store, owner.id, pattern).await);
    }
    claim(&bed.store, other.id, "other.test").await;
    let page = bed.store.list_domains(owner.id, first(2)).await.unwrap();
    assert_eq!(page.items, made[..2]);
    let mut rest = first(2);
    rest.after = page.next;
    let page = bed.store.list_domains(owner.id, rest).await.unwrap();
    assert_eq!((page.items.as_slice(), page.next), (&made[2..], None));
    bed.finish().await;
}

async fn a_shape_is_claimed_once(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let other = app(&bed.store, "other").await;
    claim(&bed.store, owner.id, "*.example.com").await;
    for (app, expected) in [(owner.id, true), (other.id, false)] {
        let refused = bed
            .store
            .add_domain(new_claim(app, "{tenant}.example.com"), &change())
            .await;
        assert!(
            matches!(refused, Err(AddDomainError::Taken { own }) if own == expected),
            "{refused:?}"
        );
    }
    // Another shape over the same hosts is not the same claim.
    claim(&bed.store, other.id, "a.example.com").await;
    bed.finish().await;
}

async fn an_app_that_is_gone_claims_nothing(bed: Bed) {
    let refused = bed
        .store
        .add_domain(new_claim(AppId::new(now()), "a.example.com"), &change())
        .await;
    assert!(matches!(refused, Err(AddDomainError::NoApp)), "{refused:?}");
    bed.finish().await;
}

async fn a_claim_is_given_up_by_its_own_app(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let other = app(&bed.store, "other").await;
    let made = claim(&bed.store, owner.id, "a.example.com").await;
    let remove = async |app, domain| bed.store.remove_domain(app, domain, &change()).await.unwrap();
    assert!(!remove(other.id, made.id).await);
    assert!(!remove(owner.id, DomainId::new(now())).await);
    assert!(!remove(AppId::new(now()), made.id).await);
    assert!(remove(owner.id, made.id).await);
    assert!(!remove(owner.id, made.id).await);
    claim(&bed.store, other.id, "a.example.com").await;
    bed.finish().await;
}

async fn a_claim_stays_while_routes_need_it(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await;
    let hello = script(store, owner.id, "hello").await;
    let wide = claim(store, owner.id, "*.example.com").await;
    let narrow = claim(store, owner.id, "a.example.com").await;
    route(store, &hello, "GET", Some("a.example.com"), "/").await;
    let needs_wide = route(store, &hello, "GET", Some("b.example.com"), "/").await;
    route(store, &hello, "GET", None, "/any").await;

    let refused = store.remove_domain(owner.id, wide.id, &change()).await;
    assert!(
        matches!(&refused, Err(RemoveDomainError::InUse(routes)) if *routes == [needs_wide.id]),
        "{refused:?}"
    );
    // The wide claim covers what the narrow one did.
    assert!(store.remove_domain(owner.id, narrow.id, &change()).await.unwrap());
    bed.finish().await;
}

async fn of_fifty_with_one_shape_one_wins(bed: Bed) {
    let mut apps = Vec::new();
    for number in 0..5 {
        apps.push(app(&bed.store, &format!("app-{number}")).await.id);
    }
    let results = fifty_at_once(async |number| {
        let pattern = if number % 2 == 0 {
            "*.race.test"
        } else {
            "{x}.race.test"
        };
        let claim = new_claim(apps[number as usize % 5], pattern);
        bed.store.add_domain(claim, &change()).await
    })
    .await;
    let won = results.iter().filter(|result| result.is_ok()).count();
    let lost = |result: &&Result<_, _>| matches!(result, Err(AddDomainError::Taken { .. }));
    assert_eq!((won, results.iter().filter(lost).count()), (1, 49));
    bed.finish().await;
}
