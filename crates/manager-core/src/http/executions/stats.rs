//! `GET /api/v1/admin/apps/{app}/executions:stats`.

use std::time::Duration;

use axum::{Json, extract::State};
use picloud_shared::{
    execution::ExecutionStatus,
    id::ScriptId,
    run_stats::{RunStats, Slots},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    Manager,
    http::{
        access::Caller,
        extract::{AppPath, QueryParams},
        problem::{Answer, problems},
        validate::Violations,
    },
};

/// Buckets unless the request says how many.
const BUCKETS_DEFAULT: u32 = 60;
/// Most buckets.
pub(crate) const BUCKETS_MAX: u32 = 240;
/// How long the numbers go back unless the request says since when.
const SPAN_DEFAULT: Duration = Duration::from_hours(24);

problems!(GetExecutionStatsProblems: NotFound);

/// Which runs.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExecutionStatsQuery {
    /// That ended at or after this moment (RFC 3339), rounded up to a whole minute; a day before `until` if absent.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// That ended before this moment (RFC 3339), rounded up to a whole minute; now if absent.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Of this script.
    script: Option<Uuid>,
    /// Into how many buckets the time is cut, at most. Each is a number of whole minutes long.
    #[param(default = 60, minimum = 1, maximum = 240)]
    buckets: Option<u32>,
}

/// Runs in numbers.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExecutionStats {
    /// When the first bucket begins.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// When the last bucket ends, which may be after what was asked for.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// How long each bucket is.
    bucket_s: i64,
    /// All buckets together.
    total: RunNumbers,
    /// Oldest first, also those without runs.
    buckets: Vec<RunNumbers>,
}

/// How many runs there were within a stretch of time, and how long they took: half of them, 95 and 99 of a hundred took
/// no longer than this; null without runs.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunNumbers {
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    start: Timestamp,
    counts: RunCounts,
    #[schema(required)]
    p50_us: Option<u64>,
    #[schema(required)]
    p95_us: Option<u64>,
    #[schema(required)]
    p99_us: Option<u64>,
}

/// How many runs ended how.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunCounts {
    #[schema(example = 1200)]
    success: u64,
    #[schema(example = 3)]
    error: u64,
    timeout: u64,
    limit_exceeded: u64,
    cancelled: u64,
}

/// Count an app's executions over time
///
/// Every run counts, also one without a record and one whose record was deleted since, in the minute in which it ended.
/// Only failures that found no room while the database was away are missing; the server's log says how many.
/// Durations are counted in bands, so `p50_us`, `p95_us` and `p99_us` are of all runs, and off by an eighth at most.
/// Numbers go back as far as records may (14 days unless configured).
#[utoipa::path(
    get,
    path = "/api/v1/admin/apps/{app}/executions:stats",
    tag = "executions",
    params(ExecutionStatsQuery),
    responses((status = 200, description = "The numbers", body = ExecutionStats), GetExecutionStatsProblems),
)]
pub(crate) async fn get_execution_stats(
    State(manager): State<Manager>,
    _: Caller,
    AppPath { app, .. }: AppPath,
    QueryParams(query): QueryParams<ExecutionStatsQuery>,
) -> Answer<Json<ExecutionStats>> {
    let until = query.until.unwrap_or_else(|| manager.now());
    let since = query.since.unwrap_or_else(|| until.minus(SPAN_DEFAULT));
    let buckets = query.buckets.unwrap_or(BUCKETS_DEFAULT);
    let mut violations = Violations::default();
    violations.require(since < until, "since", "must be before `until`");
    violations.require(
        (1..=BUCKETS_MAX).contains(&buckets),
        "buckets",
        format!("must be from 1 to {BUCKETS_MAX}"),
    );
    violations.finish()?;

    let slots = Slots::over(since, until, usize::try_from(buckets).unwrap_or(1));
    let script = query.script.map(ScriptId);
    let stats = manager.repository().run_stats(app.id, script, slots).await?;
    let mut total = RunStats::default();
    for bucket in &stats {
        total += bucket;
    }
    Ok(Json(ExecutionStats {
        since: slots.start(0),
        until: slots.start(slots.count),
        bucket_s: slots.minutes * 60,
        total: RunNumbers::new(slots.start(0), &total),
        buckets: stats
            .iter()
            .enumerate()
            .map(|(index, stats)| RunNumbers::new(slots.start(index), stats))
            .collect(),
    }))
}

impl RunNumbers {
    fn new(start: Timestamp, stats: &RunStats) -> Self {
        Self {
            start,
            counts: RunCounts {
                success: stats.count(ExecutionStatus::Success),
                error: stats.count(ExecutionStatus::Error),
                timeout: stats.count(ExecutionStatus::Timeout),
                limit_exceeded: stats.count(ExecutionStatus::LimitExceeded),
                cancelled: stats.count(ExecutionStatus::Cancelled),
            },
            p50_us: stats.durations.percentile(50),
            p95_us: stats.durations.percentile(95),
            p99_us: stats.durations.percentile(99),
        }
    }
}
