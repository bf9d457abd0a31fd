//! `/api/v1/admin/apps/{app}/egress`: where scripts of an app may connect to.

use axum::{Json, extract::State};
use picloud_shared::{
    access::Capability,
    egress::{ALLOW_ENTRIES_MAX, AllowEntry, AllowList},
    repository::EgressSettings,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    access::Caller,
    extract::{AppPath, JsonBody},
    problem::{Answer, not_found, problems},
    validate::Violations,
};
use crate::Manager;

/// Where scripts of an app may connect to.
#[derive(Serialize, ToSchema)]
#[schema(as = Egress)]
pub(crate) struct EgressBody {
    /// What may be connected to, and nothing else: hosts (`api.example.com`, `*.example.com`, `*`), which lead to public
    /// addresses alone, and addresses or networks (`10.1.2.3`, `10.0.0.0/8`), public or not; each with a port after a
    /// colon if it is to be that one alone. Null for every public address.
    #[schema(required, example = json!(["*.example.com", "10.1.2.3:8080"]))]
    allow: Option<Vec<String>>,
    /// When it was set; null if it never was.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
}

impl From<Option<EgressSettings>> for EgressBody {
    fn from(settings: Option<EgressSettings>) -> Self {
        let updated_at = settings.as_ref().map(|settings| settings.updated_at);
        let allow = settings.and_then(|settings| settings.allow);
        let texts = |allow: AllowList| allow.entries().iter().map(ToString::to_string).collect();
        Self {
            allow: allow.map(texts),
            updated_at,
        }
    }
}

problems!(GetEgressProblems: NotFound);

/// Get where scripts may connect to
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/egress",
    tag = "apps",
    responses((status = 200, description = "Where they may", body = EgressBody), GetEgressProblems),
)]
pub(crate) async fn get_egress(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
) -> Answer<Json<EgressBody>> {
    let settings = manager.repository().find_egress(app.id).await?;
    Ok(Json(settings.into()))
}

problems!(PutEgressProblems: NotFound);

/// Where scripts of an app may connect to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutEgress {
    /// At most 100 entries; null for every public address.
    // Not given is an error: it must not take a list away.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required, example = json!(["*.example.com", "10.1.2.3:8080"]))]
    allow: Option<Vec<String>>,
}

/// Set where scripts may connect to
///
/// It counts from their next request on. To add an entry that lets scripts reach what is not public takes an admin of the
/// instance: addresses of the network that the server is in belong to whoever runs it.
#[utoipa::path(
    put,
    path = "/api/v1/admin/apps/{app}/egress",
    tag = "apps",
    request_body = PutEgress,
    responses((status = 200, description = "Set", body = EgressBody), PutEgressProblems),
)]
pub(crate) async fn put_egress(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    JsonBody(body): JsonBody<PutEgress>,
) -> Answer<Json<EgressBody>> {
    let allow = body.allow.map(|entries| read(&entries)).transpose()?;
    let before = manager.repository().find_egress(app.id).await?;
    let before = before.and_then(|before| before.allow);
    // Looked at again by whoever writes; here it is about what a token may.
    if allow
        .as_ref()
        .is_some_and(|allow| allow.opens_more_than(before.as_ref()))
    {
        caller.permit_on_instance(Capability::EgressOpen)?;
    }
    let change = caller.change(&manager, None);
    let settings = manager.repository().put_egress(app.id, allow, &change).await?;
    let settings = settings.ok_or_else(|| not_found("app"))?;
    manager.publish_egress(app.id).await;
    // What was connected by another list may not be by this one, and the other way round.
    manager.brokers().refresh(app.id, true).await;
    Ok(Json(Some(settings).into()))
}

fn read(entries: &[String]) -> Answer<AllowList> {
    let mut violations = Violations::default();
    violations.require(
        entries.len() <= ALLOW_ENTRIES_MAX,
        "allow",
        format!("must have at most {ALLOW_ENTRIES_MAX} entries"),
    );
    let mut read: Vec<AllowEntry> = Vec::new();
    for (index, entry) in entries.iter().take(ALLOW_ENTRIES_MAX).enumerate() {
        let entry = violations.parse(&format!("allow[{index}]"), entry);
        read.extend(entry.filter(|entry| !read.contains(entry)));
    }
    violations.finish()?;
    Ok(AllowList::new(read))
}
