//! Reading what followed from one request or event.

use picloud_shared::{
    events::{Chain, ChainDelivery, Lineage},
    id::{AppId, ExecutionId},
    repository::StoreError,
    time::Timestamp,
};
use uuid::Uuid;

use super::list::{DeliveryRow, select};
use crate::{convert::number, db::Db, executions, statements::statements, value::args};

statements! {
    // The events of a chain are few, so that they lead.
    DELIVERIES_OF_CHAIN = select!(
        from "events e CROSS JOIN deliveries d",
        ", e.source, e.subject, e.happened_at, e.root_id, e.cause_id, e.depth",
        "WHERE e.root_id = $2 AND d.app_id = $1 AND d.event = e.number ORDER BY d.accepted_at, d.id LIMIT $3");
}

#[derive(sqlx::FromRow)]
struct ChainRow {
    #[sqlx(flatten)]
    delivery: DeliveryRow,
    source: String,
    subject: Option<String>,
    happened_at: i64,
    root_id: Uuid,
    cause_id: Option<Uuid>,
    depth: i64,
}

pub(super) async fn find(db: &Db, app: AppId, root: Uuid, limit: u32) -> Result<Chain, StoreError> {
    // One more tells whether there are more.
    let beyond = limit.saturating_add(1);
    let rows: Vec<ChainRow> = db
        .fetch_all(DELIVERIES_OF_CHAIN, args![app, root, beyond])
        .await?;
    let deliveries = rows.into_iter().map(ChainDelivery::try_from);
    let mut deliveries: Vec<_> = deliveries.collect::<Result<_, _>>()?;
    let mut runs = executions::list::of_chain(db, app, root, beyond).await?;
    let limit = limit as usize;
    let is_cut = deliveries.len() > limit || runs.len() > limit;
    deliveries.truncate(limit);
    runs.truncate(limit);
    Ok(Chain {
        deliveries,
        runs,
        is_cut,
    })
}

impl TryFrom<ChainRow> for ChainDelivery {
    type Error = StoreError;

    fn try_from(row: ChainRow) -> Result<Self, StoreError> {
        Ok(Self {
            delivery: row.delivery.try_into()?,
            source: row.source,
            subject: row.subject,
            time: Timestamp::from_micros(row.happened_at),
            lineage: Lineage {
                root: row.root_id,
                cause: row.cause_id.map(ExecutionId),
                depth: number("depth", row.depth)?,
            },
        })
    }
}
