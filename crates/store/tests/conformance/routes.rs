//! Routes, and that no two of one app answer the same requests.

use picloud_shared::{
    id::{AppId, RouteId, ScriptId},
    repository::{
        AppScope, DeployTerms, DeploymentRepository, DomainRepository, ReleaseRepository, RemoveDomainError,
        RouteRepository, RouteUpdate, WriteRouteError,
    },
    webhook::{Webhook, WebhookAlgorithm, WebhookEncoding, WebhookHmac, WebhookRespond, WebhookScheme},
};

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, claim, fifty_at_once, first, new_route, now, route, script},
};

cases! {
    a_route_is_kept_as_it_was_given,
    routes_are_listed_oldest_first,
    a_shape_and_a_method_belong_to_one_route,
    the_star_shares_every_method,
    other_apps_never_conflict,
    a_host_must_be_claimed,
    a_route_leads_only_to_scripts_of_its_app,
    a_route_changes_in_every_part,
    a_webhook_goes_where_its_route_goes,
    a_refused_update_leaves_the_route_as_it_was,
    an_update_that_changes_nothing_makes_no_release,
    a_deleted_route_frees_its_shape,
    what_is_missing_is_none,
    of_fifty_with_one_shape_one_wins,
    a_route_and_the_end_of_its_claim_exclude_each_other,
}

async fn a_route_is_kept_as_it_was_given(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    claim(&bed.store, owner.id, "*.example.com").await;
    let hello = script(&bed.store, owner.id, "hello").await;
    for (methods, host, path) in [
        ("GET, POST", Some("{tenant}.example.com"), "/users/{id}"),
        ("*", Some("a.example.com"), "/files/{*rest}"),
        ("OPTIONS", None, "/caf%C3%A9/"),
    ] {
        let made = route(&bed.store, &hello, methods, host, path).await;
        assert_eq!(bed.store.find_route(made.id).await.unwrap(), Some(made));
    }
    bed.finish().await;
}

async fn routes_are_listed_oldest_first(bed: Bed) {
    let (one, two) = (app(&bed.store, "one").await, app(&bed.store, "two").await);
    let a = script(&bed.store, one.id, "a").await;
    let b = script(&bed.store, one.id, "b").await;
    let other = script(&bed.store, two.id, "a").await;
    let first_route = route(&bed.store, &a, "GET", None, "/z").await;
    let of_other = route(&bed.store, &other, "GET", None, "/z").await;
    let of_b = route(&bed.store, &b, "GET", None, "/b").await;
    let final_route = route(&bed.store, &a, "GET", None, "/a").await;
    let list = async |app: Option<AppId>, script: Option<ScriptId>| -> Vec<RouteId> {
        let scope = app.map_or(AppScope::All, AppScope::One);
        let page = bed.store.list_routes(scope, script, first(10)).await.unwrap();
        page.items.iter().map(|route| route.id).collect()
    };
    assert_eq!(
        list(None, None).await,
        [first_route.id, of_other.id, of_b.id, final_route.id]
    );
    assert_eq!(
        list(Some(one.id), None).await,
        [first_route.id, of_b.id, final_route.id]
    );
    assert_eq!(list(None, Some(a.id)).await, [first_route.id, final_route.id]);
    assert_eq!(list(Some(one.id), Some(b.id)).await, [of_b.id]);
    assert_eq!(list(Some(two.id), Some(b.id)).await, []);

    let page = bed
        .store
        .list_routes(AppScope::One(one.id), None, first(2))
        .await
        .unwrap();
    assert_eq!(page.next, Some(of_b.id.0));
    let mut rest = first(2);
    rest.after = page.next;
    let page = bed
        .store
        .list_routes(AppScope::One(one.id), None, rest)
        .await
        .unwrap();
    assert_eq!((page.items, page.next), (vec![final_route], None));
    bed.finish().await;
}

async fn a_shape_and_a_method_belong_to_one_route(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let hello = script(&bed.store, owner.id, "hello").await;
    let held = route(&bed.store, &hello, "GET, POST", None, "/users/{id}").await;
    let same = new_route(&hello, "POST, DELETE", None, "/users/{name}");
    let refused = bed.store.create_route(same, &change()).await;
    assert!(
        matches!(refused, Err(WriteRouteError::Conflict(id)) if id == held.id),
        "{refused:?}"
    );
    // Another method, another path, another host: no conflict.
    claim(&bed.store, owner.id, "a.test").await;
    route(&bed.store, &hello, "DELETE", None, "/users/{name}").await;
    route(&bed.store, &hello, "GET", None, "/users/{*name}").await;
    route(&bed.store, &hello, "GET", Some("a.test"), "/users/{id}").await;
    bed.finish().await;
}

async fn the_star_shares_every_method(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let hello = script(&bed.store, owner.id, "hello").await;
    let star = route(&bed.store, &hello, "*", None, "/a").await;
    let single = route(&bed.store, &hello, "HEAD", None, "/b").await;
    for (methods, path, holder) in [
        ("PATCH", "/a", star.id),
        ("*", "/a", star.id),
        ("*", "/b", single.id),
    ] {
        let refused = bed
            .store
            .create_route(new_route(&hello, methods, None, path), &change())
            .await;
        assert!(
            matches!(refused, Err(WriteRouteError::Conflict(id)) if id == holder),
            "{refused:?}"
        );
    }
    bed.finish().await;
}

