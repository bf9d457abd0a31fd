//! Values that go into a statement, in the few types that both databases have.

use std::borrow::Cow;

use picloud_shared::{
    id::{
        AppId, AuditId, BrokerId, DeliveryId, DomainId, ExecutionId, InvitationId, RouteId, ScheduleId,
        ScriptId, SessionId, TokenId, UserId,
    },
    time::Timestamp,
};
use rusqlite::{
    ToSql,
    types::{Null, ToSqlOutput},
};
use uuid::Uuid;

/// One value. An absent one has a type too, because PostgreSQL asks for it.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Bool(bool),
    Int(i64),
    OptInt(Option<i64>),
    Id(Uuid),
    OptId(Option<Uuid>),
    Text(Cow<'a, str>),
    OptText(Option<Cow<'a, str>>),
    Bytes(&'a [u8]),
}

/// The values of a statement, in the order of `$1`, `$2` and so on.
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        vec![$($crate::value::Value::from($value)),*]
    };
}
pub(crate) use args;

/// Hands [`args`] to a query of either database.
macro_rules! bind {
    ($query:expr, $args:expr) => {{
        let mut query = $query;
        for value in $args {
            query = match value {
                $crate::value::Value::Bool(value) => query.bind(value),
                $crate::value::Value::Int(value) => query.bind(value),
                $crate::value::Value::OptInt(value) => query.bind(value),
                $crate::value::Value::Id(value) => query.bind(value),
                $crate::value::Value::OptId(value) => query.bind(value),
                $crate::value::Value::Text(value) => query.bind(value),
                $crate::value::Value::OptText(value) => query.bind(value),
                $crate::value::Value::Bytes(value) => query.bind(value),
            };
        }
        query
    }};
}
pub(crate) use bind;

/// The same for a connection to SQLite that has no thread of its own.
impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Bool(value) => value.to_sql()?,
            Self::Int(value) => value.to_sql()?,
            Self::OptInt(value) => value.to_sql()?,
            Self::Id(value) => value.as_bytes().as_slice().to_sql()?,
            Self::OptId(value) => match value {
                Some(value) => value.as_bytes().as_slice().to_sql()?,
                None => ToSqlOutput::from(Null),
            },
            Self::Text(value) => value.as_ref().to_sql()?,
            Self::OptText(value) => match value {
                Some(value) => value.as_ref().to_sql()?,
                None => ToSqlOutput::from(Null),
            },
            Self::Bytes(value) => value.to_sql()?,
        })
    }
}

/// PostgreSQL cannot hold NUL in a text; on both databases the replacement character takes its place.
pub(crate) fn without_nul(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{FFFD}"))
    } else {
        text
    }
}

macro_rules! from {
    ($($type:ty: $value:ident => $made:expr;)+) => {$(
        impl<'a> From<$type> for Value<'a> {
            fn from($value: $type) -> Self {
                $made
            }
        }
    )+};
}

from! {
    bool: value => Self::Bool(value);
    i64: value => Self::Int(value);
    u16: value => Self::Int(value.into());
    u32: value => Self::Int(value.into());
    // Nothing that is counted here comes near the end of an i64.
    u64: value => Self::Int(i64::try_from(value).unwrap_or(i64::MAX));
    usize: value => Self::Int(i64::try_from(value).unwrap_or(i64::MAX));
    Timestamp: value => Self::Int(value.as_micros());
    Option<i64>: value => Self::OptInt(value);
    Option<Timestamp>: value => Self::OptInt(value.map(Timestamp::as_micros));
    Uuid: value => Self::Id(value);
    Option<Uuid>: value => Self::OptId(value);
    &'a str: value => Self::Text(without_nul(Cow::Borrowed(value)));
    &'a String: value => Self::Text(without_nul(Cow::Borrowed(value)));
    String: value => Self::Text(without_nul(Cow::Owned(value)));
    Option<&'a str>: value => Self::OptText(value.map(|text| without_nul(Cow::Borrowed(text))));
    Option<String>: value => Self::OptText(value.map(|text| without_nul(Cow::Owned(text))));
    &'a [u8]: value => Self::Bytes(value);
    &'a [u8; 32]: value => Self::Bytes(value);
}

macro_rules! from_ids {
    ($($id:ty),+) => {$(
        impl From<$id> for Value<'_> {
            fn from(id: $id) -> Self {
                Self::Id(id.0)
            }
        }

        impl From<Option<$id>> for Value<'_> {
            fn from(id: Option<$id>) -> Self {
                Self::OptId(id.map(|id| id.0))
            }
        }
    )+};
}

from_ids!(
    AppId,
    AuditId,
    BrokerId,
    DeliveryId,
    DomainId,
    ExecutionId,
    InvitationId,
    RouteId,
    ScheduleId,
    ScriptId,
    SessionId,
    TokenId,
    UserId
);
