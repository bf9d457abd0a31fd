//! `/api/v1/admin/apps/{app}/usage` and `…/quotas`: how much an app keeps, and how much it may.

use axum::{Json, extract::State};
use picloud_shared::{
    quota::{AppUsage, Kept, QUOTA_MAX, Quotas},
    repository::QuotaUpdate,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    access::Caller,
    extract::{AppPath, JsonBody},
    problem::{Answer, not_found, problems},
    validate::{Violations, present},
};
use crate::Manager;

/// What an app keeps, and what it may keep.
#[derive(Serialize, ToSchema)]
#[schema(as = AppUsage)]
pub(crate) struct UsageBody {
    /// Keys and values.
    kv: KeptBody,
    /// Documents.
    docs: KeptBody,
    quotas: QuotasBody,
}

/// What is kept. What has expired counts until it is removed, which takes about a minute.
#[derive(Serialize, ToSchema)]
#[schema(as = Kept)]
pub(crate) struct KeptBody {
    /// Bytes of keys, values and documents.
    bytes: u64,
    /// How many there are.
    rows: u64,
}

/// What an app may keep, of keys, values and documents together.
#[derive(Serialize, ToSchema)]
#[schema(as = Quotas)]
pub(crate) struct QuotasBody {
    /// Bytes.
    data_bytes_max: u64,
    /// How many keys and documents.
    data_rows_max: u64,
}

impl UsageBody {
    fn new(usage: AppUsage, quotas: Quotas) -> Self {
        Self {
            kv: usage.kv.into(),
            docs: usage.docs.into(),
            quotas: quotas.into(),
        }
    }
}

impl From<Kept> for KeptBody {
    fn from(Kept { bytes, rows }: Kept) -> Self {
        Self { bytes, rows }
    }
}

impl From<Quotas> for QuotasBody {
    fn from(quotas: Quotas) -> Self {
        Self {
            data_bytes_max: quotas.data_bytes_max,
            data_rows_max: quotas.data_rows_max,
        }
    }
}

problems!(GetAppUsageProblems: NotFound);

/// Tell how much an app keeps
///
/// Exact, as of one moment: of keys and documents with their ids. What indexes of collections take is not counted.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/usage",
    tag = "apps",
    responses((status = 200, description = "What it keeps, and may keep", body = UsageBody), GetAppUsageProblems),
)]
pub(crate) async fn get_app_usage(
    State(manager): State<Manager>,
    AppPath { app, .. }: AppPath,
) -> Answer<Json<UsageBody>> {
    let found = manager.repository().app_usage(app.id).await?;
    let (usage, quotas) = found.ok_or_else(|| not_found("app"))?;
    Ok(Json(UsageBody::new(usage, quotas)))
}

problems!(UpdateQuotasProblems: NotFound);

/// Quotas to set. What is absent stays; null is the default again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateQuotas {
    /// 0 to 1,125,899,906,842,624 (1 PiB); 1,073,741,824 (1 GiB) unless set.
    #[serde(default, deserialize_with = "present")]
    #[expect(clippy::option_option, reason = "absent and null mean different things")]
    data_bytes_max: Option<Option<u64>>,
    /// 0 to 1,125,899,906,842,624; 10,000,000 unless set.
    #[serde(default, deserialize_with = "present")]
    #[expect(clippy::option_option, reason = "absent and null mean different things")]
    data_rows_max: Option<Option<u64>>,
}

/// Change how much an app may keep
///
/// From the next commit of a script on. An app that keeps more than it may can still read, and delete.
#[utoipa::path(
    patch,
    path = "/api/v1/admin/apps/{app}/quotas",
    tag = "apps",
    request_body = UpdateQuotas,
    responses((status = 200, description = "What it may keep now", body = QuotasBody), UpdateQuotasProblems),
)]
pub(crate) async fn update_quotas(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    JsonBody(body): JsonBody<UpdateQuotas>,
) -> Answer<Json<QuotasBody>> {
    let mut violations = Violations::default();
    for (field, max) in [
        ("data_bytes_max", body.data_bytes_max),
        ("data_rows_max", body.data_rows_max),
    ] {
        let fits = max.flatten().is_none_or(|max| max <= QUOTA_MAX);
        violations.require(fits, field, format!("must be 0 to {QUOTA_MAX}, or null"));
    }
    violations.finish()?;
    let update = QuotaUpdate {
        data_bytes_max: body.data_bytes_max,
        data_rows_max: body.data_rows_max,
    };
    let change = caller.change(&manager, None);
    let quotas = manager
        .repository()
        .update_quotas(app.id, update, &change)
        .await?;
    Ok(Json(quotas.ok_or_else(|| not_found("app"))?.into()))
}
