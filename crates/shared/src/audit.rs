//! The audit log: who changed what, when and from where, and who was not let.
//!
//! It is two chains. Each record has a hash over all that it says and over the hash before it, so that none can be
//! altered, moved or taken out unseen. What was refused has a chain of its own, with bounds of its own: whoever makes
//! thousands of attempts pushes nothing out of the chain of changes.

use std::str::FromStr;

use serde_json::Value;
use uuid::Uuid;

use crate::{
    change::Change,
    id::{AppId, AuditId, ExecutionId, UserId},
    time::Timestamp,
};

/// The action of the record that says what was cut off a chain.
pub const PURGE_ACTION: &str = "purge_audit";

/// The action of the record that counts refused attempts for which there is no other.
pub const SUMMARY_ACTION: &str = "count_denials";

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    /// Names the record.
    pub id: AuditId,
    /// In which chain it stands.
    pub chain: AuditChain,
    /// Its place there: counts up from 1 without gaps.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// What was done or tried: the `operationId` of the operation of the API, or a word of the server's own.
    pub action: String,
    /// Who; absent if that is not known, for the server itself, and for commands on the machine.
    pub actor: Option<UserId>,
    /// Their name at that time.
    pub actor_name: Option<String>,
    /// By what they were known; see [`Via`](crate::change::Via).
    pub via: String,
    /// Which session or token that was.
    pub credential: Option<Uuid>,
    /// The client's address.
    pub address: Option<String>,
    /// The `x-request-id` of the answer.
    pub request_id: Option<ExecutionId>,
    /// In which app.
    pub app_id: Option<AppId>,
    /// To what.
    pub target: Target,
    /// What it was before; absent for what is new.
    pub before: Option<Value>,
    /// What it is now; absent for what is gone.
    pub after: Option<Value>,
    /// Why: the note of whoever did it.
    pub note: Option<String>,
    /// Why it was refused; see [`Denial::reason`].
    pub reason: Option<String>,
    /// How many attempts it stands for; see [`Denial::attempts`].
    pub attempts: u64,
    /// SHA-256 of all this and of the hash before it.
    pub hash: [u8; 32],
}

/// A record in a list.
#[derive(Clone, Debug, PartialEq)]
pub enum ListedRecord {
    /// As it was written, or altered so that it can still be read.
    Read(Box<AuditRecord>),
    /// One that somebody altered so that it cannot be read. It hides no other; verifying tells its place.
    Unreadable(AuditId),
}

impl ListedRecord {
    /// Its id.
    pub fn id(&self) -> AuditId {
        match self {
            Self::Read(record) => record.id,
            Self::Unreadable(id) => *id,
        }
    }

    /// The record, if it could be read.
    pub fn read(self) -> Option<AuditRecord> {
        match self {
            Self::Read(record) => Some(*record),
            Self::Unreadable(_) => None,
        }
    }
}

/// To what something was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// What it is, such as `script`.
    pub kind: String,
    /// Its id.
    pub id: Option<String>,
    /// What people call it.
    pub name: Option<String>,
}

/// A change of the data of an app that a person made.
#[derive(Clone, Debug, PartialEq)]
pub struct DataChange {
    /// The `operationId` of the operation.
    pub action: &'static str,
    /// To what.
    pub target: Target,
    /// What it was before; absent for what is new. Never a value.
    pub before: Option<Value>,
    /// What it is now; absent for what is gone. Never a value.
    pub after: Option<Value>,
}

/// Such a change, and who makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// What is changed.
    pub done: DataChange,
    /// Who changes it.
    pub change: Change,
}

macro_rules! words {
    ($(#[$doc:meta])* $type:ident: $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $type {
            $($(#[$variant_doc])* $variant),+
        }

        impl $type {
            /// Every one.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// The word for it in the API and the database.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl FromStr for $type {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
                found.ok_or(UnknownWord { known: &[$($word),+] })
            }
        }
    };
}

words! {
    /// A chain of records.
    AuditChain:
    /// What was done.
    Changes = "changes",
    /// What was refused.
    Denials = "denials",
}

words! {
    /// What came of an attempt.
    AuditOutcome:
    /// It was done.
    Allowed = "allowed",
    /// It was refused.
    Denied = "denied",
}

/// A word that is none of those that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {}", listed(.known))]
pub struct UnknownWord {
    known: &'static [&'static str],
}

