//! Apps and the history of their slugs.

use picloud_shared::{
    app::{App, AppRef},
    execution::RunBatch,
    id::AppId,
    page::Page,
    repository::{
        AppRepository, AppScope, AppUpdate, CreateAppError, DeleteAppError, DomainRepository,
        ExecutionRepository, FoundApp, ListedApp, NewApp, ReleaseRepository, RouteRepository, RunLog,
        ScriptRepository, SlugStatus, UpdateAppError,
    },
};

use crate::{
    bed::{Bed, cases},
    fixtures::{NOBODY, app, change, claim, execution, fifty_at_once, first, new_app, now, route, script},
};

cases! {
    an_app_is_found_by_id_and_slug,
    apps_are_listed_oldest_first,
    a_slug_belongs_to_one_app,
    a_rename_leaves_a_redirect,
    an_old_slug_is_taken_over_only_by_force,
    an_app_may_have_its_old_slug_back,
    an_update_that_changes_nothing_writes_nothing,
    what_is_missing_is_none,
    an_app_with_content_is_deleted_only_by_force,
    nul_in_a_text_is_replaced,
    of_fifty_with_one_slug_one_wins,
    of_fifty_renames_to_one_slug_one_wins,
    of_fifty_take_overs_one_wins,
}

fn rename(slug: &str) -> AppUpdate {
    AppUpdate {
        slug: Some(slug.parse().unwrap()),
        ..AppUpdate::default()
    }
}

fn by_force(update: AppUpdate) -> AppUpdate {
    AppUpdate {
        force: true,
        ..update
    }
}

async fn find(bed: &Bed, text: &str) -> Option<FoundApp> {
    bed.store
        .find_app(&text.parse::<AppRef>().unwrap())
        .await
        .unwrap()
}

async fn status(bed: &Bed, slug: &str) -> SlugStatus {
    bed.store.slug_status(&slug.parse().unwrap()).await.unwrap()
}

async fn an_app_is_found_by_id_and_slug(bed: Bed) {
    let made = app(&bed.store, "shop").await;
    assert_eq!((made.release, made.name.as_str()), (0, "App shop"));
    assert_eq!(made.created_at, made.updated_at);
    for text in ["shop", &made.id.to_string()] {
        let found = find(&bed, text).await;
        assert!(
            matches!(&found, Some(FoundApp::Current(found)) if *found == made),
            "{text}: {found:?}"
        );
    }
    assert_eq!(status(&bed, "shop").await, SlugStatus::Taken(made.id));
    assert_eq!(status(&bed, "shop-2").await, SlugStatus::Available);
    bed.finish().await;
}

async fn apps_are_listed_oldest_first(bed: Bed) {
    let mut made = Vec::new();
    for slug in ["c", "a", "b"] {
        made.push(app(&bed.store, slug).await);
    }
    let page = bed
        .store
        .list_apps(AppScope::All, NOBODY, first(2))
        .await
        .unwrap();
    assert_eq!(apps(&page), made[..2]);
    assert_eq!(page.next, Some(made[1].id.0));
    let mut rest = first(2);
    rest.after = page.next;
    let page = bed.store.list_apps(AppScope::All, NOBODY, rest).await.unwrap();
    assert_eq!((apps(&page), page.next), (made[2..].to_vec(), None));
    bed.finish().await;
}

fn apps(page: &Page<ListedApp>) -> Vec<App> {
    page.items.iter().map(|listed| listed.app.clone()).collect()
}

async fn a_slug_belongs_to_one_app(bed: Bed) {
    app(&bed.store, "shop").await;
    let other = app(&bed.store, "other").await;
    let again = bed.store.create_app(new_app("shop"), &change()).await;
    assert!(matches!(again, Err(CreateAppError::SlugTaken)), "{again:?}");
    let forced = NewApp {
        force: true,
        ..new_app("shop")
    };
    let forced = bed.store.create_app(forced, &change()).await;
    assert!(matches!(forced, Err(CreateAppError::SlugTaken)), "{forced:?}");
    let renamed = bed
        .store
        .update_app(other.id, by_force(rename("shop")), &change())
        .await;
    assert!(matches!(renamed, Err(UpdateAppError::SlugTaken)), "{renamed:?}");
    assert!(matches!(find(&bed, "other").await, Some(FoundApp::Current(found)) if found == other));
    bed.finish().await;
}

