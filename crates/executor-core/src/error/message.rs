//! Rhai's errors in the words of somebody who knows scripts but not Rust.

use rhai::{Dynamic, EvalAltResult, INT};

use super::{
    Explainer, Failure,
    names::{Functions, nearest},
};
use crate::natives::text_of;

/// Longest text of a thrown value.
const THROWN_BYTES_MAX: usize = 1_000;

/// Forms of a function that are listed.
const FORMS_MAX: usize = 3;

/// Why a variable that is there for everybody to see is not.
pub(crate) const FUNCTIONS_SEE_PARAMETERS: &str =
    "; functions see only their parameters, so hand it over as one";

/// One sentence about `error`, without its place.
pub(super) fn message(explainer: &Explainer<'_>, error: &EvalAltResult) -> String {
    use EvalAltResult as E;

    match error {
        E::ErrorRuntime(value, _) if value.is_unit() => {
            "the script threw an error without a message".to_owned()
        }
        E::ErrorRuntime(value, _) => message_in(value).unwrap_or_else(|| text_of(value, THROWN_BYTES_MAX)),
        E::ErrorFunctionNotFound(signature, _) => function_not_found(explainer, signature),
        E::ErrorVariableNotFound(name, _) => {
            variable_not_found(explainer.source, &explainer.modules.without_marks(name))
        }
        E::ErrorModuleNotFound(name, _) => {
            format!("there is no script `{name}` to import in this app")
        }
        E::ErrorPropertyNotFound(name, _) => format!("there is no property `{name}`"),
        E::ErrorDotExpr(text, _) => property(text),
        E::ErrorIndexingType(text, _) => indexing(text),
        E::ErrorIndexNotFound(index, _) => format!("there is nothing at index {}", text_of(index, 100)),
        E::ErrorArrayBounds(length, index, _) => bounds("array", "element", *length, *index),
        E::ErrorStringBounds(length, index, _) => bounds("string", "character", *length, *index),
        E::ErrorBitFieldBounds(length, index, _) => bounds("integer", "bit", *length, *index),
        E::ErrorFor(_) => {
            "`for` goes through arrays, ranges, strings and blobs, not through this value; for a map, use \
             `for key in map.keys()`"
                .to_owned()
        }
        E::ErrorMismatchDataType(expected, actual, _) | E::ErrorMismatchOutputType(expected, actual, _) => {
            mismatch(expected, actual)
        }
        E::ErrorDataRace(name, _) => {
            format!(
                "{} is changed and read in the same expression; copy it first",
                named(name, "a value")
            )
        }
        E::ErrorAssignmentToConstant(name, _) => format!("`{name}` is a constant and cannot be changed"),
        E::ErrorNonPureMethodCallOnConstant(name, _) => {
            let name = name.trim_start_matches("get$").trim_start_matches("set$");
            format!("`{name}` changes its value, which a constant does not allow; copy it into a `let` first")
        }
        E::ErrorVariableExists(name, _) => format!("the variable `{name}` exists already"),
        E::ErrorForbiddenVariable(name, _) => format!("`{name}` cannot be the name of a variable"),
        E::ErrorUnboundThis(_) => {
            "`this` has no value here: the function was not called as a method".to_owned()
        }
        E::ErrorArithmetic(text, _) => arithmetic(text),
        E::ErrorStackOverflow(_) => "functions call each other too deep (call_depth_max)".to_owned(),
        E::ErrorTooManyVariables(_) => "too many variables at one time".to_owned(),
        E::LoopBreak(..) => "`break` and `continue` belong inside a loop".to_owned(),
        E::ErrorTerminated(cause, _) => cause.read_lock::<Failure>().map_or_else(
            || "the run was ended".to_owned(),
            |failure| failure.message.clone(),
        ),
        E::ErrorSystem(_, cause) => cause.to_string(),
        other => first_line(&other.to_string()),
    }
}

/// What a service says went wrong: a map with `kind` and `message`.
fn message_in(thrown: &Dynamic) -> Option<String> {
    let map = thrown.as_map_ref().ok()?;
    let text = |name: &str| {
        map.get(name)?
            .as_immutable_string_ref()
            .ok()
            .map(|text| text.to_string())
    };
    Some(format!("{} (`{}`)", text("message")?, text("kind")?))
}

/// `name (type, type)` as Rhai writes it.
fn function_not_found(explainer: &Explainer<'_>, signature: &str) -> String {
    let (marked, types) = signature
        .split_once(" (")
        .map_or((signature, ""), |(name, rest)| {
            (name, rest.strip_suffix(')').unwrap_or(rest))
        });
    let types = friendly_types(types);
    let name = explainer.modules.without_marks(marked);
    let name = &*name;
    if !name.starts_with(|first: char| first.is_alphabetic() || first == '_') {
        return match types.split_once(", ") {
            Some((left, right)) => format!("`{name}` does not work between {left} and {right}"),
            None => format!("`{name}` does not work on {types}"),
        };
    }
    let functions = Functions::of(explainer.engine, explainer.ast, explainer.modules);
    let forms = functions.forms_of(name, marked);
    if forms.is_empty() {
        let meant = functions
            .nearest(name)
            .map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
        return format!("there is no function `{name}`{meant}");
    }
    let mut shown: Vec<_> = forms
        .iter()
        .take(FORMS_MAX)
        .map(|params| format!("{name}({params})"))
        .collect();
    if forms.len() > FORMS_MAX {
        shown.push("others".to_owned());
    }
    format!(
        "`{name}` cannot be called with ({types}); there is {}",
        shown.join(", ")
    )
}

