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
    snapshot.commit().await?;
    Ok(verdict)
}

async fn verify_chain(
    snapshot: &mut Transaction,
    chain: AuditChain,
    verdict: &mut AuditVerdict,
) -> Result<Option<ChainFault>, StoreError> {
    let found = |sequence: i64, fault| {
        let sequence = number("sequence", sequence.max(0))?;
        Ok(Some(ChainFault {
            chain,
            sequence,
            fault,
        }))
    };
    let head: Option<HeadRow> = snapshot.fetch_optional(READ_HEAD, args![chain.as_str()]).await?;
    let Some(head) = head else {
        return found(0, Fault::Missing);
    };
    verdict.heads.push(ChainHead {
        chain,
        sequence: number("sequence", head.sequence)?,
        hash: hash("hash", &head.hash)?,
    });

    let (mut last, mut last_hash) = (head.cut_sequence, head.cut_hash.clone());
    // What was cut off last is in the newest record of a purge, which is itself part of the chain.
    let mut cut = None;
    loop {
        let batch = args![chain.as_str(), last, BATCH_ROWS];
        let rows: Vec<RecordRow> = snapshot.fetch_all(READ_CHAIN, batch).await?;
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
    match last.cmp(&head.sequence) {
        std::cmp::Ordering::Less => found(last + 1, Fault::Missing),
        std::cmp::Ordering::Equal if last_hash == head.hash => Ok(None),
        std::cmp::Ordering::Equal => found(last, Fault::Altered),
        std::cmp::Ordering::Greater => found(head.sequence + 1, Fault::Added),
    }
}
