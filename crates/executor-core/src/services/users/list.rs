//! Users in the order of their names.

use picloud_shared::services::USER_NAMES;
use rhai::{Dynamic, Map};

use super::{
    super::{kv, session::Session},
    fields::shown,
    records,
};
use crate::api::{Fallible, fail};

/// Users of one page, as they come.
const USERS_PER_PAGE_MAX: usize = 100;
const USERS_PER_PAGE: usize = 50;

/// What a script asks for.
pub(super) struct Options {
    q: String,
    limit: usize,
    after: Option<String>,
}

impl Options {
    /// Reads `#{q, limit, cursor}`.
    pub(super) fn read(options: &Map) -> Fallible<Self> {
        let mut read = Self {
            q: String::new(),
            limit: USERS_PER_PAGE,
            after: None,
        };
        for (name, value) in options {
            let text = || {
                let text = value.as_immutable_string_ref().map(|text| text.to_string());
                text.map_err(|_| fail(format!("users::list: `{name}` is a text")))
            };
            match name.as_str() {
                "q" => read.q = text()?.to_lowercase(),
                "cursor" if value.is_unit() => {}
                "cursor" => read.after = Some(format!("{USER_NAMES}{}", text()?)),
                "limit" => {
                    let limit = value.as_int().ok().and_then(|limit| usize::try_from(limit).ok());
                    read.limit = limit
                        .filter(|limit| (1..=USERS_PER_PAGE_MAX).contains(limit))
                        .ok_or_else(|| fail(format!("users::list: limit is 1 to {USERS_PER_PAGE_MAX}")))?;
                }
                other => {
                    return Err(fail(format!(
                        "users::list has no option `{other}`, only q, limit and cursor"
                    )));
                }
            }
        }
        Ok(read)
    }
}

/// One page.
pub(super) fn list(session: &Session, options: &Options) -> Fallible<Map> {
    let prefix = format!("{USER_NAMES}{}", options.q);
    let after = options.after.as_deref();
    if after.is_some_and(|after| !after.starts_with(&prefix)) {
        return Err(fail(
            "users::list: that cursor came from a list with another `q`; leave it out to begin with the first page",
        ));
    }
    let (entries, cursor) = kv::entries(session, &prefix, options.limit, options.after.clone())?;
    let ids = entries.iter().map(|(_, value)| records::holder(value));
    let ids = ids.collect::<Fallible<Vec<_>>>()?;
    let mut items = rhai::Array::new();
    for record in records::many(session, &ids)?.iter().flatten() {
        items.push(Dynamic::from_map(shown(record)?));
    }
    let cursor = cursor.as_deref().and_then(|key| key.strip_prefix(USER_NAMES));
    Ok(Map::from([
        ("items".into(), Dynamic::from_array(items)),
        ("cursor".into(), cursor.map_or(Dynamic::UNIT, Into::into)),
    ]))
}