/// Such as "`one`, `another` or `a third`".
fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// What was refused. Who, when and from where stand in the [`Change`](crate::change::Change) beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// What was tried.
    pub action: &'static str,
    /// In which app, as far as that is known.
    pub app: Option<AppId>,
    /// To what.
    pub target: Target,
    /// The `code` of the answer, or the one that says more where the answer speaks of a field or hides something.
    pub reason: &'static str,
    /// How many attempts this stands for: itself, and those alike that left no record since the last one.
    pub attempts: u64,
    /// What else is to be said of them.
    pub details: Option<Value>,
}

/// Which records are wanted; each part that is set must fit.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// In this app.
    pub app: Option<AppId>,
    /// By whom.
    pub actor: Option<Actor>,
    /// What was done or tried.
    pub action: Option<String>,
    /// What came of it.
    pub outcome: Option<AuditOutcome>,
    /// To what: its id or its name.
    pub target: Option<String>,
    /// At or after this moment.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

/// Who is looked for. By a name also those are found whose account is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// With this id.
    Id(UserId),
    /// With this name at the time.
    Name(String),
}

/// How much is kept of a chain. What is beyond any of these bounds is cut off, the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainRetention {
    /// No older than this many days.
    pub age_days_max: u32,
    /// No more than this many records.
    pub records_max: u64,
    /// No more than this many bytes of text.
    pub bytes_max: u64,
}

/// How much is kept of each chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditRetention {
    /// Of what was done.
    pub changes: ChainRetention,
    /// Of what was refused.
    pub denials: ChainRetention,
}

impl AuditRetention {
    /// The bounds of `chain`.
    pub fn of(&self, chain: AuditChain) -> ChainRetention {
        match chain {
            AuditChain::Changes => self.changes,
            AuditChain::Denials => self.denials,
        }
    }
}

impl Default for AuditRetention {
    fn default() -> Self {
        Self {
            changes: ChainRetention {
                age_days_max: 365,
                records_max: 200_000,
                bytes_max: 256 * 1_024 * 1_024,
            },
            denials: ChainRetention {
                age_days_max: 90,
                records_max: 20_000,
                bytes_max: 16 * 1_024 * 1_024,
            },
        }
    }
}

/// What a look at both chains found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditVerdict {
    /// How many records were looked at.
    pub records: u64,
    /// Where each chain ends now. Whoever notes this somewhere else can tell later whether all of it is still there.
    /// An end that was altered to what none can be is left out.
    pub heads: Vec<ChainHead>,
    /// The first fault, if there is one.
    pub first_bad: Option<ChainFault>,
}

impl AuditVerdict {
    /// Whether both chains are whole.
    pub fn is_valid(&self) -> bool {
        self.first_bad.is_none()
    }
}

/// The end of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// Of which chain.
    pub chain: AuditChain,
    /// The place of its last record; 0 if there never was one.
    pub sequence: u64,
    /// The hash of that record.
    pub hash: [u8; 32],
}

/// Where a chain is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainFault {
    /// In which chain; that of changes for a record that stands in none that there is.
    pub chain: AuditChain,
    /// At which place.
    pub sequence: u64,
    /// What is wrong there.
    pub fault: Fault,
}

words! {
    /// What is wrong with a chain.
    Fault:
    /// The record is not there, and no purge took it.
    Missing = "missing",
    /// The record, or the one before it, is not what was written.
    Altered = "altered",
    /// There is a record that was never written, or the note of where the chain ends was altered.
    Added = "added",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_is_told_those_that_there_are() {
        let told = |error: UnknownWord| error.to_string();
        assert_eq!(
            "granted".parse::<AuditOutcome>().map_err(told),
            Err("must be `allowed` or `denied`".to_owned())
        );
        assert_eq!(
            "gone".parse::<Fault>().map_err(told),
            Err("must be `missing`, `altered` or `added`".to_owned())
        );
        assert_eq!("denied".parse::<AuditOutcome>(), Ok(AuditOutcome::Denied));
    }
}
