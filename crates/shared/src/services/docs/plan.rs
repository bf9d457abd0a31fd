//! How documents are found: through which index, in which part of it, and in which order.

mod way;

use std::{cmp::Ordering, ops::Range};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::way::{Narrowness, Way, is_decided_by_points};
use super::{
    Definition, DocPath, Filter, FilterError, Test, definition::position, filter::FILTER_BYTES_MAX, key,
};
use crate::page::Stamp;

/// The name by which documents are sorted by their ids.
const BY_ID: &str = "_id";

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// A filter, as it was given.
    pub filter: Value,
    /// The order: a path or `_id`, and `-` before it for the other way round; by chance if it is none.
    pub sort: Option<String>,
}

/// The order of what is found.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sort {
    /// By the id if there is none.
    path: Option<DocPath>,
    is_descending: bool,
}

/// How a selection is found in a collection. Whoever has the same definition and selection has the same plan.
#[derive(Clone, Debug)]
pub struct Plan {
    filter: Filter,
    sort: Option<Sort>,
    /// Through which index; by the ids if it is none.
    index: Option<(i32, DocPath)>,
    /// The parts of it in which everything is that matches, in order.
    ranges: Vec<Range<Vec<u8>>>,
    /// Whether members of arrays are looked for.
    by_element: Option<Vec<u8>>,
    /// Whether everything that stands in those parts matches.
    is_decided: bool,
}

impl Selection {
    /// Reads what is asked for, to find what is wrong with it.
    pub fn check(&self) -> Result<(), FilterError> {
        Plan::new(&Definition::default(), self).map(|_| ())
    }

    /// What is put on the cursors of what it finds.
    pub fn stamp(&self) -> Stamp {
        let filter = self.filter.to_string();
        Stamp::of(&["documents", &filter, self.sort.as_deref().unwrap_or_default()])
    }
}

impl Plan {
    /// Plans how to find `selection` in a collection.
    pub fn new(definition: &Definition, selection: &Selection) -> Result<Self, FilterError> {
        let filter = Filter::read(&selection.filter)?;
        let sort = selection.sort.as_deref().map(Sort::read).transpose()?;
        let certain = filter.certain();
        let ready = || definition.indexes.iter().filter(|index| index.is_ready);
        let usable = ready().filter_map(|index| Way::of(index, &certain));
        // The first of equals.
        let narrowest = usable.reduce(|best, way| {
            if way.narrowness > best.narrowness {
                way
            } else {
                best
            }
        });
        let sorted_by = sort.as_ref().and_then(|sort| sort.path.as_ref());
        let sorting = sorted_by.and_then(|path| ready().find(|index| index.path == *path));
        let way = match (narrowest, sorting) {
            (Some(way), _) if way.narrowness == Narrowness::Points => Some(way),
            (_, Some(sorting)) => Way::of(sorting, &certain)
                .filter(|way| way.by_element.is_none())
                .or_else(|| Some(Way::whole(sorting))),
            (way, None) => way,
        };
        let everything = || vec![Vec::new()..vec![u8::MAX; 2]];
        let indexed = way.as_ref().map(|way| &way.index.path);
        let is_decided = filter.sole().is_some_and(|sole| match sole {
            None => true,
            Some((path, test)) => indexed == Some(path) && is_decided_by_points(test),
        });
        Ok(match way {
            Some(way) => Self {
                index: Some((way.index.id, way.index.path.clone())),
                ranges: way.ranges,
                by_element: way.by_element,
                is_decided,
                filter,
                sort,
            },
            None => Self {
                index: None,
                ranges: everything(),
                by_element: None,
                is_decided,
                filter,
                sort,
            },
        })
    }

    /// Through which index.
    pub fn index(&self) -> Option<i32> {
        self.index.as_ref().map(|(id, _)| *id)
    }

    /// The parts of the index, or of all ids, in which everything is that matches: in order, none meeting another.
    pub fn ranges(&self) -> &[Range<Vec<u8>>] {
        &self.ranges
    }

    /// Whether everything that stands in those parts is asked for, so that nobody has to look at it.
    pub fn is_decided(&self) -> bool {
        self.is_decided
    }

    /// Whether a document is one that is asked for.
    pub fn matches(&self, document: &Value) -> bool {
        self.filter.matches(document)
    }

