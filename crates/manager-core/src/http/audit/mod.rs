//! The audit log: who changed what, and who was not let.

pub(crate) mod list;
pub(crate) mod verify;

use picloud_shared::{
    audit::{AuditRecord, ListedRecord},
    id::AuditId,
    time::Timestamp,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// One record of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditRecord)]
pub(crate) struct AuditRecordBody {
    id: Uuid,
    /// `changes`, or `denials` for what was refused.
    #[schema(example = "changes")]
    chain: &'static str,
    /// The place in its chain: counts up from 1 without gaps.
    #[schema(example = 42)]
    sequence: u64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `allowed` or `denied`; `unreadable` for a record that somebody altered so that it cannot be read. Of that nothing
    /// is known but its `id`, and `at` as far as the `id` tells; `audit:verify` names its place.
    #[schema(example = "allowed")]
    outcome: &'static str,
    /// The `operationId` of the operation, or a word of the server's own.
    #[schema(example = "create_script")]
    action: String,
    actor: ActorBody,
    /// The client's address; null on the machine itself.
    #[schema(required, example = "192.0.2.7")]
    address: Option<String>,
    /// The app concerned, if it is about one; it may be gone.
    #[schema(required)]
    app_id: Option<Uuid>,
    target: TargetBody,
    /// What it was before; null for what is new.
    #[schema(required, value_type = Option<Object>, example = json!(null))]
    before: Option<Value>,
    /// What it is after; null for what is gone.
    #[schema(required, value_type = Option<Object>, example = json!({ "name": "hello", "version": 1 }))]
    after: Option<Value>,
    /// Why: what the actor said.
    #[schema(required)]
    note: Option<String>,
    /// Why it was denied: the `code` of the answer, or one that says more than the answer may, such as
    /// `invalid_credentials` for a wrong password in a field.
    #[schema(required, example = json!(null))]
    reason: Option<String>,
    /// How many attempts it stands for. More than 1 only for denials, which leave fewer records the more alike they are.
    #[schema(example = 1)]
    attempts: u64,
    /// The `x-request-id` of the answer.
    #[schema(required)]
    request_id: Option<Uuid>,
    /// SHA-256 of the record and the hash before it, in hexadecimal digits.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    hash: String,
}

/// Who did it.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditActor)]
struct ActorBody {
    /// Null if nobody knows, for the server itself, and for commands on the machine.
    #[schema(required)]
    id: Option<Uuid>,
    /// Their name at that time.
    #[schema(required)]
    username: Option<String>,
    /// `session`, `token`, `entrance` (before a session), `console` (a command on the machine) or `server`.
    #[schema(example = "session")]
    via: String,
    /// Which session or token.
    #[schema(required)]
    credential_id: Option<Uuid>,
}

/// To what it was done.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditTarget)]
struct TargetBody {
    /// What it is, such as `script`; `path` for what was refused before that was known.
    #[schema(example = "script")]
    kind: String,
    #[schema(required, example = "01890a5d-ac96-774b-bcce-b302099a8057")]
    id: Option<String>,
    /// Its name at that time.
    #[schema(required)]
    name: Option<String>,
}

/// What stands in place of what cannot be read.
const UNREADABLE: &str = "unreadable";

impl AuditRecordBody {
    fn unreadable(id: AuditId) -> Self {
        Self {
            id: id.0,
            chain: UNREADABLE,
            sequence: 0,
            at: id.made_at(),
            outcome: UNREADABLE,
            action: UNREADABLE.to_owned(),
            actor: ActorBody {
                id: None,
                username: None,
                via: UNREADABLE.to_owned(),
                credential_id: None,
            },
            address: None,
            app_id: None,
            target: TargetBody {
                kind: UNREADABLE.to_owned(),
                id: None,
                name: None,
            },
            before: None,
            after: None,
            note: None,
            reason: None,
            attempts: 0,
            request_id: None,
            hash: String::new(),
        }
    }
}

impl From<ListedRecord> for AuditRecordBody {
    fn from(record: ListedRecord) -> Self {
        match record {
            ListedRecord::Read(record) => (*record).into(),
            ListedRecord::Unreadable(id) => Self::unreadable(id),
        }
    }
}

impl From<AuditRecord> for AuditRecordBody {
    fn from(record: AuditRecord) -> Self {
        Self {
            id: record.id.0,
            chain: record.chain.as_str(),
            sequence: record.sequence,
            at: record.at,
            outcome: record.outcome.as_str(),
            action: record.action,
            actor: ActorBody {
                id: record.actor.map(|actor| actor.0),
                username: record.actor_name,
                via: record.via,
                credential_id: record.credential,
            },
            address: record.address,
            app_id: record.app_id.map(|app| app.0),
            target: TargetBody {
                kind: record.target.kind,
                id: record.target.id,
                name: record.target.name,
            },
            before: record.before,
            after: record.after,
            note: record.note,
            reason: record.reason,
            attempts: record.attempts,
            request_id: record.request_id.map(|request| request.0),
            hash: hex::encode(record.hash),
        }
    }
}
