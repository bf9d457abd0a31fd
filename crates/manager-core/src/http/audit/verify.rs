//! `POST /api/v1/admin/audit:verify`.

use axum::{Json, extract::State};
use picloud_shared::audit::{AuditVerdict, ChainFault, ChainHead};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Manager,
    http::{access::Caller, problem::Answer},
};

/// What a look at the whole log found.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditVerdict)]
pub(crate) struct VerdictBody {
    /// Whether everything is as it was written.
    #[schema(example = false)]
    valid: bool,
    /// How many records there are.
    #[schema(example = 42)]
    records: u64,
    /// Where each chain ends. Keep this somewhere else: a log that was written anew as a whole has other hashes.
    heads: Vec<HeadBody>,
    /// The first fault; null if there is none.
    #[schema(required)]
    first_bad: Option<FaultBody>,
}

/// Where a chain ends.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditHead)]
struct HeadBody {
    /// `changes` or `denials`.
    #[schema(example = "changes")]
    chain: &'static str,
    /// The place of its last record; 0 if it has none.
    #[schema(example = 42)]
    sequence: u64,
    /// The hash of that record.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    hash: String,
}

/// Where a chain is not what was written.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditFault)]
struct FaultBody {
    /// `changes` or `denials`.
    #[schema(example = "changes")]
    chain: &'static str,
    /// At which place.
    #[schema(example = 7)]
    sequence: u64,
    /// `missing`, `altered` or `added`.
    #[schema(example = "altered")]
    fault: &'static str,
}

/// Verify the audit log
///
/// Computes the hash of every record again. Whoever altered a record, took one out or put one in is found by this,
/// unless they wrote the whole rest of the log anew; compare `heads` with what you noted before to find that too.
#[utoipa::path(
    post,
    path = "/api/v1/admin/audit:verify",
    tag = "audit",
    responses((status = 200, description = "Looked at, whatever was found", body = VerdictBody)),
)]
pub(crate) async fn verify_audit(State(manager): State<Manager>, _: Caller) -> Answer<Json<VerdictBody>> {
    let verdict = manager.repository().verify_audit().await?;
    if let Some(ChainFault {
        chain,
        sequence,
        fault,
    }) = verdict.first_bad
    {
        tracing::error!(
            chain = chain.as_str(),
            sequence,
            fault = fault.as_str(),
            "the audit log is not what was written"
        );
    }
    Ok(Json(verdict.into()))
}

impl From<AuditVerdict> for VerdictBody {
    fn from(verdict: AuditVerdict) -> Self {
        let head = |head: ChainHead| HeadBody {
            chain: head.chain.as_str(),
            sequence: head.sequence,
            hash: hex::encode(head.hash),
        };
        Self {
            valid: verdict.is_valid(),
            records: verdict.records,
            heads: verdict.heads.into_iter().map(head).collect(),
            first_bad: verdict.first_bad.map(|bad| FaultBody {
                chain: bad.chain.as_str(),
                sequence: bad.sequence,
                fault: bad.fault.as_str(),
            }),
        }
    }
}
