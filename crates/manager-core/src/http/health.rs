//! `/healthz`, `/readyz` and `/version`: the state of the instance, open to everybody.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State, response::IntoResponse};
use http::{StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Manager;

/// How long the executor gets to show that it is there.
const EXECUTOR_TIMEOUT: Duration = Duration::from_secs(2);
const RETRY_AFTER_S: &str = "1";

/// That the process lives.
#[derive(Serialize, ToSchema)]
pub(crate) struct Alive {
    #[schema(example = "ok")]
    status: &'static str,
}

/// Whether the process lives
///
/// Touches nothing else: a liveness probe must not restart a healthy process because its database is away.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "instance",
    responses((status = 200, description = "It does", body = Alive)),
)]
pub(crate) async fn get_healthz() -> Json<Alive> {
    Json(Alive { status: "ok" })
}

/// The state of each part.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// `ok` if each part is.
    status: PartStatus,
    parts: Parts,
}

/// The parts that must work for requests to be served.
#[derive(Serialize, ToSchema)]
struct Parts {
    database: PartStatus,
    /// Whether every live release was loaded.
    routing_table: PartStatus,
    executor: PartStatus,
}

/// Whether a part works.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PartStatus {
    Ok,
    Unavailable,
}

impl PartStatus {
    fn of(works: bool) -> Self {
        if works { Self::Ok } else { Self::Unavailable }
    }
}

/// Whether requests can be served
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "instance",
    responses(
        (status = 200, description = "They can", body = Readiness),
        (status = 503, description = "Some part does not work", body = Readiness),
    ),
)]
pub(crate) async fn get_readyz(State(manager): State<Manager>) -> impl IntoResponse {
    let check = manager.workbench().check(Arc::from("()"), None);
    let (database, executor) = tokio::join!(
        manager.repository().ping(),
        tokio::time::timeout(EXECUTOR_TIMEOUT, check)
    );
    if let Err(error) = &database {
        tracing::warn!(error = error as &dyn std::error::Error, "not ready");
    }
    let parts = Parts {
        database: PartStatus::of(database.is_ok()),
        routing_table: PartStatus::of(manager.live().is_ready()),
        executor: PartStatus::of(executor.is_ok()),
    };
    let ready = [parts.database, parts.routing_table, parts.executor] == [PartStatus::Ok; 3];
    let body = Json(Readiness {
        status: PartStatus::of(ready),
        parts,
    });
    if ready {
        body.into_response()
    } else {
        let retry = [(header::RETRY_AFTER, RETRY_AFTER_S)];
        (StatusCode::SERVICE_UNAVAILABLE, retry, body).into_response()
    }
}

/// What runs here.
#[derive(Serialize, ToSchema)]
#[schema(as = Version)]
pub(crate) struct VersionBody {
    #[schema(example = "picloud")]
    name: &'static str,
    version: String,
    /// The commit that it was built from.
    commit: String,
    /// The version of the API.
    #[schema(example = "v1")]
    api: &'static str,
    /// The number of the newest migration of the database.
    schema: i64,
    /// `sqlite` or `postgres`.
    #[schema(example = "sqlite")]
    database: &'static str,
}

/// What runs here
#[utoipa::path(
    get,
    path = "/version",
    tag = "instance",
    responses((status = 200, description = "Program, API, schema and database", body = VersionBody)),
)]
pub(crate) async fn get_version(State(manager): State<Manager>) -> Json<VersionBody> {
    Json(VersionBody {
        name: "picloud",
        version: manager.version().to_owned(),
        commit: manager.commit().to_owned(),
        api: "v1",
        schema: manager.repository().schema(),
        database: manager.repository().database(),
    })
}
