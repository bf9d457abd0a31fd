//! `GET` and `PATCH /api/v1/admin/routes/{route}`.

use axum::{Json, extract::State};
use picloud_shared::{
    domain::HostPattern,
    id::{RouteId, ScriptId},
    path::PathPattern,
    repository::RouteUpdate,
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{RouteBody, methods, require_open, webhook::SetWebhook, write_refusal};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{InPath, JsonBody},
        problem::{Answer, not_found, problems},
        validate::{Object, Violations, present, some_id},
    },
};

problems!(GetRouteProblems: NotFound);

/// Get a route
#[utoipa::path(
    get,
    path = "/api/v1/admin/routes/{route}",
    tag = "routes",
    responses((status = 200, description = "The route", body = RouteBody), GetRouteProblems),
)]
pub(crate) async fn get_route(
    State(manager): State<Manager>,
    caller: Caller,
    InPath(route): InPath<RouteId>,
) -> Answer<Json<RouteBody>> {
    Ok(Json(caller.route(&manager, route).await?.into()))
}

problems!(UpdateRouteProblems: NotFound, RouteConflict, HostNotClaimed, ReservedPath, LoopDetected);

/// What to change in a route; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateRoute {
    /// Another script of the same app.
    #[serde(default, deserialize_with = "some_id")]
    script_id: Option<Uuid>,
    /// Other hosts; null for every host that the app claims.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    #[expect(clippy::option_option, reason = "absent and null mean different things")]
    host: Option<Option<String>>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    methods: Option<Vec<String>>,
    /// Another webhook, as a whole; null for none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<SetWebhook>)]
    #[expect(clippy::option_option, reason = "absent and null mean different things")]
    webhook: Option<Option<Object<SetWebhook>>>,
}

/// Change a route
///
/// By the rules of a new one.
#[utoipa::path(
    patch,
    path = "/api/v1/admin/routes/{route}",
    tag = "routes",
    request_body = UpdateRoute,
    responses((status = 200, description = "Changed", body = RouteBody), UpdateRouteProblems),
)]
pub(crate) async fn update_route(
    State(manager): State<Manager>,
    caller: Caller,
    InPath(route): InPath<RouteId>,
    JsonBody(body): JsonBody<UpdateRoute>,
) -> Answer<Json<RouteBody>> {
    caller.route(&manager, route).await?;
    let mut violations = Violations::default();
    let host = body
        .host
        .map(|host| violations.parse_some::<HostPattern>("host", host.as_deref()));
    let path: Option<PathPattern> = violations.parse_some("path", body.path.as_deref());
    let methods = body.methods.and_then(|names| methods(&mut violations, &names));
    let webhook = body
        .webhook
        .map(|webhook| webhook.and_then(|Object(webhook)| webhook.read(&mut violations)));
    violations.finish()?;
    // A change meanwhile is no matter: where PiCloud answers itself, no route ever does.
    let before = manager.repository().find_route(route).await?;
    let before = before.ok_or_else(|| not_found("route"))?;
    require_open(
        manager.admin_host(),
        host.as_ref().unwrap_or(&before.host).as_ref(),
        path.as_ref().unwrap_or(&before.path),
    )?;

    let update = RouteUpdate {
        script_id: body.script_id.map(ScriptId),
        host,
        path,
        methods,
        webhook,
    };
    let change = caller.change(&manager, None);
    let updated = match manager.repository().update_route(route, update, &change).await {
        Ok(updated) => updated.ok_or_else(|| not_found("route"))?,
        Err(error) => return Err(write_refusal(&manager, error).await),
    };
    manager.publish(updated.app_id).await;
    Ok(Json(updated.into()))
}
