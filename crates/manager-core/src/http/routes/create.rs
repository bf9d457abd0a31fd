//! `POST /api/v1/admin/routes`.

use axum::{Json, extract::State, response::IntoResponse};
use http::{StatusCode, header};
use picloud_shared::{
    domain::HostPattern,
    id::{RouteId, ScriptId},
    path::PathPattern,
    route::Route,
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{RouteBody, methods, require_open, webhook::SetWebhook, write_refusal};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::JsonBody,
        problem::{Answer, problems},
        validate::{Violations, id, object},
    },
};

problems!(CreateRouteProblems: NotFound, RouteConflict, HostNotClaimed, ReservedPath, LoopDetected);

/// A new route, in the app of its script.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateRoute {
    /// Which script answers.
    #[serde(deserialize_with = "id")]
    script_id: Uuid,
    /// Only on these hosts, which must fall under a domain of the app; on every host that the app claims if absent.
    #[serde(default)]
    #[schema(example = "{tenant}.example.com")]
    host: Option<String>,
    /// `{name}` is any one segment, `{*rest}` at the end all that remains.
    #[schema(example = "/users/{id}")]
    path: String,
    /// `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`, `OPTIONS`, or `*` for every method.
    #[schema(example = json!(["GET"]))]
    methods: Vec<String>,
    /// How its requests are signed; anybody may send some if absent.
    #[serde(default, deserialize_with = "object")]
    webhook: Option<SetWebhook>,
}

/// Make a route
#[utoipa::path(
    post,
    path = "/api/v1/admin/routes",
    tag = "routes",
    request_body = CreateRoute,
    responses((status = 201, description = "Made", body = RouteBody), CreateRouteProblems),
)]
pub(crate) async fn create_route(
    State(manager): State<Manager>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateRoute>,
) -> Answer<impl IntoResponse> {
    let mut violations = Violations::default();
    let host: Option<HostPattern> = violations.parse_some("host", body.host.as_deref());
    let path: Option<PathPattern> = violations.parse("path", &body.path);
    let methods = methods(&mut violations, &body.methods);
    let webhook = body.webhook.and_then(|webhook| webhook.read(&mut violations));
    let (path, methods) = violations.finish_with(path.zip(methods))?;
    require_open(manager.admin_host(), host.as_ref(), &path)?;

    let script = caller.script(&manager, ScriptId(body.script_id)).await?;
    let change = caller.change(&manager, None);
    let route = Route {
        id: RouteId::new(change.at),
        app_id: script.app_id,
        script_id: script.id,
        host,
        path,
        methods,
        webhook,
        created_at: change.at,
        updated_at: change.at,
    };
    let route = match manager.repository().create_route(route, &change).await {
        Ok(route) => route,
        Err(error) => return Err(write_refusal(&manager, error).await),
    };
    manager.publish(route.app_id).await;

    let location = format!("/api/v1/admin/routes/{}", route.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(RouteBody::from(route)),
    ))
}
