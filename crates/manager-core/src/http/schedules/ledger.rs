//! `GET /api/v1/admin/apps/{app}/schedules/{schedule}/ledger`.

use axum::{Json, extract::State};
use picloud_shared::{id::ScheduleId, repository::LedgerRow, time::Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::stored;
use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, InPath, QueryParams},
        list::{List, ListQuery},
        problem::{Answer, not_found, problems},
    },
};

problems!(ListLedgerProblems: NotFound);

/// What became of one occurrence of a schedule.
#[derive(Serialize, ToSchema)]
#[schema(as = LedgerRow)]
pub(crate) struct LedgerRowBody {
    /// When it was due.
    #[schema(value_type = String, format = DateTime)]
    scheduled_at: Timestamp,
    /// If it stands for all occurrences up to a moment that were missed very long ago: that moment; else null.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// `ran`, `late`, `waiting`, `skipped`, `missed` or `expired`.
    #[schema(example = "ran")]
    state: &'static str,
    /// Why it was skipped or missed; else null.
    #[schema(required, example = "still_running")]
    reason: Option<&'static str>,
    /// What was started for it.
    #[schema(required)]
    delivery_id: Option<Uuid>,
    /// When that was decided.
    #[schema(value_type = String, format = DateTime)]
    decided_at: Timestamp,
}

impl From<LedgerRow> for LedgerRowBody {
    fn from(row: LedgerRow) -> Self {
        Self {
            scheduled_at: row.entry.scheduled_at,
            until: row.entry.until,
            state: row.entry.fate.state(),
            reason: row.entry.fate.reason(),
            delivery_id: row.delivery.map(|delivery| delivery.0),
            decided_at: row.decided_at,
        }
    }
}

/// List what became of a schedule's occurrences
///
/// The newest first. Each occurrence has one row, whatever happened; the last 10,000 are kept, for up to 90 days.
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/schedules/{schedule}/ledger",
    tag = "events",
    params(ListQuery),
    responses((status = 200, description = "A page of rows", body = List<LedgerRowBody>), ListLedgerProblems),
)]
pub(crate) async fn list_ledger(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    InPath(schedule): InPath<ScheduleId>,
    QueryParams(query): QueryParams<ListQuery>,
) -> Answer<Json<List<LedgerRowBody>>> {
    let (limit, before) = query.before()?;
    if stored(&manager).find_binding(app.id, schedule.0).await?.is_none() {
        return Err(not_found("schedule"));
    }
    let rows = manager
        .repository()
        .list_ledger(app.id, schedule, limit + 1, before)
        .await?;
    let moment = |row: &LedgerRow| row.entry.scheduled_at;
    Ok(Json(List::of_moments(rows, limit, moment, LedgerRowBody::from)))
}
