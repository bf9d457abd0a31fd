//! What a key is to its clients: calls, what is told of them, and what a single copy in memory would say.

use serde_json::Value;

/// A call for each function of a single key.
pub(super) const SCRIPTS: [(&str, &str); 5] = [
    ("/get/{key}", "kv::get(request.params.key)"),
    (
        "/set/{key}/{value}",
        "kv::set(request.params.key, request.params.value.parse_int())",
    ),
    ("/incr/{key}", "kv::incr(request.params.key)"),
    (
        "/swap/{key}/{expected}/{value}",
        "let expected = request.params.expected;
        let expected = if expected == \"none\" { () } else { expected.parse_int() };
        kv::compare_and_set(request.params.key, expected, request.params.value.parse_int())",
    ),
    ("/delete/{key}", "kv::delete(request.params.key)"),
];

/// The values that are ever expected of a key: with few of them many expectations are right.
const EXPECTED_MAX: i64 = 4;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Get,
    Set(i64),
    Incr,
    Swap(Option<i64>, i64),
    Delete,
}

/// What was told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    Value(Option<i64>),
    Whether(bool),
}

impl Call {
    /// Any call.
    pub(super) fn random(random: &mut fastrand::Rng, new_value: impl Fn() -> i64) -> Self {
        match random.u32(..10) {
            0..=2 => Self::Get,
            3 => Self::Set(new_value()),
            4 => Self::Set(random.i64(..EXPECTED_MAX)),
            5 | 6 => Self::Incr,
            7 => Self::Swap(None, new_value()),
            8 => Self::Swap(Some(random.i64(..EXPECTED_MAX)), random.i64(..EXPECTED_MAX)),
            _ => Self::Delete,
        }
    }

    /// Where it is made.
    pub(super) fn path(&self, key: &str) -> String {
        match self {
            Self::Get => format!("/get/{key}"),
            Self::Set(value) => format!("/set/{key}/{value}"),
            Self::Incr => format!("/incr/{key}"),
            Self::Swap(None, value) => format!("/swap/{key}/none/{value}"),
            Self::Swap(Some(expected), value) => format!("/swap/{key}/{expected}/{value}"),
            Self::Delete => format!("/delete/{key}"),
        }
    }

    /// What it does to a single copy, and what it tells.
    pub(super) fn apply(&self, copy: Option<i64>) -> (Option<i64>, Told) {
        match *self {
            Self::Get => (copy, Told::Value(copy)),
            Self::Set(value) => (Some(value), Told::Nothing),
            Self::Incr => {
                let next = Some(copy.unwrap_or(0) + 1);
                (next, Told::Value(next))
            }
            Self::Swap(expected, value) if expected == copy => (Some(value), Told::Whether(true)),
            Self::Swap(..) => (copy, Told::Whether(false)),
            Self::Delete => (None, Told::Whether(copy.is_some())),
        }
    }
}

impl Told {
    /// What an answer tells. That nothing is there has no text.
    pub(super) fn read(call: &Call, text: &str) -> Self {
        let value: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        match call {
            Call::Get | Call::Incr => Self::Value(value.as_i64()),
            Call::Set(_) => Self::Nothing,
            Call::Swap(..) | Call::Delete => Self::Whether(
                value
                    .as_bool()
                    .unwrap_or_else(|| panic!("{call:?} told `{text}`")),
            ),
        }
    }
}
