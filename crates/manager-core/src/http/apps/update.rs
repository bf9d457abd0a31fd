//! `PATCH /api/v1/admin/apps/{app}`.

use axum::{Json, extract::State};
use picloud_shared::repository::{AppUpdate, UpdateAppError};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{AppBody, parse_slug, slug_in_history, slug_taken};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, JsonBody},
        problem::{Answer, Refusal, not_found, problems},
        validate::{Violations, or_default},
    },
};

problems!(UpdateAppProblems: NotFound, InvalidSlug, SlugTaken, SlugInHistory);

/// What to change in an app; what is absent or null stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateApp {
    /// The old slug stays behind as a redirect.
    #[serde(default)]
    slug: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    /// Take the slug over even if another app had it before.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(nullable)]
    force: bool,
}

/// Change an app
///
/// A new slug leaves the old one behind as a permanent redirect, until another app claims it with `force`.
#[utoipa::path(
    patch,
    path = "/api/v1/admin/apps/{app}",
    tag = "apps",
    request_body = UpdateApp,
    responses((status = 200, description = "Changed", body = AppBody), UpdateAppProblems),
)]
pub(crate) async fn update_app(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, role }: AppPath,
    JsonBody(body): JsonBody<UpdateApp>,
) -> Answer<Json<AppBody>> {
    let slug = body.slug.as_deref().map(parse_slug).transpose()?;
    let mut violations = Violations::default();
    if let Some(name) = &body.name {
        violations.name("name", name);
    }
    if let Some(description) = &body.description {
        violations.description("description", description);
    }
    violations.finish()?;

    let update = AppUpdate {
        slug,
        name: body.name,
        description: body.description,
        force: body.force,
    };
    let change = caller.change(&manager, None);
    let slug = body.slug.unwrap_or_default();
    let updated = manager
        .repository()
        .update_app(app.id, update, &change)
        .await
        .map_err(|error| refusal(error, &slug))?
        .ok_or_else(|| not_found("app"))?;
    manager.publish(app.id).await;
    Ok(Json(AppBody::new(updated, role)))
}

fn refusal(error: UpdateAppError, slug: &str) -> Refusal {
    match error {
        UpdateAppError::SlugTaken => slug_taken(slug),
        UpdateAppError::SlugInHistory => slug_in_history(slug),
        UpdateAppError::Store(error) => error.into(),
    }
}
