//! Which leases a node has.

use picloud_shared::{
    events::Held,
    id::{AppId, DeliveryId},
    repository::StoreError,
};
use uuid::Uuid;

use crate::{db::Db, statements::statements, value::args};

statements! {
    LEASES_OF_NODE = "SELECT app_id, id, token FROM deliveries WHERE state = 'running' AND node = $1";
}

/// All leases of a node.
pub(super) async fn of_node(db: &Db, node: &str) -> Result<Vec<Held>, StoreError> {
    let rows: Vec<(Uuid, Uuid, i64)> = db.fetch_all(LEASES_OF_NODE, args![node]).await?;
    let leases = rows.into_iter().map(|(app, delivery, token)| Held {
        app_id: AppId(app),
        delivery: DeliveryId(delivery),
        token,
    });
    Ok(leases.collect())
}
