//! Nobody alters the audit log unseen.

use picloud_shared::{
    audit::{AuditChain, AuditFilter, ChainFault, Fault, ListedRecord},
    repository::AuditRepository,
};

use super::{all, fault, five};
use crate::{
    bed::{Bed, cases},
    fixtures::first,
};

cases! {
    an_altered_record_is_found,
    what_cannot_be_read_any_more_is_found,
    an_unreadable_state_hides_no_record,
    an_unreadable_record_hides_no_other,
    an_altered_hash_is_found,
    an_altered_head_is_found,
    a_record_of_no_chain_is_found,
    a_record_that_is_gone_is_found,
    two_that_changed_places_are_found,
    what_was_added_or_cut_off_by_hand_is_found,
}

fn change_fault(sequence: u64, fault: Fault) -> ChainFault {
    ChainFault {
        chain: AuditChain::Changes,
        sequence,
        fault,
    }
}

async fn an_altered_record_is_found(bed: Bed) {
    five(&bed).await;
    let mut raw = bed.raw().await;
    for (column, value) in [
        ("happened_at", "happened_at + 1"),
        ("action", "'delete_app'"),
        ("outcome", "'denied'"),
        ("actor_name", "'eve'"),
        ("address", "'192.0.2.1'"),
        ("target_name", "target_id"),
        ("before_state", "''"),
        ("after_state", "NULL"),
        ("attempts", "2"),
        ("app_id", "NULL"),
        ("id", "app_id"),
    ] {
        let keep = "CREATE TABLE kept AS SELECT * FROM audit_log";
        raw.run(keep).await;
        raw.run(&format!(
            "UPDATE audit_log SET {column} = {value} WHERE sequence = 3"
        ))
        .await;
        assert_eq!(
            fault(&bed).await,
            Some(change_fault(3, Fault::Altered)),
            "{column} = {value}"
        );
        raw.run("DELETE FROM audit_log; INSERT INTO audit_log SELECT * FROM kept; DROP TABLE kept")
            .await;
        assert_eq!(fault(&bed).await, None, "{column}");
    }
    bed.finish().await;
}

async fn what_cannot_be_read_any_more_is_found(bed: Bed) {
    five(&bed).await;
    let mut raw = bed.raw().await;
    let mut altered = vec!["hash = X"];
    if bed.is_sqlite() {
        // PostgreSQL holds nothing of the kind.
        altered.extend(["id = X", "actor_id = X", "target_name = CAST(x'ff' AS TEXT)"]);
    }
    let byte = if bed.is_sqlite() {
        "x'00'"
    } else {
        "'\\x00'::bytea"
    };
    for set in altered {
        let set = set.replace("= X", &format!("= {byte}"));
        raw.run("CREATE TABLE kept AS SELECT * FROM audit_log").await;
        raw.run(&format!("UPDATE audit_log SET {set} WHERE sequence = 3"))
            .await;
        assert_eq!(fault(&bed).await, Some(change_fault(3, Fault::Altered)), "{set}");
        raw.run("DELETE FROM audit_log WHERE sequence = 2").await;
        assert_eq!(fault(&bed).await, Some(change_fault(2, Fault::Missing)), "{set}");
        raw.run("DELETE FROM audit_log; INSERT INTO audit_log SELECT * FROM kept; DROP TABLE kept")
            .await;
        assert_eq!(fault(&bed).await, None, "{set}");
    }
    bed.finish().await;
}

async fn an_unreadable_state_hides_no_record(bed: Bed) {
    let records = five(&bed).await;
    let alter = "UPDATE audit_log SET before_state = '{', after_state = 'x' WHERE sequence = 3";
    bed.raw().await.run(alter).await;
    let mut listed = all(&bed.store).await;
    listed.reverse();
    assert_eq!((&listed[2].before, &listed[2].after), (&None, &None));
    listed[2].after.clone_from(&records[2].after);
    assert_eq!(listed, records);
    assert_eq!(fault(&bed).await, Some(change_fault(3, Fault::Altered)));
    bed.finish().await;
}

async fn an_unreadable_record_hides_no_other(bed: Bed) {
    let records = five(&bed).await;
    let mut raw = bed.raw().await;
    let mut altered = vec![
        "outcome = 'granted'",
        "chain = 'other'",
        "attempts = -1",
        "sequence = -7",
        "hash = X",
    ];
    if bed.is_sqlite() {
        // PostgreSQL holds nothing of the kind.
        altered.extend([
            "id = X",
            "id = x''",
            "actor_id = X",
            "target_name = CAST(x'ff' AS TEXT)",
        ]);
    }
    let byte = if bed.is_sqlite() {
        "x'00'"
    } else {
        "'\\x00'::bytea"
    };
    for set in altered {
        let set = set.replace("= X", &format!("= {byte}"));
        raw.run("CREATE TABLE kept AS SELECT * FROM audit_log").await;
        raw.run(&format!("UPDATE audit_log SET {set} WHERE sequence = 3"))
            .await;
        // Also page by page: the next page begins after what cannot be read.
        for limit in [1, 2, 100] {
            let (mut listed, mut request) = (Vec::new(), first(limit));
            loop {
                let page = bed
                    .store
                    .list_audit(&AuditFilter::default(), request)
                    .await
                    .unwrap();
                listed.extend(page.items);
                request.after = page.next;
                if page.next.is_none() {
                    break;
                }
            }
            assert_eq!(listed.len(), 5, "{set}");
            let mut read: Vec<_> = listed.into_iter().filter_map(ListedRecord::read).collect();
            read.reverse();
            let others: Vec<_> = [0, 1, 3, 4].map(|place: usize| records[place].clone()).into();
            assert_eq!(read, others, "{set}");
        }
        assert!(fault(&bed).await.is_some(), "{set}");
        raw.run("DELETE FROM audit_log; INSERT INTO audit_log SELECT * FROM kept; DROP TABLE kept")
            .await;
    }
    assert_eq!(fault(&bed).await, None);
    bed.finish().await;
}

