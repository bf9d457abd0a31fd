//! How documents are found: through which index, in which part of it, and in which order.

use std::{cmp::Ordering, ops::Range};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Definition, DocPath, Filter, FilterError, Index, Test,
    definition::position,
    filter::FILTER_BYTES_MAX,
    key::{self, TEXT_BYTES_KEPT, after_all},
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

/// How narrow the part of an index is in which all is that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Narrowness {
    HalfOpen,
    Between,
    Points,
}

/// A way through an index.
struct Way<'d> {
    index: &'d Index,
    ranges: Vec<Range<Vec<u8>>>,
    by_element: Option<Vec<u8>>,
    narrowness: Narrowness,
}

impl<'d> Way<'d> {
    fn whole(index: &'d Index) -> Self {
        let (low, high) = key::whole_range();
        Self {
            index,
            ranges: std::iter::once(low..high).collect(),
            by_element: None,
            narrowness: Narrowness::HalfOpen,
        }
    }

    /// The way that these conditions leave, if they are about the path of the index.
    fn of(index: &'d Index, certain: &[(&DocPath, &Test)]) -> Option<Self> {
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
fn is_decided_by_points(test: &Test) -> bool {
    let is_kept_whole = |value: &Value| value.as_str().is_none_or(|text| text.len() <= TEXT_BYTES_KEPT);
    match test {
        Test::In(values) => values
            .iter()
            .all(|value| key::is_scalar(value) && is_kept_whole(value)),
        _ => false,
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
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn definition(paths: &[&str]) -> Definition {
        let indexes = paths.iter().zip(1..).map(|(path, number)| Index {
            id: number,
            path: DocPath::new(path).unwrap(),
            is_unique: false,
            is_ready: true,
        });
        Definition {
            indexes: indexes.collect(),
            ..Definition::default()
        }
    }

    fn plan(definition: &Definition, filter: Value, sort: Option<&str>) -> Plan {
        let sort = sort.map(str::to_owned);
        Plan::new(definition, &Selection { filter, sort }).unwrap()
    }

    #[test]
    fn the_narrowest_index_is_taken() {
        let definition = definition(&["a", "b", "c"]);
        for (filter, sort, index, sorted) in [
            (json!({}), None, None, false),
            (json!({ "d": 1 }), None, None, false),
            (json!({ "a": { "gt": 1 } }), None, Some(1), false),
            (
                json!({ "a": { "gt": 1 }, "b": { "gt": 1, "lt": 2 } }),
                None,
                Some(2),
                false,
            ),
            (json!({ "a": { "gt": 1 }, "c": 1 }), None, Some(3), false),
            (json!({ "c": { "in": [1, 2] } }), Some("a"), Some(3), true),
            (json!({ "a": { "gt": 1 } }), Some("b"), Some(2), false),
            (json!({ "a": { "gt": 1 } }), Some("-a"), Some(1), false),
            (json!({ "a": { "gt": 1 } }), Some("-_id"), Some(1), true),
            (json!({}), Some("_id"), None, false),
            (json!({}), Some("-c"), Some(3), false),
            (json!({}), Some("d"), None, true),
            (json!({ "a": { "contains": 1 } }), None, Some(1), false),
            (json!({ "a": { "contains": 1 } }), Some("a"), Some(1), true),
            (json!({ "a": { "ne": 1 } }), None, None, false),
            (json!({ "a": { "exists": true } }), None, None, false),
            (json!({ "or": [{ "a": 1 }, { "b": 1 }] }), None, None, false),
            (json!({ "and": [{ "d": 1 }, { "b": 1 }] }), None, Some(2), false),
        ] {
            let plan = plan(&definition, filter.clone(), sort);
            let found = plan.index();
            assert_eq!(
                (found, plan.is_to_be_sorted()),
                (index, sorted),
                "{filter} {sort:?}"
            );
        }
    }

    #[test]
    fn what_an_index_decides_need_not_be_looked_at() {
        let definition = definition(&["a", "b"]);
        for (filter, sort, expected) in [
            (json!({}), None, true),
            (json!({}), Some("c"), true),
            (json!({ "a": 1 }), None, true),
            (
                json!({ "and": [{ "a": { "in": [null, "x"] } }] }),
                Some("b"),
                true,
            ),
            (json!({ "a": 1, "b": 1 }), None, false),
            (json!({ "a": [1] }), None, false),
            (json!({ "a": "x".repeat(TEXT_BYTES_KEPT + 1) }), None, false),
            (json!({ "a": { "gte": 1 } }), None, false),
            (json!({ "a": { "contains": 1 } }), None, false),
            (json!({ "c": 1 }), None, false),
            (json!({ "c": 1 }), Some("a"), false),
            (json!({ "not": { "a": 1 } }), None, false),
            (json!({ "or": [{ "a": 1 }] }), None, false),
        ] {
            let plan = plan(&definition, filter.clone(), sort);
            assert_eq!(plan.is_decided(), expected, "{filter} {sort:?}");
        }
    }

    #[test]
    fn an_index_that_is_not_ready_is_not_used() {
        let mut definition = definition(&["a"]);
        definition.indexes[0].is_ready = false;
        assert_eq!(plan(&definition, json!({ "a": 1 }), Some("a")).index(), None);
    }

    #[test]
    fn advice_names_the_index_that_is_missing() {
        let none = definition(&[]);
        let advice = |filter, sort| plan(&none, filter, sort).advice();
        assert_eq!(advice(json!({ "a": 1 }), Some("b")), "declare an index on `a`");
        assert_eq!(
            advice(json!({}), Some("b")),
            "declare an index on `b`, by which it is sorted"
        );
        assert!(advice(json!({ "a": { "ne": 1 } }), None).starts_with("make the filter narrower"));
    }

    fn value() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(|truth| json!(truth)),
            (-3_i64..4).prop_map(|number| json!(number)),
            (-3_i32..4).prop_map(|number| json!(f64::from(number) / 2.0)),
            "[ab\0]{0,3}".prop_map(|text| json!(text)),
            (0_u8..3).prop_map(|end| json!(format!("{}{end}", "a".repeat(300)))),
        ];
        scalar.prop_recursive(2, 8, 3, |inner| {
            prop::collection::vec(inner, 0..3).prop_map(Value::Array)
        })
    }

    fn document() -> impl Strategy<Value = Value> {
        prop::collection::btree_map("[abc]", value(), 0..4).prop_map(|fields| json!(fields))
    }

    fn condition() -> impl Strategy<Value = Value> {
        let operator = prop::sample::select(vec!["eq", "ne", "contains", "lt", "lte", "gt", "gte"]);
        let single = (operator, value()).prop_map(|(operator, value)| {
            let is_ordered = value.is_number() || value.is_string();
            let operator = if operator.contains('t') && operator.len() < 4 && !is_ordered {
                "eq"
            } else {
                operator
            };
            json!({ operator: value })
        });
        prop_oneof![
            single,
            prop::collection::vec(value(), 0..3).prop_map(|values| json!({ "in": values })),
            (-3_i64..4, -3_i64..4).prop_map(|(low, high)| json!({ "gte": low, "lt": high })),
        ]
    }

    fn filter() -> impl Strategy<Value = Value> {
        let leaf = prop::collection::btree_map("[abc]", condition(), 0..3).prop_map(|fields| json!(fields));
        leaf.prop_recursive(2, 6, 2, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..3).prop_map(|all| json!({ "and": all })),
                prop::collection::vec(inner.clone(), 1..3).prop_map(|any| json!({ "or": any })),
                inner.prop_map(|not| json!({ "not": not })),
            ]
        })
    }

    /// What a filter means, said as plainly as it can be.
    fn naive(filter: &Value, document: &Value) -> bool {
        filter
            .as_object()
            .unwrap()
            .iter()
            .all(|(name, value)| match name.as_str() {
                "and" => value
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|filter| naive(filter, document)),
                "or" => value
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|filter| naive(filter, document)),
                "not" => !naive(value, document),
                path => value
                    .as_object()
                    .unwrap()
                    .iter()
                    .all(|(operator, operand)| naive_condition(operator, operand, document.get(path))),
            })
    }

    fn naive_condition(operator: &str, operand: &Value, value: Option<&Value>) -> bool {
        let order = match (value, operand) {
            (Some(Value::Number(left)), Value::Number(right)) => left.as_f64().partial_cmp(&right.as_f64()),
            (Some(Value::String(left)), Value::String(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
            _ => None,
        };
        let equal = |left: Option<&Value>, right: &Value| naive_text(left) == naive_text(Some(right));
        match operator {
            "eq" => equal(value, operand),
            "ne" => !equal(value, operand),
            "lt" => order == Some(Ordering::Less),
            "lte" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            "gt" => order == Some(Ordering::Greater),
            "gte" => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            "in" => operand.as_array().unwrap().iter().any(|one| equal(value, one)),
            "contains" => value
                .and_then(Value::as_array)
                .is_some_and(|members| members.iter().any(|one| equal(Some(one), operand))),
            other => panic!("{other}"),
        }
    }

    /// Small numbers as floats: then equal values are equal texts.
    fn naive_text(value: Option<&Value>) -> String {
        match value {
            None => "null".to_owned(),
            Some(Value::Number(number)) => format!("{:?}", number.as_f64().unwrap() + 0.0),
            Some(Value::Array(members)) => {
                let members: Vec<_> = members.iter().map(|one| naive_text(Some(one))).collect();
                format!("[{}]", members.join(","))
            }
            Some(other) => other.to_string(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn filters_mean_what_they_say(filter in filter(), document in document()) {
            let read = Filter::read(&filter).unwrap();
            prop_assert_eq!(read.matches(&document), naive(&filter, &document));
        }

        /// Of what is decided nobody looks at the document.
        #[test]
        fn what_is_decided_matches(
            value in value(), others in prop::collection::vec(value(), 0..3), document in document(),
            sort in prop::option::of("-?[abd]"),
        ) {
            let definition = definition(&["a", "b"]);
            for filter in [json!({}), json!({ "a": { "eq": value } }), json!({ "a": { "in": others } })] {
                let plan = plan(&definition, filter, sort.as_deref());
                let entries = definition.entries(&document).unwrap().into_iter();
                let is_in = |position: &Vec<u8>| plan.ranges().iter().any(|range| range.contains(position));
                let mut places = entries
                    .filter(|entry| Some(entry.index) == plan.index())
                    .map(|entry| entry.position("id"));
                if plan.is_decided() && places.any(|place| is_in(&place)) {
                    prop_assert!(plan.matches(&document));
                }
            }
        }

        /// Whatever matches stands in the part of the index that is looked at, at the place that the plan says.
        #[test]
        fn no_index_hides_what_matches(
            filter in filter(), document in document(), sort in prop::option::of("-?[abd]"),
        ) {
            let definition = definition(&["a", "b"]);
            let plan = plan(&definition, filter, sort.as_deref());
            if plan.matches(&document) {
                let places: Vec<Vec<u8>> = match plan.index() {
                    None => vec![b"id".to_vec()],
                    Some(index) => {
                        let entries = definition.entries(&document).unwrap().into_iter();
                        entries.filter(|entry| entry.index == index).map(|entry| entry.position("id")).collect()
                    }
                };
                let found: Vec<_> = places
                    .iter()
                    .filter(|place| plan.ranges().iter().any(|range| range.contains(*place)))
                    .collect();
                prop_assert_eq!(found.len(), 1);
                if !plan.is_to_be_sorted() {
                    prop_assert_eq!(found[0], &plan.position("id", &document));
                }
            }
        }
    }
}
