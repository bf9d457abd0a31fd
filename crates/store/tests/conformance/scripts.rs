//! Scripts and their versions.

use std::sync::Arc;

use picloud_shared::{
    change::Change,
    id::{AppId, ScriptId},
    limits::Limits,
    repository::{
        AppScope, DeleteScriptError, Expected, ReleaseRepository, RouteRepository, ScriptRepository,
        ScriptUpdate, UserRepository, WriteScriptError,
    },
    script::ContentHash,
};

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, credentials, fifty_at_once, first, new_script, now, route, script},
};

cases! {
    a_script_is_kept_as_it_was_given,
    a_name_is_unique_in_its_app,
    an_app_that_is_gone_takes_no_script,
    scripts_are_listed_oldest_first,
    a_new_source_is_a_new_version,
    other_changes_make_no_version,
    an_update_that_changes_nothing_makes_no_release,
    the_same_source_is_a_new_version_too,
    a_script_is_deleted_only_as_expected,
    the_expected_version_is_compared,
    a_rollback_is_a_new_version,
    what_is_missing_is_none,
    a_script_stays_while_routes_lead_to_it,
    versions_are_listed_newest_first,
    fifty_updates_make_fifty_versions,
    of_fifty_that_expect_one_version_one_wins,
}

fn source(text: &str) -> ScriptUpdate {
    ScriptUpdate {
        source: Some(Arc::from(text)),
        ..ScriptUpdate::default()
    }
}

async fn release_number(bed: &Bed, app: AppId) -> u32 {
    bed.store.live_release(app).await.unwrap().unwrap().number
}

async fn a_script_is_kept_as_it_was_given(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let mut new = new_script(owner.id, "hello", "\"caf\u{e9} \0 \u{1F600}\"");
    new.description = String::from("Greets");
    new.limits = Limits {
        timeout_ms: 1_234,
        ..Limits::DEFAULT
    };
    let source = Arc::clone(&new.source);
    let made = bed.store.create_script(new, &change()).await.unwrap();
    assert_eq!((made.version, &made.source), (1, &source));
    assert_eq!(
        bed.store.find_script(made.id).await.unwrap().as_ref(),
        Some(&made)
    );
    let version = bed.store.find_version(made.id, 1).await.unwrap().unwrap();
    assert_eq!(
        (&version.source, version.content_hash),
        (&source, ContentHash::of(&source))
    );
    assert_eq!((version.author, version.author_name), (None, None));
    bed.finish().await;
}

async fn a_name_is_unique_in_its_app(bed: Bed) {
    let (one, two) = (app(&bed.store, "one").await, app(&bed.store, "two").await);
    script(&bed.store, one.id, "hello").await;
    let other = script(&bed.store, one.id, "Hello").await;
    script(&bed.store, two.id, "hello").await;
    let refused = bed
        .store
        .create_script(new_script(one.id, "hello", "1"), &change())
        .await;
    assert!(matches!(refused, Err(WriteScriptError::NameTaken)), "{refused:?}");
    let rename = ScriptUpdate {
        name: Some("hello".parse().unwrap()),
        ..ScriptUpdate::default()
    };
    let refused = bed.store.update_script(other.id, rename, &change()).await;
    assert!(matches!(refused, Err(WriteScriptError::NameTaken)), "{refused:?}");
    assert_eq!(release_number(&bed, one.id).await, 2);
    bed.finish().await;
}

async fn an_app_that_is_gone_takes_no_script(bed: Bed) {
    let new = new_script(AppId::new(now()), "hello", "1");
    let refused = bed.store.create_script(new, &change()).await;
    assert!(matches!(refused, Err(WriteScriptError::NoApp)), "{refused:?}");
    bed.finish().await;
}

async fn scripts_are_listed_oldest_first(bed: Bed) {
    let (one, two) = (app(&bed.store, "one").await, app(&bed.store, "two").await);
    let c = script(&bed.store, one.id, "c").await;
    let a = script(&bed.store, two.id, "a").await;
    let b = script(&bed.store, one.id, "b").await;
    let all = bed.store.list_scripts(AppScope::All, first(10)).await.unwrap();
    assert_eq!((all.items, all.next), (vec![c.clone(), a, b.clone()], None));
    let page = bed
        .store
        .list_scripts(AppScope::One(one.id), first(1))
        .await
        .unwrap();
    assert_eq!(
        (page.items.as_slice(), page.next),
        ([c.clone()].as_slice(), Some(c.id.0))
    );
    let mut rest = first(1);
    rest.after = page.next;
    let page = bed.store.list_scripts(AppScope::One(one.id), rest).await.unwrap();
    assert_eq!((page.items, page.next), (vec![b], None));
    bed.finish().await;
}

