//! `POST /api/v1/admin/apps/slug:check`.

use axum::{Json, extract::State};
use picloud_shared::{
    app::{App, AppRef, InvalidSlug, Slug},
    id::AppId,
    repository::{FoundApp, SlugStatus},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{JsonBody, find_by_text},
        problem::{Answer, not_found, problems},
    },
};

problems!(CheckSlugProblems: NotFound);

/// A slug to check.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckSlug {
    /// The slug, as it was typed.
    slug: String,
    /// The app that is to have it, by id or slug, if it exists already.
    #[serde(default)]
    app: Option<String>,
}

/// What a slug is.
#[derive(Serialize, ToSchema)]
#[schema(as = SlugCheck)]
pub(crate) struct SlugCheckBody {
    slug: String,
    status: Status,
    /// The slug of the app that has or had it, if the caller may see that app.
    #[schema(required)]
    held_by: Option<String>,
    /// A sentence for people.
    #[schema(example = "`shop` is free.")]
    message: String,
}

/// What a slug is.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = SlugStatus)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// It is free.
    Available,
    /// The app itself has it.
    Current,
    /// Another app has it.
    Taken,
    /// Another app had it, and it still redirects there.
    Historical,
    /// It is not a slug.
    Invalid,
}

/// Check a slug
///
/// Changes nothing, so the answer may be outdated a moment later.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/slug:check",
    tag = "apps",
    request_body = CheckSlug,
    responses((status = 200, description = "What it is", body = SlugCheckBody), CheckSlugProblems),
)]
pub(crate) async fn check_slug(
    State(manager): State<Manager>,
    caller: Caller,
    JsonBody(body): JsonBody<CheckSlug>,
) -> Answer<Json<SlugCheckBody>> {
    let own = match &body.app {
        Some(name) => Some(visible(&manager, &caller, name).await?.id),
        None => None,
    };
    let (status, holder, message) = match body.slug.parse::<Slug>() {
        Err(InvalidSlug) => (
            Status::Invalid,
            None,
            format!("This is not a slug: {InvalidSlug}."),
        ),
        Ok(slug) => look_up(&manager, &caller, &slug, own).await?,
    };
    Ok(Json(SlugCheckBody {
        slug: body.slug,
        status,
        held_by: holder.map(|app| app.slug.as_str().to_owned()),
        message,
    }))
}

async fn look_up(
    manager: &Manager,
    caller: &Caller,
    slug: &Slug,
    own: Option<AppId>,
) -> Answer<(Status, Option<App>, String)> {
    Ok(match manager.repository().slug_status(slug).await? {
        SlugStatus::Available => (Status::Available, None, "This slug is free.".to_owned()),
        SlugStatus::Taken(app) if own == Some(app) => {
            (Status::Current, None, "The app has this slug now.".to_owned())
        }
        SlugStatus::Historical(app) if own == Some(app) => {
            let message = "The app had this slug before and can have it again.";
            (Status::Available, None, message.to_owned())
        }
        SlugStatus::Taken(app) => (
            Status::Taken,
            holder(manager, caller, app).await?,
            "Another app has this slug.".to_owned(),
        ),
        SlugStatus::Historical(app) => (
            Status::Historical,
            holder(manager, caller, app).await?,
            "Another app had this slug before, and links with it still lead there. Taking it ends that."
                .to_owned(),
        ),
    })
}

/// The app that has or had a slug, if the caller may see it.
async fn holder(manager: &Manager, caller: &Caller, app: AppId) -> Answer<Option<App>> {
    if caller.find_role(manager, app).await?.is_none() {
        return Ok(None);
    }
    let found = manager.repository().find_app(&AppRef::Id(app)).await?;
    Ok(found.map(|(FoundApp::Current(app) | FoundApp::Renamed(app))| app))
}

async fn visible(manager: &Manager, caller: &Caller, name: &str) -> Answer<App> {
    let app = find_by_text(manager, name).await?;
    match caller.find_role(manager, app.id).await? {
        Some(_) => Ok(app),
        None => Err(not_found("app")),
    }
}
