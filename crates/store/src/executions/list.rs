//! Reading records.

use std::time::Duration;

use picloud_shared::{
    execution::{DeliveryRun, Execution, ExecutionFilter, ExecutionStatus, folded},
    id::{AppId, DeliveryId, ExecutionId, ScriptId},
    invocation::Trigger,
    limits::Limits,
    outcome::Usage,
    page::{Page, PageRequest},
    repository::StoreError,
    time::Timestamp,
};
use uuid::Uuid;

use crate::{
    convert::{from_json, number, variant},
    db::Db,
    statements::statements,
    value::args,
};

/// A longer text is not looked for; SQLite bounds the length of a pattern.
const SEARCH_BYTES_MAX: usize = 16 * 1_024;

macro_rules! select {
    ($rest:literal) => {
        select!("executions e", $rest)
    };
    ($from:expr, $rest:literal) => {
        concat!(
            "SELECT e.id, e.app_id, e.script_id, e.script_name, e.version, e.trigger, e.status, e.started_at, \
             e.operations, e.duration_us, e.cpu_us, e.memory_bytes_peak, e.response_status, e.node, \
             e.delivery_id, e.attempt, e.root_id, e.events, p.request, p.logs, p.error, p.services \
             FROM ",
            $from,
            " JOIN execution_payloads p ON p.execution_id = e.id ",
            $rest
        )
    };
}

/// Newest first, from before the moment `$2` and the id `$3`. One statement for each index that can lead.
macro_rules! page {
    ($lead:literal) => {
        page!("executions e", $lead)
    };
    ($from:expr, $lead:literal) => {
        concat!(
            select!($from, "WHERE e.app_id = $1 AND (e.started_at, e.id) < ($2, $3) AND e.started_at >= $4 "),
            "AND (CAST($5 AS TEXT) IS NULL OR e.trigger = $5) AND (CAST($6 AS TEXT) IS NULL OR p.search_text LIKE $6 ESCAPE '!') ",
            $lead,
            " ORDER BY e.started_at DESC, e.id DESC LIMIT $7"
        )
    };
}

/// The runs that a request or an event began, and that request itself; with a run for several events that began in another
/// way if one of its events is among them. Few, so that they lead.
macro_rules! of_chain {
    ($root:literal) => {
        concat!(
            "(SELECT id FROM executions WHERE root_id = ",
            $root,
            " UNION SELECT id FROM executions WHERE id = ",
            $root,
            " UNION SELECT d.batch_execution_id FROM events v CROSS JOIN deliveries d \
             WHERE v.root_id = ",
            $root,
            " AND d.app_id = $1 AND d.event = v.number) AS chain CROSS JOIN executions e"
        )
    };
}

statements! {
    FIND_EXECUTION = select!("WHERE e.id = $1");
    FIND_START = "SELECT started_at FROM executions WHERE id = $1";
    LIST_OF_APP = page!("");
    LIST_OF_STATUS = page!("AND e.status = $8");
    LIST_ENDED = select!("WHERE e.app_id = $1 AND e.started_at >= $2 AND e.started_at + e.duration_us >= $3 \
        AND (e.script_id = $4 OR $4 IS NULL) AND (CAST($5 AS TEXT) IS NULL OR e.status = $5) \
        AND (CAST($6 AS TEXT) IS NULL OR e.trigger = $6) \
        AND (CAST($7 AS TEXT) IS NULL OR p.search_text LIKE $7 ESCAPE '!') \
        ORDER BY e.started_at DESC, e.id DESC LIMIT $8");
    // Few: those of one delivery, with one that was for others, too; or of one chain of causes.
    LIST_OF_DELIVERY = page!("(SELECT id FROM executions WHERE delivery_id = $8 \
        UNION SELECT batch_execution_id FROM deliveries WHERE app_id = $1 AND id = $8) \
        AS runs CROSS JOIN executions e", "AND e.id = runs.id AND (e.script_id = $9 OR $9 IS NULL) \
        AND (CAST($10 AS TEXT) IS NULL OR e.status = $10)");
    LIST_OF_ROOT = page!(of_chain!("$8"), "AND e.id = chain.id AND (e.script_id = $9 OR $9 IS NULL) \
        AND (CAST($10 AS TEXT) IS NULL OR e.status = $10)");
    RUNS_OF_CHAIN = select!(of_chain!("$2"), "WHERE e.id = chain.id AND e.app_id = $1 ORDER BY e.started_at, e.id LIMIT $3");
    LIST_OF_SCRIPT = page!("AND e.script_id = $8 AND (CAST($9 AS TEXT) IS NULL OR e.status = $9)");
}

#[derive(sqlx::FromRow)]
struct ExecutionRow {
    id: Uuid,
    app_id: Uuid,
    script_id: Uuid,
    script_name: String,
    version: i64,
    trigger: String,
    status: String,
    started_at: i64,
    operations: i64,
    duration_us: i64,
    cpu_us: i64,
    memory_bytes_peak: i64,
    response_status: i64,
    node: String,
    delivery_id: Option<Uuid>,
    attempt: Option<i64>,
    root_id: Option<Uuid>,
    events: Option<i64>,
    request: String,
    logs: String,
    error: Option<String>,
    services: String,
}

pub(super) async fn find(db: &Db, execution: ExecutionId) -> Result<Option<Execution>, StoreError> {
    let row: Option<ExecutionRow> = db.fetch_optional(FIND_EXECUTION, args![execution]).await?;
    row.map(Execution::try_from).transpose()
}

