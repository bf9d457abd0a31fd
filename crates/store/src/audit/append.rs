//! Writing records.

mod with_commit;

use std::fmt;

use picloud_shared::{
    audit::{AuditChain, AuditOutcome, DataChange, Denial, Target},
    change::{Change, Via},
    id::{AppId, AuditId},
    repository::StoreError,
};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) use self::with_commit::WithCommit;
use super::record::RecordRow;
use crate::{
    convert::to_json,
    db::{Db, Transaction},
    statements::statements,
    value::{args, without_nul},
};

/// The longest state that a record holds; of a longer one it says the size.
const STATE_BYTES_MAX: usize = 16 * 1_024;
/// The longest name or note; the rest is cut off.
const TEXT_BYTES_MAX: usize = 1_024;

statements! {
    /// Makes those that append to a chain wait for each other, until they commit.
    NEXT_IN_CHAIN = "UPDATE audit_heads SET sequence = sequence + 1 WHERE chain = $1 RETURNING sequence, hash";
    ACTOR_NAME = "SELECT username FROM users WHERE id = $1";
    INSERT_RECORD = "INSERT INTO audit_log (chain, sequence, id, happened_at, outcome, action, actor_id, actor_name, \
        via, credential_id, address, request_id, app_id, target_kind, target_id, target_name, before_state, \
        after_state, note, reason, attempts, bytes, hash) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)";
    SET_HEAD = "UPDATE audit_heads SET hash = $1, bytes = bytes + $2 WHERE chain = $3";
}

/// What a record says beside who, when and from where. Never a secret, nor the hash of one.
#[derive(Debug)]
pub(crate) struct Entry {
    action: &'static str,
    app: Option<AppId>,
    target: Target,
    before: Option<Value>,
    after: Option<Value>,
}

impl Entry {
    /// An entry about `action`: the `operationId` of the operation, or a word of its own where there is none.
    pub(crate) fn new(action: &'static str) -> Self {
        Self {
            action,
            app: None,
            target: Target::default(),
            before: None,
            after: None,
        }
    }

    /// An entry about a change of the data of an app.
    pub(super) fn of_data(app: AppId, done: &DataChange) -> Self {
        Self {
            action: done.action,
            app: Some(app),
            target: done.target.clone(),
            before: done.before.clone(),
            after: done.after.clone(),
        }
    }

    /// In this app.
    pub(crate) fn in_app(mut self, app: AppId) -> Self {
        self.app = Some(app);
        self
    }

    /// About this `kind` of thing, such as `script`.
    pub(crate) fn about(mut self, kind: &str, id: impl fmt::Display, name: impl fmt::Display) -> Self {
        self.target = Target {
            kind: kind.to_owned(),
            id: Some(id.to_string()),
            name: Some(name.to_string()),
        };
        self
    }

    /// What it was. Left out for what is new.
    pub(crate) fn before(mut self, state: Value) -> Self {
        self.before = Some(state);
        self
    }

    /// What it is now. Left out for what is gone.
    pub(crate) fn after(mut self, state: Value) -> Self {
        self.after = Some(state);
        self
    }
}

/// Appends a record of what `transaction` does. The last thing before it commits: it locks the end of the chain, and
/// whoever locked that waits for nothing else.
pub(crate) async fn append(
    transaction: &mut Transaction,
    change: &Change,
    entry: Entry,
) -> Result<(), StoreError> {
    append_to(AuditChain::Changes, transaction, change, entry).await
}

/// The same for a chain of choice.
pub(super) async fn append_to(
    chain: AuditChain,
    transaction: &mut Transaction,
    change: &Change,
    entry: Entry,
) -> Result<(), StoreError> {
    chain_up(transaction, row(chain, change, &entry)?).await
}

