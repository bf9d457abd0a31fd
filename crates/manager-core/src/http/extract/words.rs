//! What serde says about a value of the wrong type, in the words of JSON.

/// `invalid type: null, expected struct CreateApp` becomes `must be an object, not null`. What says something else stays.
pub(super) fn in_words(message: &str) -> String {
    let rest = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "));
    let Some((found, wanted)) = rest.and_then(|rest| rest.rsplit_once(", expected ")) else {
        return message.to_owned();
    };
    format!(
        "must be {}, not {}",
        wanted_in_words(wanted),
        found_in_words(found)
    )
}

fn found_in_words(found: &str) -> &str {
    // What was sent is repeated only where it is short and no secret.
    let quoted = found.split('`').nth(1);
    match found.split([' ', '`']).next() {
        Some("null" | "unit" | "Option") => "null",
        Some("string" | "character") => "a string",
        Some("boolean" | "integer" | "floating") => quoted.unwrap_or("a number"),
        Some("map") => "an object",
        Some("sequence") => "an array",
        _ => found,
    }
}

fn wanted_in_words(wanted: &str) -> String {
    let up_to = |max: u64| format!("a whole number from 0 to {max}");
    match wanted {
        "a string" | "string" | "a borrowed string" => "a string".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "an array".to_owned(),
        "a map" | "map" => "an object".to_owned(),
        "u8" => up_to(u8::MAX.into()),
        "u16" => up_to(u16::MAX.into()),
        "u32" => up_to(u32::MAX.into()),
        "u64" | "usize" => up_to(u64::MAX),
        "i32" | "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        object if object.starts_with("struct ") => "an object".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_of_json() {
        for (message, words) in [
            (
                "invalid type: null, expected struct CreateApp",
                "must be an object, not null",
            ),
            (
                "invalid type: map, expected a string",
                "must be a string, not an object",
            ),
            (
                "invalid type: string \"a, expected b\", expected a boolean",
                "must be true or false, not a string",
            ),
            (
                "invalid type: boolean `true`, expected a string",
                "must be a string, not true",
            ),
            (
                "invalid type: sequence, expected an object",
                "must be an object, not an array",
            ),
            (
                "invalid value: integer `-1`, expected u32",
                "must be a whole number from 0 to 4294967295, not -1",
            ),
            (
                "invalid type: floating point `2.5`, expected u64",
                "must be a whole number from 0 to 18446744073709551615, not 2.5",
            ),
            ("missing field `name`", "missing field `name`"),
            ("`x` is not a role here", "`x` is not a role here"),
        ] {
            assert_eq!(in_words(message), words);
        }
    }
}
