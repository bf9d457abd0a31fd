//! Values as text for people: in logs and in errors.

use std::fmt::{self, Write as _};

use rhai::Dynamic;

/// Levels of arrays and maps that are shown.
const DEPTH_MAX: usize = 8;

/// `value` as text of at most about `bytes_max` bytes: a string as it is, anything else as a script would
/// write it. Takes bounded stack and time, whatever the value.
pub(crate) fn text_of(value: &Dynamic, bytes_max: usize) -> String {
    let mut out = Bounded {
        text: String::new(),
        bytes_max,
    };
    let written = match value.as_immutable_string_ref() {
        Ok(text) => out.write_str(&text),
        Err(_) => write_value(&mut out, value, DEPTH_MAX),
    };
    if written.is_err() {
        out.text.push('…');
    }
    out.text
}

fn write_value(out: &mut Bounded, value: &Dynamic, levels_left: usize) -> fmt::Result {
    if let Ok(text) = value.as_immutable_string_ref() {
        write!(out, "{:?}", text.as_str())
    } else if let Ok(items) = value.as_array_ref() {
        let Some(levels_left) = levels_left.checked_sub(1) else {
            return out.write_str("[…]");
        };
        out.write_char('[')?;
        for (index, item) in items.iter().enumerate() {
            out.write_str(if index == 0 { "" } else { ", " })?;
            write_value(out, item, levels_left)?;
        }
        out.write_char(']')
    } else if let Ok(map) = value.as_map_ref() {
        let Some(levels_left) = levels_left.checked_sub(1) else {
            return out.write_str("#{…}");
        };
        out.write_str("#{")?;
        for (index, (key, item)) in map.iter().enumerate() {
            out.write_str(if index == 0 { "" } else { ", " })?;
            write!(out, "{:?}: ", key.as_str())?;
            write_value(out, item, levels_left)?;
        }
        out.write_char('}')
    } else if let Ok(blob) = value.as_blob_ref() {
        write!(out, "blob of {} bytes", blob.len())
    } else if value.is_unit() {
        out.write_str("()")
    } else if value.is_fnptr() {
        out.write_str("a function")
    } else {
        // Numbers, booleans, characters, times: nothing that nests. A float keeps its decimal point.
        write!(out, "{value}")
    }
}

struct Bounded {
    text: String,
    bytes_max: usize,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes_max.saturating_sub(self.text.len());
        if text.len() <= room {
            self.text.push_str(text);
            return Ok(());
        }
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        let value = rhai::Engine::new().eval::<Dynamic>(source).unwrap();
        assert_eq!(text_of(&value, 60), expected);
    }

    #[test]
    fn values_are_shown_as_scripts_write_them() {
        check("\"plain\"", "plain");
        check(
            "[1, 2.0, \"a\\n\", 'c', (), true]",
            "[1, 2.0, \"a\\n\", c, (), true]",
        );
        check("#{b: [], a: #{x: 1}}", "#{\"a\": #{\"x\": 1}, \"b\": []}");
        check("blob(3)", "blob of 3 bytes");
        check("|x| x", "a function");
    }

    #[test]
    fn text_is_bounded_in_length_and_depth() {
        check("let s = \"ä\"; s.pad(100, 'ä'); s", &("ä".repeat(30) + "…"));
        check("[[[[[[[[[[1]]]]]]]]]]", "[[[[[[[[[…]]]]]]]]]");
    }
}