async fn an_altered_head_is_found(bed: Bed) {
    five(&bed).await;
    let mut raw = bed.raw().await;
    let byte = if bed.is_sqlite() {
        "x'00'"
    } else {
        "'\\x00'::bytea"
    };
    for (set, expected) in [
        ("sequence = -5".to_owned(), change_fault(0, Fault::Added)),
        (format!("hash = {byte}"), change_fault(5, Fault::Altered)),
        (format!("cut_hash = {byte}"), change_fault(1, Fault::Altered)),
        ("cut_sequence = -5".to_owned(), change_fault(0, Fault::Missing)),
    ] {
        raw.run("CREATE TABLE kept AS SELECT * FROM audit_heads").await;
        raw.run(&format!("UPDATE audit_heads SET {set} WHERE chain = 'changes'"))
            .await;
        assert_eq!(fault(&bed).await, Some(expected), "{set}");
        raw.run("DELETE FROM audit_heads; INSERT INTO audit_heads SELECT * FROM kept; DROP TABLE kept")
            .await;
        assert_eq!(fault(&bed).await, None, "{set}");
    }
    bed.finish().await;
}

/// Nor does one pass that stands before the first.
async fn a_record_of_no_chain_is_found(bed: Bed) {
    five(&bed).await;
    let mut raw = bed.raw().await;
    let last = "UPDATE audit_heads SET sequence = 4, hash = (SELECT hash FROM audit_log WHERE sequence = 4) \
        WHERE chain = 'changes'";
    raw.run(last).await;
    for moved in ["chain = 'other'", "chain = 'changes', sequence = 0"] {
        raw.run(&format!(
            "UPDATE audit_log SET {moved} WHERE sequence = 5 OR chain = 'other'"
        ))
        .await;
        let found = fault(&bed).await.map(|found| found.fault);
        assert_eq!(found, Some(Fault::Added), "{moved}");
    }
    raw.run("DELETE FROM audit_log WHERE sequence = 0").await;
    assert_eq!(fault(&bed).await, None);
    bed.finish().await;
}

async fn an_altered_hash_is_found(bed: Bed) {
    five(&bed).await;
    let mut raw = bed.raw().await;
    let other = "(SELECT hash FROM audit_log WHERE sequence = 2)";
    raw.run(&format!(
        "UPDATE audit_heads SET hash = {other} WHERE chain = 'changes'"
    ))
    .await;
    assert_eq!(fault(&bed).await, Some(change_fault(5, Fault::Altered)));
    raw.run(&format!("UPDATE audit_log SET hash = {other} WHERE sequence = 5"))
        .await;
    assert_eq!(fault(&bed).await, Some(change_fault(5, Fault::Altered)));
    bed.finish().await;
}

async fn a_record_that_is_gone_is_found(bed: Bed) {
    five(&bed).await;
    let mut raw = bed.raw().await;
    raw.run("DELETE FROM audit_log WHERE sequence = 5").await;
    assert_eq!(fault(&bed).await, Some(change_fault(5, Fault::Missing)));
    raw.run("DELETE FROM audit_log WHERE sequence = 2").await;
    assert_eq!(fault(&bed).await, Some(change_fault(2, Fault::Missing)));
    raw.run("DELETE FROM audit_log").await;
    assert_eq!(fault(&bed).await, Some(change_fault(1, Fault::Missing)));
    bed.finish().await;
}

async fn two_that_changed_places_are_found(bed: Bed) {
    five(&bed).await;
    let mut raw = bed.raw().await;
    for (from, to) in [(2, -1), (4, 2), (-1, 4)] {
        raw.run(&format!(
            "UPDATE audit_log SET sequence = {to} WHERE sequence = {from}"
        ))
        .await;
    }
    assert_eq!(fault(&bed).await, Some(change_fault(2, Fault::Altered)));
    bed.finish().await;
}

async fn what_was_added_or_cut_off_by_hand_is_found(bed: Bed) {
    five(&bed).await;
    let mut raw = bed.raw().await;
    let head = |set: &str, place: u32| {
        let hash = format!("(SELECT hash FROM audit_log WHERE sequence = {place})");
        format!("UPDATE audit_heads SET {set}sequence = {place}, {set}hash = {hash} WHERE chain = 'changes'")
    };
    raw.run(&head("", 4)).await;
    assert_eq!(fault(&bed).await, Some(change_fault(5, Fault::Added)));
    raw.run(&head("", 5)).await;
    assert_eq!(fault(&bed).await, None);
    // As if a purge had taken the first two, without the record that a purge leaves.
    raw.run(&head("cut_", 2)).await;
    raw.run("DELETE FROM audit_log WHERE sequence <= 2").await;
    assert_eq!(fault(&bed).await, Some(change_fault(2, Fault::Missing)));
    bed.finish().await;
}
