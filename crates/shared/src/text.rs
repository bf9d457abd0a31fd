//! Texts that people write for people: which characters mislead those who read them.

use std::{fmt::Write as _, ops::RangeInclusive};

/// Characters that nobody sees: those that turn the direction of what follows, so that a text reads differently from what
/// it is, and those that make two texts look alike which differ. Joiners, variation selectors and tags are not among
/// them: languages and emoji need them.
const UNSEEN: [RangeInclusive<char>; 13] = [
    '\u{AD}'..='\u{AD}',
    '\u{61C}'..='\u{61C}',
    '\u{115F}'..='\u{1160}',
    '\u{17B4}'..='\u{17B5}',
    '\u{180E}'..='\u{180E}',
    '\u{200B}'..='\u{200B}',
    '\u{200E}'..='\u{200F}',
    '\u{2028}'..='\u{202E}',
    '\u{2060}'..='\u{206F}',
    '\u{3164}'..='\u{3164}',
    '\u{FEFF}'..='\u{FEFF}',
    '\u{FFA0}'..='\u{FFA0}',
    '\u{FFF9}'..='\u{FFFB}',
];

/// The first character of `text` that nobody sees.
pub fn find_unseen(text: &str) -> Option<char> {
    text.chars()
        .find(|letter| !letter.is_ascii() && UNSEEN.iter().any(|range| range.contains(letter)))
}

/// The same characters for a class of a regular expression (ECMA-262).
pub fn unseen_in_class() -> String {
    let mut class = String::new();
    for range in UNSEEN {
        let (start, end) = (u32::from(*range.start()), u32::from(*range.end()));
        // Writing to a string does not fail.
        let _ = if start == end {
            write!(class, "\\u{start:04x}")
        } else {
            write!(class, "\\u{start:04x}-\\u{end:04x}")
        };
    }
    class
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_or_hides_is_found() {
        let bidirectional = ('\u{202A}'..='\u{202E}')
            .chain('\u{2066}'..='\u{2069}')
            .chain(['\u{200E}', '\u{200F}', '\u{61C}']);
        for letter in bidirectional.chain(['\u{200B}', '\u{FEFF}', '\u{AD}', '\u{2028}']) {
            let text = format!("a{letter}b");
            assert_eq!(find_unseen(&text), Some(letter), "{letter:?}");
        }
    }

    #[test]
    fn what_languages_and_emoji_need_is_not() {
        for text in [
            "",
            "plain",
            "Zürich, 東京, Ελλάδα, שלום, مرحبا",
            "می\u{200C}خواهم",
            "👩\u{200D}💻 ❤\u{FE0F} 🏴\u{E0067}\u{E0062}\u{E007F}",
            "line\nbreak\ttab",
        ] {
            assert_eq!(find_unseen(text), None, "{text}");
        }
    }

    #[test]
    fn a_class_has_all_of_them() {
        let class = unseen_in_class();
        assert!(class.starts_with(r"\u00ad\u061c\u115f-\u1160"), "{class}");
        assert!(class.ends_with(r"\uffa0\ufff9-\ufffb"), "{class}");
    }
}
