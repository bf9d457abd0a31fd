//! Values as bytes whose order is that of the values, for indexes and for sorting.
//!
//! What is missing < null < false < true < numbers < texts < arrays and objects. Whole numbers and fractions compare
//! by their value, exactly. Texts compare by their bytes; of long ones, [`TEXT_BYTES_KEPT`] bytes count for the order,
//! and a hash of the whole text keeps unequal ones apart. No key is the beginning of another one.

use std::cmp::Ordering;

use serde_json::{Number, Value};
use sha2::{Digest as _, Sha256};

const MISSING: u8 = 0x08;
const NULL: u8 = 0x10;
const FALSE: u8 = 0x18;
const TRUE: u8 = 0x20;
const NUMBER: u8 = 0x28;
const TEXT: u8 = 0x30;
const COMPOSITE: u8 = 0x38;
/// Before the key of a value that is in the array.
const ELEMENT: u8 = 0x80;

/// Bytes of a text that count for its place.
pub const TEXT_BYTES_KEPT: usize = 256;
/// Bytes of the hash that follows those of a longer text.
const HASH_BYTES: usize = 16;
/// Ends a text. A zero in it is followed by [`ZERO`], so that no text is the beginning of another.
const END: [u8; 2] = [0, 0];
const ZERO: [u8; 2] = [0, 0xFF];
/// Between the bytes that are kept and the hash: what is longer comes after.
const CUT: [u8; 2] = [0, 1];

/// The key of what a document has at a path.
pub fn key(value: Option<&Value>) -> Vec<u8> {
    match value {
        None => vec![MISSING],
        Some(Value::Null) => vec![NULL],
        Some(Value::Bool(false)) => vec![FALSE],
        Some(Value::Bool(true)) => vec![TRUE],
        Some(Value::Number(number)) => number_key(number),
        Some(Value::String(text)) => text_key(text),
        Some(Value::Array(_) | Value::Object(_)) => vec![COMPOSITE],
    }
}

/// The key of `value` as a member of an array; none if it has none of its own.
pub(super) fn element_key(value: &Value) -> Option<Vec<u8>> {
    is_scalar(value).then(|| [&[ELEMENT], key(Some(value)).as_slice()].concat())
}

/// Bytes that are equal for equal values alone, arrays and objects too.
pub(super) fn exact_key(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_exact_key(value, &mut bytes);
    bytes
}

fn write_exact_key(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Array(members) => {
            bytes.push(COMPOSITE);
            for member in members {
                write_exact_key(member, bytes);
            }
            bytes.push(MISSING);
        }
        Value::Object(fields) => {
            bytes.push(ELEMENT);
            for (name, value) in fields {
                bytes.extend(text_key(name));
                write_exact_key(value, bytes);
            }
            bytes.push(MISSING);
        }
        scalar => bytes.extend(key(Some(scalar))),
    }
}

/// Whether equal values have equal keys, and others have not.
pub(super) fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_))
}

/// All keys but those of members of arrays.
pub(super) fn whole_range() -> (Vec<u8>, Vec<u8>) {
    (Vec::new(), vec![ELEMENT])
}

/// The keys of what has the type of `value`: a number or a text.
pub(super) fn range_of_type(value: &Value) -> Option<(Vec<u8>, Vec<u8>)> {
    match value {
        Value::Number(_) => Some((vec![NUMBER], vec![TEXT])),
        Value::String(_) => Some((vec![TEXT], vec![COMPOSITE])),
        _ => None,
    }
}

/// The first bytes after all that begin with `key`.
pub fn after_all(key: &[u8]) -> Vec<u8> {
    let mut after = key.to_vec();
    while let Some(last) = after.pop() {
        if last < u8::MAX {
            after.push(last + 1);
            return after;
        }
    }
    // Nothing comes after: no key begins so.
    vec![u8::MAX; 2]
}

/// Where a text or a number stands among others of its type, exactly; none for what has no order.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Some(number_key(left).cmp(&number_key(right))),
        (Value::String(left), Value::String(right)) => Some(left.as_bytes().cmp(right.as_bytes())),
        _ => None,
    }
}

/// The nearest float, in the order of bytes, and how far the number is from it: whole numbers of up to 64 bits are
/// less than 2,048 away.
fn number_key(number: &Number) -> Vec<u8> {
    let whole = number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from));
    #[expect(clippy::cast_precision_loss, reason = "what is lost is kept beside it")]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "such a float is a whole number of 65 bits at most"
    )]
    let (near, rest) = match whole {
        Some(whole) => (whole as f64, whole - (whole as f64) as i128),
        None => (number.as_f64().unwrap_or_default(), 0),
    };
    // Minus zero is zero.
    let bits = (near + 0.0).to_bits();
    let ordered = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    let rest = u16::try_from(rest + 0x8000).unwrap_or_default();
    let mut key = vec![NUMBER];
    key.extend(ordered.to_be_bytes());
    key.extend(rest.to_be_bytes());
    key
}

fn text_key(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let kept = &bytes[..bytes.len().min(TEXT_BYTES_KEPT)];
    let mut key = vec![TEXT];
    for byte in kept {
        match byte {
            0 => key.extend(ZERO),
            byte => key.push(*byte),
        }
    }
    if kept.len() == bytes.len() {
        key.extend(END);
    } else {
        key.extend(CUT);
        key.extend(&Sha256::digest(bytes)[..HASH_BYTES]);
    }
    key
}

