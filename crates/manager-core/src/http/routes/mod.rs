//! `/api/v1/admin/routes`, and which route would answer a request.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod explain;
pub(crate) mod list;
pub(crate) mod update;
pub(crate) mod url;
pub(crate) mod webhook;

use picloud_shared::{
    admin_host::AdminHost,
    domain::HostPattern,
    id::RouteId,
    path::{PathPattern, PathSegment, RESERVED_PATHS},
    problem::{Code, Problem},
    repository::WriteRouteError,
    route::{MethodSet, Route},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use self::webhook::WebhookBody;
use super::{
    problem::{Answer, Refusal, not_found, problem},
    validate::Violations,
};
use crate::Manager;

/// Most routes that a problem lists.
const ROUTES_IN_PROBLEM_MAX: usize = 20;

/// Which requests of an app a script answers.
#[derive(Serialize, ToSchema)]
#[schema(as = Route)]
pub(crate) struct RouteBody {
    id: Uuid,
    app_id: Uuid,
    script_id: Uuid,
    /// Only on these hosts; null for every host that the app claims.
    #[schema(required)]
    host: Option<String>,
    #[schema(example = "/users/{id}")]
    path: String,
    /// In upper case; `*` alone stands for every method.
    methods: Vec<&'static str>,
    /// How its requests are signed; null if anybody may send some.
    #[schema(required)]
    webhook: Option<WebhookBody>,
}

impl From<Route> for RouteBody {
    fn from(route: Route) -> Self {
        Self {
            id: route.id.0,
            app_id: route.app_id.0,
            script_id: route.script_id.0,
            host: route.host.map(|host| host.as_str().to_owned()),
            path: route.path.as_str().to_owned(),
            methods: route.methods.names(),
            webhook: route.webhook.map(WebhookBody::from),
        }
    }
}

/// The routes with these ids, for a problem that names them.
pub(crate) async fn named_routes(manager: &Manager, ids: &[RouteId]) -> Answer<Value> {
    let mut routes = Vec::new();
    for id in ids.iter().take(ROUTES_IN_PROBLEM_MAX) {
        // One that is gone meanwhile no longer matters.
        if let Some(route) = manager.repository().find_route(*id).await? {
            routes.push(RouteBody::from(route));
        }
    }
    Ok(serde_json::to_value(routes).unwrap_or_default())
}

/// Why a route was not written.
async fn write_refusal(manager: &Manager, error: WriteRouteError) -> Refusal {
    match error {
        WriteRouteError::Conflict(other) => {
            let other = match manager.repository().find_route(other).await {
                Ok(Some(other)) => serde_json::to_value(RouteBody::from(other)).unwrap_or_default(),
                Ok(None) => serde_json::json!({ "id": other }),
                Err(error) => return error.into(),
            };
            let detail = "The route in `conflicts_with` matches the same hosts and paths and shares a method. Change one of the two.";
            Problem::new(Code::RouteConflict, detail)
                .with("conflicts_with", other)
                .into()
        }
        WriteRouteError::HostNotClaimed => problem(
            Code::HostNotClaimed,
            "No domain of the app covers all hosts of this route. Claim the domain first, or leave `host` out.",
        ),
        WriteRouteError::NoScript => not_found("script in this app"),
        WriteRouteError::Store(error) => error.into(),
    }
}

/// Refuses a route that would never answer, as PiCloud itself does so first. `host` is the route's.
pub(crate) fn require_open(
    admin_host: &AdminHost,
    host: Option<&HostPattern>,
    path: &PathPattern,
) -> Answer<()> {
    if let Some(host) = host.filter(|host| admin_host.owns(host.as_str())) {
        return Err(problem(
            Code::ReservedPath,
            format!("PiCloud itself answers every path of {host}. Choose another host."),
        ));
    }
    if admin_host.leaves_reserved_paths_to(host) {
        return Ok(());
    }
    let Some(PathSegment::Literal(first)) = path.segments().first() else {
        return Ok(());
    };
    let reserved = RESERVED_PATHS
        .iter()
        .find(|reserved| reserved.strip_prefix('/') == Some(first));
    match reserved {
        None => Ok(()),
        Some(reserved) => Err(problem(
            Code::ReservedPath,
            format!("PiCloud itself answers {reserved} and all below it. Choose another path."),
        )),
    }
}

/// Reads a list of methods.
pub(crate) fn methods(violations: &mut Violations, names: &[String]) -> Option<MethodSet> {
    MethodSet::from_names(names)
        .map_err(|error| violations.add("methods", error))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_paths_are_recognised_in_any_spelling() {
        for (path, open) in [
            ("/api", false),
            ("/api/{*rest}", false),
            ("/%61pi/x", false),
            ("/metrics", false),
            ("/apis", true),
            ("/{x}", true),
            ("/{*rest}", true),
            ("/", true),
        ] {
            let Ok(pattern) = path.parse() else {
                panic!("{path}")
            };
            let refused = require_open(&AdminHost::default(), None, &pattern).is_err();
            assert_eq!(!refused, open, "{path}");
        }
    }
}
