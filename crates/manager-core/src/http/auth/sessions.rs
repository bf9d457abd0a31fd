//! `/api/v1/admin/auth/sessions`: the own sessions.

use std::net::IpAddr;

use axum::{
    Extension, Json,
    extract::State,
    response::{AppendHeaders, IntoResponse},
};
use http::{StatusCode, header};
use picloud_shared::{id::SessionId, seam::Origin, time::Timestamp, user::Session};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::cookie;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::InPath,
        list::List,
        problem::{Answer, not_found, problems},
    },
};

/// One sign-in of one person.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody {
    id: Uuid,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// To within a minute.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
    /// When it ends unless it is used again before; at the latest 30 days after it began.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// The address from which it began.
    #[schema(required, value_type = Option<String>, example = "192.0.2.7")]
    address: Option<IpAddr>,
    /// What the client called itself then.
    #[schema(required, example = "Mozilla/5.0 (X11; Linux x86_64)")]
    user_agent: Option<String>,
    /// Whether it is the one that asks.
    current: bool,
}

impl SessionBody {
    fn of(session: Session, current: SessionId) -> Self {
        Self {
            id: session.id.0,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            address: session.device.address,
            user_agent: session.device.user_agent,
            current: session.id == current,
        }
    }
}

/// List the own sessions
///
/// Newest first, all on one page.
#[utoipa::path(
    get,
    path = "/api/v1/admin/auth/sessions",
    tag = "accounts",
    responses((status = 200, description = "The sessions that have not ended", body = List<SessionBody>)),
)]
pub(crate) async fn list_sessions(
    State(manager): State<Manager>,
    caller: Caller,
) -> Answer<Json<List<SessionBody>>> {
    let sessions = manager
        .repository()
        .list_sessions(caller.user.id, manager.now())
        .await?;
    let current = caller.session()?.id;
    let body = |session| SessionBody::of(session, current);
    Ok(Json(List::whole(sessions.into_iter().map(body).collect())))
}

/// End all own sessions
///
/// This one too: sign in again afterwards.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/auth/sessions",
    tag = "accounts",
    responses((status = 204, description = "All ended")),
)]
pub(crate) async fn delete_sessions(
    State(manager): State<Manager>,
    Extension(origin): Extension<Origin>,
    caller: Caller,
) -> Answer<impl IntoResponse> {
    let change = caller.change(&manager, None);
    manager
        .repository()
        .delete_sessions(caller.user.id, &change)
        .await?;
    tracing::info!(user.id = %caller.user.id, "all sessions ended");
    let cookie = cookie::clear(origin.scheme).map(|cookie| (header::SET_COOKIE, cookie));
    Ok((StatusCode::NO_CONTENT, AppendHeaders(cookie)))
}

problems!(DeleteSessionProblems: NotFound);

/// End one own session
#[utoipa::path(
    delete,
    path = "/api/v1/admin/auth/sessions/{session}",
    tag = "accounts",
    responses((status = 204, description = "Ended"), DeleteSessionProblems),
)]
pub(crate) async fn delete_session(
    State(manager): State<Manager>,
    caller: Caller,
    InPath(session): InPath<SessionId>,
) -> Answer<StatusCode> {
    let change = caller.change(&manager, None);
    let ended = manager
        .repository()
        .delete_session(caller.user.id, session, &change)
        .await?;
    if ended {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(not_found("session"))
    }
}
