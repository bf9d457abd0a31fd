//! What is leased to this node without being held by it.
//!
//! A claim whose answer was lost, as the connection broke, may have leased something all the same. Nobody knows of it then:
//! its lease is not extended, and a node never takes back what is its own. Another node would, but there may be none.

use std::collections::HashSet;

use picloud_shared::{events::Held, repository::StoreError};

use super::{Events, held::Holdings};

/// Gives it back once its lease has run out, as if it had never been leased; tells how many there were. Only for whoever
/// claims, between two claims: then all that was leased with an answer is held, and what has ended meanwhile is left out by
/// its token. A lease that has not run out may be that of another process of the same name.
pub(super) async fn give_back(events: &Events, node: &str, held: &Holdings) -> Result<usize, StoreError> {
    let repository = events.repository();
    let now = events.clock().now();
    let leases = repository.expired_leases(node, now).await?;
    let held: HashSet<Held> = held.list().into_iter().collect();
    let strays: Vec<Held> = leases.into_iter().filter(|lease| !held.contains(lease)).collect();
    let count = strays.len();
    if count > 0 {
        repository.release(strays, now).await?;
    }
    Ok(count)
}
