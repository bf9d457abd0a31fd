//! Which refusals leave a record.
//!
//! Refusals are alike if the same person, or the same network where nobody is known, is refused the same operation in
//! the same app. Of those alike within an hour the first few leave a record each, and then every one that doubles their
//! number; each record says for how many it stands, so that none is lost from the count. All refusals together leave so
//! many records a minute at most. It is all in memory and bounded; nothing ticks.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use picloud_shared::{
    id::{AppId, UserId},
    time::Timestamp,
};

/// Refusals alike that leave a record each.
const SINGLE_RECORDS: u64 = 4;
/// After so long, refusals alike are counted from the beginning.
const MEMORY: Duration = Duration::from_hours(1);
/// Records of all refusals together.
const RECORDS_PER_MINUTE_MAX: u32 = 60;
const WINDOW: Duration = Duration::from_mins(1);
/// Kinds of refusals that are told apart.
const KINDS_MAX: usize = 10_000;

/// What makes refusals alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    pub(crate) action: &'static str,
    pub(crate) who: Who,
    pub(crate) app: Option<AppId>,
}

/// Who was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    Person(UserId),
    /// Nobody knows who: an address, or a network that one household has.
    Network(IpAddr),
}

/// Counts refusals.
#[derive(Default)]
pub(crate) struct Denials(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    kinds: HashMap<Kind, Count>,
    /// Refusals of kinds that were forgotten, as far as no record stands for them.
    forgotten: u64,
    window: Option<(Timestamp, u32)>,
}

#[derive(Clone, Copy)]
struct Count {
    since: Timestamp,
    /// Since that moment.
    number: u64,
    /// For which no record stands yet.
    pending: u64,
}

impl Denials {
    /// Counts a refusal. If it is to leave a record: for how many attempts the record stands.
    pub(crate) fn admit(&self, kind: Kind, now: Timestamp) -> Option<u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.count(kind, now);
        let is_due = count.number <= SINGLE_RECORDS || count.number.is_power_of_two();
        if !is_due || !counts.has_room(now) {
            return None;
        }
        let pending = counts
            .kinds
            .get_mut(&kind)
            .map_or(1, |count| std::mem::take(&mut count.pending));
        Some(pending + std::mem::take(&mut counts.forgotten))
    }
}

impl Counts {
    fn count(&mut self, kind: Kind, now: Timestamp) -> Count {
        if self.kinds.len() >= KINDS_MAX && !self.kinds.contains_key(&kind) {
            self.forget_oldest();
        }
        let count = self.kinds.entry(kind).or_insert(Count {
            since: now,
            number: 0,
            pending: 0,
        });
        if now >= count.since.plus(MEMORY) {
            (count.since, count.number) = (now, 0);
        }
        count.number += 1;
        count.pending += 1;
        *count
    }

    /// Forgets a kind. What it has counted is told by the next record of any.
    fn forget_oldest(&mut self) {
        let oldest = self.kinds.iter().min_by_key(|(_, count)| count.since);
        if let Some((kind, count)) = oldest.map(|(kind, count)| (*kind, *count)) {
            self.kinds.remove(&kind);
            self.forgotten += count.pending;
        }
    }

    /// Whether one more record fits into this minute.
    fn has_room(&mut self, now: Timestamp) -> bool {
        let (since, records) = self
            .window
            .filter(|(since, _)| now < since.plus(WINDOW))
            .unwrap_or((now, 0));
        if records >= RECORDS_PER_MINUTE_MAX {
            return false;
        }
        self.window = Some((since, records + 1));
        true
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn from(address: u32) -> Kind {
        Kind {
            action: "log_in",
            who: Who::Network(IpAddr::V4(Ipv4Addr::from_bits(address))),
            app: None,
        }
    }

    /// The records of `attempts` a second apart.
    fn records(denials: &Denials, attempts: u64) -> Vec<u64> {
        (0..attempts)
            .filter_map(|second| denials.admit(from(1), START.plus(Duration::from_secs(second))))
            .collect()
    }

    #[test]
    fn each_doubling_leaves_a_record_and_none_is_lost_from_the_count() {
        assert_eq!(records(&Denials::default(), 100), [1, 1, 1, 1, 4, 8, 16, 32]);
        assert_eq!(records(&Denials::default(), 1_024).iter().sum::<u64>(), 1_024);
    }

    #[test]
    fn after_an_hour_the_next_one_tells_of_those_before() {
        let denials = Denials::default();
        records(&denials, 7);
        assert_eq!(denials.admit(from(1), START.plus(MEMORY)), Some(4));
    }

    #[test]
    fn others_are_counted_apart_and_all_together_have_a_rate() {
        let denials = Denials::default();
        let admitted = (0..200)
            .filter(|address| denials.admit(from(*address), START).is_some())
            .count();
        assert_eq!(admitted, 60);
        assert_eq!(denials.admit(from(199), START.plus(WINDOW)), Some(2));
    }

    #[test]
    fn what_is_forgotten_is_told_by_another() {
        let denials = Denials::default();
        let moment = |address: u32| START.plus(Duration::from_micros(address.into()));
        let kinds = u32::try_from(KINDS_MAX).unwrap_or(u32::MAX);
        for address in 0..kinds {
            denials.admit(from(address), moment(address));
        }
        // The first 60 left a record, so what they counted is told. The one after them is forgotten for the 61st of these.
        let told = (0..=60)
            .map(|address| denials.admit(from(kinds + address), moment(kinds + address).plus(WINDOW)));
        let told: Vec<Option<u64>> = told.collect();
        assert!(told[..60].iter().all(|told| *told == Some(1)), "{told:?}");
        assert_eq!(told[60], None);
        let next = denials.admit(from(0), moment(0).plus(WINDOW * 3));
        assert_eq!(
            next,
            Some(3),
            "itself, the one after the 60, and the one after it"
        );
    }
}
