//! Lists, a page at a time.

use uuid::Uuid;

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
