//! Checks on the fields of a request, all of them before the first is complained about.

use std::{fmt, marker::PhantomData, str::FromStr};

use picloud_shared::text::find_unseen;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor, value::MapAccessDeserializer},
};
use uuid::Uuid;

use super::problem::{Answer, FieldError, invalid};

/// Longest name for people, in characters.
pub(super) const NAME_CHARS_MAX: usize = 100;
/// Longest description in characters.
pub(super) const DESCRIPTION_CHARS_MAX: usize = 2_000;
/// Longest note on a change, in characters.
pub(super) const NOTE_CHARS_MAX: usize = 500;

/// What is wrong so far.
#[derive(Default)]
pub(crate) struct Violations(Vec<FieldError>);

impl Violations {
    /// Notes that `field` is wrong.
    pub(crate) fn add(&mut self, field: &str, message: impl fmt::Display) {
        self.0.push(FieldError {
            field: field.to_owned(),
            message: message.to_string(),
        });
    }

    /// Notes that `field` is wrong unless `holds`.
    pub(crate) fn require(&mut self, holds: bool, field: &str, message: impl fmt::Display) {
        if !holds {
            self.add(field, message);
        }
    }

    /// Reads a field with the rule of its type.
    pub(crate) fn parse<T: FromStr<Err: fmt::Display>>(&mut self, field: &str, text: &str) -> Option<T> {
        text.parse().map_err(|error| self.add(field, error)).ok()
    }

    /// Reads a field that may be absent.
    pub(crate) fn parse_some<T: FromStr<Err: fmt::Display>>(
        &mut self,
        field: &str,
        text: Option<&str>,
    ) -> Option<T> {
        text.and_then(|text| self.parse(field, text))
    }

    /// Reads a part of the request, whose fields stand below `field`.
    pub(crate) fn within<T>(&mut self, field: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let mut below = Self::default();
        let value = read(&mut below);
        for fault in below.0 {
            self.add(&format!("{field}.{}", fault.field), fault.message);
        }
        value
    }

    /// Checks a name for people.
    pub(crate) fn name(&mut self, field: &str, name: &str) {
        let fits = !name.trim().is_empty()
            && name.chars().count() <= NAME_CHARS_MAX
            && !name.contains(char::is_control);
        self.require(
            fits,
            field,
            format!("must have 1 to {NAME_CHARS_MAX} characters, none of them a control character"),
        );
        self.seen(field, name);
    }

    /// Checks a description.
    pub(crate) fn description(&mut self, field: &str, text: &str) {
        self.text(field, text, DESCRIPTION_CHARS_MAX);
    }

    /// Checks a note on a change.
    pub(crate) fn note(&mut self, field: &str, text: &str) {
        self.text(field, text, NOTE_CHARS_MAX);
    }

    /// Refuses if anything was wrong.
    pub(crate) fn finish(self) -> Answer<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(invalid(&self.0))
        }
    }

    /// Refuses if anything was wrong; otherwise gives what was read.
    pub(crate) fn finish_with<T>(mut self, value: Option<T>) -> Answer<T> {
        if value.is_none() {
            self.require(!self.0.is_empty(), "", "a field is missing");
        }
        value
            .filter(|_| self.0.is_empty())
            .ok_or_else(|| invalid(&self.0))
    }

    fn text(&mut self, field: &str, text: &str, chars_max: usize) {
        let fits = text.chars().count() <= chars_max && !text.contains('\0');
        self.require(
            fits,
            field,
            format!("must have at most {chars_max} characters and no NUL"),
        );
        self.seen(field, text);
    }

    /// Refuses what people cannot see, and what makes them read something else than there is.
    fn seen(&mut self, field: &str, text: &str) {
        if let Some(letter) = find_unseen(text) {
            let code = u32::from(letter);
            self.add(
                field,
                format!("must not have the character U+{code:04X}, which is invisible or turns the direction of a text"),
            );
        }
    }
}

/// Reads a field that may be absent or null.
pub(crate) fn or_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads an id, in the one form that ids are written in.
pub(crate) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
    let text = String::deserialize(deserializer)?;
    picloud_shared::id::read(&text).map_err(D::Error::custom)
}

/// Reads an id that may be absent or null.
pub(crate) fn some_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Uuid>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| picloud_shared::id::read(&text).map_err(D::Error::custom))
        .transpose()
}

/// Reads an id that may be absent, but not null.
pub(crate) fn present_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Uuid>, D::Error> {
    id(deserializer).map(Some)
}

/// Reads the number of a version or release from a text of digits. `+1`, which Rust would take too, is nobody's number.
pub(crate) fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// The same in a query.
pub(crate) fn number_in_query<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let text = String::deserialize(deserializer)?;
    number(&text).ok_or_else(|| D::Error::custom("must be a whole number, such as 3"))
}

/// The same, where it may be absent.
pub(crate) fn some_number_in_query<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u32>, D::Error> {
    number_in_query(deserializer).map(Some)
}

/// Reads an object that may be absent or null. By itself, serde would also take an array of its fields, which nobody
/// documented.
pub(crate) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::<Object<T>>::deserialize(deserializer).map(|object| object.map(|Object(value)| value))
}

/// The same, where none is as good as an empty one.
pub(crate) fn object_or_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    object(deserializer).map(Option::unwrap_or_default)
}

/// Something that is read from an object and from nothing else.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields))
    }
}

/// Reads a field in which null says something, unlike absence.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use picloud_shared::script::ScriptName;

    use super::*;

    #[test]
    fn every_fault_is_told_at_once() {
        let mut violations = Violations::default();
        violations.name("name", " ");
        violations.description("description", "fine");
        let script: Option<ScriptName> = violations.parse("script", "a b");
        assert_eq!(script, None);
        let fields: Vec<&str> = violations.0.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["name", "script"]);
        assert!(violations.finish().is_err());
    }

    #[test]
    fn an_object_is_no_array_of_its_fields() {
        #[derive(Debug, Default, PartialEq, Deserialize)]
        struct Point {
            x: u32,
        }
        #[derive(Debug, PartialEq, Deserialize)]
        struct Body {
            #[serde(default, deserialize_with = "object")]
            maybe: Option<Point>,
            #[serde(default, deserialize_with = "object_or_default")]
            always: Point,
        }
        let read = |json: &str| serde_json::from_str::<Body>(json).ok();
        let body = |maybe: Option<u32>, always| {
            let maybe = maybe.map(|x| Point { x });
            Some(Body {
                maybe,
                always: Point { x: always },
            })
        };
        assert_eq!(
            read(r#"{"maybe": {"x": 1}, "always": {"x": 2}}"#),
            body(Some(1), 2)
        );
        assert_eq!(read(r#"{"maybe": null, "always": null}"#), body(None, 0));
        assert_eq!(read("{}"), body(None, 0));
        for array in [r#"{"maybe": [1]}"#, r#"{"always": [1]}"#, r#"{"always": 1}"#] {
            assert_eq!(read(array), None, "{array}");
        }
    }
}
