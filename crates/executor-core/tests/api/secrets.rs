//! Digests, authentication codes, chance and UUIDs.

use crate::script::check;

#[test]
fn digests_of_strings_and_blobs() {
    check(
        "hash::sha256(\"\")",
        "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"",
    );
    check("hash::sha256(blob(1, 97)) == hash::sha256(\"a\")", "true");
    check("hash::md5(\"\")", "\"d41d8cd98f00b204e9800998ecf8427e\"");
    check("hash::sha1(\"\")", "\"da39a3ee5e6b4b0d3255bfef95601890afd80709\"");
    check("hash::sha512(\"\").len + hash::blake3(\"\").len", "192");
    check(
        "hash::sha256(1)",
        "error: hash::sha256 takes a string or a blob, not integer",
    );
    check("hash::sha256()", "error: hash::sha256");
}

/// RFC 4231, test cases 2 and 6; RFC 2202.
#[test]
fn authentication_codes() {
    check(
        "hmac::sha256(\"Jefe\", \"what do ya want for nothing?\")",
        "\"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843\"",
    );
    check(
        "hmac::sha256(blob(131, 0xaa), \"Test Using Larger Than Block-Size Key - Hash Key First\")",
        "\"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54\"",
    );
    check(
        "hmac::sha1(\"Jefe\", \"what do ya want for nothing?\")",
        "\"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79\"",
    );
    check("hmac::sha512(\"\", \"\").len", "128");
    check(
        "hmac::verify_sha256(\"k\", \"m\", hmac::sha256(\"k\", \"m\").to_upper())",
        "true",
    );
    check("hmac::verify_sha256(\"k\", \"m\", \"zz\")", "false");
    check(
        "hmac::sha256(1, \"\")",
        "error: hmac::sha256 takes a string or a blob",
    );
    check("crypto::equal(\"\", blob())", "true");
    check("crypto::equal(\"a\", \"ab\")", "false");
}

#[test]
fn chance() {
    check(
        "random::int(-9223372036854775808, 9223372036854775807).type_of()",
        "\"i64\"",
    );
    check(
        "let seen = #{}; for i in 0..200 { seen[`${random::int(1, 3)}`] = true; } seen.keys()",
        "[\"1\", \"2\", \"3\"]",
    );
    check("random::bytes(0).len", "0");
    check("random::bytes(1048577)", "error: from 0 to 1048576");
    check("random::token(-1)", "error: from 0 to 1048576");
    check("random::token(64) == random::token(64)", "false");
    check("random::bytes(100000) == random::bytes(100000)", "false");
    check("let a = []; a.pad(100, 7); random::shuffle(a) == a", "true");
    check("let a = [1, 2, 3]; random::shuffle(a); a", "[1, 2, 3]");
}

#[test]
fn uuids() {
    check("uuid::v4() == uuid::v4()", "false");
    check("let first = uuid::v7(); sleep(0.002); first < uuid::v7()", "true");
    check("uuid::parse(\"\")", "error: not a UUID");
    check("uuid::is_valid(\"67E5504410B1426F9247BB680E5FE0C8\")", "true");
}
