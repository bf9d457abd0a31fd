//! `POST /api/v1/admin/apps/{app}/routes:match`.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use http::Method;
use picloud_shared::{
    domain::HostKind,
    id::AppId,
    page::PageRequest,
    seam::{Explanation, Miss},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    RouteBody,
    url::{Url, split_path, split_url},
};
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, JsonBody},
        problem::{Answer, problems},
        validate::Violations,
    },
};

problems!(MatchRouteProblems: NotFound);

/// A request that might come.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MatchRoute {
    #[schema(example = "GET")]
    method: String,
    /// A whole address, or a path alone: then it is that on the first host that the app claims by its full name.
    #[schema(example = "https://ada.example.com/users/7?full=1")]
    url: String,
}

/// The way of a request through the rules of dispatch, as far as it gets.
#[derive(Serialize, ToSchema)]
#[schema(as = RouteMatch)]
pub(crate) struct RouteMatchBody {
    /// Whether a script of this app would answer.
    matched: bool,
    /// The host in the one form in which hosts are compared.
    #[schema(required)]
    host: Option<String>,
    /// The claim that the host falls under.
    #[schema(required)]
    claim: Option<ClaimBody>,
    /// The route that would answer.
    #[schema(required)]
    route: Option<RouteBody>,
    /// The parameters of host and path, decoded.
    params: BTreeMap<String, String>,
    /// The script that would run.
    #[schema(required)]
    script: Option<MatchedScript>,
    /// Why no script would run.
    #[schema(required)]
    miss: Option<MissBody>,
}

/// The claim that a host falls under.
#[derive(Serialize, ToSchema)]
#[schema(as = MatchedClaim)]
struct ClaimBody {
    pattern: String,
    app_id: Uuid,
}

/// The script that would run.
#[derive(Serialize, ToSchema)]
struct MatchedScript {
    id: Uuid,
    name: String,
    /// The live version.
    version: u32,
}

/// At which step a request would find no script, and why.
#[derive(Serialize, ToSchema)]
#[schema(as = RouteMiss)]
struct MissBody {
    /// `malformed`, `reserved`, `unknown_host`, `other_app`, `no_route`, `method_not_allowed`, `options` or
    /// `suspended`.
    #[schema(example = "no_route")]
    step: &'static str,
    /// A sentence for people.
    reason: String,
    /// For `method_not_allowed` and `options`, the methods that the path takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    allow: Option<Vec<&'static str>>,
}

/// Find the route for a request
///
/// Which claim, route, parameters and version would serve it, or at which step and why nothing would.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/routes:match",
    tag = "routes",
    request_body = MatchRoute,
    responses((status = 200, description = "What would happen", body = RouteMatchBody), MatchRouteProblems),
)]
pub(crate) async fn match_route(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    JsonBody(body): JsonBody<MatchRoute>,
) -> Answer<Json<RouteMatchBody>> {
    let mut violations = Violations::default();
    let method: Option<Method> = violations.parse("method", &body.method.to_ascii_uppercase());
    let host = if body.url.starts_with('/') {
        first_host(&manager, app.id).await?
    } else {
        None
    };
    let url = match &host {
        Some(host) => split_path(&body.url).map(|url| Url {
            authority: host,
            ..url
        }),
        None => split_url(&body.url),
    };
    violations.require(
        url.is_some(),
        "url",
        "must be a whole address, like https://example.com/path; or a path, if the app claims a host by its full name",
    );
    let (method, url) = violations.finish_with(method.zip(url))?;

    let explanation = manager
        .live()
        .explain(app.id, method.as_str(), url.authority, url.path());
    Ok(Json(describe(&manager, explanation).await?))
}

/// How many claims are looked at a time.
const CLAIMS_PER_PAGE: u32 = 200;

/// The first host that the app claims by its full name.
async fn first_host(manager: &Manager, app: AppId) -> Answer<Option<String>> {
    let mut page = PageRequest {
        limit: CLAIMS_PER_PAGE,
        after: None,
    };
    loop {
        let claims = manager.repository().list_domains(app, page).await?;
        let exact = claims
            .items
            .iter()
            .find(|claim| claim.pattern.kind() == HostKind::Exact);
        match (exact, claims.next) {
            (Some(claim), _) => return Ok(Some(claim.pattern.as_str().to_owned())),
            (None, None) => return Ok(None),
            (None, next) => page.after = next,
        }
    }
}

async fn describe(manager: &Manager, explanation: Explanation) -> Answer<RouteMatchBody> {
    let route = match explanation.route {
        Some(route) => manager.repository().find_route(route).await?,
        None => None,
    };
    let script = match explanation.script {
        Some((id, version)) => manager
            .repository()
            .find_script(id)
            .await?
            .map(|script| MatchedScript {
                id: id.0,
                name: script.name.as_str().to_owned(),
                version,
            }),
        None => None,
    };
    Ok(RouteMatchBody {
        matched: explanation.miss.is_none() && route.is_some(),
        host: explanation.host,
        claim: explanation.claim.map(|claim| ClaimBody {
            pattern: claim.pattern,
            app_id: claim.app_id.0,
        }),
        route: route.map(RouteBody::from),
        params: explanation.params.into_iter().collect(),
        script,
        miss: explanation.miss.map(miss),
    })
}

fn miss(miss: Miss) -> MissBody {
    let (step, reason, allow) = match miss {
        Miss::Malformed => (
            "malformed",
            "The host or the path is malformed: 400 `bad_request`.",
            None,
        ),
        Miss::Reserved => ("reserved", "PiCloud itself answers this path on this host.", None),
        Miss::UnknownHost => (
            "unknown_host",
            "No app claims this host: 404 `unknown_host`.",
            None,
        ),
        Miss::OtherApp => (
            "other_app",
            "Another app claims this host, so its routes decide.",
            None,
        ),
        Miss::NoRoute => (
            "no_route",
            "No route of the app has this path: 404 `no_route`.",
            None,
        ),
        Miss::MethodNotAllowed(allow) => (
            "method_not_allowed",
            "Routes have this path, but not with this method: 405 `method_not_allowed`.",
            Some(allow),
        ),
        Miss::Options(allow) => (
            "options",
            "No route takes `OPTIONS` here, so PiCloud answers it: 204, with the methods in `Allow`.",
            Some(allow),
        ),
        Miss::Suspended => (
            "suspended",
            "The script is suspended: 503 `script_suspended`. Save a new version of it, or resume it.",
            None,
        ),
    };
    MissBody {
        step,
        reason: reason.to_owned(),
        allow,
    }
}
