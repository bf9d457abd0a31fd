//! The one gate between a running script and the world.
//!
//! Whatever a script does beyond computing is a [`Question`] to [`HostServices`], asked for the app that the run
//! belongs to, and has one [`Answer`]. Both are plain values that can be written down: a run that is answered from
//! what was written down does the same again, and has no effect.
//!
//! A run asks to read while it runs, and to write once, at its end: with [`Commit`], which holds all that it read
//! and all that it changes.

mod commit;
pub mod docs;
mod email;
mod http;
mod kv;
mod password;
mod usage;
mod users;

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use self::{
    commit::{Commit, Expiry, ReadKey, ReadRange, Write, Writer},
    email::{
        Attachment, EMAIL_ATTACHMENTS_MAX, EMAIL_BYTES_MAX, EMAIL_FILE_NAME_BYTES_MAX, EMAIL_RECIPIENTS_MAX,
        EMAIL_SUBJECT_BYTES_MAX, EMAIL_TIMEOUT_MAX, EMAILS_PER_HOUR_MAX, EMAILS_PER_RUN_MAX, Email,
        EmailFailure, EmailFailureKind,
    },
    http::{
        HTTP_ANSWER_BYTES_DEFAULT, HTTP_ANSWER_BYTES_MAX, HTTP_BODY_BYTES_MAX, HTTP_HEADER_BYTES_MAX,
        HTTP_HEADERS_MAX, HTTP_REDIRECTS_MAX, HTTP_REQUESTS_AT_ONCE_MAX, HTTP_REQUESTS_PER_RUN_MAX,
        HTTP_TIMEOUT_DEFAULT, HTTP_TIMEOUT_MAX, HTTP_URL_BYTES_MAX, HttpAnswer, HttpFailure, HttpFailureKind,
        HttpRequest,
    },
    kv::{
        KEY_BYTES_MAX, KEYS_PER_CALL_MAX, KvEntry, KvItem, KvValue, LIST_BYTES_MAX, LIST_ENTRIES_DEFAULT,
        LIST_ENTRIES_MAX, TTL_MAX, VALUE_BYTES_MAX,
    },
    password::{PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN, Password, PasswordAnswer, PasswordQuestion},
    usage::{Service, ServiceUse},
    users::{
        SESSIONS_PER_USER_MAX, USER_DATA_BYTES_MAX, USER_EMAIL_BYTES_MAX, USER_NAME_CHARS_MAX, USER_NAMES,
        USER_SESSION_SECONDS, UserRecord, UserRefused, UserSession, check_user_email, check_user_name,
        is_reserved, session_hash, user_cookie, user_cookie_name, user_email_key, user_key, user_name_key,
        user_of_key, user_writes,
    },
};
use crate::{
    id::AppId,
    quota::QuotaExceeded,
    secret::{SecretText, SettingName},
};

/// Calls of services that one run may make.
pub const CALLS_PER_RUN_MAX: u64 = 1_000;

/// Keys and documents that one transaction may write.
pub const WRITES_PER_COMMIT_MAX: usize = 1_000;

/// Bytes of keys, values and documents that one transaction may write.
pub const BYTES_PER_COMMIT_MAX: usize = 8 * 1_024 * 1_024;

/// Keys, documents and ranges that one transaction may have read.
pub const READS_PER_COMMIT_MAX: usize = 10_000;

/// What runs may ask for. One per process; in a cluster, the way to the node that has a database.
#[async_trait]
pub trait HostServices: Send + Sync {
    /// Answers `question` for `app`, the app of the run that asks. Once a [`Question::Commit`] was asked, dropping
    /// the future does not take it back.
    async fn ask(&self, app: AppId, question: Question) -> Result<Answer, ServiceError>;

    /// Whether runs of `app` may call services now. Asked at each call of one, and therefore answered from memory.
    fn may_call(&self, app: AppId) -> Result<(), QuotaExceeded>;

    /// What `ask` would answer to [`Question::KvGet`] for this one key, if that is known without waiting for anything.
    fn recall(&self, _app: AppId, _key: &str) -> Recalled {
        Recalled::Nothing
    }
}

/// What is known of a key without asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recalled {
    /// It has to be asked.
    Nothing,
    /// What it has; none if it is not there.
    Entry(Option<Arc<KvEntry>>),
}

