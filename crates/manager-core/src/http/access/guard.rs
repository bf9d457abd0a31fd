//! What stands before every operation.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};
use picloud_shared::{access::Needs, invocation::depth_in, problem::Code, seam::Origin};

use super::{Access, Caller, Credential, authenticate::authenticate, refused::Attempt};
use crate::{
    Manager,
    http::problem::{Answer, Refusal, internal, problem},
};

/// What a guard stands before.
#[derive(Clone)]
pub(crate) struct Guarded {
    pub(crate) manager: Manager,
    /// The operation, by its `operationId`.
    pub(crate) action: &'static str,
    /// Who may call it.
    pub(crate) access: Access,
    /// Whether it may leave a record in the audit log when it is allowed.
    pub(crate) is_recorded: bool,
}

/// Lets a request through to the operation, if its caller may. What it refuses leaves a record in the audit log.
pub(crate) async fn guard(State(guarded): State<Guarded>, request: Request, next: Next) -> Response {
    // The outermost layer notes an origin for every request.
    let Some(origin) = request.extensions().get::<Origin>().cloned() else {
        return internal().into_response();
    };
    let path = request.uri().path().to_owned();
    let mut caller = None;
    let response = answer(&guarded, &origin, &mut caller, request, next).await;

    let manager = &guarded.manager;
    let attempt = Attempt {
        action: guarded.action,
        access: guarded.access,
        path: &path,
        origin: &origin,
        caller: caller.as_ref(),
    };
    if let Some(denied) = attempt.refusal(&response) {
        attempt.record(manager, denied).await;
        manager.keep_up_audit();
    } else if guarded.is_recorded && response.status().is_success() {
        manager.keep_up_audit();
        // It may have been about who may do what.
        manager.tails().ask_again();
    }
    response
}

/// Finds out who asks and lets them through if they may.
async fn answer(
    guarded: &Guarded,
    origin: &Origin,
    known: &mut Option<Caller>,
    request: Request,
    next: Next,
) -> Response {
    let (manager, access) = (&guarded.manager, guarded.access);
    if access == Access::Open {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let found = match authenticate(manager, &parts).await {
        Ok(found) => found,
        Err(refusal) => return refusal.into_response(),
    };
    let caller = Caller::new(
        found.user,
        found.credential,
        found.ceiling,
        access,
        origin.clone(),
        u8::try_from(depth_in(&parts.headers)).unwrap_or(u8::MAX),
    );
    let caller = &*known.insert(caller);
    let mut response = match before(caller, access) {
        Ok(()) => {
            parts.extensions.insert(caller.clone());
            let response = next.run(Request::from_parts(parts, body)).await;
            after(caller, access, response)
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
    if is_unasked(access, caller.was_decided(), response.status()) {
        tracing::error!(
            access = access.word(),
            "an operation did not ask whether its caller may"
        );
        return internal().into_response();
    }
    response
}

/// Whether an answer tells of something that nobody was asked about. One that says that the database is away, or that there
/// is nothing, comes before anybody could be, and tells of nothing.
fn is_unasked(access: Access, was_decided: bool, status: StatusCode) -> bool {
    matches!(access, Access::With(_)) && !was_decided && status.is_success()
}

#[cfg(test)]
mod tests {
    use picloud_shared::access::Capability;

    use super::*;

    #[test]
    fn only_what_tells_of_something_has_to_be_asked_about() {
        let of_app = Access::With(Capability::EventPublish);
        assert!(is_unasked(of_app, false, StatusCode::OK));
        assert!(is_unasked(of_app, false, StatusCode::ACCEPTED));
        assert!(!is_unasked(of_app, true, StatusCode::OK));
        assert!(!is_unasked(Access::SignedIn, false, StatusCode::OK));
        for refused in [
            StatusCode::NOT_FOUND,
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::PERMANENT_REDIRECT,
        ] {
            assert!(!is_unasked(of_app, false, refused), "{refused}");
        }
    }
}
