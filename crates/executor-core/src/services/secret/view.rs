//! A text as it is, and as what it encodes.

use std::ops::Range;

/// Bytes, and where they come from.
pub(super) struct View {
    pub(super) bytes: Vec<u8>,
    /// Where each byte begins in the text, and the last one ends; none if the bytes are those of the text.
    starts: Option<Vec<usize>>,
}

impl View {
    /// All views of a text: as it is; with `%41` read, if there is a `%`; with `\n` or `\u0041` read, if there is a `\`.
    pub(super) fn all_of(text: &str) -> Vec<Self> {
        let mut views = vec![Self {
            bytes: text.as_bytes().to_vec(),
            starts: None,
        }];
        if text.contains('%') {
            views.push(Self::decoded(text, percent));
        }
        if text.contains('\\') {
            views.push(Self::decoded(text, escape));
        }
        views
    }

    /// Where a range of the bytes stands in the text.
    pub(super) fn place(&self, range: Range<usize>) -> Range<usize> {
        match &self.starts {
            Some(starts) => starts[range.start]..starts[range.end],
            None => range,
        }
    }

    /// Each piece that `decode` knows at the beginning of a rest becomes the character or byte that it stands for.
    fn decoded(text: &str, decode: impl Fn(&str) -> Option<(Piece, usize)>) -> Self {
        let mut bytes = Vec::with_capacity(text.len());
        let mut starts = Vec::with_capacity(text.len() + 1);
        let mut at = 0;
        while let Some(first) = text[at..].chars().next() {
            let (piece, length) = decode(&text[at..]).unwrap_or((Piece::Char(first), first.len_utf8()));
            match piece {
                Piece::Byte(byte) => bytes.push(byte),
                Piece::Char(char) => bytes.extend(char.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            starts.resize(bytes.len(), at);
            at += length;
        }
        starts.push(at);
        Self {
            bytes,
            starts: Some(starts),
        }
    }
}

enum Piece {
    Byte(u8),
    Char(char),
}

/// `%41`, and how long that is.
fn percent(rest: &str) -> Option<(Piece, usize)> {
    let digits = rest.strip_prefix('%')?.get(..2)?;
    hex_number(digits)
        .and_then(|byte| u8::try_from(byte).ok())
        .map(|byte| (Piece::Byte(byte), 3))
}

/// An escape of JSON or of a quoted text in a message.
fn escape(rest: &str) -> Option<(Piece, usize)> {
    let escaped = rest.strip_prefix('\\')?;
    let char = match escaped.chars().next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'f' => '\u{c}',
        '0' => '\0',
        char @ ('"' | '\'' | '\\' | '/' | '`') => char,
        'u' => return unicode(escaped),
        _ => return None,
    };
    Some((Piece::Char(char), 2))
}

/// What is after the `\` of `\u0041`, `\ud83d\ude00` or `\u{41}`.
fn unicode(escaped: &str) -> Option<(Piece, usize)> {
    if let Some(braced) = escaped.strip_prefix("u{") {
        let digits = &braced[..braced.find('}')?];
        let char = char::from_u32(hex_number(digits)?)?;
        return Some((Piece::Char(char), digits.len() + 4));
    }
    let unit = |text: &str| {
        let digits = text.strip_prefix('u')?.get(..4)?;
        hex_number(digits).and_then(|unit| u16::try_from(unit).ok())
    };
    let first = unit(escaped)?;
    if let Some(char) = char::from_u32(first.into()) {
        return Some((Piece::Char(char), 6));
    }
    let second = unit(escaped.get(5..)?.strip_prefix('\\')?)?;
    let char = char::decode_utf16([first, second]).next()?.ok()?;
    Some((Piece::Char(char), 12))
}

fn hex_number(digits: &str) -> Option<u32> {
    let fits = (1..=6).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    fits.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, decode: fn(&str) -> Option<(Piece, usize)>, expected: &str) {
        let view = View::decoded(text, decode);
        assert_eq!(String::from_utf8_lossy(&view.bytes), expected, "{text}");
        assert_eq!(view.place(0..view.bytes.len()), 0..text.len());
    }

    #[test]
    fn percent_signs_are_read() {
        check("a%2Fb%2f%C3%A4ä", percent, "a/b/ää");
        check("100%", percent, "100%");
        check("%4", percent, "%4");
        check("%zz%+1%ä1", percent, "%zz%+1%ä1");
        let view = View::decoded("x%41y", percent);
        assert_eq!(view.place(1..2), 1..4);
        assert_eq!(view.place(2..3), 4..5);
    }

    #[test]
    fn escapes_are_read() {
        check(r#"a\"b\\c\/\n"#, escape, "a\"b\\c/\n");
        check(r"\u0041\u{e4}\ud83d\ude00", escape, "Aä😀");
        check(
            r"\ud83d\u0041 \u12 \x \u{} \u{12",
            escape,
            "\\ud83dA \\u12 \\x \\u{} \\u{12",
        );
        check("\\", escape, "\\");
    }
}
