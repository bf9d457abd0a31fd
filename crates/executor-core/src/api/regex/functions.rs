//! The functions.

use rhai::{Module, export_module, exported_module};

/// The module as scripts see it.
pub(in crate::api) fn module() -> Module {
    exported_module!(functions)
}

/// Regular expressions, in the syntax of the Rust crate `regex`: Unicode, no look-around, no back-references,
/// and so never slower than linear in the text. Write patterns between backticks, where a backslash is itself.
#[export_module(export_all)]
mod functions {
    use rhai::{Array, Dynamic, Map, NativeCallContext};

    use crate::{
        api::{
            argument::Fallible,
            bounded::{BoundedArray, BoundedText},
            regex::cache::with_pattern,
        },
        error::at_call,
    };

    /// Whether the pattern matches anywhere in the text.
    ///
    /// ```rhai
    /// regex::is_match(`^\d{4}-\d\d$`, "2026-11")  //=> true
    /// regex::is_match(`(?i)ada`, "ADA")           //=> true
    /// regex::is_match(`(`, "")                    //=> error: unclosed group
    /// ```
    #[rhai_fn(return_raw)]
    fn is_match(ctx: NativeCallContext, pattern: &str, text: &str) -> Fallible<bool> {
        at_call(&ctx, || {
            with_pattern(pattern, |pattern| Ok(pattern.find(text)?.is_some()))
        })
    }

    /// The first match as a string, `()` if there is none.
    ///
    /// ```rhai
    /// regex::find(`\d+`, "room 101, floor 7")  //=> "101"
    /// regex::find(`\d+`, "lobby")              //=> ()
    /// ```
    #[rhai_fn(return_raw)]
    fn find(ctx: NativeCallContext, pattern: &str, text: &str) -> Fallible<Dynamic> {
        at_call(&ctx, || {
            with_pattern(pattern, |pattern| {
                let found = pattern.find(text)?;
                Ok(found.map_or(Dynamic::UNIT, |found| text[found.range()].into()))
            })
        })
    }

    /// All matches that do not overlap, as an array of strings.
    ///
    /// ```rhai
    /// regex::find_all(`\d+`, "room 101, floor 7")  //=> ["101", "7"]
    /// ```
    #[rhai_fn(return_raw)]
    fn find_all(ctx: NativeCallContext, pattern: &str, text: &str) -> Fallible<Array> {
        at_call(&ctx, || {
            with_pattern(pattern, |pattern| {
                let mut all = BoundedArray::default();
                pattern.for_each_match(text, |found| {
                    all.push_text(&text[found.range()])?;
                    Ok(true)
                })?;
                Ok(all.finish())
            })
        })
    }

    /// The groups of the first match as a map, by name and by number as text; `"0"` is the whole match. A group
    /// that took no part is `()`. Without a match the result is `()`.
    ///
    /// ```rhai
    /// let date = regex::captures(`(?<year>\d{4})-(\d\d)`, "on 2026-11-20");
    /// date.year      //=> "2026"
    /// date["2"]      //=> "11"
    /// date["0"]      //=> "2026-11"
    /// regex::captures(`x`, "y")  //=> ()
    /// ```
    #[rhai_fn(return_raw)]
    fn captures(ctx: NativeCallContext, pattern: &str, text: &str) -> Fallible<Dynamic> {
        at_call(&ctx, || {
            with_pattern(pattern, |pattern| {
                let Some(found) = pattern.find(text)? else {
                    return Ok(Dynamic::UNIT);
                };
                let groups = pattern.groups(text, found)?;
                let mut map = Map::new();
                for (number, name) in pattern.group_names().enumerate() {
                    let value = groups
                        .get_group(number)
                        .map_or(Dynamic::UNIT, |span| text[span.range()].into());
                    if let Some(name) = name {
                        map.insert(name.into(), value.clone());
                    }
                    map.insert(number.to_string().into(), value);
                }
                Ok(map.into())
            })
        })
    }

    /// The text with the first match replaced. In the replacement `$1` and `$name` stand for groups, `${name}`
    /// does where a letter follows, and `$$` is a dollar sign.
    ///
    /// ```rhai
    /// regex::replace(`(\w+) (\w+)`, "Ada Lovelace", "$2, $1")  //=> "Lovelace, Ada"
    /// ```
    #[rhai_fn(return_raw)]
    fn replace(ctx: NativeCallContext, pattern: &str, text: &str, replacement: &str) -> Fallible<String> {
        at_call(&ctx, || {
            with_pattern(pattern, |pattern| pattern.replace(text, replacement, 1))
        })
    }

    /// The text with all matches replaced, as `regex::replace` does with the first.
    ///
    /// ```rhai
    /// regex::replace_all(`\s+`, " a  b\n", " ")  //=> " a b "
    /// ```
    #[rhai_fn(return_raw)]
    fn replace_all(ctx: NativeCallContext, pattern: &str, text: &str, replacement: &str) -> Fallible<String> {
        at_call(&ctx, || {
            with_pattern(pattern, |pattern| pattern.replace(text, replacement, usize::MAX))
        })
    }

    /// The pieces of the text between the matches, as an array of strings.
    ///
    /// ```rhai
    /// regex::split(`[,;]\s*`, "a, b;c")  //=> ["a", "b", "c"]
    /// ```
    #[rhai_fn(return_raw)]
    fn split(ctx: NativeCallContext, pattern: &str, text: &str) -> Fallible<Array> {
        at_call(&ctx, || {
            with_pattern(pattern, |pattern| {
                let mut pieces = BoundedArray::default();
                let mut from = 0;
                pattern.for_each_match(text, |found| {
                    pieces.push_text(&text[from..found.start()])?;
                    from = found.end();
                    Ok(true)
                })?;
                pieces.push_text(&text[from..])?;
                Ok(pieces.finish())
            })
        })
    }

    /// The text with every character that means something in a pattern escaped, so that it matches itself.
    ///
    /// ```rhai
    /// regex::escape("1+1")                               //=> `1\+1`
    /// regex::is_match(regex::escape("1+1"), "1+1 = 2")   //=> true
    /// ```
    #[rhai_fn(return_raw)]
    fn escape(ctx: NativeCallContext, text: &str) -> Fallible<String> {
        at_call(&ctx, || {
            let mut escaped = BoundedText::with_capacity(text.len())?;
            let mut from = 0;
            for (at, character) in text.char_indices() {
                if regex_syntax::is_meta_character(character) {
                    escaped.push(&text[from..at])?;
                    escaped.push("\\")?;
                    from = at;
                }
            }
            escaped.push(&text[from..])?;
            Ok(escaped.finish())
        })
    }
}
