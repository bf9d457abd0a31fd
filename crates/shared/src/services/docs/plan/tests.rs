//! Which way a plan takes, and that none hides what matches.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::services::docs::{Index, TEXT_BYTES_KEPT};

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
fn a_place_is_one_in_the_order_that_it_came_from() {
    let (none, one, two) = (definition(&[]), definition(&["a"]), definition(&["b", "a"]));
    let by = |definition: &Definition, sort| plan(definition, json!({ "a": { "gte": 1 } }), sort);
    let position = b"x".as_slice();
    let indexed = by(&one, None).place(position);
    // There the index has another number, and the same order.
    for same in [&one, &two] {
        assert_eq!(by(same, None).position_of(&indexed), Some(position));
    }
    assert_eq!(by(&none, None).position_of(&indexed), None);
    let by_id = by(&none, None).place(position);
    assert_eq!(by(&none, None).position_of(&by_id), Some(position));
    assert_eq!(by(&one, None).position_of(&by_id), None);
    // Sorted, it is in the same order whatever index is used.
    let sorted = by(&one, Some("a")).place(position);
    assert_eq!(by(&none, Some("a")).position_of(&sorted), Some(position));
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
