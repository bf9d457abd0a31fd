//! Cutting off the oldest records.

use std::time::Duration;

use picloud_shared::{
    audit::{AuditChain, AuditRetention, ChainRetention, PURGE_ACTION},
    change::Change,
    repository::StoreError,
    time::Timestamp,
};
use serde_json::{Value, json};

use super::append::{Entry, append_to};
use crate::{
    convert::to_json,
    db::{Db, Transaction},
    statements::statements,
    value::args,
};

/// Records that one transaction deletes. Meanwhile every change waits.
const BATCH_ROWS: i64 = 2_000;
/// A chain that is too long or too large is cut to this part of its bound, so that not every record that comes pushes
/// out one and leaves another about that.
const KEPT_PERCENT: u64 = 90;

statements! {
    LOCK_HEAD = "UPDATE audit_heads SET sequence = sequence WHERE chain = $1 \
        RETURNING sequence, cut_sequence, bytes";
    /// The oldest record that is young enough.
    FIRST_YOUNG = "SELECT sequence FROM audit_log WHERE chain = $1 AND sequence > $2 AND happened_at >= $3 \
        ORDER BY sequence LIMIT 1";
    /// The record with which so many bytes are gone.
    LAST_OF_BYTES = "SELECT sequence FROM ( \
        SELECT sequence, SUM(bytes) OVER (ORDER BY sequence) AS freed FROM audit_log \
        WHERE chain = $1 AND sequence > $2) counted WHERE freed >= $3 ORDER BY sequence LIMIT 1";
    CUT_HASH = "SELECT hash FROM audit_log WHERE chain = $1 AND sequence = $2";
    CUT_BYTES = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes FROM audit_log WHERE chain = $1 AND sequence <= $2";
    CUT_OFF = "DELETE FROM audit_log WHERE chain = $1 AND sequence <= $2";
    SET_CUT = "UPDATE audit_heads SET cut_sequence = $2, cut_hash = $3, bytes = bytes - $4 WHERE chain = $1";
}

#[derive(sqlx::FromRow)]
struct HeadRow {
    sequence: i64,
    cut_sequence: i64,
    bytes: i64,
}

pub(super) async fn purge(db: &Db, retention: AuditRetention, now: Timestamp) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for chain in AuditChain::ALL {
        loop {
            let batch = purge_batch(db, chain, retention.of(chain), now).await?;
            deleted += batch.deleted;
            if !batch.is_more {
                break;
            }
        }
    }
    Ok(deleted)
}

struct Batch {
    deleted: u64,
    is_more: bool,
}

async fn purge_batch(
    db: &Db,
    chain: AuditChain,
    bounds: ChainRetention,
    now: Timestamp,
) -> Result<Batch, StoreError> {
    let nothing = Batch {
        deleted: 0,
        is_more: false,
    };
    let mut transaction = db.write().await?;
    let head: Option<HeadRow> = transaction
        .fetch_optional(LOCK_HEAD, args![chain.as_str()])
        .await?;
    let Some(head) = head else {
        return Ok(nothing);
    };
    let wanted = last_beyond(&mut transaction, chain, &head, bounds, now).await?;
    let cut = wanted.min(head.cut_sequence + BATCH_ROWS);
    let hash: Option<(Vec<u8>,)> = transaction
        .fetch_optional(CUT_HASH, args![chain.as_str(), cut])
        .await?;
    // A place without a record is the business of whoever verifies: nothing is cut there.
    let Some((hash,)) = hash.filter(|_| cut > head.cut_sequence) else {
        return Ok(nothing);
    };
    let bytes: Option<(i64,)> = transaction
        .fetch_optional(CUT_BYTES, args![chain.as_str(), cut])
        .await?;
    let deleted = transaction.execute(CUT_OFF, args![chain.as_str(), cut]).await?;
    let bytes = bytes.map_or(0, |(bytes,)| bytes);
    let new = args![chain.as_str(), cut, hash.as_slice(), bytes];
    transaction.execute(SET_CUT, new).await?;
    let entry = Entry::new(PURGE_ACTION)
        .about("audit_log", chain.as_str(), chain.as_str())
        .after(cut_value(cut, &hash));
    append_to(chain, &mut transaction, &Change::by_server(now), entry).await?;
    transaction.commit().await?;
    Ok(Batch {
        deleted,
        is_more: cut < wanted,
    })
}

/// The last record that is beyond a bound; the place of the last cut if there is none.
async fn last_beyond(
    transaction: &mut Transaction,
    chain: AuditChain,
    head: &HeadRow,
    bounds: ChainRetention,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let age_max = Duration::from_secs(u64::from(bounds.age_days_max) * 24 * 60 * 60);
    let oldest = args![chain.as_str(), head.cut_sequence, now.minus(age_max)];
    let first_young: Option<(i64,)> = transaction.fetch_optional(FIRST_YOUNG, oldest).await?;
    let too_old = first_young.map_or(head.sequence, |(young,)| young - 1);

    let kept = |bound: u64| i64::try_from(bound.saturating_mul(KEPT_PERCENT) / 100).unwrap_or(i64::MAX);
    let is_over = |value: i64, bound: u64| i64::try_from(bound).is_ok_and(|bound| value > bound);
    let records = head.sequence - head.cut_sequence;
    let too_many = if is_over(records, bounds.records_max) {
        head.sequence - kept(bounds.records_max)
    } else {
        0
    };
    let mut too_large = 0;
    if is_over(head.bytes, bounds.bytes_max) {
        let freed = args![
            chain.as_str(),
            head.cut_sequence,
            head.bytes - kept(bounds.bytes_max)
        ];
        let last: Option<(i64,)> = transaction.fetch_optional(LAST_OF_BYTES, freed).await?;
        too_large = last.map_or(head.sequence, |(last,)| last);
    }
    Ok(too_old.max(too_many).max(too_large).max(head.cut_sequence))
}

/// What the record of a cut says: up to where, and the hash of the last record that went.
pub(super) fn cut_state(sequence: i64, hash: &[u8]) -> Result<String, StoreError> {
    to_json(&cut_value(sequence, hash))
}

fn cut_value(sequence: i64, hash: &[u8]) -> Value {
    json!({ "through": sequence, "hash": hex::encode(hash) })
}
