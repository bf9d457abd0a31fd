//! `GET /api/v1/admin/apps`.

use std::time::Duration;

use axum::{Json, extract::State};
use picloud_shared::{
    access::AppRole, id::AppId, repository::ListedApp, run_stats::Activity, time::Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::AppBody;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::QueryParams,
        list::{List, ListQuery},
        problem::Answer,
    },
};

/// How far back runs are counted.
const LATELY: Duration = Duration::from_hours(24);

/// An app, with what it did lately.
#[derive(Serialize, ToSchema)]
#[schema(as = ListedApp)]
pub(crate) struct ListedAppBody {
    /// Stays the same when the app is renamed.
    id: Uuid,
    /// Its name in paths.
    slug: String,
    /// Its name for people.
    #[schema(example = "My shop")]
    name: String,
    description: String,
    /// What the caller may do in it: `viewer`, `editor` or `app_admin`.
    #[schema(value_type = String, example = "app_admin")]
    my_role: AppRole,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When anything of it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// When its last run began that is known of, to the minute at least; null if there is none.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_run_at: Option<Timestamp>,
    /// How many runs ended in the last 24 hours.
    runs_24h: u64,
    /// How many of them with an error, or beyond a limit. One that was cancelled is none.
    errors_24h: u64,
}

impl ListedAppBody {
    fn new(app: AppBody, activity: Activity) -> Self {
        Self {
            id: app.id,
            slug: app.slug,
            name: app.name,
            description: app.description,
            my_role: app.my_role,
            created_at: app.created_at,
            updated_at: app.updated_at,
            last_run_at: activity.last_run_at,
            runs_24h: activity.runs,
            errors_24h: activity.errors,
        }
    }
}

/// List apps
///
/// Those that the caller may see, oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps",
    tag = "apps",
    params(ListQuery),
    responses((status = 200, description = "A page of apps", body = List<ListedAppBody>)),
)]
pub(crate) async fn list_apps(
    State(manager): State<Manager>,
    caller: Caller,
    QueryParams(query): QueryParams<ListQuery>,
) -> Answer<Json<List<ListedAppBody>>> {
    let page = query.page()?;
    let scope = caller.scope(&manager, None).await?;
    let apps = manager
        .repository()
        .list_apps(scope, caller.user.id, page)
        .await?;
    let ids: Vec<AppId> = apps.items.iter().map(|listed| listed.app.id).collect();
    let since = manager.now().minus(LATELY);
    let activity = manager.repository().activity(&ids, since).await?;
    let body = |ListedApp { app, membership }| {
        // What is listed can be seen; the statement and the rule say the same.
        let role = caller.role_in(app.id, membership).unwrap_or(AppRole::Viewer);
        let activity = activity.get(&app.id).copied().unwrap_or_default();
        ListedAppBody::new(AppBody::new(app, role), activity)
    };
    Ok(Json(List::of(apps, body)))
}
