//! `GET /api/v1/admin/audit`.

use axum::{Json, extract::State};
use picloud_shared::{
    access::Capability,
    audit::{Actor, AuditFilter, AuditOutcome},
    id::{AppId, UserId},
    time::Timestamp,
};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::AuditRecordBody;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{QueryParams, find_by_text},
        list::{List, page},
        problem::{Answer, problems},
        validate::Violations,
    },
};

/// Longest word of a filter, in bytes.
const WORD_BYTES_MAX: usize = 256;

problems!(ListAuditProblems: NotFound);

/// Which records; each parameter that is given must fit.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListAuditQuery {
    /// In this app: its slug or id. Who may see the whole log may name one that is gone by its id.
    app: Option<String>,
    /// By this person: their id, or the username that they had.
    actor: Option<String>,
    /// Of this action, such as `create_script`.
    action: Option<String>,
    /// `allowed` or `denied`.
    outcome: Option<String>,
    /// About what has this id or this name.
    target: Option<String>,
    /// At or after this moment (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Before this moment (RFC 3339).
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Most items on a page.
    #[param(default = 50, minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List the audit log
///
/// Who changed what, when and from where, and who was refused; newest first. With `app`, the records of that app.
/// Without `app`, those of the whole instance: that needs the role `admin` on it.
#[utoipa::path(
    get,
    path = "/api/v1/admin/audit",
    tag = "audit",
    params(ListAuditQuery),
    responses((status = 200, description = "A page of records", body = List<AuditRecordBody>), ListAuditProblems),
)]
pub(crate) async fn list_audit(
    State(manager): State<Manager>,
    caller: Caller,
    QueryParams(query): QueryParams<ListAuditQuery>,
) -> Answer<Json<List<AuditRecordBody>>> {
    let app = app(&manager, &caller, query.app.as_deref()).await?;
    let mut violations = Violations::default();
    for (name, word) in [
        ("actor", &query.actor),
        ("action", &query.action),
        ("target", &query.target),
    ] {
        let is_short = word.as_ref().is_none_or(|word| word.len() <= WORD_BYTES_MAX);
        violations.require(
            is_short,
            name,
            format!("must have at most {WORD_BYTES_MAX} bytes"),
        );
    }
    let outcome: Option<AuditOutcome> = violations.parse_some("outcome", query.outcome.as_deref());
    violations.finish()?;
    let filter = AuditFilter {
        app,
        actor: query.actor.as_deref().map(actor),
        action: query.action,
        outcome,
        target: query.target,
        since: query.since,
        until: query.until,
    };
    let page = page(query.limit, query.cursor.as_deref())?;
    let records = manager.repository().list_audit(&filter, page).await?;
    Ok(Json(List::of(records, AuditRecordBody::from)))
}

/// The app whose records the caller may see, or none if they may see all.
async fn app(manager: &Manager, caller: &Caller, name: Option<&str>) -> Answer<Option<AppId>> {
    let may_see_all = caller.permit_on_instance(Capability::InstanceAudit);
    let Some(name) = name else {
        return may_see_all.map(|()| None);
    };
    if may_see_all.is_ok()
        && let Ok(app) = name.parse()
    {
        return Ok(Some(AppId(app)));
    }
    let app = find_by_text(manager, name).await?;
    if may_see_all.is_err() {
        caller.permit(manager, app.id, "app").await?;
    }
    Ok(Some(app.id))
}

fn actor(text: &str) -> Actor {
    match text.parse::<Uuid>() {
        Ok(id) => Actor::Id(UserId(id)),
        Err(_) => Actor::Name(text.to_lowercase()),
    }
}