    /// Whether the order is the other way round.
    pub fn is_descending(&self) -> bool {
        self.sort.as_ref().is_some_and(|sort| sort.is_descending)
    }

    /// Whether what is found has to be sorted, because it is not found in the order that is asked for.
    pub fn is_to_be_sorted(&self) -> bool {
        match &self.sort {
            None => false,
            Some(Sort { path: None, .. }) => self.index.is_some(),
            Some(Sort { path: Some(path), .. }) => {
                self.by_element.is_some() || self.index.as_ref().is_none_or(|(_, indexed)| indexed != path)
            }
        }
    }

    /// Where a document that matches stands in the order of what is found.
    pub fn position(&self, id: &str, document: &Value) -> Vec<u8> {
        let path = match (&self.sort, &self.index, &self.by_element) {
            (Some(sort), _, _) => sort.path.as_ref(),
            (None, _, Some(element)) => return position(element, id),
            (None, index, None) => index.as_ref().map(|(_, path)| path),
        };
        match path {
            Some(path) => position(&key::key(path.of(document)), id),
            None => id.as_bytes().to_vec(),
        }
    }

    /// The place of a position, for whoever comes back for what is behind it: what is put on cursors.
    pub fn place(&self, position: &[u8]) -> Vec<u8> {
        match self.stamp() {
            Some(stamp) => stamp.cursor(position),
            None => position.to_vec(),
        }
    }

    /// The position of a place; none if it is one of another order than this plan has.
    pub fn position_of<'p>(&self, place: &'p [u8]) -> Option<&'p [u8]> {
        match self.stamp() {
            Some(stamp) => stamp.position(place),
            None => Some(place),
        }
    }

    /// What is put on places, where it is by the index that they are ordered: in another one they would mean something else.
    /// Which members of arrays are looked for there follows from the filter, which is on the cursor.
    fn stamp(&self) -> Option<Stamp> {
        if self.sort.is_some() {
            return None;
        }
        Some(match &self.index {
            Some((_, path)) => Stamp::of(&["index", path.as_str()]),
            None => Stamp::of(&["ids"]),
        })
    }

    /// Compares two positions in the order that is asked for.
    pub fn compare(&self, left: &[u8], right: &[u8]) -> Ordering {
        let order = left.cmp(right);
        if self.is_descending() {
            order.reverse()
        } else {
            order
        }
    }

    /// Whether what stands at `position` comes after the end of a page, which is a position too.
    pub fn is_behind(&self, position: &[u8], end: &[u8]) -> bool {
        if self.is_descending() {
            position < end
        } else {
            position >= end
        }
    }

    /// The end of a page whose last document stands at `position`.
    pub fn just_behind(&self, position: &[u8]) -> Vec<u8> {
        let mut end = position.to_vec();
        if !self.is_descending() {
            end.push(0);
        }
        end
    }

    /// Which index would make it unnecessary to look at so many documents.
    pub fn advice(&self) -> String {
        let certain = self.filter.certain();
        let unused = certain.iter().find(|(path, test)| {
            let is_used = self.index.as_ref().is_some_and(|(_, used)| used == *path);
            !is_used && !matches!(test, Test::Ne(_) | Test::Exists(_))
        });
        let sort = self.sort.as_ref().and_then(|sort| sort.path.as_ref());
        match (unused, sort.filter(|_| self.is_to_be_sorted())) {
            (Some((path, _)), _) => format!("declare an index on `{path}`"),
            (None, Some(path)) => format!("declare an index on `{path}`, by which it is sorted"),
            (None, None) => {
                "make the filter narrower, with a condition on a path that has an index".to_owned()
            }
        }
    }
}

impl Sort {
    fn read(text: &str) -> Result<Self, FilterError> {
        let (path, is_descending) = match text.strip_prefix('-') {
            Some(path) => (path, true),
            None => (text, false),
        };
        let path = match path {
            BY_ID => None,
            path => Some(DocPath::new(path).map_err(|error| FilterError::about("sort", error.to_string()))?),
        };
        Ok(Self { path, is_descending })
    }
}

/// Whether the text of a filter is small enough to be read.
pub fn check_filter_size(bytes: usize) -> Result<(), FilterError> {
    if bytes > FILTER_BYTES_MAX {
        let what = format!("has at most {FILTER_BYTES_MAX} bytes as JSON, not {bytes}");
        return Err(FilterError::about("filter", what));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
