//! Events: from being published to the end of their deliveries.
//!
//! An event is stored with a delivery for each script that is to run for it, and from then on it is not lost. The pump of
//! each node claims deliveries that are due, each with a lease; runs their scripts on the serving threads, as
//! requests are; and ends them. A run that succeeds ends its delivery in the transaction of what it writes. Whoever has
//! lost the lease meanwhile commits nothing.
//!
//! Nothing polls. The pump sleeps until it is told that something was published, until a place becomes free, or until the
//! moment at which the next delivery is due; it is told when the clock was set meanwhile.
//!
//! Reading order: `fan_out` (who gets an event), `table` (publishing), `services` (what scripts emit), `changes` (what tells
//! of their writes), `pump`, `held` and `strays` (which deliveries run), `deliveries` and `deliver` (one run), `at_commit`
//! (its end if it succeeds), `decision` (if it does not), `request`, `destinations` and `failed` (what scripts are given and
//! told of).

mod at_commit;
mod changes;
mod decision;
mod deliver;
mod deliveries;
mod destinations;
mod failed;
mod fan_out;
mod held;
mod pump;
mod request;
mod services;
mod strays;
mod table;

use std::time::Duration;

pub(crate) use self::fan_out::Subscribers;
pub use self::{
    pump::{EventPump, PumpParts},
    services::EventServices,
    table::Events,
};

/// The clock is looked at this often while something will be due, where the system does not tell that it was set: so that a
/// machine that slept does not oversleep.
pub(crate) const LOOK_AT_CLOCK: Duration = Duration::from_mins(10);