async fn a_new_source_is_a_new_version(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let ada = credentials("ada");
    bed.store.create_first_user(&ada, &change()).await.unwrap();
    let made = script(&bed.store, owner.id, "hello").await;
    let change = Change {
        author: Some(ada.user.id),
        note: Some("Better".to_owned()),
        ..change()
    };
    let changed = bed
        .store
        .update_script(made.id, source("2"), &change)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((changed.version, &*changed.source), (2, "2"));
    assert_eq!(
        (changed.created_at, changed.updated_at),
        (made.created_at, change.at)
    );
    assert_eq!(bed.store.find_script(made.id).await.unwrap(), Some(changed));

    let version = bed.store.find_version(made.id, 2).await.unwrap().unwrap();
    assert_eq!((version.version, &*version.source), (2, "2"));
    assert_eq!(
        (version.author, version.author_name.as_deref()),
        (Some(ada.user.id), Some("ada"))
    );
    assert_eq!(
        (version.note.as_deref(), version.created_at),
        (Some("Better"), change.at)
    );
    let before = bed.store.find_version(made.id, 1).await.unwrap().unwrap();
    assert_eq!(before.source, made.source);
    bed.finish().await;
}

async fn other_changes_make_no_version(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let made = script(&bed.store, owner.id, "hello").await;
    let update = ScriptUpdate {
        name: Some("hi".parse().unwrap()),
        description: Some("Greets".to_owned()),
        limits: Some(Limits {
            cpu_ms_max: 5,
            ..Limits::DEFAULT
        }),
        checked: None,
        source: None,
        expected: Expected::OneOf(vec![1]),
    };
    let changed = bed
        .store
        .update_script(made.id, update, &change())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (changed.version, changed.name.as_str(), changed.limits.cpu_ms_max),
        (1, "hi", 5)
    );
    assert_eq!(release_number(&bed, owner.id).await, 2);
    assert_eq!(bed.store.list_versions(made.id, 10, None).await.unwrap().len(), 1);
    bed.finish().await;
}

async fn an_update_that_changes_nothing_makes_no_release(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let made = script(&bed.store, owner.id, "hello").await;
    let nothing = ScriptUpdate::default();
    let same = bed
        .store
        .update_script(made.id, nothing, &change())
        .await
        .unwrap();
    assert_eq!(same.as_ref(), Some(&made));
    assert_eq!(release_number(&bed, owner.id).await, 1);
    assert_eq!(
        bed.store.list_releases(owner.id, 10, None).await.unwrap().len(),
        1
    );
    bed.finish().await;
}

async fn the_same_source_is_a_new_version_too(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let made = script(&bed.store, owner.id, "hello").await;
    let again = source(&made.source);
    let saved = bed.store.update_script(made.id, again, &change()).await.unwrap();
    assert_eq!(
        saved.map(|saved| (saved.version, saved.source)),
        Some((2, made.source))
    );
    assert_eq!(release_number(&bed, owner.id).await, 2);
    bed.finish().await;
}

async fn a_script_is_deleted_only_as_expected(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let made = script(&bed.store, owner.id, "hello").await;
    let delete = async |version| {
        let expected = Expected::OneOf(vec![version]);
        bed.store.delete_script(made.id, &expected, &change()).await
    };
    let refused = delete(2).await;
    assert!(
        matches!(refused, Err(DeleteScriptError::VersionMismatch { live: 1 })),
        "{refused:?}"
    );
    assert!(delete(1).await.unwrap());
    bed.finish().await;
}

async fn the_expected_version_is_compared(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let made = script(&bed.store, owner.id, "hello").await;
    bed.store
        .update_script(made.id, source("2"), &change())
        .await
        .unwrap();
    let stale = ScriptUpdate {
        expected: Expected::OneOf(vec![1]),
        ..source("3")
    };
    let refused = bed.store.update_script(made.id, stale, &change()).await;
    assert!(
        matches!(refused, Err(WriteScriptError::VersionMismatch { live: 2 })),
        "{refused:?}"
    );
    let refused = bed
        .store
        .rollback_script(made.id, 1, &Expected::OneOf(vec![1, 3]), None, &change())
        .await;
    assert!(
        matches!(refused, Err(WriteScriptError::VersionMismatch { live: 2 })),
        "{refused:?}"
    );
    let fresh = ScriptUpdate {
        expected: Expected::OneOf(vec![2]),
        ..source("3")
    };
    let changed = bed.store.update_script(made.id, fresh, &change()).await.unwrap();
    assert_eq!(changed.map(|script| script.version), Some(3));
    bed.finish().await;
}

