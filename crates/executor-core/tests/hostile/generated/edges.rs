//! Places, lengths and ranges at the edges of 64 bits, in every function that takes them.

use crate::case::Case;

/// A name and calls that take a place `P` and a length `L`.
const FUNCTIONS: [(&str, &str); 12] = [
    (
        "places of a string",
        "let s = \"aä😀b\"; let t = s; t.crop(P, L); let t = s; t.truncate(L); let t = s; t.pop(L); s.sub_string(P, L); s.split(P); s.get(P); s.index_of(\"b\", P); s.chars(P, L); for c in s.chars(P, L) {}",
    ),
    ("setting in a string", "let s = \"aä😀b\"; s.set(P, 'x'); s.len"),
    ("padding a string", "let s = \"aä\"; s.pad(L, 'ä'); s.len"),
    (
        "pieces of a string",
        "\"a,b,c\".split(\",\", L); \"a,b,c\".split_rev(',', L); 1",
    ),
    (
        "places of an array",
        "let a = [1, 2, 3]; a.extract(P, L); a.get(P); a.set(P, 1); let b = a; b.truncate(L); let b = a; b.chop(L); let b = a; b.split(P); a.index_of(1, P); a.find(|x| false, P); 1",
    ),
    (
        "changing an array",
        "let a = [1, 2, 3]; let b = a; b.insert(P, 0); let b = a; b.remove(P); let b = a; b.drain(P, L); let b = a; b.retain(P, L); let b = a; b.splice(P, L, [7]); b.len",
    ),
    (
        "places of a blob",
        "let a = blob(3); a.extract(P, L); a.get(P); a.set(P, 1); let b = a; b.truncate(L); let b = a; b.chop(L); let b = a; b.split(P); 1",
    ),
    (
        "changing a blob",
        "let a = blob(3); let b = a; b.insert(P, 0); let b = a; b.remove(P); let b = a; b.drain(P, L); let b = a; b.retain(P, L); let b = a; b.splice(P, L, blob(1)); b.len",
    ),
    (
        "numbers in a blob",
        "let a = blob(8, 7); a.parse_le_int(P, L); a.parse_be_float(P, L); a.write_le(P, L, 5); a.write_utf8(P, L, \"ä\"); a.write_ascii(P, L, \"a\"); 1",
    ),
    (
        "ranges",
        "let a = [1, 2, 3]; let s = \"abc\"; let b = blob(3); a.extract(P..L); a.extract(P..=L); s.sub_string(P..L); s.sub_string(P..=L); s.crop(P..=L); b.extract(P..=L); a.splice(P..=L, []); a.drain(P..L); a.retain(P..=L); 1",
    ),
    (
        "bits",
        "let x = 5; x.bits(P, L); x.get_bit(P); x.get_bits(P, L); x.set_bit(P, true); x.set_bits(P, L, 1); 1",
    ),
    (
        "numbers",
        "let x = P; let y = L; x + 0; x.to_hex(); x.to_binary(); x.to_float(); x.sign(); x == y; x < y; x & y; x | y; x ^ y; x.to_fixed(2); x.to_string(); 1",
    ),
];

/// Places and lengths.
const EDGES: [(&str, &str, &str); 8] = [
    (
        "the smallest and the largest",
        "(-9_223_372_036_854_775_807 - 1)",
        "9_223_372_036_854_775_807",
    ),
    (
        "the largest and the largest",
        "9_223_372_036_854_775_807",
        "9_223_372_036_854_775_807",
    ),
    (
        "the smallest and the smallest",
        "(-9_223_372_036_854_775_807 - 1)",
        "(-9_223_372_036_854_775_807 - 1)",
    ),
    ("one and the largest", "1", "9_223_372_036_854_775_807"),
    ("minus one and the largest", "(-1)", "9_223_372_036_854_775_807"),
    ("zero and the smallest", "0", "(-9_223_372_036_854_775_807 - 1)"),
    ("one and minus one", "1", "(-1)"),
    ("beyond 32 bits", "4_294_967_296", "4_294_967_296"),
];

pub(super) fn cases() -> Vec<Case> {
    let combine = |(function, source): &(&str, &str)| {
        EDGES.map(|(edge, place, length)| {
            // Every statement is tried, whatever becomes of those before it.
            let tried: String = source
                .replace('P', place)
                .replace('L', length)
                .split("; ")
                .map(|statement| {
                    if statement.starts_with("let ") {
                        format!("{statement};\n")
                    } else {
                        format!("try {{ {statement}; }} catch {{}}\n")
                    }
                })
                .collect();
            Case::new(
                format!("edges/{function}, {edge}"),
                "ok|memory",
                tried + "\"done\"",
            )
        })
    };
    FUNCTIONS.iter().flat_map(combine).collect()
}
