//! Reading deliveries, as people see them.

use bytes::Bytes;
use picloud_shared::{
    events::{
        Counts, Delivery, DeliveryDetail, DeliveryFilter, DeliveryResult, DeliveryState, OriginKind,
        QueueDepth, Topic,
    },
    id::{AppId, DeliveryId, EventId, ExecutionId, ScriptId},
    page::{Page, PageRequest},
    repository::StoreError,
    time::Timestamp,
};
use uuid::Uuid;

use super::rows::{EventRow, origin_and_terms, reason, topic};
use crate::{
    convert::{number, variant},
    db::{Db, Transaction},
    postgres, sqlite,
    statements::statements,
    value::{Value, args},
};

/// What is read of deliveries, and `$more`.
macro_rules! select {
    ($more:literal, $($rest:literal),+) => {
        select!(from "deliveries d", $more, $($rest),+)
    };
    (from $from:literal, $more:literal, $($rest:literal),+) => {
        concat!(
            "SELECT d.id, d.app_id, d.script_id, d.event_id, d.topic, d.event_key, d.place, d.origin, d.origin_id, \
             d.terms, d.bytes, d.state, d.accepted_at, d.due_at, d.node, d.attempts, d.faults, d.aborts, d.redrives, \
             d.ended_at, d.reason, d.error, d.execution_id, d.response_status",
            $more,
            " FROM ",
            $from,
            " ",
            $($rest),+
        )
    };
}
pub(crate) use select;

/// `$3` to `$5` are what is wanted: script, topic and origin.
macro_rules! page {
    ($from:literal, $state:literal) => {
        $crate::events::list::select!(
            from $from,
            "",
            "WHERE d.app_id = $1 AND d.id < $2 AND (d.script_id = $3 OR $3 IS NULL) \
             AND (CAST($4 AS TEXT) IS NULL OR d.topic = $4) AND (CAST($5 AS TEXT) IS NULL OR d.origin = $5) ",
            $state,
            " ORDER BY d.id DESC LIMIT $6"
        )
    };
}
pub(crate) use page;

/// How many have not ended and are dead; both are named with the index by which they are found, if that has to be said.
macro_rules! counts {
    ($open:literal, $dead:literal) => {
        concat!(
            "SELECT script_id, topic, \
             CAST(SUM(CASE WHEN state IN ('waiting', 'behind') THEN 1 ELSE 0 END) AS BIGINT) AS waiting, \
             CAST(SUM(CASE WHEN state = 'running' THEN 1 ELSE 0 END) AS BIGINT) AS running, \
             CAST(SUM(CASE WHEN state = 'dead' THEN 1 ELSE 0 END) AS BIGINT) AS dead, \
             CAST(SUM(CASE WHEN state = 'dead' THEN 0 ELSE bytes END) AS BIGINT) AS bytes, \
             MIN(CASE WHEN state IN ('waiting', 'behind') THEN accepted_at END) AS oldest \
             FROM (SELECT script_id, topic, state, bytes, accepted_at FROM ",
            $open,
            " WHERE app_id = $1 AND ended_at IS NULL \
             UNION ALL SELECT script_id, topic, state, bytes, accepted_at FROM ",
            $dead,
            " WHERE app_id = $1 AND state = 'dead') counted \
             GROUP BY script_id, topic ORDER BY script_id, topic"
        )
    };
}
pub(crate) use counts;

statements! {
    FIND_DELIVERY = select!("", "WHERE d.app_id = $1 AND d.id = $2");
    FIND_DELIVERY_DETAIL = select!(
        ", e.source, e.subject, e.happened_at, e.extensions, e.content_type, e.root_id, e.cause_id, e.depth, e.request, \
         e.data, r.content_type AS result_type, r.is_cut, r.body",
        "JOIN events e ON e.number = d.event \
         LEFT JOIN delivery_results r ON r.app_id = d.app_id AND r.delivery_id = d.id \
         WHERE d.app_id = $1 AND d.id = $2");
    LIST_DELIVERIES = page!("deliveries d", "");
    LIST_DELIVERIES_DONE = page!("deliveries d", "AND d.state = 'done'");
}

/// What reads deliveries by their state, but those that are done: by far the most are. Each database has statements of its
/// own, as SQLite takes the index of a state only if that is named.
pub(crate) struct ByState {
    pub(crate) waiting: &'static str,
    pub(crate) running: &'static str,
    pub(crate) dead: &'static str,
    pub(crate) cancelled: &'static str,
    pub(crate) depths: &'static str,
}

