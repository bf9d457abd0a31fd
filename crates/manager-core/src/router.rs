//! Every operation on one page, grouped by caller.

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::get,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Manager,
    http::{
        answer::{finish, no_such_path, to_the_end},
        api, apps, auth,
        caller::owners_only,
        domains, executions, health, pages, releases, routes, scripts, setup,
    },
};

/// Answers every request for a reserved path.
pub(crate) fn router(manager: Manager) -> Router {
    let owners = reads()
        .merge(changes().layer(from_fn(to_the_end)))
        .route_layer(from_fn_with_state(manager.clone(), owners_only));
    let (operations, _) = open().merge(owners).split_for_parts();
    operations
        .merge(for_people())
        .fallback(no_such_path)
        .layer(from_fn_with_state(manager.clone(), finish))
        .with_state(manager)
}

/// For everybody.
pub(crate) fn open() -> OpenApiRouter<Manager> {
    OpenApiRouter::new()
        .routes(routes!(health::get_healthz))
        .routes(routes!(health::get_readyz))
        .routes(routes!(health::get_version))
        .routes(routes!(api::get_openapi))
        .routes(routes!(pages::problems::get_problem_page))
        .routes(routes!(setup::set_up))
        .routes(routes!(auth::login::log_in))
}

/// For owners: what changes nothing. It may be cut off when the client goes away.
pub(crate) fn reads() -> OpenApiRouter<Manager> {
    OpenApiRouter::new()
        .routes(routes!(auth::me::get_me))
        .routes(routes!(auth::sessions::list_sessions))
        .routes(routes!(apps::list::list_apps))
        .routes(routes!(apps::slug_check::check_slug))
        .routes(routes!(apps::get::get_app))
        .routes(routes!(domains::list_domains))
        .routes(routes!(scripts::list::list_scripts))
        .routes(routes!(scripts::get::get_script))
        .routes(routes!(scripts::versions::list_script_versions))
        .routes(routes!(scripts::versions::get_script_version))
        .routes(routes!(scripts::check::check_script))
        .routes(routes!(scripts::run::run_script))
        .routes(routes!(routes::list::list_routes))
        .routes(routes!(routes::update::get_route))
        .routes(routes!(routes::explain::match_route))
        .routes(routes!(releases::list_releases))
        .routes(routes!(releases::get_release))
        .routes(routes!(executions::list::list_executions))
        .routes(routes!(executions::get::get_execution))
}

/// For owners: what changes something. It runs to its end even if the client goes away.
pub(crate) fn changes() -> OpenApiRouter<Manager> {
    OpenApiRouter::new()
        .routes(routes!(auth::logout::log_out))
        .routes(routes!(auth::sessions::delete_sessions))
        .routes(routes!(auth::sessions::delete_session))
        .routes(routes!(auth::password::change_password))
        .routes(routes!(apps::create::create_app))
        .routes(routes!(apps::update::update_app, apps::delete::delete_app))
        .routes(routes!(domains::add_domain))
        .routes(routes!(domains::remove_domain))
        .routes(routes!(scripts::create::create_script))
        .routes(routes!(
            scripts::update::update_script,
            scripts::delete::delete_script
        ))
        .routes(routes!(scripts::rollback::roll_back_script))
        .routes(routes!(scripts::resume::resume_script))
        .routes(routes!(routes::create::create_route))
        .routes(routes!(
            routes::update::update_route,
            routes::delete::delete_route
        ))
}

/// Pages that are no part of the API.
fn for_people() -> Router<Manager> {
    Router::new()
        .route("/api/v1/problems", get(pages::problems::list_problem_pages))
        .route(pages::STYLE_PATH, get(pages::get_style))
        // Nobody but the admin host gives this one to the control plane.
        .route("/", get(pages::welcome::redirect_to_dashboard))
        .route("/admin", get(pages::welcome::redirect_to_apps))
        .route("/admin/", get(pages::welcome::redirect_to_apps))
        .route("/admin/{*rest}", get(pages::welcome::get_welcome))
}
