//! Reading deliveries by their state: the indexes of states are found by what is asked.

use crate::{
    events::list::{ByState, counts, page},
    statements::statements,
};

statements! {
    LIST_DELIVERIES_WAITING = page!("deliveries d",
        "AND d.ended_at IS NULL AND d.state IN ('waiting', 'behind')");
    LIST_DELIVERIES_RUNNING = page!("deliveries d",
        "AND d.ended_at IS NULL AND d.state = 'running'");
    LIST_DELIVERIES_DEAD = page!("deliveries d", "AND d.state = 'dead'");
    LIST_DELIVERIES_CANCELLED = page!("deliveries d", "AND d.state = 'cancelled'");
    QUEUE_DEPTHS = counts!("deliveries", "deliveries");
}

pub(crate) const BY_STATE: ByState = ByState {
    waiting: LIST_DELIVERIES_WAITING,
    running: LIST_DELIVERIES_RUNNING,
    dead: LIST_DELIVERIES_DEAD,
    cancelled: LIST_DELIVERIES_CANCELLED,
    depths: QUEUE_DEPTHS,
};