async fn a_rename_leaves_a_redirect(bed: Bed) {
    let made = app(&bed.store, "shop").await;
    let change = change();
    let update = AppUpdate {
        name: Some("The store".to_owned()),
        description: Some("Sells".to_owned()),
        ..rename("store")
    };
    let renamed = bed
        .store
        .update_app(made.id, update, &change)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (renamed.slug.as_str(), renamed.name.as_str()),
        ("store", "The store")
    );
    assert_eq!((renamed.description.as_str(), renamed.release), ("Sells", 0));
    assert_eq!(
        (renamed.created_at, renamed.updated_at),
        (made.created_at, change.at)
    );

    let old = find(&bed, "shop").await;
    assert!(
        matches!(&old, Some(FoundApp::Renamed(found)) if *found == renamed),
        "{old:?}"
    );
    let new = find(&bed, "store").await;
    assert!(
        matches!(&new, Some(FoundApp::Current(found)) if *found == renamed),
        "{new:?}"
    );
    assert_eq!(status(&bed, "shop").await, SlugStatus::Historical(made.id));

    // A redirect goes with its app.
    assert!(bed.store.delete_app(made.id, false, &change).await.unwrap());
    assert!(find(&bed, "shop").await.is_none());
    assert_eq!(status(&bed, "shop").await, SlugStatus::Available);
    bed.finish().await;
}

async fn an_old_slug_is_taken_over_only_by_force(bed: Bed) {
    let made = app(&bed.store, "one").await;
    for slug in ["two", "three"] {
        bed.store
            .update_app(made.id, rename(slug), &change())
            .await
            .unwrap();
    }
    let refused = bed.store.create_app(new_app("one"), &change()).await;
    assert!(
        matches!(refused, Err(CreateAppError::SlugInHistory)),
        "{refused:?}"
    );
    assert_eq!(status(&bed, "one").await, SlugStatus::Historical(made.id));
    let taken = NewApp {
        force: true,
        ..new_app("one")
    };
    let taken = bed.store.create_app(taken, &change()).await.unwrap();
    assert_eq!(status(&bed, "one").await, SlugStatus::Taken(taken.id));

    let refused = bed.store.update_app(taken.id, rename("two"), &change()).await;
    assert!(
        matches!(refused, Err(UpdateAppError::SlugInHistory)),
        "{refused:?}"
    );
    let moved = bed
        .store
        .update_app(taken.id, by_force(rename("two")), &change())
        .await;
    assert_eq!(moved.unwrap().unwrap().slug.as_str(), "two");
    assert_eq!(status(&bed, "two").await, SlugStatus::Taken(taken.id));
    assert_eq!(status(&bed, "one").await, SlugStatus::Historical(taken.id));
    bed.finish().await;
}

async fn an_app_may_have_its_old_slug_back(bed: Bed) {
    let made = app(&bed.store, "one").await;
    for slug in ["two", "one", "two", "one"] {
        let renamed = bed.store.update_app(made.id, rename(slug), &change()).await;
        assert_eq!(renamed.unwrap().unwrap().slug.as_str(), slug);
    }
    assert!(matches!(find(&bed, "one").await, Some(FoundApp::Current(_))));
    assert!(matches!(find(&bed, "two").await, Some(FoundApp::Renamed(_))));
    bed.finish().await;
}

async fn an_update_that_changes_nothing_writes_nothing(bed: Bed) {
    let made = app(&bed.store, "one").await;
    for update in [AppUpdate::default(), rename("one")] {
        let same = bed.store.update_app(made.id, update, &change()).await.unwrap();
        assert_eq!(same, Some(made.clone()));
    }
    assert!(matches!(find(&bed, "one").await, Some(FoundApp::Current(found)) if found == made));
    bed.finish().await;
}

