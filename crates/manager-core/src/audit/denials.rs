//! Which refusals leave a record.
//!
//! Refusals are alike if the same person, or the same network where nobody is known, is refused the same operation in
//! the same app. Of those alike within an hour the first few leave a record each, and then every one that doubles their
//! number; each record says for how many it stands. Each person and each network has so many records a minute, and all
//! together too, of which some are kept for people who are known: nobody hides what they do behind what others are
//! refused. What leaves no record of its own is counted, and [`take_rest`](Denials::take_rest) tells it. It is all in
//! memory and bounded; nothing ticks.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
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
/// How many of these are kept for people who are known.
const RECORDS_PER_MINUTE_FOR_PERSONS: u32 = 20;
/// Records of one person, or of one network.
const RECORDS_PER_MINUTE_EACH_MAX: u32 = 10;
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

/// What is to be done about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// It leaves a record, which stands for so many.
    Record(u64),
    /// It is counted. If it is the first since the last [`take_rest`](Denials::take_rest), somebody is to call that.
    Counted { is_first: bool },
}

/// Attempts for which there is no record yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rest {
    /// How many, by what was tried.
    pub(crate) attempts: BTreeMap<&'static str, u64>,
    /// By how many people, as far as that is remembered.
    pub(crate) persons: usize,
    /// From how many networks, as far as that is remembered.
    pub(crate) networks: usize,
}

/// Counts refusals.
#[derive(Default)]
pub(crate) struct Denials(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    kinds: HashMap<Kind, Count>,
    /// Refusals of kinds that were forgotten, as far as no record stands for them.
    forgotten: BTreeMap<&'static str, u64>,
    minute: Minute,
    /// Whether somebody was told to take what has no record.
    is_rest_due: bool,
}

#[derive(Clone, Copy)]
struct Count {
    since: Timestamp,
    /// Since that moment.
    number: u64,
    /// For which no record stands yet.
    pending: u64,
    /// Whether the next one leaves a record as soon as there is room for it.
    is_due: bool,
}

/// The records of one minute.
#[derive(Default)]
struct Minute {
    since: Option<Timestamp>,
    all: u32,
    of_networks: u32,
    each: HashMap<Who, u32>,
}

impl Denials {
    /// Counts a refusal, and decides whether it leaves a record.
    pub(crate) fn admit(&self, kind: Kind, now: Timestamp) -> Admitted {
        let mut counts = self.lock();
        if counts.count(kind, now)
            && counts.minute.admit(kind.who, now)
            && let Some(count) = counts.kinds.get_mut(&kind)
        {
            count.is_due = false;
            return Admitted::Record(std::mem::take(&mut count.pending));
        }
        Admitted::Counted {
            is_first: !std::mem::replace(&mut counts.is_rest_due, true),
        }
    }

    /// Counts attempts whose record could not be written. Tells whether somebody is to call [`take_rest`](Self::take_rest).
    pub(crate) fn give_back(&self, action: &'static str, attempts: u64) -> bool {
        let mut counts = self.lock();
        *counts.forgotten.entry(action).or_default() += attempts;
        !std::mem::replace(&mut counts.is_rest_due, true)
    }

