//! Records of users: read, compared and written in one commit, and put into the audit log.

use picloud_shared::{
    audit::{DataChange, Recorded, Target},
    id::AppId,
    problem::Code,
    services::{
        Answer as Answered, Commit, Expiry, KvEntry, KvValue, Password, PasswordAnswer, PasswordQuestion,
        Question, ReadKey, UserRecord, Write, user_email_key, user_key, user_name_key, user_writes,
    },
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Manager,
    http::{
        access::Caller,
        kv::ask,
        problem::{Answer, internal, not_found, problem},
    },
};

/// How often a change is made anew because a script changed the same user meanwhile.
pub(super) const ATTEMPTS_MAX: usize = 5;

/// The users with these ids that are there.
pub(super) async fn find(manager: &Manager, app: AppId, ids: &[Uuid]) -> Answer<Vec<UserRecord>> {
    let mut look = Look::default();
    let entries = look
        .get(manager, app, ids.iter().copied().map(user_key).collect())
        .await?;
    entries.iter().flatten().map(record).collect()
}

/// Makes or changes the user `id`, and records it as `action`: `change` gives what is to be there in place of what is.
pub(super) async fn change(
    manager: &Manager,
    caller: &Caller,
    app: AppId,
    action: &'static str,
    id: Uuid,
    change: impl Fn(Option<&UserRecord>) -> Answer<Option<UserRecord>>,
) -> Answer<Option<UserRecord>> {
    let by = caller.change(manager, None);
    for _ in 0..ATTEMPTS_MAX {
        let mut look = Look::default();
        let entries = look.get(manager, app, vec![user_key(id)]).await?;
        let before = entries.iter().flatten().map(record).next().transpose()?;
        let after = change(before.as_ref())?;
        if let Some(after) = &after {
            check_free(&mut look, manager, app, after).await?;
        }
        let writes = user_writes(before.as_ref(), after.as_ref()).map_err(|_| internal())?;
        let writes = writes.into_iter().map(|(key, text)| Write {
            key,
            value: text.map(KvValue::Json),
            expiry: Expiry::Never,
        });
        let recorded = Recorded {
            done: done(action, id, before.as_ref(), after.as_ref()),
            change: by.clone(),
        };
        let commit = Commit {
            keys: look.keys,
            writes: writes.collect(),
            writer: Some(caller.writer()),
            audit: Some(Box::new(recorded)),
            ..Commit::default()
        };
        manager.repository().confirm_data_change(app, &by).await?;
        match ask(manager, app, Question::Commit(commit)).await? {
            Answered::Committed => return Ok(after),
            Answered::Conflict { .. } => {}
            _ => return Err(internal()),
        }
    }
    Err(problem(
        Code::Conflict,
        "Scripts changed the user all the time. Nothing was changed. Try again in a moment.",
    ))
}

fn done(
    action: &'static str,
    id: Uuid,
    before: Option<&UserRecord>,
    after: Option<&UserRecord>,
) -> DataChange {
    DataChange {
        action,
        target: Target {
            kind: "end_user".to_owned(),
            id: Some(id.to_string()),
            name: after.or(before).map(|record| record.name.clone()),
        },
        before: before.map(state),
        after: after.map(state),
    }
}

/// The hash of a password.
pub(super) async fn hash(manager: &Manager, app: AppId, password: String) -> Answer<String> {
    let question = PasswordQuestion::Hash {
        password: Password(password),
    };
    match ask(manager, app, Question::Password(question)).await? {
        Answered::Password(PasswordAnswer::Hashed { hash }) => Ok(hash),
        Answered::Password(PasswordAnswer::Busy) => Err(problem(
            Code::Overloaded,
            "Too many passwords are being checked. Try again in a moment.",
        )),
        _ => Err(internal()),
    }
}

/// What was read, to be compared by the commit.
#[derive(Default)]
pub(super) struct Look {
    pub(super) keys: Vec<ReadKey>,
}

impl Look {
    pub(super) async fn get(
        &mut self,
        manager: &Manager,
        app: AppId,
        keys: Vec<String>,
    ) -> Answer<Vec<Option<KvEntry>>> {
        let question = Question::KvGet { keys: keys.clone() };
        let Answered::Entries { entries } = ask(manager, app, question).await? else {
            return Err(internal());
        };
        let read = keys.into_iter().zip(&entries).map(|(key, entry)| ReadKey {
            key,
            version: entry.as_ref().map(|entry| entry.version),
        });
        self.keys.extend(read);
        Ok(entries)
    }
}

/// Refuses a name or an address that another user has.
async fn check_free(look: &mut Look, manager: &Manager, app: AppId, record: &UserRecord) -> Answer<()> {
    let email = record.email.as_deref().map(user_email_key);
    let keys = std::iter::once(user_name_key(&record.name)).chain(email);
    let entries = look.get(manager, app, keys.collect()).await?;
    let others = |entry: &Option<KvEntry>| is_of_another(entry.as_ref(), record.id);
    if entries.first().is_some_and(others) {
        return Err(problem(
            Code::UsernameTaken,
            "A user of the app with this name is there already; choose another name.",
        ));
    }
    if entries.get(1).is_some_and(others) {
        return Err(problem(
            Code::UsernameTaken,
            "A user of the app with this e-mail address is there already.",
        ));
    }
    Ok(())
}

/// Whether what stands at the key of a name or an address is the id of another user.
pub(super) fn is_of_another(entry: Option<&KvEntry>, id: Uuid) -> bool {
    match entry.map(|entry| &entry.value) {
        Some(KvValue::Json(text)) => *text != format!("\"{id}\""),
        Some(KvValue::Blob(_)) => true,
        None => false,
    }
}

/// Whose id stands at the key of a name or an address.
pub(super) fn holder_of(entry: &KvEntry) -> Option<Uuid> {
    match &entry.value {
        KvValue::Json(text) => serde_json::from_str(text).ok(),
        KvValue::Blob(_) => None,
    }
}

/// What the log says of a user: nothing that signs them in, and not what the app keeps with them.
fn state(record: &UserRecord) -> Value {
    json!({ "name": record.name, "email": record.email, "is_active": record.is_active })
}

pub(super) fn record(entry: &KvEntry) -> Answer<UserRecord> {
    let KvValue::Json(text) = &entry.value else {
        return Err(internal());
    };
    serde_json::from_str(text).map_err(|error| {
        tracing::error!(%error, "the record of a user cannot be read");
        internal()
    })
}

/// The answer for a user who is not there.
pub(super) fn nobody() -> crate::http::problem::Refusal {
    not_found("user")
}
