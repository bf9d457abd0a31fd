//! The audit log: what is in it, and how much of it is kept.

mod tampering;

use std::{collections::HashSet, time::Duration};

use picloud_shared::{
    audit::{
        Actor, AuditChain, AuditFilter, AuditOutcome, AuditRecord, AuditRetention, ChainFault,
        ChainRetention, Denial, ListedRecord, PURGE_ACTION, Target,
    },
    change::{Change, Via},
    id::{AppId, ExecutionId, SessionId, UserId},
    repository::{AppRepository, AppUpdate, AuditRepository, ScriptRepository, ScriptUpdate, UserRepository},
    time::Timestamp,
};
use picloud_store::Store;
use serde_json::json;

use crate::{
    bed::{Bed, cases},
    fixtures::{app, change, claim, credentials, first, new_app, now, route, script},
};

cases! {
    a_record_says_who_what_when_and_from_where,
    each_change_leaves_one_record,
    what_is_not_done_leaves_none,
    what_is_refused_has_a_chain_of_its_own,
    records_are_listed_newest_first_by_any_filter,
    sixty_four_at_once_make_a_chain_without_gaps,
    what_is_beyond_the_bounds_is_cut_off,
    each_chain_has_its_own_bounds,
    texts_are_kept_as_they_can_be_verified,
}

async fn all(store: &Store) -> Vec<AuditRecord> {
    let page = store.list_audit(&AuditFilter::default(), first(1_000)).await;
    readable(page.unwrap().items)
}

fn readable(listed: Vec<ListedRecord>) -> Vec<AuditRecord> {
    listed
        .into_iter()
        .map(|record| record.read().expect("it can be read"))
        .collect()
}

async fn matching(bed: &Bed, filter: AuditFilter) -> Vec<String> {
    let page = bed.store.list_audit(&filter, first(100)).await.unwrap();
    readable(page.items)
        .into_iter()
        .map(|record| record.action)
        .collect()
}

async fn fault(bed: &Bed) -> Option<ChainFault> {
    bed.store.verify_audit().await.unwrap().first_bad
}

fn denial(action: &'static str) -> Denial {
    Denial {
        action,
        app: None,
        target: Target {
            kind: "path".to_owned(),
            id: None,
            name: Some("/api/v1/admin/apps".to_owned()),
        },
        reason: "forbidden",
        attempts: 1,
        details: None,
    }
}

/// Five apps: five records.
async fn five(bed: &Bed) -> Vec<AuditRecord> {
    for number in 1..=5 {
        app(&bed.store, &format!("app-{number}")).await;
    }
    let mut records = all(&bed.store).await;
    records.reverse();
    assert_eq!(fault(bed).await, None);
    records
}

async fn a_record_says_who_what_when_and_from_where(bed: Bed) {
    let ada = credentials("ada");
    bed.store.create_first_user(&ada, &change()).await.unwrap();
    let session = SessionId::new(now());
    let change = Change {
        author: Some(ada.user.id),
        via: Via::Session(session),
        address: Some("::ffff:192.0.2.7".parse().unwrap()),
        request_id: Some(ExecutionId::new(now())),
        depth: 0,
        at: now(),
        needs: None,
        note: Some("why not".to_owned()),
    };
    let made = bed.store.create_app(new_app("shop"), &change).await.unwrap();
    let record = all(&bed.store).await.remove(0);
    assert_eq!(
        record,
        AuditRecord {
            id: record.id,
            chain: AuditChain::Changes,
            sequence: record.sequence,
            at: change.at,
            outcome: AuditOutcome::Allowed,
            action: "create_app".to_owned(),
            actor: Some(ada.user.id),
            actor_name: Some("ada".to_owned()),
            via: "session".to_owned(),
            credential: Some(session.0),
            address: Some("192.0.2.7".to_owned()),
            request_id: change.request_id,
            app_id: Some(made.id),
            target: Target {
                kind: "app".to_owned(),
                id: Some(made.id.to_string()),
                name: Some("shop".to_owned()),
            },
            before: None,
            after: Some(json!({ "slug": "shop", "name": "App shop", "description": "" })),
            note: change.note,
            reason: None,
            attempts: 1,
            hash: record.hash,
        }
    );
    bed.finish().await;
}

async fn each_change_leaves_one_record(bed: Bed) {
    let shop = app(&bed.store, "shop").await;
    let hello = script(&bed.store, shop.id, "hello").await;
    let update = ScriptUpdate {
        source: Some("\"a source that is in no record\"".into()),
        ..ScriptUpdate::default()
    };
    bed.store
        .update_script(hello.id, update, &change())
        .await
        .unwrap();
    claim(&bed.store, shop.id, "shop.example").await;
    route(&bed.store, &hello, "GET", None, "/").await;
    bed.store.delete_app(shop.id, true, &change()).await.unwrap();

    let records = all(&bed.store).await;
    let actions: Vec<&str> = records.iter().rev().map(|record| &*record.action).collect();
    assert_eq!(
        actions,
        [
            "create_app",
            "create_script",
            "update_script",
            "add_domain",
            "create_route",
            "delete_app"
        ]
    );
    assert!(records.iter().all(|record| record.app_id == Some(shop.id)));
    let updated = &records[3];
    let versions = [&updated.before, &updated.after].map(|state| state.as_ref().unwrap()["version"].clone());
    assert_eq!(versions, [1, 2]);
    assert!(!format!("{records:?}").contains("a source that is in no record"));
    assert_eq!(fault(&bed).await, None);
    bed.finish().await;
}

