//! `/api/v1/admin/apps`.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod slug_check;
pub(crate) mod update;

use picloud_shared::{
    access::AppRole,
    app::{App, InvalidSlug, Slug},
    problem::Code,
    time::Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::problem::{Answer, Refusal, problem};

/// What isolates scripts, routes, domains and data from one another.
#[derive(Serialize, ToSchema)]
#[schema(as = App)]
pub(crate) struct AppBody {
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
}

impl AppBody {
    /// The app, as somebody with this role sees it.
    fn new(app: App, role: AppRole) -> Self {
        Self {
            id: app.id.0,
            slug: app.slug.as_str().to_owned(),
            name: app.name,
            description: app.description,
            my_role: role,
            created_at: app.created_at,
            updated_at: app.updated_at,
        }
    }
}

fn parse_slug(text: &str) -> Answer<Slug> {
    text.parse().map_err(|InvalidSlug| {
        problem(
            Code::InvalidSlug,
            format!("`{text}` is not a slug: {InvalidSlug}."),
        )
    })
}

fn slug_taken(slug: &str) -> Refusal {
    problem(
        Code::SlugTaken,
        format!("Another app has the slug `{slug}`; choose another one."),
    )
}

fn slug_in_history(slug: &str) -> Refusal {
    problem(
        Code::SlugInHistory,
        format!(
            "Another app had the slug `{slug}` before, and links with it still lead there. Choose another one, or send `force: true` to end that."
        ),
    )
}
