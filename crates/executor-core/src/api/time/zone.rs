//! Time zones by name, from the database inside the program: the same on every machine, and no file is read.

use std::sync::LazyLock;

use jiff::{
    Timestamp, Zoned,
    tz::{TimeZone, TimeZoneDatabase},
};

use crate::api::argument::{Fallible, fail};

/// The name of the zone that everything is in without one.
pub(super) const UTC: &str = "UTC";

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone of that name.
pub(super) fn named(name: &str) -> Fallible<TimeZone> {
    if name == UTC {
        return Ok(TimeZone::UTC);
    }
    ZONES.get(name).map_err(|_| {
        let shown: String = name.chars().take(40).collect();
        fail(format!(
            "time: there is no zone `{shown}`; names are such as `Europe/Rome`"
        ))
    })
}

/// A moment in milliseconds, in a zone.
pub(super) fn zoned(moment: i64, zone: &str) -> Fallible<Zoned> {
    Ok(timestamp(moment)?.to_zoned(named(zone)?))
}

/// A moment in milliseconds.
pub(super) fn timestamp(moment: i64) -> Fallible<Timestamp> {
    Timestamp::from_millisecond(moment)
        .map_err(|_| fail(format!("time: {moment} is outside of the years -9999 to 9999")))
}
