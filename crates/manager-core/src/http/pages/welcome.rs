//! `/admin`: until there is a dashboard, a page that says how to do without.

use axum::response::{Redirect, Response};

use super::page;

/// The admin host itself leads to the dashboard.
pub(crate) async fn redirect_to_dashboard() -> Redirect {
    Redirect::temporary("/admin")
}

/// `/admin` itself leads to the list of apps.
pub(crate) async fn redirect_to_apps() -> Redirect {
    Redirect::temporary("/admin/apps")
}

/// What this instance is and how to use it with `curl`.
pub(crate) async fn get_welcome() -> Response {
    page(include_str!("welcome.md"))
}
