//! `kv::…`

mod functions;
mod list;

use std::rc::Rc;

use picloud_shared::services::{
    Answer, Expiry, KEY_BYTES_MAX, KEYS_PER_CALL_MAX, KvEntry, KvValue, Question, Recalled, Service, TTL_MAX,
    is_reserved,
};
use rhai::{Dynamic, Map};

pub(crate) use self::functions::module;
pub(super) use self::list::entries;
use super::{
    foreign::ForeignEntry,
    session::{Session, unexpected},
    transaction::{Known, Pending, Seen},
    value::{copied, of_stored, stored},
};
use crate::api::{Fallible, fail, spend_bytes, type_name};

/// What the run sees of each key: asked for, unless it is known.
pub(super) fn look_up(session: &Session, keys: &[&str]) -> Fallible<Vec<Known>> {
    let mut unknown: Vec<&str> = keys.to_vec();
    session.state(|state| unknown.retain(|key| state.transaction.known(key).is_none()));
    unknown.sort_unstable();
    unknown.dedup();
    if !unknown.is_empty() {
        let answer = session.ask(Service::Kv, || Question::KvGet {
            keys: unknown.iter().map(|&key| key.to_owned()).collect(),
        })?;
        let Answer::Entries { entries } = &*answer else {
            return Err(unexpected(&answer));
        };
        session.state(|state| state.transaction.begin_moment());
        for (key, entry) in unknown.iter().zip(entries) {
            note(session, key, entry.as_ref())?;
        }
        session.check_reads()?;
    }
    let known = keys
        .iter()
        .map(|key| session.state(|state| state.transaction.known(key)));
    Ok(known.map(|known| known.unwrap_or(Known::Read(None))).collect())
}

/// What the run sees of one key.
fn look_up_one(session: &Session, key: &str) -> Fallible<Known> {
    if let Some(known) = session.state(|state| state.transaction.known(key)) {
        return Ok(known);
    }
    if let Some(seen) = recall(session, key)? {
        session.check_reads()?;
        return Ok(Known::Read(seen));
    }
    let known = look_up(session, &[key])?;
    Ok(known.into_iter().next().unwrap_or(Known::Read(None)))
}

/// What a key has that nothing is known of, if the host has it at hand.
#[expect(
    clippy::option_option,
    reason = "unknown is another thing than known not to be there"
)]
fn recall(session: &Session, key: &str) -> Fallible<Option<Option<Seen>>> {
    let Recalled::Entry(entry) = session.recall(key) else {
        return Ok(None);
    };
    let entry = ForeignEntry::new(entry);
    session.state(|state| state.transaction.begin_moment());
    note(session, key, entry.get()).map(Some)
}

/// Notes what was read of a key.
fn note(session: &Session, key: &str, entry: Option<&KvEntry>) -> Fallible<Option<Seen>> {
    let seen = match entry {
        Some(entry) => Some(Seen {
            value: copied(&entry.value)?,
            version: entry.version,
            expires_at: entry.expires_at,
        }),
        None => None,
    };
    let bytes = seen.as_ref().map_or(0, |seen| seen.value.bytes());
    session.meter(Service::Kv, |used| used.bytes_read += bytes as u64);
    session.state(|state| state.transaction.note_key(key, seen.clone()));
    Ok(seen)
}

fn get(session: &Session, key: &str) -> Fallible<Dynamic> {
    look_up_one(session, key)?
        .value()
        .map_or(Ok(Dynamic::UNIT), |value| of_stored(value))
}

fn get_many(session: &Session, keys: &[&str]) -> Fallible<Map> {
    let mut found = Map::new();
    for (key, known) in keys.iter().zip(look_up(session, keys)?) {
        if let Some(value) = known.value() {
            found.insert((*key).into(), of_stored(value)?);
        }
    }
    Ok(found)
}

fn set(session: &Session, key: &str, value: Rc<KvValue>, expiry: Expiry) -> Fallible<()> {
    let pending = Pending {
        value: Some(value),
        expiry,
    };
    session.write(key, pending)
}

