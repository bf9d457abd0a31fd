//! `POST /api/v1/admin/scripts`.

use std::sync::Arc;

use axum::{extract::State, response::IntoResponse};
use http::{StatusCode, header};
use picloud_shared::{id::ScriptId, limits::Limits, repository::NewScript, script::ScriptName};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{ScriptBody, limits::SetLimits, save::save, source::Target, with_etag};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{JsonBody, find_by_text},
        problem::{Answer, problems},
        validate::{Violations, object_or_default},
    },
};

problems!(CreateScriptProblems: NotFound, ScriptNameTaken, Conflict, ScriptInvalid, LoopDetected);

/// A new script.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateScript {
    /// Whose script: an app's id, or its slug.
    app_id: String,
    /// 1 to 64 letters, digits, `-`, `_` or `.`; unique in the app.
    #[schema(example = "hello")]
    name: String,
    /// At most 256 KiB.
    #[schema(example = "\"Hello, \" + (request.query.name ?? \"World\")")]
    source: String,
    /// At most 2,000 characters.
    #[serde(default)]
    description: Option<String>,
    #[serde(default, deserialize_with = "object_or_default")]
    #[schema(nullable)]
    limits: SetLimits,
}

/// Make a script
///
/// Its source is version 1 and live at once. A source that does not compile is refused with line and column.
#[utoipa::path(
    post,
    path = "/api/v1/admin/scripts",
    tag = "scripts",
    request_body = CreateScript,
    responses((status = 201, description = "Made", body = ScriptBody), CreateScriptProblems),
)]
pub(crate) async fn create_script(
    State(manager): State<Manager>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateScript>,
) -> Answer<impl IntoResponse> {
    let description = body.description.unwrap_or_default();
    let mut violations = Violations::default();
    let name: Option<ScriptName> = violations.parse("name", &body.name);
    violations.description("description", &description);
    let limits = body.limits.over(Limits::DEFAULT, &mut violations);
    let name = violations.finish_with(name)?;

    let app = find_by_text(&manager, &body.app_id).await?;
    caller.permit(&manager, app.id, "app").await?;
    let source: Arc<str> = body.source.into();
    let new = NewScript {
        id: ScriptId::new(manager.now()),
        app_id: app.id,
        name,
        description,
        source,
        limits,
        checked: None,
    };
    let change = caller.change(&manager, None);
    let write = |checked| {
        let new = NewScript {
            checked,
            ..new.clone()
        };
        manager.repository().create_script(new, &change)
    };
    let target = Target::New(&new.name);
    let script = save(&manager, app.id, target, Some(&new.source), write).await?;
    manager.publish(app.id).await;

    let location = format!("/api/v1/admin/scripts/{}", script.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        with_etag(script, manager.now()),
    ))
}
