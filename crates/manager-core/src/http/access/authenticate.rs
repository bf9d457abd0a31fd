//! Who asks: the session or API token behind a request.

use http::{HeaderMap, HeaderValue, header, request::Parts};
use picloud_shared::{
    access::Ceiling,
    problem::Code,
    repository::{SESSION_TOUCH_INTERVAL_MIN, TOKEN_TOUCH_INTERVAL_MIN},
    seam::Origin,
    time::Timestamp,
    user::{Session, User},
};

use super::Credential;
use crate::{
    Manager,
    accounts::{ApiTokenText, NoApiToken, Token, session_end},
    http::{
        auth::cookie,
        cross_site::{changes_state, is_cross_site},
        problem::{Answer, Refusal, problem},
    },
};

/// Somebody whose credentials are valid.
pub(super) struct Authenticated {
    pub(super) user: User,
    pub(super) credential: Credential,
    pub(super) ceiling: Ceiling,
    /// The cookie with a later end, if it is time for one.
    pub(super) renewed: Option<HeaderValue>,
}

/// How a client shows by what it is known.
enum Shown {
    /// An API token, as bearer.
    ApiToken(ApiTokenText),
    /// A session's token, as bearer.
    Bearer(Token),
    /// Tokens of sessions in cookies, of which the first that is valid counts.
    Cookies(Vec<Token>),
}

/// Finds out who asks.
pub(super) async fn authenticate(manager: &Manager, parts: &Parts) -> Answer<Authenticated> {
    match shown(&parts.headers)? {
        Shown::ApiToken(text) => by_api_token(manager, &text).await,
        Shown::Bearer(token) => {
            let found = find_session(manager, &token).await?;
            let (mut session, user) = found.ok_or_else(unauthenticated)?;
            if renew(manager, &mut session).await? {
                know_address(manager, parts, &user);
            }
            Ok(Authenticated {
                user,
                credential: Credential::Session(session),
                ceiling: Ceiling::default(),
                renewed: None,
            })
        }
        Shown::Cookies(tokens) => by_cookies(manager, parts, &tokens).await,
    }
}

/// Finds out the same of a request that was let in before. It does not count as use: nothing is renewed or noted.
pub(super) async fn look_up(manager: &Manager, headers: &HeaderMap) -> Answer<Authenticated> {
    let tokens = match shown(headers)? {
        Shown::ApiToken(text) => {
            let found = manager
                .repository()
                .find_token(&text.hash(), manager.now())
                .await?;
            let (token, user) = found.ok_or_else(unauthenticated)?;
            return Ok(Authenticated {
                user,
                ceiling: token.ceiling,
                credential: Credential::Token(token.id),
                renewed: None,
            });
        }
        Shown::Bearer(token) => vec![token],
        Shown::Cookies(tokens) => tokens,
    };
    for token in &tokens {
        if let Some((session, user)) = find_session(manager, token).await? {
            return Ok(Authenticated {
                user,
                credential: Credential::Session(session),
                ceiling: Ceiling::default(),
                renewed: None,
            });
        }
    }
    Err(unauthenticated())
}

async fn by_cookies(manager: &Manager, parts: &Parts, tokens: &[Token]) -> Answer<Authenticated> {
    for token in tokens {
        let Some((mut session, user)) = find_session(manager, token).await? else {
            continue;
        };
        if changes_state(&parts.method) && is_cross_site(&parts.headers, &parts.uri) {
            return Err(cross_site());
        }
        let mut renewed = None;
        if renew(manager, &mut session).await? {
            let scheme = parts.extensions.get::<Origin>().map(|origin| origin.scheme);
            renewed = cookie::set(token, &session, scheme);
            know_address(manager, parts, &user);
        }
        return Ok(Authenticated {
            user,
            credential: Credential::Session(session),
            ceiling: Ceiling::default(),
            renewed,
        });
    }
    Err(unauthenticated())
}

async fn by_api_token(manager: &Manager, text: &ApiTokenText) -> Answer<Authenticated> {
    let now = manager.now();
    let found = manager.repository().find_token(&text.hash(), now).await?;
    let (token, user) = found.ok_or_else(unauthenticated)?;
    let noted_just_now = |used: Timestamp| now < used.plus(TOKEN_TOUCH_INTERVAL_MIN);
    if !token.last_used_at.is_some_and(noted_just_now) {
        manager.repository().touch_token(token.id, now).await?;
    }
    Ok(Authenticated {
        user,
        ceiling: token.ceiling,
        credential: Credential::Token(token.id),
        renewed: None,
    })
}

async fn find_session(manager: &Manager, token: &Token) -> Answer<Option<(Session, User)>> {
    let found = manager
        .repository()
        .find_session(&token.hash(), manager.now())
        .await?;
    Ok(found)
}

/// Moves the session's end, if that was not done just now; tells whether it was time.
async fn renew(manager: &Manager, session: &mut Session) -> Answer<bool> {
    let now = manager.now();
    if now < session.last_used_at.plus(SESSION_TOUCH_INTERVAL_MIN) {
        return Ok(false);
    }
    session.last_used_at = now;
    session.expires_at = session_end(manager, session.created_at, now);
    manager
        .repository()
        .touch_session(session.id, now, session.expires_at)
        .await?;
    Ok(true)
}

/// Notes from where this person works, so that no stranger who guesses their password keeps them from signing in there.
fn know_address(manager: &Manager, parts: &Parts, user: &User) {
    if let Some(origin) = parts.extensions.get::<Origin>() {
        let throttle = manager.throttle();
        throttle.knows(user.username.as_str(), origin.remote_addr, manager.now());
    }
}

/// A bearer token takes precedence, and a bad one is not made good by a cookie.
fn shown(headers: &HeaderMap) -> Answer<Shown> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(Shown::Cookies(cookie::find(headers)));
    };
    let credentials = value.to_str().ok().and_then(|text| text.split_once(' '));
    let text = credentials
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, text)| text.trim())
        .ok_or_else(unauthenticated)?;
    match ApiTokenText::read(text) {
        Ok(token) => Ok(Shown::ApiToken(token)),
        Err(NoApiToken::Mistyped) => Err(mistyped()),
        Err(NoApiToken::Other) => Token::read(text).map(Shown::Bearer).ok_or_else(unauthenticated),
    }
}

fn unauthenticated() -> Refusal {
    problem(
        Code::Unauthenticated,
        "Send a valid token as `Authorization: Bearer <token>`; POST /api/v1/admin/auth/login gives one.",
    )
}

fn mistyped() -> Refusal {
    problem(
        Code::Unauthenticated,
        "This begins like an API token, but is none: its checksum does not fit. Copy it again, as a whole.",
    )
}

/// A page of another site sent this.
pub(crate) fn cross_site() -> Refusal {
    problem(
        Code::CrossSiteRequest,
        "A page of another site sent this. Use the dashboard itself, or a bearer token.",
    )
}
