//! Computing every hash again.

use picloud_shared::{
    audit::{AuditChain, AuditVerdict, ChainFault, ChainHead, Fault, PURGE_ACTION},
    repository::StoreError,
};

use super::{list::select, purge::cut_state, record::RecordRow};
use crate::{
    convert::{hash, number},
    db::{Db, Transaction},
    statements::statements,
    value::args,
};

/// Records that are in memory at a time.
const BATCH_ROWS: u64 = 500;

statements! {
    READ_HEAD = "SELECT sequence, hash, cut_sequence, cut_hash FROM audit_heads WHERE chain = $1";
    READ_CHAIN = select!("WHERE chain = $1 AND sequence > $2 ORDER BY sequence LIMIT $3");
    /// The place of the next record, whatever else is in it.
    NEXT_PLACE = "SELECT sequence FROM audit_log WHERE chain = $1 AND sequence > $2 ORDER BY sequence LIMIT 1";
    /// A record where everything was cut off.
    BEFORE_CUT = "SELECT sequence FROM audit_log WHERE chain = $1 AND sequence <= $2 ORDER BY sequence LIMIT 1";
    /// A record of a chain that does not exist.
    OF_NO_CHAIN = "SELECT sequence FROM audit_log WHERE chain NOT IN ($1, $2) ORDER BY sequence LIMIT 1";
}

#[derive(sqlx::FromRow)]
struct HeadRow {
    sequence: i64,
    hash: Vec<u8>,
    cut_sequence: i64,
    cut_hash: Vec<u8>,
}

pub(super) async fn verify(db: &Db) -> Result<AuditVerdict, StoreError> {
    let mut verdict = AuditVerdict::default();
    let mut snapshot = db.snapshot().await?;
    for chain in AuditChain::ALL {
        let fault = verify_chain(&mut snapshot, chain, &mut verdict).await?;
        verdict.first_bad = verdict.first_bad.or(fault);
    }
    let foreign = find_foreign(&mut snapshot).await?;
    verdict.first_bad = verdict.first_bad.or(foreign);
    snapshot.commit().await?;
    Ok(verdict)
}

/// A record that stands in none of the chains, so that following these does not come upon it.
async fn find_foreign(snapshot: &mut Transaction) -> Result<Option<ChainFault>, StoreError> {
    let [first, second] = AuditChain::ALL.map(AuditChain::as_str);
    let found: Option<(i64,)> = snapshot.fetch_optional(OF_NO_CHAIN, args![first, second]).await?;
    found
        .map(|(sequence,)| fault_at(AuditChain::Changes, sequence, Fault::Added))
        .transpose()
}

fn fault_at(chain: AuditChain, sequence: i64, fault: Fault) -> Result<ChainFault, StoreError> {
    Ok(ChainFault {
        chain,
        sequence: number("sequence", sequence.max(0))?,
        fault,
    })
}

async fn verify_chain(
    snapshot: &mut Transaction,
    chain: AuditChain,
    verdict: &mut AuditVerdict,
) -> Result<Option<ChainFault>, StoreError> {
    let found = |sequence: i64, fault| fault_at(chain, sequence, fault).map(Some);
    let head: Option<HeadRow> = snapshot.fetch_optional(READ_HEAD, args![chain.as_str()]).await?;
    let Some(head) = head else {
        return found(0, Fault::Missing);
    };
    // One that was altered beyond what a head can be is told below, as it does not fit the records.
    if let (Ok(sequence), Ok(hash)) = (number("sequence", head.sequence), hash("hash", &head.hash)) {
        verdict.heads.push(ChainHead {
            chain,
            sequence,
            hash,
        });
    }

    let (mut last, mut last_hash) = (head.cut_sequence, head.cut_hash.clone());
    // What was cut off last is in the newest record of a purge, which is itself part of the chain.
    let mut cut = None;
    let mut limit = BATCH_ROWS;
    loop {
        let batch = args![chain.as_str(), last, limit];
        let rows: Result<Vec<RecordRow>, StoreError> = snapshot.fetch_all(READ_CHAIN, batch).await;
        let rows = match rows {
            // In one of them something was altered that cannot even be read: one by one, to find which.
            Err(StoreError::Corrupt(_)) if limit > 1 => {
                limit = 1;
                continue;
            }
            Err(StoreError::Corrupt(_)) => {
                let after = args![chain.as_str(), last];
                let place: Option<(i64,)> = snapshot.fetch_optional(NEXT_PLACE, after).await?;
                let is_next = place == Some((last + 1,));
                return found(last + 1, if is_next { Fault::Altered } else { Fault::Missing });
            }
            rows => rows?,
        };
        if rows.is_empty() {
            break;
        }
        for row in rows {
            verdict.records += 1;
            if row.sequence != last + 1 {
                return found(last + 1, Fault::Missing);
            }
            if row.hash != row.hash_after(&last_hash) {
                return found(row.sequence, Fault::Altered);
            }
            if row.action == PURGE_ACTION {
                cut = row.after_state;
            }
            (last, last_hash) = (row.sequence, row.hash);
        }
    }
    let was_cut = head.cut_sequence > 0;
    if was_cut && cut != Some(cut_state(head.cut_sequence, &head.cut_hash)?) {
        return found(head.cut_sequence, Fault::Missing);
    }
    let before_cut = args![chain.as_str(), head.cut_sequence];
    let left: Option<(i64,)> = snapshot.fetch_optional(BEFORE_CUT, before_cut).await?;
    if let Some((sequence,)) = left {
        return found(sequence, Fault::Added);
    }
    match last.cmp(&head.sequence) {
        std::cmp::Ordering::Less => found(last + 1, Fault::Missing),
        std::cmp::Ordering::Equal if last_hash == head.hash => Ok(None),
        std::cmp::Ordering::Equal => found(last, Fault::Altered),
        std::cmp::Ordering::Greater => found(head.sequence + 1, Fault::Added),
    }
}
