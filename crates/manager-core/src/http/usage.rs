//! `/api/v1/admin/apps/{app}/usage` and `…/quotas`: how much an app keeps and uses, and how much it may.

use axum::{Json, extract::State};
use picloud_shared::{
    calls::{CallDay, Day},
    quota::{AppUsage, Kept, QUOTA_MAX, Quotas},
    repository::QuotaUpdate,
    services::{Service, ServiceUse},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    access::Caller,
    extract::{AppPath, JsonBody},
    problem::{Answer, not_found, problems},
    scripts::run::ServiceUseBody,
    validate::{Violations, present},
};
use crate::Manager;

/// What an app keeps and uses, and what it may.
#[derive(Serialize, ToSchema)]
#[schema(as = AppUsage)]
pub(crate) struct UsageBody {
    /// Keys and values.
    kv: KeptBody,
    /// Documents.
    docs: KeptBody,
    calls: CallsBody,
    quotas: QuotasBody,
}

/// What the runs of an app used of the services, by days in UTC. A run counts about half a second after its end.
#[derive(Serialize, ToSchema)]
#[schema(as = AppCalls)]
pub(crate) struct CallsBody {
    today: CallDayBody,
    /// The days on which services were called, the last one first: those of the last 31 days, today among them.
    days: Vec<CallDayBody>,
}

/// What was used of the services on one day.
#[derive(Serialize, ToSchema)]
#[schema(as = CallDay)]
pub(crate) struct CallDayBody {
    #[schema(format = Date, example = "2026-11-29")]
    day: String,
    /// How often services were called.
    calls: u64,
    /// Bytes of values that scripts got.
    bytes_read: u64,
    /// Bytes of keys and values that scripts gave.
    bytes_written: u64,
    /// Each service that was called, by name.
    services: Vec<ServiceUseBody>,
}

impl CallsBody {
    fn new(days: Vec<CallDay>, today: Day) -> Self {
        let nothing = || CallDay {
            day: today,
            services: Vec::new(),
        };
        let of_today = days.iter().find(|of_day| of_day.day == today).cloned();
        Self {
            today: of_today.unwrap_or_else(nothing).into(),
            days: days.into_iter().map(CallDayBody::from).collect(),
        }
    }
}

impl From<CallDay> for CallDayBody {
    fn from(CallDay { day, services }: CallDay) -> Self {
        // Which service the sum is of does not matter.
        let mut sum = ServiceUse::none(Service::Kv);
        for used in &services {
            sum.add(used);
        }
        Self {
            day: day.to_string(),
            calls: sum.calls,
            bytes_read: sum.bytes_read,
            bytes_written: sum.bytes_written,
            services: ServiceUseBody::all(services),
        }
    }
}

/// What is kept. What has expired counts until it is removed, which takes about a minute.
#[derive(Serialize, ToSchema)]
#[schema(as = Kept)]
pub(crate) struct KeptBody {
    /// Bytes of keys and values, or of documents and what their indexes take.
    bytes: u64,
    /// How many there are.
    rows: u64,
}

/// What an app may keep, of keys, values and documents together, and what it may do.
#[derive(Serialize, ToSchema)]
#[schema(as = Quotas)]
#[expect(clippy::struct_field_names, reason = "a limit is named by what it bounds")]
pub(crate) struct QuotasBody {
    /// Bytes.
    data_bytes_max: u64,
    /// How many keys and documents.
    data_rows_max: u64,
    /// Calls of services on one day in UTC; null for as many as it likes.
    #[schema(required)]
    calls_per_day_max: Option<u64>,
}

impl UsageBody {
    fn new(usage: AppUsage, calls: CallsBody, quotas: Quotas) -> Self {
        Self {
            kv: usage.kv.into(),
            docs: usage.docs.into(),
            calls,
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
            calls_per_day_max: quotas.calls_per_day_max,
        }
    }
}

problems!(GetAppUsageProblems: NotFound);

/// Tell how much an app keeps and uses
///
/// What it keeps is exact, as of one moment: keys, documents with their ids, and what the indexes of collections take.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/usage",
    tag = "apps",
    responses((status = 200, description = "What it keeps and uses, and what it may", body = UsageBody), GetAppUsageProblems),
)]
pub(crate) async fn get_app_usage(
    State(manager): State<Manager>,
    AppPath { app, .. }: AppPath,
) -> Answer<Json<UsageBody>> {
    let found = manager.repository().app_usage(app.id).await?;
    let (usage, quotas) = found.ok_or_else(|| not_found("app"))?;
    let today = Day::of(manager.now());
    let days = manager.repository().app_calls(app.id, today.first_kept()).await?;
    Ok(Json(UsageBody::new(usage, CallsBody::new(days, today), quotas)))
}

problems!(UpdateQuotasProblems: NotFound);

/// Quotas to set. What is absent stays; null is the default again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "a limit is named by what it bounds")]
pub(crate) struct UpdateQuotas {
    /// 0 to 1,125,899,906,842,624 (1 PiB); 1,073,741,824 (1 GiB) unless set.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    #[expect(clippy::option_option, reason = "absent and null mean different things")]
    data_bytes_max: Option<Option<i64>>,
    /// 0 to 1,125,899,906,842,624; 10,000,000 unless set.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    #[expect(clippy::option_option, reason = "absent and null mean different things")]
    data_rows_max: Option<Option<i64>>,
    /// 0 to 1,125,899,906,842,624; no bound unless set.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    #[expect(clippy::option_option, reason = "absent and null mean different things")]
    calls_per_day_max: Option<Option<i64>>,
}

/// Change how much an app may keep and do
///
/// From the next commit, or call of a service, on. An app that keeps more than it may can still read, and delete.
#[utoipa::path(
    patch,
    path = "/api/v1/admin/apps/{app}/quotas",
    tag = "apps",
    request_body = UpdateQuotas,
    responses((status = 200, description = "What it may now", body = QuotasBody), UpdateQuotasProblems),
)]
pub(crate) async fn update_quotas(
    State(manager): State<Manager>,
    caller: Caller,
    AppPath { app, .. }: AppPath,
    JsonBody(body): JsonBody<UpdateQuotas>,
) -> Answer<Json<QuotasBody>> {
    let mut violations = Violations::default();
    let mut read = |field: &str, max: Option<i64>| {
        let fits = |max: &u64| *max <= QUOTA_MAX;
        let read = max.map(|max| u64::try_from(max).ok().filter(fits));
        let fits = read != Some(None);
        violations.require(fits, field, format!("must be 0 to {QUOTA_MAX}, or null"));
        read.flatten()
    };
    let update = QuotaUpdate {
        data_bytes_max: body.data_bytes_max.map(|max| read("data_bytes_max", max)),
        data_rows_max: body.data_rows_max.map(|max| read("data_rows_max", max)),
        calls_per_day_max: body.calls_per_day_max.map(|max| read("calls_per_day_max", max)),
    };
    violations.finish()?;
    let change = caller.change(&manager, None);
    let quotas = manager
        .repository()
        .update_quotas(app.id, update, &change)
        .await?;
    Ok(Json(quotas.ok_or_else(|| not_found("app"))?.into()))
}