/// Says why a variable is not there, most often because functions see nothing outside of them.
pub(super) fn variable_not_found(source: &str, name: &str) -> String {
    let outer = ["let ", "const "]
        .iter()
        .find(|keyword| source.contains(&format!("{keyword}{name}")));
    let hint = match outer {
        _ if name == "request" => FUNCTIONS_SEE_PARAMETERS.to_owned(),
        Some(&"const ") => format!("; inside a function, a constant is `global::{name}`"),
        Some(_) => FUNCTIONS_SEE_PARAMETERS.to_owned(),
        None => nearest(name, identifiers(source))
            .map_or_else(String::new, |name| format!("; did you mean `{name}`?")),
    };
    format!("there is no variable `{name}` here{hint}")
}

fn identifiers(source: &str) -> impl Iterator<Item = &str> {
    source
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| word.starts_with(|first: char| first.is_alphabetic() || first == '_'))
        .chain(["request"])
}

/// `Unknown property 'x' - a getter is not registered for type 'T'`, or the like for setters.
fn property(text: &str) -> String {
    let quoted: Vec<_> = text.split('\'').collect();
    match quoted[..] {
        [start, name, _, kind, ..] if start.starts_with("Unknown") => {
            format!("{} has no property `{name}`", a(friendly_type(kind)))
        }
        [start, _, _, "Request", ..] if start.starts_with("No writable") => {
            "a request cannot be changed; copy what you need into a variable".to_owned()
        }
        [start, name, _, kind, ..] if start.starts_with("No writable") => {
            format!(
                "the property `{name}` of {} cannot be set",
                a(friendly_type(kind))
            )
        }
        _ => text.to_owned(),
    }
}

/// `T [I]`.
fn indexing(text: &str) -> String {
    let (value, index) = text.split_once(" [").unwrap_or((text, ""));
    let value = a(friendly_type(value));
    match friendly_type(index.strip_suffix(']').unwrap_or(index)) {
        "" => format!("{value} cannot be indexed"),
        index => format!("{value} cannot be indexed with {}", a(index)),
    }
}

fn bounds(what: &str, part: &str, length: usize, index: INT) -> String {
    let has = match length {
        0 => "is empty".to_owned(),
        1 => format!("has only 1 {part}"),
        _ => format!("has only {length} {part}s"),
    };
    format!("index {index} is out of bounds: the {what} {has}")
}

fn mismatch(expected: &str, actual: &str) -> String {
    match (friendly_type(expected), friendly_type(actual)) {
        ("", actual) => format!("{} does not fit here", a(actual)),
        (expected, "") => format!("this must be {}", a(expected)),
        (expected, actual) => format!("this must be {}, and is {}", a(expected), a(actual)),
    }
}

fn arithmetic(text: &str) -> String {
    match text {
        "" => "the calculation has no result".to_owned(),
        text => text.replace("i64", "integer").replace("f64", "float"),
    }
}

fn named(name: &str, otherwise: &str) -> String {
    if name.is_empty() {
        otherwise.to_owned()
    } else {
        format!("`{name}`")
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn a(kind: &str) -> String {
    match kind {
        "()" | "any" => kind.to_owned(),
        _ if kind.starts_with(['a', 'i', 'e', 'o', 'u']) => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}

fn friendly_types(types: &str) -> String {
    // A string is shown as `&str | ImmutableString | String`, with no comma in it.
    types
        .split(", ")
        .map(friendly_type)
        .collect::<Vec<_>>()
        .join(", ")
}

/// What authors call a type, given its name in Rust or Rhai.
pub(super) fn friendly_type(name: &str) -> &str {
    let name = name
        .trim()
        .trim_start_matches("&mut ")
        .trim_start_matches('&')
        .trim_start_matches("mut ");
    let name = name
        .strip_prefix("Option<")
        .and_then(|name| name.strip_suffix('>'))
        .unwrap_or(name);
    match name.rsplit("::").next().unwrap_or(name) {
        "i64" | "INT" | "int" => "integer",
        "f64" | "FLOAT" | "float" => "float",
        "bool" => "boolean",
        "char" => "character",
        "str" | "str | ImmutableString | String" | "ImmutableString" | "String" => "string",
        "Array" | "array" | "Vec<Dynamic>" => "array",
        "Map" | "map" => "map",
        "Blob" | "blob" | "Vec<u8>" => "blob",
        "FnPtr" | "Fn" => "function",
        "Dynamic" | "?" => "any",
        "Instant" => "timestamp",
        "Request" => "request",
        "Response" | "HttpResponse" => "response",
        other if other.starts_with("Range") => "range",
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_for_authors() {
        assert_eq!(
            friendly_types("&str | ImmutableString | String, i64, Fn, ()"),
            "string, integer, function, ()"
        );
        assert_eq!(friendly_type("&mut Array"), "array");
        assert_eq!(friendly_type("RangeInclusive<i64>"), "range");
    }

    #[test]
    fn hidden_variables_are_explained() {
        assert_eq!(
            variable_not_found("const RATE = 2; fn f() { RATE }", "RATE"),
            "there is no variable `RATE` here; inside a function, a constant is `global::RATE`"
        );
        assert_eq!(
            variable_not_found("let total = 1; totl", "totl"),
            "there is no variable `totl` here; did you mean `total`?"
        );
    }
}