async fn what_is_not_done_leaves_none(bed: Bed) {
    let shop = app(&bed.store, "shop").await;
    bed.store
        .create_app(new_app("shop"), &change())
        .await
        .unwrap_err();
    bed.store
        .update_app(shop.id, AppUpdate::default(), &change())
        .await
        .unwrap();
    let gone = AppId::new(now());
    bed.store.delete_app(gone, true, &change()).await.unwrap();
    script(&bed.store, shop.id, "hello").await;
    bed.store.delete_app(shop.id, false, &change()).await.unwrap_err();
    assert_eq!(all(&bed.store).await.len(), 2);
    assert_eq!(fault(&bed).await, None);
    bed.finish().await;
}

async fn what_is_refused_has_a_chain_of_its_own(bed: Bed) {
    app(&bed.store, "shop").await;
    let refused = Denial {
        attempts: 7,
        ..denial("create_app")
    };
    bed.store.record_denial(&refused, &change()).await.unwrap();
    let records = all(&bed.store).await;
    let places: Vec<(AuditChain, u64)> = records
        .iter()
        .map(|record| (record.chain, record.sequence))
        .collect();
    assert_eq!(places, [(AuditChain::Denials, 1), (AuditChain::Changes, 1)]);
    assert_eq!(records[0].outcome, AuditOutcome::Denied);
    assert_eq!(records[0].reason.as_deref(), Some("forbidden"));
    assert_eq!(records[0].attempts, 7);
    assert_eq!(records[0].target, refused.target);
    let verdict = bed.store.verify_audit().await.unwrap();
    assert!(verdict.is_valid());
    assert_eq!(verdict.records, 2);
    assert_eq!(verdict.heads[1].hash, records[0].hash);
    bed.finish().await;
}

