//! Ways through an index: how much of it the conditions of a filter leave.

use std::ops::Range;

use serde_json::Value;

use crate::services::docs::{
    DocPath, Index, Test,
    key::{self, TEXT_BYTES_KEPT, after_all},
};

/// A way through an index.
pub(super) struct Way<'d> {
    pub(super) index: &'d Index,
    pub(super) ranges: Vec<Range<Vec<u8>>>,
    pub(super) by_element: Option<Vec<u8>>,
    pub(super) narrowness: Narrowness,
}

/// How narrow the part of an index is in which all is that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Narrowness {
    HalfOpen,
    Between,
    Points,
}

impl<'d> Way<'d> {
    pub(super) fn whole(index: &'d Index) -> Self {
        let (low, high) = key::whole_range();
        Self {
            index,
            ranges: std::iter::once(low..high).collect(),
            by_element: None,
            narrowness: Narrowness::HalfOpen,
        }
    }

    /// The way that these conditions leave, if they are about the path of the index.
    pub(super) fn of(index: &'d Index, certain: &[(&DocPath, &Test)]) -> Option<Self> {
        let tests = || {
            let of_path = certain.iter().filter(|(path, _)| **path == index.path);
            of_path.map(|(_, test)| *test)
        };
        let way = |ranges, by_element, narrowness| Self {
            index,
            ranges,
            by_element,
            narrowness,
        };
        if let Some(ranges) = tests().find_map(points) {
            return Some(way(ranges, None, Narrowness::Points));
        }
        let element = tests().find_map(|test| match test {
            Test::Contains(member) => key::element_key(member),
            _ => None,
        });
        if let Some(element) = element {
            let range = element.clone()..after_all(&element);
            return Some(way(vec![range], Some(element), Narrowness::Points));
        }
        let (mut low, mut high): (Option<Vec<u8>>, Option<Vec<u8>>) = (None, None);
        let mut within: Option<(Vec<u8>, Vec<u8>)> = None;
        for test in tests() {
            let (value, is_low) = match test {
                Test::Gt(value) | Test::Gte(value) => (value, true),
                Test::Lt(value) | Test::Lte(value) => (value, false),
                _ => continue,
            };
            let Some(of_type) = key::range_of_type(value) else {
                continue;
            };
            let (from, to) = key::neighbourhood(value);
            if is_low {
                low = low.max(Some(from));
            } else {
                high = Some(high.map_or(to.clone(), |high| high.min(to)));
            }
            within = Some(within.map_or(of_type.clone(), |(low, high)| {
                (low.max(of_type.0), high.min(of_type.1))
            }));
        }
        let (lowest, highest) = within?;
        let narrowness = if low.is_some() && high.is_some() {
            Narrowness::Between
        } else {
            Narrowness::HalfOpen
        };
        let range = low.map_or(lowest.clone(), |low| low.max(lowest))
            ..high.map_or(highest.clone(), |high| high.min(highest));
        let ranges = if range.start < range.end {
            vec![range]
        } else {
            Vec::new()
        };
        Some(way(ranges, None, narrowness))
    }
}

/// The keys of what a value may be equal to.
fn points(test: &Test) -> Option<Vec<Range<Vec<u8>>>> {
    let Test::In(values) = test else { return None };
    let mut keys = Vec::with_capacity(values.len());
    for value in values {
        keys.push(key::key(Some(value)));
        if value.is_null() {
            keys.push(key::key(None));
        }
    }
    keys.sort_unstable();
    keys.dedup();
    let ranges = keys.into_iter().map(|key| {
        let after = after_all(&key);
        key..after
    });
    Some(ranges.collect())
}

/// Whether the points of a test have no other values than those that it is about.
pub(super) fn is_decided_by_points(test: &Test) -> bool {
    let is_kept_whole = |value: &Value| value.as_str().is_none_or(|text| text.len() <= TEXT_BYTES_KEPT);
    match test {
        Test::In(values) => values
            .iter()
            .all(|value| key::is_scalar(value) && is_kept_whole(value)),
        _ => false,
    }
}