/// Records that somebody was refused something.
pub(super) async fn record_denial(db: &Db, denial: &Denial, change: &Change) -> Result<(), StoreError> {
    let mut transaction = db.write().await?;
    let row = RecordRow {
        outcome: AuditOutcome::Denied.as_str().to_owned(),
        action: denial.action.to_owned(),
        app_id: denial.app.map(|app| app.0),
        target_kind: text(&denial.target.kind),
        target_id: denial.target.id.as_deref().map(text),
        target_name: denial.target.name.as_deref().map(text),
        after_state: denial.details.as_ref().map(state).transpose()?,
        reason: Some(denial.reason.to_owned()),
        attempts: i64::try_from(denial.attempts).unwrap_or(i64::MAX),
        ..by(AuditChain::Denials, change)
    };
    chain_up(&mut transaction, row).await?;
    transaction.commit().await
}

/// The row of what is done.
fn row(chain: AuditChain, change: &Change, entry: &Entry) -> Result<RecordRow, StoreError> {
    Ok(RecordRow {
        action: entry.action.to_owned(),
        app_id: entry.app.map(|app| app.0),
        target_kind: text(&entry.target.kind),
        target_id: entry.target.id.as_deref().map(text),
        target_name: entry.target.name.as_deref().map(text),
        before_state: entry.before.as_ref().map(state).transpose()?,
        after_state: entry.after.as_ref().map(state).transpose()?,
        note: change.note.as_deref().map(text),
        ..by(chain, change)
    })
}

/// A row of `chain` that says who, when and from where.
fn by(chain: AuditChain, change: &Change) -> RecordRow {
    let credential_id = match change.via {
        Via::Session(session) => Some(session.0),
        Via::Token(token) => Some(token.0),
        Via::Server | Via::Console | Via::Entrance => None,
    };
    RecordRow {
        chain: chain.as_str().to_owned(),
        sequence: 0,
        id: AuditId::new(change.at).0,
        happened_at: change.at.as_micros(),
        outcome: AuditOutcome::Allowed.as_str().to_owned(),
        action: String::new(),
        actor_id: change.author.map(|author| author.0),
        actor_name: None,
        via: change.via.as_str().to_owned(),
        credential_id,
        address: change.address.map(|address| address.to_canonical().to_string()),
        request_id: change.request_id.map(|request| request.0),
        app_id: None,
        target_kind: String::new(),
        target_id: None,
        target_name: None,
        before_state: None,
        after_state: None,
        note: None,
        reason: None,
        attempts: 1,
        hash: Vec::new(),
    }
}

/// Makes `row` the last of its chain.
async fn chain_up(transaction: &mut Transaction, mut row: RecordRow) -> Result<(), StoreError> {
    row.actor_name = actor_name(transaction, &row).await?;
    let next: Option<(i64, Vec<u8>)> = transaction
        .fetch_optional(NEXT_IN_CHAIN, args![&row.chain])
        .await?;
    let (sequence, previous) =
        next.ok_or_else(|| StoreError::Corrupt(format!("no head of the audit chain `{}`", row.chain)))?;
    row.put_behind(&previous, sequence);
    transaction.execute(INSERT_RECORD, row.values()).await?;
    transaction.execute(SET_HEAD, row.head()).await?;
    Ok(())
}

/// The name of who does it. Somebody who has just deleted their own account is known by what was deleted.
async fn actor_name(transaction: &mut Transaction, row: &RecordRow) -> Result<Option<String>, StoreError> {
    let Some(actor) = row.actor_id else {
        return Ok(None);
    };
    let found: Option<(String,)> = transaction.fetch_optional(ACTOR_NAME, args![actor]).await?;
    let is_target = row.target_id.as_deref().and_then(|id| Uuid::parse_str(id).ok()) == Some(actor);
    Ok(match found {
        Some((name,)) => Some(name),
        None if is_target => row.target_name.clone(),
        None => None,
    })
}

/// A state, as text that both databases hold as it is: JSON has no NUL.
fn state(state: &Value) -> Result<String, StoreError> {
    let text = to_json(state)?;
    if text.len() <= STATE_BYTES_MAX {
        return Ok(text);
    }
    to_json(&json!({ "omitted_bytes": text.len() }))
}

/// A text, as both databases hold it.
fn text(text: &str) -> String {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    without_nul(text[..end].into()).into_owned()
}