async fn records_are_listed_newest_first_by_any_filter(bed: Bed) {
    let ada = credentials("ada");
    bed.store.create_first_user(&ada, &change()).await.unwrap();
    let by_ada = || Change {
        author: Some(ada.user.id),
        ..change()
    };
    let shop = app(&bed.store, "shop").await;
    let blog = bed.store.create_app(new_app("blog"), &by_ada()).await.unwrap();
    let hello = script(&bed.store, shop.id, "hello").await;
    bed.store
        .record_denial(&denial("delete_app"), &by_ada())
        .await
        .unwrap();
    let every = AuditFilter::default;

    let own = |filter: &AuditFilter| AuditFilter {
        actor: Some(Actor::Id(ada.user.id)),
        ..filter.clone()
    };
    assert_eq!(
        matching(&bed, own(&every())).await[..2],
        ["delete_app", "create_app"]
    );
    let in_shop = AuditFilter {
        app: Some(shop.id),
        ..every()
    };
    assert_eq!(
        matching(&bed, in_shop.clone()).await,
        ["create_script", "create_app"]
    );
    assert_eq!(matching(&bed, own(&in_shop)).await, [""; 0]);
    let in_blog = AuditFilter {
        app: Some(blog.id),
        ..every()
    };
    assert_eq!(matching(&bed, own(&in_blog)).await, ["create_app"]);
    let by_name = AuditFilter {
        actor: Some(Actor::Name("ada".to_owned())),
        outcome: Some(AuditOutcome::Denied),
        ..every()
    };
    assert_eq!(matching(&bed, by_name).await, ["delete_app"]);
    for target in [hello.id.to_string(), "hello".to_owned()] {
        let about = AuditFilter {
            target: Some(target),
            ..every()
        };
        assert_eq!(matching(&bed, about).await, ["create_script"]);
    }
    let of_action = AuditFilter {
        action: Some("create_script".to_owned()),
        ..every()
    };
    assert_eq!(matching(&bed, of_action).await, ["create_script"]);
    let records = all(&bed.store).await;
    let between = AuditFilter {
        since: Some(records[2].at),
        until: Some(records[0].at),
        ..every()
    };
    assert_eq!(matching(&bed, between).await, ["create_script", "create_app"]);

    let (mut page, mut paged) = (first(1), Vec::new());
    loop {
        let part = bed.store.list_audit(&every(), page).await.unwrap();
        paged.extend(readable(part.items));
        match part.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    assert_eq!(paged, records);
    bed.finish().await;
}

async fn sixty_four_at_once_make_a_chain_without_gaps(bed: Bed) {
    let attempts = (0..64).map(|number| {
        let store = &bed.store;
        async move { app(store, &format!("app-{number}")).await }
    });
    let made = futures_util::future::join_all(attempts).await;
    let records = all(&bed.store).await;
    let sequences: HashSet<u64> = records.iter().map(|record| record.sequence).collect();
    assert_eq!(sequences, (1..=64).collect());
    let apps: HashSet<Option<AppId>> = records.iter().map(|record| record.app_id).collect();
    assert_eq!(apps, made.iter().map(|app| Some(app.id)).collect());
    let verdict = bed.store.verify_audit().await.unwrap();
    assert_eq!((verdict.records, verdict.first_bad), (64, None));
    bed.finish().await;
}

fn at_most(records_max: u64) -> ChainRetention {
    ChainRetention {
        age_days_max: 1_000,
        records_max,
        bytes_max: 1_000_000,
    }
}

async fn what_is_beyond_the_bounds_is_cut_off(bed: Bed) {
    let day = Duration::from_hours(24);
    let start = Timestamp::from_micros(1_600_000_000_000_000);
    for number in 0..20 {
        let change = Change {
            at: start.plus(day * number),
            ..change()
        };
        let new = new_app(&format!("app-{number}"));
        bed.store.create_app(new, &change).await.unwrap();
    }
    let end = start.plus(day * 19);
    let bytes: i64 = bed
        .raw()
        .await
        .number("SELECT CAST(SUM(bytes) AS BIGINT) FROM audit_log")
        .await;
    let purge = async |bounds| {
        let retention = AuditRetention {
            changes: bounds,
            denials: at_most(10),
        };
        bed.store.purge_audit(retention, end).await.unwrap()
    };
    assert_eq!(purge(at_most(20)).await, 0);
    // Of those from the last 15 days the oldest is number 5, the sixth.
    let by_age = ChainRetention {
        age_days_max: 15,
        ..at_most(20)
    };
    // The fifth, which is 15 days old, stays.
    assert_eq!(purge(by_age).await, 4);
    assert_eq!(purge(by_age).await, 0);
    // 16 and the record of the purge are 17; of more than 10, 9 stay.
    assert_eq!(purge(at_most(10)).await, 8);
    let by_bytes = ChainRetention {
        bytes_max: u64::try_from(bytes / 4).unwrap(),
        ..at_most(20)
    };
    let freed = purge(by_bytes).await;
    assert!((1..10).contains(&freed), "{freed}");

    let records = all(&bed.store).await;
    let purges = records.iter().filter(|record| record.action == PURGE_ACTION);
    assert_eq!(purges.count(), 3);
    let verdict = bed.store.verify_audit().await.unwrap();
    assert_eq!(verdict.first_bad, None);
    assert_eq!(verdict.records, records.len() as u64);
    let counted = bed
        .raw()
        .await
        .number("SELECT CAST(h.bytes - (SELECT SUM(bytes) FROM audit_log) AS BIGINT) FROM audit_heads h WHERE chain = 'changes'")
        .await;
    assert_eq!(counted, 0, "the head knows how many bytes there are");
    // What remains is guarded as before.
    bed.raw()
        .await
        .run("UPDATE audit_log SET via = 'console' WHERE sequence = (SELECT MIN(sequence) FROM audit_log)")
        .await;
    assert!(fault(&bed).await.is_some());
    bed.finish().await;
}

async fn each_chain_has_its_own_bounds(bed: Bed) {
    five(&bed).await;
    for _ in 0..30 {
        bed.store
            .record_denial(&denial("create_app"), &change())
            .await
            .unwrap();
    }
    let retention = AuditRetention {
        changes: at_most(10),
        denials: at_most(10),
    };
    assert_eq!(bed.store.purge_audit(retention, now()).await.unwrap(), 21);
    let records = all(&bed.store).await;
    let changes = records
        .iter()
        .filter(|record| record.chain == AuditChain::Changes);
    assert_eq!(changes.count(), 5);
    assert_eq!(fault(&bed).await, None);
    bed.finish().await;
}

async fn texts_are_kept_as_they_can_be_verified(bed: Bed) {
    let change = Change {
        author: Some(UserId::new(now())),
        note: Some(format!("a NUL \0 and {}", "ä".repeat(1_000))),
        ..change()
    };
    let mut new = new_app("shop");
    new.description = format!("a NUL \0 and {}", "long ".repeat(10_000));
    bed.store.create_app(new, &change).await.unwrap();
    let record = all(&bed.store).await.remove(0);
    let note = record.note.unwrap();
    assert!(note.starts_with("a NUL \u{FFFD} and ää"), "{note}");
    assert!(note.len() <= 1_030, "{}", note.len());
    assert!(record.after.unwrap()["omitted_bytes"].as_u64() > Some(50_000));
    assert_eq!((record.actor, record.actor_name), (change.author, None));
    assert_eq!(fault(&bed).await, None);
    bed.finish().await;
}