pub(super) async fn list(
    db: &Db,
    app: AppId,
    filter: &ExecutionFilter,
    page: PageRequest,
) -> Result<Page<Execution>, StoreError> {
    let nothing = Page {
        items: Vec::new(),
        next: None,
    };
    // A record is before `(until, nil)` exactly if it began before `until`: no id is less than the nil one.
    let mut before = (filter.until.map_or(i64::MAX, Timestamp::as_micros), Uuid::nil());
    if let Some(after) = page.after {
        let start: Option<(i64,)> = db.fetch_optional(FIND_START, args![after]).await?;
        // The oldest go first: if this one is gone, so are all that came after it.
        let Some((start,)) = start else {
            return Ok(nothing);
        };
        before = before.min((start, after));
    }
    let text = filter.text.as_deref().unwrap_or_default();
    if text.len() > SEARCH_BYTES_MAX {
        return Ok(nothing);
    }

    let mut args = args![
        app,
        before.0,
        before.1,
        filter.since.map_or(i64::MIN, Timestamp::as_micros),
        filter.trigger.map(Trigger::as_str),
        (!text.is_empty()).then(|| pattern(text)),
        u64::from(page.limit) + 1,
    ];
    let status = filter.status.map(ExecutionStatus::as_str);
    let of_events = filter
        .delivery
        .map(|delivery| (LIST_OF_DELIVERY, delivery.0))
        .or(filter.root.map(|root| (LIST_OF_ROOT, root)));
    let sql = match (of_events, filter.script, status) {
        (Some((sql, id)), script, status) => {
            args.extend(args![id, script, status]);
            sql
        }
        (None, Some(script), status) => {
            args.extend(args![script, status]);
            LIST_OF_SCRIPT
        }
        (None, None, Some(status)) => {
            args.extend(args![status]);
            LIST_OF_STATUS
        }
        (None, None, None) => LIST_OF_APP,
    };
    let rows: Vec<ExecutionRow> = db.fetch_all(sql, args).await?;
    let records = rows
        .into_iter()
        .map(Execution::try_from)
        .collect::<Result<_, _>>()?;
    Ok(Page::from_overfull(records, page.limit, |record: &Execution| {
        record.id.0
    }))
}

/// Records of runs that ended at or after `since`, those first that began last.
pub(super) async fn ended_since(
    db: &Db,
    app: AppId,
    filter: &ExecutionFilter,
    since: Timestamp,
    limit: u32,
) -> Result<Vec<Execution>, StoreError> {
    let text = filter.text.as_deref().unwrap_or_default();
    if text.len() > SEARCH_BYTES_MAX {
        return Ok(Vec::new());
    }
    // No run takes longer, but for what it needs to be ended.
    let longest = Duration::from_millis(2 * Limits::CAPS.timeout_ms);
    let args = args![
        app,
        since.minus(longest),
        since,
        filter.script.map(|script| script.0),
        filter.status.map(ExecutionStatus::as_str),
        filter.trigger.map(Trigger::as_str),
        (!text.is_empty()).then(|| pattern(text)),
        limit,
    ];
    let rows: Vec<ExecutionRow> = db.fetch_all(LIST_ENDED, args).await?;
    rows.into_iter().map(Execution::try_from).collect()
}

/// The run `root`, and those that followed from the run or the event of this id, the oldest first.
pub(crate) async fn of_chain(
    db: &Db,
    app: AppId,
    root: Uuid,
    limit: u32,
) -> Result<Vec<Execution>, StoreError> {
    let rows: Vec<ExecutionRow> = db.fetch_all(RUNS_OF_CHAIN, args![app, root, limit]).await?;
    rows.into_iter().map(Execution::try_from).collect()
}

/// A pattern for `text` anywhere, with what `LIKE` would read as a wildcard escaped.
fn pattern(text: &str) -> String {
    let escaped = folded(text)
        .replace('!', "!!")
        .replace('%', "!%")
        .replace('_', "!_");
    format!("%{escaped}%")
}

fn delivery(
    id: Option<Uuid>,
    attempt: Option<i64>,
    root: Option<Uuid>,
    events: Option<i64>,
) -> Result<Option<DeliveryRun>, StoreError> {
    let (Some(id), Some(attempt), Some(root)) = (id, attempt, root) else {
        return Ok(None);
    };
    Ok(Some(DeliveryRun {
        id: DeliveryId(id),
        attempt: number("attempt", attempt)?,
        root,
        // Earlier records do not say it: they were for one.
        events: number("events", events.unwrap_or(1))?,
    }))
}

impl TryFrom<ExecutionRow> for Execution {
    type Error = StoreError;

    fn try_from(row: ExecutionRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: ExecutionId(row.id),
            app_id: AppId(row.app_id),
            script_id: ScriptId(row.script_id),
            script_name: row.script_name,
            version: number("version", row.version)?,
            trigger: variant("trigger", &Trigger::ALL, Trigger::as_str, &row.trigger)?,
            status: variant(
                "status",
                &ExecutionStatus::ALL,
                ExecutionStatus::as_str,
                &row.status,
            )?,
            started_at: Timestamp::from_micros(row.started_at),
            usage: Usage {
                operations: number("operations", row.operations)?,
                duration_us: number("duration", row.duration_us)?,
                cpu_us: number("processor time", row.cpu_us)?,
                memory_bytes_peak: number("memory", row.memory_bytes_peak)?,
            },
            services: from_json("services", &row.services)?,
            request: from_json("request", &row.request)?,
            response_status: number("response status", row.response_status)?,
            logs: from_json("logs", &row.logs)?,
            error: row.error.map(|error| from_json("error", &error)).transpose()?,
            node: row.node,
            delivery: delivery(row.delivery_id, row.attempt, row.root_id, row.events)?,
        })
    }
}