async fn a_rollback_is_a_new_version(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let made = script(&bed.store, owner.id, "hello").await;
    bed.store
        .update_script(made.id, source("2"), &change())
        .await
        .unwrap();
    let back = bed
        .store
        .rollback_script(made.id, 1, &Expected::OneOf(vec![1, 2]), None, &change())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((back.version, &back.source), (3, &made.source));
    let releases = bed.store.list_releases(owner.id, 10, None).await.unwrap();
    assert_eq!(releases[0].summary, "script hello: version 3, as version 1");
    bed.finish().await;
}

async fn what_is_missing_is_none(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let made = script(&bed.store, owner.id, "hello").await;
    let store = &bed.store;
    let nobody = ScriptId::new(now());
    assert!(store.find_script(nobody).await.unwrap().is_none());
    assert!(
        store
            .update_script(nobody, source("1"), &change())
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .rollback_script(nobody, 1, &Expected::Any, None, &change())
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .rollback_script(made.id, 2, &Expected::Any, None, &change())
            .await
            .unwrap()
            .is_none()
    );
    assert!(store.find_version(made.id, 2).await.unwrap().is_none());
    assert!(
        !store
            .delete_script(nobody, &Expected::Any, &change())
            .await
            .unwrap()
    );
    assert_eq!(release_number(&bed, owner.id).await, 1);
    bed.finish().await;
}

async fn a_script_stays_while_routes_lead_to_it(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let made = script(&bed.store, owner.id, "hello").await;
    let served = route(&bed.store, &made, "GET", None, "/").await;
    let refused = bed.store.delete_script(made.id, &Expected::Any, &change()).await;
    assert!(
        matches!(&refused, Err(DeleteScriptError::InUse(routes)) if *routes == [served.id]),
        "{refused:?}"
    );
    assert!(bed.store.delete_route(served.id, &change()).await.unwrap());
    assert!(
        bed.store
            .delete_script(made.id, &Expected::Any, &change())
            .await
            .unwrap()
    );
    assert!(
        !bed.store
            .delete_script(made.id, &Expected::Any, &change())
            .await
            .unwrap()
    );
    assert!(bed.store.find_version(made.id, 1).await.unwrap().is_none());
    bed.finish().await;
}

async fn versions_are_listed_newest_first(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let made = script(&bed.store, owner.id, "hello").await;
    for text in ["2", "3", "4"] {
        bed.store
            .update_script(made.id, source(text), &change())
            .await
            .unwrap();
    }
    let list = async |limit, before| -> Vec<u32> {
        let versions = bed.store.list_versions(made.id, limit, before).await.unwrap();
        versions.iter().map(|version| version.version).collect()
    };
    assert_eq!(list(2, None).await, [4, 3]);
    assert_eq!(list(2, Some(3)).await, [2, 1]);
    assert_eq!(list(2, Some(1)).await, [0; 0]);
    bed.finish().await;
}

async fn fifty_updates_make_fifty_versions(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let made = script(&bed.store, owner.id, "hello").await;
    let mut versions: Vec<u32> = fifty_at_once(async |number| {
        let update = source(&format!("{number}"));
        bed.store
            .update_script(made.id, update, &change())
            .await
            .unwrap()
            .unwrap()
            .version
    })
    .await;
    versions.sort_unstable();
    assert_eq!(versions, (2..=51).collect::<Vec<_>>());
    assert_eq!(release_number(&bed, owner.id).await, 51);
    bed.finish().await;
}

async fn of_fifty_that_expect_one_version_one_wins(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let made = script(&bed.store, owner.id, "hello").await;
    let results = fifty_at_once(async |number| {
        let update = ScriptUpdate {
            expected: Expected::OneOf(vec![1]),
            ..source(&format!("{number}"))
        };
        bed.store.update_script(made.id, update, &change()).await
    })
    .await;
    let won = results.iter().filter(|result| result.is_ok()).count();
    let lost = |result: &&Result<_, _>| matches!(result, Err(WriteScriptError::VersionMismatch { live: 2 }));
    assert_eq!((won, results.iter().filter(lost).count()), (1, 49));
    bed.finish().await;
}
