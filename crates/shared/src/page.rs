//! Lists, a page at a time.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Bytes of a stamp: enough that no two lists have the same one by chance.
const STAMP_BYTES: usize = 8;

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// At most this many items; the API allows 1 to 200.
    pub limit: u32,
    /// Only items that come after the one with this id, in the order of the list.
    pub after: Option<Uuid>,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// Where the next page starts, if there is one: the id of the last item here.
    pub next: Option<Uuid>,
}

impl<T> Page<T> {
    /// A list without anything.
    pub fn empty() -> Self {
        Self {
            items: Vec::new(),
            next: None,
        }
    }

    /// Makes a page from up to `limit + 1` items: the extra one only shows that another page exists.
    pub fn from_overfull(mut items: Vec<T>, limit: u32, id: impl Fn(&T) -> Uuid) -> Self {
        let limit = limit as usize;
        let next = (items.len() > limit)
            .then(|| items.truncate(limit))
            .and_then(|()| items.last().map(id));
        Self { items, next }
    }

    /// The same page with each item made into something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            next: self.next,
        }
    }
}

/// What is put on a cursor, so that it goes on in no other list than its own. Where a filter or an order says what a position
/// means, it would lead to a wrong place in every other: some would be left out there, or found twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp([u8; STAMP_BYTES]);

impl Stamp {
    /// That of a list: its name, and all that says what is in it, and in which order.
    pub fn of(parts: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        Self(beginning(hasher))
    }

    /// The cursor of a position in the list.
    pub fn cursor(self, position: &[u8]) -> Vec<u8> {
        [self.seal(position).as_slice(), position].concat()
    }

    /// The position that a cursor is about; none if it is one of another list, or damaged.
    pub fn position(self, cursor: &[u8]) -> Option<&[u8]> {
        let (seal, position) = cursor.split_at_checked(STAMP_BYTES)?;
        (seal == self.seal(position).as_slice()).then_some(position)
    }

    /// What stands before a position on its cursor: it tells the list, and whether the position is as it was.
    fn seal(self, position: &[u8]) -> [u8; STAMP_BYTES] {
        beginning(Sha256::new().chain_update(self.0).chain_update(position))
    }
}

/// As much of a hash as a stamp has.
fn beginning(hasher: Sha256) -> [u8; STAMP_BYTES] {
    let hash = hasher.finalize();
    let mut beginning = [0; STAMP_BYTES];
    beginning.copy_from_slice(&hash[..STAMP_BYTES]);
    beginning
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_goes_on_in_its_own_list_alone() {
        let list = Stamp::of(&["keys", "user/"]);
        for position in [b"user/ada".as_slice(), b""] {
            let cursor = list.cursor(position);
            assert_eq!(list.position(&cursor), Some(position));
            for parts in [["keys", "user"].as_slice(), &["users", "/"], &["keysuser/"], &[]] {
                assert_eq!(Stamp::of(parts).position(&cursor), None, "{parts:?}");
            }
        }
        assert_eq!(list.position(b"user/ada"), None);
    }

    #[test]
    fn a_cursor_that_is_damaged_goes_on_nowhere() {
        let list = Stamp::of(&["keys", "user/"]);
        let cursor = list.cursor(b"user/ada");
        for place in 0..cursor.len() {
            let mut damaged = cursor.clone();
            damaged[place] ^= 1;
            assert_eq!(list.position(&damaged), None, "{place}");
            assert_eq!(list.position(&cursor[..place]), None, "{place}");
        }
    }
}