async fn other_apps_never_conflict(bed: Bed) {
    for slug in ["one", "two"] {
        let owner = app(&bed.store, slug).await;
        let hello = script(&bed.store, owner.id, "hello").await;
        route(&bed.store, &hello, "*", None, "/").await;
    }
    bed.finish().await;
}

async fn a_host_must_be_claimed(bed: Bed) {
    let (one, two) = (app(&bed.store, "one").await, app(&bed.store, "two").await);
    claim(&bed.store, one.id, "*.example.com").await;
    let own = script(&bed.store, one.id, "hello").await;
    let foreign = script(&bed.store, two.id, "hello").await;
    route(&bed.store, &own, "GET", Some("a.b.example.com"), "/").await;
    for (script, host) in [
        (&own, "example.com"),
        (&own, "a.test"),
        (&foreign, "a.example.com"),
    ] {
        let refused = bed
            .store
            .create_route(new_route(script, "GET", Some(host), "/"), &change())
            .await;
        assert!(
            matches!(refused, Err(WriteRouteError::HostNotClaimed)),
            "{host}: {refused:?}"
        );
    }
    bed.finish().await;
}

async fn a_route_leads_only_to_scripts_of_its_app(bed: Bed) {
    let (one, two) = (app(&bed.store, "one").await, app(&bed.store, "two").await);
    let own = script(&bed.store, one.id, "hello").await;
    let foreign = script(&bed.store, two.id, "hello").await;
    let mut stray = new_route(&own, "GET", None, "/");
    for (app, script) in [
        (one.id, foreign.id),
        (one.id, ScriptId::new(now())),
        (AppId::new(now()), own.id),
    ] {
        (stray.app_id, stray.script_id) = (app, script);
        let refused = bed.store.create_route(stray.clone(), &change()).await;
        assert!(matches!(refused, Err(WriteRouteError::NoScript)), "{refused:?}");
    }
    let made = route(&bed.store, &own, "GET", None, "/").await;
    let update = RouteUpdate {
        script_id: Some(foreign.id),
        ..RouteUpdate::default()
    };
    let refused = bed.store.update_route(made.id, update, &change()).await;
    assert!(matches!(refused, Err(WriteRouteError::NoScript)), "{refused:?}");
    bed.finish().await;
}

async fn a_route_changes_in_every_part(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    claim(&bed.store, owner.id, "a.test").await;
    let hello = script(&bed.store, owner.id, "hello").await;
    let bye = script(&bed.store, owner.id, "bye").await;
    let made = route(&bed.store, &hello, "GET", None, "/").await;
    let change = change();
    let update = RouteUpdate {
        script_id: Some(bye.id),
        host: Some(Some("a.test".parse().unwrap())),
        path: Some("/bye".parse().unwrap()),
        methods: Some("POST".parse().unwrap()),
        webhook: Some(Some(webhook("KEY"))),
    };
    let changed = bed
        .store
        .update_route(made.id, update, &change)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((changed.script_id, changed.path.as_str()), (bye.id, "/bye"));
    assert_eq!(changed.webhook, Some(webhook("KEY")));
    assert_eq!(
        (changed.created_at, changed.updated_at),
        (made.created_at, change.at)
    );
    assert_eq!(bed.store.find_route(made.id).await.unwrap(), Some(changed));

    // The old shape is free, the new one is taken.
    route(&bed.store, &hello, "GET", None, "/").await;
    let refused = bed
        .store
        .create_route(new_route(&hello, "*", Some("a.test"), "/bye"), &change)
        .await;
    assert!(
        matches!(refused, Err(WriteRouteError::Conflict(id)) if id == made.id),
        "{refused:?}"
    );
    bed.finish().await;
}

fn webhook(secret: &str) -> Webhook {
    Webhook {
        scheme: WebhookScheme::Hmac {
            hmac: WebhookHmac {
                header: "x-mac".parse().unwrap(),
                prefix: "v=".to_owned(),
                algorithm: WebhookAlgorithm::Sha512,
                encoding: WebhookEncoding::Base64,
                timestamp_header: None,
                id_header: Some("x-id".parse().unwrap()),
            },
        },
        secret: secret.parse().unwrap(),
        tolerance_s: 17,
        respond: WebhookRespond::Accept,
    }
}