fn set_many(session: &Session, values: &Map, expiry: Expiry) -> Fallible<()> {
    const FUNCTION: &str = "kv::set_many";
    check_count(FUNCTION, values.len())?;
    let mut all = Vec::with_capacity(values.len());
    for (key, value) in values {
        all.push((valid(FUNCTION, key)?, stored(FUNCTION, value)?));
    }
    for (key, value) in all {
        set(session, key, value, expiry)?;
    }
    Ok(())
}

/// Whether it was there.
fn delete(session: &Session, key: &str) -> Fallible<bool> {
    let was_there = look_up_one(session, key)?.value().is_some();
    let pending = Pending {
        value: None,
        expiry: Expiry::Never,
    };
    session.write(key, pending)?;
    Ok(was_there)
}

/// The new value.
fn add(session: &Session, key: &str, by: i64) -> Fallible<i64> {
    let known = look_up_one(session, key)?;
    let before = match known.value().map(|value| &**value) {
        None => 0,
        Some(KvValue::Json(text)) if text == "null" => 0,
        Some(KvValue::Json(text)) => text
            .parse()
            .map_err(|_| fail(format!("kv::incr: `{key}` does not hold a whole number")))?,
        Some(KvValue::Blob(_)) => return Err(fail(format!("kv::incr: `{key}` holds a blob"))),
    };
    let after = i64::checked_add(before, by).ok_or_else(|| {
        fail(format!(
            "kv::incr: `{key}` would leave the range of whole numbers"
        ))
    })?;
    let value = Rc::new(KvValue::Json(after.to_string()));
    set(session, key, value, known.expiry())?;
    Ok(after)
}

/// Whether it was as expected, and is written. Nothing is expected of a key that is not there, and only there: also a
/// `()` that was stored is something.
fn compare_and_set(session: &Session, key: &str, expected: &Dynamic, value: Rc<KvValue>) -> Fallible<bool> {
    let expected = if expected.is_unit() {
        None
    } else {
        Some(stored("kv::compare_and_set", expected)?)
    };
    let known = look_up_one(session, key)?;
    let as_expected = known.value() == expected.as_ref();
    if as_expected {
        set(session, key, value, Expiry::Never)?;
    }
    Ok(as_expected)
}

/// `key`, if it may be one.
fn valid<'k>(function: &str, key: &'k str) -> Fallible<&'k str> {
    if is_reserved(key) {
        return Err(fail(format!(
            "{function}: a key does not begin with the character 0"
        )));
    }
    if (1..=KEY_BYTES_MAX).contains(&key.len()) {
        return Ok(key);
    }
    Err(fail(format!(
        "{function}: a key has 1 to {KEY_BYTES_MAX} bytes, not {}",
        key.len()
    )))
}

/// Several keys.
fn all_valid<'k>(function: &str, keys: &'k [Dynamic]) -> Fallible<Vec<rhai::ImmutableString>> {
    check_count(function, keys.len())?;
    let texts = keys.iter().map(|key: &'k Dynamic| {
        let key = key.clone().into_immutable_string().map_err(|_| {
            let given = type_name(key);
            fail(format!("{function} takes an array of strings; one is {given}"))
        })?;
        valid(function, &key)?;
        Ok(key)
    });
    texts.collect()
}

fn check_count(function: &str, count: usize) -> Fallible<()> {
    if count > KEYS_PER_CALL_MAX {
        return Err(fail(format!(
            "{function} takes at most {KEYS_PER_CALL_MAX} keys at one time, not {count}"
        )));
    }
    spend_bytes(count * 64)
}

/// A time to live in seconds.
fn ttl(function: &str, seconds: f64) -> Fallible<Expiry> {
    let most = TTL_MAX.as_secs_f64();
    if !(seconds > 0.0 && seconds <= most) {
        return Err(fail(format!(
            "{function}: a time to live is more than 0 and at most {most} seconds"
        )));
    }
    let micros = std::time::Duration::from_secs_f64(seconds).as_micros();
    Ok(Expiry::After(u64::try_from(micros).unwrap_or(u64::MAX).max(1)))
}
