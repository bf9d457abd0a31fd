//! Which leases of a node have run out.

use picloud_shared::{
    events::Held,
    id::{AppId, DeliveryId},
    repository::StoreError,
    time::Timestamp,
};
use uuid::Uuid;

use crate::{db::Db, statements::statements, value::args};

statements! {
    EXPIRED_LEASES = "SELECT app_id, id, token FROM deliveries \
        WHERE state = 'running' AND node = $1 AND lease_until <= $2";
}

/// The leases of a node that have run out.
pub(super) async fn expired(db: &Db, node: &str, now: Timestamp) -> Result<Vec<Held>, StoreError> {
    let rows: Vec<(Uuid, Uuid, i64)> = db.fetch_all(EXPIRED_LEASES, args![node, now]).await?;
    let leases = rows.into_iter().map(|(app, delivery, token)| Held {
        app_id: AppId(app),
        delivery: DeliveryId(delivery),
        token,
    });
    Ok(leases.collect())
}
