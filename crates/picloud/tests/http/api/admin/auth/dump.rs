//! Whoever steals the database signs in as nobody.

use std::collections::BTreeSet;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::harness::{Answer, OWNER, TestCloud, from_base32, totp};

const ME: &str = "/api/v1/admin/auth/me";

/// A cloud with everything that somebody can sign in with, and all of these secrets.
struct Ground {
    cloud: TestCloud,
    session: String,
    api_token: String,
    totp_secret: String,
    recovery_codes: Vec<String>,
}

impl Ground {
    fn new() -> Self {
        let cloud = TestCloud::start();
        let owner = cloud.owner();
        let made = owner
            .post("/admin/tokens", &json!({ "name": "deploy" }))
            .expect(201)
            .json();
        let begun = owner
            .post("/admin/auth/totp", &json!({ "password": OWNER.1 }))
            .expect(201)
            .json();
        let totp_secret = begun["secret"].as_str().expect("a secret").to_owned();
        let confirmed = owner
            .post(
                "/admin/auth/totp:confirm",
                &json!({ "code": totp(&totp_secret, 0) }),
            )
            .expect(200)
            .json();
        let codes = confirmed["recovery_codes"].as_array().expect("a list");
        Self {
            session: owner.token().to_owned(),
            api_token: made["token"].as_str().expect("a token").to_owned(),
            totp_secret,
            recovery_codes: codes
                .iter()
                .map(|code| code.as_str().expect("a code").to_owned())
                .collect(),
            cloud,
        }
    }

    fn log_in(&self, password: &str, code: &str) -> Answer {
        let body = json!({ "username": OWNER.0, "password": password, "code": code });
        self.cloud.anonymous().post("/admin/auth/login", &body)
    }
}

#[test]
fn no_secret_stands_in_it() {
    let ground = Ground::new();
    let dump = ground.cloud.dump();
    let mut secrets = vec![
        OWNER.1.to_owned(),
        ground.session.clone(),
        ground.api_token.clone(),
    ];
    for code in &ground.recovery_codes {
        secrets.extend([code.clone(), code.replace('-', "")]);
    }
    for secret in secrets {
        for form in forms(secret.as_bytes()) {
            assert!(!contains(&dump, &form), "`{secret}` is in the database");
        }
        // Nor the random bytes that a token is made of.
        let random = secret.split_once('_').map(|(_, random)| random);
        if let Some(bytes) = random.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()) {
            for form in forms(&bytes) {
                assert!(!contains(&dump, &form), "`{secret}` is in the database");
            }
        }
    }
    for form in forms(&from_base32(&ground.totp_secret)) {
        assert!(
            !contains(&dump, &form),
            "the secret of the second factor is in the database"
        );
    }
    // It is the right database that was looked at: it has the hashes.
    for secret in [&ground.session, &ground.api_token] {
        let stored = Sha256::digest(secret.as_bytes());
        assert!(
            forms(&stored).iter().any(|form| contains(&dump, form)),
            "no hash of `{secret}`"
        );
    }
}

#[test]
fn nothing_in_it_is_a_token() {
    let ground = Ground::new();
    let dump = ground.cloud.dump();
    let mut guesses = words(&dump);
    assert!(guesses.len() > 20, "{guesses:?}");
    for secret in [&ground.session, &ground.api_token] {
        let hash = Sha256::digest(secret.as_bytes());
        for text in [
            hex::encode(hash),
            STANDARD.encode(hash),
            URL_SAFE_NO_PAD.encode(hash),
        ] {
            guesses.extend([format!("pcs_{text}"), format!("pct_{text}"), text]);
        }
    }
    for guess in guesses {
        let bearer = ground.cloud.anonymous().with_token(&guess).call("GET", ME).send();
        assert_eq!(bearer.status, 401, "`{guess}` signs in");
        let cookie = format!("picloud_session={guess}");
        let cookie = ground
            .cloud
            .call("GET", "localhost", ME)
            .header("cookie", &cookie);
        assert_eq!(cookie.send().status, 401, "`{guess}` signs in as a cookie");
    }
}

#[test]
fn nothing_in_it_is_a_password_or_a_code() {
    let ground = Ground::new();
    let dump = String::from_utf8_lossy(&ground.cloud.dump()).into_owned();
    let at = dump.find("$argon2id$").expect("the password's hash");
    let of_hash = |letter: char| letter.is_ascii_alphanumeric() || "$+/=,".contains(letter);
    let hash: String = dump[at..].chars().take_while(|letter| of_hash(*letter)).collect();
    let last = hash.rsplit('$').next().expect("a last part");
    // Whoever has a code all the same has no password.
    let code = totp(&ground.totp_secret, 1);
    for password in [hash.as_str(), last] {
        ground.log_in(password, &code).problem(401, "invalid_credentials");
    }
    let code = ground.recovery_codes[0].replace('-', "");
    let stored = Sha256::digest(code.as_bytes());
    for code in [hex::encode(stored), hex::encode_upper(&stored[..12])] {
        ground
            .log_in(OWNER.1, &code)
            .problem(401, "invalid_second_factor");
    }
    let setup = json!({ "code": hash, "username": "eve", "password": "a fine password" });
    ground
        .cloud
        .anonymous()
        .post("/admin/setup", &setup)
        .problem(409, "already_set_up");
    ground.log_in(OWNER.1, &ground.recovery_codes[0]).expect(200);
}

/// The ways in which bytes may stand in a dump.
fn forms(bytes: &[u8]) -> [Vec<u8>; 4] {
    [
        bytes.to_vec(),
        hex::encode(bytes).into_bytes(),
        STANDARD.encode(bytes).into_bytes(),
        URL_SAFE_NO_PAD.encode(bytes).into_bytes(),
    ]
}

fn contains(dump: &[u8], part: &[u8]) -> bool {
    dump.windows(part.len()).any(|window| window == part)
}

/// Everything in a dump that looks like a token.
fn words(dump: &[u8]) -> BTreeSet<String> {
    let of_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-+/=$".contains(byte);
    dump.split(|byte| !of_word(byte))
        .filter(|word| (20..=128).contains(&word.len()))
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}