/// From where on, and up to where, the keys of texts stand that begin as `text` does in the bytes that are kept. For
/// a number these are the bounds of its own key.
pub(super) fn neighbourhood(value: &Value) -> (Vec<u8>, Vec<u8>) {
    let mut key = key(Some(value));
    if value.as_str().is_some_and(|text| text.len() > TEXT_BYTES_KEPT) {
        key.truncate(key.len() - HASH_BYTES);
    }
    let after = after_all(&key);
    (key, after)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_stand_in_the_order_of_values() {
        let values = [
            json!(null),
            json!(false),
            json!(true),
            json!(-1e300),
            json!(i64::MIN),
            json!(i64::MIN + 1),
            json!(-1.5),
            json!(-1),
            json!(0),
            json!(5e-324),
            json!(1),
            json!(1.5),
            json!(9_007_199_254_740_992_i64),
            json!(9_007_199_254_740_993_i64),
            json!(9_007_199_254_740_994.0),
            json!(i64::MAX),
            json!(9_223_372_036_854_775_808_u64),
            json!(u64::MAX),
            json!(1e300),
            json!(""),
            json!("\0"),
            json!("\0a"),
            json!("a"),
            json!("a\0"),
            json!("a\u{1}"),
            json!("ab"),
            json!("é"),
            json!("\u{10FFFF}"),
            json!([]),
        ];
        let keys: Vec<_> = std::iter::once(key(None))
            .chain(values.iter().map(|value| key(Some(value))))
            .collect();
        for pair in keys.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
        }
        assert!(*keys.last().unwrap() < element_key(&json!(null)).unwrap());
    }

    #[test]
    fn equal_numbers_have_one_key() {
        assert_eq!(key(Some(&json!(1))), key(Some(&json!(1.0))));
        assert_eq!(key(Some(&json!(0))), key(Some(&json!(-0.0))));
        assert_ne!(
            key(Some(&json!(9_007_199_254_740_993_i64))),
            key(Some(&json!(9_007_199_254_740_992.0)))
        );
    }

    #[test]
    fn long_texts_are_kept_apart_and_stay_among_their_neighbours() {
        let long = |end: &str| json!(format!("{}{end}", "a".repeat(TEXT_BYTES_KEPT)));
        let (exact, one, two) = (long(""), long("1"), long("2"));
        assert_ne!(key(Some(&one)), key(Some(&two)));
        assert!(key(Some(&exact)) < key(Some(&one)));
        let (low, high) = neighbourhood(&one);
        for other in [&one, &two] {
            let key = key(Some(other));
            assert!(low <= key && key < high);
        }
        assert!(key(Some(&json!("b"))) > high);
    }

    #[test]
    fn after_all_is_after_all() {
        assert_eq!(after_all(&[1, 2]), [1, 3]);
        assert_eq!(after_all(&[1, 255]), [2]);
        assert!(after_all(&[]) > vec![ELEMENT; 9]);
    }

    /// Numbers near each other, and anywhere.
    fn number() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<i64>().prop_map(|number| json!(number)),
            (-3_i64..3).prop_map(|number| json!(number)),
            any::<u64>().prop_map(|number| json!(number)),
            (0_i64..2_000).prop_map(|number| json!((1_i64 << 53) + number)),
            prop::num::f64::NORMAL.prop_map(|number| json!(number)),
            (0_i64..2_000).prop_map(|number| json!(
                9_007_199_254_740_992.0_f64 + f64::from(i32::try_from(number).unwrap_or(0))
            )),
        ]
    }

    /// Compares two numbers of which each is whole or a float, without any key.
    fn by_value(left: &Value, right: &Value) -> Ordering {
        let whole = |value: &Value| value.as_i64().map(i128::from).or(value.as_u64().map(i128::from));
        match (whole(left), whole(right)) {
            (Some(left), Some(right)) => left.cmp(&right),
            (Some(left), None) => whole_and_float(left, right.as_f64().unwrap()),
            (None, Some(right)) => whole_and_float(right, left.as_f64().unwrap()).reverse(),
            (None, None) => left.as_f64().partial_cmp(&right.as_f64()).unwrap(),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "within what the branch says")]
    fn whole_and_float(whole: i128, float: f64) -> Ordering {
        if float >= 2.0_f64.powi(64) {
            Ordering::Less
        } else if float < -(2.0_f64.powi(64)) {
            Ordering::Greater
        } else {
            let floor = float.floor();
            whole
                .cmp(&(floor as i128))
                .then(0.0_f64.partial_cmp(&(float - floor)).unwrap())
        }
    }

    proptest! {
        #[test]
        fn keys_of_numbers_compare_as_the_numbers_do(left in number(), right in number()) {
            prop_assert_eq!(key(Some(&left)).cmp(&key(Some(&right))), by_value(&left, &right));
        }

        #[test]
        fn keys_of_texts_compare_as_the_texts_do(left in ".{0,20}", right in ".{0,20}") {
            let keys = key(Some(&json!(left))).cmp(&key(Some(&json!(right))));
            prop_assert_eq!(keys, left.as_bytes().cmp(right.as_bytes()));
        }
    }
}
