//! Reading deliveries by their state: each time by the index of that state, which is named.

use crate::{
    events::list::{ByState, counts, page},
    statements::statements,
};

statements! {
    LIST_DELIVERIES_WAITING = page!("deliveries d INDEXED BY deliveries_open",
        "AND d.ended_at IS NULL AND d.state IN ('waiting', 'behind')");
    LIST_DELIVERIES_RUNNING = page!("deliveries d INDEXED BY deliveries_open",
        "AND d.ended_at IS NULL AND d.state = 'running'");
    LIST_DELIVERIES_DEAD = page!("deliveries d INDEXED BY deliveries_dead", "AND d.state = 'dead'");
    LIST_DELIVERIES_CANCELLED = page!("deliveries d INDEXED BY deliveries_cancelled", "AND d.state = 'cancelled'");
    QUEUE_DEPTHS = counts!("deliveries INDEXED BY deliveries_open", "deliveries INDEXED BY deliveries_dead");
}

pub(crate) const BY_STATE: ByState = ByState {
    waiting: LIST_DELIVERIES_WAITING,
    running: LIST_DELIVERIES_RUNNING,
    dead: LIST_DELIVERIES_DEAD,
    cancelled: LIST_DELIVERIES_CANCELLED,
    depths: QUEUE_DEPTHS,
};
