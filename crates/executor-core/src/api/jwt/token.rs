//! Tokens, to and from text.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rhai::{Dynamic, ImmutableString, Map};

use super::{algorithm::Algorithm, options::Options};
use crate::{
    api::{
        argument::{Fallible, fail, spend_bytes},
        clock,
    },
    json,
};

/// Longest token in bytes.
const TOKEN_BYTES_MAX: usize = 16 * 1_024;

/// A token with `claims`.
pub(super) fn sign(claims: &Map, key: &Dynamic, options: &Options) -> Fallible<String> {
    const FUNCTION: &str = "jwt::sign";
    let mut claims = claims.clone();
    if let Some(seconds) = options.expires_in {
        let now = now();
        claims.insert("iat".into(), now.into());
        claims.insert("exp".into(), now.saturating_add(seconds).into());
    }
    let mut payload = Vec::new();
    json::write(&Dynamic::from_map(claims), &mut payload, TOKEN_BYTES_MAX)?;
    let header = format!("{{\"alg\":\"{}\",\"typ\":\"JWT\"}}", options.algorithm.name());
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = options.algorithm.sign(FUNCTION, key, &signed)?;
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    if token.len() > TOKEN_BYTES_MAX {
        return Err(fail(format!(
            "{FUNCTION}: the token would be larger than {TOKEN_BYTES_MAX} bytes"
        )));
    }
    Ok(token)
}

/// The claims of `token`, if it is one that counts.
pub(super) fn verify(token: &str, key: &Dynamic, options: &Options) -> Fallible<Option<Map>> {
    const FUNCTION: &str = "jwt::verify";
    // What is wrong about the key is said whatever the token is.
    let (signed, signature) = token.rsplit_once('.').unwrap_or_default();
    let is_short = token.len() <= TOKEN_BYTES_MAX;
    let signature = decoded(signature).filter(|_| is_short).unwrap_or_default();
    let signed = if is_short { signed } else { "" };
    spend_bytes(signed.len())?;
    if !options.algorithm.verify(FUNCTION, key, signed, &signature)? {
        return Ok(None);
    }
    let Some((header, payload)) = signed.split_once('.') else {
        return Ok(None);
    };
    let (Some(header), Some(claims)) = (object(header)?, object(payload)?) else {
        return Ok(None);
    };
    let counts = is_about(&header, options.algorithm) && holds(&claims, options);
    Ok(counts.then_some(claims))
}

/// The bytes of base64url without padding.
pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The JSON object in a part of a token.
fn object(part: &str) -> Fallible<Option<Map>> {
    let Some(bytes) = decoded(part) else {
        return Ok(None);
    };
    match json::parse(&bytes) {
        Ok(value) => Ok(value.try_cast::<Map>()),
        Err(json::JsonError::Stopped(verdict)) => Err(verdict),
        Err(_) => Ok(None),
    }
}

/// Whether a header says what was expected, and asks for nothing that is not understood.
fn is_about(header: &Map, algorithm: Algorithm) -> bool {
    let said = header.get("alg").and_then(text);
    said.is_some_and(|said| said == algorithm.name()) && !header.contains_key("crit")
}

/// Whether claims hold at this moment, for who asks.
fn holds(claims: &Map, options: &Options) -> bool {
    let now = now();
    let moment = |name: &str| claims.get(name).map(seconds);
    let in_time = match moment("exp") {
        None => true,
        Some(end) => end.is_some_and(|end| now < end.saturating_add(options.leeway)),
    };
    let has_begun = match moment("nbf") {
        None => true,
        Some(begin) => begin.is_some_and(|begin| now >= begin.saturating_sub(options.leeway)),
    };
    let issuer = options.issuer.as_ref();
    let is_from = issuer.is_none_or(|issuer| claims.get("iss").and_then(text).as_ref() == Some(issuer));
    let is_for = match (&options.audience, claims.get("aud")) {
        (None, None) => true,
        (Some(audience), Some(said)) => match said.as_array_ref() {
            Ok(all) => all.iter().any(|one| text(one).as_ref() == Some(audience)),
            Err(_) => text(said).as_ref() == Some(audience),
        },
        // A token for somebody is no token for one who does not say who that is.
        _ => false,
    };
    in_time && has_begun && is_from && is_for
}

fn text(value: &Dynamic) -> Option<ImmutableString> {
    value.as_immutable_string_ref().ok().map(|text| text.clone())
}

/// A moment in seconds since 1970.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float beyond the range becomes its end"
)]
fn seconds(value: &Dynamic) -> Option<i64> {
    let float = || value.as_float().ok().filter(|number| number.is_finite());
    value
        .as_int()
        .ok()
        .or_else(|| float().map(|number| number as i64))
}

fn now() -> i64 {
    clock::now_ms() / 1_000
}