    /// All attempts for which there is no record. Whoever takes them leaves one.
    pub(crate) fn take_rest(&self, now: Timestamp) -> Option<Rest> {
        let mut counts = self.lock();
        counts.is_rest_due = false;
        let mut rest = Rest {
            attempts: std::mem::take(&mut counts.forgotten),
            ..Rest::default()
        };
        let mut who = HashSet::new();
        for (kind, count) in counts.kinds.iter_mut().filter(|(_, count)| count.pending > 0) {
            *rest.attempts.entry(kind.action).or_default() += std::mem::take(&mut count.pending);
            who.insert(kind.who);
        }
        rest.persons = who.iter().filter(|who| matches!(who, Who::Person(_))).count();
        rest.networks = who.len() - rest.persons;
        counts.kinds.retain(|_, count| now < count.since.plus(MEMORY));
        (!rest.attempts.is_empty()).then_some(rest)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rest {
    pub(crate) fn sum(&self) -> u64 {
        self.attempts.values().sum()
    }
}

impl Counts {
    /// Counts one more, and tells whether it is to leave a record.
    fn count(&mut self, kind: Kind, now: Timestamp) -> bool {
        if self.kinds.len() >= KINDS_MAX && !self.kinds.contains_key(&kind) {
            self.forget_oldest();
        }
        let count = self.kinds.entry(kind).or_insert(Count {
            since: now,
            number: 0,
            pending: 0,
            is_due: false,
        });
        if now >= count.since.plus(MEMORY) {
            (count.since, count.number) = (now, 0);
        }
        count.number += 1;
        count.pending += 1;
        count.is_due |= count.number <= SINGLE_RECORDS || count.number.is_power_of_two();
        count.is_due
    }

    /// Forgets a kind, but not what it has counted.
    fn forget_oldest(&mut self) {
        let oldest = self.kinds.iter().min_by_key(|(_, count)| count.since);
        let Some(kind) = oldest.map(|(kind, _)| *kind) else {
            return;
        };
        if let Some(count) = self.kinds.remove(&kind)
            && count.pending > 0
        {
            *self.forgotten.entry(kind.action).or_default() += count.pending;
        }
    }
}

impl Minute {
    /// Whether one more record of `who` fits into this minute; then it counts.
    fn admit(&mut self, who: Who, now: Timestamp) -> bool {
        if self.since.is_none_or(|since| now >= since.plus(WINDOW)) {
            *self = Self {
                since: Some(now),
                ..Self::default()
            };
        }
        let is_network = matches!(who, Who::Network(_));
        let of_networks_max = RECORDS_PER_MINUTE_MAX - RECORDS_PER_MINUTE_FOR_PERSONS;
        let own = self.each.get(&who).copied().unwrap_or_default();
        if own >= RECORDS_PER_MINUTE_EACH_MAX
            || self.all >= RECORDS_PER_MINUTE_MAX
            || (is_network && self.of_networks >= of_networks_max)
        {
            return false;
        }
        self.each.insert(who, own + 1);
        self.all += 1;
        self.of_networks += u32::from(is_network);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
    const COUNTED: Admitted = Admitted::Counted { is_first: false };

    fn from(address: u32) -> Kind {
        Kind {
            action: "log_in",
            who: Who::Network(IpAddr::V4(Ipv4Addr::from_bits(address))),
            app: None,
        }
    }

    fn by(person: u128, action: &'static str) -> Kind {
        Kind {
            action,
            who: Who::Person(UserId(uuid::Uuid::from_u128(person))),
            app: None,
        }
    }

    /// The records of `attempts` of one kind, six seconds apart.
    fn records(denials: &Denials, attempts: u32) -> Vec<u64> {
        let admitted = (0..attempts).map(|number| denials.admit(from(1), START.plus(WINDOW / 10 * number)));
        admitted
            .filter_map(|admitted| match admitted {
                Admitted::Record(attempts) => Some(attempts),
                Admitted::Counted { .. } => None,
            })
            .collect()
    }

    #[test]
    fn each_doubling_leaves_a_record_and_none_is_lost_from_the_count() {
        let denials = Denials::default();
        assert_eq!(records(&denials, 100), [1, 1, 1, 1, 4, 8, 16, 32]);
        let rest = denials.take_rest(START.plus(WINDOW * 10)).unwrap_or_default();
        assert_eq!(rest.sum(), 36);
        assert_eq!((rest.persons, rest.networks), (0, 1));
        assert_eq!(denials.take_rest(START.plus(WINDOW * 10)), None);
    }

    #[test]
    fn after_an_hour_the_next_one_tells_of_those_before() {
        let denials = Denials::default();
        records(&denials, 7);
        assert_eq!(denials.admit(from(1), START.plus(MEMORY)), Admitted::Record(4));
    }

    #[test]
    fn one_network_takes_no_room_of_others_and_all_networks_none_of_people() {
        let denials = Denials::default();
        // One person is refused many things, of which ten leave records.
        let leaves = |kind: Kind| matches!(denials.admit(kind, START), Admitted::Record(_));
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
        let own = names.into_iter().filter(|action| leaves(by(1, action))).count();
        assert_eq!(own, 10);
        // All networks together have forty, however many they are.
        let of_networks = (0..200).filter(|address| leaves(from(*address))).count();
        assert_eq!(of_networks, 40);
        // Another person still leaves records, until all have sixty.
        let of_others = names.into_iter().filter(|action| leaves(by(2, action))).count();
        assert_eq!(of_others, 10);
        assert!(!leaves(by(3, "a")));
        // What found no room leaves its record as soon as there is some.
        assert_eq!(denials.admit(by(3, "a"), START.plus(WINDOW)), Admitted::Record(2));
        let rest = denials.take_rest(START.plus(WINDOW)).unwrap_or_default();
        assert_eq!((rest.sum(), rest.persons, rest.networks), (164, 2, 160));
    }

    #[test]
    fn the_first_that_leaves_no_record_has_the_rest_taken() {
        let denials = Denials::default();
        let admitted: Vec<Admitted> = (0..7).map(|_| denials.admit(from(1), START)).collect();
        assert_eq!(admitted[..4], [Admitted::Record(1); 4]);
        assert_eq!(
            admitted[4..],
            [Admitted::Counted { is_first: true }, COUNTED, COUNTED]
        );
        assert_eq!(denials.take_rest(START).map(|rest| rest.sum()), Some(3));
        assert_eq!(denials.admit(from(1), START), Admitted::Record(1), "the eighth");
        assert_eq!(
            denials.admit(from(1), START),
            Admitted::Counted { is_first: true }
        );
        assert!(!denials.give_back("log_in", 5));
        assert_eq!(denials.take_rest(START).map(|rest| rest.sum()), Some(6));
        assert!(denials.give_back("log_in", 5));
    }

    #[test]
    fn what_is_forgotten_is_still_counted() {
        let denials = Denials::default();
        let kinds = u32::try_from(KINDS_MAX).unwrap_or(u32::MAX);
        for address in 0..kinds + 60 {
            let moment = START.plus(Duration::from_micros(address.into()));
            denials.admit(from(address), moment);
        }
        let rest = denials.take_rest(START.plus(WINDOW)).unwrap_or_default();
        // The first forty left a record each; of those that were forgotten it is not known from where they came.
        assert_eq!(rest.sum(), u64::from(kinds) + 20);
        assert_eq!(rest.networks, KINDS_MAX);
    }
}
