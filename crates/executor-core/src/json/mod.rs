//! JSON, straight between bytes and script values.
//!
//! Both directions stop at a depth of [`DEPTH_MAX`] and ask the run's gate as they go, so that neither a
//! document nor a value can take more memory or time than the run has.

mod read;
mod write;

use rhai::{EvalAltResult, Position};

pub(crate) use read::{parse, parse_text};
pub(crate) use write::{write, write_pretty};

/// How deep arrays and objects may be nested. That is how deep `serde_json` reads; what is written can be read again.
pub(crate) const DEPTH_MAX: usize = 127;

/// Why a text is no JSON that a script could hold, or a value none that could be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JsonError {
    /// The text breaks the grammar, or is nested too deep.
    #[error("not valid JSON: {message} at line {line}, column {column}")]
    Syntax {
        message: String,
        line: usize,
        column: usize,
    },
    /// The value is nested too deep.
    #[error("more than {DEPTH_MAX} levels of arrays and maps cannot be written as JSON")]
    TooDeep,
    /// The text would be longer than the caller allows.
    #[error("the JSON text would be larger than {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    /// The value holds something that JSON has no form for.
    #[error("a value of type `{type_name}` cannot be written as JSON")]
    Unsupported { type_name: String },
    /// The run is over.
    #[error("{0}")]
    Stopped(Box<EvalAltResult>),
}

impl From<JsonError> for Box<EvalAltResult> {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Stopped(verdict) => verdict,
            other => EvalAltResult::ErrorRuntime(other.to_string().into(), Position::NONE).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rhai::{Dynamic, FnPtr, Map};

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut out = Vec::new();
        let value = parse(text.as_bytes()).expect("valid JSON");
        write(&value, &mut out, usize::MAX).expect("writable");
        assert_eq!(String::from_utf8_lossy(&out), expected);
        let again = parse_text(expected).expect("valid JSON");
        let mut twice = Vec::new();
        write(&again, &mut twice, usize::MAX).expect("writable");
        assert_eq!(out, twice);
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        assert_eq!(
            parse(text.as_bytes())
                .map_err(|error| error.to_string())
                .err()
                .as_deref(),
            Some(expected)
        );
    }

    #[test]
    fn documents_come_back_as_they_went() {
        check(" null ", "null");
        check(
            "[true,false,-1,0.5,1.0,\"a\\u0000\\n\\\"é\\ud83d\\ude00\"]",
            "[true,false,-1,0.5,1.0,\"a\\u0000\\n\\\"é😀\"]",
        );
        check("{\"b\":[],\"a\":{\"\":{}},\"b\":1}", "{\"a\":{\"\":{}},\"b\":1}");
        check("9223372036854775807", "9223372036854775807");
        check("-9223372036854775808", "-9223372036854775808");
        check("9223372036854775808", "9.223372036854776e+18");
        check("-0", "-0.0");
        check("123456184467440737095516157890", "1.2345618446744073e+29");
    }

    #[test]
    fn errors_name_the_place() {
        check_error(
            "",
            "not valid JSON: EOF while parsing a value at line 1, column 0",
        );
        check_error(
            "{\n \"a\": nul}",
            "not valid JSON: expected ident at line 2, column 10",
        );
        check_error("[1] 2", "not valid JSON: trailing characters at line 1, column 5");
        check_error("1e999", "not valid JSON: number out of range at line 1, column 5");
        let deep = "[".repeat(DEPTH_MAX + 1);
        check_error(
            &deep,
            "not valid JSON: recursion limit exceeded at line 1, column 128",
        );
        assert!(matches!(
            parse(b"\"\xff\""),
            Err(JsonError::Syntax { line: 1, .. })
        ));
    }

    #[track_caller]
    fn check_write(value: impl Into<Dynamic>, bytes_max: usize, expected: Result<&str, &str>) {
        let mut out = Vec::new();
        let written = write(&value.into(), &mut out, bytes_max).map_err(|error| error.to_string());
        let text = String::from_utf8_lossy(&out);
        assert_eq!(
            written.as_ref().map(|()| &*text).map_err(String::as_str),
            expected
        );
    }

    #[test]
    fn values_without_a_json_form() {
        check_write(f64::NAN, 99, Ok("null"));
        check_write(f64::NEG_INFINITY, 99, Ok("null"));
        check_write('x', 99, Ok("\"x\""));
        check_write(Dynamic::from_blob(vec![1, 2, 255]), 99, Ok("\"AQL/\""));
        let function = FnPtr::new("f").expect("a name");
        check_write(
            function,
            99,
            Err("a value of type `Fn` cannot be written as JSON"),
        );
        check_write(
            Dynamic::from(0..9_i64),
            99,
            Err("a value of type `Range<i64>` cannot be written as JSON"),
        );
        check_write("12345678", 10, Ok("\"12345678\""));
        check_write(
            "123456789",
            10,
            Err("the JSON text would be larger than 10 bytes"),
        );
    }

    #[test]
    fn nesting_is_bounded() {
        let nest =
            |levels: usize| (0..levels).fold(Dynamic::UNIT, |inner, _| Dynamic::from_array(vec![inner]));
        let mut out = Vec::new();
        assert!(write(&nest(DEPTH_MAX), &mut out, usize::MAX).is_ok());
        assert!(matches!(
            write(&nest(DEPTH_MAX + 1), &mut out, usize::MAX),
            Err(JsonError::TooDeep)
        ));
    }

    #[test]
    fn pretty_is_indented() {
        let mut out = Vec::new();
        let map = Map::from([("a".into(), Dynamic::from_array(vec![1_i64.into()]))]);
        write_pretty(&map.into(), &mut out, usize::MAX).expect("writable");
        assert_eq!(String::from_utf8_lossy(&out), "{\n  \"a\": [\n    1\n  ]\n}");
    }
}
