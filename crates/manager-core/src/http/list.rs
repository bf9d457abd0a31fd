//! Lists, a page at a time, and their opaque cursors.
//!
//! The cursor of things with ids is an id, and means the same whatever is asked for beside it: what comes after that one. Where
//! the order is another, the cursor has a [`Stamp`], and goes on in a list alone that is asked for in the same way.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use picloud_shared::{
    page::{Page, PageRequest, Stamp},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    problem::{Answer, FieldError, Refusal, invalid},
    validate::Violations,
};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 200;

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The items on this page.
    pub(crate) items: Vec<T>,
    /// For `?cursor=`, to get the next page; null on the last one.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
}

/// Which page of a list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Most items on a page.
    #[param(default = 50, minimum = 1, maximum = 200)]
    pub(crate) limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
}

impl<T> List<T> {
    /// A page of things with ids.
    pub(crate) fn of<U>(page: Page<U>, body: impl FnMut(U) -> T) -> Self {
        Self {
            next_cursor: page.next.map(|id| encode(id.as_bytes())),
            items: page.items.into_iter().map(body).collect(),
        }
    }

    /// A list that is always short.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Self {
            items,
            next_cursor: None,
        }
    }

    /// A page of things with moments, of which up to `limit + 1` were read.
    pub(crate) fn of_moments<U>(
        mut items: Vec<U>,
        limit: u32,
        moment: impl Fn(&U) -> Timestamp,
        body: impl FnMut(U) -> T,
    ) -> Self {
        let overfull = items.len() > limit as usize;
        items.truncate(limit as usize);
        let last = items.last().filter(|_| overfull).map(moment);
        Self {
            next_cursor: last.map(|moment| encode(&moment.as_micros().to_be_bytes())),
            items: items.into_iter().map(body).collect(),
        }
    }

    /// A page of things with numbers, of which up to `limit + 1` were read.
    pub(crate) fn of_numbered<U>(
        mut items: Vec<U>,
        limit: u32,
        number: impl Fn(&U) -> u32,
        body: impl FnMut(U) -> T,
    ) -> Self {
        let overfull = items.len() > limit as usize;
        items.truncate(limit as usize);
        let last = items.last().filter(|_| overfull).map(number);
        Self {
            next_cursor: last.map(|number| encode(&number.to_be_bytes())),
            items: items.into_iter().map(body).collect(),
        }
    }
}

impl ListQuery {
    /// The page of a list of things with ids.
    pub(crate) fn page(&self) -> Answer<PageRequest> {
        page(self.limit, self.cursor.as_deref())
    }

    /// The page of a list of things with moments: its length, and the moment before which it starts.
    pub(crate) fn before(&self) -> Answer<(u32, Option<Timestamp>)> {
        let before = self.cursor.as_deref().map(decode).transpose()?;
        let moment = |bytes: [u8; 8]| Timestamp::from_micros(i64::from_be_bytes(bytes));
        Ok((limit(self.limit)?, before.map(moment)))
    }

    /// The page of a list of things with numbers: its length, and the number before which it starts.
    pub(crate) fn numbered(&self) -> Answer<(u32, Option<u32>)> {
        let before = self.cursor.as_deref().map(decode).transpose()?;
        Ok((limit(self.limit)?, before.map(u32::from_be_bytes)))
    }
}

/// The same, for lists with more parameters.
pub(crate) fn page(limit_wanted: Option<u32>, cursor: Option<&str>) -> Answer<PageRequest> {
    let after = cursor.map(decode).transpose()?;
    Ok(PageRequest {
        limit: limit(limit_wanted)?,
        after: after.map(Uuid::from_bytes),
    })
}

/// How many items were asked for.
pub(crate) fn limit(wanted: Option<u32>) -> Answer<u32> {
    let limit = wanted.unwrap_or(LIMIT_DEFAULT);
    let mut violations = Violations::default();
    violations.require(
        (1..=LIMIT_MAX).contains(&limit),
        "limit",
        format!("must be 1 to {LIMIT_MAX}"),
    );
    violations.finish()?;
    Ok(limit)
}

fn encode(position: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(position)
}

/// The cursor of what comes after `position`, in a list with this stamp.
pub(crate) fn encode_in(list: Stamp, position: &[u8]) -> String {
    encode(&list.cursor(position))
}

fn decode<const N: usize>(cursor: &str) -> Answer<[u8; N]> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(no_cursor)
}

/// The position that a cursor is about, in a list with this stamp.
pub(crate) fn decode_in(list: Stamp, cursor: &str) -> Answer<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .and_then(|bytes| list.position(&bytes).map(<[u8]>::to_vec))
        .ok_or_else(no_cursor)
}

/// The same, where positions are texts.
pub(crate) fn decode_text_in(list: Stamp, cursor: &str) -> Answer<String> {
    String::from_utf8(decode_in(list, cursor)?).map_err(|_| no_cursor())
}

fn no_cursor() -> Refusal {
    invalid(&[FieldError {
        field: "cursor".to_owned(),
        message: "must be the next_cursor of an earlier answer to the same request; for another filter, prefix or order, \
            leave it out to begin with the first page"
            .to_owned(),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_to_where_the_page_ended() {
        let id = Uuid::from_u128(7);
        let page = Page {
            items: vec![1],
            next: Some(id),
        };
        let list = List::of(page, |item| item);
        let after = super::page(None, list.next_cursor.as_deref()).map(|page| (page.limit, page.after));
        assert_eq!(after.ok(), Some((50, Some(id))));

        let numbered = List::of_numbered(vec![9_u32, 8, 7], 2, |number| *number, |number| number);
        assert_eq!(numbered.items, [9, 8]);
        let query = ListQuery {
            limit: Some(2),
            cursor: numbered.next_cursor,
        };
        assert_eq!(query.numbered().ok(), Some((2, Some(8))));
        assert!(query.page().is_err(), "a cursor of another list");
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        let last = List::of_numbered(vec![2_u32, 1], 2, |number| *number, |number| number);
        assert_eq!(last.next_cursor, None);
        for limit in [0, 201] {
            assert!(super::page(Some(limit), None).is_err());
        }
        assert!(super::page(Some(200), Some("nonsense")).is_err());
    }
}
