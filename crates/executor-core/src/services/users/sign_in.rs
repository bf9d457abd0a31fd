//! Sessions of users, and the cookies that hold them.
//!
//! A cookie holds the id of the user and 32 random bytes. What is kept is the hash of these, in the record of the user:
//! nobody who reads the record can sign in with it, and the cookie of another app finds nobody.

use std::net::IpAddr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use picloud_shared::{
    invocation::ScriptRequest,
    services::{
        PASSWORD_BYTES_MAX, PasswordQuestion, Service, USER_SESSION_SECONDS, UserRecord, session_hash,
        user_cookie, user_cookie_name,
    },
};
use rhai::Dynamic;
use uuid::Uuid;

use super::{
    super::{
        password,
        session::{Session, call},
    },
    fields::{id_of, shown_or_unit},
    records,
};
use crate::api::{Fallible, fail, fill_with_chance, now_ms};

/// The user of this name, if the password is theirs and they are active.
pub(super) fn verify(
    session: &Session,
    name: &str,
    password: &str,
    address: Option<IpAddr>,
) -> Fallible<Dynamic> {
    const FUNCTION: &str = "users::verify";
    let record = records::by_name(session, name)?.filter(|record| record.is_active);
    // One that is too long is nobody's, and counts like any other that is wrong.
    let is_possible = password.len() <= PASSWORD_BYTES_MAX;
    let question = PasswordQuestion::SignIn {
        name: name.to_lowercase(),
        address: address.unwrap_or(IpAddr::from([0; 4])),
        password: password::valid(FUNCTION, if is_possible { password } else { "" })?,
        hash: record
            .as_ref()
            .filter(|record| is_possible && !record.password_hash.is_empty())
            .map(|record| record.password_hash.clone()),
    };
    let fits = password::fits(session, &question)?;
    shown_or_unit(record.as_ref().filter(|_| fits))
}

/// Begins a session; the line of its cookie.
pub(super) fn sign_in(session: &Session, user: &Dynamic, https: bool) -> Fallible<String> {
    const FUNCTION: &str = "users::sign_in";
    let id = id_of(FUNCTION, user)?;
    let before = records::by_id(session, id)?.filter(|record| record.is_active);
    let before = before.ok_or_else(|| fail(format!("{FUNCTION}: there is no active user {id}")))?;
    let mut secret = [0; 32];
    fill_with_chance(&mut secret)?;
    let secret = URL_SAFE_NO_PAD.encode(secret);
    let mut after = before.clone();
    after.begin_session(session_hash(&secret), now_ms());
    records::write(session, Some(&before), Some(&after))?;
    Ok(line(&format!("{id}.{secret}"), USER_SESSION_SECONDS, https))
}

/// Ends the session of a request, if there is one; the line that takes its cookie away.
pub(super) fn sign_out(session: &Session, request: &ScriptRequest) -> Fallible<String> {
    if let Some((id, hash)) = given(request)
        && let Some(before) = records::by_id(session, id)?
        && before.sessions.iter().any(|known| known.hash == hash)
    {
        let mut after = before.clone();
        after.sessions.retain(|known| known.hash != hash);
        records::write(session, Some(&before), Some(&after))?;
    }
    Ok(line("", 0, request.scheme == "https"))
}

/// Who is signed in with a request; `()` if nobody is. Asks nothing if there is no cookie.
pub(crate) fn current(request: &ScriptRequest) -> Fallible<Dynamic> {
    let Some((id, hash)) = given(request) else {
        return Ok(Dynamic::UNIT);
    };
    call(Service::Users, |session| {
        let record: Option<UserRecord> = records::by_id(session, id)?;
        shown_or_unit(
            record
                .as_ref()
                .filter(|record| record.is_signed_in(&hash, now_ms())),
        )
    })
}

/// The user and the hash of the secret in the cookie of a request, if it has the form of one.
fn given(request: &ScriptRequest) -> Option<(Uuid, String)> {
    /// An id and 32 bytes as text.
    const COOKIE_BYTES_MAX: usize = 36 + 1 + 43;
    let value = user_cookie(&request.headers, request.scheme == "https")?;
    let (id, secret) = value
        .split_once('.')
        .filter(|_| value.len() <= COOKIE_BYTES_MAX)?;
    Some((id.parse().ok()?, session_hash(secret)))
}

fn line(value: &str, seconds: i64, https: bool) -> String {
    let secure = if https { "; Secure" } else { "" };
    format!(
        "{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}",
        user_cookie_name(https)
    )
}
