//! `/api/v1/admin/apps/{app}/domains`: which hosts an app answers for.

use axum::{Json, extract::State, response::IntoResponse};
use http::{StatusCode, header};
use picloud_shared::{
    domain::{DomainClaim, HostKind, HostPattern, InvalidHostPattern},
    id::DomainId,
    problem::{Code, Problem},
    repository::{AddDomainError, RemoveDomainError},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    access::Caller,
    extract::{AppPath, InPath, JsonBody, QueryParams},
    list::{List, ListQuery},
    problem::{Answer, Refusal, not_found, problem, problems, sentence},
    routes::named_routes,
};
use crate::{Manager, claims};

/// An app's claim on hosts.
#[derive(Serialize, ToSchema)]
#[schema(as = Domain)]
pub(crate) struct DomainBody {
    id: Uuid,
    app_id: Uuid,
    /// The hosts, in lower case and without a trailing dot.
    #[schema(example = "*.example.com")]
    pattern: String,
    /// `exact`, `wildcard` or `parameterized`.
    #[schema(value_type = String, example = "wildcard")]
    kind: HostKind,
    /// Two patterns with the same key cannot both be claimed.
    shape_key: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<DomainClaim> for DomainBody {
    fn from(claim: DomainClaim) -> Self {
        Self {
            id: claim.id.0,
            app_id: claim.app_id.0,
            pattern: claim.pattern.as_str().to_owned(),
            kind: claim.pattern.kind(),
            shape_key: claim.pattern.shape_key(),
            created_at: claim.created_at,
        }
    }
}

problems!(ListDomainsProblems: NotFound);

/// List an app's domains
///
/// Oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/domains",
    tag = "domains",
    params(ListQuery),
    responses((status = 200, description = "A page of domains", body = List<DomainBody>), ListDomainsProblems),
)]
pub(crate) async fn list_domains(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<ListQuery>,
) -> Answer<Json<List<DomainBody>>> {
    let claims = manager.repository().list_domains(app.id, query.page()?).await?;
    Ok(Json(List::of(claims, DomainBody::from)))
}

problems!(AddDomainProblems: NotFound, InvalidDomain, DomainNotAllowed, DomainTaken, LoopDetected);

/// A domain to claim.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddDomain {
    /// `example.com` is that host; `*.example.com` every host below it; `{tenant}.example.com` every host one label
    /// below it, with that label as a parameter.
    #[schema(example = "{tenant}.example.com")]
    pattern: String,
}

/// Claim a domain
///
/// Any but a public suffix, such as `com` or `*.co.uk`, and the host of the dashboard.
#[utoipa::path(
    post,
    path = "/api/v1/admin/apps/{app}/domains",
    tag = "domains",
    request_body = AddDomain,
    responses((status = 201, description = "Claimed", body = DomainBody), AddDomainProblems),
)]
pub(crate) async fn add_domain(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    JsonBody(body): JsonBody<AddDomain>,
) -> Answer<impl IntoResponse> {
    let pattern = claimable(&manager, &body.pattern)?;
    let change = caller.change(&manager, None);
    let claim = DomainClaim {
        id: DomainId::new(change.at),
        app_id: app.id,
        pattern,
        created_at: change.at,
    };
    let claim = manager
        .repository()
        .add_domain(claim, &change)
        .await
        .map_err(|error| add_refusal(error, &body.pattern))?;
    manager.publish(app.id).await;

    let location = format!("/api/v1/admin/apps/{}/domains/{}", app.slug, claim.id);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(DomainBody::from(claim)),
    ))
}

/// Reads a pattern that an app may claim.
pub(crate) fn claimable(manager: &Manager, text: &str) -> Answer<HostPattern> {
    let pattern = text
        .parse()
        .map_err(|error: InvalidHostPattern| problem(Code::InvalidDomain, sentence(&error)))?;
    claims::check(&pattern, manager.admin_host())
        .map_err(|error| problem(Code::DomainNotAllowed, sentence(&error)))?;
    Ok(pattern)
}

fn add_refusal(error: AddDomainError, pattern: &str) -> Refusal {
    match error {
        AddDomainError::Taken { own: true } => problem(
            Code::DomainTaken,
            format!("This app already claims `{pattern}` or a pattern of the same shape."),
        ),
        AddDomainError::Taken { own: false } => problem(
            Code::DomainTaken,
            format!(
                "Another app claims `{pattern}` or a pattern of the same shape. Remove that claim first."
            ),
        ),
        AddDomainError::NoApp => not_found("app"),
        AddDomainError::Store(error) => error.into(),
    }
}

problems!(RemoveDomainProblems: NotFound, DomainInUse, LoopDetected);

/// Give a domain up
///
/// Not while routes name hosts that only this claim covers.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/apps/{app}/domains/{domain}",
    tag = "domains",
    responses((status = 204, description = "Given up"), RemoveDomainProblems),
)]
pub(crate) async fn remove_domain(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    InPath(domain): InPath<DomainId>,
) -> Answer<StatusCode> {
    let change = caller.change(&manager, None);
    match manager.repository().remove_domain(app.id, domain, &change).await {
        Ok(true) => {
            manager.publish(app.id).await;
            Ok(StatusCode::NO_CONTENT)
        }
        Ok(false) => Err(not_found("domain")),
        Err(RemoveDomainError::InUse(routes)) => {
            let detail =
                "Routes still name hosts under this domain. Change or delete the routes in `routes` first.";
            let routes = named_routes(&manager, &routes).await?;
            Err(Problem::new(Code::DomainInUse, detail)
                .with("routes", routes)
                .into())
        }
        Err(RemoveDomainError::Store(error)) => Err(error.into()),
    }
}
