//! Errors of the parser.

use picloud_shared::outcome::{Diagnostic, Severity};
use rhai::{Engine, LexError, ParseError, ParseErrorType, Position};

use super::{bounded, column, line, message::variable_not_found, nearest};

/// A remark on the place `position` of `source`.
pub(crate) fn diagnostic(source: &str, position: Position, severity: Severity, message: &str) -> Diagnostic {
    let line = line(position).unwrap_or(1);
    let column = column(position).max(1);
    Diagnostic {
        severity,
        message: bounded(message),
        line,
        column,
        end_line: line,
        end_column: column + word_length(source, line, column),
    }
}

/// What `error` says about `source`.
pub(crate) fn parse_diagnostic(engine: &Engine, source: &str, error: &ParseError) -> Diagnostic {
    let position = if error.position().is_none() {
        end_of(source)
    } else {
        error.position()
    };
    diagnostic(
        source,
        position,
        Severity::Error,
        &message(engine, source, error.err_type()),
    )
}

fn message(engine: &Engine, source: &str, error: &ParseErrorType) -> String {
    use ParseErrorType as E;

    match error {
        E::VariableUndefined(name) => variable_not_found(source, name),
        E::ModuleUndefined(name) => {
            let modules = script_modules(engine);
            let meant = nearest(name, modules.iter().map(String::as_str)).map_or_else(
                || {
                    format!(
                        "; there are {}, and what the script imports above this line",
                        modules.join(", ")
                    )
                },
                |name| format!("; did you mean `{name}`?"),
            );
            format!("there is no module `{name}`{meant}")
        }
        E::UnexpectedEOF => "the script ends too early: something is not closed".to_owned(),
        E::ExprTooDeep => "this is nested too deep; split it up".to_owned(),
        E::TooManyFunctions => "the script has too many functions".to_owned(),
        E::Reserved(word) => format!("`{word}` is a reserved word"),
        E::BadInput(LexError::UnexpectedInput(text)) => format!("`{}` cannot stand here", shown(text)),
        E::BadInput(LexError::ImproperSymbol(word, text)) if text.contains("is disabled") => {
            format!("`{word}` is not offered here")
        }
        E::BadInput(LexError::UnterminatedString) => "the string is not closed on its line".to_owned(),
        E::MissingToken(token, purpose) => format!("expected `{token}` {purpose}"),
        E::FnDuplicatedDefinition(name, count) => {
            format!("the function `{name}` with {count} parameters is defined twice")
        }
        E::WrongFnDefinition => {
            "functions stand at the top level, not inside a block or another function".to_owned()
        }
        E::AssignmentToConstant(name) => format!("`{name}` is a constant and cannot be changed"),
        other => lower_first(&other.to_string()),
    }
}

/// Names of modules that every script sees.
pub(crate) fn script_modules(engine: &Engine) -> Vec<String> {
    let mut names: Vec<String> =
        engine.collect_fn_metadata(None, |function| Some(function.namespace.to_string()), false);
    names.sort_unstable();
    names.dedup();
    names.retain(|name| !name.is_empty());
    names
}

/// Text from a source that may hold anything.
fn shown(text: &str) -> String {
    text.chars().take(40).flat_map(char::escape_debug).collect()
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Characters of the word at a place, at least one.
pub(super) fn word_length(source: &str, line: u32, column: u32) -> u32 {
    let text = source.lines().nth(line as usize - 1).unwrap_or("");
    let word = text
        .chars()
        .skip(column as usize - 1)
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .count();
    u32::try_from(word).unwrap_or(1).max(1)
}

fn end_of(source: &str) -> Position {
    let line = source.lines().count().clamp(1, u16::MAX.into());
    let column = source
        .lines()
        .last()
        .unwrap_or("")
        .chars()
        .count()
        .clamp(1, u16::MAX.into());
    // Both were clamped to what fits.
    Position::new(
        u16::try_from(line).unwrap_or(u16::MAX),
        u16::try_from(column).unwrap_or(u16::MAX),
    )
}
