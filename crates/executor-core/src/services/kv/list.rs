//! Listing keys: what is stored, with what the run has written over it.

use std::{collections::BTreeMap, rc::Rc};

use picloud_shared::services::{
    Answer, KvItem, KvValue, LIST_ENTRIES_DEFAULT, LIST_ENTRIES_MAX, Question, ReadRange, Service,
    is_reserved,
};
use rhai::{Dynamic, Map};

use super::{
    super::{
        session::{Session, unexpected},
        value::{copied, of_stored},
    },
    KEY_BYTES_MAX,
};
use crate::api::{Fallible, fail, type_name};

const FUNCTION: &str = "kv::list";

/// What a call of `kv::list` asks for beside the prefix.
pub(super) struct Options {
    limit: u32,
    after: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limit: LIST_ENTRIES_DEFAULT,
            after: None,
        }
    }
}

impl Options {
    /// Reads `#{limit, cursor}`.
    pub(super) fn read(options: &Map) -> Fallible<Self> {
        let mut read = Self::default();
        for (name, value) in options {
            match name.as_str() {
                "limit" => {
                    let limit = value.as_int().ok().and_then(|limit| u32::try_from(limit).ok());
                    read.limit = limit
                        .filter(|limit| (1..=LIST_ENTRIES_MAX).contains(limit))
                        .ok_or_else(|| fail(format!("{FUNCTION}: limit is 1 to {LIST_ENTRIES_MAX}")))?;
                }
                "cursor" if value.is_unit() => {}
                "cursor" => match value.as_immutable_string_ref() {
                    Ok(cursor) if cursor.len() <= KEY_BYTES_MAX => read.after = Some(cursor.to_string()),
                    Ok(_) => return Err(fail(format!("{FUNCTION}: that cursor came from no list"))),
                    Err(_) => {
                        let given = type_name(value);
                        return Err(fail(format!("{FUNCTION}: cursor is a string, not {given}")));
                    }
                },
                other => {
                    return Err(fail(format!(
                        "{FUNCTION} has no option `{other}`, only limit and cursor"
                    )));
                }
            }
        }
        Ok(read)
    }
}

/// The entries of one page, and where the next one begins.
pub(super) fn list(session: &Session, prefix: &str, options: Options) -> Fallible<Map> {
    if prefix.len() > KEY_BYTES_MAX {
        return Err(fail(format!(
            "{FUNCTION}: a prefix has at most {KEY_BYTES_MAX} bytes"
        )));
    }
    if is_reserved(prefix) {
        return Err(fail(format!(
            "{FUNCTION}: a key does not begin with the character 0"
        )));
    }
    if options
        .after
        .as_deref()
        .is_some_and(|after| !after.starts_with(prefix))
    {
        return Err(fail(format!(
            "{FUNCTION}: that cursor came from a list with another prefix; leave it out to begin with the first page"
        )));
    }
    let (found, cursor) = entries(session, prefix, options.limit as usize, options.after)?;
    let mut entries = rhai::Array::new();
    for (key, value) in found {
        let entry = Map::from([
            ("key".into(), Dynamic::from(key)),
            ("value".into(), of_stored(&value)?),
        ]);
        entries.push(Dynamic::from_map(entry));
    }
    let cursor = cursor.map_or(Dynamic::UNIT, Dynamic::from);
    Ok(Map::from([
        ("entries".into(), Dynamic::from_array(entries)),
        ("cursor".into(), cursor),
    ]))
}

/// Keys with their values, in order.
pub(in crate::services) type Entries = Vec<(String, Rc<KvValue>)>;

/// Up to `limit` entries after `after`, and the key after which there are more.
pub(in crate::services) fn entries(
    session: &Session,
    prefix: &str,
    limit: usize,
    mut after: Option<String>,
) -> Fallible<(Entries, Option<String>)> {
    let mut entries = Vec::new();
    loop {
        let wanted = limit - entries.len();
        let Stretch { found, until } = stretch(session, prefix, after.as_deref(), wanted)?;
        let has_more = until.is_some() || found.len() > wanted;
        for (key, value) in found.into_iter().take(wanted) {
            after = Some(key.clone());
            entries.push((key, value));
        }
        if entries.is_empty() && until.is_some() {
            // What is stored there was deleted by this run: the page goes on behind it.
            after = until;
            continue;
        }
        // A page that is not full ends where storage stopped, as there would be too many bytes in it.
        let is_full = entries.len() == limit;
        let cursor = if is_full {
            after.filter(|_| has_more)
        } else {
            until
        };
        return Ok((entries, cursor));
    }
}

/// Neighbouring keys, as the run sees them.
struct Stretch {
    found: BTreeMap<String, Rc<KvValue>>,
    /// The last key that was looked at; none if there is nothing behind it.
    until: Option<String>,
}

fn stretch(session: &Session, prefix: &str, after: Option<&str>, limit: usize) -> Fallible<Stretch> {
    let answer = session.ask(Service::Kv, || Question::KvList {
        prefix: prefix.to_owned(),
        after: after.map(str::to_owned),
        limit: u32::try_from(limit).unwrap_or(LIST_ENTRIES_MAX),
    })?;
    let Answer::Page { items, more } = &*answer else {
        return Err(unexpected(&answer));
    };
    let mut found = BTreeMap::new();
    for KvItem { key, entry } in items {
        let bytes = (key.len() + entry.value.bytes()) as u64;
        session.meter(Service::Kv, |used| used.bytes_read += bytes);
        found.insert(key.clone(), copied(&entry.value)?);
    }
    let until = items.last().filter(|_| *more).map(|item| item.key.clone());
    session.state(|state| {
        let transaction = &mut state.transaction;
        transaction.begin_moment();
        transaction.note_range(ReadRange {
            prefix: prefix.to_owned(),
            after: after.map(str::to_owned),
            until: until.clone(),
            count: items.len() as u64,
            mark: items.iter().fold(0, |mark, item| mark ^ item.entry.version),
        });
        for (key, pending) in transaction.written_in(prefix, after, until.as_deref()) {
            match &pending.value {
                Some(value) => found.insert(key.to_owned(), Rc::clone(value)),
                None => found.remove(key),
            };
        }
    });
    session.check_reads()?;
    Ok(Stretch { found, until })
}
