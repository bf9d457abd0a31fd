//! Who asks: the session behind a request, and the layer that lets only owners through.

use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, header, request::Parts};
use picloud_shared::{
    problem::Code,
    repository::SESSION_TOUCH_INTERVAL_MIN,
    seam::Origin,
    user::{InstanceRole, Session, User},
};

use super::{
    auth::cookie,
    cross_site::{changes_state, is_cross_site},
    problem::{Answer, Refusal, internal, problem},
};
use crate::{Manager, accounts::Token};

/// The owner who asks. Only operations behind [`owners_only`] can have one.
#[derive(Clone)]
pub(crate) struct Owner {
    pub(crate) user: User,
    pub(crate) session: Session,
}

/// Lets a request through if it carries the session of an owner. Until there are roles, this is every
/// operation but those that give a session.
pub(crate) async fn owners_only(State(manager): State<Manager>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let (owner, renewed) = match authenticate(&manager, &parts).await {
        Ok(found) => found,
        Err(refusal) => return refusal.into_response(),
    };
    parts.extensions.insert(owner);
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if let Some(cookie) = renewed {
        // What the operation itself says about the cookie counts more.
        response.headers_mut().entry(header::SET_COOKIE).or_insert(cookie);
    }
    response
}

/// How a client shows which session is its own.
enum Credential {
    Bearer(Token),
    Cookie(Token),
}

async fn authenticate(manager: &Manager, parts: &Parts) -> Answer<(Owner, Option<HeaderValue>)> {
    let credential = credential(&parts.headers).ok_or_else(unauthenticated)?;
    let (Credential::Bearer(token) | Credential::Cookie(token)) = &credential;
    let now = manager.now();
    let found = manager.repository().find_session(&token.hash(), now).await?;
    let (mut session, user) = found.ok_or_else(unauthenticated)?;

    let by_cookie = matches!(credential, Credential::Cookie(_));
    if by_cookie && changes_state(&parts.method) && is_cross_site(&parts.headers, &parts.uri) {
        return Err(cross_site());
    }
    if user.instance_role != InstanceRole::Owner {
        return Err(problem(
            Code::Forbidden,
            "Only an owner of this instance may do this.",
        ));
    }

    let mut renewed = None;
    if now >= session.last_used_at.plus(SESSION_TOUCH_INTERVAL_MIN) {
        session.last_used_at = now;
        session.expires_at = now.plus(manager.session_ttl());
        manager
            .repository()
            .touch_session(session.id, now, session.expires_at)
            .await?;
        let scheme = parts.extensions.get::<Origin>().map(|origin| origin.scheme);
        renewed = by_cookie.then(|| cookie::set(token, manager.session_ttl(), scheme));
    }
    Ok((Owner { user, session }, renewed.flatten()))
}

/// A bearer token takes precedence, and a bad one is not made good by a cookie.
fn credential(headers: &HeaderMap) -> Option<Credential> {
    match headers.get(header::AUTHORIZATION) {
        Some(value) => {
            let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
            let token = Token::read(token.trim())?;
            scheme
                .eq_ignore_ascii_case("bearer")
                .then_some(Credential::Bearer(token))
        }
        None => cookie::find(headers)
            .and_then(Token::read)
            .map(Credential::Cookie),
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

impl<S: Sync> FromRequestParts<S> for Owner {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        // An operation that wants an owner but does not stand behind the layer is closed to everybody.
        parts.extensions.get::<Self>().cloned().ok_or_else(internal)
    }
}