/// What a run asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "question", rename_all = "snake_case")]
pub enum Question {
    /// The values of these keys, as of one moment.
    KvGet {
        /// At most [`KEYS_PER_CALL_MAX`].
        keys: Vec<String>,
    },
    /// The entries whose keys begin with a prefix, in the order of the bytes of their keys, as of one moment.
    KvList {
        /// The prefix; every key begins with an empty one.
        prefix: String,
        /// Only keys after this one.
        after: Option<String>,
        /// At most [`LIST_ENTRIES_MAX`]. There are fewer if they have more than [`LIST_BYTES_MAX`] together.
        limit: u32,
    },
    /// The value of a secret, as it is now. It is no part of what the transaction reads: a secret that changes
    /// meanwhile is no conflict.
    Secret {
        /// Its name.
        name: SettingName,
    },
    /// Something about the documents of a collection.
    Docs(docs::DocsQuestion),
    /// Requests to other servers, all at one time.
    Http {
        /// At most [`HTTP_REQUESTS_AT_ONCE_MAX`].
        requests: Vec<HttpRequest>,
    },
    /// Something about passwords.
    Password(PasswordQuestion),
    /// An e-mail is to be sent.
    Email {
        /// Which.
        email: Email,
    },
    /// Everything that the run read is to be as it was, and everything that it writes is to take effect, at once.
    Commit(Commit),
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// To [`Question::KvGet`]: in the order of the keys; nothing for those that are not there.
    Entries {
        /// One for each key.
        entries: Vec<Option<KvEntry>>,
    },
    /// To [`Question::KvList`].
    Page {
        /// In order.
        items: Vec<KvItem>,
        /// Whether there are more after them.
        more: bool,
    },
    /// To [`Question::Secret`]. Whoever writes answers down seals this one.
    Secret {
        /// Its value; none if the app has no such secret.
        value: Option<SecretText>,
    },
    /// To [`Question::Docs`].
    Docs(docs::DocsAnswer),
    /// To [`Question::Http`].
    Http {
        /// In the order of the requests.
        answers: Vec<Result<HttpAnswer, HttpFailure>>,
    },
    /// To [`Question::Password`].
    Password(PasswordAnswer),
    /// To [`Question::Email`].
    Email {
        /// Why it was not sent; nothing if the mail server has it.
        failure: Option<EmailFailure>,
    },
    /// To [`Question::Commit`]: it is on disk.
    Committed,
    /// To [`Question::Commit`]: nothing was changed, because something that the run read is not as it was.
    Conflict {
        /// A key of which that is true, or a collection, or a collection and the id of a document with a slash
        /// between them.
        key: String,
    },
    /// To [`Question::Commit`]: nothing was changed, because the delivery that began the run is held by somebody else,
    /// or has ended.
    LeaseLost,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ServiceError {
    /// The database does not answer.
    #[error("the database does not answer")]
    Unavailable,
    /// The disk is full.
    #[error("the database has no space left")]
    Full,
    /// The app would have more than it may keep.
    #[error(transparent)]
    QuotaExceeded(QuotaExceeded),
    /// The app has as many events waiting as it may have.
    #[error("as many events of the app wait as may; publish more when fewer do")]
    QueueFull,
    /// Others would be told of what was written, and too many events and calls led to it already.
    #[error(
        "{} events and calls led to this change of data, of which another script would be told, so it is taken for a loop",
        crate::events::DEPTH_MAX
    )]
    LoopDetected,
    /// A message was to go to a broker that the app does not have.
    #[error(
        "the app has no broker of that name; see the page Configuration of the app for those that it has"
    )]
    NoBroker,
    /// As many messages wait for a broker as may.
    #[error("as many messages wait for the broker as may; publish more when fewer do")]
    MessagesFull,
    /// The connection was lost while it committed: nobody knows whether it has taken effect.
    #[error(
        "the connection to the database was lost while it committed, so whether that has taken effect is not known"
    )]
    CommitUnknown,
    /// The app was deleted while the script ran.
    #[error("the app is deleted")]
    AppGone,
    /// PiCloud's own fault; what it was is in the server's log.
    #[error("the database refused what PiCloud asked of it")]
    Failed,
}

/// The bounds of the keys of a [`Question::KvList`], as bytes: from the first, which is among them, to the second,
/// which is not.
pub fn list_bounds(prefix: &str, after: Option<&str>) -> (Vec<u8>, Vec<u8>) {
    commit::bounds(prefix, after)
}
