//! Signed tokens, with tokens and keys that another program made.

use crate::script::check;

const RSA_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEifQ.ks7Ha1TTZ5xnPl3GYf1QyAe4mBGD6M8DB2DqWiUWDecr6IhJHvo8CYG1SA_W1oxcINIdObIheOanqfFs6d14zb_mPtftm_4JIuE9pcfZzqSdxU84SPDffT3rzXGzOjIACozpbnpNFKmFw-7-W-6oF0pyjeDzXFHoiUZwneq9SYiMAaprgXjXlva5hucCmf5M_K4KrojPTf9Ru_htn6vs_22dqLNNU9GXVbgIoLDM58IoBYkKiY-kbfSaRTHgHAX7FakcdXn6mzpsCFLOHQgltPH4ERfmjYTlKi1FhjCpeVDywV2tuigs8ojsJn3Fyf5-NVN47MKHYhuIMZ-vgF4SvA";
const RSA_PEM: &str = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAxfWZtXr2OQhtq4/8bPMW\nGh7Iqx8oO2+9vZEPObZHJZoZ2BIEYpGM7Az4l8tp7+Hl1IjFgvVFF5KK1ZdWQcrS\nRKVXmJfT0nvYQFjxunfkGsb8JPcbcYQo4ZQzX8K3MbFVtHZyUcV3Uo1wzpJMmnKI\nB18pafhM3C1J/OTrwYyxKQmQaFcLQBOL9ILUNwN3NJc35An5l4GvQB4KTPq7UA8b\nIKWclrgOCaVK6EEfZP/BbCEzJsiiEqnOC5u0K9eAxDCDkap2ADzPo2vjQQ7mHeh0\ni7kSWoSvTcSyzVZqYUH86cAh2xxbkZtlyHR079eReq7Tv0SO/iwAPToMl6Fg+P2T\n8QIDAQAB\n-----END PUBLIC KEY-----\n";
const RSA_KEY: &str = "#{kty: \"RSA\", n: \"xfWZtXr2OQhtq4_8bPMWGh7Iqx8oO2-9vZEPObZHJZoZ2BIEYpGM7Az4l8tp7-Hl1IjFgvVFF5KK1ZdWQcrSRKVXmJfT0nvYQFjxunfkGsb8JPcbcYQo4ZQzX8K3MbFVtHZyUcV3Uo1wzpJMmnKIB18pafhM3C1J_OTrwYyxKQmQaFcLQBOL9ILUNwN3NJc35An5l4GvQB4KTPq7UA8bIKWclrgOCaVK6EEfZP_BbCEzJsiiEqnOC5u0K9eAxDCDkap2ADzPo2vjQQ7mHeh0i7kSWoSvTcSyzVZqYUH86cAh2xxbkZtlyHR079eReq7Tv0SO_iwAPToMl6Fg-P2T8Q\", e: \"AQAB\"}";
const EC_TOKEN: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEifQ.MgXAtVM--EZQG5Bf-2PZTojpQOUCcjaQhrE155vjQPD3qpR6B42PIyXDFzRn9cDY5PJgR4O0JtegOdHLkMpc1A";
const EC_PEM: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAErgA9bNOoNWgOuKgKEsG3Gzy5mJSb\nW+rI2KGrGsTdVo7rc8fBZZHydhfJ9T2B6kTD1mlm5Q/dp2G37oLX9D8qKw==\n-----END PUBLIC KEY-----\n";
const EC_KEY: &str = "#{kty: \"EC\", crv: \"P-256\", x: \"rgA9bNOoNWgOuKgKEsG3Gzy5mJSbW-rI2KGrGsTdVo4\", y: \"63PHwWWR8nYXyfU9gepEw9ZpZuUP3adht-6C1_Q_Kis\"}";

/// A script with a token and a key.
fn verify(token: &str, key: &str, algorithm: &str) -> String {
    format!("jwt::verify(\"{token}\", {key}, #{{algorithm: \"{algorithm}\"}})")
}

#[test]
fn tokens_of_others() {
    let claims = "#{sub: \"ada\"}";
    for key in [format!("`{RSA_PEM}`"), RSA_KEY.to_owned()] {
        check(&verify(RSA_TOKEN, &key, "RS256"), claims);
        check(
            &verify(&RSA_TOKEN.replace("eyJzdWIi", "eyJzdWIj"), &key, "RS256"),
            "()",
        );
        check(&verify(EC_TOKEN, &key, "RS256"), "()");
        check(
            &verify(EC_TOKEN, &key, "ES256"),
            "error: the key for ES256 must be",
        );
    }
    for key in [format!("`{EC_PEM}`"), EC_KEY.to_owned()] {
        check(&verify(EC_TOKEN, &key, "ES256"), claims);
        check(
            &verify(&EC_TOKEN.replace("eyJzdWIi", "eyJzdWIj"), &key, "ES256"),
            "()",
        );
        check(
            &verify(RSA_TOKEN, &key, "RS256"),
            "error: the key for RS256 must be",
        );
    }
    check(
        "jwt::verify(\"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiYWRtaW4iOnRydWUsImlhdCI6MTUxNjIzOTAyMn0.KMUFsIDTnFmyG3nMiGM6H9FNFUROf3wh7SmqJp-QV30\", \"a-string-secret-at-least-256-bits-long\").name",
        "\"John Doe\"",
    );
}

