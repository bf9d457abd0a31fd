//! What stands before every operation.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::header;
use picloud_shared::{access::Needs, problem::Code, seam::Origin};

use super::{Access, Caller, Credential, authenticate::authenticate};
use crate::{
    Manager,
    http::problem::{Answer, Refusal, internal, problem},
};

/// Lets a request through to an operation with this access, if its caller may.
pub(crate) async fn guard(
    State((manager, access)): State<(Manager, Access)>,
    request: Request,
    next: Next,
) -> Response {
    if access == Access::Open {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let found = match authenticate(&manager, &parts).await {
        Ok(found) => found,
        Err(refusal) => return refusal.into_response(),
    };
    // The outermost layer notes an origin for every request.
    let Some(origin) = parts.extensions.get::<Origin>().cloned() else {
        return internal().into_response();
    };
    let caller = Caller::new(found.user, found.credential, found.ceiling, access, origin);
    let mut response = match before(&caller, access) {
        Ok(()) => {
            parts.extensions.insert(caller.clone());
            let response = next.run(Request::from_parts(parts, body)).await;
            after(&caller, access, response)
        }
        Err(refusal) => refusal.into_response(),
    };
    if let Some(cookie) = found.renewed {
        // What the operation itself says about the cookie counts more.
        response.headers_mut().entry(header::SET_COOKIE).or_insert(cookie);
    }
    response
}

/// Decides what needs no app.
fn before(caller: &Caller, access: Access) -> Answer<()> {
    match access {
        Access::Open | Access::SignedIn => Ok(()),
        Access::Session => match caller.credential {
            Credential::Session(_) => Ok(()),
            Credential::Token(_) => Err(needs_session()),
        },
        Access::With(capability) => match capability.needs() {
            Needs::Instance(_) => caller.permit_on_instance(capability),
            Needs::App(_) => Ok(()),
        },
    }
}

/// A stolen token must not become an account.
fn needs_session() -> Refusal {
    problem(
        Code::Forbidden,
        "An API token cannot do this, as it concerns the account itself. Sign in, and use the session.",
    )
}

/// An operation on an app that did not ask whether its caller may is a fault: what it found stays here.
fn after(caller: &Caller, access: Access, response: Response) -> Response {
    let undecided = matches!(access, Access::With(_)) && !caller.was_decided();
    if undecided && !response.status().is_client_error() && !response.status().is_redirection() {
        tracing::error!(
            access = access.word(),
            "an operation did not ask whether its caller may"
        );
        return internal().into_response();
    }
    response
}