/// What is read of a delivery.
#[derive(sqlx::FromRow)]
pub(super) struct DeliveryRow {
    id: Uuid,
    app_id: Uuid,
    script_id: Uuid,
    event_id: Uuid,
    topic: Option<String>,
    event_key: Option<String>,
    place: Option<i64>,
    origin: String,
    origin_id: Option<Uuid>,
    terms: Option<String>,
    bytes: i64,
    state: String,
    accepted_at: i64,
    due_at: i64,
    node: Option<String>,
    attempts: i64,
    faults: i64,
    aborts: i64,
    redrives: i64,
    ended_at: Option<i64>,
    reason: Option<String>,
    error: Option<String>,
    execution_id: Option<Uuid>,
    response_status: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct DetailRow {
    #[sqlx(flatten)]
    delivery: DeliveryRow,
    #[sqlx(flatten)]
    event: EventRow,
    result_type: Option<String>,
    is_cut: Option<bool>,
    body: Option<Vec<u8>>,
}

#[derive(sqlx::FromRow)]
struct DepthRow {
    script_id: Uuid,
    topic: Option<String>,
    waiting: i64,
    running: i64,
    dead: i64,
    bytes: i64,
    oldest: Option<i64>,
}

pub(super) async fn list(
    db: &Db,
    app: AppId,
    filter: &DeliveryFilter,
    page: PageRequest,
) -> Result<Page<Delivery>, StoreError> {
    let of_state = by_state(db);
    let sql = match filter.state {
        None => LIST_DELIVERIES,
        Some(DeliveryState::Waiting) => of_state.waiting,
        Some(DeliveryState::Running) => of_state.running,
        Some(DeliveryState::Done) => LIST_DELIVERIES_DONE,
        Some(DeliveryState::Dead) => of_state.dead,
        Some(DeliveryState::Cancelled) => of_state.cancelled,
    };
    let mut args = args![app, page.after.unwrap_or(Uuid::max())];
    args.extend(wanted(filter));
    args.push(Value::from(u64::from(page.limit) + 1));
    let rows: Vec<DeliveryRow> = db.fetch_all(sql, args).await?;
    let deliveries = rows.into_iter().map(Delivery::try_from);
    let deliveries = deliveries.collect::<Result<_, _>>()?;
    Ok(Page::from_overfull(
        deliveries,
        page.limit,
        |delivery: &Delivery| delivery.id.0,
    ))
}

fn by_state(db: &Db) -> ByState {
    match db {
        Db::Sqlite(_) => sqlite::events::by_state::BY_STATE,
        Db::Postgres(_) => postgres::by_state::BY_STATE,
    }
}

/// What a filter says beside the state, in the order of the statements: script, topic and origin.
pub(super) fn wanted(filter: &DeliveryFilter) -> Vec<Value<'_>> {
    args![
        filter.script,
        filter.topic.as_ref().map(Topic::as_str),
        filter.origin.map(OriginKind::as_str),
    ]
}

pub(super) async fn find(
    db: &Db,
    app: AppId,
    delivery: DeliveryId,
) -> Result<Option<DeliveryDetail>, StoreError> {
    let row: Option<DetailRow> = db
        .fetch_optional(FIND_DELIVERY_DETAIL, args![app, delivery])
        .await?;
    row.map(DeliveryDetail::try_from).transpose()
}

/// A delivery as it is in a transaction.
pub(super) async fn look_at(
    transaction: &mut Transaction,
    app: AppId,
    delivery: DeliveryId,
) -> Result<Option<Delivery>, StoreError> {
    let row: Option<DeliveryRow> = transaction
        .fetch_optional(FIND_DELIVERY, args![app, delivery])
        .await?;
    row.map(Delivery::try_from).transpose()
}

pub(super) async fn depths(db: &Db, app: AppId) -> Result<Vec<QueueDepth>, StoreError> {
    let rows: Vec<DepthRow> = db.fetch_all(by_state(db).depths, args![app]).await?;
    let depths = rows.into_iter().map(|row| {
        Ok(QueueDepth {
            script_id: ScriptId(row.script_id),
            topic: topic(row.topic.as_deref())?,
            waiting: number("number of deliveries", row.waiting)?,
            running: number("number of deliveries", row.running)?,
            dead: number("number of deliveries", row.dead)?,
            bytes: number("bytes", row.bytes)?,
            oldest_accepted_at: row.oldest.map(Timestamp::from_micros),
        })
    });
    depths.collect()
}

/// The word of the database for a delivery that waits for another one of its key. People see it as one that waits.
const BEHIND: &str = "behind";

impl TryFrom<DeliveryRow> for Delivery {
    type Error = StoreError;

    fn try_from(row: DeliveryRow) -> Result<Self, StoreError> {
        let (origin, _) = origin_and_terms(&row.origin, row.origin_id, row.terms.as_deref())?;
        let state = if row.state == BEHIND {
            DeliveryState::Waiting
        } else {
            variant("state", &DeliveryState::ALL, DeliveryState::as_str, &row.state)?
        };
        let status = row
            .response_status
            .map(|status| number("response status", status));
        Ok(Self {
            id: DeliveryId(row.id),
            app_id: AppId(row.app_id),
            script_id: ScriptId(row.script_id),
            event_id: EventId(row.event_id),
            topic: topic(row.topic.as_deref())?,
            key: row.event_key,
            origin,
            ordered: row.place.is_some(),
            state,
            counts: Counts {
                attempts: number("attempts", row.attempts)?,
                faults: number("faults", row.faults)?,
                aborts: number("aborts", row.aborts)?,
            },
            redrives: number("redrives", row.redrives)?,
            accepted_at: Timestamp::from_micros(row.accepted_at),
            due_at: Timestamp::from_micros(row.due_at),
            ended_at: row.ended_at.map(Timestamp::from_micros),
            reason: reason(row.reason.as_deref())?,
            error: row.error,
            execution: row.execution_id.map(ExecutionId),
            response_status: status.transpose()?,
            node: row.node,
            bytes: number("bytes", row.bytes)?,
        })
    }
}

impl TryFrom<DetailRow> for DeliveryDetail {
    type Error = StoreError;

    fn try_from(row: DetailRow) -> Result<Self, StoreError> {
        let (_, terms) = origin_and_terms(
            &row.delivery.origin,
            row.delivery.origin_id,
            row.delivery.terms.as_deref(),
        )?;
        let delivery = Delivery::try_from(row.delivery)?;
        let result = row.body.map(|body| DeliveryResult {
            status: delivery.response_status.unwrap_or_default(),
            content_type: row.result_type,
            body: Bytes::from(body),
            is_cut: row.is_cut.unwrap_or_default(),
        });
        Ok(Self {
            event: row.event.try_into()?,
            retry: terms.retry,
            on_success: terms.on_success,
            on_failure: terms.on_failure,
            result,
            delivery,
        })
    }
}