#[test]
fn a_token_does_not_choose_its_algorithm() {
    // The public key, which everybody has, is not taken for a shared secret.
    check(
        &format!("jwt::sign(#{{sub: \"eve\"}}, `{RSA_PEM}`)"),
        "error: a key in PEM form is none for this algorithm",
    );
    check(
        &verify(RSA_TOKEN, &format!("`{RSA_PEM}`"), "HS256"),
        "error: a key in PEM form",
    );
    check(
        "let key = \"0123456789abcdef0123456789abcdef\";
         let none = base64::encode_url(`{\"alg\":\"none\"}`) + \".\" + base64::encode_url(`{\"sub\":\"eve\"}`);
         let signed = hex::decode(hmac::sha256(key, none));
         [jwt::verify(none + \".\", key), jwt::verify(none, key), jwt::verify(none + \".\" + base64::encode_url(signed), key),
          jwt::verify(jwt::sign(#{sub: \"ada\"}, key, #{algorithm: \"HS512\"}), key)]",
        "[(), (), (), ()]",
    );
    check(
        "jwt::verify(\"\", \"0123456789abcdef0123456789abcdef\", #{algorithm: \"none\"})",
        "error: `algorithm` must be",
    );
    check(
        &verify(RSA_TOKEN, "\"0123456789abcdef0123456789abcdef\"", "HS256"),
        "()",
    );
    check(
        "jwt::sign(#{}, \"0123456789abcdef0123456789abcdef\", #{algorithm: \"RS256\"})",
        "error: not signed",
    );
}

#[test]
fn what_is_no_token() {
    for token in ["", ".", "..", "a.b.c", "é.é.é", "a.b.c.d", " "] {
        check(
            &format!("jwt::verify(\"{token}\", \"0123456789abcdef0123456789abcdef\")"),
            "()",
        );
    }
    check(
        "jwt::verify(\"x\".repeated(100_000), \"0123456789abcdef0123456789abcdef\")",
        "()",
    );
    check(
        "jwt::sign(#{x: \"x\".repeated(20_000)}, \"0123456789abcdef0123456789abcdef\")",
        "error: larger than 16384 bytes",
    );
    check("jwt::verify(\"\", 5)", "error: takes a string or a blob");
}

#[test]
fn claims_hold_at_a_time_and_for_somebody() {
    let about = |claims: &str, options: &str, counts: bool| {
        let source = format!(
            "let key = \"0123456789abcdef0123456789abcdef\"; let now = time::now() / 1000;
             jwt::verify(jwt::sign({claims}, key), key, {options}) != ()"
        );
        check(&source, &counts.to_string());
    };
    about("#{exp: now + 100}", "#{}", true);
    about("#{exp: now - 1}", "#{}", false);
    about("#{exp: now - 1}", "#{leeway: 60}", true);
    about("#{exp: \"never\"}", "#{}", false);
    about("#{nbf: now + 100}", "#{}", false);
    about("#{nbf: now - 1}", "#{}", true);
    about("#{nbf: now + 100}", "#{leeway: 600}", true);
    about("#{}", "#{issuer: \"a\"}", false);
    about("#{iss: \"b\"}", "#{issuer: \"a\"}", false);
    about("#{iss: \"a\"}", "#{issuer: \"a\"}", true);
    about("#{aud: \"a\"}", "#{}", false);
    about("#{aud: \"a\"}", "#{audience: \"a\"}", true);
    about("#{aud: [\"b\", \"a\"]}", "#{audience: \"a\"}", true);
    about("#{aud: [\"b\"]}", "#{audience: \"a\"}", false);
    about("#{}", "#{audience: \"a\"}", false);
    check(
        "jwt::verify(\"\", \"0123456789abcdef0123456789abcdef\", #{leeway: 5000})",
        "error: `leeway` must be",
    );
    check(
        "jwt::verify(\"\", \"0123456789abcdef0123456789abcdef\", #{expires_in: 5})",
        "error: there is no option `expires_in`",
    );
}
