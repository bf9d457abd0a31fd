//! Writing many users in one commit.

use std::collections::{BTreeMap, BTreeSet};

use picloud_shared::{
    audit::Recorded,
    id::UserId,
    problem::Code,
    services::{
        Answer as Answered, Commit, Expiry, KEYS_PER_CALL_MAX, KvEntry, KvValue, Question, UserRecord, Write,
        user_email_key, user_key, user_name_key, user_writes,
    },
};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    super::{
        millis,
        records::{ATTEMPTS_MAX, Look, holder_of, is_of_another, record},
    },
    Target,
    lines::Row,
};
use crate::http::{
    file::Mode,
    import::Steps,
    kv::ask,
    problem::{Answer, Refusal, internal, problem},
};

/// Users that one commit writes: each has a name, and may have an address.
const BATCH_USERS_MAX: usize = KEYS_PER_CALL_MAX / 2;

/// Parts of the file, each for one commit. None has the same id twice.
pub(super) fn batches(rows: Vec<Row>) -> Vec<Vec<Row>> {
    let mut batches = Vec::new();
    let (mut batch, mut ids) = (Vec::new(), BTreeSet::new());
    for row in rows {
        let is_again = row.id.is_some_and(|id| !ids.insert(id));
        if is_again || batch.len() == BATCH_USERS_MAX {
            batches.push(std::mem::take(&mut batch));
            ids = row.id.into_iter().collect();
        }
        batch.push(row);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

impl Steps for Target<'_> {
    type Row = Row;
    const WHAT: &'static str = "users";

    async fn write(&self, rows: Vec<Row>, audit: Option<Box<Recorded>>) -> Answer<()> {
        let new = || UserId::new(self.manager.now()).0;
        let rows: Vec<(Uuid, &Row)> = rows.iter().map(|row| (row.id.unwrap_or_else(new), row)).collect();
        for _ in 0..ATTEMPTS_MAX {
            let commit = Commit {
                audit: audit.clone(),
                ..self.draft(&rows).await?
            };
            match ask(self.manager, self.app, Question::Commit(commit)).await? {
                Answered::Committed => return Ok(()),
                Answered::Conflict { .. } => {}
                _ => return Err(internal()),
            }
        }
        Err(problem(
            Code::Conflict,
            "Scripts changed the users all the time. Try again in a moment.",
        ))
    }
}

impl Target<'_> {
    async fn draft(&self, rows: &[(Uuid, &Row)]) -> Answer<Commit> {
        let mut look = Look::default();
        let keys = rows.iter().map(|(id, _)| user_key(*id)).collect();
        let stored = look.get(self.manager, self.app, keys).await?;
        let mut taken = BTreeMap::new();
        let mut writes = BTreeMap::new();
        for ((id, row), stored) in rows.iter().zip(&stored) {
            let before = stored.as_ref().map(record).transpose()?;
            if before.is_some() && self.mode == Mode::Insert {
                return Err(refused(row, "the app has a user with this id already"));
            }
            let after = self.record(*id, row, before.as_ref());
            let email = after.email.as_deref().map(user_email_key);
            for key in std::iter::once(user_name_key(&after.name)).chain(email) {
                if taken.insert(key, (*id, *row)).is_some() {
                    return Err(refused(row, "another line has this name or this e-mail address"));
                }
            }
            let written = user_writes(before.as_ref(), Some(&after)).map_err(|_| internal())?;
            for (key, text) in written {
                // One gives up a name and another takes it: whichever line comes first, it is of the one who takes it.
                let written = writes.entry(key).or_insert(None);
                *written = text.or(written.take());
            }
        }
        let holders = look
            .get(self.manager, self.app, taken.keys().cloned().collect())
            .await?;
        let ids: BTreeSet<Uuid> = rows.iter().map(|(id, _)| *id).collect();
        // Of two lines only one has a name: a holder who stands in the file too has given it up.
        let stays = |holder: &Option<KvEntry>| {
            let holder = holder.as_ref().and_then(holder_of);
            holder.is_none_or(|holder| !ids.contains(&holder))
        };
        for ((id, row), holder) in taken.values().zip(&holders) {
            if is_of_another(holder.as_ref(), *id) && stays(holder) {
                return Err(refused(
                    row,
                    "the app has a user with this name or this e-mail address already",
                ));
            }
        }
        Ok(Commit {
            keys: look.keys,
            writes: writes.into_iter().map(write).collect(),
            writer: Some(self.caller.writer()),
            ..Commit::default()
        })
    }

    fn record(&self, id: Uuid, row: &Row, before: Option<&UserRecord>) -> UserRecord {
        let now = millis(self.manager.now());
        let is_same_password = row.password_hash.is_none();
        let kept = before.filter(|_| is_same_password && row.is_active);
        let hash = || before.map(|before| before.password_hash.clone());
        UserRecord {
            id,
            name: row.name.clone(),
            email: row.email.clone(),
            data: row.data.clone().unwrap_or_else(nothing),
            is_active: row.is_active,
            password_hash: row.password_hash.clone().or_else(hash).unwrap_or_default(),
            sessions: kept.map_or_else(Vec::new, |before| before.sessions.clone()),
            created_at: row
                .created_at
                .or(before.map(|before| before.created_at))
                .unwrap_or(now),
            updated_at: now,
            last_sign_in_at: before.and_then(|before| before.last_sign_in_at),
        }
    }
}

fn write((key, text): (String, Option<String>)) -> Write {
    Write {
        key,
        value: text.map(KvValue::Json),
        expiry: Expiry::Never,
    }
}

/// An empty object.
fn nothing() -> Box<RawValue> {
    serde_json::value::to_raw_value(&serde_json::Map::new()).unwrap_or_default()
}

fn refused(row: &Row, message: &str) -> Refusal {
    problem(Code::UsernameTaken, format!("Line {}: {message}.", row.line))
}
