//! Who asks: the session behind a request.

use http::{HeaderMap, HeaderValue, header, request::Parts};
use picloud_shared::{
    access::Ceiling,
    problem::Code,
    repository::SESSION_TOUCH_INTERVAL_MIN,
    seam::Origin,
    user::{Session, User},
};

use super::Credential;
use crate::{
    Manager,
    accounts::Token,
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

/// How a client shows its token.
enum Shown {
    Bearer(Token),
    Cookie(Token),
}

/// Finds out who asks.
pub(super) async fn authenticate(manager: &Manager, parts: &Parts) -> Answer<Authenticated> {
    let shown = shown(&parts.headers).ok_or_else(unauthenticated)?;
    let (Shown::Bearer(token) | Shown::Cookie(token)) = &shown;
    let now = manager.now();
    let found = manager.repository().find_session(&token.hash(), now).await?;
    let (mut session, user) = found.ok_or_else(unauthenticated)?;

    let by_cookie = matches!(shown, Shown::Cookie(_));
    if by_cookie && changes_state(&parts.method) && is_cross_site(&parts.headers, &parts.uri) {
        return Err(cross_site());
    }
    let mut renewed = None;
    if renew(manager, &mut session).await? && by_cookie {
        let scheme = parts.extensions.get::<Origin>().map(|origin| origin.scheme);
        renewed = cookie::set(token, manager.session_ttl(), scheme);
    }
    Ok(Authenticated {
        user,
        credential: Credential::Session(session),
        ceiling: Ceiling::default(),
        renewed,
    })
}

/// Moves the session's end, if that was not done just now; tells whether it was time.
async fn renew(manager: &Manager, session: &mut Session) -> Answer<bool> {
    let now = manager.now();
    if now < session.last_used_at.plus(SESSION_TOUCH_INTERVAL_MIN) {
        return Ok(false);
    }
    session.last_used_at = now;
    session.expires_at = now.plus(manager.session_ttl());
    manager
        .repository()
        .touch_session(session.id, now, session.expires_at)
        .await?;
    Ok(true)
}

/// A bearer token takes precedence, and a bad one is not made good by a cookie.
fn shown(headers: &HeaderMap) -> Option<Shown> {
    match headers.get(header::AUTHORIZATION) {
        Some(value) => {
            let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
            let token = Token::read(token.trim())?;
            scheme
                .eq_ignore_ascii_case("bearer")
                .then_some(Shown::Bearer(token))
        }
        None => cookie::find(headers).and_then(Token::read).map(Shown::Cookie),
    }
}

fn unauthenticated() -> Refusal {
    problem(
        Code::Unauthenticated,
        "Send a valid token as `Authorization: Bearer <token>`; POST /api/v1/admin/auth/login gives one.",
    )
}

/// A page of another site sent this.
pub(crate) fn cross_site() -> Refusal {
    problem(
        Code::CrossSiteRequest,
        "A page of another site sent this. Use the dashboard itself, or a bearer token.",
    )
}
