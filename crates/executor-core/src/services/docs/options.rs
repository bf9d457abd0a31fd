//! What calls of `docs::find` and `docs::count` ask for.

use picloud_shared::services::docs::{
    FILTER_BYTES_MAX, FIND_DOCUMENTS_DEFAULT, FIND_DOCUMENTS_MAX, Selection, check_filter_size, read_cursor,
};
use rhai::{Dynamic, Map};
use serde_json::{Value, json};

use crate::{
    api::{Fallible, fail, type_name},
    json::{self, JsonError},
};

/// Longest cursor that a call of `docs::find` gives.
const CURSOR_BYTES_MAX: usize = 4 * 1_024;

const FUNCTION: &str = "docs::find";

/// What a call of `docs::find` asks for.
pub(super) struct Options {
    pub(super) selection: Selection,
    pub(super) limit: u32,
    pub(super) after: Option<Vec<u8>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            selection: Selection {
                filter: json!({}),
                sort: None,
            },
            limit: FIND_DOCUMENTS_DEFAULT,
            after: None,
        }
    }
}

impl Options {
    /// Reads `#{filter, sort, limit, cursor}`.
    pub(super) fn read(options: &Map) -> Fallible<Self> {
        let mut read = Self::default();
        let mut cursor = None;
        for (name, value) in options {
            match name.as_str() {
                "filter" => read.selection.filter = filter(FUNCTION, value)?,
                "sort" | "cursor" if value.is_unit() => {}
                "sort" => read.selection.sort = Some(text("sort", value)?),
                "limit" => {
                    let limit = value.as_int().ok().and_then(|limit| u32::try_from(limit).ok());
                    read.limit = limit
                        .filter(|limit| (1..=FIND_DOCUMENTS_MAX).contains(limit))
                        .ok_or_else(|| fail(format!("{FUNCTION}: limit is 1 to {FIND_DOCUMENTS_MAX}")))?;
                }
                "cursor" => cursor = Some(text("cursor", value)?),
                other => {
                    return Err(fail(format!(
                        "{FUNCTION} has no option `{other}`, only filter, sort, limit and cursor"
                    )));
                }
            }
        }
        check(FUNCTION, &read.selection)?;
        read.after = cursor.map(|cursor| place(&read.selection, &cursor)).transpose()?;
        Ok(read)
    }
}

/// What `docs::count` asks for.
pub(super) fn counted(of: &Dynamic) -> Fallible<Selection> {
    const FUNCTION: &str = "docs::count";
    let selection = Selection {
        filter: filter(FUNCTION, of)?,
        sort: None,
    };
    check(FUNCTION, &selection)?;
    Ok(selection)
}

fn check(function: &str, selection: &Selection) -> Fallible<()> {
    selection
        .check()
        .map_err(|error| fail(format!("{function}: {error}")))
}

/// The place that a cursor of `selection` is about.
fn place(selection: &Selection, cursor: &str) -> Fallible<Vec<u8>> {
    let place = read_cursor(selection, cursor).filter(|_| cursor.len() <= CURSOR_BYTES_MAX);
    place.ok_or_else(|| {
        fail(format!(
            "{FUNCTION}: that cursor came from no page with this filter and this sort; leave it out to begin with the first"
        ))
    })
}

fn filter(function: &str, value: &Dynamic) -> Fallible<Value> {
    let mut out = Vec::new();
    json::write(value, &mut out, FILTER_BYTES_MAX).map_err(|error| match error {
        JsonError::TooLarge { bytes_max } => {
            let error = check_filter_size(bytes_max + 1).err();
            fail(format!(
                "{function}: {}",
                error.map(|error| error.to_string()).unwrap_or_default()
            ))
        }
        other => other.into(),
    })?;
    serde_json::from_slice(&out).map_err(|error| fail(format!("{function}: filter: {error}")))
}

fn text(option: &str, value: &Dynamic) -> Fallible<String> {
    match value.as_immutable_string_ref() {
        Ok(text) => Ok(text.to_string()),
        Err(_) => Err(fail(format!(
            "{FUNCTION}: {option} is a string, not {}",
            type_name(value)
        ))),
    }
}
