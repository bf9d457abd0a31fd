//! `POST /api/v1/admin/apps`.

use axum::{Json, extract::State, response::IntoResponse};
use http::{StatusCode, header};
use picloud_shared::{
    id::AppId,
    repository::{CreateAppError, NewApp},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{AppBody, parse_slug, slug_in_history, slug_taken};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::JsonBody,
        problem::{Answer, Refusal, internal, problems},
        validate::{Violations, or_default},
    },
};

problems!(CreateAppProblems: InvalidSlug, SlugTaken, SlugInHistory);

/// A new app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateApp {
    /// 1 to 63 of `a-z`, `0-9` and `-`, neither first nor last a `-`.
    #[schema(example = "shop")]
    slug: String,
    /// 1 to 100 characters.
    #[schema(example = "My shop")]
    name: String,
    /// At most 2,000 characters.
    #[serde(default)]
    description: Option<String>,
    /// Take the slug over even if another app had it before; links with it then no longer lead there.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(nullable)]
    force: bool,
}

/// Make an app
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps",
    tag = "apps",
    request_body = CreateApp,
    responses((status = 201, description = "Made", body = AppBody), CreateAppProblems),
)]
pub(crate) async fn create_app(
    State(manager): State<Manager>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateApp>,
) -> Answer<impl IntoResponse> {
    let slug = parse_slug(&body.slug)?;
    let description = body.description.unwrap_or_default();
    let mut violations = Violations::default();
    violations.name("name", &body.name);
    violations.description("description", &description);
    violations.finish()?;

    let app = NewApp {
        id: AppId::new(manager.now()),
        slug,
        name: body.name,
        description,
        force: body.force,
    };
    let change = caller.change(&manager, None);
    let app = manager
        .repository()
        .create_app(app, &change)
        .await
        .map_err(|error| refusal(error, &body.slug))?;
    manager.publish(app.id).await;

    // Whoever may make apps has a role in every app.
    let role = caller.role_in(app.id, None).ok_or_else(internal)?;
    let location = format!("/api/v1/admin/apps/{}", app.slug);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(AppBody::new(app, role)),
    ))
}

fn refusal(error: CreateAppError, slug: &str) -> Refusal {
    match error {
        CreateAppError::SlugTaken => slug_taken(slug),
        CreateAppError::SlugInHistory => slug_in_history(slug),
        CreateAppError::Store(error) => error.into(),
    }
}
