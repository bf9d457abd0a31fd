//! The lines around a place in a source.

use std::fmt::Write as _;

use rhai::Position;

/// Characters of a line that are shown.
const LINE_CHARS_MAX: usize = 120;

/// Characters shown before the place, if the line is longer than it may be.
const CHARS_BEFORE: usize = 80;

/// The line of `position` with a caret under it, the one before and the one after.
pub(super) fn excerpt(source: &str, position: Position) -> Option<String> {
    let line = position.line()?;
    let column = position.position().unwrap_or(1);
    let first = line.saturating_sub(1).max(1);
    let skipped = if column > LINE_CHARS_MAX {
        column - CHARS_BEFORE
    } else {
        0
    };
    let width = (line + 1).to_string().len();

    let mut out = String::new();
    for (number, text) in (first..=line + 1).zip(source.lines().skip(first - 1)) {
        // Tabs would shift the caret.
        let shown: String = text
            .chars()
            .skip(skipped)
            .take(LINE_CHARS_MAX)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        push(&mut out, &format!("{number:width$} | {shown}"));
        if number == line {
            push(
                &mut out,
                &format!("{:width$} | {}^", "", " ".repeat(column - 1 - skipped)),
            );
        }
    }
    (!out.is_empty()).then_some(out)
}

fn push(out: &mut String, line: &str) {
    let separator = if out.is_empty() { "" } else { "\n" };
    // Writing to a string cannot fail.
    let _ = write!(out, "{separator}{}", line.trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, line: u16, column: u16, expected: &str) {
        assert_eq!(
            excerpt(source, Position::new(line, column)).as_deref(),
            Some(expected)
        );
    }

    #[test]
    fn shows_three_lines_and_a_caret() {
        check("a\nbc\nd\ne", 2, 2, "1 | a\n2 | bc\n  |  ^\n3 | d");
        check("\tfoo()", 1, 2, "1 |  foo()\n  |  ^");
        check("one", 1, 0, "1 | one\n  | ^");
        assert_eq!(excerpt("one", Position::new(9, 1)), None);
        assert_eq!(excerpt("one", Position::NONE), None);
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let source = format!("{}!{}", "a".repeat(500), "b".repeat(500));
        let shown = excerpt(&source, Position::new(1, 501)).unwrap();
        let (line, caret) = shown.split_once('\n').unwrap();
        assert_eq!(line.find('!'), caret.find('^'));
        assert!(line.chars().count() < 130);
    }
}