async fn what_is_missing_is_none(bed: Bed) {
    let nobody = AppId::new(now());
    assert!(find(&bed, "nobody").await.is_none());
    assert!(find(&bed, &nobody.to_string()).await.is_none());
    assert!(
        bed.store
            .update_app(nobody, rename("x"), &change())
            .await
            .unwrap()
            .is_none()
    );
    assert!(!bed.store.delete_app(nobody, true, &change()).await.unwrap());
    bed.finish().await;
}

async fn an_app_with_content_is_deleted_only_by_force(bed: Bed) {
    let store = &bed.store;
    let with_domain = app(store, "with-domain").await;
    claim(store, with_domain.id, "a.example.com").await;
    let with_script = app(store, "with-script").await;
    let hello = script(store, with_script.id, "hello").await;
    let served = route(store, &hello, "GET", None, "/").await;
    let run = execution(&hello, now());
    store
        .record_executions(RunBatch::of_records(std::slice::from_ref(&run)), now())
        .await
        .unwrap();

    for id in [with_domain.id, with_script.id] {
        let refused = store.delete_app(id, false, &change()).await;
        assert!(matches!(refused, Err(DeleteAppError::NotEmpty)), "{refused:?}");
        assert!(store.delete_app(id, true, &change()).await.unwrap());
        assert!(!store.delete_app(id, true, &change()).await.unwrap());
    }
    assert!(store.find_script(hello.id).await.unwrap().is_none());
    assert!(store.find_version(hello.id, 1).await.unwrap().is_none());
    assert!(store.find_route(served.id).await.unwrap().is_none());
    assert!(store.find_execution(run.id).await.unwrap().is_none());
    assert!(store.live_releases().await.unwrap().is_empty());
    assert!(
        store
            .list_releases(with_script.id, 10, None)
            .await
            .unwrap()
            .is_empty()
    );

    // What it had is free again.
    let next = app(store, "with-domain").await;
    claim(store, next.id, "a.example.com").await;
    assert_eq!(
        store.list_domains(next.id, first(10)).await.unwrap().items.len(),
        1
    );
    bed.finish().await;
}

async fn nul_in_a_text_is_replaced(bed: Bed) {
    let new = NewApp {
        description: "a\0b".to_owned(),
        ..new_app("nul")
    };
    bed.store.create_app(new, &change()).await.unwrap();
    let Some(FoundApp::Current(found)) = find(&bed, "nul").await else {
        panic!("the app is there");
    };
    assert_eq!(found.description, "a\u{FFFD}b");
    bed.finish().await;
}

async fn of_fifty_with_one_slug_one_wins(bed: Bed) {
    let results = fifty_at_once(async |_| bed.store.create_app(new_app("race"), &change()).await).await;
    let won = results.iter().filter(|result| result.is_ok()).count();
    let lost = |result: &&Result<_, _>| matches!(result, Err(CreateAppError::SlugTaken));
    assert_eq!((won, results.iter().filter(lost).count()), (1, 49));
    bed.finish().await;
}

async fn of_fifty_renames_to_one_slug_one_wins(bed: Bed) {
    let mut apps = Vec::new();
    for number in 0..50 {
        apps.push(app(&bed.store, &format!("app-{number}")).await.id);
    }
    let results = fifty_at_once(async |number| {
        let id = apps[number as usize];
        bed.store.update_app(id, rename("race"), &change()).await
    })
    .await;
    let won = results.iter().filter(|result| result.is_ok()).count();
    let lost = |result: &&Result<_, _>| matches!(result, Err(UpdateAppError::SlugTaken));
    assert_eq!((won, results.iter().filter(lost).count()), (1, 49));
    bed.finish().await;
}

async fn of_fifty_take_overs_one_wins(bed: Bed) {
    let holder = app(&bed.store, "race").await;
    bed.store
        .update_app(holder.id, rename("moved"), &change())
        .await
        .unwrap();
    let results = fifty_at_once(async |_| {
        let new = NewApp {
            force: true,
            ..new_app("race")
        };
        bed.store.create_app(new, &change()).await
    })
    .await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let mut raw = bed.raw().await;
    assert_eq!(raw.number("SELECT count(*) FROM slug_history").await, 0);
    bed.finish().await;
}
