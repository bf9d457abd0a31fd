//! One row of the log, and its hash.

use picloud_shared::{
    audit::{AuditChain, AuditOutcome, AuditRecord, Target},
    id::{AppId, AuditId, ExecutionId, UserId},
    repository::StoreError,
    time::Timestamp,
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{
    convert::{from_json, hash, number, variant},
    value::{Value, args},
};

/// What every hash begins with. Another order or meaning of the fields is another version.
const VERSION: &[u8] = b"picloud audit record 1";

/// A row as it is stored. Nothing in it is understood yet, so that also what somebody altered has a hash.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct RecordRow {
    pub(super) chain: String,
    pub(super) sequence: i64,
    pub(super) id: Uuid,
    pub(super) happened_at: i64,
    pub(super) outcome: String,
    pub(super) action: String,
    pub(super) actor_id: Option<Uuid>,
    pub(super) actor_name: Option<String>,
    pub(super) via: String,
    pub(super) credential_id: Option<Uuid>,
    pub(super) address: Option<String>,
    pub(super) request_id: Option<Uuid>,
    pub(super) app_id: Option<Uuid>,
    pub(super) target_kind: String,
    pub(super) target_id: Option<String>,
    pub(super) target_name: Option<String>,
    pub(super) before_state: Option<String>,
    pub(super) after_state: Option<String>,
    pub(super) note: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) attempts: i64,
    pub(super) hash: Vec<u8>,
}

impl RecordRow {
    /// The hash of this record after one with the hash `previous`: of all fields but the hash, in the order of the
    /// columns, each with its length, so that nothing can move from one field to the next.
    pub(super) fn hash_after(&self, previous: &[u8]) -> [u8; 32] {
        let id = |id: &Option<Uuid>| id.map(Uuid::into_bytes);
        let mut hasher = Sha256::new();
        let mut field = |bytes: Option<&[u8]>| match bytes {
            None => hasher.update([0]),
            Some(bytes) => {
                hasher.update([1]);
                hasher.update((bytes.len() as u64).to_be_bytes());
                hasher.update(bytes);
            }
        };
        field(Some(VERSION));
        field(Some(previous));
        field(Some(self.chain.as_bytes()));
        field(Some(&self.sequence.to_be_bytes()));
        field(Some(self.id.as_bytes()));
        field(Some(&self.happened_at.to_be_bytes()));
        field(Some(self.outcome.as_bytes()));
        field(Some(self.action.as_bytes()));
        field(id(&self.actor_id).as_ref().map(<[u8; 16]>::as_slice));
        field(self.actor_name.as_ref().map(String::as_bytes));
        field(Some(self.via.as_bytes()));
        field(id(&self.credential_id).as_ref().map(<[u8; 16]>::as_slice));
        field(self.address.as_ref().map(String::as_bytes));
        field(id(&self.request_id).as_ref().map(<[u8; 16]>::as_slice));
        field(id(&self.app_id).as_ref().map(<[u8; 16]>::as_slice));
        field(Some(self.target_kind.as_bytes()));
        field(self.target_id.as_ref().map(String::as_bytes));
        field(self.target_name.as_ref().map(String::as_bytes));
        field(self.before_state.as_ref().map(String::as_bytes));
        field(self.after_state.as_ref().map(String::as_bytes));
        field(self.note.as_ref().map(String::as_bytes));
        field(self.reason.as_ref().map(String::as_bytes));
        field(Some(&self.attempts.to_be_bytes()));
        hasher.finalize().into()
    }

    /// Puts it at the end of its chain, behind a record with the hash `previous`.
    pub(super) fn put_behind(&mut self, previous: &[u8], sequence: i64) {
        self.sequence = sequence;
        self.hash = self.hash_after(previous).to_vec();
    }

    /// Its values, in the order of the columns.
    pub(super) fn values(&self) -> Vec<Value<'_>> {
        args![
            &self.chain,
            self.sequence,
            self.id,
            self.happened_at,
            &self.outcome,
            &self.action,
            self.actor_id,
            self.actor_name.as_deref(),
            &self.via,
            self.credential_id,
            self.address.as_deref(),
            self.request_id,
            self.app_id,
            &self.target_kind,
            self.target_id.as_deref(),
            self.target_name.as_deref(),
            self.before_state.as_deref(),
            self.after_state.as_deref(),
            self.note.as_deref(),
            self.reason.as_deref(),
            self.attempts,
            self.bytes(),
            self.hash.as_slice(),
        ]
    }

    /// What the head of its chain is to hold.
    pub(super) fn head(&self) -> Vec<Value<'_>> {
        args![self.hash.as_slice(), self.bytes(), &self.chain]
    }

    /// The bytes of its texts, for the bound on them.
    pub(super) fn bytes(&self) -> u64 {
        let texts = [
            &self.chain,
            &self.outcome,
            &self.action,
            &self.via,
            &self.target_kind,
        ];
        let more = [
            &self.actor_name,
            &self.address,
            &self.target_id,
            &self.target_name,
            &self.before_state,
            &self.after_state,
            &self.note,
            &self.reason,
        ];
        let lengths = texts.into_iter().chain(more.into_iter().flatten());
        lengths.map(|text| text.len() as u64).sum()
    }
}

impl TryFrom<RecordRow> for AuditRecord {
    type Error = StoreError;

    fn try_from(row: RecordRow) -> Result<Self, StoreError> {
        // One that somebody altered so that it cannot be read hides no other record; verifying tells of it.
        let state = |json: Option<String>| json.and_then(|json| from_json("state", &json).ok());
        Ok(Self {
            id: AuditId(row.id),
            chain: variant("chain", &AuditChain::ALL, AuditChain::as_str, &row.chain)?,
            sequence: number("sequence", row.sequence)?,
            at: Timestamp::from_micros(row.happened_at),
            outcome: variant("outcome", &AuditOutcome::ALL, AuditOutcome::as_str, &row.outcome)?,
            action: row.action,
            actor: row.actor_id.map(UserId),
            actor_name: row.actor_name,
            via: row.via,
            credential: row.credential_id,
            address: row.address,
            request_id: row.request_id.map(ExecutionId),
            app_id: row.app_id.map(AppId),
            target: Target {
                kind: row.target_kind,
                id: row.target_id,
                name: row.target_name,
            },
            before: state(row.before_state),
            after: state(row.after_state),
            note: row.note,
            reason: row.reason,
            attempts: number("attempts", row.attempts)?,
            hash: hash("hash", &row.hash)?,
        })
    }
}
