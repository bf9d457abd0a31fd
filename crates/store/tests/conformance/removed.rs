//! What is kept of removed scripts, and that it is bounded.

use std::sync::Arc;

use picloud_shared::{
    id::AppId,
    limits::SOURCE_BYTES_MAX,
    repository::{
        AppRepository, DeployConflict, DeployError, DeployTerms, DeploymentRepository, Expected,
        ScriptRepository, ScriptUpdate,
    },
    script::Script,
};

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, new_script, script},
};

cases! {
    a_removed_script_is_gone_but_kept,
    a_source_that_is_not_kept_stands_against_a_release,
    the_oldest_of_too_many_versions_are_forgotten,
    the_oldest_of_too_many_bytes_are_forgotten,
    a_deleted_app_leaves_nothing,
}

async fn remove(bed: &Bed, script: &Script) {
    let removed = bed
        .store
        .delete_script(script.id, &Expected::Any, &change())
        .await;
    assert!(removed.unwrap());
}

async fn kept(bed: &Bed, app: AppId, script: &Script, version: u32) -> bool {
    let source = bed.store.find_released_source(app, script.id, version).await;
    source.unwrap().is_some()
}

/// Copies the only kept version of a removed script until there are `count`, numbered from 1.
async fn multiply(bed: &Bed, count: u32) {
    let copy = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) \
         INSERT INTO removed_versions (script_id, version, content_hash, source, created_at) \
         SELECT script_id, n, content_hash, source, created_at FROM removed_versions, numbers"
    );
    bed.raw().await.run(&copy).await;
}

async fn a_removed_script_is_gone_but_kept(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let hello = script(&bed.store, owner.id, "hello").await;
    let update = ScriptUpdate {
        source: Some(Arc::from("2")),
        ..ScriptUpdate::default()
    };
    bed.store
        .update_script(hello.id, update, &change())
        .await
        .unwrap();
    assert!(kept(&bed, owner.id, &hello, 1).await);
    remove(&bed, &hello).await;
    assert!(bed.store.find_script(hello.id).await.unwrap().is_none());
    assert!(bed.store.find_version(hello.id, 1).await.unwrap().is_none());
    let source = bed
        .store
        .find_released_source(owner.id, hello.id, 2)
        .await
        .unwrap();
    assert_eq!(source.as_deref(), Some("2"));
    assert!(!kept(&bed, owner.id, &hello, 3).await);
    let other = app(&bed.store, "two").await;
    assert!(
        !kept(&bed, other.id, &hello, 1).await,
        "another app sees nothing of it"
    );
    // The name is free, and the script comes and goes as often as one likes.
    let next = script(&bed.store, owner.id, "hello").await;
    for _ in 0..3 {
        bed.store
            .restore_release(owner.id, 2, DeployTerms::default(), &change())
            .await
            .unwrap()
            .unwrap();
        assert!(bed.store.find_script(hello.id).await.unwrap().is_some());
        bed.store
            .restore_release(owner.id, 4, DeployTerms::default(), &change())
            .await
            .unwrap()
            .unwrap();
        assert!(bed.store.find_script(hello.id).await.unwrap().is_none());
        assert!(bed.store.find_script(next.id).await.unwrap().is_some());
    }
    bed.finish().await;
}

async fn a_source_that_is_not_kept_stands_against_a_release(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let hello = script(&bed.store, owner.id, "hello").await;
    remove(&bed, &hello).await;
    bed.raw().await.run("DELETE FROM removed_versions").await;
    let refused = bed
        .store
        .restore_release(owner.id, 1, DeployTerms::default(), &change())
        .await;
    let Err(DeployError::Conflicts(conflicts)) = refused else {
        panic!("{refused:?}");
    };
    let gone = DeployConflict::SourceGone {
        script: "hello".to_owned(),
        version: 1,
    };
    assert_eq!(conflicts, [gone]);
    bed.finish().await;
}

async fn the_oldest_of_too_many_versions_are_forgotten(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let old = script(&bed.store, owner.id, "old").await;
    remove(&bed, &old).await;
    multiply(&bed, 10_000).await;
    // Another app's do not count.
    let other = app(&bed.store, "two").await;
    remove(&bed, &script(&bed.store, other.id, "hello").await).await;
    assert!(kept(&bed, owner.id, &old, 1).await);
    let new = script(&bed.store, owner.id, "new").await;
    remove(&bed, &new).await;
    assert!(!kept(&bed, owner.id, &old, 1).await);
    assert!(kept(&bed, owner.id, &old, 2).await && kept(&bed, owner.id, &new, 1).await);
    bed.finish().await;
}

async fn the_oldest_of_too_many_bytes_are_forgotten(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    let source = " ".repeat(SOURCE_BYTES_MAX);
    let old = bed
        .store
        .create_script(new_script(owner.id, "old", &source), &change())
        .await
        .unwrap();
    remove(&bed, &old).await;
    multiply(&bed, 256).await;
    let new = bed
        .store
        .create_script(new_script(owner.id, "new", &source), &change())
        .await
        .unwrap();
    remove(&bed, &new).await;
    assert!(!kept(&bed, owner.id, &old, 1).await);
    assert!(kept(&bed, owner.id, &old, 2).await && kept(&bed, owner.id, &new, 1).await);
    // Of a script of which nothing is kept, nothing remains at all.
    let mut raw = bed.raw().await;
    raw.run("DELETE FROM removed_versions WHERE version > 1").await;
    remove(&bed, &script(&bed.store, owner.id, "last").await).await;
    assert_eq!(raw.number("SELECT count(*) FROM removed_scripts").await, 2);
    bed.finish().await;
}

async fn a_deleted_app_leaves_nothing(bed: Bed) {
    let owner = app(&bed.store, "one").await;
    remove(&bed, &script(&bed.store, owner.id, "hello").await).await;
    assert!(bed.store.delete_app(owner.id, false, &change()).await.unwrap());
    let mut raw = bed.raw().await;
    assert_eq!(raw.number("SELECT count(*) FROM removed_versions").await, 0);
    bed.finish().await;
}
