//! `POST /api/v1/admin/apps/{app}/users/{end_user}/sessions:end`.

use axum::{Json, extract::State};
use picloud_shared::services::UserRecord;

use super::{EndUserBody, EndUserId, records};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, InPath},
        problem::{Answer, problems},
    },
};

problems!(EndEndUserSessionsProblems: NotFound, Conflict, CommitUnknown, TooManyRequests, LoopDetected);

/// Sign a user of an app out everywhere
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/users/{end_user}/sessions:end",
    tag = "users",
    responses((status = 200, description = "Signed out", body = EndUserBody), EndEndUserSessionsProblems),
)]
pub(crate) async fn end_end_user_sessions(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(user): InPath<EndUserId>,
) -> Answer<Json<EndUserBody>> {
    let end = |before: Option<&UserRecord>| {
        let mut record = before.cloned().ok_or_else(records::nobody)?;
        record.sessions.clear();
        Ok(Some(record))
    };
    let action = "end_end_user_sessions";
    let changed = records::change(&manager, &caller, app.id, action, user.0, end).await?;
    let changed = changed.ok_or_else(records::nobody)?;
    Ok(Json(EndUserBody::at(changed, manager.now())))
}