async fn a_webhook_goes_where_its_route_goes(bed: Bed) {
    let store = &bed.store;
    let owner = app(store, "one").await;
    let hello = script(store, owner.id, "hello").await;
    let mut new = new_route(&hello, "POST", None, "/hook");
    new.webhook = Some(webhook("KEY"));
    let made = store.create_route(new, &change()).await.unwrap();
    assert_eq!(store.find_route(made.id).await.unwrap(), Some(made.clone()));
    let live = store.live_release(owner.id).await.unwrap().unwrap();
    assert_eq!(live.routes, std::slice::from_ref(&made));
    let (release, manifest) = store.find_release(owner.id, live.number).await.unwrap().unwrap();
    assert_eq!(manifest.routes[0].webhook, made.webhook);

    let open = RouteUpdate {
        webhook: Some(None),
        ..RouteUpdate::default()
    };
    let opened = store
        .update_route(made.id, open, &change())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(opened.webhook, None);
    let restored = store
        .restore_release(owner.id, release.number, DeployTerms::default(), &change())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(restored.changes.routes.len(), 1);
    let found = store.find_route(made.id).await.unwrap().unwrap();
    assert_eq!(found.webhook, made.webhook);
    let live = store.live_releases().await.unwrap();
    assert_eq!(live[0].routes, [found]);
    bed.finish().await;
}

async fn a_refused_update_leaves_the_route_as_it_was(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let hello = script(&bed.store, owner.id, "hello").await;
    let held = route(&bed.store, &hello, "GET", None, "/held").await;
    let made = route(&bed.store, &hello, "GET", None, "/").await;
    let to_held = RouteUpdate {
        path: Some("/held".parse().unwrap()),
        ..RouteUpdate::default()
    };
    let refused = bed.store.update_route(made.id, to_held, &change()).await;
    assert!(
        matches!(refused, Err(WriteRouteError::Conflict(id)) if id == held.id),
        "{refused:?}"
    );
    let to_host = RouteUpdate {
        host: Some(Some("a.test".parse().unwrap())),
        ..RouteUpdate::default()
    };
    let refused = bed.store.update_route(made.id, to_host, &change()).await;
    assert!(
        matches!(refused, Err(WriteRouteError::HostNotClaimed)),
        "{refused:?}"
    );

    assert_eq!(bed.store.find_route(made.id).await.unwrap().as_ref(), Some(&made));
    let refused = bed
        .store
        .create_route(new_route(&hello, "GET", None, "/"), &change())
        .await;
    assert!(
        matches!(refused, Err(WriteRouteError::Conflict(id)) if id == made.id),
        "{refused:?}"
    );
    bed.finish().await;
}

async fn an_update_that_changes_nothing_makes_no_release(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let hello = script(&bed.store, owner.id, "hello").await;
    let made = route(&bed.store, &hello, "GET", None, "/").await;
    let update = RouteUpdate {
        methods: Some(made.methods),
        ..RouteUpdate::default()
    };
    let same = bed.store.update_route(made.id, update, &change()).await.unwrap();
    assert_eq!(same, Some(made));
    assert_eq!(
        bed.store.list_releases(owner.id, 10, None).await.unwrap().len(),
        2
    );
    bed.finish().await;
}

async fn a_deleted_route_frees_its_shape(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let hello = script(&bed.store, owner.id, "hello").await;
    let made = route(&bed.store, &hello, "*", None, "/").await;
    assert!(bed.store.delete_route(made.id, &change()).await.unwrap());
    assert!(!bed.store.delete_route(made.id, &change()).await.unwrap());
    route(&bed.store, &hello, "*", None, "/").await;
    bed.finish().await;
}

async fn what_is_missing_is_none(bed: Bed) {
    let nobody = RouteId::new(now());
    assert!(bed.store.find_route(nobody).await.unwrap().is_none());
    let updated = bed
        .store
        .update_route(nobody, RouteUpdate::default(), &change())
        .await;
    assert!(updated.unwrap().is_none());
    assert!(!bed.store.delete_route(nobody, &change()).await.unwrap());
    bed.finish().await;
}

async fn of_fifty_with_one_shape_one_wins(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let hello = script(&bed.store, owner.id, "hello").await;
    let results = fifty_at_once(async |number| {
        let methods = if number % 2 == 0 { "GET, POST" } else { "*" };
        let path = format!("/{{p{number}}}");
        bed.store
            .create_route(new_route(&hello, methods, None, &path), &change())
            .await
    })
    .await;
    let winner = results.iter().find_map(|result| result.as_ref().ok()).unwrap().id;
    let lost = |result: &&Result<_, _>| matches!(result, Err(WriteRouteError::Conflict(id)) if *id == winner);
    assert_eq!(results.iter().filter(lost).count(), 49);
    bed.finish().await;
}

async fn a_route_and_the_end_of_its_claim_exclude_each_other(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let hello = script(&bed.store, owner.id, "hello").await;
    for round in 0..20 {
        let host = format!("h{round}.test");
        let held = claim(&bed.store, owner.id, &host).await;
        let change = change();
        let (created, removed) = futures_util::future::join(
            bed.store
                .create_route(new_route(&hello, "GET", Some(&host), "/"), &change),
            bed.store.remove_domain(owner.id, held.id, &change),
        )
        .await;
        match (&created, &removed) {
            (Ok(route), Err(RemoveDomainError::InUse(routes))) => assert_eq!(*routes, [route.id]),
            (Err(WriteRouteError::HostNotClaimed), Ok(true)) => {}
            other => panic!("{other:?}"),
        }
    }
    bed.finish().await;
}
